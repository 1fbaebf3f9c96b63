// Values that are loaded anew before they end, and values that know when they end.
#include "support.hpp"

#include <watchbell/cache/timed.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace watchbell::cache::test {
namespace {

const Key kKey("k");

struct Refresh : testing::Test {
  static CacheOptions exact() {
    CacheOptions options;
    options.ttl_jitter = 0;
    return options;
  }
  auto read(std::string expected) {
    bool found = false;
    if (const auto hit = scope.find<std::string>(kKey)) {
      EXPECT_EQ(*hit, expected);
      found = true;
    }
    if (!found) {
      const auto reader = spawn(world.loop, scope.wrap<std::string>(kKey, world.source.loader()));
      drain(world.loop);
      EXPECT_TRUE(reader->ended);
      EXPECT_EQ(*reader->value, expected);
    }
  }

  World world{exact()};
  const CachedScope scope{world.engine, "ahead", ScopeOptions(10s, 30s, 2s)};
};

TEST_F(Refresh, one_reader_loads_shortly_before_the_end_while_all_get_the_present_value) {
  read("one");
  world.source.value = "two";
  world.clock.advance(8s - 1ns);
  read("one");
  EXPECT_EQ(world.source.loads, 1);

  world.clock.advance(1ns);
  const auto gate = world.source.hold();
  for (int i = 0; i < 10; ++i) read("one");
  EXPECT_EQ(world.source.loads, 2);
  EXPECT_EQ(world.engine.snapshot().refreshes, 1u);
  gate->open();
  drain(world.loop);
  read("two");
  world.clock.advance(7s);
  read("two");
  EXPECT_EQ(world.source.loads, 2);
}

TEST_F(Refresh, a_refresh_that_fails_leaves_the_present_value_until_its_end) {
  read("one");
  world.clock.advance(9s);
  auto fails = []() -> awaitable<std::string> { throw std::runtime_error("refresh"); };
  EXPECT_EQ(scope.find<std::string>(kKey), nullptr);  // this reader is the one
  const auto reader = spawn(world.loop, scope.wrap<std::string>(kKey, fails));
  drain(world.loop);
  EXPECT_EQ(*reader->value, "one");
  read("one");
  EXPECT_EQ(world.source.loads, 1);
  world.clock.advance(1s);
  world.source.value = "two";
  read("two");
}

TEST_F(Refresh, C_1_an_invalidation_while_it_is_refreshed_drops_the_value_and_dooms_the_refresh) {
  read("one");
  world.clock.advance(9s);
  const auto gate = world.source.hold();
  read("one");
  world.source.value = "two";
  scope.invalidate(kKey);
  world.source.hold_no_more();
  read("two");
  gate->open();
  drain(world.loop);
  read("two");
  EXPECT_EQ(world.source.loads, 3);
}

TEST_F(Refresh, an_old_load_that_still_runs_does_not_keep_a_reader_waiting_for_a_refresh) {
  const auto old = world.source.hold();
  spawn(world.loop, scope.wrap<std::string>(kKey, world.source.loader()));
  drain(world.loop);
  scope.invalidate(kKey);
  world.source.hold_no_more();
  read("one");
  world.clock.advance(9s);
  for (int i = 0; i < 3; ++i) {
    const auto reader = spawn(world.loop, scope.wrap<std::string>(kKey, world.source.loader()));
    drain(world.loop);
    EXPECT_TRUE(reader->ended);
  }
  old->open();
  drain(world.loop);
}

TEST_F(Refresh, a_reader_who_was_sent_to_load_and_did_not_go_costs_nothing_but_the_refresh) {
  read("one");
  world.clock.advance(9s);
  EXPECT_EQ(scope.find<std::string>(kKey), nullptr);
  EXPECT_NE(scope.find<std::string>(kKey), nullptr);
  world.clock.advance(1s);
  read("one");
  EXPECT_EQ(world.source.loads, 2);
}

TEST(Timed, C_16_a_value_that_knows_its_next_transition_ends_no_later_than_that) {
  CacheOptions options;
  options.ttl_jitter = 0;
  World world(options);
  auto loader = [] { return World::give(Timed<std::string>("until ten", 10s)); };
  auto pointer = [] { return World::give(Timed<Shared<int>>(std::make_shared<const int>(7), 1h)); };
  spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));  // the scope would keep it for 15 s
  spawn(world.loop, world.scope.wrap<int>(Key("longer"), pointer));
  drain(world.loop);
  world.clock.advance(10s - 1ns);
  EXPECT_NE(world.scope.find<std::string>(kKey), nullptr);
  world.clock.advance(1ns);
  EXPECT_EQ(world.scope.find<std::string>(kKey), nullptr);
  world.clock.advance(5s - 1ns);
  EXPECT_NE(world.scope.find<int>(Key("longer")), nullptr);  // never prolonged: 15 s of the scope
  world.clock.advance(1ns);
  EXPECT_EQ(world.scope.find<int>(Key("longer")), nullptr);
}

TEST(Timed, C_16_a_value_whose_transition_has_passed_is_handed_on_only) {
  World world;
  auto loader = [] { return World::give(Timed<std::string>("over", -1s)); };
  const auto reader = spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  drain(world.loop);
  EXPECT_EQ(*reader->value, "over");
  EXPECT_EQ(world.scope.find<std::string>(kKey), nullptr);
}

}  // namespace
}  // namespace watchbell::cache::test
