// What holds of SQLite alone; the rest stands in migration_suite.cpp.
#include "platform/sql/migration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <latch>
#include <thread>

#include "platform/sql/test/migration_samples.hpp"
#include "platform/sql/test/temporary_folder.hpp"
#include "platform/sql/testing.hpp"

namespace watchbell::sql {
namespace {

using test::bytes_of;
using test::kPeople;
using test::kPets;
using test::TemporaryFolder;
using test::write_bytes;
using testing::MemorySession;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Sets = std::vector<const MigrationSet*>;

Session open_file(const std::string& file) { return Session(detail::open_sqlite({.file = file})); }

TEST(SqlMigrations, a_table_that_is_referred_to_can_be_rebuilt) {
  MemorySession session;
  ASSERT_TRUE(migrate(session, Sets{&kPeople, &kPets}, Timestamp()));
  session.execute("insert into people (id, name) values ('1', 'ann')");
  session.execute("insert into pets (id, owner) values ('2', '1')");
  auto people = kPeople;
  people.migrations.push_back({"0003_rebuild.sql",
                               "create table people_new (id text primary key, name text not null unique, age integer not null);"
                               "insert into people_new select * from people; drop table people; alter table people_new rename to people;"});
  ASSERT_TRUE(migrate(session, Sets{&people, &kPets}, Timestamp()));
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from pets"), 1);
}

TEST(SqlMigrations, a_new_file_may_be_opened_by_several_at_once) {
  // Failed before opening waited for the lock under which the first one turns the log on.
  for (int round = 0; round < 50; ++round) {
    const TemporaryFolder folder;
    std::latch together(4);
    std::vector<std::string> faults(4);
    {
      std::vector<std::jthread> threads;
      for (auto& fault : faults)
        threads.emplace_back([&] {
          together.arrive_and_wait();
          try {
            open_file(folder.file("a.db"));
          } catch (const Fault& thrown) {
            fault = thrown.what();
          }
        });
    }
    ASSERT_THAT(faults, ::testing::Each("")) << "round " << round;
  }
}

class SqlInspect : public ::testing::Test {
 protected:
  void make() {
    auto session = open_file(file);
    ASSERT_TRUE(migrate(session, sets, Timestamp()));
    session.execute(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200) insert into people (id, name) select cast(i as text), :1 from n",
        std::string(100, 'x'));
  }
  /// The outcome, which must leave the bytes of the database and of its log alone.
  Result<void> inspect() {
    const auto before = bytes_of(file);
    const auto log_before = bytes_of(file + "-wal");
    auto result = Database::inspect("sqlite:" + file, sets);
    EXPECT_EQ(bytes_of(file), before);
    EXPECT_EQ(bytes_of(file + "-wal"), log_before);
    return result;
  }
  void expect_refused(std::string_view words) {
    const auto result = inspect();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::precondition_failed);
    EXPECT_THAT(result.error().message, HasSubstr(std::string(words)));
    EXPECT_THAT(result.error().message, HasSubstr(file));
  }
  TemporaryFolder folder;
  std::string file = folder.file("a.db");
  Sets sets{&kPeople, &kPets};
};

TEST_F(SqlInspect, a_sound_database_passes) {
  make();
  const auto result = inspect();
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(SqlInspect, absent_and_empty_files_pass_and_stay) {
  EXPECT_TRUE(Database::inspect(file, sets));
  EXPECT_FALSE(std::filesystem::exists(file));
  write_bytes(file, "");
  EXPECT_TRUE(inspect());
  EXPECT_TRUE(Database::inspect(":memory:", sets));
}

TEST_F(SqlInspect, an_older_database_passes) {
  make();
  auto longer = kPeople;
  longer.migrations.push_back({"0003_more.sql", "create table more (n integer);"});
  sets = {&longer, &kPets};
  EXPECT_TRUE(inspect());
}

TEST_F(SqlInspect, garbage_is_refused) {
  write_bytes(file, std::string(8192, 'g'));
  expect_refused("no SQLite database");
  write_bytes(file, "SQLite format 3");
  expect_refused("no SQLite database");
}

TEST_F(SqlInspect, a_damaged_header_is_refused) {
  make();
  auto bytes = bytes_of(file);
  bytes[3] = 'X';
  write_bytes(file, bytes);
  expect_refused("header");
  bytes[3] = 'i';
  bytes[16] = 3;  // a page size that is no power of two
  write_bytes(file, bytes);
  expect_refused("header");
}

TEST_F(SqlInspect, a_file_cut_short_is_refused) {
  make();
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 4096);
  expect_refused("cut short");
}

TEST_F(SqlInspect, a_damaged_schema_is_refused) {
  make();
  auto bytes = bytes_of(file);
  for (auto at = bytes.find("CREATE TABLE people"); at != std::string::npos; at = bytes.find("CREATE TABLE people")) bytes.replace(at, 12, "CREATE CABLE");
  write_bytes(file, bytes);
  expect_refused("damaged");
}

TEST_F(SqlInspect, a_damaged_first_page_is_refused) {
  make();
  auto bytes = bytes_of(file);
  std::fill(bytes.begin() + 100, bytes.begin() + 4096, '\x7f');
  write_bytes(file, bytes);
  expect_refused("damaged");
}

TEST_F(SqlInspect, other_migrations_are_refused) {
  make();
  auto changed = kPeople;
  changed.migrations[0].sql += " ";
  sets = {&changed, &kPets};
  expect_refused("checksum");
  sets = {&kPeople};
  expect_refused("newer");
}

TEST_F(SqlInspect, a_foreign_database_is_refused) {
  {
    auto session = open_file(file);
    session.execute("create table theirs (n integer)");
  }
  expect_refused("none of this program");
}

TEST_F(SqlInspect, a_log_that_was_not_written_back_is_read_and_left_alone) {
  make();
  // What a killed process leaves: copies of the files while they are open.
  {
    auto session = open_file(file);
    session.execute("update schema_migrations set checksum = 'x' where set_name = 'pets'");
    for (const char* suffix : {"", "-wal"}) write_bytes(folder.file("killed.db") + suffix, bytes_of(file + suffix));
  }
  file = folder.file("killed.db");
  ASSERT_FALSE(bytes_of(file + "-wal").empty());
  expect_refused("checksum");
}

TEST_F(SqlInspect, what_is_no_file_is_refused) {
  std::filesystem::create_directory(file);
  const auto result = Database::inspect(file, sets);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::precondition_failed);
}

}  // namespace
}  // namespace watchbell::sql
