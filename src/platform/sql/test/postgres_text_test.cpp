#include "platform/sql/postgres_text.hpp"

#include <gtest/gtest.h>

#include "platform/sql/connection.hpp"

namespace watchbell::sql::detail {
namespace {

std::string sent(std::string_view sql) { return postgres_text(sql).sql; }

template <class F>
bool is_refused(F f) {
  try {
    f();
  } catch (const Fault& fault) {
    return fault.kind() == Fault::Kind::schema;
  }
  return false;
}
bool refuses(std::string_view sql) {
  return is_refused([&] { postgres_text(sql); });
}
bool refuses_script(std::string_view sql) {
  return is_refused([&] { require_postgres_script(sql); });
}

TEST(PostgresText, parameters_get_the_servers_form) {
  EXPECT_EQ(sent("select :1, :2 || :1 where n=:12 or :3 + :4 + :5 + :6 + :7 + :8 + :9 + :10 + :11 > 0"),
            "select $1, $2 || $1 where n=$12 or $3 + $4 + $5 + $6 + $7 + $8 + $9 + $10 + $11 > 0");
  EXPECT_EQ(postgres_text("select :2, :1").parameters, 2u);
  EXPECT_EQ(postgres_text("select 1").parameters, 0u);
  EXPECT_EQ(sent("select 1 ;\n"), "select 1 \n");
}

TEST(PostgresText, what_is_quoted_or_a_comment_is_left_alone) {
  for (const char* sql :
       {"select ':1'", "select 'it''s :1'", "select \":1\"", "select e'\\':1'", "select E'a''b\\':1'", "select 'a\\', ':1'", "select $$ :1 ; $$",
        "select $tag$ $$ :1 $tag$", "select 1 -- :1 ;", "select /* :1 /* ; */ :2 */ 1", "select 1::text", "select x::bigint[]", "select 'open :1"}) {
    EXPECT_EQ(sent(sql), sql);
    EXPECT_EQ(postgres_text(sql).parameters, 0u) << sql;
  }
  EXPECT_EQ(sent("select 'x':1"), "select 'x'$1");
  EXPECT_EQ(sent("select name'\\' || :1"), "select name'\\' || $1") << "only e makes the bar an escape";
}

TEST(PostgresText, gaps_and_other_forms_are_refused) {
  for (const char* sql : {"select :2", "select :1, :3", "select :0", "select $1", "select :99999999999999999999"}) EXPECT_TRUE(refuses(sql)) << sql;
}

TEST(PostgresText, one_statement_that_ends_no_transaction) {
  for (const char* sql : {"", "  ;", "-- nothing", "select 1; select 2", "select 1; -- more\n select 2", "begin", "COMMIT", "/* x */ Rollback", "end", "abort",
                          "start transaction", "savepoint a", "release a", "prepare transaction 'x'", "copy t from stdin", "; commit"})
    EXPECT_TRUE(refuses(sql)) << sql;
  EXPECT_FALSE(refuses("select commit from begin"));
  EXPECT_FALSE(refuses("select 1; -- the end"));
}

TEST(PostgresText, a_script_may_hold_many_but_end_no_transaction) {
  EXPECT_FALSE(refuses_script("create table a (n int); insert into a values (1);"));
  EXPECT_FALSE(refuses_script("create function f() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$; select 1"));
  EXPECT_FALSE(refuses_script("insert into a values (':1; commit;')"));
  EXPECT_TRUE(refuses_script("create table a (n int); commit;"));
  EXPECT_TRUE(refuses_script("create table a (n int);\n-- so\n  Begin;"));
  EXPECT_TRUE(refuses_script("copy a from stdin"));
}

TEST(PostgresText, a_server_is_shown_without_user_and_password) {
  static const SystemClock clock;
  const auto shown = [&](const std::string& url) {
    const auto server = postgres_server(url, clock);
    return server ? (*server)->shown() : server.error().message;
  };
  EXPECT_EQ(shown("postgresql://ann:hunter2@db.example.org:5433/watchbell?sslmode=require"), "postgresql://db.example.org:5433/watchbell");
  EXPECT_EQ(shown("postgresql:///watchbell?host=/run/postgresql&password=hunter2"), "postgresql:///run/postgresql/watchbell");
  EXPECT_EQ(shown("postgres://a:1,b:2/x"), "postgresql://a,b:1,2/x") << "several hosts";
  // A password that should have been written with %40 or %2F ends up somewhere else.
  for (const char* url : {"postgresql://ann:hun@ter2@host/db", "postgresql://ann:hun/ter2@host/db", "postgresql://ann:hun%zzter2@host/db",
                          "postgresql://host:hunter2/db", "mysql://ann:hunter2@host/db", "hunter2"}) {
    const auto server = postgres_server(url, clock);
    ASSERT_FALSE(server) << url;
    EXPECT_EQ(server.error().code, ErrorCode::bad_request);
    EXPECT_EQ(server.error().message.find("ter2"), std::string::npos) << url;
  }
}

}  // namespace
}  // namespace watchbell::sql::detail
