// `migrate-to` from a real SQLite database into a real PostgreSQL.
#include "app/migrate_to.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/data_folder.hpp"
#include "app/modules.hpp"
#include "app/run_alone.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/sql/database.hpp"
#include "platform/sql/peek.hpp"
#include "platform/sql/test/temporary_folder.hpp"
#include "tests/support/postgres_server.hpp"

namespace watchbell::app {
namespace {

using test::PostgresServer;
using ::testing::HasSubstr;

std::unique_ptr<PostgresServer> running;

/// One server for all tests, stopped on the thread that started it.
class Server final : public ::testing::Environment {
 public:
  void SetUp() override {
    if (PostgresServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names postgres";
    running = std::make_unique<PostgresServer>();
  }
  void TearDown() override { running.reset(); }
};
[[maybe_unused]] const auto* const kServer = ::testing::AddGlobalTestEnvironment(new Server);

awaitable<bool> close(sql::Database& database) {
  co_await database.close();
  co_return true;
}

/// Runs f(Session&) in a write of the database, which has these migrations.
template <class F>
void write_to(const std::string& url, std::span<const sql::MigrationSet* const> sets, F f) {
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  auto database = sql::Database::open(loop, wheel, {.url = url, .readers = 1, .writers = 1});
  ASSERT_TRUE(database) << database.error().message;
  const auto migrated = (*database)->migrate(sets);
  EXPECT_TRUE(migrated) << migrated.error().message;
  EXPECT_TRUE(run_alone(loop, (*database)->write([&](sql::Session& session) { f(session); return true; })));
  run_alone(loop, close(**database));
}

template <class Row>
std::vector<Row> read_from(const std::string& url, const std::string& text) {
  std::vector<Row> rows;
  const auto looked = sql::peek(url, std::chrono::seconds(10), [&](sql::Session& session) { rows = session.all<Row>(text); });
  EXPECT_TRUE(looked) << looked.error().message;
  return rows;
}

struct Column {
  std::string table;
  std::string name;
  std::string type;
  std::int64_t needed = 0;
  std::string refers_to;  ///< a table, by its id
};
BOOST_DESCRIBE_STRUCT(Column, (), (table, name, type, needed, refers_to))

constexpr int kRows = 5;

/// Values that are allowed in columns that take some alone; of a new one of this kind this table has to hear.
const std::map<std::string, std::string> kAllowed{{"dispatches.importance", "info"},    {"dispatches.state", "done"},         {"notifications.importance", "critical"},
                                                  {"deliveries.state", "dead"},         {"delivery_attempts.status", "failure"}, {"jobs.state", "ready"},
                                                  {"user_themes.theme", "dark"},          {"settings_records.data", R"({"version":1,"value":{},"secrets":{}})"}};
const std::set<std::string> kLeftNull{"system_contacts.email"};

/// The nth value of a column. Texts hold what quoting and encoding stumble over.
std::string literal(const Column& column, int n) {
  const auto place = column.table + "." + column.name;
  if (const auto allowed = kAllowed.find(place); allowed != kAllowed.end()) return "'" + allowed->second + "'";
  if (kLeftNull.contains(place) || (column.needed == 0 && column.refers_to.empty() && n == 2 && place != "system_contacts.user_id")) return "null";
  if (column.type == "boolean") return n % 2 == 0 ? "true" : "false";
  if (column.type != "text") return n == 0 ? "0" : n == 1 && column.type == "bigint" ? "9223372036854775807" : std::to_string(1'700'000'000 + n);
  if (!column.refers_to.empty()) return fmt::format("(select id from {} limit 1 offset {})", column.refers_to, n);
  return fmt::format("'{} {} ''\"\\ {{,}} \u00e4\u20ac\U0001f514 ' || char(10) || char(9) || char(1)", column.name, n);
}

/// The tables of the source with their columns, such that each comes after those it refers to.
std::vector<std::vector<Column>> tables_of(sql::Session& session) {
  std::map<std::string, std::vector<Column>> all;
  for (auto& column : session.all<Column>("select m.name, c.name, lower(c.type), c.\"notnull\", coalesce(f.\"table\", '') from sqlite_schema m join pragma_table_info(m.name) c "
                                          "left join pragma_foreign_key_list(m.name) f on f.\"from\" = c.name "
                                          "where m.type = 'table' and m.name <> 'schema_migrations' order by m.name, c.cid"))
    all[column.table].push_back(std::move(column));
  std::vector<std::vector<Column>> ordered;
  std::set<std::string> placed;
  while (!all.empty()) {
    const auto next = std::ranges::find_if(all, [&](const auto& table) {
      return std::ranges::all_of(table.second, [&](const Column& column) { return column.refers_to.empty() || placed.contains(column.refers_to); });
    });
    if (next == all.end()) throw std::runtime_error("tables in a circle");
    placed.insert(next->first);
    ordered.push_back(std::move(next->second));
    all.erase(next);
  }
  return ordered;
}

/// A data folder whose database has rows in every table.
struct Installation {
  Installation() {
    config.data = folder.path();
    config.master_key = crypto::Keyring::generate();
    write_to(database(), Modules::migrations(), [](sql::Session& session) {
      for (const auto& columns : tables_of(session))
        for (int n = 0; n < kRows; ++n) {
          std::string names, values;
          for (const auto& column : columns) {
            names += (names.empty() ? "\"" : ", \"") + column.name + "\"";
            values += (values.empty() ? "" : ", ") + literal(column, n);
          }
          session.execute(fmt::format("insert into \"{}\" ({}) values ({})", columns.front().table, names, values));
        }
    });
  }
  std::string database() const { return folder.file("watchbell.db"); }
  sql::test::TemporaryFolder folder;
  config::Config config;
};

/// All rows of all tables as texts, in the same form on both, but for that by which a server knows its key again.
std::map<std::string, std::set<std::string>> content(const std::string& url) {
  std::map<std::string, std::set<std::string>> all;
  const auto looked = sql::peek(url, std::chrono::seconds(10), [&](sql::Session& session) {
    const bool sqlite = session.dialect() == sql::Dialect::sqlite;
    for (const auto& table : session.connection().tables()) {
      if (table == "schema_migrations") continue;
      auto columns = session.all<std::tuple<std::string, std::string>>(
          sqlite ? fmt::format("select name, lower(type) from pragma_table_info('{}') order by name", table)
                 : fmt::format("select cast(column_name as text), cast(data_type as text) from information_schema.columns where table_schema = current_schema() "
                               "and table_name = '{}' order by 1",
                               table));
      std::string row;
      for (const auto& [name, type] : columns)
        row += fmt::format("{}'{}=' || coalesce(cast({} as text), 'NULL')", row.empty() ? "" : " || '; ' || ", name,
                           type == "boolean" ? "case when \"" + name + "\" then 'yes' when not \"" + name + "\" then 'no' end" : "\"" + name + "\"");
      all[table];
      for (auto& text : session.all<std::string>(fmt::format("select {} from \"{}\"", row, table)))
        if (!text.starts_with("name=master_key; ")) all[table].insert(std::move(text));
    }
  });
  EXPECT_TRUE(looked) << looked.error().message;
  return all;
}

std::string refusal(const Result<Copied>& copied) { return copied ? "none" : copied.error().message; }

TEST(MigrateTo, every_table_arrives_as_it_was) {
  const Installation from;
  const auto before = sql::test::bytes_of(from.database());
  const auto url = running->fresh_url();
  const auto copied = migrate_to(from.config, url, {.rows_a_batch = 2});
  ASSERT_TRUE(copied) << copied.error().message;
  const auto here = content(from.database());
  EXPECT_EQ(content(url), here);
  const auto sealed = read_from<std::string>(url, "select value from installation where name = 'master_key'");
  EXPECT_EQ(crypto::Keyring::make(*from.config.master_key).value().open(sealed.at(0), "installation.master_key"), "watchbell");
  EXPECT_EQ(copied->tables.size(), here.size());
  EXPECT_EQ(copied->rows, static_cast<std::int64_t>(here.size()) * kRows);
  for (const auto& [table, rows] : here) EXPECT_EQ(rows.size(), static_cast<std::size_t>(kRows)) << table;
  EXPECT_FALSE(copied->went_on);
  EXPECT_TRUE(sql::Database::inspect(url, Modules::migrations())) << "a server may begin";
  EXPECT_EQ(sql::test::bytes_of(from.database()), before);
  // Once more it finds that all is there; what a server has changed since is not touched.
  const auto again = migrate_to(from.config, url);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->was_there);
  write_to(url, Modules::migrations(), [](sql::Session& session) { session.execute("delete from user_themes"); });
  EXPECT_THAT(refusal(migrate_to(from.config, url)), HasSubstr("has changed since"));
  EXPECT_TRUE(content(url)["user_themes"].empty());
}

TEST(MigrateTo, large_rows_make_small_batches) {
  const Installation from;
  const auto url = running->fresh_url();
  int batches = 0;
  const auto copied = migrate_to(from.config, url, {.bytes_a_batch = 1, .progress = [&](const CopyProgress& progress) {
                                                      batches += progress.phase == CopyProgress::Phase::copying ? 1 : 0;
                                                    }});
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_GE(batches, copied->rows);
  EXPECT_EQ(content(url), content(from.database()));
}

/// Copies in a process of its own, which is killed when `steps` batches are there; whether it came to its end.
bool copy_and_die(const config::Config& config, const std::string& url, int steps) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto copied = migrate_to(config, url, {.rows_a_batch = 2, .progress = [&](const CopyProgress& progress) {
                                                   if (progress.phase != CopyProgress::Phase::reading && --steps == 0) ::raise(SIGKILL);
                                                 }});
    if (!copied) std::fprintf(stderr, "%s\n", copied.error().message.c_str());
    ::_exit(copied ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return !WIFSIGNALED(status) || ::testing::Test::HasFailure();
}

TEST(MigrateTo, killed_again_and_again_it_ends_right) {
  const Installation from;
  const auto url = running->fresh_url();
  int starts = 0;
  while (!copy_and_die(from.config, url, 7)) {
    ++starts;
    ASSERT_THAT(sql::Database::inspect(url, Modules::migrations()).error().message, HasSubstr("migrate-to (not finished)")) << "no server may begin";
    // The comparison begins anew each time, and takes more steps than that.
    if (starts == 20) break;
  }
  EXPECT_EQ(starts, 20);
  const auto copied = migrate_to(from.config, url);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(copied->went_on);
  EXPECT_EQ(content(url), content(from.database()));
  EXPECT_TRUE(sql::Database::inspect(url, Modules::migrations()));
}

TEST(MigrateTo, what_changed_since_an_unfinished_copy_is_not_mixed_into_it) {
  const Installation from;
  const auto url = running->fresh_url();
  ASSERT_FALSE(copy_and_die(from.config, url, 9));
  write_to(from.database(), Modules::migrations(), [](sql::Session& session) { session.execute("update users set name = 'Eve'"); });
  EXPECT_THAT(refusal(migrate_to(from.config, url)), HasSubstr("unfinished copy of other data, or of these before they changed"));
}

TEST(MigrateTo, a_target_that_something_else_wrote_to_is_not_called_whole) {
  const Installation from;
  const auto url = running->fresh_url();
  ASSERT_FALSE(copy_and_die(from.config, url, 9));
  auto sets = std::vector(Modules::migrations().begin(), Modules::migrations().end());
  running->ask("update " + url.substr(url.rfind("%3D") + 3) + ".access_rules set description = 'x'");
  EXPECT_THAT(refusal(migrate_to(from.config, url)), HasSubstr("access_rules differs: 5 rows of checksum "));
  EXPECT_FALSE(sql::Database::inspect(url, Modules::migrations()));
}

TEST(MigrateTo, what_cannot_be_copied_is_refused_in_a_sentence) {
  const Installation from;
  const auto before = sql::test::bytes_of(from.database());
  const auto to = [&](const std::string& url) { return refusal(migrate_to(from.config, url)); };
  EXPECT_THAT(to("sqlite:/tmp/x"), HasSubstr("takes the URL of a PostgreSQL database"));
  // Not reached, or not let in; the password is not repeated.
  EXPECT_THAT(to("postgresql://ann:s3cret@127.0.0.1:1/bell"), HasSubstr("127.0.0.1"));
  EXPECT_THAT(to("postgresql://ann:s3cret@127.0.0.1:1/bell"), ::testing::Not(HasSubstr("s3cret")));
  auto stranger = running->url();
  stranger.replace(stranger.find("user=watchbell"), 14, "user=nobody");
  EXPECT_THAT(to(stranger), HasSubstr("nobody"));
  // Somebody else's tables.
  auto url = running->fresh_url();
  running->ask("create table " + url.substr(url.rfind("%3D") + 3) + ".things (id text)");
  EXPECT_THAT(to(url), HasSubstr("none of this program"));
  // Rows of a server.
  url = running->fresh_url();
  write_to(url, Modules::migrations(), [](sql::Session& session) { session.execute("insert into installation (name, value) values ('master_key', 'x')"); });
  EXPECT_THAT(to(url), HasSubstr("its table installation holds rows"));
  // A newer program's.
  url = running->fresh_url();
  write_to(url, Modules::migrations(), [](sql::Session& session) {
    session.execute("insert into schema_migrations (set_name, number, name, checksum, applied_at) values ('runtime', 99, 'later', 'x', 0)");
  });
  EXPECT_THAT(to(url), HasSubstr("newer than this program"));
  // Migrated and without a row it will do.
  url = running->fresh_url();
  write_to(url, Modules::migrations(), [](sql::Session&) {});
  {
    const auto lock = DataFolder::open(from.config.data);
    ASSERT_TRUE(lock);
    EXPECT_THAT(to(url), HasSubstr("is in use by another watchbell process: stop it first"));
  }
  EXPECT_EQ(sql::test::bytes_of(from.database()), before);
  EXPECT_EQ(to(url), "none");
  auto already = from.config;
  already.database_url = url;
  EXPECT_THAT(refusal(migrate_to(already, url)), HasSubstr("on PostgreSQL already"));
  // A key that is not that of the data would be the target's from now on.
  write_to(from.database(), Modules::migrations(), [&](sql::Session& session) {
    const auto other = crypto::Keyring::make(crypto::Keyring::generate()).value();
    session.execute("insert into settings_records (area, record, revision, data, updated_at) values ('a', 'b', 1, :1, 0)",
                    R"({"version":1,"value":{"a":""},"secrets":{"/a":")" + other.seal("x", "anywhere") + "\"}}");
  });
  EXPECT_THAT(to(running->fresh_url()), HasSubstr("the master key in force does not open what "));
}

TEST(MigrateTo, a_source_is_a_database_that_is_up_to_date) {
  config::Config config;
  const sql::test::TemporaryFolder folder;
  config.data = folder.path();
  const auto url = running->fresh_url();
  EXPECT_THAT(refusal(migrate_to(config, url)), HasSubstr("there is no database"));
  const auto& all = Modules::migrations();
  write_to(folder.file("watchbell.db"), std::vector(all.begin(), all.end() - 1), [](sql::Session&) {});
  EXPECT_THAT(refusal(migrate_to(config, url)), HasSubstr("migrations to run: start this version of the server on it once"));
  EXPECT_TRUE(content(url).empty());
}

}  // namespace
}  // namespace watchbell::app
