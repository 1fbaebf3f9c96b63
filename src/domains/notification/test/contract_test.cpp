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

struct Wire : Fixture {
  explicit Wire(async::Loop& l) : Fixture(l) { EXPECT_TRUE(dispatcher.mount(contract(service, channel_settings, deliveries, 8 << 20))); }
  /// The status and the body.
  awaitable<std::string> call(std::string procedure, std::string body, std::string cookie = {}, std::string authorization = {}) {
    const std::string path = "notification/" + procedure;
    auto answer = co_await dispatcher.call({.method = "POST", .path = path, .body = body, .credentials = {.authorization = authorization, .cookie = cookie}});
    const auto* text = std::get_if<std::string>(&answer.body);
    co_return std::to_string(answer.status) + " " + (text != nullptr ? *text : *std::get<1>(answer.body));
  }
  Identity who;
  async::BlockingPool pool{{.name = "test", .threads = 1}};
  rpc::Dispatcher dispatcher{who, pool};
};

const std::string kAnn = user(1).to_string();

CO_TEST(NotificationContract, who_may_call_what) {
  Wire f(loop);
  co_await f.queue->start();
  // Visitor, application without rules, user without rules, user with manage, application with send, user with everything.
  const std::vector<std::pair<std::string, std::string>> table{
      {"getNotifications", "401 403 200 200 403 200"},      {"getUnreadCount", "401 403 200 200 403 200"},
      {"markAsRead", "401 403 200 200 403 200"},            {"deleteNotification", "401 403 400 400 403 400"},
      {"getGroups", "401 200 200 200 200 200"},             {"getSubscriptions", "401 403 200 200 403 200"},
      {"subscribe", "401 403 400 400 403 400"},             {"unsubscribe", "401 403 400 400 403 400"},
      {"createGroup", "401 403 403 403 400 400"},           {"deleteGroup", "401 403 403 403 400 400"},
      {"notifyUsers", "401 403 403 403 400 400"},           {"notifyGroups", "401 403 403 403 400 400"},
      {"getDeliveryStrategies", "401 403 403 200 403 200"}, {"updateDeliveryStrategy", "401 403 403 400 403 400"},
      {"getUserDeliveryChannels", "401 403 200 200 403 200"}, {"setUserDeliveryPreference", "401 403 400 400 403 400"},
      {"sendTestNotification", "401 403 400 400 403 400"},
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
  EXPECT_EQ((co_await f.call("getGroupSubscribers", R"({"json":{"groupId":"no.such"}})", kAnn)).substr(0, 3), "404");
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
