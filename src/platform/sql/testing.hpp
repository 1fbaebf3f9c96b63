#pragma once

#include <array>
#include <memory>
#include <stdexcept>

#include "platform/sql/database.hpp"

/// What tests of stores and services stand on; not linked into the program's own code.
namespace watchbell::sql::testing {

/// A session on a fresh in-memory database with these migrations, outside any transaction.
///
///     sql::testing::MemorySession session(migrations::catalog());
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
