#include "app/stored_key.hpp"

#include <fstream>

#include "app/modules.hpp"
#include "base/text.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::app {
namespace {

/// The scripts of a set that run on a database of this kind.
std::int64_t of_this_kind(const sql::MigrationSet& set, sql::Dialect dialect) {
  const std::string_view others = dialect == sql::Dialect::sqlite ? ".postgres.sql" : ".sqlite.sql";
  return std::ranges::count_if(set.migrations, [&](const sql::Migration& migration) { return !migration.file.ends_with(others); });
}

constexpr std::string_view kPlace = "installation.master_key";
constexpr std::string_view kKnown = "watchbell";

std::optional<std::string> stored(sql::Session& session) { return session.one<std::string>("select value from installation where name = :1", kKeyRow); }

}  // namespace

void keep_key(sql::Session& session, const crypto::Keyring& ring) {
  session.execute("insert into installation (name, value) values (:1, :2) on conflict (name) do nothing", kKeyRow, ring.seal(kKnown, kPlace));
}

Result<void> judge_key(sql::Session& session, const crypto::Keyring& ring) {
  const auto sealed = stored(session);
  // A copy of a database may have lost the row, but not what is sealed.
  const bool fits = sealed ? ring.open(*sealed, kPlace).value_or(std::string()) == kKnown : opens_settings(session, ring);
  if (!fits)
    return fail(ErrorCode::precondition_failed, "WATCHBELL_MASTER_KEY is not the key of this database: all its processes share one; after a change of keys the old one "
                                                "belongs into WATCHBELL_MASTER_KEY_PREVIOUS");
  if (!sealed) keep_key(session, ring);
  else if (ring.form(*sealed) != crypto::Keyring::Form::current)
    session.execute("update installation set value = :2 where name = :1", kKeyRow, ring.seal(kKnown, kPlace));
  return {};
}

Result<std::optional<crypto::Keyring>> present_keyring(const config::Config& config) {
  std::string key = config.master_key.value_or(std::string());
  if (key.empty()) {
    const auto path = config.data / "master.key";
    std::error_code unknown;
    if (config.uses_postgresql() || !std::filesystem::exists(path, unknown)) return std::optional<crypto::Keyring>();
    std::ifstream file(path);
    if (!std::getline(file, key)) return fail(ErrorCode::unavailable, "cannot read {}", path.string());
  }
  auto ring = crypto::Keyring::make(std::string(trim(key)), config.master_key_previous);
  if (!ring) return std::unexpected(std::move(ring.error()));
  return std::optional(std::move(*ring));
}

bool opens_settings(sql::Session& session, const crypto::Keyring& ring) {
  const auto tables = session.connection().tables();
  if (std::ranges::find(tables, "installation") != tables.end()) {
    const auto sealed = stored(session);
    if (sealed && !ring.open(*sealed, kPlace)) return false;
  }
  // Of a database of an earlier version the table may be another one, which cannot be told by what is known here.
  const auto run = session.one<std::int64_t>("select count(*) from schema_migrations where set_name = 'settings'").value_or(0);
  if (run != of_this_kind(migrations::settings(), session.dialect())) return true;
  return settings::Store(ring).judge(session).refused.empty();
}

std::int64_t migrations_to_run(sql::Session& session) {
  std::int64_t all = 0;
  for (const auto* set : Modules::migrations()) all += of_this_kind(*set, session.dialect());
  const auto tables = session.connection().tables();
  if (std::ranges::find(tables, "schema_migrations") == tables.end()) return all;
  return all - session.one<std::int64_t>("select count(*) from schema_migrations").value_or(0);
}

}  // namespace watchbell::app
