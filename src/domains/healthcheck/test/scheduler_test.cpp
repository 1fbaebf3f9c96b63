#include "domains/healthcheck/scheduler.hpp"

#include <boost/asio/post.hpp>

#include "async/manual_clock.hpp"
#include "domains/healthcheck/rules.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::healthcheck {
namespace {

using namespace std::chrono_literals;

/// A scheduler whose runs last until the test says so.
struct Bench {
  explicit Bench(async::Loop& l, Scheduler::Options options = {}) : loop(l), scheduler(wheel, [this](std::string_view, std::exception_ptr) { ++faults; }, options) {
    clock.attach(wheel);
  }
  void start() {
    scheduler.start([this](std::shared_ptr<const Check> check) { return run(*this, std::move(check)); });
  }
  static awaitable<void> run(Bench& bench, std::shared_ptr<const Check> check) {
    auto& seen = bench.seen[check->key];
    ++seen.started;
    seen.starts.push_back(bench.clock.monotonic());
    seen.last = check;
    seen.most = std::max(seen.most, ++seen.now);
    struct Leave {
      Bench::Seen& seen;
      ~Leave() { --seen.now; }
    } const leave{seen};
    if (bench.throws) throw std::runtime_error("no");
    try {
      while (!bench.free && !seen.let_go) co_await bench.go.wait();
    } catch (const boost::system::system_error&) {
      ++seen.cancelled;
      throw;
    }
    ++seen.ended;
  }
  void release() {
    free = true;
    go.notify_all();
  }
  Check check(std::chrono::seconds interval = 60s) {
    auto configuration = std::make_shared<Configuration>();
    configuration->id = ConfigurationId::make(clock.now());
    configuration->interval_seconds = interval.count();
    return {.key = {SystemId::make(clock.now()), configuration->id}, .association_id = AssociationId::make(clock.now()), .configuration = configuration};
  }
  static Check changed(const Check& check, std::chrono::seconds interval) {
    auto configuration = std::make_shared<Configuration>(*check.configuration);
    configuration->interval_seconds = interval.count();
    ++configuration->revision;
    return {.key = check.key, .association_id = check.association_id, .configuration = configuration};
  }
  template <class Predicate>
  awaitable<void> until(Predicate done) {
    while (!done()) co_await asio::post(loop.executor(), use_awaitable);
  }
  /// Lets everything run that can.
  awaitable<void> settle() {
    for (int i = 0; i < 20; ++i) co_await asio::post(loop.executor(), use_awaitable);
  }
  /// Moves time on in steps small enough for every run to end before the next tick.
  awaitable<void> pass(std::chrono::milliseconds by) {
    for (auto left = by; left > 0ms; left -= std::min<std::chrono::milliseconds>(left, 100ms)) {
      clock.advance(std::min<std::chrono::milliseconds>(left, 100ms));
      co_await settle();
    }
  }

  struct Seen {
    int started = 0, ended = 0, cancelled = 0, now = 0, most = 0;
    bool let_go = false;
    std::vector<Monotonic> starts;
    std::shared_ptr<const Check> last;
  };
  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel{loop.executor(), clock, async::TimerWheel::Drive::manual};
  async::Event go{loop.executor()};
  std::map<CheckKey, Seen> seen;
  bool free = true;
  bool throws = false;
  int faults = 0;
  Scheduler scheduler;
};

CO_TEST(Scheduler, HC_12_runs_at_once_after_a_change_and_then_in_its_cadence) {
  Bench b(loop);
  b.start();
  const auto check = b.check(10s);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  auto& seen = b.seen[check.key];
  CO_ASSERT_EQ(seen.started, 1);
  co_await b.pass(10s + 50ms);
  CO_ASSERT_EQ(seen.started, 2);
  co_await b.pass(100s);
  CO_ASSERT_EQ(seen.started, 12);
  // The second run comes at most half an interval early; from there on nothing drifts.
  EXPECT_GE(seen.starts[1] - seen.starts[0], 5s);
  for (std::size_t i = 2; i < seen.starts.size(); ++i) {
    const auto drift = seen.starts[i] - (seen.starts[1] + static_cast<int>(i - 1) * 10s);
    EXPECT_LE(std::chrono::abs(drift), 20ms);
  }
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, HC_12_at_boot_checks_are_spread_by_their_jitter) {
  Bench b(loop);
  std::vector<Check> checks;
  for (int i = 0; i < 50; ++i) {
    checks.push_back(b.check(60s));
    b.scheduler.put(checks.back(), Scheduler::First::jittered);
  }
  const auto begun = b.clock.monotonic();
  b.start();
  co_await b.settle();
  co_await b.pass(91s);
  for (const auto& check : checks) {
    const auto& seen = b.seen[check.key];
    const auto jitter = rules::jitter(check.key, 60s);
    CO_ASSERT_TRUE(seen.started >= 1);
    EXPECT_LE(std::chrono::abs(seen.starts[0] - (begun + jitter)), 25ms);
    if (seen.started > 1) {
      EXPECT_LE(std::chrono::abs(seen.starts[1] - (begun + jitter + 60s)), 25ms);
    }
  }
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, HC_12_a_check_never_runs_twice_at_a_time) {
  Bench b(loop);
  b.start();
  b.free = false;
  const auto check = b.check(1s);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.pass(5s);
  auto& seen = b.seen[check.key];
  EXPECT_EQ(seen.started, 1);
  EXPECT_GE(b.scheduler.passed_ticks(), 4u);
  b.release();
  co_await b.settle();
  EXPECT_EQ(seen.ended, 1);
  co_await b.pass(1s);
  EXPECT_EQ(seen.started, 2);
  EXPECT_EQ(seen.most, 1);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, HC_12_a_changed_interval_takes_effect_at_once) {
  Bench b(loop);
  b.start();
  const auto check = b.check(3600s);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  b.scheduler.put(Bench::changed(check, 1s), Scheduler::First::at_once);
  co_await b.settle();
  auto& seen = b.seen[check.key];
  EXPECT_EQ(seen.started, 2);
  co_await b.pass(5s);
  EXPECT_GE(seen.started, 6);
  // The same again is no change: neither a run nor a new cadence.
  const int before = seen.started;
  b.scheduler.put(Bench::changed(check, 1s), Scheduler::First::at_once);
  co_await b.settle();
  EXPECT_EQ(seen.started, before);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, HC_12_a_change_cancels_the_running_probe_and_waits_for_its_end) {
  Bench b(loop);
  b.start();
  b.free = false;
  const auto check = b.check(60s);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  const auto next = Bench::changed(check, 30s);
  b.scheduler.put(next, Scheduler::First::at_once);
  co_await b.settle();
  auto& seen = b.seen[check.key];
  EXPECT_EQ(seen.cancelled, 1);
  EXPECT_EQ(seen.started, 2);
  EXPECT_EQ(seen.most, 1);
  EXPECT_EQ(seen.last->configuration->interval_seconds, 30);
  co_await b.scheduler.stop();
  EXPECT_EQ(seen.cancelled, 2);
  EXPECT_EQ(b.faults, 0);
}

CO_TEST(Scheduler, HC_12_removal_cancels_and_ends_the_cadence) {
  Bench b(loop);
  b.start();
  b.free = false;
  const auto check = b.check(1s);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  b.scheduler.remove(check.key);
  co_await b.settle();
  EXPECT_EQ(b.seen[check.key].cancelled, 1);
  EXPECT_FALSE(b.scheduler.contains(check.key));
  co_await b.pass(3s);
  EXPECT_EQ(b.seen[check.key].started, 1);
  EXPECT_EQ(b.scheduler.size(), 0u);
  // Put back while the old one still runs, it waits for it.
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  b.scheduler.remove(check.key);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  EXPECT_EQ(b.seen[check.key].most, 1);
  EXPECT_EQ(b.seen[check.key].started, 3);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, HC_12_replace_makes_a_configurations_checks_what_they_are_now) {
  Bench b(loop);
  b.start();
  const auto one = b.check();
  auto two = b.check();
  two.configuration = one.configuration;
  two.key.configuration_id = one.key.configuration_id;
  const auto other = b.check();
  for (const auto& check : {one, two, other}) b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  b.scheduler.replace(one.key.configuration_id, std::vector{Bench::changed(two, 5s)});
  co_await b.settle();
  EXPECT_FALSE(b.scheduler.contains(one.key));
  EXPECT_EQ(b.seen[two.key].started, 2);
  EXPECT_EQ(b.seen[other.key].started, 1);
  b.scheduler.remove_system(other.key.system_id);
  EXPECT_EQ(b.scheduler.size(), 1u);
  b.scheduler.replace(one.key.configuration_id, {});
  EXPECT_EQ(b.scheduler.size(), 0u);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, HC_12_no_more_run_at_a_time_than_the_bound) {
  Bench b(loop, {.concurrency = 3});
  b.start();
  b.free = false;
  std::vector<Check> checks;
  for (int i = 0; i < 10; ++i) {
    checks.push_back(b.check());
    b.scheduler.put(checks.back(), Scheduler::First::at_once);
  }
  co_await b.settle();
  EXPECT_EQ(b.scheduler.running(), 3u);
  EXPECT_EQ(b.scheduler.waiting(), 7u);
  // First come, first served; one that was removed gives up its place.
  b.scheduler.remove(checks[3].key);
  b.seen[checks[0].key].let_go = true;
  b.go.notify_all();
  co_await b.settle();
  EXPECT_EQ(b.scheduler.running(), 3u);
  EXPECT_EQ(b.seen[checks[3].key].started, 0);
  EXPECT_EQ(b.seen[checks[4].key].started, 1);
  b.release();
  co_await b.settle();
  EXPECT_EQ(b.scheduler.running(), 0u);
  for (const auto& check : checks)
    if (check.key != checks[3].key) {
      EXPECT_EQ(b.seen[check.key].ended, 1);
    }
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, Q_11_what_ran_elsewhere_goes_on_in_its_cadence) {
  Bench b(loop);
  b.start();
  const auto due = b.check(10s);
  const auto late = b.check(10s);
  const auto very_late = b.check(10s);
  const auto begun = b.clock.monotonic();
  b.scheduler.take_up(due, 4s);
  b.scheduler.take_up(late, -3s);
  b.scheduler.take_up(very_late, -23s);
  co_await b.settle();
  EXPECT_EQ(b.seen[due.key].started, 0);
  EXPECT_EQ(b.seen[late.key].started, 1);
  EXPECT_EQ(b.seen[very_late.key].started, 1);
  co_await b.pass(25s);
  const auto after = [&](const Check& check, std::size_t run) { return std::chrono::round<std::chrono::seconds>(b.seen[check.key].starts.at(run) - begun); };
  EXPECT_EQ(after(due, 0), 4s);
  EXPECT_EQ(after(due, 1), 14s);
  EXPECT_EQ(after(late, 1), 7s);
  EXPECT_EQ(after(late, 2), 17s);
  EXPECT_EQ(after(very_late, 1), 7s);
  // The same again is no change of its cadence.
  b.scheduler.take_up(due, 0s);
  co_await b.settle();
  EXPECT_EQ(b.seen[due.key].started, 3);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, what_is_let_go_begins_no_more_and_what_runs_of_it_runs_on) {
  Bench b(loop, {.concurrency = 1});
  b.start();
  b.free = false;
  const auto runs = b.check(1s), waits = b.check(1s), stays = b.check(1s);
  for (const auto& check : {runs, waits, stays}) b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  const auto theirs = [&](const CheckKey& key) { return key != stays.key; };
  b.scheduler.let_go(theirs);
  EXPECT_FALSE(b.scheduler.contains(runs.key));
  EXPECT_EQ(b.scheduler.size(), 1u);
  bool ended = false;
  asio::co_spawn(loop.executor(), b.scheduler.ended(theirs), [&](std::exception_ptr) { ended = true; });
  co_await b.pass(3s);
  EXPECT_FALSE(ended);
  EXPECT_EQ(b.seen[runs.key].cancelled, 0);
  b.release();
  co_await b.settle();
  EXPECT_TRUE(ended);
  EXPECT_EQ(b.seen[runs.key].ended, 1);
  co_await b.pass(3s);
  EXPECT_EQ(b.seen[runs.key].started, 1);
  EXPECT_EQ(b.seen[waits.key].started, 0);
  EXPECT_GE(b.seen[stays.key].started, 2);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, what_is_due_while_nothing_may_begin_waits_and_what_is_put_back_then_does_not) {
  bool may = true;
  Bench b(loop, {.may_begin = [&] { return may; }});
  b.start();
  const auto waits = b.check(10s), removed = b.check(10s);
  b.scheduler.take_up(waits, 1s);
  b.scheduler.take_up(removed, 1s);
  may = false;
  co_await b.pass(35s);
  EXPECT_EQ(b.seen[waits.key].started, 0);
  EXPECT_EQ(b.scheduler.waiting(), 2u);
  // Another process ran it meanwhile: it is not due.
  b.scheduler.remove(removed.key);
  b.scheduler.take_up(removed, 8s);
  may = true;
  b.scheduler.go_on();
  co_await b.settle();
  EXPECT_EQ(b.seen[waits.key].started, 1) << "once, whatever has passed";
  EXPECT_EQ(b.seen[removed.key].started, 0);
  co_await b.pass(9s);
  EXPECT_EQ(b.seen[removed.key].started, 1);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, a_run_that_throws_is_told_and_the_next_one_comes) {
  Bench b(loop);
  b.start();
  b.throws = true;
  const auto check = b.check(1s);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.pass(2s);
  EXPECT_GE(b.faults, 2);
  EXPECT_EQ(b.scheduler.running(), 0u);
  co_await b.scheduler.stop();
}

CO_TEST(Scheduler, a_held_loop_passes_ticks_and_keeps_the_cadence) {
  Bench b(loop);
  b.start();
  const auto check = b.check(10s);
  b.scheduler.put(check, Scheduler::First::at_once);
  co_await b.settle();
  auto& seen = b.seen[check.key];
  co_await b.pass(10s + 50ms);
  CO_ASSERT_EQ(seen.started, 2);
  // Three intervals in one leap are one run.
  b.clock.advance(35s, 35s);
  co_await b.settle();
  EXPECT_EQ(seen.started, 3);
  // Where in the interval the cadence stands depends on the check's id.
  while (seen.started < 4) co_await b.pass(10ms);
  const auto phase = (seen.starts[3] - seen.starts[1]) % 10s;
  EXPECT_TRUE(phase <= 20ms || phase >= 10s - 20ms);
  co_await b.scheduler.stop();
}

}  // namespace
}  // namespace watchbell::healthcheck
