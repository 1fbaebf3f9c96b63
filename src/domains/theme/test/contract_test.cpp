#include "domains/theme/contract.hpp"

#include "domains/theme/module.hpp"
#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::theme {
namespace {

constexpr const char* kAnn = "01000000-0000-7000-8000-000000000001";
constexpr const char* kBob = "01000000-0000-7000-8000-000000000002";

struct Fixture : watchbell::test::RuntimeFixture {
  explicit Fixture(async::Loop& l) : RuntimeFixture(l, {&migrations::theme()}) {
    EXPECT_TRUE(wire.dispatcher.mount(contract(service)));
    EXPECT_TRUE(wire.dispatcher.check());
  }
  Service service{*database, cache, *changes};
  watchbell::test::Wire wire{identity};
};

CO_TEST(ThemeContract, C_1_every_read_after_a_choice_returned_sees_it) {
  Fixture f(loop);
  EXPECT_EQ(co_await f.wire.call("theme/getTheme", "{}", kAnn), R"(200 {"json":{"theme":"system"}})");
  for (const std::string theme : {"dark", "light", "system", "dark"}) {
    EXPECT_EQ(co_await f.wire.call("theme/setTheme", R"({"json":{"theme":")" + theme + "\"}}", kAnn), "200 {}");
    EXPECT_EQ(co_await f.wire.call("theme/getTheme", "{}", kAnn), R"(200 {"json":{"theme":")" + theme + "\"}}");
  }
  EXPECT_EQ(co_await f.wire.call("theme/getTheme", "{}", kBob), R"(200 {"json":{"theme":"system"}})");
  const auto loads = f.cache.snapshot().loads;
  co_await f.wire.call("theme/getTheme", "{}", kAnn);
  EXPECT_EQ(f.cache.snapshot().loads, loads);
  co_await f.close();
}

CO_TEST(ThemeContract, a_choice_goes_with_its_user) {
  Fixture f(loop);
  const auto ann = *UserId::parse(kAnn);
  for (const auto* who : {kAnn, kBob}) EXPECT_EQ(co_await f.wire.call("theme/setTheme", R"({"json":{"theme":"dark"}})", who), "200 {}");
  EXPECT_EQ(co_await f.wire.call("theme/getTheme", "{}", kAnn), R"(200 {"json":{"theme":"dark"}})");
  EXPECT_TRUE(co_await f.changes->run([&](Change& change) -> Result<void> {
    f.service.forget(change, ann);
    return {};
  }));
  EXPECT_EQ(co_await f.wire.call("theme/getTheme", "{}", kAnn), R"(200 {"json":{"theme":"system"}})");
  EXPECT_EQ(co_await f.wire.call("theme/getTheme", "{}", kBob), R"(200 {"json":{"theme":"dark"}})");
  co_await f.close();
}

CO_TEST(ThemeContract, other_words_and_visitors_are_refused) {
  Fixture f(loop);
  for (const char* body : {"{}", R"({"json":{}})", R"({"json":{"theme":"pink"}})", R"({"json":{"theme":null}})"})
    EXPECT_EQ((co_await f.wire.call("theme/setTheme", body, kAnn)).substr(0, 3), "400") << body;
  EXPECT_EQ((co_await f.wire.call("theme/setTheme", R"({"json":{"theme":"dark"}})")).substr(0, 3), "401");
  EXPECT_EQ((co_await f.wire.call("theme/getTheme", "{}")).substr(0, 3), "401");
  EXPECT_EQ(co_await f.wire.call("theme/getTheme", "{}", kAnn), R"(200 {"json":{"theme":"system"}})");
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::theme
