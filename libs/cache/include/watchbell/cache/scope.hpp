#pragma once

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/detail/load.hpp>
#include <watchbell/cache/errors.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/lent.hpp>
#include <watchbell/cache/observer.hpp>
#include <watchbell/cache/timed.hpp>
#include <watchbell/cache/traits.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace watchbell::cache {

/// How a scope loads and keeps.
struct ScopeOptions {
  ScopeOptions() = default;
  template <class Rep, class Period>
  ScopeOptions(std::chrono::duration<Rep, Period> ttl) : default_ttl(ttl) {}  // NOLINT(google-explicit-constructor)
  ScopeOptions(Duration ttl, Duration deadline) : default_ttl(ttl), load_deadline(deadline) {}
  ScopeOptions(Duration ttl, Duration deadline, Duration ahead)
      : default_ttl(ttl), load_deadline(deadline), refresh_ahead(std::max(ahead, Duration::zero())) {}

  /// Time to live of an entry, from when it is stored. Zero or less stores nothing. Shortened by the cache's jitter,
  /// cut to its `max_ttl`, never prolonged.
  Duration default_ttl = std::chrono::seconds(30);
  /// A load that runs longer is cancelled and its waiters get LoadTimedOut. At most 24 h.
  Duration load_deadline = std::chrono::seconds(30);
  /// How long before its end a value that is still read is loaded anew, by one reader, while all get the present one.
  /// Zero: never. If that load fails the value stays until its end.
  Duration refresh_ahead = Duration::zero();
};

/// A component's view of a cache: its own key space, read through loaders, invalidated by key or by family. The face
/// for coroutines; that for plain threads is `BlockingScope`, and both may be used on one scope.
///
/// Scopes of different names share nothing, whatever their names and keys hold; scope objects of the same name are
/// one scope. A cheap handle: copy it freely. **Thread-safe**, as the cache is.
///
/// What holds for every read that begins after an `invalidate` or `invalidate_prefix` covering its key has returned:
/// the value it gives was made by a loader that started after that invalidation began. So commit first, then
/// invalidate, then tell others.
class CachedScope {
 public:
  CachedScope(Cache& cache, std::string_view name, ScopeOptions options = {})
      : state_(std::make_shared<detail::ScopeState>(cache.core_, name)), options_(options) {}

  /// The stored value, lent; empty when there is none, it has expired or was invalidated, and for the one reader who is
  /// to load it anew before it expires. Lock-free, allocates nothing, never waits for a load: ask here first, and
  /// `wrap` only on a miss, to save the coroutine frame of a hit.
  ///
  /// One key holds values of one type; asking for another stops the program.
  template <class T>
  Lent<T> find(const Key& key) const {
    return Lent<T>(state_->core->find(*state_, key, typeid(T), options_.refresh_ahead));
  }

  /// The stored value; else the value of the load of this key that runs already; else starts that load.
  ///
  /// @param loader  called without arguments, at most once; returns `awaitable<R, E>` for the executor type E of the
  ///                caller, where R is T, `std::shared_ptr<const T>`, or either of them `Timed`. It is moved into the
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
    return detail::wrap<T>(state_, std::move(key), std::move(loader), rules(ttl));
  }
  template <class T, class Loader>
  auto wrap(Key key, Loader loader) const -> detail::WrapResult<T, Loader> {
    return wrap<T>(std::move(key), std::move(loader), options_.default_ttl);
  }

  /// `wrap` for each id, side by side.
  ///
  /// @param key_for  Id -> Key
  /// @param loader   called as `loader(id)`, once for each id that must be loaded; copied for each
  /// @returns        values in the order of `ids`; ids that are equal are loaded once
  ///
  /// Throws the error of the first id, in that order, whose load failed, once all have ended.
  template <class T, class Id, class KeyFor, class Loader>
  auto wrap_many(std::vector<Id> ids, KeyFor key_for, Loader loader, Duration ttl) const {
    return detail::wrap_many<T>(state_, std::move(ids), std::move(key_for), std::move(loader), rules(ttl));
  }
  template <class T, class Id, class KeyFor, class Loader>
  auto wrap_many(std::vector<Id> ids, KeyFor key_for, Loader loader) const {
    return wrap_many<T>(std::move(ids), std::move(key_for), std::move(loader), options_.default_ttl);
  }

  /// The same, giving the error of each id instead of throwing: a vector of `Loaded<T>`.
  template <class T, class Id, class KeyFor, class Loader>
  auto wrap_each(std::vector<Id> ids, KeyFor key_for, Loader loader, Duration ttl) const {
    return detail::wrap_each<T>(state_, std::move(ids), std::move(key_for), std::move(loader), rules(ttl));
  }
  template <class T, class Id, class KeyFor, class Loader>
  auto wrap_each(std::vector<Id> ids, KeyFor key_for, Loader loader) const {
    return wrap_each<T>(std::move(ids), std::move(key_for), std::move(loader), options_.default_ttl);
  }

  /// The values of many keys with at most one call of the loader: entries and running loads answer what they can, and
  /// `load_all` gets the rest.
  ///
  /// @param load_all  called as `load_all(std::vector<Id>)` with the ids that must be loaded, each once, in the order
  ///                  of `ids`; returns an awaitable of a vector of as many R as `wrap` allows, in the same order. A
  ///                  vector of another length fails the call with WrongLength and stores nothing
  /// @returns         values in the order of `ids`. No ids: no call
  ///
  /// Other readers join the keys of this load as they join single ones. An error of the loader fails all its keys.
  template <class T, class Id, class KeyFor, class LoadAll>
  auto wrap_many_batched(std::vector<Id> ids, KeyFor key_for, LoadAll load_all, Duration ttl) const {
    return detail::wrap_batch<T>(state_, std::move(ids), std::move(key_for), std::move(load_all), rules(ttl));
  }
  template <class T, class Id, class KeyFor, class LoadAll>
  auto wrap_many_batched(std::vector<Id> ids, KeyFor key_for, LoadAll load_all) const {
    return wrap_many_batched<T>(std::move(ids), std::move(key_for), std::move(load_all), options_.default_ttl);
  }

  /// Drops the key's entry and keeps the load of it that runs from being stored or joined. O(length of the key),
  /// allocates nothing, never waits for a load. Remembers nothing: invalidating an unknown key costs no memory.
  void invalidate(const Key& key) const {
    state_->core->invalidate(*state_, key);
    if (auto* const observer = state_->core->observer()) observer->invalidated(name(), Invalidated::key, false);
  }

  /// The same for every key that begins with the family's segments, stored or being loaded. O(segments of the family),
  /// whatever number of entries it has; what they hold is freed as they are met, at the latest when they expire or
  /// room is needed.
  void invalidate_prefix(const Family& family) const {
    state_->core->invalidate_family(*state_, family);
    if (auto* const observer = state_->core->observer()) observer->invalidated(name(), Invalidated::family, false);
  }

  /// The same for every key of the scope.
  void invalidate_all() const { invalidate_prefix(Family()); }

  /// Counts of this scope. O(1).
  Statistics snapshot() const { return state_->core->snapshot(*state_); }

  std::string_view name() const noexcept { return state_->name; }
  const ScopeOptions& options() const noexcept { return options_; }

 private:
  friend class BlockingScope;
  friend class SharedScope;

  detail::LoadRules rules(Duration ttl) const noexcept {
    return {.ttl = ttl, .deadline = options_.load_deadline, .refresh_ahead = options_.refresh_ahead};
  }

  std::shared_ptr<detail::ScopeState> state_;
  ScopeOptions options_;
};

}  // namespace watchbell::cache
