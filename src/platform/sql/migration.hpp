#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/timestamp.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::sql {

/// One script. Its file name is NUMBER_words.sql, or NUMBER_words.sqlite.sql beside NUMBER_words.postgres.sql where the databases part.
struct Migration {
  std::string file;
  std::string sql;
};

/// The scripts of one owner (a domain, a part of the runtime), numbered from 1 without a gap. Immutable; lives as long as the program.
struct MigrationSet {
  std::string name;
  std::vector<Migration> migrations;
};

/// Brings the database up to the sets, in their order: each missing script in a transaction of its own, together with its row in
/// schema_migrations(set_name, number, name, checksum, applied_at). Several processes may do this at once; each script runs once. On SQLite foreign
/// keys are checked at the end of each script instead of within it, so that tables can be rebuilt, which PostgreSQL never needs.
/// Before anything is changed, the record is compared with the sets: a script changed since it ran, a gap, and a script or set this program does
/// not know (the database is newer) are an Error of one sentence. So is a script that fails; those before it stay. May throw Fault.
/// @param with_each  called at the end of each script that runs, in its transaction
Result<void> migrate(Session& session, std::span<const MigrationSet* const> sets, Timestamp now, const std::function<void(Session&)>& with_each = {});

/// The comparison alone; writes nothing. A database that holds tables but no record is refused as somebody else's.
Result<void> check_migrations(Session& session, std::span<const MigrationSet* const> sets);

}  // namespace watchbell::sql
