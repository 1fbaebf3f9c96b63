#include "domains/notification/users.hpp"
#include "domains/notification/test/fixture.hpp"

namespace watchbell::notification {
namespace {

using test::user;

struct WithUsers : test::Fixture {
  explicit WithUsers(async::Loop& l) : Fixture(l) { EXPECT_TRUE(follow_users(*bus, *changes, settings, service)); }
};

CO_TEST(FormerUsers, AUTHCHECK_06_leave_nothing_behind) {
  WithUsers f(loop);
  co_await f.queue->start();
  co_await f.change([&f](Change& change) { return f.service.put_group(change, {.id = "catalog.a", .name = "A", .description = "a", .owner = "catalog"}); });
  for (const int n : {1, 2}) {
    EXPECT_TRUE(co_await f.service.subscribe(user(n), "catalog.a"));
    EXPECT_TRUE(co_await f.set_webhook(user(n), R"({"url":"http://127.0.0.1:1/","signingSecret":"s3cret"})"));
  }
  co_await f.notify({user(1), user(2)});
  // One whose notification he removed himself, and more of them than a batch.
  co_await f.database->write([](sql::Session& s) {
    s.execute(
        "insert into deliveries (id, dispatch_id, notification_id, user_id, strategy_id, state, attempts, created_at, updated_at) "
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 1500) "
        "select '01000000-0000-7000-a000-' || substr(cast(1000000000000 + i as text), 2), (select id from dispatches), "
        "'01000000-0000-7000-b000-' || substr(cast(1000000000000 + i as text), 2), :1, 's', 'pending', 0, i, i from n",
        user(1));
  });
  // More than one batch of them.
  co_await f.database->write([](sql::Session& s) {
    s.execute(
        "insert into notifications (id, user_id, title, body, importance, is_read, dispatch_id, created_at) "
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 2500) "
        "select '01000000-0000-7000-9000-' || substr(cast(1000000000000 + i as text), 2), (select user_id from notifications order by user_id limit 1), "
        "'t', 'b', 'info', false, 'd', i from n");
  });
  f.gone.insert(user(1));
  co_await f.change([](Change& change) { return change.publishes(events::make(auth::kUserDeleted, auth::UserDeleted{.user_id = user(1)})); });
  const auto left = [&f](std::string table) { return f.one<std::int64_t>("select count(*) from " + table + " where user_id = '" + user(1).to_string() + "'"); };
  while (co_await left("notification_preferences") > 0) co_await asio::post(loop.executor(), use_awaitable);
  for (const char* table : {"notifications", "deliveries", "notification_subscriptions"}) EXPECT_EQ(co_await left(table), 0) << table;
  EXPECT_EQ(co_await f.rows("settings_records"), 1) << "the other's alone";
  for (const char* table : {"notifications", "deliveries", "notification_subscriptions", "notification_preferences"})
    EXPECT_EQ(co_await f.rows(table), 1) << table;
  EXPECT_TRUE(f.faults.empty());
  co_await f.shut();
}

CO_TEST(AddressChanges, are_told_to_whom_they_concern_once) {
  WithUsers f(loop);
  co_await f.queue->start();
  const auth::EmailChanged event{
      .user_id = user(1), .change = Uuid::make_v7(1), .old_email = *Email::make("old@example.com"), .new_email = *Email::make("new@example.com")};
  for (int i = 0; i < 2; ++i) co_await f.change([event](Change& change) { return change.publishes(events::make(auth::kEmailChanged, event)); });
  while (co_await f.rows("jobs") > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  const std::string page = co_await f.page_of(user(1));
  EXPECT_NE(page.find("It was old@example.com and is new@example.com now."), std::string::npos) << page;
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
