#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "runtime/limits/bucket_table.hpp"

namespace watchbell::limits {
namespace {

using namespace std::chrono_literals;

constexpr Monotonic kStart{1000s};

/// 'o' for a request let through, 'x' for one refused, at the given milliseconds.
std::string timeline(Rate rate, const std::vector<int>& at_ms) {
  std::string drawn;
  Monotonic full_at = kStart;
  for (const int ms : at_ms) {
    const Taken taken = take(rate, full_at, kStart + std::chrono::milliseconds(ms));
    full_at = taken.full_at;
    drawn += taken.wait.count() == 0 ? 'o' : 'x';
  }
  return drawn;
}

TEST(Bucket, lets_a_burst_through_and_then_the_rate) {
  constexpr Rate rate = Rate::per_second(10, 3);
  EXPECT_EQ(timeline(rate, {0, 0, 0, 0}), "ooox");
  EXPECT_EQ(timeline(rate, {0, 0, 0, 99, 100, 100, 200}), "oooxoxo");
  EXPECT_EQ(timeline(rate, {0, 0, 0, 5000, 5000, 5000, 5000}), "oooooox") << "what was saved up is no more than the burst";
  EXPECT_EQ(timeline(Rate::quota(3, 10s), {0, 0, 0, 3333, 3334, 10'000, 10'000, 10'001}), "oooxooox");
}

TEST(Bucket, says_when_the_next_token_is_there) {
  constexpr Rate rate = Rate::quota(1, 10s);
  const Taken first = take(rate, kStart, kStart);
  EXPECT_EQ(first.wait, 0ns);
  EXPECT_EQ(take(rate, first.full_at, kStart + 4s).wait, 6s);
  EXPECT_EQ(take(rate, first.full_at, kStart + 4s).full_at, first.full_at) << "a refused request makes nobody wait longer";
  EXPECT_EQ(take(rate, first.full_at, kStart + 10s).wait, 0ns);
}

TEST(Bucket, says_when_so_many_tokens_are_there) {
  constexpr Rate rate = Rate::per_second(10, 3);
  Monotonic full_at = kStart;
  EXPECT_EQ(until(rate, 3, full_at, kStart), 0ns);
  EXPECT_EQ(until(rate, 5, full_at, kStart), 200ms) << "two more than are saved up";
  full_at = take(rate, take(rate, full_at, kStart).full_at, kStart).full_at;
  EXPECT_EQ(until(rate, 1, full_at, kStart), 0ns);
  EXPECT_EQ(until(rate, 2, full_at, kStart), 100ms);
  EXPECT_EQ(until(rate, 3, full_at, kStart + 150ms), 50ms);
}

RC_GTEST_PROP(Bucket, lets_no_more_through_in_any_window_than_it_says, ()) {
  const auto count = *rc::gen::inRange(2, 20);
  const auto saved = *rc::gen::inRange(1, count);
  const Rate rate = Rate::within(count, 2s, saved);
  Monotonic now = kStart, full_at = kStart;
  std::vector<Monotonic> through;
  for (const int pause : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 300))) {
    now += std::chrono::milliseconds(pause);
    for (int i = 0; i < 3; ++i) {
      const Taken taken = take(rate, full_at, now);
      full_at = taken.full_at;
      if (taken.wait.count() == 0) through.push_back(now);
    }
  }
  for (auto first = through.begin(); first != through.end(); ++first)
    RC_ASSERT(std::ranges::count_if(first, through.end(), [&](Monotonic at) { return at - *first < 2s; }) <= count);
}

TEST(BucketTable, asking_takes_no_token) {
  BucketTable table(64, 1);
  constexpr Rate rate = Rate::per_second(1, 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(table.until({7, 4}, rate, 2, kStart), 0ns);
  EXPECT_FALSE(table.take({7, 4}, rate, kStart));
  EXPECT_EQ(table.until({7, 4}, rate, 1, kStart), 0ns);
  EXPECT_EQ(table.until({7, 4}, rate, 2, kStart), 1s);
}

TEST(BucketTable, keys_do_not_share_tokens) {
  BucketTable table(64, 1);
  constexpr Rate rate = Rate::per_second(1, 2);
  for (std::uint64_t key = 0; key < 8; ++key) {
    EXPECT_FALSE(table.take({key, 4}, rate, kStart));
    EXPECT_FALSE(table.take({key, 4}, rate, kStart));
    EXPECT_EQ(table.take({key, 4}, rate, kStart), 1s);
  }
}

TEST(BucketTable, a_flood_of_fresh_keys_neither_grows_it_nor_frees_a_busy_one) {
  BucketTable table(1024, 7);
  const auto bytes = table.bytes();
  EXPECT_EQ(bytes, 16u * 1024u);
  constexpr Rate rate = Rate::per_second(200, 1000);
  constexpr BucketKey busy{42, 4};
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(table.take(busy, rate, kStart));
  ASSERT_TRUE(table.take(busy, rate, kStart));
  for (std::uint64_t fresh = 100; fresh < 1'000'100; ++fresh) ASSERT_FALSE(table.take({fresh, 6}, rate, kStart)) << "who comes first is let in";
  EXPECT_TRUE(table.take(busy, rate, kStart)) << "a million others do not give its tokens back";
  EXPECT_EQ(table.bytes(), bytes);
}

TEST(BucketTable, where_a_key_stands_depends_on_the_seed) {
  // Keys that crowd one table's sets are spread over another's: under one seed they would be one attacker's choice.
  constexpr Rate rate = Rate::per_second(1, 1);
  const auto forgotten = [&](std::uint64_t seed) {
    BucketTable table(64, seed);
    std::string lost;
    for (std::uint64_t key = 0; key < 200; ++key) table.take({key, 4}, rate, kStart);
    for (std::uint64_t key = 0; key < 200; ++key) lost += table.take({key, 4}, rate, kStart) ? '.' : '#';
    return lost;
  };
  EXPECT_NE(forgotten(1), forgotten(2));
}

RC_GTEST_PROP(BucketProperty, grants_no_more_than_the_burst_and_the_rate_and_no_less, ()) {
  const auto per_second = *rc::gen::inRange(1, 1000);
  const auto burst = *rc::gen::inRange(1, 50);
  const Rate rate = Rate::per_second(per_second, burst);
  const auto gaps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 20'000));  // microseconds
  // The plain model: tokens as a fraction that grows with time.
  double tokens = burst;
  Monotonic now = kStart;
  Monotonic full_at = kStart;
  for (const int gap : gaps) {
    now += std::chrono::microseconds(gap);
    tokens = std::min<double>(burst, tokens + gap * 1e-6 * 1e9 / static_cast<double>(rate.every.count()));
    const Taken taken = take(rate, full_at, now);
    full_at = taken.full_at;
    const bool granted = taken.wait.count() == 0;
    if (tokens > 1 + 1e-6) RC_ASSERT(granted);
    if (tokens < 1 - 1e-6) RC_ASSERT(!granted);
    if (granted) tokens -= 1;
  }
}

}  // namespace
}  // namespace watchbell::limits
