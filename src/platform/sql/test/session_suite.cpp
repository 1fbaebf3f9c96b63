// What a Session promises on every database.
#include "platform/sql/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "platform/sql/test/fault_of.hpp"
#include "platform/sql/test/backend.hpp"

namespace watchbell::sql {
namespace {

using test::fault_of;
using test::Fresh;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Colour { red, dark_blue };
BOOST_DESCRIBE_ENUM(Colour, red, dark_blue)

struct Everything {
  bool flag = false;
  std::int64_t big = 0;
  std::int32_t small = 0;
  double real = 0;
  std::string text;
  Uuid uuid;
  Id<struct ThingTag> id;
  Timestamp at;
  Integer<0, 100> percent;
  Number<0, 1> share;
  std::optional<Email> email;
  std::optional<Url> url;
  Json<100, 4> json;
  BigInt big_int;
  Colour colour = Colour::red;
  std::optional<std::string> absent;
  std::optional<std::int64_t> present;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (flag, big, small, real, text, uuid, id, at, percent, share, email, url, json, big_int, colour, absent, present))

struct Named {
  Text<1, 5> name;  // no default value
  int age;
};
BOOST_DESCRIBE_STRUCT(Named, (), (name, age))

TEST(SqlTypes, every_type_comes_back_as_it_went_in) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute(
      "create table t (flag boolean, big bigint, small integer, real double precision, text text, uuid text, id text, at bigint, percent integer, "
      "share double precision, email text, url text, json text, big_int text, colour text, absent text, present bigint)");
  Everything in;
  in.flag = true;
  in.big = std::numeric_limits<std::int64_t>::min();
  in.small = std::numeric_limits<std::int32_t>::min();
  in.real = 0.1;
  in.text = "Grüße, 世界 🔔 'quoted'";
  in.uuid = Uuid::make_v7(1);
  in.id = Id<struct ThingTag>::make(Timestamp::from_millis(2));
  in.at = Timestamp::from_micros(1'767'225'600'123'456);
  in.percent = 100;
  in.share = 0.5;
  in.email = Email::make("ann@example.org");
  in.url = Url::make("https://example.org/x");
  in.json.text = R"({"a":[1]})";
  in.big_int = *BigInt::make("-123456789012345678901234567890");
  in.colour = Colour::dark_blue;
  in.present = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(session.execute("insert into t values (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16, :17)", in.flag, in.big, in.small, in.real,
                            in.text, in.uuid, in.id, in.at, in.percent, in.share, in.email, in.url, in.json, in.big_int, in.colour, in.absent, in.present),
            1);

  const auto out = session.one<Everything>("select * from t");
  ASSERT_TRUE(out);
  EXPECT_EQ(out->flag, true);
  EXPECT_EQ(out->big, in.big);
  EXPECT_EQ(out->small, in.small);
  EXPECT_EQ(out->real, 0.1);
  EXPECT_EQ(out->text, in.text);
  EXPECT_EQ(out->uuid, in.uuid);
  EXPECT_EQ(out->id, in.id);
  EXPECT_EQ(out->at, in.at);
  EXPECT_EQ(out->percent.value(), 100);
  EXPECT_EQ(out->share, 0.5);
  EXPECT_EQ(out->email, in.email);
  EXPECT_EQ(out->url, in.url);
  EXPECT_EQ(out->json, in.json);
  EXPECT_EQ(out->big_int, in.big_int);
  EXPECT_EQ(out->colour, Colour::dark_blue);
  EXPECT_EQ(out->absent, std::nullopt);
  EXPECT_EQ(out->present, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(session.one<std::string>("select colour from t"), "dark_blue");
}

TEST(SqlTypes, rows_map_to_tuples_scalars_and_structs_without_default_values) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (name text, age integer)");
  session.execute("insert into t values ('ann', 7), (:1, :2)", "bob", 8u);
  using Pair = std::tuple<std::string, std::int64_t>;
  EXPECT_THAT(session.all<Pair>("select name, age from t order by name"), ElementsAre(Pair{"ann", 7}, Pair{"bob", 8}));
  EXPECT_THAT(session.all<std::string>("select name from t order by name desc"), ElementsAre("bob", "ann"));
  const auto named = session.one<Named>("select name, age from t where age = :1", std::int16_t{8});
  ASSERT_TRUE(named);
  EXPECT_EQ(named->name.str(), "bob");
  EXPECT_EQ(named->age, 8);
  EXPECT_EQ(session.one<std::string>("select name from t where age = :1", 9), std::nullopt);
  EXPECT_EQ(session.one<std::optional<std::string>>("select null"), std::optional<std::optional<std::string>>(std::in_place));
}

TEST(SqlTypes, a_list_is_one_parameter) {
  Fresh fresh;
  Session& session = fresh.session;
  const std::vector<std::string> words{"a\"b\\", "\x01\n", "世", ""};
  EXPECT_EQ(session.all<std::string>("select value from json_each(:1) order by key", List(words)), words);
  const std::vector<std::int64_t> numbers{std::numeric_limits<std::int64_t>::max(), -1};
  EXPECT_EQ(session.all<std::int64_t>("select value from json_each(:1) order by key", List(numbers)), numbers);
  const std::vector<Uuid> ids{Uuid::make_v7(1), Uuid::make_v7(2)};
  EXPECT_EQ(session.all<Uuid>("select value from json_each(:1) order by key", List(ids)), ids);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from json_each(:1)", List(std::vector<std::string>())), 0);
}

TEST(SqlTypes, parameters_go_by_their_number) {
  Fresh fresh;
  Session& session = fresh.session;
  EXPECT_EQ(session.one<std::string>("select :2 || :1 || :2", "a", "b"), "bab");
  EXPECT_EQ(session.one<std::int64_t>("select 1 where cast(:1 as text) is null", std::nullopt), 1);
  EXPECT_EQ(session.one<std::string>("select :1", std::string_view()), "") << "the empty text is not NULL";
  EXPECT_EQ(fault_of([&] { session.execute("select :1, :2", 1); }).first, "schema");
  EXPECT_EQ(fault_of([&] { session.execute("select :1", 1, 2); }).first, "schema");
  EXPECT_EQ(fault_of([&] { session.execute("select :1, :3", 1, 2); }).first, "schema");
  EXPECT_EQ(fault_of([&] { session.execute("select ?", 1); }).first, "schema");
  EXPECT_EQ(fault_of([&] { session.execute("select :name", 1); }).first, "schema");
}

TEST(SqlTypes, what_cannot_be_kept_is_refused) {
  Fresh fresh;
  Session& session = fresh.session;
  using namespace std::string_literals;
  EXPECT_EQ(fault_of([&] { session.one<std::string>("select :1", "a\0b"s); }).first, "other");
  EXPECT_EQ(fault_of([&] { session.one<std::string>("select :1", "\xff"); }).first, "other");
  const std::vector<std::string> list{"a\0b"s};
  EXPECT_EQ(fault_of([&] { session.all<std::string>("select value from json_each(:1)", List(list)); }).first, "other");
  EXPECT_EQ(fault_of([&] { session.one<double>("select :1", std::numeric_limits<double>::quiet_NaN()); }).first, "other");
  EXPECT_EQ(fault_of([&] { session.one<double>("select :1", std::numeric_limits<double>::infinity()); }).first, "other");
  EXPECT_EQ(fault_of([&] { session.one<std::int64_t>("select :1", std::numeric_limits<std::uint64_t>::max()); }).first, "other");
}

TEST(SqlTypes, a_value_that_does_not_fit_names_its_column) {
  Fresh fresh;
  Session& session = fresh.session;
  const auto text_of = [&](auto f) {
    const auto [kind, text] = fault_of(f);
    EXPECT_EQ(kind, "schema");
    return text;
  };
  EXPECT_THAT(text_of([&] { session.one<std::string>("select null as name"); }), HasSubstr("column 'name' is NULL"));
  EXPECT_THAT(text_of([&] { session.one<std::int64_t>("select null as n"); }), HasSubstr("column 'n' is NULL"));
  EXPECT_THAT(text_of([&] { session.one<std::int64_t>("select '7' as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<std::int64_t>("select 1.5 as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<std::string>("select 7 as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<double>("select 'x' as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<int>("select 3000000000 as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<std::uint32_t>("select -1 as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<bool>("select 2 as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<Uuid>("select 'x' as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<Email>("select 'x' as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<Url>("select 'x' as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<Colour>("select 'green' as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { (session.one<Integer<0, 9>>("select 10 as n")); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { (session.one<Number<0, 1>>("select 1.5 as n")); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { (session.one<Json<3, 2>>("select '{\"a\":1}' as n")); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<BigInt>("select '1x' as n"); }), HasSubstr("column 'n'"));
  EXPECT_THAT(text_of([&] { session.one<Named>("select 'too long' as name, 1"); }), HasSubstr("column 'name'"));
  EXPECT_THAT(text_of([&] { session.one<Named>("select 'ann'"); }), HasSubstr("1 columns"));
  EXPECT_EQ(session.one<double>("select 7"), 7.0);
}

TEST(SqlSession, execute_counts_its_own_rows) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table parent (id integer primary key)");
  session.execute("create table child (id integer primary key, parent integer not null references parent (id) on delete cascade)");
  EXPECT_EQ(session.execute("insert into parent values (1), (2)"), 2);
  EXPECT_EQ(session.execute("insert into child values (1, 1), (2, 1), (3, 2)"), 3);
  EXPECT_EQ(session.execute("create index child_parent on child (parent)"), 0);
  EXPECT_EQ(session.execute("delete from parent where id = :1", 1), 1);
  EXPECT_EQ(session.execute("delete from parent where id = :1", 1), 0);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from child"), 1);
}

TEST(SqlSession, each_error_has_its_kind) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (id integer primary key, name text not null unique, age integer check (age > 0), other integer references t (id) on delete cascade)");
  session.execute("insert into t values (1, 'a', 1, null)");
  const auto kind = [&](const char* sql) { return fault_of([&] { session.execute(sql); }).first; };
  EXPECT_EQ(kind("insert into t values (2, 'a', 1, null)"), "unique_violation");
  EXPECT_EQ(kind("insert into t values (1, 'b', 1, null)"), "unique_violation");
  EXPECT_EQ(kind("insert into t values (2, 'b', 0, null)"), "check");
  EXPECT_EQ(kind("insert into t values (2, null, 1, null)"), "not_null");
  EXPECT_EQ(kind("insert into t values (2, 'b', 1, 9)"), "foreign_key");
  EXPECT_EQ(kind("selec"), "schema");
  EXPECT_EQ(kind("select * from absent"), "schema");
  EXPECT_EQ(kind("select \"text\""), "schema") << "double quotes never make text";
  EXPECT_EQ(kind("select 1; select 2"), "schema");
  EXPECT_EQ(kind(""), "schema");
  EXPECT_EQ(kind("begin"), "schema");
  EXPECT_EQ(kind("commit"), "schema");
  EXPECT_EQ(kind("savepoint job"), "schema");
  EXPECT_EQ(kind("attach ':memory:' as other"), "schema");
  EXPECT_EQ(session.one<std::int64_t>("select 1;"), 1);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from t"), 1);
  session.connection().assert_idle();
}

TEST(SqlSession, transaction_text_stays_refused_once_it_was_prepared) {
  Fresh fresh;
  Session& session = fresh.session;
  session.connection().control(detail::Connection::Control::begin_write);
  session.connection().control(detail::Connection::Control::commit);
  EXPECT_EQ(fault_of([&] { session.execute("commit"); }).first, "schema");
}

TEST(SqlSession, like_tells_cases_apart) {
  Fresh fresh;
  Session& session = fresh.session;
  EXPECT_EQ(session.one<bool>("select 'Ann' like 'ann'"), false);
  EXPECT_EQ(session.one<bool>("select 'Ann' like 'A%'"), true);
}

TEST(SqlSession, statements_may_be_nested_even_the_same_one) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (n integer)");
  session.execute("insert into t values (1), (2)");
  std::vector<std::int64_t> seen;
  constexpr auto kText = "select n from t order by n";
  session.each<std::int64_t>(kText, [&](std::int64_t outer) {
    for (const auto inner : session.all<std::int64_t>(kText)) seen.push_back(outer * 10 + inner);
  });
  EXPECT_THAT(seen, ElementsAre(11, 12, 21, 22));
  session.connection().assert_idle();
}

TEST(SqlSession, a_row_function_that_throws_leaves_the_statement_reset) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (n integer)");
  session.execute("insert into t values (1), (2)");
  EXPECT_THROW(session.each<std::int64_t>("select n from t", [](std::int64_t) { throw std::runtime_error("enough"); }), std::runtime_error);
  session.connection().assert_idle();
}

TEST(SqlSession, a_kept_statement_sees_a_changed_table) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (n integer)");
  session.execute("insert into t values (1)");
  EXPECT_EQ(session.one<std::int64_t>("select n from t"), 1);
  session.execute("alter table t add column m integer not null default 5");
  EXPECT_EQ(session.one<std::int64_t>("select n from t"), 1);
  EXPECT_EQ((session.one<std::tuple<std::int64_t, std::int64_t>>("select * from t")), std::tuple(1, 5));
}

// The traps of SOCI's own statements, as a contract.
TEST(SqlSession, a_read_after_a_write_elsewhere_sees_it) {
  Fresh fresh;
  Session& one = fresh.session;
  Session other(fresh.backend->connect());
  one.execute("create table t (n integer)");
  one.execute("insert into t values (1), (2), (3)");
  EXPECT_EQ(other.one<std::int64_t>("select n from t order by n"), 1);
  one.execute("update t set n = n + 10");
  EXPECT_EQ(other.one<std::int64_t>("select n from t order by n"), 11);
}

TEST(SqlSession, update_returning_commits) {
  Fresh fresh;
  Session& one = fresh.session;
  Session other(fresh.backend->connect());
  one.execute("create table t (n integer)");
  one.execute("insert into t values (1), (2)");
  EXPECT_EQ(one.one<std::int64_t>("update t set n = n + 10 returning n"), 11);
  EXPECT_THAT(other.all<std::int64_t>("select n from t order by n"), ElementsAre(11, 12));
  EXPECT_EQ(other.execute("update t set n = 0"), 2) << "and holds no lock";
}

TEST(SqlSession, the_deadline_ends_a_statement_that_runs_on) {
  Fresh fresh;
  Session session(fresh.backend->connect(std::chrono::milliseconds(20)));
  EXPECT_EQ(fault_of([&] {
              session.one<std::int64_t>("with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n");
            }).first,
            "interrupted");
  EXPECT_EQ(session.one<std::int64_t>("select 1"), 1);
}

TEST(SqlSession, faults_name_the_statement_and_no_parameter) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (name text unique)");
  session.execute("insert into t values ('hunter2')");
  const auto [kind, text] = fault_of([&] { session.execute("insert into t values (:1)", "hunter2"); });
  EXPECT_THAT(text, HasSubstr("insert into t values (:1)"));
  EXPECT_THAT(text, ::testing::AnyOf(HasSubstr("t.name"), HasSubstr("t_name_key")));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace watchbell::sql
