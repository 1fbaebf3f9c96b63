#pragma once

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/detail/load.hpp>
#include <watchbell/cache/errors.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/traits.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace watchbell::cache {

/// How a scope loads and keeps.
struct ScopeOptions {
  ScopeOptions() = default;
  template <class Rep, class Period>
  ScopeOptions(std::chrono::duration<Rep, Period> ttl) : default_ttl(ttl) {}  // NOLINT(google-explicit-constructor)
  ScopeOptions(Duration ttl, Duration deadline) : default_ttl(ttl), load_deadline(deadline) {}

  /// Time to live of an entry, from when it is stored. Zero or less stores nothing. Shortened by the cache's jitter,
  /// cut to its `max_ttl`, never prolonged.
  Duration default_ttl = std::chrono::seconds(30);
  /// A load that runs longer is cancelled and its waiters get LoadTimedOut. At most 24 h.
  Duration load_deadline = std::chrono::seconds(30);
};

/// A component's view of a cache: its own key space, read through loaders, invalidated by key or by family.
///
/// Scopes of different names share nothing, whatever their names and keys hold; scope objects of the same name are
/// one scope. A cheap handle: copy it freely. **Thread-safe**, as the cache is.
///
/// What holds for every read by `find` or `wrap` that begins after an `invalidate` or `invalidate_family` covering
/// its key has returned: the value it gives was made by a loader that started after that invalidation began. So
/// commit first, then invalidate, then tell others.
class CachedScope {
 public:
  CachedScope(Cache& cache, std::string_view name, ScopeOptions options = {})
      : state_(std::make_shared<detail::ScopeState>(cache.core_, name)), options_(options) {}

  /// The stored value, or null when there is none, it has expired or was invalidated. Never waits for a load and
  /// allocates nothing: ask here first, and `wrap` only on a miss, to save the coroutine frame of a hit.
  ///
  /// One key holds values of one type; asking for another stops the program.
  template <class T>
  std::shared_ptr<const T> find(const Key& key) const {
    return std::static_pointer_cast<const T>(state_->core->find(*state_, key, typeid(T)));
  }

  /// The stored value; else the value of the load of this key that runs already; else starts that load.
  ///
  /// @param loader  called without arguments, at most once; returns `awaitable<T, E>` or
  ///                `awaitable<std::shared_ptr<const T>, E>` for the executor type E of the caller. It is moved into the
  ///                load, which may outlive the caller, so it must own what it uses. It is kept until its awaitable has
  ///                ended. It must open its database snapshot itself, not read from one opened earlier.
  /// @param ttl     instead of the scope's default
  /// @returns       never null, unless the loader gave a null pointer. The value is shared by all readers: immutable
  ///
  /// The load runs as a coroutine of its own on the executor of the reader who starts it, which must run one handler
  /// at a time (one thread, or a strand). A reader who is cancelled leaves alone; the load goes on, even unobserved.
  /// All readers of a load are resumed by one posted handler for each executor they wait on.
  /// A reader who waits for a load that is invalidated meanwhile still gets its value, the next reader starts anew.
  ///
  /// Throws what the loader throws, to every reader of that load, and keeps nothing; LoadTimedOut; CacheClosed;
  /// SelfRead where a loader waits for its own key (found when the loader's own chain of awaits does so; one that
  /// spawns a coroutine to do it ends by the deadline); `operation_aborted` when the caller is cancelled.
  ///
  /// With g++ 12 name the loader before the await expression if it captures anything that has a destructor, and move
  /// it in: that compiler destroys such a temporary twice.
  template <class T, class Loader>
  auto wrap(Key key, Loader loader, Duration ttl) const -> detail::WrapResult<T, Loader> {
    return detail::wrap<T>(state_, std::move(key), std::move(loader),
                           detail::LoadRules{ttl, options_.load_deadline});
  }

  template <class T, class Loader>
  auto wrap(Key key, Loader loader) const -> detail::WrapResult<T, Loader> {
    return wrap<T>(std::move(key), std::move(loader), options_.default_ttl);
  }

  /// Drops the key's entry and keeps the load of it that runs from being stored or joined. O(length of the key),
  /// allocates nothing, never waits for a load. Remembers nothing: invalidating an unknown key costs no memory.
  void invalidate(const Key& key) const { state_->core->invalidate(*state_, key); }

  /// The same for every key of the family, stored or being loaded. O(segments of the family), whatever number of
  /// entries it has; what they hold is freed as they are met, at the latest when they expire or room is needed.
  void invalidate_family(const Family& family) const { state_->core->invalidate_family(*state_, family); }

  /// The same for every key of the scope.
  void invalidate_all() const { invalidate_family(Family()); }

  std::string_view name() const noexcept { return state_->name; }
  const ScopeOptions& options() const noexcept { return options_; }

 private:
  std::shared_ptr<detail::ScopeState> state_;
  ScopeOptions options_;
};

}  // namespace watchbell::cache
