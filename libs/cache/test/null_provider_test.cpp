#include <watchbell/cache/null_provider.hpp>

#include "provider_suite.hpp"

#include <gtest/gtest.h>

namespace watchbell::cache::provider_suite {

// It stores nothing, so it makes none of the suite's promises; the harness only turns its loop.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProviderSuite);

namespace {

TEST(NullProvider, holds_nothing) {
  LoopHarness harness;
  NullProvider provider;
  const Address at("scope", Key("k"));
  EXPECT_TRUE(harness.run(provider.set(at, "one", std::nullopt, 1s)).has_value());
  EXPECT_EQ(harness.run(provider.get(at, 1s)).value(), std::nullopt);
  EXPECT_FALSE(harness.run(provider.has(at, 1s)).value());
  EXPECT_TRUE(harness.run(provider.remove(at, 1s)).has_value());
  EXPECT_EQ(harness.run(provider.delete_by_prefix("scope", Family(), 1s)).value(), 0u);
}

TEST(NullProvider, gives_no_lease_and_takes_no_fill) {
  LoopHarness harness;
  NullProvider provider;
  const Address at("scope", Key("k"));
  std::vector<Address> addresses{at, Address("scope", Key("l")), at};
  const std::vector<Fetched> found = harness.run(provider.fetch(addresses, 30s, 1s)).value();
  ASSERT_EQ(found.size(), 3u);
  for (const Fetched& one : found) {
    EXPECT_EQ(one.kind, Fetched::Kind::busy);
    EXPECT_EQ(one.token, "");
  }
  std::vector<Fill> fills{Fill(at, "", "one", 1s)};
  EXPECT_EQ(harness.run(provider.fill(fills, 1s)).value(), std::vector<Filled>{Filled::refused});
  std::vector<Drop> drops{Drop("scope", Family())};
  EXPECT_TRUE(harness.run(provider.invalidate(drops, 1s)).has_value());
}

TEST(NullProvider, knows_no_counts_and_lists_nothing) {
  LoopHarness harness;
  NullProvider provider;
  const ProviderStats stats = harness.run(provider.stats(1s)).value();
  EXPECT_FALSE(stats.key_count || stats.size_bytes || stats.hits || stats.misses);
  EXPECT_EQ(stats.of, ProviderStats::Of::instance);
  EXPECT_FALSE(harness.run(provider.list_entries(0, 10, EntryOrder::newest, 1s)).value().supported);
  for (int i = 0; i < 2; ++i) harness.run(provider.stop());
}

}  // namespace
}  // namespace watchbell::cache::provider_suite
