// The suite of all providers over the one in memory, and what only that one promises.
#include "provider_suite.hpp"
#include "support.hpp"

#include <watchbell/cache/memory_provider.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace watchbell::cache::provider_suite {
namespace {

class MemoryHarness : public LoopHarness {
 public:
  CacheProvider& first() { return provider_; }
  CacheProvider& second() { return provider_; }
  void advance(Duration by) { clock_.advance(by); }

 private:
  CacheOptions options() {
    CacheOptions options;
    options.clock = clock_.hook();
    return options;
  }

  test::ManualClock clock_;
  MemoryProvider provider_{loop().get_executor(), options()};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, ProviderSuite, MemoryHarness);

class MemoryProviderTest : public testing::Test, protected LoopHarness {
 protected:
  static constexpr Duration kDeadline = 1s;

  MemoryProviderTest() : MemoryProviderTest(CacheOptions()) {}
  explicit MemoryProviderTest(CacheOptions options) : provider(loop().get_executor(), clocked(std::move(options))) {}

  Fetched fetch(const Key& key, Duration lease = 30s) {
    std::vector<Address> one(1, Address("scope", key));
    return run(provider.fetch(std::move(one), lease, kDeadline)).value().front();
  }
  Filled fill(const Key& key, const std::string& token, std::string bytes, Duration ttl = 60s) {
    std::vector<Fill> one;
    one.emplace_back(Address("scope", key), token, std::move(bytes), ttl);
    return run(provider.fill(std::move(one), kDeadline)).value().front();
  }
  void invalidate(const Family& family) {
    std::vector<Drop> one(1, Drop("scope", family));
    ASSERT_TRUE(run(provider.invalidate(std::move(one), kDeadline)).has_value());
  }

  test::ManualClock clock;
  MemoryProvider provider;

 private:
  CacheOptions clocked(CacheOptions options) {
    options.clock = clock.hook();
    return options;
  }
};

TEST_F(MemoryProviderTest, C_4_a_lease_that_has_ended_stores_nothing_although_nobody_has_asked_since) {
  const auto lease = fetch(Key("k"), 1s);
  clock.advance(1s);
  EXPECT_EQ(fill(Key("k"), lease.token, "late"), Filled::refused);
}

TEST_F(MemoryProviderTest, C_9_leases_that_invalidations_have_ended_leave_nothing_behind) {
  for (int i = 0; i < 1000; ++i) {
    fetch(Key("family", i, "leaf"), 1h);
    invalidate(i % 2 == 0 ? Family("family") : Family("family", i));
  }
  const auto kept = fetch(Key("family", 0, "leaf"));
  EXPECT_EQ(kept.kind, Fetched::Kind::lease);
  EXPECT_EQ(fill(Key("family", 0, "leaf"), kept.token, "one"), Filled::stored);
}

class SmallMemoryProvider : public MemoryProviderTest {
 protected:
  SmallMemoryProvider() : MemoryProviderTest(small()) {}

 private:
  static CacheOptions small() {
    CacheOptions options;
    options.max_bytes = 10'000;
    options.max_entries = 10;
    return options;
  }
};

TEST_F(SmallMemoryProvider, C_28_its_bounds_hold_and_a_value_over_them_is_refused) {
  const auto lease = fetch(Key("big"));
  EXPECT_EQ(fill(Key("big"), lease.token, std::string(20'000, 'x')), Filled::too_large);
  EXPECT_EQ(fetch(Key("big")).kind, Fetched::Kind::lease);
  for (int i = 0; i < 100; ++i) {
    const Key key("k", i);
    fill(key, fetch(key).token, std::string(500, 'x'));
    const auto stats = run(provider.stats(kDeadline)).value();
    EXPECT_LE(stats.key_count.value(), 10u);
    EXPECT_LE(stats.size_bytes.value(), 10'000u);
  }
}

}  // namespace
}  // namespace watchbell::cache::provider_suite
