#pragma once

#include <array>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "platform/sql/database.hpp"

/// What tests of stores and services stand on; not linked into the program's own code.
namespace watchbell::sql::testing {

/// The database of one test: fresh, and gone with the object, which outlives every connection to it.
class Store {
 public:
  virtual ~Store() = default;
  /// As Database::open takes it.
  virtual std::string url() const = 0;
  virtual std::unique_ptr<detail::Connection> connect() = 0;
};

/// Where the stores of this program's tests are, with `sets` migrated already. Nothing, so that they are in SQLite, but in the programs of the layer `servers` that
/// are linked with tests/support/postgres_store.cpp: the same tests once more, over PostgreSQL.
using MakeStore = std::unique_ptr<Store> (*)(std::span<const MigrationSet* const> sets);
inline MakeStore g_make_store = nullptr;

struct HoldsStore {
  std::unique_ptr<Store> store;
};

/// A session on a fresh database with these migrations, outside any transaction.
///
///     sql::testing::FreshSession session(migrations::catalog());
class FreshSession : private HoldsStore, public Session {
 public:
  template <class... Sets>
  explicit FreshSession(const Sets&... sets) : FreshSession(Of{{&sets...}}, 0) {}

 private:
  struct Of {
    std::vector<const MigrationSet*> sets;
  };
  FreshSession(const Of& of, int)
      : HoldsStore{g_make_store != nullptr ? g_make_store(of.sets) : nullptr}, Session(store ? store->connect() : detail::open_sqlite({.file = ":memory:"})) {
    if (const auto migrated = migrate(*this, of.sets, Timestamp()); !migrated) throw std::runtime_error(migrated.error().message);
  }
};

/// A session on a fresh in-memory SQLite database with these migrations, outside any transaction.
class MemorySession : public Session {
 public:
  template <class... Sets>
  explicit MemorySession(const Sets&... sets) : Session(detail::open_sqlite({.file = ":memory:"})) {
    const std::array<const MigrationSet*, sizeof...(Sets)> all{&sets...};
    if (const auto migrated = migrate(*this, all, Timestamp()); !migrated) throw std::runtime_error(migrated.error().message);
  }
};

/// An in-memory database with these migrations. REQUIRES close() at the end, as every Database does when something runs.
template <class... Sets>
std::unique_ptr<Database> memory_database(async::Loop& loop, async::TimerWheel& wheel, const Sets&... sets) {
  auto database = Database::open(loop, wheel, {.url = ":memory:"});
  if (!database) throw std::runtime_error(database.error().message);
  const std::array<const MigrationSet*, sizeof...(Sets)> all{&sets...};
  if (const auto migrated = (*database)->migrate(all); !migrated) throw std::runtime_error(migrated.error().message);
  return std::move(*database);
}

}  // namespace watchbell::sql::testing
