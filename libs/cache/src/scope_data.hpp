#pragma once

#include <watchbell/cache/detail/epoch.hpp>
#include <watchbell/cache/detail/sync.hpp>
#include <watchbell/cache/statistics.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace watchbell::cache::detail {

/// A counter that readers on many threads raise without sharing a cache line. A thread has a stripe for itself, which
/// it raises without a locked instruction; only threads beyond the stripes share the last one.
class StripedCounter {
 public:
  void add(const Reader& reader) noexcept {
    if (reader.number < kStripes - 1) {
      auto& mine = stripes_[reader.number].value;
      mine.store(mine.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else {
      stripes_[kStripes - 1].value.fetch_add(1, std::memory_order_relaxed);
    }
  }

  std::uint64_t sum() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& stripe : stripes_) sum += stripe.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  static constexpr std::size_t kStripes = 8;
  // Plain atomics, not steps of an explored schedule: nothing is decided by them.
  struct alignas(64) Stripe {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Stripe, kStripes> stripes_{};
};

/// What the cache keeps for a scope, with the scope's node.
struct ScopeData {
  explicit ScopeData(std::string_view scope_name) : name(scope_name) {}

  const std::string name;
  StripedCounter hits;
  Statistics counted;  // all but hits and what the whole cache has; guarded by the engine's mutex
  bool over_share = false;
};

}  // namespace watchbell::cache::detail
