#include "app/migrate_to.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/data_folder.hpp"
#include "app/modules.hpp"
#include "app/run_alone.hpp"
#include "app/stored_key.hpp"
#include "async/timer_wheel.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/sql/database.hpp"
#include "platform/sql/peek.hpp"

// Rows travel as JSON arrays, one text a row, so that no table has a type of its own here: the columns, their types, the keys and the order that foreign keys
// ask for are read off the target's schema, which the migrations made. A batch is one transaction that inserts its rows and moves the mark behind them; so
// whenever it is cut off, the mark says which rows are there.
namespace watchbell::app {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// The mark. As a migration that no program serves with, it keeps every server away from a copy that is not whole.
const sql::MigrationSet kMark{"migrate-to (not finished)",
                              {{"0001_mark.sql",
                                "create table migrate_to_source (fingerprint text not null primary key);"
                                "create table migrate_to_progress (name text not null primary key, rows bigint not null, last_key text, done boolean not null);"}}};
constexpr std::array<std::string_view, 3> kNotCopied{"schema_migrations", "migrate_to_source", "migrate_to_progress"};
/// What a whole copy says of itself: the comment on its record of migrations.
constexpr std::string_view kWhole = "copied by watchbell migrate-to from ";
/// By this row a server knows its master key again (Server::prepare). SQLite has none: it is written with the copy, so that no other key can take its place, and is
/// left out where both sides are compared.

enum class Kind { text, integer, boolean };

struct Column {
  std::string name;
  Kind kind = Kind::text;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::size_t> key;  ///< columns of its primary key
};

/// Of a table's rows in any order.
struct Sum {
  std::int64_t rows = 0;
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::string checksum() const { return fmt::format("{:016x}{:016x}", high, low); }
  bool operator==(const Sum&) const = default;
};

struct Progress {
  std::string name;
  std::int64_t rows = 0;
  std::optional<std::string> last_key;
  bool done = false;
};
BOOST_DESCRIBE_STRUCT(Progress, (), (name, rows, last_key, done))

std::string in_quotes(std::string_view name) { return fmt::format("\"{}\"", name); }

template <class Items, class F>
std::string joined(const Items& items, F f) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + f(item);
  return text;
}

std::string_view type_of(Kind kind) { return kind == Kind::text ? "text" : kind == Kind::integer ? "bigint" : "boolean"; }

std::string columns_of(const Table& table) {
  return joined(table.columns, [](const Column& column) { return in_quotes(column.name); });
}

/// Rows behind a key, as JSON arrays, in the order of the key. A key is a JSON array too.
std::string select_of(const Table& table, sql::Dialect dialect, bool from_key, std::size_t limit) {
  const bool sqlite = dialect == sql::Dialect::sqlite;
  const auto key = joined(table.key, [&](std::size_t at) { return in_quotes(table.columns[at].name); });
  std::string where;
  if (from_key) {
    std::size_t place = 0;
    where = fmt::format(" where ({}) > ({})", key, joined(table.key, [&](std::size_t at) {
      const auto n = place++;
      return sqlite ? fmt::format("json_extract(:1, '$[{}]')", n) : fmt::format("cast(cast(:1 as jsonb) ->> {} as {})", n, type_of(table.columns[at].kind));
    }));
  }
  const auto row = sqlite ? fmt::format("json_array({})", columns_of(table)) : fmt::format("cast(jsonb_build_array({}) as text)", columns_of(table));
  return fmt::format("select {} from {}{} order by {} limit {}", row, in_quotes(table.name), where, key, limit);
}

/// Takes the rows that are JSON arrays :1.
std::string insert_of(const Table& table) {
  std::size_t place = 0;
  return fmt::format("insert into {} ({}) select {} from jsonb_array_elements(cast(:1 as jsonb)) as r (v)", in_quotes(table.name), columns_of(table),
                     joined(table.columns, [&](const Column& column) { return fmt::format("cast(r.v ->> {} as {})", place++, type_of(column.kind)); }));
}

/// A row as both databases would tell it. Its values are never repeated in a Fault.
json::array row_of(const Table& table, const std::string& text) {
  boost::system::error_code error;
  auto parsed = json::parse(text, error);
  if (error || !parsed.is_array() || parsed.get_array().size() != table.columns.size())
    throw sql::Fault(sql::Fault::Kind::schema, fmt::format("a row of {} does not read", table.name));
  auto row = std::move(parsed.get_array());
  for (std::size_t i = 0; i < row.size(); ++i) {
    auto& value = row[i];
    const auto kind = table.columns[i].kind;
    // SQLite has no booleans.
    if (kind == Kind::boolean && value.is_int64() && (value.get_int64() == 0 || value.get_int64() == 1)) value = value.get_int64() == 1;
    const bool fits = value.is_null() || (kind == Kind::text ? value.is_string() : kind == Kind::integer ? value.is_int64() : value.is_bool());
    if (!fits) throw sql::Fault(sql::Fault::Kind::schema, fmt::format("{}.{} holds a value that is no {}", table.name, table.columns[i].name, type_of(kind)));
  }
  return row;
}

void add(Sum& sum, const json::array& row) {
  std::string bytes;
  const auto append = [&](std::uint64_t number) { bytes.append(reinterpret_cast<const char*>(&number), sizeof number); };
  for (const auto& value : row) {
    if (value.is_null()) {
      bytes += '0';
    } else if (value.is_bool()) {
      bytes += value.get_bool() ? 't' : 'f';
    } else if (value.is_int64()) {
      bytes += 'i';
      append(static_cast<std::uint64_t>(value.get_int64()));
    } else {
      const auto& text = value.get_string();
      bytes += 's';
      append(text.size());
      bytes.append(text.data(), text.size());
    }
  }
  const auto digest = crypto::sha256(bytes);
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), digest.data(), sizeof halves);
  ++sum.rows;
  sum.high += halves[0];
  sum.low += halves[1];
}

std::string key_of(const Table& table, const json::array& row) {
  json::array key;
  for (const auto at : table.key) key.push_back(row[at]);
  return json::serialize(key);
}

bool is_key_row(const Table& table, const std::string& key) { return table.name == "installation" && key == fmt::format("[\"{}\"]", kKeyRow); }

/// The database that is copied into.
class Target {
 public:
  static Result<std::unique_ptr<Target>> open(const std::string& url) {
    std::unique_ptr<Target> target(new Target);
    auto opened = sql::Database::open(target->loop_, target->wheel_, {.url = url, .readers = 1, .writers = 1, .statement_deadline = std::chrono::minutes(10)});
    if (!opened) return std::unexpected(std::move(opened.error()));
    target->database_ = std::move(*opened);
    return target;
  }
  ~Target() {
    if (database_) run_alone(loop_, close(*database_));
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  template <class F>
  auto read(F f) {
    return run_alone(loop_, database_->read(std::move(f)));
  }
  /// May run f more than once.
  template <class F>
  auto write(F f) {
    return run_alone(loop_, database_->write(std::move(f)));
  }
  Result<void> migrate(std::span<const sql::MigrationSet* const> sets) { return database_->migrate(sets); }

 private:
  Target() = default;
  static awaitable<bool> close(sql::Database& database) {
    co_await database.close();
    co_return true;
  }
  async::Loop loop_;
  SystemClock clock_;
  async::TimerWheel wheel_{loop_.executor(), clock_};
  std::unique_ptr<sql::Database> database_;
};

bool is_copied(std::string_view table) { return std::ranges::find(kNotCopied, table) == kNotCopied.end(); }

/// The tables in an order in which each comes after those that its foreign keys name.
Result<std::vector<Table>> in_order(std::map<std::string, Table> tables, const std::vector<std::tuple<std::string, std::string>>& references) {
  std::map<std::string, std::set<std::string>> needs;
  for (const auto& [from, to] : references) needs[from].insert(to);
  std::vector<Table> ordered;
  std::set<std::string> placed;
  while (!tables.empty()) {
    const auto next = std::ranges::find_if(tables, [&](const auto& each) { return std::ranges::includes(placed, needs[each.first]); });
    if (next == tables.end())
      return fail(ErrorCode::internal, "the tables {} refer to each other in a circle", joined(tables, [](const auto& each) { return each.first; }));
    placed.insert(next->first);
    ordered.push_back(std::move(next->second));
    tables.erase(next);
  }
  return ordered;
}

/// What the migrations made of the target.
Result<std::vector<Table>> schema_of(sql::Session& session) {
  std::map<std::string, Table> tables;
  std::optional<Error> unknown;
  session.each<std::tuple<std::string, std::string, std::string>>(
      "select cast(c.relname as text), cast(a.attname as text), format_type(a.atttypid, null) from pg_attribute a join pg_class c on c.oid = a.attrelid "
      "join pg_namespace s on s.oid = c.relnamespace where c.relkind in ('r', 'p') and s.nspname = current_schema() and a.attnum > 0 and not a.attisdropped "
      "order by c.relname, a.attnum",
      [&](auto&& row) {
        auto& [name, column, type] = row;
        if (!is_copied(name)) return;
        auto& table = tables[name];
        table.name = name;
        const auto kind = type == "text" ? std::optional(Kind::text) : type == "bigint" || type == "integer" ? std::optional(Kind::integer)
                          : type == "boolean" ? std::optional(Kind::boolean) : std::nullopt;
        if (!kind) unknown = Error{ErrorCode::internal, fmt::format("{}.{} is of the type {}, which migrate-to does not know", name, column, type)};
        table.columns.push_back({.name = column, .kind = kind.value_or(Kind::text)});
      });
  session.each<std::tuple<std::string, std::string>>(
      "select cast(c.relname as text), cast(a.attname as text) from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace s on s.oid = c.relnamespace "
      "cross join lateral unnest(i.indkey) with ordinality as k (attnum, place) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum "
      "where i.indisprimary and s.nspname = current_schema() order by c.relname, k.place",
      [&](auto&& row) {
        auto& [name, column] = row;
        const auto table = tables.find(name);
        if (table == tables.end()) return;
        const auto at = std::ranges::find(table->second.columns, column, &Column::name);
        table->second.key.push_back(static_cast<std::size_t>(at - table->second.columns.begin()));
      });
  for (const auto& [name, table] : tables)
    if (table.key.empty()) unknown = Error{ErrorCode::internal, fmt::format("the table {} has no primary key, which migrate-to goes by", name)};
  if (unknown) return std::unexpected(std::move(*unknown));
  return in_order(std::move(tables), session.all<std::tuple<std::string, std::string>>(
                                         "select cast(c.relname as text), cast(r.relname as text) from pg_constraint f join pg_class c on c.oid = f.conrelid "
                                         "join pg_class r on r.oid = f.confrelid join pg_namespace s on s.oid = c.relnamespace "
                                         "where f.contype = 'f' and s.nspname = current_schema()"));
}

/// Whether the source has the same tables with the same columns: nothing may be left behind that only one side knows.
Result<void> judge_tables(sql::Session& source, const std::vector<Table>& tables) {
  std::set<std::string> known;
  for (const auto& table : tables) known.insert(table.name);
  std::set<std::string> there;
  for (auto& name : source.connection().tables())
    if (is_copied(name)) there.insert(std::move(name));
  const auto itself = [](const std::string& name) { return name; };
  if (there != known)
    return fail(ErrorCode::precondition_failed, "the database holds the tables {}, and this program knows {}", joined(there, itself), joined(known, itself));
  for (const auto& table : tables) {
    std::set<std::string> columns;
    for (const auto& column : table.columns) columns.insert(column.name);
    const auto found = source.all<std::string>("select name from pragma_table_info(:1)", table.name);
    if (columns != std::set<std::string>(found.begin(), found.end()))
      return fail(ErrorCode::precondition_failed, "the columns of {} are not those that this program knows", table.name);
  }
  return {};
}

class Copy {
 public:
  Copy(sql::Session& source, Target& target, const std::optional<crypto::Keyring>& keyring, const CopyOptions& options)
      : source_(source), target_(target), keyring_(keyring), options_(options) {}

  Result<Copied> run(const fs::path& database) {
    if (auto judged = judge_target(); !judged) return std::unexpected(std::move(judged.error()));
    const auto& sets = Modules::migrations();
    std::vector<const sql::MigrationSet*> with_mark(sets.begin(), sets.end());
    // Whoever finds the target whole marks it no more.
    if (!whole_) with_mark.push_back(&kMark);
    if (auto migrated = target_.migrate(with_mark); !migrated) return std::unexpected(std::move(migrated.error()));
    auto tables = target_.read([](sql::Session& session) { return schema_of(session); });
    if (!tables) return std::unexpected(std::move(tables.error()));
    tables_ = std::move(*tables);
    if (auto same = judge_tables(source_, tables_); !same) return std::unexpected(std::move(same.error()));
    const auto fingerprint = read_source();
    if (whole_) {
      if (*whole_ != fingerprint)
        return fail(ErrorCode::conflict, "the target holds a whole copy already, of other data than {} holds now: name an empty database", database.string());
      if (auto compared = compare(); !compared)
        return fail(ErrorCode::conflict, "the target holds a copy of {} already, and has changed since: it is in use, or name an empty database",
                    database.string());
      done_.was_there = true;
      return std::move(done_);
    }
    if (auto begun = begin(fingerprint); !begun) return std::unexpected(std::move(begun.error()));
    for (const auto& table : tables_)
      if (auto copied = copy(table); !copied) return std::unexpected(std::move(copied.error()));
    if (auto compared = compare(); !compared) return std::unexpected(std::move(compared.error()));
    if (auto finished = finish(fingerprint); !finished) return std::unexpected(std::move(finished.error()));
    return std::move(done_);
  }

 private:
  /// Whether the target may be written to; nothing is.
  Result<void> judge_target() {
    return target_.read([this](sql::Session& session) -> Result<void> {
      const auto tables = session.connection().tables();
      const auto has = [&](std::string_view name) { return std::ranges::find(tables, name) != tables.end(); };
      whole_.reset();
      if (has("migrate_to_progress")) return {};
      if (has("schema_migrations")) {
        const auto said = session.one<std::optional<std::string>>("select obj_description(cast('schema_migrations' as regclass), 'pg_class')").value();
        if (said && said->starts_with(kWhole)) {
          whole_ = said->substr(kWhole.size());
          return {};
        }
      }
      for (const auto& name : tables) {
        if (!is_copied(name) || !session.one<std::int64_t>(fmt::format("select 1 from {} limit 1", in_quotes(name)))) continue;
        return fail(ErrorCode::conflict, "the target is not empty, its table {} holds rows: name a database that no server has been started on", name);
      }
      return {};
    });
  }

  void tell(CopyProgress::Phase phase, const Table& table, std::int64_t rows, std::int64_t of) const {
    if (options_.progress) options_.progress({.phase = phase, .table = table.name, .rows = rows, .of = of});
  }

  /// The sum of a table, read in the order of its key.
  Sum sum_of(sql::Session& session, const Table& table, CopyProgress::Phase phase, std::int64_t of) const {
    Sum sum;
    std::string key;
    const auto first = select_of(table, session.dialect(), false, options_.rows_a_batch);
    const auto further = select_of(table, session.dialect(), true, options_.rows_a_batch);
    for (;;) {
      std::size_t read = 0;
      const auto take = [&](const std::string& text) {
        const auto row = row_of(table, text);
        key = key_of(table, row);
        ++read;
        if (!is_key_row(table, key)) add(sum, row);
      };
      if (key.empty()) session.each<std::string>(first, take);
      else session.each<std::string>(further, take, std::string(key));
      if (phase == CopyProgress::Phase::reading) tell(phase, table, sum.rows, of);
      if (read < options_.rows_a_batch) return sum;
    }
  }

  /// What tells this source from others, and from itself with other rows.
  std::string read_source() {
    std::string all;
    for (const auto& table : tables_) {
      const auto sum = sum_of(source_, table, CopyProgress::Phase::reading, 0);
      all += fmt::format("{} {} {}\n", table.name, sum.rows, sum.checksum());
      done_.tables.push_back({.name = table.name, .rows = sum.rows, .checksum = sum.checksum()});
      done_.rows += sum.rows;
      sums_[table.name] = sum;
    }
    return crypto::sha256_hex(all);
  }

  Result<void> begin(const std::string& fingerprint) {
    return target_.write([&](sql::Session& session) -> Result<void> {
      if (const auto begun = session.one<std::string>("select fingerprint from migrate_to_source")) {
        if (*begun != fingerprint)
          return fail(ErrorCode::conflict, "the target holds an unfinished copy of other data, or of these before they changed: name an empty database");
        done_.went_on = true;
        return {};
      }
      done_.went_on = false;
      session.execute("insert into migrate_to_source (fingerprint) values (:1)", fingerprint);
      return {};
    });
  }

  /// A batch in the making.
  struct Batch {
    json::array rows;
    std::size_t bytes = 0;
    std::string last_key;
    bool full = false;
  };

  Batch next_batch(const Table& table, const std::optional<std::string>& behind) const {
    Batch batch;
    const auto take = [&](const std::string& text) {
      // What does not fit is read again with the next.
      if (batch.full) return;
      batch.rows.push_back(row_of(table, text));
      batch.bytes += text.size();
      batch.full = batch.bytes >= options_.bytes_a_batch || batch.rows.size() >= options_.rows_a_batch;
    };
    const auto select = select_of(table, sql::Dialect::sqlite, behind.has_value(), options_.rows_a_batch);
    if (behind) source_.each<std::string>(select, take, *behind);
    else source_.each<std::string>(select, take);
    if (!batch.rows.empty()) batch.last_key = key_of(table, batch.rows.back().get_array());
    return batch;
  }

  Result<void> copy(const Table& table) {
    const auto of = sums_.at(table.name).rows;
    auto progress = target_.read([&](sql::Session& session) {
      return session.one<Progress>("select name, rows, last_key, done from migrate_to_progress where name = :1", table.name);
    });
    if (!progress) return std::unexpected(std::move(progress.error()));
    auto at = progress->value_or(Progress{.name = table.name, .rows = 0, .last_key = {}, .done = false});
    while (!at.done) {
      const auto batch = next_batch(table, at.last_key);
      Progress now{.name = table.name,
                   .rows = at.rows + static_cast<std::int64_t>(batch.rows.size()),
                   .last_key = batch.rows.empty() ? at.last_key : std::optional(batch.last_key),
                   .done = !batch.full};
      const auto text = json::serialize(batch.rows);
      auto written = target_.write([&](sql::Session& session) -> Result<void> {
        // The mark stands where this process left it: nobody else copies.
        const auto moved = session.execute(
            "insert into migrate_to_progress (name, rows, last_key, done) values (:1, :2, :3, :4) on conflict (name) do update set rows = excluded.rows, "
            "last_key = excluded.last_key, done = excluded.done where migrate_to_progress.rows = :5 and not migrate_to_progress.done",
            now.name, now.rows, now.last_key, now.done, at.rows);
        if (moved != 1) return fail(ErrorCode::conflict, "another migrate-to copies into this target");
        if (!batch.rows.empty()) session.execute(insert_of(table), text);
        return {};
      });
      if (!written) return written;
      at = std::move(now);
      tell(CopyProgress::Phase::copying, table, at.rows, of);
    }
    return {};
  }

  Result<void> compare() const {
    for (const auto& table : tables_) {
      const auto& here = sums_.at(table.name);
      auto there = target_.read([&](sql::Session& session) { return sum_of(session, table, CopyProgress::Phase::comparing, here.rows); });
      if (!there) return std::unexpected(std::move(there.error()));
      if (*there != here)
        return fail(ErrorCode::precondition_failed,
                    "{} differs: {} rows of checksum {} here, {} of {} in the target, which something else has written to: name an empty database", table.name,
                    here.rows, here.checksum(), there->rows, there->checksum());
      tell(CopyProgress::Phase::comparing, table, here.rows, here.rows);
    }
    return {};
  }

  Result<void> finish(const std::string& fingerprint) {
    return target_.write([&](sql::Session& session) -> Result<void> {
      session.execute("drop table migrate_to_progress");
      session.execute("drop table migrate_to_source");
      session.execute("delete from schema_migrations where set_name = :1", kMark.name);
      if (keyring_) keep_key(session, *keyring_);
      session.execute(fmt::format("comment on table schema_migrations is '{}{}'", kWhole, fingerprint));
      return {};
    });
  }

  sql::Session& source_;
  Target& target_;
  const std::optional<crypto::Keyring>& keyring_;
  const CopyOptions& options_;
  std::optional<std::string> whole_;  ///< the fingerprint of what the target is a whole copy of
  std::vector<Table> tables_;
  std::map<std::string, Sum> sums_;  ///< of the source
  Copied done_;
};

Result<void> judge_url(const std::string& url) {
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return {};
  return fail(ErrorCode::bad_request, "migrate-to takes the URL of a PostgreSQL database, postgresql://...");
}

}  // namespace

Result<Copied> migrate_to(const config::Config& config, const std::string& url, const CopyOptions& options) {
  if (auto good = judge_url(url); !good) return std::unexpected(std::move(good.error()));
  if (config.uses_postgresql())
    return fail(ErrorCode::precondition_failed,
                "database_url is set, so that this installation is on PostgreSQL already: migrate-to copies the SQLite database of a data folder");
  const fs::path database = config.data / "watchbell.db";
  std::error_code unknown;
  if (fs::file_size(database, unknown) == 0 || unknown) return fail(ErrorCode::not_found, "there is no database {}", database.string());
  const auto folder = DataFolder::open(config.data);
  if (!folder) {
    if (folder.error().code == ErrorCode::conflict) return fail(ErrorCode::conflict, "{}: stop it first", folder.error().message);
    return std::unexpected(folder.error());
  }
  if (auto ours = sql::Database::inspect(database.string(), Modules::migrations()); !ours) return std::unexpected(std::move(ours.error()));
  const auto& sets = Modules::migrations();
  std::vector<const sql::MigrationSet*> with_mark(sets.begin(), sets.end());
  with_mark.push_back(&kMark);
  if (auto usable = sql::Database::inspect(url, with_mark); !usable) return std::unexpected(std::move(usable.error()));
  const auto keyring = present_keyring(config);
  if (!keyring) return std::unexpected(keyring.error());
  auto target = Target::open(url);
  if (!target) return std::unexpected(std::move(target.error()));
  Result<Copied> copied;
  auto looked = sql::peek(database.string(), std::chrono::milliseconds(0), [&](sql::Session& source) {
    if (const auto to_run = migrations_to_run(source); to_run != 0) {
      copied = fail(ErrorCode::precondition_failed, "{} has {} migrations to run: start this version of the server on it once, and stop it again",
                    database.string(), to_run);
      return;
    }
    if (*keyring && !opens_settings(source, **keyring)) {
      copied = fail(ErrorCode::precondition_failed,
                    "the master key in force does not open what {} keeps sealed, or a setting in it is damaged: put the key that belongs to it back first",
                    database.string());
      return;
    }
    copied = Copy(source, **target, *keyring, options).run(database);
  });
  if (looked) return copied;
  if (looked.error().code == ErrorCode::unavailable)
    return fail(ErrorCode::unavailable, "{}; what is copied stays, the same command goes on behind it", looked.error().message);
  return std::unexpected(std::move(looked.error()));
}

}  // namespace watchbell::app
