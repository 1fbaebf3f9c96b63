#include "domains/healthcheck/test/fixture.hpp"

#include "domains/healthcheck/signals.hpp"

namespace watchbell::healthcheck::test {
namespace {

struct Calls : Fixture {
  explicit Calls(async::Loop& l) : Fixture(l) {
    EXPECT_TRUE(dispatcher.mount(contract(service)));
    EXPECT_TRUE(dispatcher.check());
    identity.rules = {"*"};
  }
  /// "200 {...}" of a call by somebody with a session, or by nobody.
  awaitable<std::string> call(std::string name, std::string json, bool signed_in = true) {
    co_return co_await wire.call("healthcheck/" + name, json.empty() ? "{}" : "{\"json\":" + json + "}", signed_in ? user.to_string() : "");
  }
  Uuid user = Uuid::make_v7(1);
  watchbell::test::Wire wire{identity};
  rpc::Dispatcher& dispatcher = wire.dispatcher;
};

CO_TEST(HealthContract, procedures_and_who_may_call_them) {
  Calls f(loop);
  struct Row {
    std::string_view name;
    rpc::Kind kind;
    access::UserType type;
    std::string_view rule;
  };
  using enum rpc::Kind;
  using access::UserType;
  const Row rows[] = {{"getStrategies", query, UserType::authenticated, access_rules::kRead},
                      {"getCollectors", query, UserType::authenticated, access_rules::kRead},
                      {"getConfigurations", query, UserType::authenticated, access_rules::kRead},
                      {"createConfiguration", mutation, UserType::authenticated, access_rules::kManage},
                      {"updateConfiguration", mutation, UserType::authenticated, access_rules::kManage},
                      {"deleteConfiguration", mutation, UserType::authenticated, access_rules::kManage},
                      {"pauseConfiguration", mutation, UserType::authenticated, access_rules::kManage},
                      {"resumeConfiguration", mutation, UserType::authenticated, access_rules::kManage},
                      {"getSystemAssociations", query, UserType::authenticated, access_rules::kRead},
                      {"associateSystem", mutation, UserType::authenticated, access_rules::kManage},
                      {"disassociateSystem", mutation, UserType::authenticated, access_rules::kManage},
                      {"getSystemHealthStatus", query, UserType::public_, access_rules::kStatusRead},
                      {"getBulkSystemHealthStatus", query, UserType::public_, access_rules::kStatusRead},
                      {"getHistory", query, UserType::public_, access_rules::kStatusRead}};
  CO_ASSERT_EQ(f.dispatcher.areas().at(0).procedures().size(), std::size(rows));
  for (const auto& row : rows) {
    const auto* procedure = f.dispatcher.find("healthcheck/" + std::string(row.name));
    CO_ASSERT_TRUE(procedure != nullptr);
    EXPECT_EQ(procedure->kind(), row.kind) << row.name;
    EXPECT_EQ(procedure->access().type, row.type) << row.name;
    EXPECT_EQ(procedure->access().rules, std::vector<std::string>{std::string(row.rule)}) << row.name;
  }
  const auto& rules = f.dispatcher.areas().at(0).rules();
  CO_ASSERT_EQ(rules.size(), 4u);
  for (const auto& rule : rules) {
    EXPECT_EQ(rule.is_default, rule.id == access_rules::kStatusRead);
    EXPECT_EQ(rule.is_public, rule.id == access_rules::kStatusRead);
  }
  co_await f.end();
}

CO_TEST(HealthContract, inputs_and_outputs_have_the_recorded_shape) {
  Calls f(loop);
  const auto input = [&](std::string_view name) {
    return rpc::to_typescript(*f.dispatcher.find("healthcheck/" + std::string(name))->input(), rpc::Direction::input);
  };
  const auto output = [&](std::string_view name) {
    return rpc::to_typescript(*f.dispatcher.find("healthcheck/" + std::string(name))->output(), rpc::Direction::output);
  };
  for (const char* member : {"systemId: string", "configurationId: string", "enabled?: boolean", "stateThresholds?: ", "minSuccessCount?: number", "windowSize?: number",
                             "mode: \"consecutive\"", "mode: \"window\""})
    EXPECT_NE(input("associateSystem").find(member), std::string::npos) << member << " in " << input("associateSystem");
  for (const char* member : {"sortOrder: \"asc\" | \"desc\"", "limit?: number", "systemId?: string", "startDate?: Date"})
    EXPECT_NE(input("getHistory").find(member), std::string::npos) << member << " in " << input("getHistory");
  for (const char* member : {"status: \"healthy\" | \"degraded\" | \"unhealthy\" | \"unknown\"", "evaluatedAt: Date", "checkStatuses: ", "configurationName: string",
                             "runsConsidered: number", "lastRunAt?: Date", "recentRuns: ", "since?: Date"})
    EXPECT_NE(output("getSystemHealthStatus").find(member), std::string::npos) << member << " in " << output("getSystemHealthStatus");
  for (const char* member : {"id: string", "intervalSeconds: number", "collectors?: ", "operator: string", "jsonPath?: string", "paused: boolean", "createdAt: Date"})
    EXPECT_NE(output("createConfiguration").find(member), std::string::npos) << member << " in " << output("createConfiguration");
  co_await f.end();
}

CO_TEST(HealthContract, HC_4_public_procedures_fail_closed_without_the_rule) {
  Calls f(loop);
  const auto system = f.add_system("Web").to_string();
  for (const auto& [name, json] : std::initializer_list<std::pair<std::string, std::string>>{
           {"getHistory", R"({"sortOrder":"asc"})"},
           {"getSystemHealthStatus", "{\"systemId\":\"" + system + "\"}"},
           {"getBulkSystemHealthStatus", "{\"systemIds\":[\"" + system + "\"]}"}}) {
    EXPECT_EQ((co_await f.call(name, json, false)).substr(0, 3), "403") << name;
    f.identity.anonymous = {std::string(access_rules::kStatusRead)};
    EXPECT_EQ((co_await f.call(name, json, false)).substr(0, 3), "200") << name;
    f.identity.anonymous.clear();
  }
  EXPECT_EQ((co_await f.call("getConfigurations", "", false)).substr(0, 3), "401");
  co_await f.end();
}

CO_TEST(HealthContract, HC_2_bounds_are_bad_requests) {
  Calls f(loop);
  const std::string id = Uuid::make_v7(2).to_string();
  std::string many;
  for (int i = 0; i < 1001; ++i) many += (i > 0 ? ",\"" : "\"") + Uuid::make_v7(i).to_string() + "\"";
  const std::pair<std::string, std::string> calls[] = {
      {"getHistory", "{}"},
      {"getHistory", R"({"sortOrder":"asc","limit":0})"},
      {"getHistory", R"({"sortOrder":"asc","limit":501})"},
      {"getHistory", R"({"sortOrder":"asc","limit":1.5})"},
      {"getHistory", R"({"sortOrder":"asc","offset":-1})"},
      {"getHistory", R"({"sortOrder":"up"})"},
      {"getBulkSystemHealthStatus", R"({"systemIds":[]})"},
      {"getBulkSystemHealthStatus", "{\"systemIds\":[\"" + id + "\",\"" + id + "\"]}"},
      {"getBulkSystemHealthStatus", R"({"systemIds":["x","x"]})"},
      {"getBulkSystemHealthStatus", "{\"systemIds\":[" + many + "]}"},
      {"createConfiguration", R"({"name":"","strategyId":"test.fake","config":{},"intervalSeconds":60})"},
      {"createConfiguration", R"({"name":"a","strategyId":"test.fake","config":{},"intervalSeconds":0})"},
      {"createConfiguration", R"({"name":"a","strategyId":"test.fake","config":{},"intervalSeconds":86401})"},
      {"createConfiguration", R"({"name":"a","strategyId":"test.fake","config":{},"intervalSeconds":1.5})"},
      {"createConfiguration", R"({"name":"a","strategyId":"test.fake","config":[],"intervalSeconds":60})"},
      {"createConfiguration", R"({"name":"a","strategyId":"nobody.knows","config":{},"intervalSeconds":60})"},
      {"associateSystem", "{\"systemId\":\"" + id + R"(","body":{"configurationId":"no-uuid"}})"},
      {"associateSystem", "{\"systemId\":\"" + id + "\",\"body\":{\"configurationId\":\"" + id + R"(","stateThresholds":{"mode":"other"}}})"},
      {"associateSystem", "{\"systemId\":\"" + id + "\",\"body\":{\"configurationId\":\"" + id +
                              R"(","stateThresholds":{"mode":"window","windowSize":2,"degraded":{},"unhealthy":{}}}})"},
      {"associateSystem", "{\"systemId\":\"" + id + "\",\"body\":{\"configurationId\":\"" + id +
                              R"(","stateThresholds":{"mode":"window","windowSize":5,"degraded":{},"unhealthy":{"minFailureCount":6}}}})"},
  };
  for (const auto& [name, json] : calls) EXPECT_EQ((co_await f.call(name, json)).substr(0, 3), "400") << name << " " << json.substr(0, 200);
  co_await f.end();
}

CO_TEST(HealthContract, visitors_see_that_a_run_failed_and_not_why) {
  Calls f(loop);
  co_await f.begin();
  f.identity.anonymous = {std::string(access_rules::kStatusRead)};
  const auto system = f.add_system("Web");
  f.prober.down = {"Home"};
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  const std::string ask = R"({"sortOrder":"desc"})";
  const auto seen = co_await f.call("getHistory", ask, false);
  EXPECT_NE(seen.find(R"("status":"unhealthy")"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("it is down"), std::string::npos);
  EXPECT_NE((co_await f.call("getHistory", ask)).find("it is down"), std::string::npos);
  co_await f.end();
}

CO_TEST(HealthContract, a_check_goes_over_the_wire_and_back) {
  Calls f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto made = co_await f.call("createConfiguration",
                                    R"({"name":"Home","strategyId":"test.fake","config":{"timeout":1000},"intervalSeconds":3600,"collectors":[{"id":"e1","collectorId":"test.once",)"
                                    R"("config":{},"assertions":[{"field":"statusCode","operator":"equals","value":404}]}]})");
  CO_ASSERT_EQ(made.substr(0, 3), "200");
  EXPECT_NE(made.find(R"("collectors":[{"id":"e1","collectorId":"test.once","config":{},"assertions":[{"field":"statusCode","operator":"equals","value":404}]}])"),
            std::string::npos)
      << made;
  EXPECT_EQ(made.find("revision"), std::string::npos);
  EXPECT_NE(made.find(R"("paused":false)"), std::string::npos);
  const std::string id = made.substr(made.find("\"id\":\"") + 6, 36);
  EXPECT_EQ(co_await f.call("associateSystem", "{\"systemId\":\"" + system.to_string() + "\",\"body\":{\"configurationId\":\"" + id +
                                                   R"(","stateThresholds":{"mode":"consecutive","healthy":{},"degraded":{},"unhealthy":{"minFailureCount":2}}}})"),
            "200 {}");
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  const auto associations = co_await f.call("getSystemAssociations", "{\"systemId\":\"" + system.to_string() + "\"}");
  EXPECT_NE(associations.find(R"("stateThresholds":{"mode":"consecutive","healthy":{"minSuccessCount":1},"degraded":{"minFailureCount":2},"unhealthy":{"minFailureCount":2}})"),
            std::string::npos)
      << associations;
  const auto status = co_await f.call("getSystemHealthStatus", "{\"systemId\":\"" + system.to_string() + "\"}");
  EXPECT_EQ(status.substr(0, 3), "200");
  EXPECT_NE(status.find(R"("status":"healthy")"), std::string::npos);
  EXPECT_NE(status.find(R"("meta":[[1,"evaluatedAt"])"), std::string::npos) << status;
  const auto bulk = co_await f.call("getBulkSystemHealthStatus", "{\"systemIds\":[\"" + system.to_string() + "\",\"nobody\"]}");
  EXPECT_NE(bulk.find(R"("nobody":{"status":"unknown")"), std::string::npos) << bulk;
  EXPECT_NE((co_await f.call("getHistory", R"({"sortOrder":"desc"})")).find(R"("total":1,"limit":10,"offset":0)"), std::string::npos);
  EXPECT_NE((co_await f.call("getStrategies", "")).find(R"("id":"test.fake","displayName":"Fake")"), std::string::npos);
  EXPECT_NE((co_await f.call("getCollectors", R"({"strategyId":"test.fake"})")).find(R"("id":"test.once")"), std::string::npos);
  EXPECT_EQ(co_await f.call("getCollectors", R"({"strategyId":"none"})"), R"(200 {"json":[]})");
  EXPECT_NE((co_await f.call("getConfigurations", "")).find("\"total\":1"), std::string::npos);
  EXPECT_NE((co_await f.call("getConfigurations", R"({"limit":1,"offset":1})")).find(R"("configurations":[],"total":1)"), std::string::npos);
  // Both forms of an id.
  EXPECT_EQ(co_await f.call("pauseConfiguration", "\"" + id + "\""), "200 {}");
  EXPECT_EQ(co_await f.call("resumeConfiguration", "{\"id\":\"" + id + "\"}"), "200 {}");
  EXPECT_EQ((co_await f.call("updateConfiguration", "{\"id\":\"" + id + "\",\"body\":{\"name\":\"Other\"}}")).substr(0, 3), "200");
  EXPECT_EQ(co_await f.call("disassociateSystem", "{\"systemId\":\"" + system.to_string() + "\",\"configId\":\"" + id + "\"}"), "200 {}");
  EXPECT_EQ(co_await f.call("deleteConfiguration", "\"" + id + "\""), "200 {}");
  EXPECT_EQ((co_await f.call("deleteConfiguration", "\"" + id + "\"")).substr(0, 3), "404");
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::healthcheck::test
