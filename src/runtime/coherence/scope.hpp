#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/scope.hpp>

#include "platform/sql/database.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::rpc {
/// What an encoded answer counts in the cache.
template <class T>
std::size_t size_in_bytes(const Encoded<T>& value) {
  return value.bytes == nullptr ? 0 : value.bytes->size() + sizeof(std::string) + 32;
}
}  // namespace watchbell::rpc

namespace watchbell::coherence {

/// Who counts what becomes of cached reads; names of scopes are ours, never a peer's. Loop-only.
class Observer {
 public:
  virtual void loaded(std::string_view scope, std::chrono::nanoseconds took) = 0;
  enum class Kind { key, family };
  virtual void invalidated(std::string_view scope, Kind kind) = 0;

 protected:
  ~Observer() = default;
};
/// Of this loop's thread; nobody at first. Who sets it takes it away again. Scopes are made in many places, and none of them should know of metrics.
inline thread_local Observer* observer = nullptr;

/// One load of a scope, from here to its end.
class LoadTimer {
 public:
  explicit LoadTimer(cache::CachedScope scope) : scope_(std::move(scope)) {}
  LoadTimer(const LoadTimer&) = delete;
  LoadTimer& operator=(const LoadTimer&) = delete;
  ~LoadTimer() {
    if (observer != nullptr) observer->loaded(scope_.name(), std::chrono::steady_clock::now() - began_);
  }

 private:
  cache::CachedScope scope_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

/// What a change makes stale: a key, or a family of keys, of one scope.
struct Target {
  cache::CachedScope scope;
  std::variant<cache::Key, cache::Family> what;

  void apply() const {
    if (observer != nullptr) observer->invalidated(scope.name(), std::holds_alternative<cache::Key>(what) ? Observer::Kind::key : Observer::Kind::family);
    if (const auto* key = std::get_if<cache::Key>(&what)) scope.invalidate(*key);
    else scope.invalidate_family(std::get<cache::Family>(what));
  }
};

/// A domain's cached reads. A read that begins after a change returned never sees the state before it: loads read a snapshot opened after they noted
/// the generations of their key, and a Change invalidates after its commit and before it returns. Loop-only.
class Scope {
 public:
  Scope(cache::Cache& cache, sql::Database& database, std::string_view name, std::chrono::milliseconds ttl)
      : scope_(cache, name, ttl), database_(&database) {}

  /// The cached value, else that of the running load, else loads it: load(sql::Session&) -> T or Result<T>, on the pool in one snapshot.
  /// Errors reach all who wait and are not kept. The value is shared by all readers: immutable. `load` is kept until the load has ended, so it owns
  /// what it uses.
  template <class T, class F>
  awaitable<Result<std::shared_ptr<const T>>> read(cache::Key key, F load) {
    if (auto hit = scope_.find<Result<T>>(key)) co_return std::shared_ptr<const T>(hit, &**hit);
    auto loaded = co_await scope_.wrap<Result<T>>(std::move(key), Load<T, F>{database_, scope_, std::move(load)});
    if (!*loaded) co_return std::unexpected(loaded->error());
    co_return std::shared_ptr<const T>(loaded, &**loaded);
  }

  /// The same for a whole answer: kept as the bytes that go out.
  template <class T, class F>
  awaitable<Result<rpc::Encoded<T>>> answer(cache::Key key, F load) {
    auto value = co_await read<rpc::Encoded<T>>(std::move(key), Encode<T, F>{std::move(load)});
    if (!value) co_return std::unexpected(std::move(value.error()));
    co_return **value;
  }

  Target key(cache::Key key) const { return {scope_, std::move(key)}; }
  Target family(cache::Family family) const { return {scope_, std::move(family)}; }
  Target all() const { return {scope_, cache::Family()}; }

 private:
  template <class T, class F>
  struct Load {
    sql::Database* database;
    cache::CachedScope scope;
    F load;
    awaitable<Result<T>> operator()() { return run(*database, scope, load); }
    static awaitable<Result<T>> run(sql::Database& database, cache::CachedScope scope, F load) {
      const LoadTimer timer(std::move(scope));
      co_return co_await database.read(std::move(load));
    }
  };
  template <class T, class F>
  struct Encode {
    F load;
    Result<rpc::Encoded<T>> operator()(sql::Session& session) {
      auto value = load(session);
      if constexpr (AnyResult<decltype(value)>) {
        if (!value) return std::unexpected(std::move(value.error()));
        return rpc::encoded<T>(*value);
      } else {
        return rpc::encoded<T>(value);
      }
    }
  };

  cache::CachedScope scope_;
  sql::Database* database_;
};

}  // namespace watchbell::coherence
