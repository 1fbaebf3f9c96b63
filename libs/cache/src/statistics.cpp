#include <watchbell/cache/statistics.hpp>

namespace watchbell::cache {

DiscardedFills& DiscardedFills::operator+=(const DiscardedFills& other) noexcept {
  invalidated += other.invalidated;
  not_cacheable += other.not_cacheable;
  no_ttl += other.no_ttl;
  too_large += other.too_large;
  no_room += other.no_room;
  no_memory += other.no_memory;
  late += other.late;
  return *this;
}

Statistics& Statistics::operator+=(const Statistics& other) noexcept {
  hits += other.hits;
  misses += other.misses;
  joins += other.joins;
  loads += other.loads;
  refreshes += other.refreshes;
  load_failures += other.load_failures;
  load_timeouts += other.load_timeouts;
  stores += other.stores;
  evictions += other.evictions;
  expirations += other.expirations;
  invalidated_entries += other.invalidated_entries;
  key_invalidations += other.key_invalidations;
  family_invalidations += other.family_invalidations;
  discarded += other.discarded;
  entries += other.entries;
  bytes += other.bytes;
  families += other.families;
  flights += other.flights;
  running_loads += other.running_loads;
  awaiting_release += other.awaiting_release;
  return *this;
}

}  // namespace watchbell::cache
