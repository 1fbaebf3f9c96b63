#include "domains/notification/retention.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domains/notification/test/fixture.hpp"
#include "platform/sql/testing.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using test::user;

/// The inbox on a clock of its own, where notifications can be of any age.
struct WithAges : test::Fixture {
  using Fixture::Fixture;
  awaitable<Result<void>> keep(bool enabled, std::int64_t days) { co_return co_await retention.set({.enabled = {enabled}, .retention_days = {days}}); }
  /// `count` notifications of the user, of that age, the first `unread` of them unread.
  awaitable<void> put(UserId of, std::chrono::microseconds age, int count = 1, int unread = 1) {
    co_await database->write([=, at = clock.now() - age](sql::Session& s) {
      s.execute(
          "insert into notifications (id, user_id, title, body, importance, is_read, dispatch_id, created_at) "
          "with recursive n (i) as (select 1 union all select i + 1 from n where i < :3) "
          "select :5 || substr(cast(1000000000000 + i as text), 2), :1, 't', 'b', 'info', i > :4, 'd', :2 from n",
          of, at, count, unread, Uuid::make_v7(1).to_string().substr(0, 24));
    });
  }
  /// A queue that takes jobs in and runs none.
  awaitable<void> no_worker() {
    co_await queue->start();
    co_await queue->stop(0ms);
  }
  awaitable<void> all_done() {
    while (co_await rows("jobs") > 0) co_await asio::post(loop.executor(), use_awaitable);
  }
};

CO_TEST(Retention, N_15_it_is_off_until_it_is_switched_on) {
  WithAges f(loop);
  co_await f.queue->start();
  co_await f.put(user(1), 400 * 24h);
  EXPECT_EQ((co_await f.retention.run()).kind, jobs::Outcome::Kind::done);
  EXPECT_TRUE(co_await f.keep(false, 1));
  co_await f.all_done();
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  co_await f.shut();
}

CO_TEST(Retention, N_15_more_than_a_batch_of_old_ones_goes_at_once_when_it_is_set) {
  WithAges f(loop);
  co_await f.queue->start();
  co_await f.put(user(1), 2 * 24h + 1us, 2 * Retention::kBatch + 7);
  co_await f.put(user(2), 2 * 24h, 3);
  co_await f.put(user(2), 0s, 2);
  EXPECT_TRUE(co_await f.keep(true, 2));
  co_await f.all_done();
  EXPECT_EQ(co_await f.rows("notifications"), 5) << "to the microsecond: what is just as old as the limit stays";
  f.clock.advance(1h, 1h);
  EXPECT_TRUE(co_await f.retention.begin());
  co_await f.all_done();
  EXPECT_EQ(co_await f.rows("notifications"), 2);
  EXPECT_TRUE(f.faults.empty());
  co_await f.shut();
}

CO_TEST(Retention, N_3_a_purge_drops_what_its_users_have_cached_and_tells_them) {
  WithAges f(loop);
  co_await f.queue->start();
  co_await f.put(user(1), 3 * 24h, 3, 2);
  co_await f.put(user(1), 0s, 1);
  co_await f.put(user(2), 3 * 24h, 2, 0);
  co_await f.put(user(3), 0s, 1);
  const auto page = co_await f.open_page(user(1));
  const auto reader = co_await f.open_page(user(2));
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":3}})");
  EXPECT_NE((co_await f.page_of(user(2))).find(R"("total":2)"), std::string::npos);
  EXPECT_TRUE(co_await f.keep(true, 1));
  co_await f.all_done();
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":1}})");
  EXPECT_NE((co_await f.page_of(user(2))).find(R"("total":0)"), std::string::npos);
  co_await f.until([&] { return page->count(R"("unreadCount":1)") == 1; });
  EXPECT_EQ(reader->count("notification.countChanged"), 0u) << "the count of who had read them did not change";
  co_await f.shut();
}

CO_TEST(Retention, N_15_it_is_one_job_however_often_it_is_asked_for) {
  WithAges f(loop);
  co_await f.no_worker();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(co_await f.retention.begin());
  EXPECT_EQ(co_await f.rows("jobs"), 1);
  co_await f.shut();
}

CO_TEST(Retention, N_15_what_is_set_while_it_runs_is_not_lost) {
  WithAges f(loop);
  co_await f.no_worker();
  EXPECT_TRUE(co_await f.retention.begin());
  co_await f.database->write([](sql::Session& s) { s.execute("update jobs set state = 'running'"); });
  EXPECT_TRUE(co_await f.keep(true, 2));
  EXPECT_EQ(co_await f.rows("jobs where state = 'ready'"), 1) << "the one that runs may have looked for the last time";
  co_await f.shut();
}

CO_TEST(Retention, N_15_what_a_dying_process_left_of_it_the_next_one_removes) {
  WithAges f(loop);
  co_await f.no_worker();
  co_await f.put(user(1), 3 * 24h, 10);
  EXPECT_TRUE(co_await f.keep(true, 1));
  // Set, and killed while it ran: a job under a lease nobody renews.
  co_await f.database->write([](sql::Session& s) { s.execute("update jobs set state = 'running', lease_until = 9000000000000000000"); });
  jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  EXPECT_TRUE(f.retention.consume(next));
  co_await next.start();
  while (co_await f.rows("notifications") > 0) co_await asio::post(loop.executor(), use_awaitable);
  co_await next.stop(0ms);
  co_await f.shut();
}

RC_GTEST_PROP(Retention, N_15_nothing_younger_goes_and_nothing_older_stays, ()) {
  sql::testing::FreshSession session(migrations::notification());
  const auto ages = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 20));
  const auto limit = *rc::gen::inRange(1, 10);
  const auto cut = Timestamp::from_millis(10'000);
  std::int64_t older = 0;
  std::set<UserId> owners;
  for (std::size_t i = 0; i < ages.size(); ++i) {
    const auto at = Timestamp::from_millis(1000 * ages[i]);
    const Dispatch dispatch{.id = DispatchId::make(at), .sender = "service:t", .idempotency_key = {}, .body_hash = "h", .message = {.title = "t", .body = "b", .action = {}}, .created_at = at};
    const auto owner = user(static_cast<int>(i % 4));
    store::insert_notifications(session, dispatch, {}, std::vector<store::InboxRow>{{.id = NotificationId::make(at), .user_id = owner}});
    if (at < cut) {
      ++older;
      owners.insert(owner);
    }
  }
  std::int64_t gone = 0;
  std::set<UserId> told;
  while (true) {
    const auto removed = store::remove_old(session, cut, limit);
    RC_ASSERT(removed.rows <= limit);
    told.insert(removed.owners.begin(), removed.owners.end());
    gone += removed.rows;
    if (removed.rows == 0) break;
  }
  RC_ASSERT(gone == older);
  RC_ASSERT(told == owners);
  RC_ASSERT(session.one<std::int64_t>("select count(*) from notifications where created_at < :1", cut) == 0);
  RC_ASSERT(session.one<std::int64_t>("select count(*) from notifications") == static_cast<std::int64_t>(ages.size()) - older);
}

}  // namespace
}  // namespace watchbell::notification
