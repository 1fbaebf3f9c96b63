// What holds of SQLite alone; the rest stands in session_suite.cpp.
#include "platform/sql/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "platform/sql/test/fault_of.hpp"
#include "platform/sql/test/temporary_folder.hpp"
#include "platform/sql/testing.hpp"

namespace watchbell::sql {
namespace {

using test::fault_of;

using testing::MemorySession;

detail::SqliteOptions file_options(const std::string& file) { return {.file = file, .busy_timeout = std::chrono::milliseconds(0)}; }

sqlite3* handle(Session& session) { return static_cast<sqlite3*>(session.connection().native_handle_for_test()); }

TEST(SqlSession, values_stand_in_the_file_as_postgresql_would_hold_them) {
  MemorySession session;
  session.execute("create table t (flag boolean, at bigint, id text)");
  session.execute("insert into t values (:1, :2, :3)", true, Timestamp::from_micros(1), Uuid::make_v7(1));
  EXPECT_EQ(session.one<std::string>("select typeof(flag) || typeof(at) || typeof(id) from t"), "integerintegertext");
}

TEST(SqlSession, statements_are_kept_up_to_a_bound) {
  MemorySession session;
  const auto prepared = [&] {
    std::size_t count = 0;
    for (auto* s = sqlite3_next_stmt(handle(session), nullptr); s; s = sqlite3_next_stmt(handle(session), s)) ++count;
    return count;
  };
  for (int i = 0; i < 3; ++i) session.one<std::int64_t>("select 1");
  const auto before = prepared();
  session.one<std::int64_t>("select 1");
  EXPECT_EQ(prepared(), before);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(session.one<std::int64_t>(fmt::format("select {}", i)), i);
  EXPECT_EQ(prepared(), 256u);
}

TEST(SqlSession, a_lock_held_elsewhere_is_busy) {
  const test::TemporaryFolder folder;
  Session one(detail::open_sqlite(file_options(folder.file("a.db"))));
  Session other(detail::open_sqlite(file_options(folder.file("a.db"))));
  one.execute("create table t (n integer)");
  one.connection().control(detail::Connection::Control::begin_write);
  EXPECT_EQ(fault_of([&] { other.connection().control(detail::Connection::Control::begin_write); }).first, "busy");
  EXPECT_EQ(fault_of([&] { other.execute("insert into t values (1)"); }).first, "busy");
  one.connection().control(detail::Connection::Control::rollback);
  EXPECT_EQ(other.execute("insert into t values (1)"), 1);
}

TEST(SqlSession, a_session_for_reading_refuses_to_write) {
  const test::TemporaryFolder folder;
  Session writer(detail::open_sqlite(file_options(folder.file("a.db"))));
  writer.execute("create table t (n integer)");
  Session reader(detail::open_sqlite({.file = folder.file("a.db"), .role = detail::SqliteOptions::Role::reader}));
  EXPECT_EQ(fault_of([&] { reader.execute("insert into t values (1)"); }).first, "io");
  reader.connection().set_access(detail::Connection::Access::read);
  EXPECT_EQ(fault_of([&] { reader.execute("insert into t values (1)"); }).first, "schema");
  EXPECT_EQ(reader.one<std::int64_t>("select count(*) from t"), 0);
}

TEST(SqlSessionDeathTest, a_statement_left_between_its_steps_is_our_bug) {
  MemorySession session;
  session.execute("create table t (n integer)");
  session.execute("insert into t values (1), (2)");
  sqlite3_stmt* left = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(handle(session), "select n from t", -1, &left, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_step(left), SQLITE_ROW);
  EXPECT_DEATH(session.connection().assert_idle(), "left_between_two_steps");
  sqlite3_finalize(left);
  session.connection().assert_idle();
}

}  // namespace
}  // namespace watchbell::sql
