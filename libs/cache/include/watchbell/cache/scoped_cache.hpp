#pragma once

#include <watchbell/cache/provider.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace watchbell::cache {

/// How long an operation may take before it fails.
struct Deadlines {
  Duration read = std::chrono::milliseconds(50);    ///< get, has
  Duration others = std::chrono::milliseconds(250);
};

/// One scope of a provider, read only: what code gets that wants to look without being able to break coherence. A value
/// type; the provider must outlive it. Thread-safe.
class ScopedReader {
 public:
  ScopedReader(CacheProvider& provider, std::string scope, Deadlines deadlines = {})
      : provider_(&provider), scope_(std::move(scope)), deadlines_(deadlines) {}

  const std::string& scope() const noexcept { return scope_; }

  CacheProvider::Task<std::optional<std::string>> get(Key key) const {
    return provider_->get(Address(scope_, std::move(key)), deadlines_.read);
  }
  CacheProvider::Task<bool> has(Key key) const {
    return provider_->has(Address(scope_, std::move(key)), deadlines_.read);
  }
  /// Of the whole provider.
  CacheProvider::Task<ProviderStats> stats() const { return provider_->stats(deadlines_.others); }

 private:
  CacheProvider* provider_;
  std::string scope_;
  Deadlines deadlines_;
};

/// One scope of a provider: keys and families need no scope name any more, and cannot reach another scope. For plain use
/// of a store; what is loaded from a source of truth is read through a `CachedScope`. A value type; the provider must
/// outlive it. Thread-safe.
class ScopedCache {
 public:
  ScopedCache(CacheProvider& provider, std::string scope, Deadlines deadlines = {})
      : provider_(&provider), scope_(std::move(scope)), deadlines_(deadlines) {}

  const std::string& scope() const noexcept { return scope_; }
  ScopedReader reader() const { return ScopedReader(*provider_, scope_, deadlines_); }

  CacheProvider::Task<std::optional<std::string>> get(Key key) const {
    return provider_->get(Address(scope_, std::move(key)), deadlines_.read);
  }
  CacheProvider::Task<bool> has(Key key) const {
    return provider_->has(Address(scope_, std::move(key)), deadlines_.read);
  }
  CacheProvider::Task<void> set(Key key, std::string bytes, std::optional<Duration> ttl = std::nullopt) const {
    return provider_->set(Address(scope_, std::move(key)), std::move(bytes), ttl, deadlines_.others);
  }
  CacheProvider::Task<void> remove(Key key) const {
    return provider_->remove(Address(scope_, std::move(key)), deadlines_.others);
  }
  /// See CacheProvider::delete_by_prefix: for administrators, never on the path of a change.
  CacheProvider::Task<std::uint64_t> delete_by_prefix(Family family) const {
    return provider_->delete_by_prefix(scope_, std::move(family), deadlines_.others);
  }

 private:
  CacheProvider* provider_;
  std::string scope_;
  Deadlines deadlines_;
};

}  // namespace watchbell::cache
