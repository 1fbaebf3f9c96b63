#include "runtime/limits/bucket_table.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

#include "base/random.hpp"

namespace watchbell::limits {
namespace {

/// Both halves of the product, folded: a keyed hash of two words (the mixing step of Wang Yi's wyhash).
std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

void BucketTable::Free::operator()(void* memory) const noexcept { std::free(memory); }

BucketTable::BucketTable(std::size_t buckets, std::uint64_t seed) {
  Random random(seed);
  for (auto& each : seeds_) each = random() | 1;  // a factor of zero would hash all keys alike
  const std::size_t sets = std::bit_ceil(std::max(buckets, kWays)) / kWays;
  mask_ = sets - 1;
  // Zeroed pages come from the kernel untouched: what no flood needs is never resident.
  slots_.reset(static_cast<Slot*>(std::calloc(sets * kWays, sizeof(Slot))));
  if (slots_ == nullptr) throw std::bad_alloc();
}

BucketTable::Place BucketTable::place_of(BucketKey key) const noexcept {
  const std::uint64_t place = fold(key.high ^ seeds_[0], key.low ^ seeds_[1]);
  const std::uint64_t tag = fold(place ^ seeds_[1], key.high + std::rotl(key.low, 32) + seeds_[0]) | 1;  // 0 is a slot never used
  Slot* const set = slots_.get() + (place & mask_) * kWays;
  Slot* nearest = set;
  for (Slot* slot = set; slot != set + kWays; ++slot) {
    if (slot->tag == tag) return {slot, tag};
    if (slot->full_at < nearest->full_at) nearest = slot;
  }
  return {nearest, tag};
}

std::optional<std::chrono::nanoseconds> BucketTable::take(BucketKey key, Rate rate, Monotonic now) noexcept {
  const Place mine = place_of(key);
  const Taken taken = limits::take(rate, mine.full_at(now), now);
  if (taken.wait.count() > 0) return taken.wait;
  *mine.slot = {.tag = mine.tag, .full_at = taken.full_at.time_since_epoch().count()};
  return std::nullopt;
}

std::chrono::nanoseconds BucketTable::until(BucketKey key, Rate rate, std::int64_t count, Monotonic now) const noexcept {
  return limits::until(rate, count, place_of(key).full_at(now), now);
}

}  // namespace watchbell::limits
