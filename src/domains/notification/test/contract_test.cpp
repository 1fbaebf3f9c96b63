#include "domains/notification/test/fixture.hpp"
#include "runtime/rpc/dispatcher.hpp"

namespace watchbell::notification {
namespace {

using test::Fixture;
using test::user;

/// A cookie is a user's id; a key names an application, the rule it holds and nothing else: "Bearer notification.notification.send".
class Identity final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    access::Principal principal;
    if (credentials.authorization.starts_with("Bearer ")) {
      principal.kind = access::Principal::Kind::application;
      principal.id = user(77).uuid();
      principal.rules = std::make_shared<const access::RuleSet>(std::vector<std::string>{std::string(credentials.authorization.substr(7))});
    } else if (!credentials.cookie.empty()) {
      principal.kind = access::Principal::Kind::user;
      principal.id = *Uuid::parse(credentials.cookie);
      principal.rules = std::make_shared<const access::RuleSet>(rules);
    } else {
      co_return access::Principal::nobody();
    }
    co_return std::make_shared<const access::Principal>(std::move(principal));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
  std::vector<std::string> rules;
};

/// Lets a principal see the systems a test says, as teams will. Without a word of the test the global rule decides.
class Objects final : public access::ObjectAccess {
 public:
  awaitable<Result<access::Reach>> reach(access::ObjectQuestion question) override {
    if (seen) co_return *seen;
    co_return co_await access::ObjectAccess::by_rules().reach(question);
  }
  std::optional<access::Reach> seen;
};

struct Wire : Fixture {
  explicit Wire(async::Loop& l) : Fixture(l) {
    EXPECT_TRUE(
        dispatcher.mount(contract(service, channel_settings, push_subscriptions, links, deliveries, transactional, retention, dead_letters, 8 << 20,
                                  [this](Change&, const auth::AuditEntry& row) { audited.push_back(row.actor + " " + row.action + " " + row.target); })));
    // Who has the systems that groups bear the names of.
    rpc::Area catalog("catalog");
    catalog.objects("system");
    EXPECT_TRUE(dispatcher.mount(std::move(catalog)));
  }
  std::vector<std::string> audited;
  /// The status and the body.
  awaitable<std::string> call(std::string procedure, std::string body, std::string cookie = {}, std::string authorization = {}) {
    const std::string path = "notification/" + procedure;
    auto answer = co_await dispatcher.call({.method = "POST", .path = path, .body = body, .credentials = {.authorization = authorization, .cookie = cookie}});
    const auto* text = std::get_if<std::string>(&answer.body);
    co_return std::to_string(answer.status) + " " + (text != nullptr ? *text : *std::get<1>(answer.body));
  }
  Identity who;
  async::BlockingPool pool{{.name = "test", .threads = 1}};
  Objects objects;
  rpc::Dispatcher dispatcher{who, pool, objects};
};

const std::string kAnn = user(1).to_string();

CO_TEST(NotificationContract, who_changes_the_settings_of_a_channel_is_written_down) {
  Wire f(loop);
  co_await f.queue->start();
  f.who.rules = {"notification.notification.manage"};
  EXPECT_EQ((co_await f.call("updateDeliveryStrategy", R"({"json":{"strategyId":"no.such","enabled":true}})", kAnn)).substr(0, 3), "404");
  EXPECT_EQ((co_await f.call("updateDeliveryStrategy", R"({"json":{"strategyId":"notification-webhook.webhook","enabled":true,"config":{"timeoutSeconds":61}}})", kAnn)).substr(0, 3), "400");
  EXPECT_TRUE(f.audited.empty());
  EXPECT_EQ(co_await f.call("updateDeliveryStrategy", R"({"json":{"strategyId":"notification-webhook.webhook","enabled":true}})", kAnn), "200 {}");
  EXPECT_EQ(f.audited, std::vector<std::string>{"user:" + kAnn + " delivery_strategy.update delivery_strategy:notification-webhook.webhook"});
  co_await f.shut();
}

CO_TEST(NotificationContract, R_12_a_group_of_a_system_is_told_of_to_who_sees_the_system) {
  Wire f(loop);
  for (const auto& [id, owner] : {std::pair("catalog.system.1", "catalog"), std::pair("catalog.system.2", "catalog"), std::pair("catalog.group.1", "catalog"),
                                  std::pair("build-bot.nightly", "build-bot")})
    co_await f.change([&f, id, owner](Change& change) { return f.service.put_group(change, {.id = id, .name = "n", .description = "d", .owner = owner}); });
  const auto told = [&f](std::string cookie, std::string authorization = {}) -> awaitable<std::string> {
    const auto answer = co_await f.call("getGroups", "{}", std::move(cookie), std::move(authorization));
    std::string ids;
    for (const char* id : {"catalog.system.1", "catalog.system.2", "catalog.group.1", "build-bot.nightly"})
      if (answer.find(std::string("\"id\":\"") + id + "\"") != std::string::npos) ids += (ids.empty() ? "" : " ") + std::string(id);
    co_return ids;
  };
  EXPECT_EQ(co_await told(kAnn), "catalog.group.1 build-bot.nightly");
  EXPECT_EQ(co_await told("", "Bearer notification.notification.send"), "catalog.group.1 build-bot.nightly");
  EXPECT_EQ(co_await told("", "Bearer catalog.system.read"), "catalog.system.1 catalog.system.2 catalog.group.1 build-bot.nightly");
  f.who.rules = {"catalog.system.read"};
  EXPECT_EQ(co_await told(kAnn), "catalog.system.1 catalog.system.2 catalog.group.1 build-bot.nightly");
  f.objects.seen = access::Reach::all_but({"1"});
  EXPECT_EQ(co_await told(kAnn), "catalog.system.2 catalog.group.1 build-bot.nightly");
  f.objects.seen = access::Reach::only({"1"});
  EXPECT_EQ(co_await told(kAnn), "catalog.system.1 catalog.group.1 build-bot.nightly");
  co_await f.shut();
}

CO_TEST(NotificationContract, R_12_a_system_that_is_hidden_is_followed_and_named_to_nobody) {
  Wire f(loop);
  for (const char* id : {"catalog.system.1", "catalog.system.2", "catalog.group.1"})
    co_await f.change([&f, id](Change& change) { return f.service.put_group(change, {.id = id, .name = std::string("name of ") + id, .description = "d", .owner = "catalog"}); });
  f.who.rules = {"catalog.system.read"};
  const auto follow = [&f](std::string id) -> awaitable<std::string> { co_return (co_await f.call("subscribe", R"({"json":{"groupId":")" + id + "\"}}", kAnn)).substr(0, 3); };
  const auto told = [&f]() -> awaitable<std::string> {
    const auto answer = co_await f.call("getSubscriptions", "{}", kAnn);
    std::string ids;
    for (const char* id : {"catalog.system.1", "catalog.system.2", "catalog.group.1"})
      if (answer.find(std::string("name of ") + id) != std::string::npos) ids += (ids.empty() ? "" : " ") + std::string(id);
    co_return ids;
  };
  // A hidden one answers as one that is not there, word for word.
  f.objects.seen = access::Reach::all_but({"2"});
  EXPECT_EQ(co_await follow("catalog.system.2"), "404");
  const auto hidden = co_await f.call("subscribe", R"({"json":{"groupId":"catalog.system.2"}})", kAnn);
  const auto unknown = co_await f.call("subscribe", R"({"json":{"groupId":"catalog.system.3"}})", kAnn);
  EXPECT_EQ(hidden.find("system.3"), std::string::npos);
  EXPECT_EQ(hidden.substr(0, hidden.find("system.2")), unknown.substr(0, unknown.find("system.3")));
  EXPECT_EQ(co_await f.rows("notification_subscriptions"), 0);
  f.objects.seen = access::Reach::everything();
  for (const char* id : {"catalog.system.1", "catalog.system.2", "catalog.group.1"}) EXPECT_EQ(co_await follow(id), "200") << id;
  EXPECT_EQ(co_await told(), "catalog.system.1 catalog.system.2 catalog.group.1");
  // The right goes without any change of ours: what is kept is no answer to who lost it.
  f.objects.seen = access::Reach::all_but({"2"});
  EXPECT_EQ(co_await told(), "catalog.system.1 catalog.group.1");
  f.objects.seen = access::Reach();
  EXPECT_EQ(co_await told(), "catalog.group.1");
  f.objects.seen = access::Reach::everything();
  EXPECT_EQ(co_await told(), "catalog.system.1 catalog.system.2 catalog.group.1");
  // Whoever lost it may still leave.
  f.objects.seen = access::Reach();
  EXPECT_EQ((co_await f.call("unsubscribe", R"({"json":{"groupId":"catalog.system.2"}})", kAnn)).substr(0, 3), "200");
  EXPECT_EQ(co_await f.rows("notification_subscriptions"), 2);
  co_await f.shut();
}

CO_TEST(NotificationContract, who_may_call_what) {
  Wire f(loop);
  co_await f.queue->start();
  // Visitor, application without rules, user without rules, user with manage, application with send, user with everything.
  const std::vector<std::pair<std::string, std::string>> table{
      {"getNotificationDeliveries", "401 403 400 400 403 400"},
      {"getNotifications", "401 403 200 200 403 200"},      {"getUnreadCount", "401 403 200 200 403 200"},
      {"markAsRead", "401 403 200 200 403 200"},            {"deleteNotification", "401 403 400 400 403 400"},
      {"getGroups", "401 200 200 200 200 200"},             {"getSubscriptions", "401 403 200 200 403 200"},
      {"subscribe", "401 403 400 400 403 400"},             {"unsubscribe", "401 403 400 400 403 400"},
      {"createGroup", "401 403 403 403 400 400"},           {"deleteGroup", "401 403 403 403 400 400"},
      {"notifyUsers", "401 403 403 403 400 400"},           {"notifyGroups", "401 403 403 403 400 400"},
      {"getGroupSubscribers", "401 403 403 403 403 403"},   {"sendTransactional", "401 403 403 403 400 400"},
      {"unlinkDeliveryChannel", "401 403 400 400 403 400"},
      {"getRetentionSchema", "401 403 403 200 403 200"},    {"getRetentionSettings", "401 403 403 200 403 200"},
      {"setRetentionSettings", "401 403 403 400 403 400"},
      {"getDeliveryAttempts", "401 403 403 200 403 200"},   {"getDeadLetters", "401 403 403 200 403 200"},
      {"replayDelivery", "401 403 403 400 403 400"},
      {"getDeliveryStrategies", "401 403 403 200 403 200"}, {"updateDeliveryStrategy", "401 403 403 400 403 400"},
      {"getUserDeliveryChannels", "401 403 200 200 403 200"}, {"setUserDeliveryPreference", "401 403 400 400 403 400"},
      {"getPushKey", "401 403 200 200 403 200"},            {"addPushSubscription", "401 403 400 400 403 400"},
      {"getDeliveryOAuthUrl", "401 403 400 400 403 400"},
      {"removePushSubscription", "401 403 400 400 403 400"}, {"sendTestNotification", "401 403 400 400 403 400"},
  };
  for (const auto& [procedure, expected] : table) {
    std::string seen;
    const auto as = [&](std::vector<std::string> rules, std::string cookie, std::string authorization) -> awaitable<void> {
      f.who.rules = std::move(rules);
      seen += (seen.empty() ? "" : " ") + (co_await f.call(procedure, R"({"json":{}})", cookie, authorization)).substr(0, 3);
    };
    co_await as({}, "", "");
    co_await as({}, "", "Bearer other.thing.read");
    co_await as({}, kAnn, "");
    co_await as({"notification.notification.manage"}, kAnn, "");
    co_await as({}, "", "Bearer notification.notification.send");
    co_await as({"*"}, kAnn, "");
    EXPECT_EQ(seen, expected) << procedure;
  }
  EXPECT_EQ(f.dispatcher.areas()[0].procedures().size(), table.size());
  EXPECT_TRUE(f.dispatcher.check());
  co_await f.shut();
}

CO_TEST(NotificationContract, the_inbox_over_the_wire) {
  Wire f(loop);
  co_await f.queue->start();
  f.who.rules = {"*"};
  EXPECT_EQ(co_await f.call("getNotifications", R"({"json":{}})", kAnn), R"(200 {"json":{"notifications":[],"total":0,"limit":20,"offset":0}})");
  EXPECT_EQ(co_await f.call("notifyUsers", R"({"json":{"userIds":[")" + kAnn + R"(","x"],"title":"t","body":"b","importance":"critical","action":{"label":"Go","url":"/x"}}})", "", "Bearer *"),
            R"(200 {"json":{"notifiedCount":1}})");
  const std::string page = co_await f.call("getNotifications", R"({"json":{"limit":1,"unreadOnly":true}})", kAnn);
  const std::string id = co_await f.one<std::string>("select id from notifications");
  EXPECT_EQ(page, R"(200 {"json":{"notifications":[{"id":")" + id + R"(","userId":")" + kAnn +
                      R"(","title":"t","body":"b","action":{"label":"Go","url":"/x"},"importance":"critical","isRead":false,"createdAt":"2026-01-01T00:00:00.000Z"}],)"
                      R"("total":1,"limit":1,"offset":0},"meta":[[1,"notifications",0,"createdAt"]]})");
  EXPECT_EQ(co_await f.call("markAsRead", R"({"json":{"notificationId":")" + id + "\"}}", kAnn), "200 {}");
  EXPECT_EQ(co_await f.call("getUnreadCount", "{}", kAnn), R"(200 {"json":{"count":0}})");
  EXPECT_EQ(co_await f.call("deleteNotification", R"({"json":{"notificationId":"00000000-0000-4000-8000-000000000000"}})", kAnn), "200 {}");
  for (const char* bad : {R"({"json":{"limit":0}})", R"({"json":{"limit":101}})", R"({"json":{"limit":1.5}})", R"({"json":{"offset":-1}})", R"({"json":{"offset":100001}})", R"({"json":{"unreadOnly":1}})", "{}"})
    EXPECT_EQ((co_await f.call("getNotifications", bad, kAnn)).substr(0, 3), "400") << bad;
  EXPECT_EQ((co_await f.call("markAsRead", R"({"json":{"notificationId":"x"}})", kAnn)).substr(0, 3), "400");
  EXPECT_EQ((co_await f.call("subscribe", R"({"json":{"groupId":"no.such"}})", kAnn)).substr(0, 3), "404");
  co_await f.shut();
}

CO_TEST(NotificationContract, N_16_a_search_over_the_wire) {
  Wire f(loop);
  co_await f.queue->start();
  const auto send = [&](std::string title, std::string body) {
    return f.call("notifyUsers", R"({"json":{"userIds":[")" + kAnn + R"("],"title":")" + title + R"(","body":")" + body + "\"}}", "", "Bearer notification.notification.send");
  };
  EXPECT_EQ(co_await send("Disk full", "on a"), R"(200 {"json":{"notifiedCount":1}})");
  f.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(co_await send("CPU high", "and the disk, too"), R"(200 {"json":{"notifiedCount":1}})");
  EXPECT_EQ(co_await send("100 %", "b"), R"(200 {"json":{"notifiedCount":1}})");
  const auto find = [&](std::string input) { return f.call("getNotifications", R"({"json":)" + input + "}", kAnn); };
  const auto total = [&](std::string input) -> awaitable<std::string> {
    const auto answer = co_await find(input);
    const auto at = answer.find(R"("total":)");
    co_return answer.substr(0, 3) + (at == std::string::npos ? "" : " " + answer.substr(at + 8, answer.find(',', at) - at - 8));
  };
  EXPECT_EQ(co_await total("{}"), "200 3");
  const auto entries = f.cache.snapshot().entries;
  EXPECT_EQ(co_await total(R"({"search":"DISK"})"), "200 2");
  EXPECT_EQ(co_await total(R"({"search":"  disk  ","limit":1})"), "200 2");
  EXPECT_EQ(co_await total(R"({"search":"%"})"), "200 1");
  EXPECT_EQ(co_await total(R"({"search":"nothing"})"), "200 0");
  EXPECT_EQ(co_await total(R"({"search":")" + std::string(100, 'x') + "\"}"), "200 0");
  const auto second = co_await find(R"({"search":"disk","limit":1,"offset":1})");
  EXPECT_NE(second.find(R"("title":"Disk full")"), std::string::npos) << second;
  EXPECT_NE(second.find(R"("total":2,"limit":1,"offset":1)"), std::string::npos) << second;
  EXPECT_EQ(f.cache.snapshot().entries, entries) << "nothing is kept of what people type";
  for (const std::string& bad : {std::string(R"({"search":""})"), std::string(R"({"search":"   "})"), R"({"search":")" + std::string(101, 'x') + "\"}", std::string(R"({"search":7})")})
    EXPECT_EQ(co_await total(bad), "400") << bad;
  co_await f.shut();
}

CO_TEST(NotificationContract, N_16_subjects_over_the_wire) {
  Wire f(loop);
  co_await f.queue->start();
  const std::string key = "Bearer notification.notification.send";
  const auto send = [&](std::string more) {
    return f.call("notifyUsers", R"({"json":{"userIds":[")" + kAnn + R"("],"title":"t","body":"")" + more + "}}", "", key);
  };
  const std::string one = R"({"kind":"ci.build","id":"42","name":"Build"})";
  EXPECT_EQ(co_await send(R"(,"subjects":[)" + one + R"(],"collapseKey":"ci.build.42")"), R"(200 {"json":{"notifiedCount":1}})");
  EXPECT_EQ(co_await send(R"(,"subjects":[])"), R"(200 {"json":{"notifiedCount":1}})");
  EXPECT_EQ(co_await f.rows("notifications where subjects is null"), 1);
  std::string many = one;
  for (int i = 0; i < 50; ++i) many += "," + one;
  const std::string long_text(201, 'x');
  for (const std::string& bad :
       {R"(,"subjects":[)" + many + "]", std::string(R"(,"subjects":{})"), std::string(R"(,"subjects":[{}])"), std::string(R"(,"subjects":[{"kind":"build","id":"1","name":"n"}])"),
        std::string(R"(,"subjects":[{"kind":"Ci.build","id":"1","name":"n"}])"), std::string(R"(,"subjects":[{"kind":"ci.build","id":"","name":"n"}])"),
        std::string(R"(,"subjects":[{"kind":"ci.build","id":"1","name":""}])"), R"(,"subjects":[{"kind":"ci.build","id":"1","name":")" + long_text + R"("}])",
        R"(,"subjects":[{"kind":"ci.build","id":")" + long_text + R"(","name":"n"}])",
        std::string(R"(,"subjects":[{"kind":"ci.build","id":"1","name":"n","status":"fine"}])"),
        std::string(R"(,"subjects":[{"kind":"ci.build","id":"1","name":"n","url":"javascript:x"}])"), std::string(R"(,"collapseKey":"")"),
        R"(,"collapseKey":")" + long_text + "\"", std::string(R"(,"collapseKey":"a\nb")")})
    EXPECT_EQ((co_await send(bad)).substr(0, 3), "400") << bad;
  EXPECT_EQ(co_await f.rows("notifications"), 2);
  EXPECT_EQ((co_await f.call("getNotifications", R"({"json":{"collapseKey":"ci.build.42"}})", kAnn)).find(R"("total":1)") == std::string::npos, false);
  EXPECT_EQ((co_await f.call("getNotifications", R"({"json":{"collapseKey":""}})", kAnn)).substr(0, 3), "400");
  co_await f.shut();
}

CO_TEST(NotificationContract, a_user_learns_what_became_of_his_own_notifications) {
  Wire f(loop);
  co_await f.queue->start();
  http::test::Sink sink(loop.executor(), [](const http::test::SinkRequest& request) {
    const bool good = request.head.find("/good") != std::string::npos;
    return http::test::SinkReply{good ? "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", http::test::SinkReply::Then::close};
  });
  sink.start();
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":")" + sink.url("/good") + "\"}"));
  EXPECT_TRUE(co_await f.set_webhook(user(2), R"({"url":")" + sink.url("/bad") + "\"}"));
  EXPECT_EQ(co_await f.notify({user(1), user(2)}), 2);
  co_await f.until([&] { return f.queue->statistics().done == 2; });
  const auto id_of = [&](int n) { return f.one<std::string>("select id from notifications where user_id = '" + user(n).to_string() + "'"); };
  const std::string anns = co_await id_of(1), bobs = co_await id_of(2);
  const std::string asked = R"({"json":{"notificationIds":[")" + anns + R"(",")" + bobs + R"(","00000000-0000-4000-8000-000000000000"]}})";
  const auto told = [](const std::string& id, std::string state) {
    return R"(200 {"json":{"deliveries":[{"notificationId":")" + id + R"(","strategyId":"notification-webhook.webhook","displayName":"Webhook",)" + state +
           R"(,"updatedAt":"2026-01-01T00:00:00.000Z"}]},"meta":[[1,"deliveries",0,"updatedAt"]]})";
  };
  EXPECT_EQ(co_await f.call("getNotificationDeliveries", asked, kAnn), told(anns, R"("state":"delivered","attempts":1)"));
  EXPECT_EQ(co_await f.call("getNotificationDeliveries", asked, user(2).to_string()), told(bobs, R"("state":"refused","attempts":1,"reason":"the receiver answered 404")"));
  EXPECT_EQ(co_await f.call("getNotificationDeliveries", asked, user(3).to_string()), R"(200 {"json":{"deliveries":[]}})");
  // What administrators read of it names servers.
  co_await f.database->write([](sql::Session& s) { s.execute("update deliveries set reason = 'could not connect to mail.inner.test:587'"); });
  const std::string now = co_await f.call("getNotificationDeliveries", asked, kAnn);
  EXPECT_EQ(now.find("inner.test"), std::string::npos) << now;
  EXPECT_NE(now.find("could not be reached"), std::string::npos) << "and it is read anew: " << now;
  std::string many = "\"" + anns + "\"";
  for (int i = 0; i < 100; ++i) many += ",\"" + anns + "\"";
  for (const std::string& bad : {std::string("[]"), "[" + many + "]", std::string(R"(["x"])"), std::string("{}")})
    EXPECT_EQ((co_await f.call("getNotificationDeliveries", R"({"json":{"notificationIds":)" + bad + "}}", kAnn)).substr(0, 3), "400") << bad;
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(NotificationContract, outside_senders_over_the_wire) {
  Wire f(loop);
  co_await f.queue->start();
  const std::string key = "Bearer notification.notification.send";
  EXPECT_EQ(co_await f.call("createGroup", R"({"json":{"groupId":"deploys","name":"Deploys","description":"","ownerPlugin":"ci"}})", "", key), R"(200 {"json":{"id":"ci.deploys"}})");
  EXPECT_EQ((co_await f.call("createGroup", R"({"json":{"groupId":"x","name":"x","description":"","ownerPlugin":"catalog"}})", "", key)).substr(0, 3), "403");
  EXPECT_EQ(co_await f.call("subscribe", R"({"json":{"groupId":"ci.deploys"}})", kAnn), "200 {}");
  const std::string send = R"({"json":{"groupIds":["ci.deploys","no.such"],"title":"Deployed","body":"","idempotencyKey":"42"}})";
  EXPECT_EQ(co_await f.call("notifyGroups", send, "", key), R"(200 {"json":{"notifiedCount":1}})");
  EXPECT_EQ(co_await f.call("notifyGroups", send, "", key), R"(200 {"json":{"notifiedCount":1}})");
  EXPECT_EQ((co_await f.call("notifyGroups", R"({"json":{"groupIds":[],"title":"Deployed","body":"","idempotencyKey":"42"}})", "", key)).substr(0, 3), "409");
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  for (const std::string bad : {R"("title":"","body":"")", R"("title":"t")", R"("title":"t","body":"","importance":"loud")", R"("title":"t","body":"","action":{"label":"x","url":"javascript:x"})"})
    EXPECT_EQ((co_await f.call("notifyUsers", R"({"json":{"userIds":[],)" + bad + "}}", "", key)).substr(0, 3), "400") << bad;
  EXPECT_EQ(co_await f.call("deleteGroup", R"({"json":{"groupId":"ci.deploys","ownerPlugin":"ci"}})", "", key), R"(200 {"json":{"success":true}})");
  co_await f.shut();
}

CO_TEST(NotificationContract, N_15_retention_over_the_wire) {
  Wire f(loop);
  co_await f.queue->start();
  f.who.rules = {"notification.notification.manage"};
  const std::string schema = co_await f.call("getRetentionSchema", "{}", kAnn);
  for (const char* part : {R"("enabled":{"type":"boolean")", R"("default":false)", R"("minimum":1)", R"("maximum":365)", R"("default":30)", R"("description":")"})
    EXPECT_NE(schema.find(part), std::string::npos) << part << " of " << schema;
  EXPECT_EQ(co_await f.call("getRetentionSettings", "{}", kAnn), R"(200 {"json":{"enabled":false,"retentionDays":30}})");
  for (const char* bad : {R"({"enabled":true})", R"({"retentionDays":1})", R"({"enabled":true,"retentionDays":0})", R"({"enabled":true,"retentionDays":366})",
                          R"({"enabled":true,"retentionDays":1.5})"})
    EXPECT_EQ((co_await f.call("setRetentionSettings", std::string(R"({"json":)") + bad + "}", kAnn)).substr(0, 3), "400") << bad;
  EXPECT_TRUE(f.audited.empty());
  EXPECT_EQ(co_await f.call("setRetentionSettings", R"({"json":{"enabled":true,"retentionDays":7}})", kAnn), "200 {}");
  EXPECT_EQ(co_await f.call("getRetentionSettings", "{}", kAnn), R"(200 {"json":{"enabled":true,"retentionDays":7}})");
  EXPECT_EQ(f.audited, std::vector<std::string>{"user:" + kAnn + " retention.update settings:notification.retention"});
  co_await f.shut();
}

CO_TEST(NotificationContract, dead_letters_over_the_wire) {
  Wire f(loop);
  co_await f.queue->start();
  f.who.rules = {"notification.notification.manage"};
  EXPECT_EQ(co_await f.call("getDeadLetters", R"({"json":{}})", kAnn), R"(200 {"json":{"items":[],"total":0,"limit":20,"offset":0}})");
  EXPECT_EQ(co_await f.call("getDeliveryAttempts", R"({"json":{"limit":3}})", kAnn), R"(200 {"json":{"items":[],"total":0,"limit":3,"offset":0}})");
  for (const char* bad : {R"({"limit":0})", R"({"limit":101})", R"({"limit":1.5})", R"({"offset":-1})", R"({"offset":100001})", R"({"deliveryId":"x"})"})
    EXPECT_EQ((co_await f.call("getDeliveryAttempts", std::string(R"({"json":)") + bad + "}", kAnn)).substr(0, 3), "400") << bad;
  const std::string id = DeliveryId::make(f.clock.now()).to_string(), message = NotificationId::make(f.clock.now()).to_string();
  co_await f.database->write([&](sql::Session& s) {
    const Dispatch dispatch{.id = DispatchId::make(f.clock.now()), .sender = "s", .idempotency_key = {}, .body_hash = "h", .message = {.title = "t", .body = "b", .action = {}}, .created_at = f.clock.now()};
    store::insert_dispatch(s, dispatch, {});
    const std::vector<store::NewDelivery> one{{.id = DeliveryId::parse(id).value(), .notification_id = NotificationId::parse(message).value(), .user_id = user(2)}};
    store::insert_deliveries(s, dispatch.id, "notification-webhook.webhook", one, f.clock.now());
    store::settle_delivery(s, store::find_delivery(s, one[0].id).value(), DeliveryState::dead, 10, {}, "the receiver answered 500", f.clock.now());
  });
  EXPECT_EQ(co_await f.call("getDeadLetters", R"({"json":{}})", kAnn),
            R"(200 {"json":{"items":[{"deliveryId":")" + id + R"(","notificationId":")" + message + R"(","userId":")" + user(2).to_string() +
                R"(","userName":"User 2","strategyQualifiedId":"notification-webhook.webhook","attempts":10,"reason":"the receiver answered 500",)"
                R"("createdAt":"2026-01-01T00:00:00.000Z","diedAt":"2026-01-01T00:00:00.000Z"}],"total":1,"limit":20,"offset":0},)"
                R"("meta":[[1,"items",0,"createdAt"],[1,"items",0,"diedAt"]]})");
  EXPECT_EQ(co_await f.call("replayDelivery", R"({"json":{"deliveryId":")" + id + "\"}}", kAnn), "200 {}");
  EXPECT_EQ((co_await f.call("replayDelivery", R"({"json":{"deliveryId":")" + id + "\"}}", kAnn)).substr(0, 3), "409");
  EXPECT_EQ((co_await f.call("replayDelivery", R"({"json":{"deliveryId":")" + message + "\"}}", kAnn)).substr(0, 3), "404");
  EXPECT_EQ(f.audited, std::vector<std::string>{"user:" + kAnn + " delivery.replay delivery:" + id});
  co_await f.shut();
}

CO_TEST(NotificationContract, a_transactional_message_goes_straight_out_and_leaves_no_inbox_row) {
  Wire f(loop);
  co_await f.queue->start();
  int status = 204;
  http::test::Sink sink(loop.executor(), [&](const http::test::SinkRequest&) {
    return http::test::SinkReply{fmt::format("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", status), http::test::SinkReply::Then::close};
  });
  sink.start();
  const std::string key = "Bearer notification.notification.send";
  const auto send = [&](std::string to, std::string more = {}) {
    return f.call("sendTransactional", R"({"json":{"userId":")" + to + R"(","notification":{"title":"Your code","body":"**7**")" + more + "}}}", "", key);
  };
  const std::string nobody = R"(200 {"json":{"deliveredCount":0,"results":[{"strategyId":"none","success":false,"error":"There is no such user"}]}})";
  EXPECT_EQ(co_await send("x"), nobody);
  f.gone.insert(user(9));
  EXPECT_EQ(co_await send(user(9).to_string()), nobody);
  EXPECT_EQ(co_await send(kAnn),
            R"(200 {"json":{"deliveredCount":0,"results":[{"strategyId":"notification-webhook.webhook","success":false,"error":"The user has not set the channel up"}]}})");
  // Her own switch does not matter.
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":")" + sink.url("/hook") + "\"}", false));
  EXPECT_EQ(co_await send(kAnn, R"(,"action":{"label":"Open","url":"/x"},"subjects":[{"kind":"ci.build","id":"4","name":"n","url":"b/4"}])"),
            R"(200 {"json":{"deliveredCount":1,"results":[{"strategyId":"notification-webhook.webhook","success":true}]}})");
  status = 500;
  EXPECT_EQ(co_await send(kAnn),
            R"(200 {"json":{"deliveredCount":0,"results":[{"strategyId":"notification-webhook.webhook","success":false,"error":"the receiver answered 500"}]}})");
  EXPECT_EQ((co_await send(kAnn, R"(,"action":{"label":"Open","url":"javascript:x"})")).substr(0, 3), "400");
  EXPECT_EQ(sink.requests, 2u);
  EXPECT_NE(sink.seen.at(0).body.find("https://watchbell.test/x"), std::string::npos);
  EXPECT_NE(sink.seen.at(0).body.find(R"("id":"4","name":"n","url":"https://watchbell.test/b/4")"), std::string::npos) << sink.seen.at(0).body;
  EXPECT_NE(sink.seen.at(0).body.find(R"("importance":"info")"), std::string::npos);
  EXPECT_EQ(co_await f.rows("notifications"), 0);
  EXPECT_EQ(co_await f.rows("dispatches where title || body <> '' or action_url is not null"), 0);
  status = 204;
  const std::string keyed = R"({"json":{"userId":")" + std::string(kAnn) + R"(","notification":{"title":"Your code","body":"7"},"idempotencyKey":"k"}})";
  const auto first = co_await f.call("sendTransactional", keyed, "", key);
  EXPECT_EQ(co_await f.call("sendTransactional", keyed, "", key), first);
  EXPECT_EQ(sink.requests, 3u);
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(NotificationContract, N_6_subscribers_of_a_group_come_in_pages_to_services) {
  Wire f(loop);
  co_await f.change([&f](Change& change) { return f.service.put_group(change, {.id = "catalog.a", .name = "A", .description = "a", .owner = "catalog"}); });
  std::vector<UserId> all;
  for (int n = 1; n <= 5; ++n) {
    all.push_back(user(n));
    EXPECT_TRUE(co_await f.service.subscribe(user(n), "catalog.a"));
  }
  std::vector<UserId> seen;
  for (std::optional<UserId> after;;) {
    const auto page = (co_await f.service.group_subscribers({.group_id = GroupIdText::of("catalog.a"), .limit = 2, .after = after})).value();
    seen.insert(seen.end(), page.user_ids.begin(), page.user_ids.end());
    if (page.user_ids.size() < 2) break;
    after = page.user_ids.back();
  }
  EXPECT_EQ(seen, all);
  EXPECT_TRUE((co_await f.service.group_subscribers({.group_id = GroupIdText::of("no.such"), .after = {}}))->user_ids.empty());
  EXPECT_EQ((co_await f.call("getGroupSubscribers", R"({"json":{"groupId":"catalog.a"}})", "", "Bearer notification.notification.send")).substr(0, 3), "403");
  co_await f.shut();
}

CO_TEST(NotificationContract, N_10_unlinking_forgets_secrets_for_good) {
  Wire f(loop);
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":"https://a.test/","signingSecret":"s3cret"})"));
  EXPECT_TRUE(co_await f.set_webhook(user(2), R"({"url":"https://b.test/","signingSecret":"s3cret"})"));
  const std::string unlink = R"({"json":{"strategyId":"notification-webhook.webhook"}})";
  EXPECT_EQ((co_await f.call("unlinkDeliveryChannel", R"({"json":{"strategyId":"no.such"}})", kAnn)).substr(0, 3), "404");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(co_await f.call("unlinkDeliveryChannel", unlink, kAnn), "200 {}");
  EXPECT_EQ(co_await f.rows("settings_records"), 1) << "the other's alone";
  const std::string channels = co_await f.call("getUserDeliveryChannels", "{}", kAnn);
  EXPECT_NE(channels.find(R"("enabled":true,"isConfigured":false)"), std::string::npos) << channels;
  EXPECT_EQ(channels.find("secretsSet\":[\"signingSecret"), std::string::npos) << channels;
  EXPECT_EQ(channels.find("a.test"), std::string::npos) << channels;
  // A later link does not bring the old secret back.
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":"https://c.test/"})"));
  EXPECT_EQ((co_await f.call("getUserDeliveryChannels", "{}", kAnn)).find("secretsSet\":[\"signingSecret"), std::string::npos);
  co_await f.shut();
}

CO_TEST(NotificationContract, channels_over_the_wire) {
  Wire f(loop);
  f.who.rules = {"*"};
  EXPECT_EQ(co_await f.call("setUserDeliveryPreference", R"({"json":{"strategyId":"notification-webhook.webhook","enabled":true,"userConfig":{"url":"https://a.test/","signingSecret":"s3cret"}}})", kAnn), "200 {}");
  const std::string channels = co_await f.call("getUserDeliveryChannels", "{}", kAnn);
  EXPECT_EQ(channels.find("s3cret"), std::string::npos);
  for (const char* part : {R"("contactResolution":{"type":"user-config"},"enabled":true,"isConfigured":true)", R"("userConfig":{"url":"https://a.test/"},"secretsSet":["signingSecret"])"})
    EXPECT_NE(channels.find(part), std::string::npos) << channels;
  EXPECT_EQ((co_await f.call("setUserDeliveryPreference", R"({"json":{"strategyId":"notification-webhook.webhook"}})", kAnn)).substr(0, 3), "400");
  EXPECT_EQ((co_await f.call("setUserDeliveryPreference", R"({"json":{"strategyId":"no.such","enabled":true}})", kAnn)).substr(0, 3), "404");
  EXPECT_EQ(co_await f.call("updateDeliveryStrategy", R"({"json":{"strategyId":"notification-webhook.webhook","enabled":true,"config":{"timeoutSeconds":3}}})", kAnn), "200 {}");
  EXPECT_EQ(co_await f.call("sendTestNotification", R"({"json":{"strategyId":"no.such"}})", kAnn), R"(200 {"json":{"success":false,"error":"There is no such channel"}})");
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
