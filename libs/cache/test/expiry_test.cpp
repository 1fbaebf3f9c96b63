#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace watchbell::cache::test {
namespace {

CacheOptions exact() {
  CacheOptions options;
  options.ttl_jitter = 0;
  return options;
}

TEST(Expiry, C_15_an_entry_lives_exactly_its_ttl_when_there_is_no_jitter) {
  World world(exact());
  world.put(world.scope, Key("k"), 1, 10s);
  world.clock.advance(10s - 1ns);
  EXPECT_NE(world.scope.find<int>(Key("k")), nullptr);
  world.clock.advance(1ns);
  EXPECT_EQ(world.scope.find<int>(Key("k")), nullptr);
  EXPECT_EQ(world.engine.snapshot().expirations, 1u);
  EXPECT_EQ(world.engine.snapshot().bytes, 0u);
}

TEST(Expiry, C_15_a_read_after_expiry_loads_anew) {
  World world(exact());
  EXPECT_EQ(world.text(Key("k")), "one");
  world.source.value = "two";
  world.clock.advance(15s);
  EXPECT_EQ(world.text(Key("k")), "two");
}

TEST(Expiry, C_15_a_ttl_of_zero_or_less_stores_nothing) {
  World world;
  for (const Duration ttl : {Duration(0), Duration(-1), Duration(-1h), Duration::min()}) {
    world.put(world.scope, Key("k"), 1, ttl);
    EXPECT_EQ(world.scope.find<int>(Key("k")), nullptr);
  }
  EXPECT_EQ(world.engine.snapshot().discarded.no_ttl, 4u);
  EXPECT_EQ(world.engine.snapshot().entries, 0u);
}

TEST(Expiry, C_15_every_ttl_is_finite) {
  World world(exact());
  world.put(world.scope, Key("k"), 1, Duration::max());
  world.clock.advance(10min - 1ns);
  EXPECT_NE(world.scope.find<int>(Key("k")), nullptr);
  world.clock.advance(1ns);
  EXPECT_EQ(world.scope.find<int>(Key("k")), nullptr);
}

TEST(Expiry, C_15_the_largest_ttl_a_cache_may_allow_does_not_overflow) {
  auto options = exact();
  options.max_ttl = Duration::max();
  World world(options);
  world.put(world.scope, Key("k"), 1, Duration::max());
  world.clock.advance(24h * 365);
  EXPECT_NE(world.scope.find<int>(Key("k")), nullptr);
}

TEST(Expiry, C_15_jitter_shortens_by_at_most_a_tenth_and_never_prolongs) {
  CacheOptions options;
  options.ttl_jitter = 5;  // cut to the most that is allowed
  World world(options);
  constexpr int kEntries = 1000;
  for (int i = 0; i < kEntries; ++i) world.put(world.scope, Key(i), i, 10s);
  const auto alive = [&] {
    int count = 0;
    for (int i = 0; i < kEntries; ++i) count += world.scope.find<int>(Key(i)) != nullptr;
    return count;
  };
  world.clock.advance(9s - 1ns);
  EXPECT_EQ(alive(), kEntries);
  world.clock.advance(500ms);
  const int half_way = alive();
  EXPECT_GT(half_way, kEntries / 4);
  EXPECT_LT(half_way, kEntries * 3 / 4);
  world.clock.advance(500ms + 1ns);
  EXPECT_EQ(alive(), 0);
}

TEST(Expiry, C_15_the_ttl_of_a_call_overrides_that_of_the_scope) {
  World world(exact());
  world.put(world.scope, Key("k"), 1, 1s);
  world.clock.advance(1s);
  EXPECT_EQ(world.scope.find<int>(Key("k")), nullptr);
}

TEST(Expiry, C_15_the_default_clock_is_monotonic_and_counts_as_the_steady_clock_does) {
  const auto before = coarse_now();
  const auto steady = std::chrono::steady_clock::now();
  EXPECT_LE(before, steady);
  EXPECT_LT(steady - coarse_now(), 1s);
  EXPECT_LE(before, coarse_now());
}

}  // namespace
}  // namespace watchbell::cache::test
