#pragma once

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/shared_level.hpp>
#include <watchbell/cache/detail/through.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/provider.hpp>
#include <watchbell/cache/scope.hpp>
#include <watchbell/cache/scoped_cache.hpp>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watchbell::cache {

/// A cache in front of a provider that other processes share.
///
/// A read asks this process's entries, then the provider, then the loader; what was loaded goes to both. Fills of the
/// provider are guarded by leases, so none of them can outlast an invalidation, whoever sent it and however late it
/// arrives. An invalidation is applied here at once and by the provider before it returns; when the provider cannot be
/// reached, this process reads past it for whatever is covered until the invalidation was applied, which is tried again
/// until it succeeds.
///
/// A provider that fails or hangs costs a read at most its deadline, and after a few failures in a row nothing: the
/// circuit opens, and one probe at a time asks whether it is back. What is pending is applied before the first read
/// is answered from the provider again.
///
/// A handle to shared state. **Thread-safe**. The provider's executor must be running for calls to be answered.
/// REQUIRES: `close()` has ended before the provider or its execution context is destroyed.
class SharedCache {
 public:
  SharedCache(Cache& cache, std::shared_ptr<CacheProvider> provider, SharedOptions options = {})
      : cache_(&cache), level_(std::make_shared<detail::SharedLevel>(std::move(provider), options)) {}

  /// Ends background work: retries of pending invalidations, probes, fills on their way. Pending invalidations are
  /// lost with it; a program that must not lose them keeps them elsewhere. Does not stop the provider.
  template <class Executor = boost::asio::any_io_executor>
  boost::asio::awaitable<void, Executor> close() {
    return detail::close_level<Executor>(level_);
  }

  SharedStatistics snapshot() const { return level_->snapshot(); }

 private:
  friend class SharedScope;

  Cache* cache_;
  std::shared_ptr<detail::SharedLevel> level_;
};

/// What a scope promises about changes that other processes make.
enum class Consistency : std::uint8_t {
  /// A read that begins after an invalidation has returned anywhere never sees the state before it. Costs a round trip
  /// to the provider for every read, unless the processes tell each other (`SharedOptions::told`).
  strict,
  /// Reads of this process may see another's change late, by at most `SharedOptions::bounded_for`; its own at once.
  bounded,
};

/// A component's view of a shared cache; see `CachedScope` for what is the same: keys, families, loaders, errors.
///
/// Values go to the provider as bytes, so T must be Encodable (codec.hpp). A cheap handle, thread-safe.
class SharedScope {
 public:
  SharedScope(SharedCache& cache, std::string_view name, Consistency consistency, ScopeOptions options = {})
      : local_(*cache.cache_, name, options), level_(cache.level_), consistency_(consistency) {}

  /// The value in this process's memory, if it may be served from there; see `CachedScope::find`.
  template <class T>
  Lent<T> find(const Key& key) const {
    return validates() ? Lent<T>() : local_.find<T>(key);
  }

  /// As `CachedScope::wrap`. The deadline of a load includes the provider's.
  template <Encodable T, class Loader>
  auto wrap(Key key, Loader loader, Duration ttl) const -> detail::WrapResult<T, Loader> {
    if (validates())
      return detail::wrap_validated<T>(level_, local_.state_, std::move(key), std::move(loader), rules(ttl));
    detail::ThroughLoader<T, Loader> through{level_, std::string(name()), key, std::move(loader), ttl};
    return detail::wrap<T>(local_.state_, std::move(key), std::move(through), rules(ttl));
  }
  template <Encodable T, class Loader>
  auto wrap(Key key, Loader loader) const -> detail::WrapResult<T, Loader> {
    return wrap<T>(std::move(key), std::move(loader), local_.options_.default_ttl);
  }

  /// As `CachedScope::wrap_many_batched`: one round trip to the provider for all keys, and one more to fill it.
  template <Encodable T, class Id, class KeyFor, class LoadAll>
  auto wrap_many_batched(std::vector<Id> ids, KeyFor key_for, LoadAll load_all, Duration ttl) const
      -> detail::BatchResult<T, LoadAll, Id> {
    if (validates())
      return detail::wrap_batch_validated<T>(level_, local_.state_, std::move(ids), std::move(key_for),
                                             std::move(load_all), rules(ttl));
    detail::ThroughBatch<T, Id, KeyFor, LoadAll> through{level_, std::string(name()), key_for, std::move(load_all),
                                                         ttl};
    return detail::wrap_batch<T>(local_.state_, std::move(ids), std::move(key_for), std::move(through), rules(ttl));
  }
  template <Encodable T, class Id, class KeyFor, class LoadAll>
  auto wrap_many_batched(std::vector<Id> ids, KeyFor key_for, LoadAll load_all) const
      -> detail::BatchResult<T, LoadAll, Id> {
    return wrap_many_batched<T>(std::move(ids), std::move(key_for), std::move(load_all), local_.options_.default_ttl);
  }

  /// As `CachedScope::wrap_many`: the provider is asked for all keys in one round trip, the loader once for each that
  /// is nowhere.
  template <Encodable T, class Id, class KeyFor, class Loader>
  auto wrap_many(std::vector<Id> ids, KeyFor key_for, Loader loader, Duration ttl) const {
    detail::OneByOne<T, Id, Loader> load_all{std::move(loader)};
    return wrap_many_batched<T>(std::move(ids), std::move(key_for), std::move(load_all), ttl);
  }
  template <Encodable T, class Id, class KeyFor, class Loader>
  auto wrap_many(std::vector<Id> ids, KeyFor key_for, Loader loader) const {
    return wrap_many<T>(std::move(ids), std::move(key_for), std::move(loader), local_.options_.default_ttl);
  }

  /// Applies to this process at once, then to the provider. Gives true when the provider has applied it: from then on
  /// no read anywhere sees what was loaded before the call began. False: it could not be reached in time; the
  /// invalidation is pending, this process reads past the provider meanwhile, others may see the old value until it is
  /// applied. Never throws for a provider's failure: a committed change stays committed.
  template <class Executor = boost::asio::any_io_executor>
  boost::asio::awaitable<bool, Executor> invalidate(Key key) const {
    return drop<Executor>(Drop(std::string(name()), std::move(key)), Invalidated::key);
  }
  template <class Executor = boost::asio::any_io_executor>
  boost::asio::awaitable<bool, Executor> invalidate_prefix(Family family) const {
    return drop<Executor>(Drop(std::string(name()), std::move(family)), Invalidated::family);
  }

  /// What another process has told: its invalidation was, or is being, applied by the provider. Local and at once.
  void heard(const Key& key) const { local_.state_->core->invalidate(*local_.state_, key); }
  void heard(const Family& family) const { local_.state_->core->invalidate_family(*local_.state_, family); }

  /// This scope in the provider, read only.
  ScopedReader provider() const { return ScopedReader(level_->provider(), std::string(name())); }

  std::string_view name() const noexcept { return local_.name(); }
  Consistency consistency() const noexcept { return consistency_; }
  Statistics snapshot() const { return local_.snapshot(); }

 private:
  /// Whether every read must ask the provider first.
  bool validates() const noexcept { return consistency_ == Consistency::strict && !level_->options().told; }

  detail::LoadRules rules(Duration ttl) const noexcept {
    auto rules = local_.rules(ttl);
    if (validates()) {
      rules.keep = false;
    } else if (consistency_ == Consistency::bounded && !level_->options().told) {
      rules.ttl = std::min(rules.ttl, level_->options().bounded_for);
    }
    return rules;
  }

  template <class Executor>
  boost::asio::awaitable<bool, Executor> drop(Drop what, Invalidated kind) const {
    return detail::drop<Executor>(level_, local_.state_, std::move(what), kind);
  }

  CachedScope local_;
  std::shared_ptr<detail::SharedLevel> level_;
  Consistency consistency_;
};

}  // namespace watchbell::cache
