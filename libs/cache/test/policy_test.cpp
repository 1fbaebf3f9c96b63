// The eviction policy by itself: what it names, what it holds, and how well it chooses.
#include "policy/clock_tiny_lfu.hpp"
#include "policy_simulator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

namespace watchbell::cache::detail {
namespace {

using simulator::Entry;
using Policy = ClockTinyLfu<Entry>;

const auto anyone = [](const Entry&) { return true; };

/// Entries with keys from 0; what is still present at the end is removed.
struct Shelf {
  ~Shelf() {
    for (Entry& entry : entries) {
      if (entry.is_linked()) policy.removed(entry);
    }
  }

  Entry& insert(std::size_t charge = 1) { return insert_key(static_cast<std::uint32_t>(entries.size()), charge); }
  Entry& insert_key(std::uint32_t key, std::size_t charge = 1) {
    Entry& entry = entries.emplace_back();
    entry.key = key;
    entry.hash = simulator::mixed(key);
    entry.charge = charge;
    policy.inserted(entry);
    return entry;
  }
  void hit(Entry& entry) {
    if (entry.uses < Policy::kMaxUses) ++entry.uses;
  }
  Entry& evict() {
    Entry* victim = policy.victim(anyone);
    policy.removed(*victim);
    return *victim;
  }

  Policy policy;
  std::deque<Entry> entries;
};

TEST(Policy, names_every_entry_once) {
  Shelf shelf;
  for (int i = 0; i < 500; ++i) shelf.insert();
  std::set<std::uint32_t> named;
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(named.insert(shelf.evict().key).second);
  EXPECT_EQ(named.size(), 500u);
}

TEST(Policy, a_victim_stays_until_it_is_removed) {
  Shelf shelf;
  for (int i = 0; i < 10; ++i) shelf.insert();
  EXPECT_NE(shelf.policy.victim(anyone), nullptr);
  EXPECT_NE(shelf.policy.victim(anyone), nullptr);
  for (int i = 0; i < 10; ++i) shelf.evict();
}

TEST(Policy, one_entry_alone_is_the_victim) {
  Shelf shelf;
  Entry& only = shelf.insert();
  for (int i = 0; i < 3; ++i) shelf.hit(only);
  EXPECT_EQ(shelf.policy.victim(anyone), &only);
}

TEST(Policy, a_scan_leaves_what_is_used_where_it_is) {
  Shelf shelf;
  for (int i = 0; i < 100; ++i) shelf.insert();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) shelf.hit(shelf.entries[static_cast<std::size_t>(i)]);
  }
  for (int i = 0; i < 10'000; ++i) {
    shelf.evict();
    shelf.insert();
  }
  EXPECT_GE(std::count_if(shelf.entries.begin(), shelf.entries.begin() + 100, [](Entry& entry) { return entry.is_linked(); }), 97);
}

TEST(Policy, an_entry_asked_for_again_and_again_gets_in) {
  Shelf shelf;
  for (std::uint32_t i = 0; i < 100; ++i) shelf.insert();
  Entry* wanted = nullptr;
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    shelf.evict();
    shelf.insert_key(1'000 + i);
    if (i % 20 != 0) continue;
    if (wanted != nullptr && wanted->is_linked()) {
      shelf.hit(*wanted);
    } else {
      shelf.evict();
      wanted = &shelf.insert_key(999'999);
    }
  }
  EXPECT_TRUE(wanted->is_linked());
}

TEST(Policy, only_the_allowed_are_named) {
  Shelf shelf;
  for (int i = 0; i < 300; ++i) shelf.insert();
  const auto even = [](const Entry& entry) { return entry.key % 2 == 0; };
  for (int i = 0; i < 150; ++i) {
    Entry* victim = shelf.policy.victim(even);
    ASSERT_NE(victim, nullptr);
    EXPECT_TRUE(even(*victim));
    shelf.policy.removed(*victim);
  }
  EXPECT_EQ(shelf.policy.victim(even), nullptr);
  EXPECT_NE(shelf.policy.victim(anyone), nullptr);
}

TEST(Policy, who_is_passed_over_keeps_its_uses) {
  Shelf shelf;
  for (int i = 0; i < 50; ++i) shelf.hit(shelf.insert());
  EXPECT_EQ(shelf.policy.victim([](const Entry&) { return false; }), nullptr);
  for (const Entry& entry : shelf.entries) EXPECT_EQ(entry.uses, 1);
}

TEST(Policy, the_walk_is_bounded_and_goes_on_where_it_ended) {
  Shelf shelf;
  for (int i = 0; i < 100'000; ++i) shelf.insert();
  std::size_t asked = 0;
  Entry* found = nullptr;
  int calls = 0;
  for (; found == nullptr && calls < 1'000; ++calls) {
    asked = 0;
    found = shelf.policy.victim([&](const Entry& entry) {
      ++asked;
      return entry.key == 50'000;
    });
    EXPECT_LE(asked, Policy::kMostSkipped + 2);
  }
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->key, 50'000u);
  EXPECT_GT(calls, 1);
}

TEST(Policy, memory_stays_flat_over_a_million_distinct_keys) {
  Shelf shelf;
  for (int i = 0; i < 1'000; ++i) shelf.insert();
  const std::size_t before = shelf.policy.memory();
  EXPECT_LE(before, 16u * 1'000 + 64);
  for (std::uint32_t key = 1'000; key < 1'000'000; ++key) {
    Entry& entry = shelf.evict();
    entry.key = key;
    entry.hash = simulator::mixed(key);
    entry.uses = 0;
    shelf.policy.inserted(entry);
  }
  EXPECT_EQ(shelf.policy.memory(), before);
}

TEST(Policy, memory_follows_the_number_of_entries_down) {
  Shelf shelf;
  for (int i = 0; i < 100'000; ++i) shelf.insert();
  EXPECT_GE(shelf.policy.memory(), 8u * 100'000);
  for (int i = 0; i < 99'900; ++i) shelf.policy.removed(shelf.entries[static_cast<std::size_t>(i)]);
  EXPECT_LE(shelf.policy.memory(), 32u * 100 + 64);
}

TEST(Policy, the_window_is_a_share_of_the_charge) {
  Shelf shelf;
  // Large ones first; the small ones after them would all be window by count, yet they are a hundredth by charge.
  for (int i = 0; i < 100; ++i) shelf.insert(1'000);
  for (int i = 0; i < 900; ++i) shelf.insert(1);
  EXPECT_EQ(std::count_if(shelf.entries.begin(), shelf.entries.end(), [](const Entry& entry) { return entry.queue == 0; }), 900);
}

TEST(FrequencySketch, counts_up_to_its_most) {
  FrequencySketch sketch;
  EXPECT_EQ(sketch.estimate(7), 0u);
  sketch.add(7, 3);
  EXPECT_EQ(sketch.estimate(7), 0u) << "without a table nothing is counted, and nothing breaks";
  sketch.fit(100);
  while (sketch.memory() < 8 * 100) sketch.fit(100);
  sketch.add(7, 3);
  EXPECT_EQ(sketch.estimate(7), 3u);
  sketch.add(7, 200);
  EXPECT_EQ(sketch.estimate(7), FrequencySketch::kMost);
}

TEST(FrequencySketch, forgets_by_halves) {
  FrequencySketch sketch;
  while (sketch.memory() < 8 * 100) sketch.fit(100);
  sketch.add(simulator::mixed(0), 8);
  for (std::uint64_t key = 1; key < 1'000; ++key) sketch.add(simulator::mixed(key), 1);
  EXPECT_LE(sketch.estimate(simulator::mixed(0)), 6u);
  EXPECT_GE(sketch.estimate(simulator::mixed(0)), 4u);
}

TEST(FrequencySketch, keeps_its_counts_while_it_grows_and_shrinks) {
  FrequencySketch sketch;
  while (sketch.memory() < 8 * 64) sketch.fit(64);
  for (std::uint64_t key = 0; key < 20; ++key) sketch.add(simulator::mixed(key), static_cast<unsigned>(key) % 10 + 1);
  const auto kept = [&] {
    for (std::uint64_t key = 0; key < 20; ++key) EXPECT_GE(sketch.estimate(simulator::mixed(key)), key % 10 + 1);
  };
  while (sketch.memory() < 8 * 10'000) sketch.fit(10'000);
  kept();
  while (sketch.memory() > 32 * 100) sketch.fit(100);
  kept();
}

/// The bar of the decision, over a smaller version of the traces that `policy_bench` runs.
TEST(Policy, hit_ratio_within_two_percent_of_the_best) {
  const simulator::Scale scale{20'000, 200'000, 1};
  int judged = 0;
  simulator::for_each_trace(scale, [&](const simulator::Trace& trace) {
    if (!trace.judged) return;
    ++judged;
    double best = 0;
    double chosen = 0;
    for (const auto& policy : simulator::kPolicies) {
      chosen = policy.hit_ratio(trace);
      best = std::max(best, chosen);
    }
    EXPECT_GE(chosen, 0.98 * best) << trace.name << ", seed " << scale.seed;
    EXPECT_LE(chosen, simulator::optimum(trace)) << trace.name << ", seed " << scale.seed;
  });
  EXPECT_EQ(judged, 24);
}

}  // namespace
}  // namespace watchbell::cache::detail
