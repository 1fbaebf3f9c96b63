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

/// What a change makes stale: a key, or a family of keys, of one scope.
struct Target {
  cache::CachedScope scope;
  std::variant<cache::Key, cache::Family> what;

  void apply() const {
    if (const auto* key = std::get_if<cache::Key>(&what)) scope.invalidate(*key);
    else scope.invalidate_prefix(std::get<cache::Family>(what));
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
    auto loaded = scope_.find<Result<T>>(key).share();
    if (!loaded) loaded = co_await scope_.wrap<Result<T>>(std::move(key), Load<T, F>{database_, std::move(load)});
    if (!*loaded) co_return std::unexpected(loaded->error());
    const T* const value = &**loaded;
    co_return std::shared_ptr<const T>(std::move(loaded), value);
  }

  /// The same for a whole answer: kept as the bytes that go out. A hit takes a share in the bytes alone, off the loan.
  template <class T, class F>
  awaitable<Result<rpc::Encoded<T>>> answer(cache::Key key, F load) {
    if (const auto hit = scope_.find<Result<rpc::Encoded<T>>>(key)) co_return *hit;
    using Loader = Load<rpc::Encoded<T>, Encode<T, F>>;
    co_return *co_await scope_.wrap<Result<rpc::Encoded<T>>>(std::move(key), Loader{database_, Encode<T, F>{std::move(load)}});
  }

  Target key(cache::Key key) const { return {scope_, std::move(key)}; }
  Target family(cache::Family family) const { return {scope_, std::move(family)}; }
  Target all() const { return {scope_, cache::Family()}; }

 private:
  template <class T, class F>
  struct Load {
    sql::Database* database;
    F load;
    awaitable<Result<T>> operator()() { return database->read(std::move(load)); }
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
