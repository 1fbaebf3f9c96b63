#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace watchbell::cache {

/// Loaded values that were handed to their readers but not stored, by reason.
struct DiscardedFills {
  std::uint64_t invalidated = 0;    ///< the key or a family of it was invalidated while the load ran
  std::uint64_t not_cacheable = 0;  ///< `is_cacheable` said no, or the loader gave a null pointer
  std::uint64_t no_ttl = 0;         ///< time to live of zero or less
  std::uint64_t too_large = 0;      ///< one value over the bound of the whole cache
  std::uint64_t no_room = 0;        ///< the scope holds its share, and none of its entries could go
  std::uint64_t no_memory = 0;      ///< the program was out of memory
  std::uint64_t late = 0;           ///< the load had timed out, and its slot was free or another's

  DiscardedFills& operator+=(const DiscardedFills& other) noexcept;
};

/// Counts since the cache was made; what follows `discarded` is the present state.
struct Statistics {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;  ///< joins + loads; `find` alone counts no miss, since the `wrap` after it does
  std::uint64_t joins = 0;   ///< readers who waited for a load that another had started
  std::uint64_t loads = 0;   ///< keys whose load was started; a batch counts each of its keys
  std::uint64_t refreshes = 0;  ///< of the loads, those begun ahead of the expiry of a present value
  std::uint64_t load_failures = 0;  ///< loads that threw or were cancelled
  std::uint64_t load_timeouts = 0;
  std::uint64_t stores = 0;
  std::uint64_t evictions = 0;  ///< entries that could still be served, removed to make room
  std::uint64_t expirations = 0;
  std::uint64_t invalidated_entries = 0;  ///< entries removed because they, or a family of theirs, were invalidated
  std::uint64_t key_invalidations = 0;    ///< calls
  std::uint64_t family_invalidations = 0;
  DiscardedFills discarded;

  std::size_t entries = 0;  ///< held, including those that are already dead but not yet removed
  std::size_t bytes = 0;

  // Of the whole cache only; 0 in the statistics of one scope.
  std::size_t families = 0;  ///< interned nodes, scopes included
  std::size_t flights = 0;   ///< keys being loaded
  std::size_t running_loads = 0;
  std::size_t awaiting_release = 0;  ///< removed entries that a reader may still look at

  Statistics& operator+=(const Statistics& other) noexcept;
};

/// The same of one scope.
struct ScopeStatistics {
  std::string scope;
  Statistics counted;
};

}  // namespace watchbell::cache
