#include "domains/catalog/test/fixture.hpp"

namespace watchbell::catalog {
namespace {

struct Calls : test::Fixture {
  explicit Calls(async::Loop& l) : test::Fixture(l) {
    EXPECT_TRUE(wire.dispatcher.mount(contract(catalog)));
    EXPECT_TRUE(wire.dispatcher.check());
  }
  awaitable<std::string> call(std::string procedure, std::string body) { co_return co_await wire.call("catalog/" + procedure, std::move(body), test::user(1).to_string()); }
  watchbell::test::Wire wire{identity};
};

CO_TEST(CatalogContract, who_may_call_what) {
  Calls f(loop);
  co_await f.queue->start();
  // A visitor without rules and one who may read; a user without rules, with read, and with manage, which implies read.
  const std::vector<std::pair<std::string, std::string>> table{
      {"getSystems", "403 200 403 200 200"},   {"getSystem", "403 400 403 400 400"},    {"createSystem", "401 401 403 403 400"},
      {"updateSystem", "401 401 403 403 400"}, {"deleteSystem", "401 401 403 403 400"},
  };
  for (const auto& [procedure, expected] : table) {
    std::string seen;
    const auto as = [&](std::vector<std::string> anonymous, std::vector<std::string> rules, std::string cookie) -> awaitable<void> {
      f.identity.anonymous = std::move(anonymous);
      f.identity.rules = std::move(rules);
      seen += (seen.empty() ? "" : " ") + (co_await f.wire.call("catalog/" + procedure, R"({"json":{}})", std::move(cookie))).substr(0, 3);
    };
    const std::string ann = test::user(1).to_string();
    co_await as({}, {}, "");
    co_await as({"catalog.system.read"}, {}, "");
    co_await as({}, {}, ann);
    co_await as({}, {"catalog.system.read"}, ann);
    co_await as({}, {"catalog.system.manage"}, ann);
    EXPECT_EQ(seen, expected) << procedure;
  }
  EXPECT_EQ(f.wire.dispatcher.areas()[0].procedures().size(), table.size());
  co_await f.shut();
}

CO_TEST(CatalogContract, a_system_over_the_wire) {
  Calls f(loop);
  co_await f.queue->start();
  f.identity.rules = {"*"};
  const std::string made = co_await f.call("createSystem", R"({"json":{"name":" Orders ","description":"takes orders","metadata":{"tier":1}}})");
  const std::string id = co_await f.one<std::string>("select id from systems");
  const std::string body = R"({"id":")" + id +
                           R"(","name":"Orders","description":"takes orders","metadata":{"tier":1},"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"})";
  EXPECT_EQ(made, R"(200 {"json":)" + body + R"(,"meta":[[1,"createdAt"],[1,"updatedAt"]]})");
  EXPECT_EQ(co_await f.call("getSystems", "{}"), R"(200 {"json":{"systems":[)" + body + R"(]},"meta":[[1,"systems",0,"createdAt"],[1,"systems",0,"updatedAt"]]})");
  EXPECT_EQ(co_await f.call("getSystem", R"({"json":{"systemId":")" + id + "\"}}"), made);
  EXPECT_NE((co_await f.call("updateSystem", R"({"json":{"id":")" + id + R"(","data":{"name":"Payments","description":null}}})")).find(R"("name":"Payments","description":null,"metadata":{"tier":1})"), std::string::npos);
  EXPECT_EQ(co_await f.call("deleteSystem", "{\"json\":\"" + id + "\"}"), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(co_await f.call("deleteSystem", R"({"json":{"id":")" + id + "\"}}"), R"(200 {"json":{"success":false}})");  // the later form of the input
  EXPECT_EQ(co_await f.call("getSystem", R"({"json":{"systemId":")" + id + "\"}}"), R"(200 {"json":null})");
  co_await f.shut();
}

CO_TEST(CatalogContract, R_09_bad_input_is_refused_and_nothing_is_stored) {
  Calls f(loop);
  co_await f.queue->start();
  f.identity.rules = {"*"};
  const auto of_length = [](std::size_t n) { return R"({"json":{"name":")" + std::string(n, 'x') + "\"}}"; };
  std::string deep = "1";
  for (int i = 0; i < 8; ++i) deep = "{\"a\":" + deep + "}";
  const std::string bad[] = {R"({"json":{}})", R"({"json":{"name":""}})", R"({"json":{"name":"   "}})", R"({"json":{"name":7}})", of_length(201),
                             R"({"json":{"name":"a","description":7}})", R"({"json":{"name":"a","description":")" + std::string(10'001, 'x') + "\"}}",
                             R"({"json":{"name":"a","metadata":[]}})", R"({"json":{"name":"a","metadata":{"big":")" + std::string(33'000, 'x') + "\"}}}",
                             R"({"json":{"name":"a","metadata":)" + deep + "}}", R"({"json":{"name":"a\u0000b"}})",
                             R"({"json":{"name":"a","metadata":{"n":"1"}},"meta":[[0,"metadata","n"]]})"};
  for (const auto& body : bad) EXPECT_EQ((co_await f.call("createSystem", body)).substr(0, 3), "400") << body.substr(0, 80);
  EXPECT_EQ(co_await f.rows("systems"), 0);
  EXPECT_EQ((co_await f.call("createSystem", of_length(200))).substr(0, 3), "200");
  EXPECT_EQ((co_await f.call("createSystem", of_length(200))).substr(0, 3), "409");
  EXPECT_EQ((co_await f.call("updateSystem", R"({"json":{"id":"00000000-0000-4000-8000-000000000000","data":{"name":"b"}}})")).substr(0, 3), "404");
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::catalog
