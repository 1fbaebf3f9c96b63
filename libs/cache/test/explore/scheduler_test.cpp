// The explorer finds what it is told to look for, in programs whose faults are known.
#include "explorer.hpp"

#include <watchbell_explore/sync.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace watchbell::cache::explore {
namespace {

/// Two tasks that raise a number: by one step, by two, or by two under a lock.
enum class Way { one_step, two_steps, locked };

class Raisers final : public World {
 public:
  explicit Raisers(Way way) : way_(way) {
    if (way != Way::locked) register_unguarded(&number_, "number");
  }

  std::vector<Task> tasks() override {
    return {{"first", [this] { raise(); }}, {"second", [this] { raise(); }}};
  }
  void at_end() override {
    if (number_.load() != 2) fail("a raise was lost");
  }

 private:
  void raise() {
    switch (way_) {
      case Way::one_step: static_cast<void>(number_.fetch_add(1)); break;
      case Way::two_steps: number_.store(number_.load() + 1); break;
      case Way::locked: {
        const std::lock_guard lock(mutex_);
        number_.store(number_.load() + 1);
      }
    }
  }

  const Way way_;
  detail::Atomic<std::uint64_t> number_{0};
  detail::Mutex mutex_;
};

Scenario raisers(Way way) { return {"raisers", "", [way] { return std::make_unique<Raisers>(way); }}; }

TEST(Scheduler, finds_a_lost_update_with_one_preemption_and_not_with_none) {
  EXPECT_FALSE(exhaust(raisers(Way::two_steps), 0).found);
  EXPECT_TRUE(exhaust(raisers(Way::two_steps), 1).found);
  EXPECT_TRUE(random_walks(raisers(Way::two_steps), 1, 100).found);
}

TEST(Scheduler, finds_nothing_where_there_is_nothing) {
  EXPECT_FALSE(exhaust(raisers(Way::one_step), 5).found);
  EXPECT_FALSE(exhaust(raisers(Way::locked), 5).found);
  EXPECT_FALSE(random_walks(raisers(Way::locked), 1, 300).found);
}

TEST(Scheduler, runs_every_schedule_once) {
  // Two tasks of two steps each, the start included: 6 ways to merge them, of which 2 without a preemption.
  EXPECT_EQ(exhaust(raisers(Way::one_step), 0).schedules, 2u);
  EXPECT_EQ(exhaust(raisers(Way::one_step), 9).schedules, 6u);
}

TEST(Scheduler, replays_a_failure_from_its_text_and_makes_it_shorter) {
  const Scenario scenario = raisers(Way::two_steps);
  const Tally tally = random_walks(scenario, 1, 100);
  ASSERT_TRUE(tally.found);
  const Found least = minimised(scenario, *tally.found);
  EXPECT_LE(least.schedule.size(), tally.found->schedule.size());
  EXPECT_LE(least.schedule.size(), 2u);
  const std::string text = text_of(scenario, least.schedule);
  const auto read = schedule_of(std::string_view(text).substr(text.find(':') + 1));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, least.schedule);
  const auto once = replay(scenario, *read, true);
  const auto again = replay(scenario, *read, true);
  EXPECT_EQ(once.failure, "at the end: a raise was lost");
  EXPECT_EQ(once.trace, again.trace);
}

TEST(Scheduler, reads_only_schedules) {
  for (const char* text : {"1", "1=", "=1", "1=2;3=4", "a=1", "1=2 "}) EXPECT_FALSE(schedule_of(text)) << text;
  EXPECT_EQ(schedule_of(""), Schedule{});
}

class Crossed final : public World {
 public:
  std::vector<Task> tasks() override {
    return {{"first", [this] { lock_both(a_, b_); }}, {"second", [this] { lock_both(b_, a_); }}};
  }

 private:
  static void lock_both(detail::Mutex& one, detail::Mutex& other) {
    const std::lock_guard first(one);
    const std::lock_guard second(other);
  }
  detail::Mutex a_;
  detail::Mutex b_;
};

TEST(Scheduler, finds_a_deadlock) {
  const Scenario scenario{"crossed", "", [] { return std::make_unique<Crossed>(); }};
  const Tally tally = exhaust(scenario, 1);
  ASSERT_TRUE(tally.found);
  EXPECT_NE(tally.found->failure.find("deadlock"), std::string::npos);
}

class Waiting final : public World {
 public:
  std::vector<Task> tasks() override {
    return {{"waiter", [this] { in_time_ = signal_.wait_until(0); }}, {"setter", [this] { signal_.set(); }}};
  }
  void at_end() override {
    if (!in_time_) fail("the time came first");
  }

 private:
  detail::Signal signal_;
  bool in_time_ = false;
};

TEST(Scheduler, lets_time_come_first_only_where_it_may) {
  Scenario scenario{"waiting", "", [] { return std::make_unique<Waiting>(); }};
  EXPECT_FALSE(exhaust(scenario, 3).found);
  scenario.time_may_pass = true;
  EXPECT_FALSE(exhaust(scenario, 0).found);
  EXPECT_TRUE(exhaust(scenario, 1).found);
}

/// Both are inside of a handler at once; each must get its own exception back.
class Throwing final : public World {
 public:
  std::vector<Task> tasks() override {
    return {{"first", [this] { catches(1); }}, {"second", [this] { catches(2); }}};
  }

 private:
  void catches(int number) {
    try {
      throw number;
    } catch (...) {
      point("inside of the handler");
      point("and once more");
      try {
        throw;
      } catch (int mine) {
        if (mine != number) fail("got another task's exception");
      }
    }
  }
};

TEST(Scheduler, keeps_the_exceptions_of_tasks_apart) {
  const Scenario scenario{"throwing", "", [] { return std::make_unique<Throwing>(); }};
  const Tally tally = exhaust(scenario, 4);
  EXPECT_FALSE(tally.found) << tally.found->failure;
  EXPECT_EQ(tally.schedules, 20u);  // three steps each
}

}  // namespace
}  // namespace watchbell::cache::explore
