#include "tests/support/co_test.hpp"

#include <array>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/manual_clock.hpp"
#include "platform/log/log.hpp"
#include "runtime/probes/readiness.hpp"

namespace watchbell::probes {
namespace {

using namespace std::chrono_literals;
using Weight = Readiness::Weight;

/// A dependency whose probe does as the test says.
struct Dependency {
  enum class Mood { ok, refuses, throws, hangs, hangs_for_good };
  explicit Dependency(async::TimerWheel& w) : wheel(w), released(w.executor()) {}

  awaitable<ProbeResult> probe() {
    ++runs;
    switch (mood) {
      case Mood::ok: break;
      case Mood::refuses: co_return ProbeResult{.ok = false, .message = "no answer"};
      case Mood::throws: throw std::runtime_error("password=hunter2 refused by 10.0.0.7");
      case Mood::hangs: co_await wheel.sleep(1h); break;
      case Mood::hangs_for_good:
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await released.wait();
        break;
    }
    co_return ProbeResult{.ok = true, .message = "fine"};
  }
  Readiness::Probe as_probe() {
    return [this] { return probe(); };
  }

  async::TimerWheel& wheel;
  async::Event released;
  Mood mood = Mood::ok;
  int runs = 0;
};
using Mood = Dependency::Mood;

struct Fixture {
  explicit Fixture(async::Loop& l) : loop(l) { clock.attach(wheel); }

  /// Asks, moving the clock until the answer is there; how long that took.
  awaitable<Answer> ask(std::chrono::milliseconds* took = nullptr) {
    bool done = false;
    Answer answer;
    const Monotonic began = clock.monotonic();
    asio::co_spawn(loop.executor(), fetch(answer), [&done](std::exception_ptr) { done = true; });
    while (!done) {
      for (int turn = 0; turn < 20; ++turn) co_await asio::post(loop.executor(), use_awaitable);
      // All that is ready has run: only time can help.
      if (!done) clock.advance(10ms);
    }
    if (took != nullptr) *took = std::chrono::duration_cast<std::chrono::milliseconds>(clock.monotonic() - began);
    co_return answer;
  }
  awaitable<void> fetch(Answer& answer) { answer = co_await readiness.answer(); }

  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel{loop.executor(), clock, async::TimerWheel::Drive::manual};
  log::Capture log;
  Readiness readiness{wheel};
  Dependency db{wheel};
  Dependency cache{wheel};
};

CO_TEST(Readiness, answers_by_phase) {
  Fixture f(loop);
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  auto answer = co_await f.ask();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.retry_after, 1s);
  EXPECT_EQ(answer.body, R"({"ready":false,"reason":"initializing","checks":[]})");

  f.readiness.running();
  answer = co_await f.ask();
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.retry_after);
  EXPECT_EQ(answer.body, R"({"ready":true,"checks":[{"name":"core.init","critical":true,"ok":true,"durationMs":0},)"
                         R"({"name":"db.reachable","critical":true,"ok":true,"message":"fine","durationMs":0}]})");

  f.readiness.draining();
  answer = co_await f.ask();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, R"({"ready":false,"reason":"draining","checks":[]})");
  EXPECT_EQ(f.db.runs, 1);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, a_failed_start_says_so_and_why_only_in_the_log) {
  Fixture f(loop);
  f.readiness.failed("cannot open /secret/path");
  f.readiness.running();  // final
  const auto answer = co_await f.ask();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.retry_after, 5s);
  EXPECT_EQ(answer.body, R"({"ready":false,"error":"The start failed.","checks":[]})");
  EXPECT_TRUE(f.log.contains("/secret/path"));
  co_await f.readiness.stop();
}

CO_TEST(Readiness, only_critical_checks_decide) {
  Fixture f(loop);
  f.readiness.running();
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  f.readiness.add("cache.reachable", Weight::informative, f.cache.as_probe());
  f.cache.mood = Mood::refuses;
  auto answer = co_await f.ask();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"({"name":"cache.reachable","critical":false,"ok":false,"message":"no answer","durationMs":0})"), std::string::npos);
  f.db.mood = Mood::refuses;
  f.clock.advance(1s);
  answer = co_await f.ask();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.retry_after, 5s);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, an_exception_is_not_ok_and_its_text_stays_in_the_log) {
  Fixture f(loop);
  f.readiness.running();
  f.db.mood = Mood::throws;
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  f.readiness.add("cache.reachable", Weight::informative, []() -> awaitable<ProbeResult> { throw std::runtime_error("before the first step"); });
  for (int i = 0; i < 3; ++i) {
    const auto answer = co_await f.ask();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body.find("10.0.0.7"), std::string::npos);
    EXPECT_EQ(answer.body.find("first step"), std::string::npos);
    EXPECT_EQ(answer.body.find("error"), std::string::npos);
    f.clock.advance(1s);
  }
  // Once, not at each question.
  EXPECT_EQ(f.log.lines().size(), 2u);
  EXPECT_TRUE(f.log.contains("10.0.0.7"));
  f.db.mood = Mood::ok;
  const auto report = co_await f.readiness.check();
  EXPECT_TRUE(report.ready);
  EXPECT_EQ(f.log.lines().size(), 3u);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, L_1_a_lost_dependency_shows_within_two_seconds_and_its_return_within_five) {
  Fixture f(loop);
  f.readiness.running();
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  EXPECT_EQ((co_await f.ask()).status, 200);
  for (const auto lost : {Mood::refuses, Mood::throws, Mood::hangs}) {
    f.db.mood = lost;
    auto moment = f.clock.monotonic();
    while ((co_await f.ask()).status == 200) f.clock.advance(50ms);
    EXPECT_LE(f.clock.monotonic() - moment, 2050ms);
    f.db.mood = Mood::ok;
    moment = f.clock.monotonic();
    while ((co_await f.ask()).status == 503) f.clock.advance(50ms);
    EXPECT_LE(f.clock.monotonic() - moment, 5s);
  }
  co_await f.readiness.stop();
}

CO_TEST(Readiness, L_2_a_hung_probe_delays_readiness_by_at_most_one_second) {
  Fixture f(loop);
  f.readiness.running();
  f.db.mood = Mood::hangs;
  f.cache.mood = Mood::hangs_for_good;  // not even cancellation reaches it: a call that blocks a pool thread
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  f.readiness.add("cache.reachable", Weight::informative, f.cache.as_probe());
  std::chrono::milliseconds took{};
  auto answer = co_await f.ask(&took);
  EXPECT_EQ(answer.status, 503);
  EXPECT_GE(took, 1000ms);
  EXPECT_LE(took, 1020ms);
  EXPECT_NE(answer.body.find(R"("durationMs":1000)"), std::string::npos);
  EXPECT_EQ(answer.body.find("error"), std::string::npos);
  EXPECT_TRUE(f.log.contains("no answer within 1000 ms"));

  // What still hangs is not started again, and delays nothing any more.
  f.db.mood = Mood::ok;
  f.clock.advance(1s);
  answer = co_await f.ask(&took);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(took, 0ms);
  EXPECT_EQ(f.cache.runs, 1);
  EXPECT_NE(answer.body.find(R"("name":"cache.reachable","critical":false,"ok":false)"), std::string::npos);

  f.cache.mood = Mood::ok;
  f.cache.released.notify_all();
  for (int i = 0; i < 20; ++i) co_await asio::post(loop.executor(), use_awaitable);
  f.clock.advance(1s);
  answer = co_await f.ask();
  EXPECT_EQ(f.cache.runs, 2);
  EXPECT_NE(answer.body.find(R"("name":"cache.reachable","critical":false,"ok":true)"), std::string::npos);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, nothing_but_hung_probes_is_answered_at_once) {
  Fixture f(loop);
  f.readiness.running();
  f.cache.mood = Mood::hangs_for_good;
  f.readiness.add("core.init", Weight::critical, f.cache.as_probe());
  EXPECT_EQ((co_await f.ask()).status, 503);
  f.clock.advance(1s);
  std::chrono::milliseconds took{};
  EXPECT_EQ((co_await f.ask(&took)).status, 503);
  EXPECT_EQ(took, 0ms);
  f.cache.released.notify_all();
  co_await f.readiness.stop();
}

CO_TEST(Readiness, probes_run_at_once_and_a_report_is_shared_for_a_second) {
  Fixture f(loop);
  f.readiness.running();
  f.db.mood = Mood::hangs;
  f.cache.mood = Mood::hangs;
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  f.readiness.add("cache.reachable", Weight::informative, f.cache.as_probe());
  std::chrono::milliseconds took{};
  co_await f.ask(&took);
  EXPECT_LE(took, 1020ms) << "one after the other would take two seconds";

  f.db.mood = Mood::ok;
  f.cache.mood = Mood::ok;
  f.clock.advance(1s);
  std::array<Answer, 3> answers;
  int done = 0;
  for (auto& answer : answers) asio::co_spawn(loop.executor(), f.fetch(answer), [&done](std::exception_ptr) { ++done; });
  while (done < 3) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(f.db.runs, 2);
  EXPECT_EQ(answers[2].status, 200);
  f.clock.advance(990ms);
  co_await f.ask();
  EXPECT_EQ(f.db.runs, 2);
  f.clock.advance(10ms);
  co_await f.ask();
  EXPECT_EQ(f.db.runs, 3);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, a_name_used_twice_replaces_with_a_warning_and_is_asked_soon) {
  Fixture f(loop);
  f.readiness.running();
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  co_await f.ask();
  EXPECT_TRUE(f.log.lines().empty());
  f.readiness.add("db.reachable", Weight::informative, f.cache.as_probe());
  EXPECT_TRUE(f.log.contains("db.reachable"));
  const auto report = co_await f.readiness.check();
  CO_ASSERT_EQ(report.checks.size(), 2u);
  EXPECT_FALSE(report.checks[1].critical);
  EXPECT_EQ(f.db.runs, 1);
  EXPECT_EQ(f.cache.runs, 1);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, a_probe_replaced_while_it_runs_keeps_what_it_holds) {
  Fixture f(loop);
  f.readiness.running();
  auto held = std::make_unique<Dependency>(f.wheel);
  Dependency& dependency = *held;
  dependency.mood = Mood::hangs;
  f.readiness.add("db.reachable", Weight::critical, [shared = std::shared_ptr<Dependency>(std::move(held))] { return shared->probe(); });
  Answer answer;
  bool done = false;
  asio::co_spawn(loop.executor(), f.fetch(answer), [&done](std::exception_ptr) { done = true; });
  while (dependency.runs == 0) co_await asio::post(loop.executor(), use_awaitable);
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  f.clock.advance(1020ms);  // the wheel's tick is 10 ms, and it never fires early
  while (!done) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ((co_await f.ask()).status, 200);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, a_cancelled_caller_leaves_alone) {
  Fixture f(loop);
  f.readiness.running();
  f.db.mood = Mood::hangs;
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  asio::cancellation_signal cancel;
  Answer impatient;
  Answer patient;
  bool left = false;
  bool done = false;
  asio::co_spawn(loop.executor(), f.fetch(impatient), asio::bind_cancellation_slot(cancel.slot(), [&left](std::exception_ptr thrown) { left = thrown != nullptr; }));
  asio::co_spawn(loop.executor(), f.fetch(patient), [&done](std::exception_ptr) { done = true; });
  while (f.db.runs == 0) co_await asio::post(loop.executor(), use_awaitable);
  cancel.emit(asio::cancellation_type::terminal);
  while (!left) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_FALSE(done);
  f.clock.advance(1020ms);  // the wheel's tick is 10 ms, and it never fires early
  while (!done) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(patient.status, 503);
  EXPECT_EQ(f.db.runs, 1);
  co_await f.readiness.stop();
}

CO_TEST(Readiness, stop_releases_who_waits_and_ends_the_probes) {
  Fixture f(loop);
  f.readiness.running();
  f.db.mood = Mood::hangs;
  f.readiness.add("db.reachable", Weight::critical, f.db.as_probe());
  Answer answer;
  bool done = false;
  asio::co_spawn(loop.executor(), f.fetch(answer), [&done](std::exception_ptr) { done = true; });
  while (f.db.runs == 0) co_await asio::post(loop.executor(), use_awaitable);
  co_await f.readiness.stop();
  while (!done) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(answer.status, 503);
  EXPECT_FALSE((co_await f.readiness.check()).ready);
  EXPECT_EQ(f.db.runs, 1);
  EXPECT_TRUE(f.log.lines().empty()) << "cancellation is no failure";
}

}  // namespace
}  // namespace watchbell::probes
