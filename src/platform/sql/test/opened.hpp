#pragma once

#include <span>
#include <stdexcept>

#include "platform/sql/database.hpp"

namespace watchbell::sql::test {

/// An open database. Throws std::runtime_error with the sentence of a refusal.
inline std::unique_ptr<Database> opened(async::Loop& loop, async::TimerWheel& wheel, Database::Options options) {
  auto database = Database::open(loop, wheel, std::move(options));
  if (!database) throw std::runtime_error(database.error().message);
  return std::move(*database);
}

/// The same, brought up to date.
inline std::unique_ptr<Database> opened(async::Loop& loop, async::TimerWheel& wheel, Database::Options options, std::span<const MigrationSet* const> sets) {
  auto database = opened(loop, wheel, std::move(options));
  if (const auto migrated = database->migrate(sets); !migrated) throw std::runtime_error(migrated.error().message);
  return database;
}

}  // namespace watchbell::sql::test
