#include <malloc.h>

#include "runtime/jobs/test/handlers.hpp"

namespace watchbell::jobs {
namespace {

using namespace std::chrono_literals;
using namespace test;

CO_TEST(Jobs, Q_1_every_consumer_gets_its_own_copy) {
  RuntimeFixture f(loop);
  Worker a, b;
  EXPECT_TRUE(f.queue->consume("mail", "a", a.handler()));
  EXPECT_TRUE(f.queue->consume("mail", "b", b.handler()));
  EXPECT_FALSE(f.queue->consume("mail", "b", b.handler()));
  co_await f.queue->start();
  for (int i = 0; i < 5; ++i) co_await enqueue(f, {.queue = "mail", .payload = std::to_string(i)});
  co_await f.until([&] { return f.queue->statistics().done == 10; });
  const std::vector<std::string> all{"0", "1", "2", "3", "4"};
  EXPECT_EQ(a.seen, all);
  EXPECT_EQ(b.seen, all);
  EXPECT_EQ(co_await rows(f), 0);
  co_await f.close();
}

CO_TEST(Jobs, Q_1_many_jobs_at_once_reach_every_consumer_or_none_when_there_is_no_room) {
  RuntimeFixture f(loop);
  Worker a, b;
  EXPECT_TRUE(f.queue->consume("mail", "a", a.handler(), {.concurrency = 100, .max_unfinished = 30'000}));
  EXPECT_TRUE(f.queue->consume("mail", "b", b.handler(), {.concurrency = 100, .max_unfinished = 30'000}));
  co_await f.queue->start();
  std::vector<std::string> payloads;
  for (int i = 0; i < 6000; ++i) payloads.push_back("{\"n\":" + std::to_string(i) + "}");
  const auto enqueue_all = [&](std::vector<std::string> some) {
    return f.changes->run([some = std::move(some)](Change& change) { return change.enqueues_many({.queue = "mail", .payload = {}}, some); });
  };
  EXPECT_TRUE(co_await enqueue_all(payloads));
  co_await f.until([&] { return f.queue->statistics().done == 12'000; });
  EXPECT_EQ(a.seen.size(), 6000u);
  EXPECT_EQ(b.seen.size(), 6000u);
  EXPECT_EQ(std::set<std::string>(a.seen.begin(), a.seen.end()), std::set<std::string>(payloads.begin(), payloads.end()));
  const auto refused = co_await enqueue_all(std::vector<std::string>(30'001, "{}"));
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_EQ(co_await rows(f), 0);
  co_await f.close();
}

CO_TEST(Jobs, Q_2_within_a_consumer_a_job_runs_once_and_no_more_than_allowed_at_a_time) {
  RuntimeFixture f(loop);
  async::Event gate(loop.executor());
  bool open = false;
  int running = 0, most = 0, total = 0;
  struct Slow {
    static awaitable<Outcome> run(async::Event& g, bool& o, int& r, int& m, int& t) {
      m = std::max(m, ++r);
      while (!o) co_await g.wait();
      --r;
      ++t;
      co_return Outcome::done();
    }
  };
  EXPECT_TRUE(f.queue->consume("q", "c", [&](const Job&) { return Slow::run(gate, open, running, most, total); }, {.concurrency = 3}));
  co_await f.queue->start();
  for (int i = 0; i < 8; ++i) co_await enqueue(f, {.queue = "q", .payload = "{}"});
  co_await f.until([&] { return running == 3; });
  open = true;
  gate.notify_all();
  co_await f.until([&] { return f.queue->statistics().done == 8; });
  EXPECT_EQ(most, 3);
  EXPECT_EQ(total, 8);
  co_await f.close();
}

CO_TEST(Jobs, Q_3_an_acknowledged_job_outlives_its_process) {
  RuntimeFixture f(loop);
  Worker first;
  first.answer = [](const Job&) -> Outcome { throw Fault("the process dies here"); };
  EXPECT_TRUE(f.queue->consume("q", "c", first.handler()));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return !first.seen.empty(); });
  co_await f.queue->stop(0ms);
  // What a killed process leaves: a row under a lease nobody renews.
  co_await f.database->write([](sql::Session& s) { s.execute("update jobs set state = 'running', lease_until = 9000000000000000000"); });
  Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  Worker second;
  EXPECT_TRUE(next.consume("q", "c", second.handler()));
  co_await next.start();
  co_await f.until([&] { return next.statistics().done == 1; });
  EXPECT_EQ(second.seen, std::vector<std::string>{"1"});
  co_await next.stop(0ms);
  co_await f.close();
}

CO_TEST(Jobs, Q_4_a_failing_job_is_tried_exactly_so_often_and_never_too_soon) {
  RuntimeFixture f(loop);
  Worker worker;
  std::vector<Monotonic> at;
  worker.answer = [&](const Job&) {
    at.push_back(f.clock.monotonic());
    return Outcome::retry("no");
  };
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler()));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1", .max_retries = 3});
  for (std::uint64_t n = 1; n <= 3; ++n) {
    co_await f.until([&] { return f.queue->statistics().retried == n; });
    // The pump has to look before the clock moves, or it would arm its timer from the later time.
    while (at.size() == n) {
      f.clock.advance(10ms);
      co_await asio::post(loop.executor(), use_awaitable);
    }
    co_await f.until([&] { return at.size() == n + 1; });
  }
  co_await f.until([&] { return f.queue->statistics().failed == 1; });
  CO_ASSERT_EQ(at.size(), 4u);
  EXPECT_GE(at[1] - at[0], 2s);
  EXPECT_GE(at[2] - at[1], 4s);
  EXPECT_GE(at[3] - at[2], 8s);
  EXPECT_EQ(co_await rows(f, "failed"), 1);
  co_await f.close();
}

/// What a killed process leaves: its running job under a lease nobody renews, the try counted.
awaitable<void> kill_while_running(RuntimeFixture& f, Queue& queue) {
  co_await queue.stop(0ms);
  EXPECT_TRUE(co_await f.database->write([](sql::Session& s) { s.execute("update jobs set state = 'running', attempts = attempts + 1, lease_until = 9000000000000000000"); }));
}

CO_TEST(Jobs, Q_4_the_end_of_a_process_is_no_failed_try) {
  RuntimeFixture f(loop);
  std::vector<int> attempts;
  Worker failing;
  failing.answer = [&](const Job& job) {
    attempts.push_back(job.attempt);
    return Outcome::retry("no");
  };
  Gate gate(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler()));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1", .max_retries = 3});
  co_await f.until([&] { return gate.began == 1; });
  co_await kill_while_running(f, *f.queue);
  for (std::size_t kill = 2; kill <= 3; ++kill) {
    Queue again(f.wheel, *f.database, f.on_fault(), {}, kill);
    EXPECT_TRUE(again.consume("q", "c", gate.handler()));
    co_await again.start();
    co_await f.elapse_until([&] { return gate.began == kill; });
    co_await kill_while_running(f, again);
  }
  Queue last(f.wheel, *f.database, f.on_fault(), {}, 9);
  EXPECT_TRUE(last.consume("q", "c", failing.handler()));
  co_await last.start();
  co_await f.elapse_until([&] { return last.statistics().failed == 1; });
  EXPECT_EQ(attempts, (std::vector<int>{1, 2, 3, 4}));
  co_await last.stop(0ms);
  co_await f.close();
}

CO_TEST(Jobs, a_job_that_ends_its_process_again_and_again_fails_for_good_and_others_do_not) {
  RuntimeFixture f(loop);
  Gate poison(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", poison.handler()));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1", .max_retries = 100});
  co_await f.until([&] { return poison.began == 1; });
  co_await kill_while_running(f, *f.queue);
  const auto restart = [](RuntimeFixture& fixture, Gate& gate, std::size_t nth) -> awaitable<void> {
    Queue again(fixture.wheel, *fixture.database, fixture.on_fault(), {}, nth);
    EXPECT_TRUE(again.consume("q", "c", gate.handler()));
    co_await again.start();
    co_await fixture.elapse_until([&] { return gate.began == nth; });
    co_await kill_while_running(fixture, again);
  };
  for (std::size_t nth = 2; nth <= 4; ++nth) co_await restart(f, poison, nth);
  {
    // An outcome, even a failed try, ends the row of interruptions.
    Queue again(f.wheel, *f.database, f.on_fault(), {}, 50);
    Worker worker;
    worker.answer = [](const Job&) { return Outcome::retry("no", 1ms); };
    EXPECT_TRUE(again.consume("q", "c", worker.handler()));
    co_await again.start();
    co_await f.elapse_until([&] { return again.statistics().retried > 0; });
    co_await kill_while_running(f, again);
  }
  for (std::size_t nth = 5; nth <= 8; ++nth) co_await restart(f, poison, nth);
  EXPECT_EQ(co_await rows(f, "running"), 1);
  Queue last(f.wheel, *f.database, f.on_fault(), {}, 99);
  EXPECT_TRUE(last.consume("q", "c", poison.handler()));
  co_await last.start();
  EXPECT_EQ(co_await rows(f, "failed"), 1);
  EXPECT_EQ(last.statistics().failed, 1u);
  EXPECT_EQ(co_await value<std::string>(f, "select last_error from jobs"), "interrupted 5 times in a row: the process ended while it ran");
  co_await last.stop(0ms);
  co_await f.close();
}

TEST(Jobs, Q_4_back_off_doubles_is_capped_and_jitters_upwards) {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    for (int attempt = 1; attempt <= 40; ++attempt) {
      const auto base = std::min<std::chrono::milliseconds>(std::chrono::seconds(1ll << std::min(attempt, 20)), 5min);
      const auto delay = back_off(attempt, random);
      ASSERT_GE(delay, base);
      ASSERT_LE(delay, base + base / 5);
    }
  }
}

CO_TEST(Jobs, Q_5_retries_of_one_consumer_leave_the_others_alone) {
  RuntimeFixture f(loop);
  Worker bad, good;
  std::vector<int> attempts;
  bad.answer = [&](const Job& job) {
    attempts.push_back(job.attempt);
    return job.attempt < 2 ? Outcome::retry("no", 10ms) : Outcome::done();
  };
  EXPECT_TRUE(f.queue->consume("q", "bad", bad.handler()));
  EXPECT_TRUE(f.queue->consume("q", "good", good.handler()));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return f.queue->statistics().retried == 1 && f.queue->statistics().done == 1; });
  while (f.queue->statistics().done < 2) {
    f.clock.advance(10ms);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  EXPECT_EQ(attempts, (std::vector<int>{1, 2}));
  EXPECT_EQ(good.seen.size(), 1u);
  co_await f.close();
}

CO_TEST(Jobs, Q_6_the_most_urgent_goes_first_and_equals_in_order) {
  RuntimeFixture f(loop);
  Worker worker;
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler(), {.concurrency = 1}));
  co_await f.queue->start();
  const auto done = co_await f.changes->run([](Change& change) -> Result<void> {
    for (const auto& [payload, priority] : std::vector<std::pair<std::string, int>>{{"a", 0}, {"b", 5}, {"c", 0}, {"d", 9}, {"e", 5}})
      if (auto id = change.enqueues({.queue = "q", .payload = payload, .priority = priority}); !id) return std::unexpected(id.error());
    return {};
  });
  EXPECT_TRUE(done);
  co_await f.until([&] { return f.queue->statistics().done == 5; });
  EXPECT_EQ(worker.seen, (std::vector<std::string>{"d", "b", "e", "a", "c"}));
  co_await f.close();
}

CO_TEST(Jobs, Q_7_a_dedupe_id_names_one_unfinished_job_and_is_free_afterwards) {
  RuntimeFixture f(loop);
  Worker worker;
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler()));
  co_await f.queue->start();
  std::vector<JobId> ids;
  const auto twice = [&ids](Change& change) -> Result<void> {
    ids.clear();
    for (int i = 0; i < 2; ++i) ids.push_back(**change.enqueues({.queue = "q", .payload = "1", .delay = 1s, .dedupe_id = "one"}));
    return {};
  };
  EXPECT_TRUE(co_await f.changes->run(twice));
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(co_await rows(f), 1);
  while (f.queue->statistics().done < 1) {
    f.clock.advance(100ms);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  const auto old = ids[0];
  EXPECT_TRUE(co_await f.changes->run(twice));
  EXPECT_NE(ids[0], old);
  co_await f.close();
}

CO_TEST(Jobs, Q_7_a_dedupe_id_is_taken_while_its_job_runs_and_awaits_its_retry_and_free_after_its_final_failure) {
  RuntimeFixture f(loop);
  Gate gate(loop);
  int tries = 0;
  struct Held {
    static awaitable<Outcome> run(Gate& g, int& n) {
      co_await Gate::run(g);
      co_return ++n == 1 ? Outcome::retry("no", 1h) : Outcome::give_up("enough");
    }
  };
  EXPECT_TRUE(f.queue->consume("q", "c", [&](const Job&) { return Held::run(gate, tries); }));
  co_await f.queue->start();
  std::optional<JobId> id;
  const auto once = [&id](Change& change) -> Result<void> {
    id = *change.enqueues({.queue = "q", .payload = "1", .dedupe_id = "one"});
    return {};
  };
  EXPECT_TRUE(co_await f.changes->run(once));
  const auto first = id;
  co_await f.until([&] { return gate.began == 1; });
  CO_ASSERT_EQ(co_await rows(f, "running"), 1);
  EXPECT_TRUE(co_await f.changes->run(once));
  EXPECT_EQ(id, first);
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().retried == 1; });
  CO_ASSERT_EQ(co_await rows(f, "delayed"), 1);
  EXPECT_TRUE(co_await f.changes->run(once));
  EXPECT_EQ(id, first);
  EXPECT_EQ(co_await rows(f), 1);
  gate.open = false;
  co_await f.elapse_until([&] { return gate.began == 2; }, 60s);
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().failed == 1; });
  CO_ASSERT_EQ(co_await rows(f, "failed"), 1);
  EXPECT_TRUE(co_await f.changes->run(once));
  EXPECT_NE(id, first);
  co_await f.until([&] { return f.queue->statistics().failed == 2; });
  EXPECT_EQ(co_await rows(f, "failed"), 2);
  co_await f.close();
}

CO_TEST(Jobs, Q_8_a_full_queue_refuses_and_the_change_is_rolled_back) {
  RuntimeFixture f(loop);
  Worker worker;
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler(), {.concurrency = 1, .max_unfinished = 2}));
  co_await f.queue->start();
  const auto result = co_await f.changes->run([](Change& change) -> Result<void> {
    for (int i = 0; i < 3; ++i)
      if (auto id = change.enqueues({.queue = "q", .payload = "1", .delay = 1h}); !id) return std::unexpected(id.error());
    return {};
  });
  CO_ASSERT_TRUE(!result);
  EXPECT_EQ(result.error().code, ErrorCode::unavailable);
  EXPECT_EQ(co_await rows(f), 0);
  // The estimate left by the rolled back change does not refuse later ones.
  co_await enqueue(f, {.queue = "q", .payload = "1", .delay = 1h});
  co_await enqueue(f, {.queue = "q", .payload = "1", .delay = 1h});
  EXPECT_EQ(co_await rows(f, "delayed"), 2);
  co_await f.close();
}

CO_TEST(Jobs, Q_8_every_job_is_counted_by_queue_and_state) {
  RuntimeFixture f(loop);
  Gate gate(loop);
  Worker bad, idle;
  bad.answer = [](const Job&) { return Outcome::give_up("no"); };
  EXPECT_TRUE(f.queue->consume("mail", "c", gate.handler(), {.concurrency = 2}));
  EXPECT_TRUE(f.queue->consume("bad", "a", bad.handler()));
  EXPECT_TRUE(f.queue->consume("bad", "b", bad.handler()));
  EXPECT_TRUE(f.queue->consume("idle", "c", idle.handler()));
  co_await f.queue->start();
  for (int i = 0; i < 5; ++i) co_await enqueue(f, {.queue = "mail", .payload = "{}"});
  co_await enqueue(f, {.queue = "mail", .payload = "{}", .delay = 1h});
  co_await enqueue(f, {.queue = "mail", .payload = "{}", .delay = 3h});
  co_await enqueue(f, {.queue = "bad", .payload = "{}"});
  co_await f.until([&] { return gate.began == 2 && f.queue->statistics().failed == 2; });
  const auto told = [](RuntimeFixture& fixture) -> awaitable<std::string> {
    const auto counts = co_await fixture.queue->counts();
    if (!counts) co_return "unknown";
    std::string text;
    for (const auto& [queue, n] : *counts) text += fmt::format("{}: {} waiting {} delayed {} running {} failed; ", queue, n.waiting, n.delayed, n.running, n.failed);
    co_return text;
  };
  EXPECT_EQ(co_await told(f),
            "bad: 0 waiting 0 delayed 0 running 2 failed; idle: 0 waiting 0 delayed 0 running 0 failed; mail: 3 waiting 2 delayed 2 running 0 failed; ");
  // What has become due could run, whether the queue has looked or not.
  f.clock.set_wall(f.clock.now() + 2h);
  EXPECT_EQ(co_await told(f),
            "bad: 0 waiting 0 delayed 0 running 2 failed; idle: 0 waiting 0 delayed 0 running 0 failed; mail: 4 waiting 1 delayed 2 running 0 failed; ");
  co_await f.close();
  EXPECT_EQ(co_await told(f), "unknown");
}

/// Handlers that take a place at a resource and stay there until the test lets them go.
struct Resources {
  explicit Resources(RuntimeFixture& f, std::size_t a_room) : go(f.loop.executor()), limit(a_room), queue(f.queue.get()) {}
  std::size_t room(std::string_view name) const {
    const auto it = inside.find(name);
    return limit - (it == inside.end() ? 0 : it->second);
  }
  static awaitable<Outcome> run(Resources& self, Job job) {
    ++self.asked;
    if (self.room(job.payload) == 0) co_return Outcome::hold(job.payload);
    self.attempts.push_back(job.attempt);
    ++self.inside[job.payload];
    while (job.payload == "slow" && !self.open) co_await self.go.wait();
    --self.inside[job.payload];
    ++self.done[job.payload];
    self.queue->freed("q", job.payload);
    co_return Outcome::done();
  }
  async::Event go;
  std::size_t limit;
  jobs::Queue* queue;
  bool open = false;
  int asked = 0;
  std::vector<int> attempts;
  std::map<std::string, std::size_t, std::less<>> inside;
  std::map<std::string, int> done;
};

CO_TEST(Jobs, Q_5_jobs_that_wait_for_a_full_resource_hold_up_no_others) {
  RuntimeFixture f(loop);
  Resources r(f, 1);
  EXPECT_TRUE(f.queue->consume("q", "c", [&r](const Job& job) { return Resources::run(r, job); }, {.concurrency = 2, .room = [&r](std::string_view name) { return r.room(name); }}));
  co_await f.queue->start();
  for (int i = 0; i < 20; ++i) co_await enqueue(f, {.queue = "q", .payload = "slow"});
  for (int i = 0; i < 5; ++i) co_await enqueue(f, {.queue = "q", .payload = "quick"});
  co_await f.until([&] { return r.done["quick"] == 5; });
  EXPECT_EQ(r.done["slow"], 0);
  // All are still there, and count as waiting.
  const auto counts = (co_await f.queue->counts()).value();
  EXPECT_EQ(counts.at("q").waiting + counts.at("q").running, 20);
  const int asked = r.asked;
  r.open = true;
  r.go.notify_all();
  co_await f.until([&] { return r.done["slow"] == 20; });
  // No polling: each came again once, when there was room; and none of them was charged a try for having waited.
  EXPECT_LE(r.asked - asked, 40);
  EXPECT_EQ(std::ranges::count(r.attempts, 1), 25);
  co_await f.until([&] { return f.queue->statistics().running == 0; });
  const auto left = (co_await f.queue->counts()).value();
  EXPECT_EQ(left.at("q").waiting + left.at("q").running + left.at("q").failed, 0);
  co_await f.close();
}

CO_TEST(Jobs, Q_5_a_job_says_what_it_waited_for_until_it_was_tried) {
  RuntimeFixture f(loop);
  std::vector<std::string> waited;
  struct Twice {
    static awaitable<Outcome> run(std::vector<std::string>& w, Job job) {
      w.push_back(job.held_for);
      if (w.size() == 1) co_return Outcome::hold("slow");
      if (w.size() == 2) co_return Outcome::retry("no", 1s);
      co_return Outcome::done();
    }
  };
  EXPECT_TRUE(f.queue->consume("q", "c", [&](const Job& job) { return Twice::run(waited, job); }));
  co_await f.queue->start();
  EXPECT_FALSE(f.queue->freed("q", "slow")) << "nobody waits for it";
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return waited.size() == 1 && f.queue->statistics().running == 0; });
  EXPECT_FALSE(f.queue->freed("q", "other"));
  EXPECT_TRUE(f.queue->freed("q", "slow"));
  EXPECT_FALSE(f.queue->freed("q", "slow")) << "who waited is let go already";
  co_await f.until([&] { return waited.size() == 2 && f.queue->statistics().running == 0; });
  co_await f.elapse_until([&] { return waited.size() == 3; });
  EXPECT_EQ(waited, (std::vector<std::string>{"", "slow", ""}));
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  co_await f.close();
}

CO_TEST(Jobs, Q_3_jobs_that_waited_for_room_are_taken_up_by_the_next_process) {
  RuntimeFixture f(loop);
  {
    Resources r(f, 0);
    EXPECT_TRUE(f.queue->consume("q", "c", [&r](const Job& job) { return Resources::run(r, job); }, {.concurrency = 2}));
    co_await f.queue->start();
    co_await enqueue(f, {.queue = "q", .payload = "quick"});
    co_await f.until([&] { return r.asked == 1 && f.queue->statistics().running == 0; });
    co_await f.queue->stop(0s);
  }
  jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  Resources r(f, 1);
  r.queue = &next;
  EXPECT_TRUE(next.consume("q", "c", [&r](const Job& job) { return Resources::run(r, job); }, {.concurrency = 2}));
  co_await next.start();
  co_await f.until([&] { return r.done["quick"] == 1; });
  co_await f.until([&] { return next.statistics().running == 0; });
  co_await next.stop(0s);
  co_await f.close();
}

CO_TEST(Jobs, Q_9_stop_begins_nothing_waits_for_what_runs_and_leaves_the_rest) {
  RuntimeFixture f(loop);
  async::Event gate(loop.executor());
  int began = 0;
  struct Stuck {
    static awaitable<Outcome> run(async::Event& g, int& b) {
      ++b;
      co_await g.wait();
      co_return Outcome::done();
    }
  };
  EXPECT_TRUE(f.queue->consume("q", "c", [&](const Job&) { return Stuck::run(gate, began); }, {.concurrency = 1}));
  co_await f.queue->start();
  for (int i = 0; i < 3; ++i) co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return began == 1; });
  // The limit passes: the running one is cancelled and put back as if never begun.
  async::TaskScope scope(loop.executor(), f.on_fault());
  scope.spawn("stop", f.queue->stop(5s));
  while (scope.size() > 0) {
    f.clock.advance(100ms);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  EXPECT_EQ(began, 1);
  EXPECT_EQ(co_await rows(f, "ready"), 3);
  const auto attempts = co_await f.database->read([](sql::Session& s) { return s.one<std::int64_t>("select sum(attempts) from jobs").value(); });
  EXPECT_EQ(attempts.value(), 0);
  co_await f.close();
}

CO_TEST(Jobs, Q_9_stop_waits_for_handlers_that_end_within_the_limit) {
  RuntimeFixture f(loop);
  Gate gate(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler(), {.concurrency = 1}));
  co_await f.queue->start();
  for (int i = 0; i < 3; ++i) co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return gate.began == 1; });
  async::TaskScope scope(loop.executor(), f.on_fault());
  scope.spawn("stop", f.queue->stop(5s));
  const auto began = f.clock.now();
  co_await f.elapse_until([&] { return f.clock.now() - began >= 4s; });
  EXPECT_EQ(scope.size(), 1u);
  gate.let_go();
  co_await f.until([&] { return scope.size() == 0; });
  EXPECT_EQ(f.queue->statistics().done, 1u);
  EXPECT_EQ(gate.began, 1u);
  EXPECT_EQ(co_await rows(f, "ready"), 2);
  EXPECT_EQ(co_await rows(f), 2);
  co_await f.close();
}

#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

#ifdef NDEBUG
constexpr bool kOptimised = true;
#else
constexpr bool kOptimised = false;
#endif

/// Bytes the program holds from its allocator, whatever the allocator keeps back.
std::int64_t bytes_in_use() {
  const auto info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

CO_TEST(Jobs, Q_10_memory_and_storage_are_flat_after_many_jobs) {
  RuntimeFixture f(loop);
  std::uint64_t count = 0;
  struct Quick {
    static awaitable<Outcome> run(std::uint64_t& n) {
      ++n;
      co_return Outcome::done();
    }
  };
  EXPECT_TRUE(f.queue->consume("q", "c", [&](const Job&) { return Quick::run(count); }, {.concurrency = 256}));
  co_await f.queue->start();
  // 10^5 jobs where they take seconds; debug builds have a fifth. A sanitizer's allocator does not count for us: there the pages alone are shown.
  constexpr std::uint64_t kRounds = 20, kRound = kOptimised && !kSanitized ? 5000 : kSanitized ? 500 : 1000;
  std::int64_t pages_early = 0, bytes_early = 0;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    EXPECT_TRUE(co_await f.changes->run([](Change& change) { return change.enqueues_many({.queue = "q", .payload = {}}, std::vector<std::string>(kRound, "{}")); }));
    co_await f.until([&] { return f.queue->statistics().done == round * kRound && f.queue->statistics().running == 0; });
    if (round == kRounds / 4) {
      pages_early = co_await value<std::int64_t>(f, "select page_count from pragma_page_count()");
      bytes_early = bytes_in_use();
    }
  }
  EXPECT_EQ(count, kRounds * kRound);
  EXPECT_LE(co_await value<std::int64_t>(f, "select page_count from pragma_page_count()"), pages_early + 8);
  // The smallest thing an allocator gives is 24 bytes: kept of each job since, it would be thrice this.
  if (!kSanitized) EXPECT_LE(bytes_in_use() - bytes_early, static_cast<std::int64_t>(kRounds * kRound * 3 / 4 * 8));
  EXPECT_EQ(co_await rows(f), 0);
  co_await f.close();
}

CO_TEST(Jobs, a_handler_may_say_when_and_may_give_up) {
  RuntimeFixture f(loop);
  Worker worker;
  worker.answer = [](const Job& job) { return job.attempt < 5 ? Outcome::retry("later", 1ms) : Outcome::give_up("enough"); };
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler()));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1", .max_retries = 0});
  while (f.queue->statistics().failed == 0) {
    f.clock.advance(10ms);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  EXPECT_EQ(worker.seen.size(), 5u);
  co_await f.close();
}

CO_TEST(Jobs, an_ended_job_is_recorded_however_its_record_fails_and_frees_its_slot) {
  RuntimeFixture f(loop);
  Worker worker;
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler(), {.concurrency = 1}));
  fail_writes(*f.queue, "record", 2, std::bad_alloc());
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await enqueue(f, {.queue = "q", .payload = "2"});
  co_await f.elapse_until([&] { return f.queue->statistics().done == 2; });
  EXPECT_EQ(worker.seen, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(f.faults, (std::vector<std::string>{"jobs.record", "jobs.record"}));
  EXPECT_EQ(f.queue->statistics().running, 0u);
  EXPECT_EQ(co_await rows(f), 0);
  co_await f.close();
}

CO_TEST(Jobs, a_job_that_cannot_be_put_back_does_not_hold_up_the_stop) {
  RuntimeFixture f(loop);
  Gate gate(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler()));
  fail_writes(*f.queue, "put_back", 1, std::bad_alloc());
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return gate.began == 1; });
  async::TaskScope scope(loop.executor(), f.on_fault());
  scope.spawn("stop", f.queue->stop(5s));
  co_await f.elapse_until([&] { return scope.size() == 0; });
  EXPECT_EQ(f.queue->statistics().running, 0u);
  EXPECT_EQ(f.faults, std::vector<std::string>{"jobs.put_back"});
  EXPECT_EQ(co_await rows(f, "running"), 1);  // void at the next start
  co_await f.close();
}

CO_TEST(Jobs, the_loops_of_a_queue_outlive_any_exception) {
  RuntimeFixture f(loop);
  Gate gate(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler()));
  fail_writes(*f.queue, "claim", 2, std::bad_alloc());
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.elapse_until([&] { return gate.began == 1; });
  EXPECT_EQ(f.faults, (std::vector<std::string>{"jobs.claim", "jobs.claim"}));

  f.faults.clear();
  fail_writes(*f.queue, "renew", 1, std::bad_alloc());
  const auto lease = co_await value<Timestamp>(f, "select lease_until from jobs");
  co_await f.elapse_until([&] { return f.faults.size() == 1; });
  EXPECT_EQ(f.faults, std::vector<std::string>{"jobs.renew"});
  bool renewed = false;
  f.queue->before_write_for_test([&](std::string_view what) { renewed |= what == "renew"; });
  co_await f.elapse_until([&] { return renewed; });
  EXPECT_GT(co_await value<Timestamp>(f, "select lease_until from jobs"), lease);
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done == 1; });

  f.faults.clear();
  fail_writes(*f.queue, "purge", 1, std::bad_alloc());
  co_await f.elapse_until([&] { return f.faults.size() == 1; }, 60s);
  EXPECT_EQ(f.faults, std::vector<std::string>{"jobs.purge"});
  bool purged = false;
  f.queue->before_write_for_test([&](std::string_view what) { purged |= what == "purge"; });
  co_await f.elapse_until([&] { return purged; }, 60s);
  co_await f.close();
}

CO_TEST(Jobs, Q_15_a_job_that_nobody_runs_any_more_is_free_when_its_lease_ends) {
  RuntimeFixture f(loop);
  Worker worker;
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler()));
  co_await f.queue->start();
  EXPECT_TRUE(co_await f.database->write([id = JobId::make(f.clock.now()), until = f.clock.now() + 60s](sql::Session& s) {
    s.execute("insert into jobs values (:1, 'q', 'c', '1', 0, 'running', 0, 1, 3, null, null, :2, '', null, 0, 0, null)", id, until);
  }));
  f.queue->wake();
  const auto before = f.clock.monotonic();
  co_await f.elapse_until([&] { return f.queue->statistics().done == 1; });
  EXPECT_GE(f.clock.monotonic() - before, 60s);
  EXPECT_EQ(worker.seen.size(), 1u);
  co_await f.close();
}

CO_TEST(Jobs, Q_15_a_job_that_outlasts_its_lease_stays_with_its_handler) {
  RuntimeFixture f(loop);
  Gate gate(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler(), {.concurrency = 2}));
  int renewals = 0;
  f.queue->before_write_for_test([&](std::string_view what) { renewals += what == "renew"; });
  co_await f.queue->start();
  const auto began = f.clock.now();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return gate.began == 1; });
  for (int n = 1; n <= 20; ++n) co_await f.elapse_until([&] { return renewals == n; });
  EXPECT_GE(f.clock.now() - began, 3min);
  // Renewed all along: whoever asks the rows sees an owner.
  EXPECT_GT(co_await value<Timestamp>(f, "select lease_until from jobs"), f.clock.now());
  // Even a lease that a leap of the wall clock has ended gives away nothing that runs here.
  f.clock.set_wall(f.clock.now() + 24h);
  co_await enqueue(f, {.queue = "q", .payload = "2"});
  co_await f.until([&] { return gate.began == 2; });
  EXPECT_EQ(co_await value<std::string>(f, "select group_concat(attempts) from jobs"), "1,1");
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done == 2; });
  EXPECT_EQ(gate.began, 2u);
  co_await f.close();
}

CO_TEST(Jobs, a_reporter_that_fails_itself_ends_neither_job_nor_loop) {
  RuntimeFixture f(loop);
  int reports = 0;
  Queue queue(f.wheel, *f.database,
              [&](std::string_view, std::exception_ptr) {
                ++reports;
                throw std::bad_alloc();
              },
              {}, 8);
  Worker worker;
  worker.answer = [](const Job& job) -> Outcome { return job.attempt == 1 ? throw Fault("no") : Outcome::done(); };
  EXPECT_TRUE(queue.consume("q", "c", worker.handler()));
  fail_writes(queue, "claim", 1, std::bad_alloc());
  co_await queue.start();
  EXPECT_TRUE(co_await f.database->write([&queue, now = f.clock.now()](sql::Session& s) { return queue.insert(s, {.queue = "q", .payload = "1"}, now); }));
  queue.wake();
  co_await f.elapse_until([&] { return queue.statistics().done == 1; });
  EXPECT_EQ(reports, 2);
  co_await queue.stop(0ms);
  co_await f.close();
}

CO_TEST(Jobs, Q_9_stop_does_not_wait_for_the_back_off_of_a_record_that_fails) {
  RuntimeFixture f(loop);
  Worker worker;
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler()));
  fail_writes(*f.queue, "record", 1000, Fault("disk full"));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return f.faults.size() == 1; });
  co_await f.queue->stop(0ms);  // the clock stands still
  EXPECT_EQ(f.queue->statistics().running, 0u);
  EXPECT_EQ(co_await rows(f, "running"), 1);  // void at the next start
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::jobs
