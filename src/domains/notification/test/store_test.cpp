#include <gtest/gtest.h>

#include "domains/notification/module.hpp"
#include "domains/notification/store.hpp"
#include "domains/notification/test/fixture.hpp"
#include "platform/sql/testing.hpp"
#include "runtime/jobs/store.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& runtime();
}

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using test::user;

const Timestamp kNow = Timestamp::from_millis(1'767'225'600'000);

Dispatch dispatch_at(Timestamp at, std::string title = "t") {
  return {.id = DispatchId::make(at), .sender = "service:t", .idempotency_key = {}, .body_hash = "h", .message = {.title = std::move(title), .body = "b", .action = {}}, .created_at = at};
}

/// One notification of the user at that instant.
NotificationId put(sql::Session& session, UserId of, Timestamp at, std::string title = "t", std::string body = "b", std::optional<std::string> key = {}) {
  auto dispatch = dispatch_at(at, std::move(title));
  dispatch.message.body = std::move(body);
  dispatch.message.collapse_key = std::move(key);
  store::insert_dispatch(session, dispatch, {});
  const std::vector<store::InboxRow> rows{{.id = NotificationId::make(at), .user_id = of}};
  store::insert_notifications(session, dispatch, {}, rows);
  return rows[0].id;
}

/// Hands everything on, and counts the statements.
class Counting final : public sql::detail::Connection {
 public:
  explicit Counting(int& count) : inner_(sql::detail::open_sqlite({.file = ":memory:"})), count_(count) {}
  sql::Dialect dialect() const noexcept override { return inner_->dialect(); }
  sql::detail::Cursor& start(std::string_view text, std::span<const sql::detail::Param> params) override {
    ++count_;
    return inner_->start(text, params);
  }
  void control(Control what) override { inner_->control(what); }
  bool in_transaction() const noexcept override { return inner_->in_transaction(); }
  bool owes_foreign_keys() const noexcept override { return inner_->owes_foreign_keys(); }
  std::optional<sql::Fault::Kind> broken() const noexcept override { return inner_->broken(); }
  void set_access(Access access) noexcept override { inner_->set_access(access); }
  void assert_idle() const noexcept override { inner_->assert_idle(); }
  void script(const std::string& text) override { inner_->script(text); }
  std::vector<std::string> tables() override { return inner_->tables(); }
  Result<void> migrate(const std::function<Result<void>()>& body) override { return inner_->migrate(body); }
  void copy_to(const std::string& file) override { inner_->copy_to(file); }
  void* native_handle_for_test() noexcept override { return inner_->native_handle_for_test(); }

 private:
  std::unique_ptr<sql::detail::Connection> inner_;
  int& count_;
};

TEST(NotificationStore, N_16_pages_have_a_stable_order) {
  sql::testing::FreshSession session(migrations::notification());
  for (int i = 0; i < 7; ++i) put(session, user(1), kNow + (i / 3) * 1s);
  put(session, user(2), kNow);
  std::vector<std::pair<Timestamp, NotificationId>> seen;
  for (int offset = 0; offset < 8; offset += 2)
    for (const auto& row : store::page(session, user(1), false, 2, offset)) seen.emplace_back(row.created_at, row.id);
  ASSERT_EQ(seen.size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::ranges::greater()));
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  EXPECT_EQ(store::count(session, user(1), false), 7);
  EXPECT_EQ(store::unread_count(session, user(1)), 7);
}

/// The titles of what a search of the user's inbox finds, newest first; and that as many are counted.
std::string found(sql::Session& session, std::string search, bool unread_only = false, std::optional<std::string> key = {}, UserId of = user(1)) {
  std::string titles;
  std::int64_t rows = 0;
  for (const auto& row : store::page(session, of, unread_only, 100, 0, key, search)) titles += row.title + "|", ++rows;
  EXPECT_EQ(store::count(session, of, unread_only, key, search), rows) << search;
  return titles;
}

TEST(NotificationStore, a_search_finds_titles_and_bodies_without_regard_to_case) {
  sql::testing::FreshSession session(migrations::notification());
  const auto first = put(session, user(1), kNow, "Disk FULL", "on host-7", "k");
  put(session, user(1), kNow + 1s, "CPU high", "the **Disk** of Ärzte is 100 % full");
  put(session, user(1), kNow + 2s, "a_b", R"(C:\temp)");
  put(session, user(2), kNow, "Disk full of another");
  EXPECT_EQ(found(session, "disk"), "CPU high|Disk FULL|");
  EXPECT_EQ(found(session, "DISK full"), "Disk FULL|");
  EXPECT_EQ(found(session, "host-7"), "Disk FULL|");
  EXPECT_EQ(found(session, "nothing of it"), "");
  // Signs of the pattern language are letters like others.
  EXPECT_EQ(found(session, "a_b"), "a_b|");
  EXPECT_EQ(found(session, "_"), "a_b|");
  EXPECT_EQ(found(session, "0 %"), "CPU high|");
  EXPECT_EQ(found(session, "%"), "CPU high|");
  EXPECT_EQ(found(session, R"(\t)"), "a_b|");
  EXPECT_EQ(found(session, "' or 1=1 --"), "");
  // Beyond ASCII letters are found as they are written.
  EXPECT_EQ(found(session, "Ärzte"), "CPU high|");
  EXPECT_EQ(found(session, "ärzte"), "");
  // With what else chooses rows.
  EXPECT_EQ(found(session, "disk", false, "k"), "Disk FULL|");
  EXPECT_EQ(found(session, "cpu", false, "k"), "");
  EXPECT_EQ(store::mark_read(session, user(1), first), 1);
  EXPECT_EQ(found(session, "disk", true), "CPU high|");
  EXPECT_EQ(found(session, "disk", true, "k"), "");
  EXPECT_EQ(found(session, "disk", false, {}, user(2)), "Disk full of another|");
}

TEST(NotificationStore, N_16_pages_of_a_search_have_a_stable_order_and_read_one_inbox) {
  sql::testing::FreshSession session(migrations::notification());
  for (int i = 0; i < 9; ++i) put(session, user(1), kNow + (i / 3) * 1s, i % 4 == 3 ? "other" : "disk");
  std::vector<std::pair<Timestamp, NotificationId>> seen;
  for (int offset = 0; offset < 8; offset += 2)
    for (const auto& row : store::page(session, user(1), false, 2, offset, {}, "disk")) seen.emplace_back(row.created_at, row.id);
  ASSERT_EQ(seen.size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::ranges::greater()));
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  if (session.dialect() != sql::Dialect::sqlite) return;
  const auto plan = [&](std::string_view what, std::string_view which, std::string_view order) {
    std::string steps;
    for (const auto& [id, parent, unused, detail] : session.all<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>>(
             fmt::format("explain query plan select {} from notifications where {} and (lower(title) like '%x%' escape '\\' or lower(body) like '%x%' escape '\\'){}", what,
                         which, order)))
      steps += detail + "; ";
    return steps;
  };
  constexpr std::string_view newest = " order by created_at desc, id desc limit 20 offset 0";
  EXPECT_EQ(plan("id", "user_id = 'u' and (not 0 or not is_read)", newest), "SEARCH notifications USING INDEX notifications_inbox (user_id=?); ");
  EXPECT_EQ(plan("count(*)", "user_id = 'u' and (not 0 or not is_read)", "").find("SEARCH notifications USING INDEX notifications_"), 0u);
  EXPECT_EQ(plan("id", "user_id = 'u' and collapse_key = 'k' and (not 0 or not is_read)", newest),
            "SEARCH notifications USING INDEX notifications_collapse (user_id=? AND collapse_key=?); ");
}

TEST(NotificationStore, N_12_marking_and_deleting_touch_only_rows_that_change) {
  sql::testing::FreshSession session(migrations::notification());
  const auto a = put(session, user(1), kNow), b = put(session, user(1), kNow), c = put(session, user(1), kNow);
  const auto foreign = put(session, user(2), kNow);
  EXPECT_EQ(store::mark_read(session, user(1), a), 1);
  EXPECT_EQ(store::mark_read(session, user(1), a), 0);
  EXPECT_EQ(store::mark_read(session, user(1), foreign), 0);
  EXPECT_EQ(store::mark_read(session, user(1), NotificationId::make(kNow)), 0);
  EXPECT_EQ(store::mark_read(session, user(1), {}), 2);
  EXPECT_EQ(store::mark_read(session, user(1), {}), 0);
  EXPECT_EQ(store::unread_count(session, user(2)), 1);
  EXPECT_EQ(store::unread_counts(session, {user(1), user(2), user(3)}), (std::vector<std::pair<UserId, std::int64_t>>{{user(2), 1}}));
  EXPECT_FALSE(store::remove(session, user(1), foreign));
  EXPECT_TRUE(store::remove(session, user(1), b));
  EXPECT_FALSE(store::remove(session, user(1), b));
  EXPECT_EQ(store::page(session, user(1), false, 10, 0).size(), 2u);
  EXPECT_TRUE(store::page(session, user(1), true, 10, 0).empty());
  static_cast<void>(c);
}

TEST(NotificationStore, groups_keep_their_owner_and_say_whether_they_changed) {
  sql::testing::FreshSession session(migrations::notification());
  EXPECT_EQ(store::put_group(session, {"t.a", "A", "d", "t"}, kNow), store::Put::made);
  EXPECT_EQ(store::put_group(session, {"t.a", "A", "d", "other"}, kNow + 1s), store::Put::same);
  EXPECT_EQ(store::put_group(session, {"t.a", "B", "d", "other"}, kNow + 1s), store::Put::changed);
  const auto groups = store::groups(session);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].name, "B");
  EXPECT_EQ(groups[0].owner_plugin, "t");
  EXPECT_EQ(groups[0].created_at, kNow);
  EXPECT_FALSE(store::remove_group(session, "t.a", "other"));
  EXPECT_TRUE(store::remove_group(session, "t.a", "t"));
}

TEST(NotificationStore, subscriptions_keep_their_first_time_and_go_with_their_group) {
  sql::testing::FreshSession session(migrations::notification());
  store::put_group(session, {"t.a", "A", "", "t"}, kNow);
  store::put_group(session, {"t.b", "B", "", "t"}, kNow);
  EXPECT_TRUE(store::subscribe(session, user(1), "t.b", kNow));
  EXPECT_FALSE(store::subscribe(session, user(1), "t.b", kNow + 1s));
  EXPECT_FALSE(store::subscribe(session, user(1), "t.none", kNow));
  EXPECT_TRUE(store::subscribe(session, user(1), "t.a", kNow + 2s));
  EXPECT_TRUE(store::subscribe(session, user(2), "t.a", kNow));
  const auto mine = store::subscriptions(session, user(1));
  ASSERT_EQ(mine.size(), 2u);
  EXPECT_EQ(mine[0].group_id, "t.b");
  EXPECT_EQ(mine[0].subscribed_at, kNow);
  EXPECT_EQ(store::followers(session, {"t.a", "t.b", "t.none"}), (std::vector<UserId>{user(1), user(2)}));
  EXPECT_TRUE(store::remove_group(session, "t.a", {}));
  EXPECT_EQ(store::subscriptions(session, user(1)).size(), 1u);
  EXPECT_TRUE(store::unsubscribe(session, user(1), "t.b"));
  EXPECT_FALSE(store::unsubscribe(session, user(1), "t.b"));
}

TEST(NotificationStore, N_7_ten_thousand_recipients_take_a_handful_of_statements) {
  int statements = 0;
  sql::Session session(std::make_unique<Counting>(statements));
  const std::array<const sql::MigrationSet*, 2> sets{&migrations::runtime(), &migrations::notification()};
  ASSERT_TRUE(sql::migrate(session, sets, kNow));
  std::vector<UserId> users;
  for (int i = 0; i < 10'000; ++i) users.push_back(user(i));
  for (int i = 0; i < 10'000; i += 2) store::put_preference(session, users[static_cast<std::size_t>(i)], "s", {.enabled = i % 4 == 0, .is_configured = true}, kNow);
  const auto dispatch = dispatch_at(kNow);
  statements = 0;
  store::insert_dispatch(session, dispatch, {});
  std::vector<store::InboxRow> rows;
  for (const auto& one : users) rows.push_back({.id = NotificationId::make(kNow), .user_id = one});
  store::insert_notifications(session, dispatch, "t.g", rows);
  std::vector<store::NewDelivery> deliveries;
  std::vector<std::string> payloads;
  const auto reachable = store::reachable(session, "s", users);
  EXPECT_EQ(reachable.size(), 2500u);
  for (const auto& row : rows) {
    deliveries.push_back({.id = DeliveryId::make(kNow), .notification_id = row.id, .user_id = row.user_id});
    payloads.push_back("{}");
  }
  store::insert_deliveries(session, dispatch.id, "s", deliveries, kNow);
  jobs::NewJob like;
  like.queue = "delivery";
  jobs::store::insert_many(session, like, payloads, "c", kNow);
  EXPECT_LE(statements, 8);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from notifications"), 10'000);
  EXPECT_EQ(session.one<std::int64_t>("select count(distinct user_id) from deliveries"), 10'000);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from jobs where state = 'ready'"), 10'000);
  EXPECT_EQ(store::find_delivery(session, deliveries[7].id)->user_id, user(7));
  EXPECT_EQ(store::page(session, user(9'999), true, 5, 0)[0].group_id, "t.g");
  // Those without a wish of their own are among them, and they come in the order of users.
  const auto not_refusing = store::not_refusing(session, "s", users);
  EXPECT_EQ(not_refusing.size(), 7500u);
  EXPECT_TRUE(std::ranges::is_sorted(not_refusing));
}

TEST(NotificationStore, the_rows_of_a_send_are_found_for_some_of_its_users) {
  sql::testing::FreshSession session(migrations::notification());
  const auto dispatch = dispatch_at(kNow), other = dispatch_at(kNow);
  for (const auto& one : {dispatch, other}) store::insert_dispatch(session, one, {});
  std::vector<store::InboxRow> rows, others;
  for (int i = 0; i < 4; ++i) {
    rows.push_back({.id = NotificationId::make(kNow), .user_id = user(i)});
    others.push_back({.id = NotificationId::make(kNow), .user_id = user(i)});
  }
  store::insert_notifications(session, dispatch, {}, rows);
  store::insert_notifications(session, other, {}, others);
  std::map<UserId, NotificationId> found;
  for (const auto& row : store::rows_of(session, dispatch.id, kNow, {user(1), user(3), user(9)})) found.emplace(row.user_id, row.id);
  EXPECT_EQ(found, (std::map<UserId, NotificationId>{{user(1), rows[1].id}, {user(3), rows[3].id}}));
  EXPECT_TRUE(store::rows_of(session, dispatch.id, kNow + 1s, {user(1)}).empty());
  EXPECT_TRUE(store::rows_of(session, dispatch.id, kNow, {}).empty());
  if (session.dialect() != sql::Dialect::sqlite) return;
  std::string steps;
  for (const auto& [id, parent, unused, detail] : session.all<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>>(
           "explain query plan select id, user_id from notifications where user_id in (select value from json_each('[]')) and created_at = 1 and dispatch_id = 'd'"))
    steps += detail + "; ";
  EXPECT_EQ(steps.find("SEARCH notifications USING INDEX notifications_inbox (user_id=? AND created_at=?)"), 0u) << steps;
}

TEST(NotificationStore, a_dispatch_reads_back_as_it_was_written) {
  sql::testing::FreshSession session(migrations::notification());
  auto dispatch = dispatch_at(kNow, "title \"quoted\"");
  dispatch.message.action = Action{.label = "Open", .url = "/x"};
  dispatch.message.importance = Importance::critical;
  dispatch.idempotency_key = "k";
  store::insert_dispatch(session, dispatch, {"b.\"2\"", "a.1"});
  const auto read = store::find_dispatch(session, dispatch.id).value();
  EXPECT_EQ(read.message, dispatch.message);
  EXPECT_EQ(read.state, DispatchState::pending);
  EXPECT_EQ(store::group_ids(session, dispatch.id), (std::vector<std::string>{"a.1", "b.\"2\""}));
  store::finish_dispatch(session, dispatch.id, 3);
  EXPECT_EQ(store::find_key(session, "service:t", "k")->notified_count, 3);
  EXPECT_FALSE(store::find_key(session, "service:u", "k"));
  store::release_key(session, "service:t", "k", kNow);
  EXPECT_TRUE(store::find_key(session, "service:t", "k"));
  store::release_key(session, "service:t", "k", kNow + 1s);
  EXPECT_FALSE(store::find_key(session, "service:t", "k"));
}

TEST(NotificationStore, N_15_what_is_old_goes_and_what_waits_stays) {
  sql::testing::FreshSession session(migrations::notification());
  const auto waiting = dispatch_at(kNow), ended = dispatch_at(kNow), fresh = dispatch_at(kNow + 2s), unsent = dispatch_at(kNow);
  std::vector<Delivery> deliveries;
  for (const auto* dispatch : {&waiting, &ended, &fresh}) {
    store::insert_dispatch(session, *dispatch, {});
    store::finish_dispatch(session, dispatch->id, 1);
    const std::vector<store::NewDelivery> one{{.id = DeliveryId::make(kNow), .notification_id = NotificationId::make(kNow), .user_id = user(1)}};
    store::insert_deliveries(session, dispatch->id, "s", one, dispatch->created_at);
    deliveries.push_back(store::find_delivery(session, one[0].id).value());
    store::insert_attempt(session, deliveries.back(), {.at = dispatch->created_at, .status = AttemptStatus::failure, .error_message = "no", .duration_ms = 3});
  }
  store::insert_dispatch(session, unsent, {});
  store::settle_delivery(session, deliveries[1], DeliveryState::dead, 10, {}, "no", kNow);
  store::settle_delivery(session, deliveries[2], DeliveryState::delivered, 1, {}, {}, kNow + 2s);
  EXPECT_EQ(store::purge(session, kNow + 1s, 100), 2 + 1 + 1);
  EXPECT_EQ(store::purge(session, kNow + 1s, 100), 0);
  EXPECT_TRUE(store::find_delivery(session, deliveries[0].id));
  EXPECT_FALSE(store::find_delivery(session, deliveries[1].id));
  EXPECT_TRUE(store::find_delivery(session, deliveries[2].id));
  EXPECT_TRUE(store::find_dispatch(session, unsent.id));
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from delivery_attempts"), 1);
}

}  // namespace
}  // namespace watchbell::notification
