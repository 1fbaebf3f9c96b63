#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/detail/wait.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/observer.hpp>
#include <watchbell/cache/provider.hpp>
#include <watchbell/cache/statistics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

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
  /// Largest share, 0 to 1, of either bound that one scope may hold while others have entries too: when room is needed,
  /// those over their share give it. A scope that is alone may hold everything.
  double per_scope_share = 0.5;
  /// Empty: `coarse_now`.
  Clock clock = {};
  /// Told of loads and invalidations. Must outlive the cache and all scopes of it.
  Observer* observer = nullptr;
  /// Called with the name of a point on the path of a load or an invalidation, without any lock held; tests hold a
  /// thread there to steer races. Points: load.noted, load.before_store, load.before_resume, invalidate.before,
  /// invalidate.after.
  std::function<void(std::string_view)> pause_for_test = {};
};

/// A bounded in-memory store of immutable values, loaded once for all who ask, and never served after they were
/// invalidated. Values are read and written through scopes: `CachedScope` for coroutines, `BlockingScope` for threads.
///
/// **Thread-safe**, from any thread and any number of event loops. A hit takes no lock, allocates nothing and writes
/// nothing that other threads read. A miss, a store and an invalidation take one mutex for bookkeeping only: never
/// while a loader runs, a value is destroyed, or a waiter is resumed.
///
/// Nothing runs by itself: no thread, no timer while nobody loads. What has expired or was invalidated goes when it is
/// met, by a read or by the stores that follow, a few slots at each; `sweep` does more of it at once.
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

  /// Frees dead entries among the next `most` slots, all of them when there are fewer. Returns how many went.
  std::size_t sweep(std::size_t most = static_cast<std::size_t>(-1));

  /// The sum over all scopes. O(scopes).
  Statistics snapshot() const;
  /// By scope, in no order; scopes that nothing holds any more are left out.
  std::vector<ScopeStatistics> scopes() const;
  /// Names of entries, for administrators; values are never listed. O(entries), under the lock that misses take.
  EntryPage list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order) const;

  /// What an entry counts against `max_bytes`: the value as `size_in_bytes` says, its key, and an upper bound of the
  /// cache's own bookkeeping for it, the nodes of its families included.
  static std::size_t charge(const Key& key, std::size_t value_bytes) noexcept;

 private:
  friend class CachedScope;
  friend class MemoryProvider;
  std::shared_ptr<detail::Core> core_;
};

}  // namespace watchbell::cache
