#include "platform/sql/migration.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include <openssl/evp.h>

namespace watchbell::sql {
namespace {

/// One script of the program, for the dialect at hand.
struct Step {
  std::string_view set_name;
  std::int64_t number = 0;
  std::string_view name;
  std::string checksum;
  const std::string* sql = nullptr;
};

struct Applied {
  std::string set_name;
  std::int64_t number = 0;
  std::string name;
  std::string checksum;
};
BOOST_DESCRIBE_STRUCT(Applied, (), (set_name, number, name, checksum))

using Plan = std::map<std::string_view, std::vector<Step>>;

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  if (::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha256(), nullptr) != 1) throw watchbell::Fault("SHA-256 is not available");
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

/// Reads NUMBER_words.sql; nothing when the file is for another dialect.
Result<std::optional<Step>> read_step(const MigrationSet& set, const Migration& migration, Dialect dialect) {
  std::string_view stem = migration.file;
  const auto bad = [&] { return fail(ErrorCode::internal, "migration file {}/{} is not named NUMBER_words.sql", set.name, migration.file); };
  if (!stem.ends_with(".sql")) return bad();
  stem.remove_suffix(4);
  for (const auto& [suffix, of] : {std::pair{std::string_view(".sqlite"), Dialect::sqlite}, {std::string_view(".postgres"), Dialect::postgres}}) {
    if (!stem.ends_with(suffix)) continue;
    if (of != dialect) return std::nullopt;
    stem.remove_suffix(suffix.size());
  }
  Step step{.set_name = set.name, .sql = &migration.sql};
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), step.number);
  if (error != std::errc() || end == stem.data() + stem.size() || *end != '_' || step.number < 1) return bad();
  step.name = stem.substr(static_cast<std::size_t>(end - stem.data()) + 1);
  step.checksum = sha256_hex(migration.sql);
  return step;
}

Result<Plan> plan_of(std::span<const MigrationSet* const> sets, Dialect dialect) {
  Plan plan;
  for (const MigrationSet* set : sets) {
    const auto [place, fresh] = plan.try_emplace(set->name);
    if (!fresh) return fail(ErrorCode::internal, "two migration sets are named {}", set->name);
    for (const auto& migration : set->migrations) {
      auto step = read_step(*set, migration, dialect);
      if (!step) return std::unexpected(step.error());
      if (*step) place->second.push_back(std::move(**step));
    }
    std::ranges::sort(place->second, {}, &Step::number);
    for (std::size_t i = 0; i < place->second.size(); ++i)
      if (place->second[i].number != static_cast<std::int64_t>(i + 1))
        return fail(ErrorCode::internal, "the migrations of {} are not numbered 1 to {} without a gap", set->name, place->second.size());
  }
  return plan;
}

std::vector<Applied> record_of(Session& session) {
  return session.all<Applied>("select set_name, number, name, checksum from schema_migrations order by set_name, number");
}

/// Compares what ran with what the program knows.
Result<void> compare(const Plan& plan, const std::vector<Applied>& record) {
  std::map<std::string_view, std::int64_t> last;
  for (const auto& row : record) {
    const auto set = plan.find(row.set_name);
    if (set == plan.end() || row.number > static_cast<std::int64_t>(set->second.size()))
      return fail(ErrorCode::precondition_failed, "the database is newer than this program: it holds migration {} {} ({})", row.set_name, row.number, row.name);
    if (row.number != last[row.set_name] + 1)
      return fail(ErrorCode::precondition_failed, "the database has a gap in its record of migrations: {} {} is missing", row.set_name, last[row.set_name] + 1);
    last[row.set_name] = row.number;
    if (set->second[static_cast<std::size_t>(row.number - 1)].checksum != row.checksum)
      return fail(ErrorCode::precondition_failed, "migration {} {} ({}) is not the one that made this database: its checksum differs", row.set_name, row.number,
                  row.name);
  }
  return {};
}

constexpr std::string_view kRecord = "schema_migrations";

// SQLite's json_each(list), as far as statements use it, for the parameters of sql::List, and for a JSON array of texts in a column: one text of a statement
// does for both databases. PostgreSQL's own json_each takes JSON alone, so these are further functions of the name, chosen by the type of their argument; the
// planner puts their bodies in their place.
constexpr const char* kListFunctions =
    "create or replace function json_each(list text[]) returns table (key bigint, value text) language sql immutable parallel safe as "
    "$$ select t.place - 1, t.value from unnest(list) with ordinality as t (value, place) $$; "
    "create or replace function json_each(list bigint[]) returns table (key bigint, value bigint) language sql immutable parallel safe as "
    "$$ select t.place - 1, t.value from unnest(list) with ordinality as t (value, place) $$; "
    "create or replace function json_each(list text) returns table (key bigint, value text) language sql immutable parallel safe as "
    "$$ select t.place - 1, t.value from jsonb_array_elements_text(list::jsonb) with ordinality as t (value, place) $$";

}  // namespace

Result<void> check_migrations(Session& session, std::span<const MigrationSet* const> sets) {
  const auto plan = plan_of(sets, session.dialect());
  if (!plan) return std::unexpected(plan.error());
  const auto tables = session.connection().tables();
  if (std::ranges::find(tables, kRecord) != tables.end()) return compare(*plan, record_of(session));
  if (!tables.empty()) return fail(ErrorCode::precondition_failed, "the database holds tables, but none of this program");
  return {};
}

Result<void> migrate(Session& session, std::span<const MigrationSet* const> sets, Timestamp now, const std::function<void(Session&)>& with_each) {
  const auto plan = plan_of(sets, session.dialect());
  if (!plan) return std::unexpected(plan.error());
  auto& connection = session.connection();
  std::set<std::pair<std::string, std::int64_t>> done;

  // Everything is compared before anything runs.
  auto compared = connection.migrate([&]() -> Result<void> {
    if (auto ours = check_migrations(session, sets); !ours) return ours;
    connection.script(
        "create table if not exists schema_migrations (set_name text not null, number bigint not null, name text not null, "
        "checksum text not null, applied_at bigint not null, primary key (set_name, number))");
    if (session.dialect() == Dialect::postgres && !session.one<std::string>("select 'there' where to_regprocedure('json_each(text)') is not null"))
      connection.script(kListFunctions);
    for (const auto& row : record_of(session)) done.emplace(row.set_name, row.number);
    return {};
  });
  if (!compared) return compared;

  for (const MigrationSet* set : sets) {
    for (const Step& step : plan->at(set->name)) {
      if (done.contains({std::string(step.set_name), step.number})) continue;
      const auto run = [&]() -> Result<void> {
        // Another process may have been here since, even one with other scripts.
        const auto record = record_of(session);
        if (auto same = compare(*plan, record); !same) return same;
        for (const auto& row : record)
          if (row.set_name == step.set_name && row.number == step.number) return {};
        connection.script(*step.sql);
        session.execute("insert into schema_migrations (set_name, number, name, checksum, applied_at) values (:1, :2, :3, :4, :5)", step.set_name,
                        step.number, step.name, step.checksum, now);
        if (with_each) with_each(session);
        return {};
      };
      try {
        if (auto ran = connection.migrate(run); !ran) return ran;
      } catch (const Fault& fault) {
        return fail(ErrorCode::internal, "migration {} {} ({}) failed: {}", step.set_name, step.number, step.name, fault.what());
      }
    }
  }
  return {};
}

}  // namespace watchbell::sql
