#include "domains/notification/test/fixture.hpp"
#include "runtime/test/held_read.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using test::application;
using test::Fixture;
using test::user;

const GroupDefinition kGroup{.id = "catalog.system.1", .name = "Shop", .description = "d", .owner = "catalog"};

awaitable<void> put_group(Fixture& f, GroupDefinition group) {
  co_await f.change([&f, group](Change& change) { return f.service.put_group(change, group); });
}

/// The id of the user's newest notification.
awaitable<NotificationId> newest(Fixture& f, UserId of) {
  auto rows = co_await f.database->read([of](sql::Session& session) { return store::page(session, of, false, 1, 0); });
  co_return rows->at(0).id;
}

constexpr auto kNoneUnread = R"({"json":{"notifications":[],"total":0,"limit":20,"offset":0}})";

awaitable<void> page_into(Fixture& f, std::string& into) { into = co_await f.page_of(user(1), {.unread_only = true}); }

CO_TEST(Inbox, N_1_a_page_that_refetches_on_a_signal_reads_the_new_state) {
  Fixture f(loop, Fixture::Storage::file);
  co_await f.queue->start();
  co_await f.notify({user(1)});
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":1}})");
  const auto page = co_await f.open_page(user(1));
  // Another page of the list is being loaded by a reader that will not see the change, and by nobody else, until the refetches have ended.
  watchbell::test::HeldRead held(loop, *f.database);
  co_await held.arm();
  std::string early;
  f.scope.spawn("load", page_into(f, early));
  co_await held.entered();
  std::vector<std::string> counts, pages;
  struct Refetch {
    static awaitable<void> run(Fixture& fixture, std::vector<std::string>& c, std::vector<std::string>& p) {
      c.push_back(co_await fixture.unread(user(1)));
      p.push_back(co_await fixture.page_of(user(1), {.unread_only = true}));
    }
  };
  page->on_frame = [&](const std::string&) { f.scope.spawn("refetch", Refetch::run(f, counts, pages)); };
  CO_ASSERT_TRUE((co_await f.service.mark_as_read(user(1), {})).has_value());
  EXPECT_EQ(page->count(R"("signalId":"notification.read","pluginId":"notification","payload":{})"), 1u);
  co_await f.until([&] { return pages.size() == 2; });
  EXPECT_EQ(page->heard.size(), 2u);
  EXPECT_EQ(page->count(R"("payload":{"unreadCount":0})"), 1u);
  for (const auto& count : counts) EXPECT_EQ(count, R"({"json":{"count":0}})");
  for (const auto& one : pages) EXPECT_EQ(one, kNoneUnread);
  EXPECT_TRUE(early.empty());
  held.release();
  co_await f.until([&] { return !early.empty(); });
  EXPECT_EQ(co_await f.page_of(user(1), {.unread_only = true}), kNoneUnread);
  co_await f.shut();
}

CO_TEST(Inbox, C_2_a_page_whose_first_load_ran_into_a_change_is_not_kept) {
  Fixture f(loop, Fixture::Storage::file);
  co_await f.queue->start();
  co_await f.notify({user(1)});
  // Nothing of it is cached: the load opens its snapshot first, and the change commits and returns while it is under way.
  watchbell::test::HeldRead held(loop, *f.database);
  co_await held.arm();
  std::string early;
  f.scope.spawn("load", page_into(f, early));
  co_await held.entered();
  const auto marked = co_await f.service.mark_as_read(user(1), {});
  EXPECT_TRUE(marked);
  EXPECT_TRUE(early.empty());
  held.release();
  co_await f.until([&] { return !early.empty(); });
  EXPECT_NE(early.find(R"("total":1)"), std::string::npos) << "it saw the change: nothing was raced";
  EXPECT_EQ(f.cache.snapshot().discarded.invalidated, 1u);
  EXPECT_EQ(co_await f.page_of(user(1), {.unread_only = true}), kNoneUnread);
  co_await f.shut();
}

CO_TEST(Inbox, C_1_reads_are_kept_until_they_change) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await f.notify({user(1)});
  co_await f.unread(user(1));
  const auto loads = f.cache.snapshot().loads;
  for (int i = 0; i < 5; ++i) co_await f.unread(user(1));
  EXPECT_EQ(f.cache.snapshot().loads, loads);
  // Another user's send drops nothing of ours.
  co_await f.notify({user(2)});
  const auto before = f.cache.snapshot().loads;
  co_await f.unread(user(1));
  EXPECT_EQ(f.cache.snapshot().loads, before);
  co_await f.notify({user(1)});
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":2}})");
  co_await f.shut();
}

CO_TEST(Inbox, N_12_nothing_is_said_or_dropped_when_nothing_changed) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await f.notify({user(1), user(2)});
  const auto mine = co_await newest(f, user(1));
  const auto foreign = co_await newest(f, user(2));
  const auto page = co_await f.open_page(user(1));
  co_await f.unread(user(1));
  const auto loads = f.cache.snapshot().loads;
  EXPECT_TRUE(co_await f.service.mark_as_read(user(1), foreign));
  EXPECT_TRUE(co_await f.service.mark_as_read(user(1), NotificationId::make(f.clock.now())));
  EXPECT_TRUE(co_await f.service.remove(user(1), foreign));
  co_await f.unread(user(1));
  EXPECT_EQ(f.cache.snapshot().loads, loads);
  EXPECT_TRUE(page->heard.empty());
  EXPECT_TRUE(co_await f.service.mark_as_read(user(1), mine));
  co_await f.until([&] { return page->count("notification.countChanged") == 1; });
  EXPECT_EQ(page->heard.size(), 2u);
  EXPECT_EQ(page->count(R"("payload":{"notificationId":")" + mine.to_string() + "\"}"), 1u);
  EXPECT_TRUE(co_await f.service.mark_as_read(user(1), mine));
  EXPECT_TRUE(co_await f.service.mark_as_read(user(1), {}));
  co_await f.until_idle();
  EXPECT_EQ(page->heard.size(), 2u);
  EXPECT_EQ(co_await f.unread(user(2)), R"({"json":{"count":1}})");
  co_await f.shut();
}

CO_TEST(Inbox, deleting_tells_the_new_count) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await f.notify({user(1)});
  co_await f.notify({user(1)});
  co_await f.unread(user(1));
  const auto page = co_await f.open_page(user(1));
  const auto id = co_await newest(f, user(1));
  EXPECT_TRUE(co_await f.service.remove(user(1), id));
  co_await f.until([&] { return page->count(R"("payload":{"unreadCount":1})") == 1; });
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":1}})");
  EXPECT_TRUE(co_await f.service.remove(user(1), id));
  co_await f.until_idle();
  EXPECT_EQ(page->heard.size(), 1u);
  co_await f.shut();
}

CO_TEST(Groups, following_is_cached_and_dropped) {
  Fixture f(loop);
  co_await put_group(f, kGroup);
  EXPECT_EQ(*(co_await f.service.subscriptions(user(1)).wait())->bytes, R"({"json":[]})");
  const auto unknown = co_await f.service.subscribe(user(1), "catalog.system.none");
  CO_ASSERT_TRUE(!unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_TRUE(co_await f.service.subscribe(user(1), kGroup.id));
  EXPECT_TRUE(co_await f.service.subscribe(user(1), kGroup.id));
  const std::string mine = *(co_await f.service.subscriptions(user(1)).wait())->bytes;
  EXPECT_EQ(mine.find(R"({"json":[{"groupId":"catalog.system.1","groupName":"Shop","groupDescription":"d","ownerPlugin":"catalog","subscribedAt":)"), 0u) << mine;
  EXPECT_TRUE(co_await f.service.unsubscribe(user(1), kGroup.id));
  EXPECT_TRUE(co_await f.service.unsubscribe(user(1), "nope"));
  EXPECT_EQ(*(co_await f.service.subscriptions(user(1)).wait())->bytes, R"({"json":[]})");
  co_await f.shut();
}

CO_TEST(Groups, N_2_a_list_whose_first_load_ran_into_a_change_is_not_kept) {
  Fixture f(loop, Fixture::Storage::file);
  co_await put_group(f, kGroup);
  watchbell::test::HeldRead held(loop, *f.database);
  co_await held.arm();
  std::string early;
  struct Load {
    static awaitable<void> run(Fixture& fixture, std::string& into) { into = *(co_await fixture.service.subscriptions(user(1)).wait())->bytes; }
  };
  f.scope.spawn("load", Load::run(f, early));
  co_await held.entered();
  const auto followed = co_await f.service.subscribe(user(1), kGroup.id);
  EXPECT_TRUE(followed);
  EXPECT_TRUE(early.empty());
  held.release();
  co_await f.until([&] { return !early.empty(); });
  EXPECT_EQ(early, R"({"json":[]})") << "it saw the change: nothing was raced";
  EXPECT_NE((co_await f.service.subscriptions(user(1)).wait())->bytes->find("Shop"), std::string::npos);
  co_await f.shut();
}

CO_TEST(Inbox, N_2_every_page_of_an_inbox_is_fenced_and_the_fence_does_not_grow) {
  Fixture f(loop, Fixture::Storage::file);
  co_await f.queue->start();
  co_await f.notify({user(1)});
  // A page nobody ever asked for, so that no drop has met its key: the family is what is fenced.
  watchbell::test::HeldRead held(loop, *f.database);
  co_await held.arm();
  std::string early;
  struct Load {
    static awaitable<void> run(Fixture& fixture, std::string& into) { into = co_await fixture.page_of(user(1), {.limit = 7, .offset = 0, .unread_only = true}); }
  };
  f.scope.spawn("load", Load::run(f, early));
  co_await held.entered();
  const auto marked = co_await f.service.mark_as_read(user(1), {});
  EXPECT_TRUE(marked);
  held.release();
  co_await f.until([&] { return !early.empty(); });
  EXPECT_NE(early.find(R"("total":1)"), std::string::npos) << "it saw the change: nothing was raced";
  EXPECT_NE((co_await f.page_of(user(1), {.limit = 7, .offset = 0, .unread_only = true})).find(R"("total":0)"), std::string::npos);
  // Drops of what nobody reads leave nothing behind.
  const auto before = f.cache.snapshot();
  std::vector<UserId> users;
  for (int n = 10; n < 3010; ++n) users.push_back(user(n));
  co_await f.notify(users);
  const auto after = f.cache.snapshot();
  EXPECT_EQ(after.families, before.families);
  EXPECT_EQ(after.entries, before.entries);
  co_await f.shut();
}

CO_TEST(Groups, N_3_renaming_and_removing_drop_the_followers_lists) {
  Fixture f(loop);
  co_await put_group(f, kGroup);
  EXPECT_TRUE(co_await f.service.subscribe(user(1), kGroup.id));
  co_await f.service.subscriptions(user(1)).wait();
  auto renamed = kGroup;
  renamed.name = "Web shop";
  co_await put_group(f, renamed);
  EXPECT_NE((co_await f.service.subscriptions(user(1)).wait())->bytes->find("Web shop"), std::string::npos);
  // Mending what is as it should be reads nothing anew.
  const auto loads = f.cache.snapshot().loads;
  co_await put_group(f, renamed);
  co_await f.service.subscriptions(user(1)).wait();
  EXPECT_EQ(f.cache.snapshot().loads, loads);
  co_await f.change([&f](Change& change) { return f.service.remove_group(change, kGroup.id); });
  EXPECT_EQ(*(co_await f.service.subscriptions(user(1)).wait())->bytes, R"({"json":[]})");
  co_await f.change([&f](Change& change) { return f.service.remove_group(change, "catalog.system.none"); });
  co_await f.shut();
}

CO_TEST(Groups, N_11_the_first_sender_to_use_a_name_owns_it) {
  Fixture f(loop);
  const auto input = [](std::string owner, std::string group = "deploys") {
    return CreateGroup{.group_id = Text<1, 200>::of(group), .name = Text<1, 300>::of("Deploys"), .description = {}, .owner_plugin = Text<1, 64>::of(owner)};
  };
  const auto made = co_await f.service.create_group(application(1), input("ci"));
  CO_ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->id, "ci.deploys");
  EXPECT_TRUE(co_await f.service.create_group(application(1), input("ci")));
  EXPECT_EQ((co_await f.service.create_group(application(2), input("ci"))).error().code, ErrorCode::forbidden);
  EXPECT_EQ((co_await f.service.create_group(application(1), input("catalog"))).error().code, ErrorCode::forbidden);
  EXPECT_EQ((co_await f.service.create_group(application(1), input("C I"))).error().code, ErrorCode::bad_request);
  EXPECT_EQ((co_await f.service.create_group(access::Principal::service("slo"), input("ci"))).error().code, ErrorCode::forbidden);
  EXPECT_TRUE(co_await f.service.create_group(access::Principal::service("slo"), input("slo")));

  EXPECT_TRUE(co_await f.service.subscribe(user(1), "ci.deploys"));
  co_await f.service.subscriptions(user(1)).wait();
  const auto remove = [&](access::PrincipalPtr who, std::string owner, std::string group) {
    return f.service.delete_group(who, {.group_id = GroupIdText::of(group), .owner_plugin = Text<1, 64>::of(owner)});
  };
  EXPECT_EQ((co_await remove(application(2), "ci", "ci.deploys")).error().code, ErrorCode::forbidden);
  EXPECT_EQ((co_await remove(application(2), "catalog", "catalog.system.1")).error().code, ErrorCode::forbidden);
  // A name nobody uses has no groups, and asking for it does not claim it.
  EXPECT_FALSE((co_await remove(application(2), "other", "ci.deploys"))->success);
  EXPECT_EQ(co_await f.rows("notification_owners"), 1);
  EXPECT_TRUE((co_await remove(application(1), "ci", "ci.deploys"))->success);
  EXPECT_FALSE((co_await remove(application(1), "ci", "ci.deploys"))->success);
  EXPECT_EQ(*(co_await f.service.subscriptions(user(1)).wait())->bytes, R"({"json":[]})");
  co_await f.shut();
}

CO_TEST(Sending, N_6_recipients_are_distinct_and_exist) {
  Fixture f(loop);
  co_await f.queue->start();
  f.gone.insert(user(3));
  EXPECT_EQ(co_await f.notify({user(1), user(2), user(1), user(3)}), 2);
  EXPECT_EQ(co_await f.rows("notifications"), 2);
  EXPECT_EQ(co_await f.notify({}), 0);
  NotifyUsers strangers{.user_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = {}, .idempotency_key = {}};
  strangers.user_ids.push_back(Text<1, 200>::of("nobody at all"));
  EXPECT_EQ((co_await f.service.notify_users(application(1), strangers))->notified_count, 0);
  strangers.action = ActionInput{.label = Text<1, 120>::of("x"), .url = Text<1, 2048>::of("javascript:alert(1)")};
  EXPECT_EQ((co_await f.service.notify_users(application(1), strangers)).error().code, ErrorCode::bad_request);
  co_await f.shut();
}

CO_TEST(Sending, N_6_a_follower_of_several_groups_is_told_once) {
  Fixture f(loop);
  co_await f.queue->start();
  auto second = kGroup;
  second.id = "catalog.system.2";
  co_await put_group(f, kGroup);
  co_await put_group(f, second);
  for (const auto& group : {kGroup.id, second.id}) EXPECT_TRUE(co_await f.service.subscribe(user(1), group));
  EXPECT_TRUE(co_await f.service.subscribe(user(2), second.id));
  NotifyGroups input{.group_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = {}, .idempotency_key = {}};
  for (const char* group : {"catalog.system.1", "catalog.system.2", "no.such"}) input.group_ids.push_back(GroupIdText::of(group));
  EXPECT_EQ((co_await f.service.notify_groups(application(1), input))->notified_count, 2);
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":1}})");
  EXPECT_EQ(co_await f.rows("notifications where group_id is not null"), 0);
  input.group_ids.resize(1);
  EXPECT_EQ((co_await f.service.notify_groups(application(1), input))->notified_count, 1);
  EXPECT_EQ(co_await f.rows("notifications where group_id = 'catalog.system.1'"), 1);
  co_await f.shut();
}

CO_TEST(Sending, R_12_followers_who_no_longer_see_a_system_are_not_told_of_it) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await put_group(f, kGroup);
  co_await put_group(f, {.id = "catalog.group.1", .name = "Shops", .description = "d", .owner = "catalog"});
  for (const int n : {1, 2, 3}) EXPECT_TRUE(co_await f.service.subscribe(user(n), kGroup.id));
  for (const int n : {2, 4}) EXPECT_TRUE(co_await f.service.subscribe(user(n), "catalog.group.1"));
  f.blind = {{user(2), "1"}, {user(3), "1"}};
  NotifyGroups input{.group_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = {}, .idempotency_key = {}};
  input.group_ids.push_back(GroupIdText::of(kGroup.id));
  EXPECT_EQ((co_await f.service.notify_groups(application(1), input))->notified_count, 1);
  EXPECT_EQ(co_await f.rows("notifications where user_id = '" + user(1).to_string() + "'"), 1);
  // Who follows another of the groups is told by that one.
  input.group_ids.push_back(GroupIdText::of("catalog.group.1"));
  EXPECT_EQ((co_await f.service.notify_groups(application(1), input))->notified_count, 3);
  EXPECT_EQ(co_await f.rows("notifications where user_id = '" + user(2).to_string() + "'"), 1);
  EXPECT_EQ(co_await f.rows("notifications where user_id = '" + user(3).to_string() + "'"), 0);
  // The same of what another domain sends, at the time it goes out.
  co_await f.change([&f](Change& change) { return f.service.notify_groups_later(change, {kGroup.id}, {.title = "t", .body = "b", .action = {}}); });
  while (co_await f.rows("jobs") > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(co_await f.rows("notifications"), 5);
  EXPECT_EQ(co_await f.rows("notifications where user_id = '" + user(3).to_string() + "'"), 0);
  co_await f.shut();
}

CO_TEST(Sending, a_key_sends_once_within_a_day) {
  Fixture f(loop);
  co_await f.queue->start();
  EXPECT_EQ(co_await f.notify({user(1), user(2)}, "t", "k"), 2);
  EXPECT_EQ(co_await f.notify({user(1), user(2)}, "t", "k"), 2);
  EXPECT_EQ(co_await f.rows("notifications"), 2);
  EXPECT_EQ(co_await f.notify({user(1), user(2)}, "other", "k"), -1);
  EXPECT_EQ(co_await f.notify({user(1)}, "t", "k"), -1);
  // Keys are each sender's own.
  NotifyUsers input{.user_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = {}, .idempotency_key = Text<1, 200>::of("k")};
  input.user_ids.push_back(Text<1, 200>::of(user(1).to_string()));
  EXPECT_EQ((co_await f.service.notify_users(application(2), input))->notified_count, 1);
  f.clock.advance(24h, 1h);
  EXPECT_EQ(co_await f.notify({user(1), user(2)}, "t", "k"), 2);
  f.clock.advance(1s, 1s);
  EXPECT_EQ(co_await f.rows("notifications"), 3);
  f.clock.advance(24h, 1h);
  EXPECT_EQ(co_await f.notify({user(1)}, "new", "k"), 1);
  co_await f.shut();
}

CO_TEST(Sending, those_who_are_online_are_told_after_the_commit) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto page = co_await f.open_page(user(1));
  const auto stranger = co_await f.open_page(user(9));
  co_await f.unread(user(1));
  std::string refetched;
  struct Refetch {
    static awaitable<void> run(Fixture& fixture, std::string& into) { into = co_await fixture.unread(user(1)); }
  };
  page->on_frame = [&](const std::string& frame) {
    if (frame.find("received") != std::string::npos) f.scope.spawn("refetch", Refetch::run(f, refetched));
  };
  EXPECT_EQ(co_await f.notify({user(1), user(2)}), 2);
  co_await f.until([&] { return !refetched.empty() && page->heard.size() == 2; });
  EXPECT_EQ(refetched, R"({"json":{"count":1}})");
  EXPECT_EQ(page->count(R"("signalId":"notification.received")"), 1u);
  EXPECT_EQ(page->count(R"("title":"Disk full","body":"**/var** is full","importance":"info"})"), 1u);
  EXPECT_EQ(page->count(R"("payload":{"unreadCount":1})"), 1u);
  EXPECT_TRUE(stranger->heard.empty());
  co_await f.shut();
}

CO_TEST(Sending, N_4_a_big_send_is_one_change) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto page = co_await f.open_page(user(7));
  co_await f.unread(user(7));
  std::vector<UserId> users;
  for (int i = 0; i < 10'000; ++i) users.push_back(user(i));
  const auto writes = f.database->counters().writes;
  EXPECT_EQ(co_await f.notify(users), 10'000);
  EXPECT_EQ(f.database->counters().writes, writes + 1);
  EXPECT_EQ(co_await f.rows("notifications"), 10'000);
  EXPECT_EQ(co_await f.unread(user(7)), R"({"json":{"count":1}})");
  co_await f.until([&] { return page->heard.size() == 2; });
  co_await f.shut();
}

CO_TEST(Sending, a_send_of_another_domain_exists_exactly_when_its_change_does) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await put_group(f, kGroup);
  EXPECT_TRUE(co_await f.service.subscribe(user(1), kGroup.id));
  co_await f.unread(user(1));
  const Message message{.title = std::string(300, 'x'), .body = "down", .importance = Importance::critical, .action = Action{.label = "Open", .url = "/system/1"}};
  const auto rolled_back = co_await f.changes->run([&f, message](Change& change) -> Result<void> {
    EXPECT_TRUE(f.service.notify_groups_later(change, {kGroup.id}, message));
    return fail(ErrorCode::conflict, "no");
  });
  EXPECT_FALSE(rolled_back);
  EXPECT_EQ(co_await f.rows("dispatches"), 0);
  co_await f.change([&f, message](Change& change) -> Result<void> {
    if (auto sent = f.service.notify_groups_later(change, {kGroup.id}, message, "run-7"); !sent) return sent;
    return f.service.notify_groups_later(change, {kGroup.id}, message, "run-7");  // the same key: one send
  });
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":1}})");
  const std::string inbox = co_await f.page_of(user(1));
  EXPECT_NE(inbox.find(R"("body":"down","action":{"label":"Open","url":"/system/1"},"importance":"critical","isRead":false,"groupId":"catalog.system.1")"), std::string::npos) << inbox;
  EXPECT_EQ(co_await f.one<std::int64_t>("select length(title) from notifications"), 200);
  const auto other = co_await f.changes->run([&f](Change& change) { return f.service.notify_groups_later(change, {kGroup.id}, {.title = "t", .body = {}, .action = {}}, "run-7"); });
  CO_ASSERT_TRUE(!other);
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
  co_await f.shut();
}

CO_TEST(Sending, followers_are_told_of_a_send_that_waited_for_its_job) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await put_group(f, kGroup);
  EXPECT_TRUE(co_await f.service.subscribe(user(1), kGroup.id));
  const auto page = co_await f.open_page(user(1));
  co_await f.change([&f](Change& change) -> Result<void> {
    if (auto sent = f.service.notify_groups_later(change, {kGroup.id}, {.title = "t", .body = "b", .action = {}}); !sent) return sent;
    change.sql().execute("update dispatches set created_at = created_at - 3600000000");
    return {};
  });
  co_await f.until([&] { return page->heard.size() == 2; });
  EXPECT_EQ(page->count(R"("title":"t","body":"b","importance":"info"})"), 1u);
  EXPECT_EQ(page->count(R"("payload":{"unreadCount":1})"), 1u);
  co_await f.shut();
}

CO_TEST(Sending, a_signal_that_names_no_send_says_nothing) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto page = co_await f.open_page(user(1));
  for (const char* reference : {"", "x", "01000000-0000-7000-8000-000000000001", "01000000-0000-7000-8000-000000000001.1", "01000000-0000-7000-8000-000000000001.-x"})
    co_await f.change([&](Change& change) { change.announces(signals::to_readers(kReceived, {user(1)}, reference)); });
  co_await f.until_idle();
  EXPECT_TRUE(page->heard.empty());
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  co_await f.until([&] { return page->heard.size() == 2; });
  co_await f.shut();
}

CO_TEST(Sending, N_5_a_dispatch_that_is_run_again_sends_nothing_twice) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await put_group(f, kGroup);
  EXPECT_TRUE(co_await f.service.subscribe(user(1), kGroup.id));
  co_await f.change([&f](Change& change) { return f.service.notify_groups_later(change, {kGroup.id}, {.title = "t", .body = "b", .action = {}}); });
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  jobs::Job again;
  again.payload = R"({"dispatch":")" + co_await f.one<std::string>("select id from dispatches") + "\"}";
  EXPECT_EQ((co_await f.service.run_dispatch(again)).kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  again.payload = "{}";
  EXPECT_EQ((co_await f.service.run_dispatch(again)).kind, jobs::Outcome::Kind::give_up);
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
