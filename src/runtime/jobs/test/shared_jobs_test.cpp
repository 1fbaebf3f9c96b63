// Processes that share the jobs of one database: queues of one loop, of which none knows of another.
#include "runtime/jobs/test/handlers.hpp"

namespace watchbell::jobs {
namespace {

using namespace std::chrono_literals;
using namespace test;

std::string name_of(std::int64_t number) { return JobId::make(Timestamp::from_millis(number)).to_string(); }

/// Two processes on one database, that of the fixture and another, as those at work have them.
struct Two : RuntimeFixture {
  explicit Two(async::Loop& l)
      : RuntimeFixture(l, {}, watchbell::test::Storage::memory, {.process = [this] { return first; }, .alone = false}),
        other(wheel, *database, on_fault(), {.process = [this] { return second; }, .alone = false}, 8) {}
  /// Time stands still while the database works: two queues ask it all the time.
  template <class Predicate>
  awaitable<void> elapse_until(Predicate done) {
    while (!done()) {
      co_await until_idle();
      clock.advance(100ms, 100ms);
      co_await asio::post(loop.executor(), use_awaitable);
    }
  }
  awaitable<void> join(std::string name) {
    EXPECT_TRUE(co_await database->write([name](sql::Session& s) { s.execute("insert into workers (process, beat, sharing, since, seen_at) values (:1, 1, :2, 0, 0)", name, true); }));
  }
  awaitable<void> strike_off(std::string name) {
    EXPECT_TRUE(co_await database->write([name](sql::Session& s) { s.execute("delete from workers where process = :1", name); }));
  }
  awaitable<void> join_both() {
    co_await join(first);
    co_await join(second);
  }
  awaitable<void> start() {
    co_await join_both();
    co_await queue->start();
    co_await other.start();
  }
  awaitable<void> end() {
    co_await other.stop(0s);
    co_await close();
  }

  std::string first = name_of(1);
  std::string second = name_of(2);
  Queue other;
};

CO_TEST(SharedJobs, Q_2_processes_share_jobs_out_and_each_runs_once) {
  Two f(loop);
  Worker a, b;
  Gate gate(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler(), {.concurrency = 3}));
  EXPECT_TRUE(f.other.consume("q", "c", b.handler(), {.concurrency = 3}));
  int more = 0;
  f.queue->on_more([&] {
    ++more;
    f.other.wake();
  });
  co_await f.start();
  for (int i = 0; i < 20; ++i) co_await enqueue(f, {.queue = "q", .payload = std::to_string(i)});
  // The first has its hands full and says so.
  co_await f.until([&] { return b.seen.size() == 17; });
  EXPECT_GT(more, 0);
  EXPECT_EQ(gate.began, 3u);
  EXPECT_EQ(std::set<std::string>(b.seen.begin(), b.seen.end()).size(), 17u);
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done == 3 && f.other.statistics().done == 17; });
  EXPECT_EQ(co_await rows(f), 0);
  EXPECT_EQ(f.queue->statistics().lost + f.other.statistics().lost, 0u);
  co_await f.end();
}

CO_TEST(SharedJobs, Q_15_the_job_of_a_process_that_stands_still_is_another_s_and_its_late_end_changes_nothing) {
  Two f(loop);
  Gate first(loop), then(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", first.handler()));
  EXPECT_TRUE(f.other.consume("q", "c", then.handler()));
  fail_writes(*f.queue, "renew", 1000, Fault("it stands still"));
  co_await f.start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return first.began == 1; });
  const auto before = f.clock.now();
  co_await f.elapse_until([&] { return then.began == 1; });
  EXPECT_GE(f.clock.now() - before, 30s) << "not before its lease was over";
  EXPECT_LE(f.clock.now() - before, 60s);
  const auto claim = co_await value<std::string>(f, "select claim from jobs");
  EXPECT_TRUE(claim.starts_with(f.second));
  EXPECT_EQ(co_await value<std::int64_t>(f, "select attempts from jobs"), 1) << "to have stood still is no failed try";
  first.let_go();
  co_await f.until([&] { return f.queue->statistics().lost == 1; });
  EXPECT_EQ(f.queue->statistics().done, 0u);
  EXPECT_EQ(co_await rows(f, "running"), 1);
  EXPECT_EQ(co_await value<std::string>(f, "select claim from jobs"), claim);
  // What a change of the late one ends is undone with it.
  const auto late = co_await f.changes->run([](Change& change) -> Result<void> {
    change.sql().execute("create table t (n integer)");
    Job job;
    job.id = change.sql().one<JobId>("select id from jobs").value();
    job.claim = "somebody 1";
    return change.ends(job, Outcome::done());
  });
  CO_ASSERT_TRUE(!late);
  EXPECT_EQ(late.error().code, ErrorCode::conflict);
  then.let_go();
  co_await f.until([&] { return f.other.statistics().done == 1; });
  EXPECT_EQ(co_await rows(f), 0);
  co_await f.end();
}

CO_TEST(SharedJobs, Q_15_the_jobs_of_a_process_that_is_gone_are_another_s_within_a_second_or_two) {
  Two f(loop);
  Gate first(loop), then(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", first.handler()));
  EXPECT_TRUE(f.other.consume("q", "c", then.handler()));
  co_await f.start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return first.began + then.began == 1; });
  const bool was_first = first.began == 1;
  const auto gone = was_first ? f.first : f.second;
  auto& late = was_first ? first : then;
  auto& next = was_first ? then : first;
  auto& late_queue = was_first ? *f.queue : f.other;
  auto& next_queue = was_first ? f.other : *f.queue;
  co_await f.strike_off(gone);
  // It lives, and joins anew; what it began before is lost all the same.
  (was_first ? f.first : f.second) = name_of(3);
  co_await f.join(name_of(3));
  const auto before = f.clock.now();
  co_await f.elapse_until([&] { return next.began == 1; });
  EXPECT_LE(f.clock.now() - before, 2s);
  EXPECT_TRUE((co_await value<std::string>(f, "select claim from jobs")).starts_with(was_first ? f.second : f.first));
  EXPECT_EQ(co_await value<std::int64_t>(f, "select attempts from jobs"), 1) << "to have been taken for dead is no failed try";
  late.let_go();
  co_await f.until([&] { return late_queue.statistics().lost == 1; });
  EXPECT_EQ(co_await rows(f, "running"), 1);
  next.let_go();
  co_await f.until([&] { return next_queue.statistics().done == 1; });
  EXPECT_EQ(co_await rows(f), 0);
  EXPECT_EQ(late_queue.statistics().done, 0u);
  // From then on it takes jobs under the name that it has now.
  co_await next_queue.stop(0s);
  co_await enqueue(f, {.queue = "q", .payload = "2"});
  late_queue.wake();
  co_await f.until([&] { return late_queue.statistics().done == 1; });
  co_await f.end();
}

CO_TEST(SharedJobs, Q_15_a_job_whose_processes_are_gone_time_and_again_is_run_no_more) {
  Two f(loop);
  Worker never;
  EXPECT_TRUE(f.queue->consume("q", "c", never.handler()));
  EXPECT_TRUE(f.other.consume("q", "c", never.handler()));
  co_await f.join_both();
  f.first.clear();
  f.second.clear();  // nobody takes it here
  co_await f.queue->start();
  co_await f.other.start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  for (int times = 1; times <= kMaxInterruptions; ++times) {
    EXPECT_TRUE(co_await f.database->write([claim = name_of(100 + times) + " 1"](sql::Session& s) {
      s.execute("update jobs set state = 'running', attempts = attempts + 1, lease_until = 9000000000000000000, claim = :1", claim);
    }));
    co_await f.until_idle();
    const auto before = f.clock.now();
    while (co_await rows(f, "running") > 0) co_await f.elapse_until([&, at = f.clock.now()] { return f.clock.now() > at; });
    EXPECT_LE(f.clock.now() - before, 2s);
    EXPECT_EQ(co_await value<std::string>(f, "select last_error from jobs"), store::interruption(times));
  }
  EXPECT_EQ(co_await rows(f, "failed"), 1);
  EXPECT_EQ(f.queue->statistics().failed + f.other.statistics().failed, 1u);
  EXPECT_TRUE(never.seen.empty());
  co_await f.end();
}

CO_TEST(SharedJobs, Q_2_who_may_begin_nothing_takes_nothing_and_gives_back_untouched_what_it_took) {
  Two f(loop);
  Worker worker;
  EXPECT_TRUE(f.queue->consume("q", "c", worker.handler()));
  co_await f.join_both();
  const auto name = std::exchange(f.first, std::string());
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  auto began = f.clock.now();
  co_await f.elapse_until([&] { return f.clock.now() - began > 12s; });
  EXPECT_TRUE(worker.seen.empty());
  EXPECT_EQ(co_await rows(f, "ready"), 1);
  // It stands still while it takes the job.
  f.first = name;
  int looks = 0;
  f.queue->before_write_for_test([&](std::string_view what) {
    if (what == "claim" && ++looks == 1) f.first.clear();
  });
  f.queue->wake();
  co_await f.until([&] { return looks == 1 && f.queue->statistics().running == 1; });
  while (f.queue->statistics().running > 0) co_await f.until_idle();
  EXPECT_TRUE(worker.seen.empty());
  EXPECT_EQ(co_await rows(f, "ready"), 1);
  EXPECT_EQ(co_await value<std::int64_t>(f, "select attempts from jobs"), 0);
  f.first = name;
  f.queue->wake();
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(worker.seen.size(), 1u);
  co_await f.end();
}

CO_TEST(SharedJobs, Q_15_a_job_that_is_renewed_is_left_alone) {
  Two f(loop);
  Gate gate(loop);
  Worker other;
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler()));
  EXPECT_TRUE(f.other.consume("q", "c", other.handler()));
  co_await f.join_both();
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return gate.began == 1; });
  co_await f.other.start();
  EXPECT_EQ(co_await rows(f, "running"), 1) << "who starts beside others ends nothing of theirs";
  const auto began = f.clock.now();
  co_await f.elapse_until([&] { return f.clock.now() - began > 2min; });
  EXPECT_EQ(other.seen.size(), 0u);
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  co_await f.end();
}

CO_TEST(SharedJobs, Q_3_what_a_process_held_that_is_gone_is_let_go_and_what_one_holds_that_lives_is_not) {
  Two f(loop);
  Worker holds, runs;
  holds.answer = [](const Job&) { return Outcome::hold("slow"); };
  EXPECT_TRUE(f.queue->consume("q", "c", holds.handler(), {.concurrency = 1}));
  EXPECT_TRUE(f.other.consume("q", "c", runs.handler(), {.concurrency = 1}));
  co_await f.join_both();
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return holds.seen.size() == 1 && f.queue->statistics().running == 0; });
  co_await f.other.start();
  const auto began = f.clock.now();
  co_await f.elapse_until([&] { return f.clock.now() - began > 30s; });
  EXPECT_EQ(runs.seen.size(), 0u);
  EXPECT_EQ(co_await rows(f, "held"), 1);
  co_await f.queue->stop(0s);
  co_await f.strike_off(f.first);
  co_await f.elapse_until([&] { return runs.seen.size() == 1; });
  co_await f.end();
}

CO_TEST(SharedJobs, Q_8_what_others_add_and_end_is_counted) {
  Two f(loop);
  Gate gate(loop);
  Worker other;
  const Queue::ConsumerOptions two{.concurrency = 1, .max_unfinished = 2};
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler(), two));
  EXPECT_TRUE(f.other.consume("q", "c", gate.handler(), two));
  co_await f.start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await enqueue(f, {.queue = "q", .payload = "2"});
  const auto add = [&] { return f.database->write([&f, now = f.clock.now()](sql::Session& s) { return f.other.insert(s, {.queue = "q", .payload = "3"}, now); }); };
  bool looked = false;
  f.other.before_write_for_test([&](std::string_view what) { looked |= what == "recount"; });
  co_await f.elapse_until([&] { return looked; });
  co_await f.until_idle();
  const auto refused = co_await add();
  EXPECT_FALSE(refused) << "the second knows by now that it is full";
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done + f.other.statistics().done == 2; });
  looked = false;
  co_await f.elapse_until([&] { return looked; });
  co_await f.until_idle();
  EXPECT_TRUE(co_await add());
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::jobs
