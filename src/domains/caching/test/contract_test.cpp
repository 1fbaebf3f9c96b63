#include "domains/caching/contract.hpp"

#include "domains/caching/module.hpp"
#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::caching {
namespace {

constexpr const char* kAnn = "01000000-0000-7000-8000-000000000001";

struct Fixture : watchbell::test::RuntimeFixture {
  explicit Fixture(async::Loop& l) : RuntimeFixture(l) {
    EXPECT_TRUE(wire.dispatcher.mount(contract(service)));
    EXPECT_TRUE(wire.dispatcher.check());
    identity.rules = {"cache.settings.read"};
  }
  awaitable<void> fill(std::string key, std::size_t bytes) {
    coherence::Scope scope(cache, *database, "test", std::chrono::seconds(30));
    const auto read = co_await scope.read<std::string>(cache::Key("k", key), [bytes](sql::Session&) { return std::string(bytes, 'x'); });
    EXPECT_TRUE(read);
  }
  Service service{cache, clock, {.max_entries = 7, .max_bytes = 1 << 20, .per_scope_share = 0.25}};
  watchbell::test::Wire wire{identity};
};

CO_TEST(CachingContract, says_what_the_cache_is_made_of_and_holds) {
  Fixture f(loop);
  const auto plugins = co_await f.wire.call("cache/getPlugins", "{}", kAnn);
  EXPECT_EQ(plugins.substr(0, 3), "200");
  EXPECT_NE(plugins.find(R"("id":"memory","displayName":"In memory")"), std::string::npos);
  EXPECT_NE(plugins.find(R"("maxEntries":{)"), std::string::npos) << plugins;
  EXPECT_EQ(co_await f.wire.call("cache/getConfiguration", "{}", kAnn),
            R"(200 {"json":{"pluginId":"memory","config":{"maxEntries":7,"maxBytes":1048576,"perScopeShare":0.25}}})");
  EXPECT_EQ(co_await f.wire.call("cache/getRuntimeStats", "{}", kAnn),
            R"(200 {"json":{"pluginId":"memory","keyCount":0,"sizeBytes":0,"hits":0,"misses":0,"scope":"instance"}})");
  co_await f.fill("a", 10);
  co_await f.fill("a", 10);
  const auto stats = co_await f.wire.call("cache/getRuntimeStats", "{}", kAnn);
  EXPECT_NE(stats.find(R"("keyCount":1,)"), std::string::npos) << stats;
  EXPECT_NE(stats.find(R"("hits":1,"misses":1,)"), std::string::npos) << stats;
  co_await f.close();
}

CO_TEST(CachingContract, entries_are_listed_by_size_or_age_without_their_values) {
  Fixture f(loop);
  const auto page = [&](std::string input) { return f.wire.call("cache/listEntries", R"({"json":)" + input + "}", kAnn); };
  EXPECT_EQ(co_await page(R"({"limit":2})"), R"(200 {"json":{"supported":true,"items":[],"total":0,"hasMore":false}})");
  co_await f.fill("big", 5000);
  co_await f.fill("small", 1);
  co_await f.fill("middle", 500);
  const auto biggest = co_await page(R"({"limit":2})");
  EXPECT_LT(biggest.find("big"), biggest.find("middle"));
  EXPECT_EQ(biggest.find("small"), std::string::npos);
  EXPECT_NE(biggest.find(R"("total":3,"hasMore":true)"), std::string::npos) << biggest;
  EXPECT_EQ(biggest.find("xxx"), std::string::npos);
  EXPECT_NE(biggest.find(R"("expiresAt":"2026-01-01T00:00:)"), std::string::npos) << biggest;
  EXPECT_NE((co_await page(R"({"limit":2,"offset":2})")).find("small"), std::string::npos);
  const auto newest = co_await page(R"({"limit":200,"sortBy":"newest"})");
  EXPECT_LT(newest.find("middle"), newest.find("small"));
  EXPECT_LT(newest.find("small"), newest.find("big"));
  for (const char* bad : {"{}", R"({"limit":0})", R"({"limit":201})", R"({"limit":1,"offset":-1})", R"({"limit":1,"sortBy":"oldest"})"})
    EXPECT_EQ((co_await page(bad)).substr(0, 3), "400") << bad;
  co_await f.close();
}

CO_TEST(CachingContract, is_for_those_who_may_see_the_settings) {
  Fixture f(loop);
  for (const char* procedure : {"getPlugins", "getConfiguration", "getRuntimeStats", "listEntries"}) {
    f.identity.rules = {};
    EXPECT_EQ((co_await f.wire.call(std::string("cache/") + procedure, R"({"json":{"limit":1}})", kAnn)).substr(0, 3), "403");
    EXPECT_EQ((co_await f.wire.call(std::string("cache/") + procedure, R"({"json":{"limit":1}})")).substr(0, 3), "401");
    f.identity.rules = {"cache.settings.manage"};
    EXPECT_EQ((co_await f.wire.call(std::string("cache/") + procedure, R"({"json":{"limit":1}})", kAnn)).substr(0, 3), "200");
  }
  EXPECT_EQ((co_await f.wire.call("cache/updateConfiguration", "{}", kAnn)).substr(0, 3), "404");
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::caching
