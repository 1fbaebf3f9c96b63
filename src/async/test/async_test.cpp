#include "tests/support/co_test.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest-spi.h>

#include "async/backoff.hpp"
#include "async/blocking_pool.hpp"
#include "async/manual_clock.hpp"
#include "async/mutex.hpp"
#include "async/pause.hpp"
#include "async/short_slices.hpp"
#include "async/task_scope.hpp"
#include "async/timeout.hpp"
#include "async/timer_wheel.hpp"

namespace watchbell::async {
namespace {

using namespace std::chrono_literals;

/// Lets everything that is ready run.
awaitable<void> settle(Loop& loop) {
  for (int i = 0; i < 10; ++i) co_await asio::post(loop.executor(), use_awaitable);
}

CO_TEST(TimerWheel, fires_in_order_and_never_early) {
  ManualClock clock;
  TimerWheel wheel(loop.executor(), clock, TimerWheel::Drive::manual);
  clock.attach(wheel);
  std::vector<std::pair<int, std::int64_t>> fired;
  const auto start = clock.monotonic();
  std::vector<std::unique_ptr<Timer>> timers;
  const std::vector<std::chrono::milliseconds> delays{0ms, 5ms, 10ms, 640ms, 641ms, 650ms, 41s, 3h, 50h, 366 * 24h};
  for (std::size_t i = 0; i < delays.size(); ++i) {
    timers.push_back(std::make_unique<Timer>([&, i] { fired.emplace_back(static_cast<int>(i), (clock.monotonic() - start) / 1ms); }));
    wheel.arm(*timers.back(), delays[i]);
  }
  clock.advance(1s);
  clock.advance(60s, 1s);
  clock.advance(366 * 24h + 1h, 1h);
  CO_ASSERT_EQ(fired.size(), delays.size());
  for (std::size_t i = 0; i < fired.size(); ++i) {
    EXPECT_EQ(fired[i].first, static_cast<int>(i));
    EXPECT_GE(fired[i].second, delays[i] / 1ms);
  }
  EXPECT_LE(fired[3].second, 660);
}

CO_TEST(TimerWheel, cancelled_destroyed_and_rearmed_timers_do_as_told) {
  ManualClock clock;
  TimerWheel wheel(loop.executor(), clock, TimerWheel::Drive::manual);
  clock.attach(wheel);
  int count = 0;
  Timer cancelled([&] { ++count; });
  wheel.arm(cancelled, 20ms);
  cancelled.cancel();
  {
    Timer gone([&] { ++count; });
    wheel.arm(gone, 20ms);
  }
  Timer rearmed([&] { ++count; });
  wheel.arm(rearmed, 20ms);
  wheel.arm(rearmed, 1s);
  clock.advance(500ms);
  EXPECT_EQ(count, 0);
  clock.advance(1s);
  EXPECT_EQ(count, 1);
  co_return;
}

CO_TEST(TimerWheel, a_callback_may_rearm_and_destroy) {
  ManualClock clock;
  TimerWheel wheel(loop.executor(), clock, TimerWheel::Drive::manual);
  clock.attach(wheel);
  int beats = 0;
  std::unique_ptr<Timer> self;
  self = std::make_unique<Timer>([&] {
    if (++beats < 3) wheel.arm(*self, 100ms);
    else self.reset();
  });
  wheel.arm(*self, 100ms);
  clock.advance(10s);
  EXPECT_EQ(beats, 3);
  EXPECT_EQ(self, nullptr);
  co_return;
}

CO_TEST(TimerWheel, wakes_the_loop_by_a_real_timer) {
  SystemClock clock;
  TimerWheel wheel(loop.executor(), clock);
  const auto start = clock.monotonic();
  co_await wheel.sleep(30ms);
  EXPECT_GE(clock.monotonic() - start, 30ms);
}

CO_TEST(TimerWheel, an_earlier_timer_moves_the_wake_up_forward) {
  SystemClock clock;
  TimerWheel wheel(loop.executor(), clock);
  Timer late([] {});
  wheel.arm(late, 1h);
  co_await wheel.sleep(10ms);
}

CO_TEST(WithTimeout, answers_the_value_in_time) {
  SystemClock clock;
  TimerWheel wheel(loop.executor(), clock);
  auto quick = []() -> awaitable<int> { co_return 7; };
  const auto result = co_await with_timeout(wheel, quick(), 10s);
  CO_ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, 7);
}

CO_TEST(WithTimeout, cancels_and_joins_what_is_late) {
  SystemClock clock;
  TimerWheel wheel(loop.executor(), clock);
  bool ended = false;
  auto slow = [](TimerWheel& w, bool& e) -> awaitable<void> {
    struct End {
      bool& flag;
      ~End() { flag = true; }
    } const end{e};
    co_await w.sleep(1h);
  };
  const auto result = co_await with_timeout(wheel, slow(wheel, ended), 20ms);
  EXPECT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::timeout);
  EXPECT_TRUE(ended);
}

CO_TEST(WithTimeout, rethrows_a_fault_at_once) {
  SystemClock clock;
  TimerWheel wheel(loop.executor(), clock);
  auto faulty = []() -> awaitable<int> {
    throw std::runtime_error("boom");
    co_return 0;
  };
  bool caught = false;
  try {
    co_await with_timeout(wheel, faulty(), 1h);
  } catch (const std::runtime_error&) {
    caught = true;
  }
  EXPECT_TRUE(caught);
}

CO_TEST(WithTimeout, hands_the_callers_cancellation_on) {
  SystemClock clock;
  TimerWheel wheel(loop.executor(), clock);
  bool ended = false;
  TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  auto outer = [](TimerWheel& w, bool& e) -> awaitable<void> {
    struct End {
      bool& flag;
      ~End() { flag = true; }
    } const end{e};
    co_await with_timeout(w, w.sleep(1h), 2h);
    ADD_FAILURE() << "not cancelled";
  };
  scope.spawn("outer", outer(wheel, ended));
  co_await settle(loop);
  EXPECT_FALSE(ended);
  co_await scope.stop();
  EXPECT_TRUE(ended);
}

CO_TEST(TaskScope, stop_cancels_and_joins_and_faults_are_told) {
  SystemClock clock;
  TimerWheel wheel(loop.executor(), clock);
  std::vector<std::string> faults;
  TaskScope scope(loop.executor(), [&](std::string_view name, std::exception_ptr) { faults.emplace_back(name); });
  auto sleeper = [](TimerWheel& w) -> awaitable<void> { co_await w.sleep(1h); };
  auto faulty = []() -> awaitable<void> {
    throw std::runtime_error("boom");
    co_return;
  };
  scope.spawn("sleeper", sleeper(wheel));
  scope.spawn("faulty", faulty());
  co_await settle(loop);
  EXPECT_EQ(faults, std::vector<std::string>{"faulty"});
  EXPECT_EQ(scope.size(), 1u);
  co_await scope.stop();
  EXPECT_EQ(scope.size(), 0u);
  EXPECT_EQ(faults.size(), 1u);
  scope.spawn("late", sleeper(wheel));
  EXPECT_EQ(scope.size(), 0u);
}

CO_TEST(BlockingPool, runs_elsewhere_and_comes_back) {
  BlockingPool pool({.name = "test", .threads = 1});
  const auto here = std::this_thread::get_id();
  const auto there = co_await pool.run([] { return std::this_thread::get_id(); });
  CO_ASSERT_TRUE(there.has_value());
  EXPECT_NE(*there, here);
  EXPECT_EQ(std::this_thread::get_id(), here);
  bool caught = false;
  try {
    co_await pool.run([]() -> int { throw std::runtime_error("boom"); });
  } catch (const std::runtime_error&) {
    caught = true;
  }
  EXPECT_TRUE(caught);
  const auto failed = co_await pool.run([]() -> Result<int> { return fail(ErrorCode::conflict, "no"); });
  EXPECT_EQ(failed.error().code, ErrorCode::conflict);
}

CO_TEST(BlockingPool, a_full_queue_is_unavailable) {
  std::mutex gate;
  gate.lock();
  BlockingPool pool({.name = "test", .threads = 1, .max_queued = 1});
  std::atomic<bool> started = false;
  EXPECT_TRUE(pool.post([&] {
    started = true;
    const std::lock_guard lock(gate);
  }));
  while (!started) co_await settle(loop);
  EXPECT_TRUE(pool.post([] {}));
  const auto result = co_await pool.run([] { return 1; });
  EXPECT_FALSE(result);
  if (!result) {
    EXPECT_EQ(result.error().code, ErrorCode::unavailable);
  }
  gate.unlock();
}

CO_TEST(Mutex, is_first_come_first_served) {
  Mutex mutex(loop.executor());
  std::vector<int> order;
  TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  auto task = [](Loop& l, Mutex& m, std::vector<int>& o, int id) -> awaitable<void> {
    const auto lock = co_await m.lock();
    co_await settle(l);
    o.push_back(id);
  };
  for (int i = 0; i < 4; ++i) scope.spawn("task", task(loop, mutex, order, i));
  co_await scope.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

CO_TEST(Retry, tries_so_often_and_no_more) {
  ManualClock clock;
  TimerWheel wheel(loop.executor(), clock, TimerWheel::Drive::manual);
  clock.attach(wheel);
  Random random(1);
  int calls = 0;
  TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  Result<int> result = 0;
  auto attempt = [&calls]() -> awaitable<Result<int>> {
    ++calls;
    return []() -> awaitable<Result<int>> { co_return fail(ErrorCode::unavailable, "no"); }();
  };
  auto body = [](TimerWheel& w, Random& r, decltype(attempt) a, Result<int>& out) -> awaitable<void> {
    out = co_await retry(w, r, 3, Backoff(100ms, 1s), a, [](const Error&) { return true; });
  };
  scope.spawn("retry", body(wheel, random, attempt, result));
  co_await settle(loop);
  EXPECT_EQ(calls, 1);
  clock.advance(90ms);
  co_await settle(loop);
  EXPECT_EQ(calls, 1);
  clock.advance(50ms);
  co_await settle(loop);
  EXPECT_EQ(calls, 2);
  clock.advance(300ms);
  co_await scope.join();
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(result);
}

CO_TEST(PausePoints, hold_the_nth_passage_alone) {
  PausePoints pauses(loop.executor());
  EXPECT_TRUE(pauses.arm("a.b:2"));
  EXPECT_FALSE(pauses.arm("a:x"));
  EXPECT_FALSE(pauses.arm(":1"));
  int passed = 0;
  TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  auto task = [](PausePoints& p, int& n) -> awaitable<void> {
    co_await p.at("a.b");
    ++n;
  };
  for (int i = 0; i < 3; ++i) scope.spawn("task", task(pauses, passed));
  co_await settle(loop);
  EXPECT_EQ(passed, 2);
  EXPECT_TRUE(pauses.paused("a.b"));
  pauses.release("a.b");
  co_await scope.join();
  EXPECT_EQ(passed, 3);
}

awaitable<void> assert_equal(int left, int right, int& evaluated, bool& went_on) {
  CO_ASSERT_EQ((++evaluated, left), right);
  went_on = true;
}

TEST(CoTest, an_assertion_evaluates_its_arguments_once_and_ends_the_body_when_it_fails) {
  Loop loop;
  int evaluated = 0;
  bool went_on = false;
  EXPECT_TRUE(test::run_on(loop, assert_equal(1, 1, evaluated, went_on)));
  EXPECT_EQ(evaluated, 1);
  EXPECT_TRUE(went_on);
  went_on = false;
  EXPECT_NONFATAL_FAILURE(test::run_on(loop, assert_equal(1, 2, evaluated, went_on)), "(++evaluated, left)\n    Which is: 1\n  right\n    Which is: 2");
  EXPECT_EQ(evaluated, 2);
  EXPECT_FALSE(went_on);
}

TEST(ShortSlices, a_thread_that_asks_for_them_stays_what_it_was) {
  std::thread([] {
    const int nice = ::getpriority(PRIO_PROCESS, 0);
    ask_for_short_slices();
    EXPECT_EQ(::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), nice);
    // What it starts is as everything else: a kernel that knows slices shows them here.
    std::thread([] {
      std::ifstream shown("/proc/thread-self/sched");
      std::string line;
      while (std::getline(shown, line)) EXPECT_FALSE(line.starts_with("se.slice") && line.ends_with(" 100000")) << line;
    }).join();
  }).join();
}

}  // namespace
}  // namespace watchbell::async
