#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/detail/wait.hpp>
#include <watchbell/cache/key.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace watchbell::cache {

/// Bounds and hooks of a cache.
struct CacheOptions {
  /// Most memory that entries may hold, by `Cache::charge`. 0: nothing is stored.
  std::size_t max_bytes = std::size_t{256} << 20;
  /// Most entries. 0: nothing is stored.
  std::size_t max_entries = 10'000;
  /// A longer time to live is cut to this, so that every entry ends.
  Duration max_ttl = std::chrono::minutes(10);
  /// Largest share, 0 to 0.1, by which a time to live is shortened at random, so that entries stored together do not
  /// expire together.
  double ttl_jitter = 0.1;
  /// Empty: `coarse_now`.
  Clock clock = {};
  /// Called with the name of a point on the path of a load or an invalidation, without any lock held; tests hold a
  /// thread there to steer races. Points: load.noted, load.before_store, load.before_resume, invalidate.before,
  /// invalidate.after.
  std::function<void(std::string_view)> pause_for_test = {};
};

/// Loaded values that were handed to their readers but not stored, by reason.
struct DiscardedFills {
  std::uint64_t invalidated = 0;    ///< the key or a family of it was invalidated while the load ran
  std::uint64_t not_cacheable = 0;  ///< `is_cacheable` said no, or the loader gave a null pointer
  std::uint64_t no_ttl = 0;         ///< time to live of zero or less
  std::uint64_t too_large = 0;      ///< one value over the bound of the whole cache
  std::uint64_t no_memory = 0;      ///< the program was out of memory
  std::uint64_t late = 0;           ///< the load had timed out
};

/// Counts since the cache was made; the last five are the present state.
struct Statistics {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;  ///< joins + loads; `find` alone counts no miss, since the `wrap` after it does
  std::uint64_t joins = 0;   ///< readers who waited for a load that another had started
  std::uint64_t loads = 0;
  std::uint64_t load_failures = 0;  ///< loads that threw or were cancelled
  std::uint64_t load_timeouts = 0;
  std::uint64_t stores = 0;
  std::uint64_t evictions = 0;  ///< entries that could still be served, removed to make room
  std::uint64_t expirations = 0;
  std::uint64_t invalidated_entries = 0;  ///< entries removed because they, or a family of theirs, were invalidated
  DiscardedFills discarded;

  std::size_t entries = 0;  ///< held, including those that are already dead but not yet removed
  std::size_t bytes = 0;
  std::size_t families = 0;  ///< interned nodes, scopes included
  std::size_t flights = 0;   ///< keys being loaded
  std::size_t running_loads = 0;
};

/// A bounded in-memory store of immutable values, loaded once for all who ask, and never served after they were
/// invalidated. Values are read and written through a `CachedScope`.
///
/// **Thread-safe**, from any thread and any number of event loops. One mutex is held for look-ups and bookkeeping
/// only: never while a loader runs, a value is destroyed, or a waiter is resumed.
///
/// REQUIRES: `close()` has ended before an execution context that runs loads of this cache is destroyed. Scopes may
/// outlive the cache; they then find nothing and load nothing.
class Cache {
 public:
  explicit Cache(CacheOptions options = {});
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Cancels all running loads and ends when the last of them has ended. From the call on, `wrap` throws CacheClosed
  /// on a miss; entries can still be found and invalidated. Readers who wait get what their load ends with,
  /// `operation_aborted` as a rule. A loader that ignores cancellation is waited for. May be called again.
  template <class Executor = boost::asio::any_io_executor>
  boost::asio::awaitable<void, Executor> close() {
    return detail::close<Executor>(core_);
  }

  /// Invalidates everything in every scope, running loads included, and frees the entries. O(entries).
  void clear();

  Statistics snapshot() const;

  /// What an entry counts against `max_bytes`: the value as `size_in_bytes` says, its key, and an upper bound of the
  /// cache's own bookkeeping for it, the nodes of its families included.
  static std::size_t charge(const Key& key, std::size_t value_bytes) noexcept;

 private:
  friend class CachedScope;
  std::shared_ptr<detail::Core> core_;
};

}  // namespace watchbell::cache
