// What the cache holds: bounds, eviction, accounting.
#include "support.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

namespace watchbell::cache::test {
namespace {

using namespace std::string_literals;

CacheOptions entries(std::size_t most) {
  CacheOptions options;
  options.max_entries = most;
  return options;
}

CacheOptions bytes(std::size_t most) {
  CacheOptions options;
  options.max_bytes = most;
  return options;
}

TEST(Bounds, C_28_the_entry_bound_holds) {
  World world(entries(3));
  for (int i = 0; i < 10; ++i) {
    world.put(world.scope, Key(i), i);
    EXPECT_LE(world.engine.snapshot().entries, 3u);
  }
  EXPECT_EQ(world.engine.snapshot().entries, 3u);
  EXPECT_EQ(world.engine.snapshot().evictions, 7u);
}

TEST(Bounds, C_28_the_byte_bound_holds_and_one_large_value_displaces_as_many_as_it_needs) {
  const std::size_t one = Cache::charge(Key(0), sizeof(int));
  World world(bytes(10 * one));
  for (int i = 0; i < 10; ++i) world.put(world.scope, Key(i), i);
  EXPECT_EQ(world.engine.snapshot().bytes, 10 * one);

  world.put(world.scope, Key("x"), std::string(3 * one, 'x'));
  const auto seen = world.engine.snapshot();
  EXPECT_LE(seen.bytes, 10 * one);
  EXPECT_NE(world.scope.find<std::string>(Key("x")), nullptr);
  EXPECT_GE(seen.entries, 6u);
}

TEST(Bounds, C_28_a_value_over_the_bound_is_returned_and_displaces_nothing) {
  World world(bytes(2'000));
  world.put(world.scope, Key("small"), 1);
  auto loader = [] { return World::give(std::string(10'000, 'x')); };
  const auto reader = spawn(world.loop, world.scope.wrap<std::string>(Key("large"), loader));
  drain(world.loop);
  EXPECT_EQ(reader->value->size(), 10'000u);
  EXPECT_EQ(world.scope.find<std::string>(Key("large")), nullptr);
  EXPECT_NE(world.scope.find<int>(Key("small")), nullptr);
  EXPECT_EQ(world.engine.snapshot().discarded.too_large, 1u);
}

TEST(Bounds, C_28_replacing_an_entry_never_evicts_another) {
  World world(entries(3));
  for (int i = 0; i < 3; ++i) world.put(world.scope, Key(i), i, 10s);
  world.put(world.scope, Key("long"), 0, 1h);  // evicts one
  const auto before = world.engine.snapshot().evictions;
  for (int i = 0; i < 5; ++i) {
    world.scope.invalidate(Key("long"));
    world.put(world.scope, Key("long"), i, 1h);
  }
  EXPECT_EQ(world.engine.snapshot().evictions, before);
  EXPECT_EQ(world.engine.snapshot().entries, 3u);
}

TEST(Bounds, C_28_a_cache_of_no_room_stores_nothing_and_serves_all_the_same) {
  for (const auto& options : {entries(0), bytes(0)}) {
    World world(options);
    EXPECT_EQ(world.text(Key("k")), "one");
    EXPECT_EQ(world.text(Key("k")), "one");
    EXPECT_EQ(world.source.loads, 2);
    EXPECT_EQ(world.engine.snapshot().entries, 0u);
  }
}

TEST(Bounds, C_28_the_counters_return_to_zero_by_every_route) {
  World world(entries(5));
  const auto fill = [&] {
    for (int i = 0; i < 20; ++i) world.put(world.scope, Key("f", i), std::to_string(i), 10s);
  };
  const auto expect_empty = [&](const char* route) {
    EXPECT_EQ(world.engine.snapshot().entries, 0u) << route;
    EXPECT_EQ(world.engine.snapshot().bytes, 0u) << route;
    EXPECT_EQ(world.engine.snapshot().families, 1u) << route;
  };
  fill();
  for (int i = 0; i < 20; ++i) world.scope.invalidate(Key("f", i));
  expect_empty("key");
  fill();
  world.scope.invalidate_prefix(Family("f"));
  for (int i = 0; i < 20; ++i) static_cast<void>(world.scope.find<std::string>(Key("f", i)));
  expect_empty("family");
  fill();
  world.clock.advance(10s);
  for (int i = 0; i < 20; ++i) static_cast<void>(world.scope.find<std::string>(Key("f", i)));
  expect_empty("expiry");
  fill();
  world.engine.clear();
  expect_empty("clear");
}

TEST(Bounds, C_28_dead_entries_give_way_before_live_ones_without_being_asked_for) {
  World world(entries(100));
  for (int i = 0; i < 50; ++i) world.put(world.scope, Key("dead", i), i);
  world.scope.invalidate_prefix(Family("dead"));
  for (int i = 0; i < 60; ++i) world.put(world.scope, Key("live", i), i);
  const auto seen = world.engine.snapshot();
  EXPECT_EQ(seen.evictions, 0u);
  EXPECT_EQ(seen.entries, 60u);
  EXPECT_EQ(seen.invalidated_entries, 50u);
}

TEST(Bounds, C_28_a_scope_over_its_share_gives_room_when_others_are_there) {
  World world(entries(100));
  const CachedScope other(world.engine, "other", 15s);
  for (int i = 0; i < 100; ++i) world.put(world.scope, Key(i), i);
  EXPECT_EQ(world.scope.snapshot().entries, 100u);  // alone, it may hold everything
  for (int i = 0; i < 60; ++i) {
    world.put(other, Key(i), i);
    EXPECT_EQ(world.engine.snapshot().entries, 100u);
  }
  EXPECT_LE(world.scope.snapshot().entries, 50u);
  EXPECT_GE(other.snapshot().entries, 50u);
  EXPECT_EQ(other.snapshot().evictions, 60u - other.snapshot().entries);
  // And whoever is over it evicts his own.
  const auto before = world.scope.snapshot().entries;
  for (int i = 100; i < 200; ++i) world.put(other, Key(i), i);
  EXPECT_GE(world.scope.snapshot().entries, before - 1);
}

TEST(Bounds, C_28_the_share_is_one_of_the_bytes_too) {
  const std::size_t one = Cache::charge(Key("k", 0), 1000 + sizeof(std::string));
  World world(bytes(20 * one));
  const CachedScope other(world.engine, "other", 15s);
  for (int i = 0; i < 40; ++i) world.put(world.scope, Key("k", i), std::string(990, 'x'));
  for (int i = 0; i < 40; ++i) world.put(other, Key("k", i), std::string(990, 'x'));
  const auto seen = world.engine.snapshot();
  EXPECT_LE(seen.bytes, 20 * one);
  EXPECT_GE(world.scope.snapshot().bytes, 7 * one);
  EXPECT_GE(other.snapshot().bytes, 7 * one);
}

TEST(Bounds, entries_are_listed_by_size_and_by_age_without_their_values) {
  World world;
  world.put(world.scope, Key("small", 1), std::string(10, 'x'));
  world.put(world.scope, Key("big", "a:b%\n"), std::string(5000, 'x'), 10s);
  world.put(world.scope, Key("middle"), std::string(500, 'x'));
  const auto biggest = world.engine.list_entries(0, 2, EntryOrder::biggest);
  ASSERT_EQ(biggest.items.size(), 2u);
  EXPECT_TRUE(biggest.supported && biggest.has_more);
  EXPECT_EQ(biggest.total, 3u);
  EXPECT_EQ(biggest.items[0].key, "scope:big:a%3Ab%25%0A");
  EXPECT_GT(biggest.items[0].byte_size, 5000u);
  EXPECT_LE(*biggest.items[0].expires_in, 10s);
  EXPECT_EQ(biggest.items[1].key, "scope:middle");
  const auto newest = world.engine.list_entries(1, 200, EntryOrder::newest);
  ASSERT_EQ(newest.items.size(), 2u);
  EXPECT_EQ(newest.items[0].key, "scope:big:a%3Ab%25%0A");
  EXPECT_EQ(newest.items[1].key, "scope:small:1");
  EXPECT_FALSE(newest.has_more);
  EXPECT_TRUE(world.engine.list_entries(3, 10, EntryOrder::newest).items.empty());
}

TEST(Bounds, a_sweep_frees_what_is_dead_and_nothing_else) {
  World world;
  for (int i = 0; i < 50; ++i) world.put(world.scope, Key("dead", i), i);
  for (int i = 0; i < 50; ++i) world.put(world.scope, Key("short", i), i, 5s);
  for (int i = 0; i < 50; ++i) world.put(world.scope, Key("live", i), i);
  world.scope.invalidate_prefix(Family("dead"));
  world.clock.advance(5s);
  const auto removed_by_stores = 150 - world.engine.snapshot().entries;
  EXPECT_EQ(world.engine.sweep(), 100u - removed_by_stores);
  EXPECT_EQ(world.engine.snapshot().entries, 50u);
  EXPECT_EQ(world.engine.sweep(), 0u);
}

TEST(Bounds, statistics_are_told_apart_by_scope_and_outlive_it_in_the_sum) {
  World world;
  {
    const CachedScope other(world.engine, "other", 15s);
    world.put(other, Key("k"), 1);
    EXPECT_EQ(*other.find<int>(Key("k")), 1);
    other.invalidate(Key("k"));
    other.invalidate_all();
    const auto seen = other.snapshot();
    EXPECT_EQ(seen.hits, 1u);
    EXPECT_EQ(seen.loads, 1u);
    EXPECT_EQ(seen.key_invalidations, 1u);
    EXPECT_EQ(seen.family_invalidations, 1u);
    EXPECT_EQ(world.scope.snapshot().hits, 0u);
    EXPECT_EQ(world.engine.scopes().size(), 2u);
  }
  EXPECT_EQ(world.engine.scopes().size(), 1u);
  EXPECT_EQ(world.engine.snapshot().hits, 1u);
}

TEST(Bounds, a_scan_does_not_displace_what_is_read_again_and_again) {
  World world(entries(100));
  for (int i = 0; i < 50; ++i) world.put(world.scope, Key("hot", i), i);
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 50; ++i) static_cast<void>(world.scope.find<int>(Key("hot", i)));
    for (int i = 0; i < 50; ++i) world.put(world.scope, Key("scan", round, i), i);
  }
  int kept = 0;
  for (int i = 0; i < 50; ++i) kept += world.scope.find<int>(Key("hot", i)) != nullptr;
  EXPECT_EQ(kept, 50);
}

TEST(Bounds, a_value_that_reads_the_cache_when_it_dies_does_not_lock_up) {
  struct Talkative {
    World* world = nullptr;
    explicit Talkative(World& w) : world(&w) {}
    Talkative(Talkative&& other) noexcept : world(std::exchange(other.world, nullptr)) {}
    Talkative& operator=(Talkative&&) = delete;
    ~Talkative() {
      if (world) static_cast<void>(world->scope.find<int>(Key("other")));
    }
    bool has_value() const { return true; }
    int value() const { return 0; }
    int error() const { return 0; }
  };
  World world(entries(1));
  auto loader = [&world] { return World::give(std::make_shared<const Talkative>(world)); };
  static_cast<void>(spawn(world.loop, world.scope.wrap<Talkative>(Key("t"), loader)));
  drain(world.loop);
  world.put(world.scope, Key("evicts"), 1);
  EXPECT_EQ(world.engine.snapshot().evictions, 1u);
}

/// CPU time of this thread, which other processes do not disturb.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

TEST(Bounds, C_10_a_family_drop_does_not_cost_more_with_many_unrelated_entries) {
  World world(entries(1'000'000));
  for (int i = 0; i < 100'000; ++i) world.put(world.scope, Key("unrelated", i % 1000, i), i);
  world.put(world.scope, Key("f", 1), 1);
  constexpr int kDrops = 1000;
  const double start = cpu_seconds();
  for (int i = 0; i < kDrops; ++i) {
    world.scope.invalidate_prefix(Family("f"));
    world.scope.invalidate_prefix(Family("unknown", i));
  }
  // A walk over all entries would take milliseconds a drop; this allows 100 us of it under any sanitizer.
  EXPECT_LT(cpu_seconds() - start, kDrops * 100e-6);
  EXPECT_EQ(world.engine.snapshot().entries, 100'001u);
}

}  // namespace
}  // namespace watchbell::cache::test
