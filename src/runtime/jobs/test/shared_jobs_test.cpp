// Processes that share the jobs of one database: queues of one loop, of which none knows of another.
#include "runtime/jobs/test/handlers.hpp"

namespace watchbell::jobs {
namespace {

using namespace std::chrono_literals;
using namespace test;

/// A second process on the database of the fixture.
struct Second {
  explicit Second(RuntimeFixture& f) : queue(f.wheel, *f.database, f.on_fault(), {.process = process.to_string(), .alone = false}, 8) {}
  const JobId process = JobId::make(Timestamp::from_millis(1));
  Queue queue;
};

CO_TEST(SharedJobs, Q_2_processes_share_jobs_out_and_each_runs_once) {
  RuntimeFixture f(loop);
  Second second(f);
  Worker a, b;
  Gate gate(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler(), {.concurrency = 3}));
  EXPECT_TRUE(second.queue.consume("q", "c", b.handler(), {.concurrency = 3}));
  int more = 0;
  f.queue->on_more([&] {
    ++more;
    second.queue.wake();
  });
  co_await f.queue->start();
  co_await second.queue.start();
  for (int i = 0; i < 20; ++i) co_await enqueue(f, {.queue = "q", .payload = std::to_string(i)});
  // The first has its hands full and says so.
  co_await f.until([&] { return b.seen.size() == 17; });
  EXPECT_GT(more, 0);
  EXPECT_EQ(gate.began, 3u);
  EXPECT_EQ(std::set<std::string>(b.seen.begin(), b.seen.end()).size(), 17u);
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done == 3 && second.queue.statistics().done == 17; });
  EXPECT_EQ(co_await rows(f), 0);
  EXPECT_EQ(f.queue->statistics().lost + second.queue.statistics().lost, 0u);
  co_await second.queue.stop(0s);
  co_await f.close();
}

CO_TEST(SharedJobs, Q_15_the_job_of_a_process_that_stands_still_is_another_s_and_its_late_end_changes_nothing) {
  RuntimeFixture f(loop);
  Second second(f);
  Gate first(loop), then(loop);
  EXPECT_TRUE(f.queue->consume("q", "c", first.handler()));
  EXPECT_TRUE(second.queue.consume("q", "c", then.handler()));
  fail_writes(*f.queue, "renew", 1000, Fault("it stands still"));
  co_await f.queue->start();
  co_await second.queue.start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return first.began == 1; });
  const auto before = f.clock.now();
  co_await f.elapse_until([&] { return then.began == 1; });
  EXPECT_GE(f.clock.now() - before, 30s) << "not before its lease was over";
  EXPECT_LE(f.clock.now() - before, 60s);
  const auto claim = co_await value<std::string>(f, "select claim from jobs");
  EXPECT_TRUE(claim.starts_with(second.process.to_string()));
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
  co_await f.until([&] { return second.queue.statistics().done == 1; });
  EXPECT_EQ(co_await rows(f), 0);
  co_await second.queue.stop(0s);
  co_await f.close();
}

CO_TEST(SharedJobs, Q_15_a_job_that_is_renewed_is_left_alone) {
  RuntimeFixture f(loop);
  Second second(f);
  Gate gate(loop);
  Worker other;
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler()));
  EXPECT_TRUE(second.queue.consume("q", "c", other.handler()));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return gate.began == 1; });
  co_await second.queue.start();
  EXPECT_EQ(co_await rows(f, "running"), 1) << "who starts beside others ends nothing of theirs";
  const auto began = f.clock.now();
  co_await f.elapse_until([&] { return f.clock.now() - began > 2min; });
  EXPECT_EQ(other.seen.size(), 0u);
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  co_await second.queue.stop(0s);
  co_await f.close();
}

CO_TEST(SharedJobs, Q_3_what_a_process_held_that_is_gone_is_let_go_and_what_one_holds_that_lives_is_not) {
  RuntimeFixture f(loop);
  Second second(f);
  Worker holds, runs;
  holds.answer = [](const Job&) { return Outcome::hold("slow"); };
  EXPECT_TRUE(f.queue->consume("q", "c", holds.handler(), {.concurrency = 1}));
  EXPECT_TRUE(second.queue.consume("q", "c", runs.handler(), {.concurrency = 1}));
  co_await f.queue->start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await f.until([&] { return holds.seen.size() == 1 && f.queue->statistics().running == 0; });
  EXPECT_TRUE(co_await f.database->write([](sql::Session& s) {
    s.execute("insert into processes (member, process, lease_no, joined_at) select 'm', substr(claim, 1, 36), 1, 0 from jobs");
  }));
  co_await second.queue.start();
  const auto began = f.clock.now();
  co_await f.elapse_until([&] { return f.clock.now() - began > 30s; });
  EXPECT_EQ(runs.seen.size(), 0u);
  EXPECT_EQ(co_await rows(f, "held"), 1);
  EXPECT_TRUE(co_await f.database->write([](sql::Session& s) { s.execute("delete from processes"); }));
  co_await f.elapse_until([&] { return runs.seen.size() == 1; });
  co_await second.queue.stop(0s);
  co_await f.close();
}

CO_TEST(SharedJobs, Q_8_what_others_add_and_end_is_counted) {
  RuntimeFixture f(loop);
  Second second(f);
  Gate gate(loop);
  Worker other;
  const Queue::ConsumerOptions two{.concurrency = 1, .max_unfinished = 2};
  EXPECT_TRUE(f.queue->consume("q", "c", gate.handler(), two));
  EXPECT_TRUE(second.queue.consume("q", "c", gate.handler(), two));
  co_await f.queue->start();
  co_await second.queue.start();
  co_await enqueue(f, {.queue = "q", .payload = "1"});
  co_await enqueue(f, {.queue = "q", .payload = "2"});
  const auto add = [&] { return f.database->write([&second, now = f.clock.now()](sql::Session& s) { return second.queue.insert(s, {.queue = "q", .payload = "3"}, now); }); };
  bool looked = false;
  second.queue.before_write_for_test([&](std::string_view what) { looked |= what == "look_after"; });
  co_await f.elapse_until([&] { return looked; });
  co_await f.until_idle();
  const auto refused = co_await add();
  EXPECT_FALSE(refused) << "the second knows by now that it is full";
  gate.let_go();
  co_await f.until([&] { return f.queue->statistics().done + second.queue.statistics().done == 2; });
  looked = false;
  co_await f.elapse_until([&] { return looked; });
  co_await f.until_idle();
  EXPECT_TRUE(co_await add());
  co_await second.queue.stop(0s);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::jobs
