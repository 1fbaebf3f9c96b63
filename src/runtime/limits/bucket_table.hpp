#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.hpp"

namespace watchbell::limits {

/// How a bucket refills: one token every `every`, at most `burst` saved up. Immutable value.
struct Rate {
  std::chrono::nanoseconds every{};
  std::int64_t burst = 1;

  /// @param n, saved  at least 1
  static constexpr Rate per_second(std::int64_t n, std::int64_t saved) { return {.every = std::chrono::nanoseconds(1'000'000'000 / n), .burst = saved}; }
  /// `count` at once, and as many in each `window` from then on.
  static constexpr Rate quota(std::int64_t count, std::chrono::seconds window) { return {.every = std::chrono::nanoseconds(window) / count, .burst = count}; }
  /// Never more than `count` in any `window`, `saved` of them at once. REQUIRES fewer saved than `count`.
  static constexpr Rate within(std::int64_t count, std::chrono::seconds window, std::int64_t saved) {
    return {.every = std::chrono::nanoseconds(window) / (count - saved), .burst = saved};
  }
  bool operator==(const Rate&) const = default;
};

/// What one request does to a token bucket, as a pure function. A bucket is one instant, the one at which it is full again; any instant that has passed
/// is a full bucket (the generic cell rate algorithm, ITU-T I.371 annex A).
struct Taken {
  Monotonic full_at;                ///< the bucket afterwards
  std::chrono::nanoseconds wait{};  ///< 0: a token was taken; else none was there, and when the next one is
};
/// How long until `count` tokens are there, 0 when they are. Where no more than fewer are saved up, as long as the others take to come.
constexpr std::chrono::nanoseconds until(Rate rate, std::int64_t count, Monotonic full_at, Monotonic now) {
  const auto wait = (full_at > now ? full_at - now : std::chrono::nanoseconds(0)) - rate.every * (rate.burst - count);
  return wait > std::chrono::nanoseconds(0) ? wait : std::chrono::nanoseconds(0);
}
constexpr Taken take(Rate rate, Monotonic full_at, Monotonic now) {
  if (const auto wait = until(rate, 1, full_at, now); wait.count() > 0) return {.full_at = full_at, .wait = wait};
  return {.full_at = (full_at > now ? full_at : now) + rate.every, .wait = {}};
}

/// Who a bucket belongs to, in as many bits as an id has.
struct BucketKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

/// Token buckets of many, in a table whose size never changes: 16 bytes a bucket, sets of eight. A full bucket takes no place, so only those are kept that
/// made requests just now. When a set has no place left, the bucket that is nearest to full goes: the one with the least to remember, so that a flood
/// of fresh addresses does not wash the buckets of busy ones away. The hash is keyed, so that nobody can aim at a set. A look-up makes no
/// allocation and touches two cache lines. Loop-only.
class BucketTable {
 public:
  /// @param buckets  rounded up to a power of two, at least 8
  /// @param seed  a secret
  BucketTable(std::size_t buckets, std::uint64_t seed);

  /// Takes a token of this key. Nothing when there was one; else how long until the next.
  std::optional<std::chrono::nanoseconds> take(BucketKey key, Rate rate, Monotonic now) noexcept;
  /// How long until `count` tokens of this key are there, 0 when they are; takes none.
  std::chrono::nanoseconds until(BucketKey key, Rate rate, std::int64_t count, Monotonic now) const noexcept;
  /// Bytes of the table, which never change.
  std::size_t bytes() const noexcept { return (mask_ + 1) * kWays * sizeof(Slot); }

 private:
  static constexpr std::size_t kWays = 8;
  struct Slot {
    std::uint64_t tag = 0;
    std::int64_t full_at = 0;  // nanoseconds of the monotonic clock
  };
  struct Free {
    void operator()(void* memory) const noexcept;
  };
  /// A key's place: its slot, or, where it has none, the one that gives way to it.
  struct Place {
    Slot* slot;
    std::uint64_t tag;
    Monotonic full_at(Monotonic now) const noexcept { return slot->tag == tag ? Monotonic(std::chrono::nanoseconds(slot->full_at)) : now; }
  };
  Place place_of(BucketKey key) const noexcept;

  std::uint64_t seeds_[2];
  std::size_t mask_;
  std::unique_ptr<Slot, Free> slots_;
};

}  // namespace watchbell::limits
