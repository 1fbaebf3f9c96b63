#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <type_traits>

#include <watchbell/cache/scope.hpp>

#include "platform/sql/database.hpp"
#include "runtime/coherence/memory.hpp"
#include "runtime/coherence/target.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::rpc {
/// What an encoded answer counts in the cache.
template <class T>
std::size_t size_in_bytes(const Encoded<T>& value) {
  return value.bytes == nullptr ? 0 : value.bytes->size() + sizeof(std::string) + 32;
}
/// The same of one that is kept both ways; the value counts as twice its bytes, which holds for values that are mostly text.
template <class T>
std::size_t size_in_bytes(const Kept<T>& answer) {
  return answer.bytes == nullptr ? 0 : 3 * answer.bytes->size() + sizeof(std::string) + sizeof(T) + 64;
}
}  // namespace watchbell::rpc

namespace watchbell::coherence {

/// A domain's cached reads. A read that begins after a change returned never sees the state before it: loads read a snapshot opened after they noted
/// the generations of their key, and a Change invalidates after its commit and before it returns. Loop-only.
///
/// While the lease of this process does not hold, others do not wait for it: each reader then reads the database for itself, and nothing is kept.
class Scope {
 public:
  Scope(Memory& memory, sql::Database& database, std::string_view name, std::chrono::milliseconds ttl)
      : scope_(memory, name, ttl), lease_(&memory.lease), database_(&database) {}

  /// The cached value, else that of the running load, else loads it: load(sql::Session&) -> T or Result<T>, on the pool in one snapshot.
  /// Errors reach all who wait and are not kept. The value is shared by all readers: immutable. `load` is kept until the load has ended, so it owns
  /// what it uses.
  template <class T, class F>
  awaitable<Result<std::shared_ptr<const T>>> read(cache::Key key, F load) {
    if (!lease_->holds()) {
      auto own = co_await database_->read(std::move(load));
      if (!own) co_return std::unexpected(std::move(own.error()));
      co_return std::make_shared<const T>(std::move(*own));
    }
    auto loaded = scope_.find<Result<T>>(key).share();
    if (!loaded) loaded = co_await scope_.wrap<Result<T>>(std::move(key), Load<T, F>{database_, std::move(load)});
    if (!*loaded) co_return std::unexpected(loaded->error());
    const T* const value = &**loaded;
    co_return std::shared_ptr<const T>(std::move(loaded), value);
  }

  /// The value that read() would give without waiting, lent until the loan goes; empty when it would load. No allocation.
  template <class T>
  cache::Lent<Result<T>> find(const cache::Key& key) const {
    if (!lease_->holds()) return {};
    return scope_.find<Result<T>>(key);
  }

  /// The same as read() for a whole answer: kept as the bytes that go out. A hit is there at once and takes a share in the bytes alone, off the loan;
  /// no allocation.
  template <class T, class F>
  async::ValueTask<Result<rpc::Encoded<T>>> answer(cache::Key key, F load) {
    return serve<rpc::Encoded<T>>(std::move(key), std::move(load));
  }

  /// The same for an answer that is filtered for some of its readers: kept as its value, too.
  template <class T, class F>
  async::ValueTask<Result<rpc::Kept<T>>> keep(cache::Key key, F load) {
    return serve<rpc::Kept<T>>(std::move(key), std::move(load));
  }

  Target key(cache::Key key) const { return {scope_, std::move(key)}; }
  Target family(cache::Family family) const { return {scope_, std::move(family)}; }
  Target all() const { return {scope_, cache::Family()}; }

 private:
  /// What is cached as a Form of the loaded value: a hit at once, else its load.
  template <class Form, class F>
  async::ValueTask<Result<Form>> serve(cache::Key key, F load) {
    if (!lease_->holds()) return read_past<Form>(std::move(load));
    if (const auto hit = scope_.find<Result<Form>>(key)) return *hit;
    return load_as<Form>(std::move(key), std::move(load));
  }
  template <class Form, class F>
  awaitable<Result<Form>> read_past(F load) {
    co_return co_await database_->read(Shape<Form, F>{std::move(load)});
  }
  template <class Form, class F>
  awaitable<Result<Form>> load_as(cache::Key key, F load) {
    using Loader = Load<Form, Shape<Form, F>>;
    co_return *co_await scope_.wrap<Result<Form>>(std::move(key), Loader{database_, Shape<Form, F>{std::move(load)}});
  }

  template <class T, class F>
  struct Load {
    sql::Database* database;
    F load;
    awaitable<Result<T>> operator()() { return database->read(std::move(load)); }
  };
  /// A loader of the form in which a value is kept.
  template <class Form, class F>
  struct Shape {
    F load;
    Result<Form> operator()(sql::Session& session) {
      auto value = load(session);
      if constexpr (AnyResult<decltype(value)>) {
        if (!value) return std::unexpected(std::move(value.error()));
        return form(std::type_identity<Form>(), std::move(*value));
      } else {
        return form(std::type_identity<Form>(), std::move(value));
      }
    }

   private:
    template <class T>
    static rpc::Encoded<T> form(std::type_identity<rpc::Encoded<T>>, std::type_identity_t<T> value) {
      return rpc::encoded<T>(value);
    }
    template <class T>
    static rpc::Kept<T> form(std::type_identity<rpc::Kept<T>>, std::type_identity_t<T> value) {
      return rpc::kept<T>(std::move(value));
    }
  };

  cache::CachedScope scope_;
  const Lease* lease_;
  sql::Database* database_;
};

}  // namespace watchbell::coherence
