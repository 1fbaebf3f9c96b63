// What migrations promise on every database.
#include "platform/sql/migration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "platform/sql/test/backend.hpp"
#include "platform/sql/test/migration_samples.hpp"

namespace watchbell::sql {
namespace {

using test::Fresh;
using test::kPeople;
using test::kPets;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Sets = std::vector<const MigrationSet*>;

using Row = std::tuple<std::string, std::int64_t, std::string>;
std::vector<Row> record(Session& session) {
  return session.all<Row>("select set_name, number, name from schema_migrations order by set_name, number");
}

ErrorCode code_of(const Result<void>& result) { return result ? ErrorCode::not_found : result.error().code; }

TEST(SqlMigrations, run_in_order_and_only_once) {
  Fresh place;
  Session& session = place.session;
  const auto now = Timestamp::from_micros(12345);
  ASSERT_TRUE(migrate(session, Sets{&kPeople, &kPets}, now));
  EXPECT_THAT(record(session), ElementsAre(Row{"people", 1, "people"}, Row{"people", 2, "age"}, Row{"pets", 1, "pets"}));
  EXPECT_EQ(session.one<Timestamp>("select applied_at from schema_migrations where set_name = 'pets'"), now);
  EXPECT_EQ(session.one<std::string>("select checksum from schema_migrations where set_name = 'pets'")->size(), 64u);
  session.execute("insert into people (id, name, age) values ('1', 'ann', 3)");
  ASSERT_TRUE(migrate(session, Sets{&kPeople, &kPets}, now + std::chrono::seconds(1)));
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from schema_migrations where applied_at = :1", now), 3);
  EXPECT_EQ(session.one<std::string>("select name from people"), "ann");
}

TEST(SqlMigrations, what_goes_with_each_script_goes_with_its_transaction) {
  Fresh place;
  Session& session = place.session;
  std::vector<std::int64_t> seen;
  const auto note = [&](Session& with) {
    with.execute("create table if not exists notes (n integer)");
    with.execute("insert into notes (n) values (1)");
    seen.push_back(with.one<std::int64_t>("select count(*) from schema_migrations").value());
  };
  ASSERT_TRUE(migrate(session, Sets{&kPeople, &kPets}, Timestamp(), note));
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  ASSERT_TRUE(migrate(session, Sets{&kPeople, &kPets}, Timestamp(), note));
  EXPECT_EQ(seen.size(), 3u) << "there was nothing to run";
  auto people = kPeople;
  people.migrations.push_back({"0003_more.sql", "create table more (n integer);"});
  EXPECT_FALSE(migrate(session, Sets{&people, &kPets}, Timestamp(), [](Session& with) {
    with.execute("insert into notes (n) values (1)");
    with.execute("insert into nowhere (n) values (1)");
  }));
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from notes"), 3);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from schema_migrations"), 3);
}

TEST(SqlMigrations, an_older_database_gets_what_is_missing_and_keeps_its_rows) {
  Fresh place;
  Session& session = place.session;
  const MigrationSet old{"people", {kPeople.migrations[0]}};
  ASSERT_TRUE(migrate(session, Sets{&old}, Timestamp()));
  session.execute("insert into people (id, name) values ('1', 'ann')");
  ASSERT_TRUE(migrate(session, Sets{&kPeople, &kPets}, Timestamp()));
  EXPECT_EQ(session.one<std::int64_t>("select age from people where name = 'ann'"), 0);
}

TEST(SqlMigrations, the_file_of_the_dialect_is_taken) {
  Fresh place;
  Session& session = place.session;
  const MigrationSet parted{"parted",
                            {{"0001_t.postgres.sql", "create table t_postgres (n integer);"}, {"0001_t.sqlite.sql", "create table t_sqlite (n integer);"}, {"0002_u.sql", "create table u (n integer);"}}};
  ASSERT_TRUE(migrate(session, Sets{&parted}, Timestamp()));
  EXPECT_THAT(record(session), ElementsAre(Row{"parted", 1, "t"}, Row{"parted", 2, "u"}));
  EXPECT_THAT(session.connection().tables(), ElementsAre("schema_migrations", session.dialect() == Dialect::sqlite ? "t_sqlite" : "t_postgres", "u"));
}

TEST(SqlMigrations, a_changed_script_is_refused_before_anything_runs) {
  Fresh place;
  Session& session = place.session;
  ASSERT_TRUE(migrate(session, Sets{&kPeople}, Timestamp()));
  auto changed = kPeople;
  changed.migrations[1].sql += " ";
  const auto result = migrate(session, Sets{&kPets, &changed}, Timestamp());
  EXPECT_EQ(code_of(result), ErrorCode::precondition_failed);
  EXPECT_THAT(result.error().message, HasSubstr("people 2"));
  EXPECT_EQ(record(session).size(), 2u);
  EXPECT_EQ(code_of(check_migrations(session, Sets{&kPets, &changed})), ErrorCode::precondition_failed);
}

TEST(SqlMigrations, a_newer_database_is_refused) {
  Fresh place;
  Session& session = place.session;
  ASSERT_TRUE(migrate(session, Sets{&kPeople, &kPets}, Timestamp()));
  const MigrationSet old{"people", {kPeople.migrations[0]}};
  const auto fewer = migrate(session, Sets{&old, &kPets}, Timestamp());
  EXPECT_EQ(code_of(fewer), ErrorCode::precondition_failed);
  EXPECT_THAT(fewer.error().message, HasSubstr("newer"));
  EXPECT_EQ(code_of(migrate(session, Sets{&kPeople}, Timestamp())), ErrorCode::precondition_failed) << "a set it does not know";
  EXPECT_TRUE(check_migrations(session, Sets{&kPeople, &kPets}));
}

TEST(SqlMigrations, gaps_are_refused_in_the_record_and_in_the_program) {
  Fresh place;
  Session& session = place.session;
  ASSERT_TRUE(migrate(session, Sets{&kPeople}, Timestamp()));
  session.execute("delete from schema_migrations where number = 1");
  const auto result = migrate(session, Sets{&kPeople, &kPets}, Timestamp());
  EXPECT_EQ(code_of(result), ErrorCode::precondition_failed);
  EXPECT_THAT(result.error().message, HasSubstr("gap"));

  Fresh other;
  Session& fresh = other.session;
  const MigrationSet gap{"gap", {{"0001_a.sql", "create table a (n integer);"}, {"0003_c.sql", "create table c (n integer);"}}};
  EXPECT_EQ(code_of(migrate(fresh, Sets{&gap}, Timestamp())), ErrorCode::internal);
  const MigrationSet twice{"twice", {{"0001_a.sql", "select 1;"}, {"0001_b.sql", "select 1;"}}};
  EXPECT_EQ(code_of(migrate(fresh, Sets{&twice}, Timestamp())), ErrorCode::internal);
  for (const char* name : {"first.sql", "0001.sql", "0001_a.txt", "_a.sql", "0000_a.sql"}) {
    const MigrationSet odd{"odd", {{name, "select 1;"}}};
    EXPECT_EQ(code_of(migrate(fresh, Sets{&odd}, Timestamp())), ErrorCode::internal) << name;
  }
  EXPECT_EQ(code_of(migrate(fresh, Sets{&kPeople, &kPeople}, Timestamp())), ErrorCode::internal);
  EXPECT_TRUE(record(fresh).empty());
}

TEST(SqlMigrations, a_script_that_fails_half_way_leaves_nothing_of_itself) {
  Fresh place;
  Session& session = place.session;
  for (const char* bad : {"create table b (n integer); insert into absent values (1);", "create table b (n integer); commit;",
                          "create table b (n integer); insert into people (id, name) values (null, null);",
                          "insert into pets (id, owner) values ('1', 'nobody');"}) {
    const MigrationSet broken{"broken", {{"0001_a.sql", "create table if not exists a (n integer);"}, {"0002_b.sql", bad}}};
    const auto result = migrate(session, Sets{&kPeople, &kPets, &broken}, Timestamp());
    EXPECT_EQ(code_of(result), ErrorCode::internal) << bad;
    EXPECT_THAT(result.error().message, HasSubstr("broken 2"));
    EXPECT_THAT(session.connection().tables(), ElementsAre("a", "people", "pets", "schema_migrations")) << bad;
    EXPECT_EQ(record(session).size(), 4u);
  }
  EXPECT_THROW(session.execute("insert into pets (id, owner) values ('1', 'nobody')"), Fault) << "foreign keys are on again";
}

TEST(SqlMigrations, two_processes_at_once_run_each_script_once) {
  const auto backend = test::fresh_backend();
  MigrationSet many{"many", {}};
  for (int i = 1; i <= 20; ++i) many.migrations.push_back({fmt::format("{:04}_t.sql", i), fmt::format("create table t{} (n integer);", i)});
  std::vector<Result<void>> results(3);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results)
      threads.emplace_back([&] {
        Session session(backend->connect());
        result = migrate(session, Sets{&many}, Timestamp());
      });
  }
  for (const auto& result : results) EXPECT_TRUE(result) << result.error().message;
  Session session(backend->connect());
  EXPECT_EQ(record(session).size(), 20u);
}

}  // namespace
}  // namespace watchbell::sql
