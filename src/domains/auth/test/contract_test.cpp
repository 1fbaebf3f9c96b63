#include "domains/auth/contract.hpp"
#include "domains/auth/test/fixture.hpp"

namespace watchbell::auth {
namespace {

using test::Fixture;

/// The procedures, called by whom a cookie or a key says.
struct Calls : Fixture {
  explicit Calls(async::Loop& l) : Fixture(l), wire(*service) {
    EXPECT_TRUE(wire.dispatcher.mount(contract(*service)));
    EXPECT_TRUE(wire.dispatcher.check());
  }
  awaitable<void> begin() {
    co_await queue->start();
    EXPECT_TRUE(co_await service->sync(wire.dispatcher.areas()[0].rules()));
    admin = co_await ann();
    cookie_of_ann = co_await cookie_of("ann");
  }
  /// "200 {...}" of a call as Ann.
  awaitable<std::string> call(std::string procedure, std::string json) {
    co_return co_await wire.call("auth/" + procedure, "{\"json\":" + json + "}", cookie_of_ann);
  }
  awaitable<std::string> call(std::string procedure) { co_return co_await wire.call("auth/" + procedure, "{}", cookie_of_ann); }
  awaitable<void> finish() {
    co_await until([&] { return scope.size() == 0; });
    co_await close();
  }
  watchbell::test::Wire wire;
  Actor admin;
  std::string cookie_of_ann;
};

CO_TEST(AuthContract, what_is_absent_answers_404) {
  Calls f(loop);
  co_await f.begin();
  for (const char* procedure : {"getTeams", "getUserById", "createSession", "getMcpOAuthSettings", "upsertExternalUser", "filterUsersByAccessRule"})
    EXPECT_EQ(co_await f.call(procedure), R"(404 {"error":"Not Found"})") << procedure;
  co_await f.finish();
}

CO_TEST(AuthContract, users_and_roles_over_the_wire) {
  Calls f(loop);
  co_await f.begin();
  const std::string ann = f.admin.user->to_string();
  EXPECT_EQ(co_await f.call("createRole", R"({"name":"Readers","description":"read","accessRules":["auth.users.read"]})"), "200 {}");
  const std::string roles = co_await f.call("getRoles");
  EXPECT_NE(roles.find(R"({"id":"users","name":"Users","description":"Everybody who signs in","accessRules":[],"isSystem":true,"isAssignable":true})"),
            std::string::npos)
      << roles;
  EXPECT_NE(roles.find(R"("name":"Readers","description":"read","accessRules":["auth.users.read"],"isSystem":false,"isAssignable":true}])"), std::string::npos)
      << roles;
  const auto all = (co_await f.service->roles()).value();
  const std::string readers = all.back().id;
  const std::string unknown = co_await f.call("updateRole", "{\"id\":\"" + readers + R"(","accessRules":["auth.users.reed"]})");
  EXPECT_EQ(unknown.substr(0, 3), "400");
  EXPECT_NE(unknown.find(R"("code":"custom","path":["accessRules"],"message":"no such access rule: auth.users.reed )"), std::string::npos) << unknown;
  const std::string made = co_await f.call("createCredentialUser", R"({"email":"Bob@Example.com","name":"Bob","password":"Passw0rd-bob"})");
  const std::string bob = (co_await f.user_of("bob@example.com")).value().to_string();
  EXPECT_EQ(made, R"(200 {"json":{"userId":")" + bob + "\"}}");
  EXPECT_EQ((co_await f.call("createCredentialUser", R"({"email":"bob@example.com","name":"Bob","password":"Passw0rd-bob"})")).substr(0, 3), "409");
  const std::string weak = co_await f.call("createCredentialUser", R"({"email":"c@example.com","name":"C","password":"alllowercase"})");
  EXPECT_EQ(weak.substr(0, 3), "400");
  EXPECT_NE(weak.find(R"("path":["password"])"), std::string::npos) << weak;
  const std::string both = R"([{"id":")" + ann + R"(","email":"ann@example.com","name":"Ann","roles":["admin","users"]},{"id":")" + bob +
                           R"(","email":"bob@example.com","name":"Bob","roles":["users"]}])";
  EXPECT_EQ(co_await f.call("getUsers"), R"(200 {"json":)" + both + "}");
  EXPECT_EQ(co_await f.call("getUsers", "{}"), R"(200 {"json":)" + both + "}");
  EXPECT_EQ(co_await f.call("getUsers", R"({"limit":10})"), R"(200 {"json":{"items":)" + both + R"(,"total":2}})");
  EXPECT_EQ((co_await f.call("getUsers", R"({"limit":101})")).substr(0, 3), "400");
  EXPECT_EQ(co_await f.call("searchUsers", R"({"query":"bo"})"), R"(200 {"json":[{"id":")" + bob + R"(","name":"Bob","email":"bob@example.com"}]})");
  EXPECT_EQ(co_await f.call("updateUserRoles", R"({"userId":")" + bob + R"(","roles":[")" + readers + "\"]}"), "200 {}");
  EXPECT_EQ((co_await f.call("updateUserRoles", R"({"userId":")" + bob + R"(","roles":["nobodys"]})")).substr(0, 3), "404");
  EXPECT_EQ((co_await f.call("updateUserRoles", R"({"userId":")" + bob + R"(","roles":["anonymous"]})")).substr(0, 3), "400");
  EXPECT_EQ((co_await f.call("updateUserRoles", R"({"userId":")" + ann + R"(","roles":["users"]})")).substr(0, 3), "403");
  EXPECT_EQ(co_await f.call("updateCurrentUser", R"({"name":"Ann B."})"), "200 {}");
  const std::string unproved = co_await f.call("updateCurrentUser", R"({"email":"b@example.com"})");
  EXPECT_NE(unproved.find(R"("path":["currentPassword"])"), std::string::npos) << unproved;
  EXPECT_EQ(co_await f.call("getCurrentUserProfile"),
            R"(200 {"json":{"id":")" + ann + R"(","name":"Ann B.","email":"ann@example.com","hasCredentialAccount":true}})");
  EXPECT_EQ(co_await f.call("deleteUser", "\"" + bob + "\""), "200 {}");
  EXPECT_EQ((co_await f.call("deleteUser", R"({"id":")" + bob + "\"}")).substr(0, 3), "404");
  EXPECT_EQ((co_await f.call("deleteUser", "\"" + ann + "\"")).substr(0, 3), "409");
  EXPECT_EQ(co_await f.call("deleteRole", "\"" + readers + "\""), "200 {}");
  EXPECT_EQ((co_await f.call("deleteRole", R"("admin")")).substr(0, 3), "403");
  const std::string log = co_await f.call("getAuditLog", R"({"limit":1,"outcome":"refused"})");
  EXPECT_NE(
      log.find(
          R"("actor":"user:)" + ann +
          R"(","actorName":"Ann B.","action":"role.delete","target":"role:admin","targetName":"Administrators","address":"","outcome":"refused"}],"total":)"),
      std::string::npos)
      << log;
  co_await f.finish();
}

CO_TEST(AuthContract, api_keys_over_the_wire) {
  Calls f(loop);
  co_await f.begin();
  const std::string made = co_await f.call("createApplication", R"({"name":"ci","description":"builds"})");
  const auto listed = (co_await f.service->list_applications({})).value();
  CO_ASSERT_EQ(listed.items.size(), 1U);
  const std::string id = listed.items[0].id.to_string();
  const std::string body = R"({"id":")" + id + R"(","name":"ci","description":"builds","roles":["applications"],"createdById":")" + f.admin.user->to_string() +
                           R"(","createdAt":"2026-01-01T00:00:00.000Z","lastUsedAt":null,"expiresAt":null,"revokedAt":null,"rateLimit":null})";
  EXPECT_TRUE(made.starts_with(R"(200 {"json":{"application":)" + body + R"(,"secret":"ck_)" + id + "_")) << made;
  EXPECT_TRUE(made.ends_with(R"("},"meta":[[1,"application","createdAt"]]})")) << made;
  EXPECT_EQ(co_await f.call("getApplications"), R"(200 {"json":[)" + body + R"(],"meta":[[1,0,"createdAt"]]})");
  EXPECT_EQ(co_await f.call("getApplications", R"({"offset":0})"), R"(200 {"json":{"items":[)" + body + R"(],"total":1},"meta":[[1,"items",0,"createdAt"]]})");
  EXPECT_EQ(co_await f.call("updateApplication", R"({"id":")" + id + R"(","name":"CI","description":null,"rateLimit":{"perSecond":5,"burst":10}})"), "200 {}");
  EXPECT_EQ(co_await f.call("getBindableApplications"), R"(200 {"json":[{"id":")" + id + R"(","name":"CI","description":null}]})");
  EXPECT_EQ(co_await f.call("getBindableApplications", R"({"includeAccessRules":true})"),
            R"(200 {"json":[{"id":")" + id + R"(","name":"CI","description":null,"accessRules":[]}]})");
  EXPECT_TRUE((co_await f.call("regenerateApplicationSecret", "\"" + id + "\"")).starts_with(R"(200 {"json":{"secret":"ck_)" + id + "_"));
  EXPECT_TRUE((co_await f.call("rotateApplicationSecret", R"({"id":")" + id + R"(","keepHours":2})")).starts_with(R"(200 {"json":{"secret":"ck_)"));
  EXPECT_EQ(co_await f.call("revokeApplication", "\"" + id + "\""), "200 {}");
  EXPECT_EQ((co_await f.call("regenerateApplicationSecret", "\"" + id + "\"")).substr(0, 3), "409");
  EXPECT_EQ(co_await f.call("deleteApplication", "\"" + id + "\""), "200 {}");
  EXPECT_EQ((co_await f.call("deleteApplication", "\"" + id + "\"")).substr(0, 3), "404");
  co_await f.finish();
}

CO_TEST(AuthContract, registration_and_strategies_over_the_wire) {
  Calls f(loop);
  co_await f.begin();
  EXPECT_EQ(co_await f.call("getRegistrationStatus"), R"(200 {"json":{"allowRegistration":true}})");
  EXPECT_EQ(co_await f.call("setRegistrationStatus", R"({"allowRegistration":false})"), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(co_await f.call("getRegistrationStatus"), R"(200 {"json":{"allowRegistration":false}})");
  const std::string schema = co_await f.call("getRegistrationSchema");
  EXPECT_TRUE(schema.starts_with(R"(200 {"json":{"type":"object","properties":{"allowRegistration":{"type":"boolean","title":"Allow registration")")) << schema;
  EXPECT_EQ(
      co_await f.call("getEnabledStrategies"),
      R"(200 {"json":[{"id":"credential","displayName":"Email and password","description":"Sign in with an email address and a password","type":"credential","icon":"KeyRound","requiresManualRegistration":true}]})");
  EXPECT_EQ(
      co_await f.call("getStrategies"),
      R"(200 {"json":[{"id":"credential","displayName":"Email and password","description":"Sign in with an email address and a password","icon":"KeyRound","enabled":true,"configVersion":1,"configSchema":{"type":"object","properties":{},"additionalProperties":false},"config":{}}]})");
  EXPECT_EQ((co_await f.call("updateStrategy", R"({"id":"credential","enabled":false})")).substr(0, 3), "409");
  EXPECT_EQ(co_await f.call("updateStrategy", R"({"id":"credential","enabled":true})"), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(co_await f.call("reloadAuth"), R"(200 {"json":{"success":true}})");
  co_await f.finish();
}

CO_TEST(AuthContract, bounds_are_bad_requests_and_nothing_is_stored) {
  Calls f(loop);
  co_await f.begin();
  const std::string longer(101, 'x');
  const std::vector<std::pair<std::string, std::string>> bad{
      {"createRole", R"({"name":")" + longer + R"(","accessRules":[]})"},
      {"createRole", R"({"name":"a","accessRules":"x"})"},
      {"createRole", R"({"name":"a","accessRules":[1]})"},
      {"createRole", R"({"name":"a","description":")" + std::string(501, 'x') + R"(","accessRules":[]})"},
      {"createApplication", R"({"name":""})"},
      {"createApplication", R"({"name":")" + longer + "\"}"},
      {"createApplication", R"({"name":"  "})"},
      {"createApplication", R"({"name":"a","rateLimit":{"perSecond":0,"burst":1}})"},
      {"createCredentialUser", R"({"email":"x","name":"a","password":"Passw0rd-ann"})"},
      {"createCredentialUser", R"({"email":"a@b.de","name":" ","password":"Passw0rd-ann"})"},
      {"updateUserRoles", R"({"userId":"x"})"},
      {"setRegistrationStatus", R"({"allowRegistration":null})"},
      {"getAuditLog", R"({"limit":0})"},
      {"getAuditLog", R"({"outcome":"maybe"})"},
      {"searchUsers", R"({"query":7})"},
  };
  const auto before = (co_await f.audited()).size();
  for (const auto& [procedure, json] : bad) EXPECT_EQ((co_await f.call(procedure, json)).substr(0, 3), "400") << procedure << json.substr(0, 60);
  EXPECT_EQ((co_await f.audited()).size(), before);
  co_await f.finish();
}

}  // namespace
}  // namespace watchbell::auth
