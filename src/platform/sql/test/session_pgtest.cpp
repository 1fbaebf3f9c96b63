// What holds of a session on PostgreSQL alone; the rest stands in session_suite.cpp.
#include "platform/sql/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <latch>
#include <thread>

#include "async/manual_clock.hpp"
#include "platform/sql/test/fault_of.hpp"
#include "platform/sql/test/postgres_backend.hpp"
#include "platform/sql/test/temporary_folder.hpp"

namespace watchbell::sql {
namespace {

using namespace std::chrono_literals;
using test::connect_to;
using test::fault_of;
using test::Fresh;
using test::pid_of;
using test::server;
using test::terminate;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Control = detail::Connection::Control;

/// Until the server says so of one of its processes; the condition is SQL over pg_stat_activity.
void wait_until(const std::string& condition) {
  while (server().ask("select 1 from pg_stat_activity where " + condition).empty()) std::this_thread::yield();
}

TEST(PostgresSession, errors_have_their_kinds) {
  Fresh fresh;
  Session& session = fresh.session;
  session.connection().script(
      "create table t (n bigint);"
      "create function keep() returns trigger language plpgsql as $$ begin raise exception 'it stays'; end $$;"
      "create trigger keep before delete on t for each statement execute function keep();");
  const auto kind = [&](const char* sql) { return fault_of([&] { session.execute(sql); }).first; };
  EXPECT_EQ(kind("delete from t"), "check");
  EXPECT_EQ(kind("select absent(1)"), "schema");
  EXPECT_EQ(kind("select 1 / 0"), "other");
  EXPECT_EQ(kind("select * from json_to_record('{}')"), "schema");
  EXPECT_EQ(kind("copy t from stdin"), "schema");
  session.connection().control(Control::begin_read);
  EXPECT_EQ(kind("insert into t values (1)"), "schema") << "a read may not write";
  session.connection().control(Control::rollback);
  session.connection().set_access(detail::Connection::Access::read);
  EXPECT_EQ(kind("insert into t values (1)"), "schema") << "nor may a session for reading";
  session.connection().set_access(detail::Connection::Access::write);
  EXPECT_EQ(kind("insert into t values (1)"), "none");
}

TEST(PostgresSession, a_value_is_in_no_fault) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (n bigint primary key, name text)");
  for (const char* sql : {"select cast(:1 as bigint)", "insert into t (n) select cast(:1 as bigint)", "select to_date(:1, 'YYYY')"}) {
    const auto [kind, text] = fault_of([&] { session.execute(sql, "hunter2"); });
    EXPECT_EQ(kind, "other");
    EXPECT_THAT(text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(text, HasSubstr(":1"));
  }
  session.execute("insert into t values (4711)");
  EXPECT_THAT(fault_of([&] { session.execute("insert into t values (:1)", 4711); }).second, Not(HasSubstr("4711")));
}

TEST(PostgresSession, a_failed_statement_ends_its_transaction) {
  Fresh fresh;
  Session& session = fresh.session;
  auto& connection = session.connection();
  session.execute("create table t (n bigint primary key)");
  connection.control(Control::begin_write);
  session.execute("insert into t values (1)");
  EXPECT_EQ(connection.broken(), std::nullopt);
  EXPECT_EQ(fault_of([&] { session.execute("insert into t values (1)"); }).first, "unique_violation");
  EXPECT_EQ(connection.broken(), Fault::Kind::unique_violation);
  EXPECT_THAT(fault_of([&] { session.execute("insert into t values (2)"); }).second, HasSubstr("takes no more"));
  EXPECT_EQ(fault_of([&] { connection.control(Control::commit); }).first, "other") << "a COMMIT that would say ROLLBACK";
  EXPECT_FALSE(connection.in_transaction());
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from t"), 0);

  connection.control(Control::begin_write);
  session.execute("insert into t values (1)");
  connection.control(Control::savepoint);
  EXPECT_EQ(fault_of([&] { session.execute("insert into t values (1)"); }).first, "unique_violation");
  connection.control(Control::rollback_to);
  connection.control(Control::release);
  session.execute("insert into t values (2)");
  connection.control(Control::commit);
  EXPECT_THAT(session.all<std::int64_t>("select n from t order by n"), ElementsAre(1, 2));
}

TEST(PostgresSession, of_two_writes_that_cannot_both_be_kept_one_fails) {
  Fresh fresh;
  Session& one = fresh.session;
  Session other(fresh.backend->connect());
  one.execute("create table on_call (name text, here boolean)");
  one.execute("insert into on_call values ('ann', true), ('bob', true)");
  // Each leaves because the other is still there: neither writes what the other has read, so only serializable transactions notice.
  for (Session* session : {&one, &other}) {
    session->connection().control(Control::begin_write);
    EXPECT_EQ(session->one<std::int64_t>("select count(*) from on_call where here"), 2);
  }
  one.execute("update on_call set here = false where name = 'ann'");
  EXPECT_EQ(other.connection().broken(), std::nullopt);
  one.connection().control(Control::commit);
  EXPECT_EQ(fault_of([&] {
              other.execute("update on_call set here = false where name = 'bob'");
              other.connection().control(Control::commit);
            }).first,
            "serialization");
  other.connection().control(Control::rollback);
  EXPECT_EQ(one.one<std::int64_t>("select count(*) from on_call where here"), 1);
}

TEST(PostgresSession, one_text_has_a_form_for_each_type_of_its_parameters) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table t (n bigint, name text)");
  constexpr auto kInsert = "insert into t (n, name) values (:1, :2)";
  session.execute(kInsert, 1, "a");
  session.execute(kInsert, std::nullopt, "b");
  session.execute(kInsert, std::optional<std::int64_t>(), std::optional<std::string>());
  session.execute(kInsert, std::optional<std::int64_t>(2), std::optional<std::string>("c"));
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from pg_prepared_statements where statement like 'insert into t%'"), 3);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from t where n is null"), 2);
  // However many there are, few are kept.
  for (int mask = 0; mask < 32; ++mask) {
    const auto at = [&](int bit) { return (mask >> bit & 1) != 0 ? std::optional<std::int64_t>(bit) : std::nullopt; };
    session.execute("insert into t (n) values (:1), (:2), (:3), (:4), (:5)", at(0), at(1), at(2), at(3), at(4));
  }
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from pg_prepared_statements where statement like '%($5)'"), 8);
}

TEST(PostgresSession, statements_are_kept_up_to_a_bound) {
  Fresh fresh;
  Session& session = fresh.session;
  for (int i = 0; i < 600; ++i) EXPECT_EQ(session.one<std::int64_t>(fmt::format("select {}", i)), i);
  EXPECT_LE(session.one<std::int64_t>("select count(*) from pg_prepared_statements").value(), 257);
}

TEST(PostgresSession, a_table_that_changed_inside_a_transaction_makes_it_run_again) {
  Fresh fresh;
  Session& session = fresh.session;
  Session other(fresh.backend->connect());
  session.execute("create table t (n bigint)");
  session.execute("insert into t values (1)");
  EXPECT_EQ(session.one<std::int64_t>("select * from t"), 1);
  other.execute("alter table t alter column n type integer");
  session.connection().control(Control::begin_write);
  EXPECT_EQ(fault_of([&] { session.one<std::int64_t>("select * from t"); }).first, "serialization");
  session.connection().control(Control::rollback);
  session.connection().control(Control::begin_write);
  EXPECT_EQ(session.one<std::int64_t>("select * from t"), 1);
  session.connection().control(Control::commit);
}

TEST(PostgresSession, a_hundred_thousand_rows_go_in_one_statement) {
  Fresh fresh;
  Session& session = fresh.session;
  session.execute("create table inbox (id text primary key, user_id text not null, number bigint not null, text text not null)");
  constexpr std::int64_t kRows = 100'000;
  std::vector<Uuid> ids;
  std::vector<std::string> users;
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < kRows; ++i) {
    ids.push_back(Uuid::make_v7(i));
    users.push_back(fmt::format("user \"{}\", 世界 {{}}", i));
    numbers.push_back(-i);
  }
  EXPECT_EQ(session.execute("insert into inbox select id, user_id, number, :4 from unnest(:1, :2, :3) as t (id, user_id, number)", List(ids), List(users),
                            List(numbers), "said to all"),
            kRows);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from inbox where id in (select value from json_each(:1))", List(ids)), kRows);
  const auto last = session.one<std::tuple<Uuid, std::string, std::int64_t>>("select id, user_id, number from inbox order by number limit 1");
  EXPECT_EQ(last, std::tuple(ids.back(), users.back(), numbers.back()));
  // The same by the one text that SQLite takes as well.
  EXPECT_EQ(session.execute("delete from inbox where id in (select value from json_each(:1))", List(ids)), kRows);
  EXPECT_EQ(session.execute("insert into inbox select value, :2, key, :3 from json_each(:1)", List(ids), "ann", "again"), kRows);
}

TEST(PostgresSession, lists_cost_no_function_call) {
  Fresh fresh;
  const std::vector<std::string> list{"a"};
  const auto plan = fresh.session.all<std::string>("explain select value from json_each(:1)", List(list));
  EXPECT_THAT(plan, ElementsAre(HasSubstr("Function Scan on unnest"))) << "its body is put in its place";
}

TEST(PostgresSession, the_deadline_ends_a_statement_and_its_transaction_alone) {
  Fresh fresh;
  Session session(fresh.backend->connect(50ms));
  const auto pid = pid_of(session);
  session.connection().control(Control::begin_write);
  EXPECT_EQ(fault_of([&] { session.execute("select pg_sleep(60)"); }).first, "interrupted");
  session.connection().control(Control::rollback);
  EXPECT_EQ(pid_of(session), pid) << "the connection is the same";
}

TEST(PostgresSession, a_server_that_does_not_even_refuse_is_given_up) {
  Fresh fresh;
  Session session(connect_to(fresh.backend->url(), 50ms, 200ms));
  const auto pid = pid_of(session);
  ::kill(static_cast<pid_t>(pid), SIGSTOP);
  const auto [kind, text] = fault_of([&] { session.one<std::int64_t>("select 1"); });
  EXPECT_EQ(kind, "disconnected");
  EXPECT_THAT(text, HasSubstr("does not answer"));
  EXPECT_NE(pid_of(session), pid) << "another connection";
  ::kill(static_cast<pid_t>(pid), SIGCONT);
}

TEST(PostgresSession, a_connection_that_is_lost_while_idle_is_not_missed) {
  Fresh fresh;
  Session& session = fresh.session;
  terminate(pid_of(session));
  EXPECT_EQ(session.one<std::int64_t>("select 1"), 1);
  terminate(pid_of(session));
  session.connection().control(Control::begin_write);
  EXPECT_EQ(session.one<std::int64_t>("select 1"), 1);
  session.connection().control(Control::commit);
}

TEST(PostgresSession, a_connection_that_is_lost_in_a_transaction_takes_it_along) {
  Fresh fresh;
  Session& session = fresh.session;
  auto& connection = session.connection();
  session.execute("create table t (n bigint)");
  connection.control(Control::begin_write);
  session.execute("insert into t values (1)");
  terminate(pid_of(session));
  EXPECT_EQ(fault_of([&] { session.execute("insert into t values (2)"); }).first, "disconnected");
  EXPECT_FALSE(connection.in_transaction());
  EXPECT_EQ(connection.broken(), Fault::Kind::disconnected);
  EXPECT_EQ(fault_of([&] { session.execute("insert into t values (3)"); }).first, "disconnected") << "what is left of it does not run outside it";
  EXPECT_EQ(fault_of([&] { connection.control(Control::commit); }).first, "disconnected");
  connection.control(Control::begin_write);
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from t"), 0);
  connection.control(Control::commit);
}

TEST(PostgresSession, a_connection_that_is_lost_in_a_statement_is_told) {
  Fresh fresh;
  Session& session = fresh.session;
  const auto pid = pid_of(session);
  std::jthread killer([&] {
    wait_until(fmt::format("pid = {} and state = 'active' and query like '%pg_sleep%'", pid));
    terminate(pid);
  });
  EXPECT_EQ(fault_of([&] { session.execute("select pg_sleep(60)"); }).first, "disconnected");
  EXPECT_EQ(session.one<std::int64_t>("select 1"), 1);
}

TEST(PostgresSession, a_server_that_is_away_is_tried_now_and_then) {
  Fresh fresh;
  async::ManualClock clock;
  const auto place = detail::postgres_server(fresh.backend->url(), clock);
  ASSERT_TRUE(place);
  Session one(detail::open_postgres({.server = *place}));
  Session other(detail::open_postgres({.server = *place}));
  const auto ask = [](Session& session) { return fault_of([&] { session.one<std::int64_t>("select 1"); }); };
  EXPECT_EQ(ask(one).first, "none");
  server().stop();
  EXPECT_EQ(ask(one).first, "disconnected");
  EXPECT_THAT(ask(other).second, HasSubstr("cannot be reached"));
  server().start();
  EXPECT_EQ(ask(one).first, "disconnected") << "it is too early for another try";
  EXPECT_EQ(ask(other).first, "disconnected");
  clock.advance(61ms);
  EXPECT_EQ(ask(other).first, "none");
  EXPECT_EQ(ask(one).first, "none") << "who has not tried yet may at once";
}

/// Takes connections and closes them.
class Refusing {
 public:
  Refusing() : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, folder_.file(".s.PGSQL.5432").c_str(), sizeof address.sun_path - 1);
    if (::bind(socket_, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0 || ::listen(socket_, 10) != 0)
      throw std::runtime_error("no socket");
    thread_ = std::jthread([this] {
      for (int taken = ::accept(socket_, nullptr, nullptr); taken >= 0; taken = ::accept(socket_, nullptr, nullptr)) {
        ++tries_;
        ::close(taken);
      }
    });
  }
  ~Refusing() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  std::string url() const { return "postgresql:///db?host=" + folder_.path().string(); }
  int tries() const { return tries_; }

 private:
  test::TemporaryFolder folder_;
  int socket_;
  std::atomic<int> tries_ = 0;
  std::jthread thread_;
};

TEST(PostgresSession, the_pause_between_tries_grows_to_two_seconds) {
  const Refusing refusing;
  async::ManualClock clock;
  const auto place = detail::postgres_server(refusing.url(), clock);
  ASSERT_TRUE(place);
  Session session(detail::open_postgres({.server = *place}));
  std::vector<int> tries;
  for (int ms = 0; ms <= 20'000; ms += 10) {
    EXPECT_EQ(fault_of([&] { session.one<std::int64_t>("select 1"); }).first, "disconnected");
    if (const int now = refusing.tries(); tries.empty() || now > static_cast<int>(tries.size())) tries.push_back(ms);
    clock.advance(10ms);
  }
  // 50, 100, ... 1600 ms, then 2 s, each with up to a fifth on top.
  EXPECT_GE(tries.size(), 13u);
  EXPECT_LE(tries.size(), 17u);
  ASSERT_GT(tries.size(), 8u);
  EXPECT_LE(tries[1], 70);
  EXPECT_GE(tries[8] - tries[7], 2000);
  EXPECT_LE(tries[8] - tries[7], 2410);
}

TEST(PostgresSession, a_password_is_in_no_fault) {
  static const SystemClock clock;
  for (const char* url : {"postgresql://ann:hunter2@127.0.0.1:1/db", "postgresql:///db?host=/hunter2&password=hunter2"}) {
    const auto place = detail::postgres_server(url, clock);
    ASSERT_TRUE(place);
    Session session(detail::open_postgres({.server = *place}));
    const auto [kind, text] = fault_of([&] { session.one<std::int64_t>("select 1"); });
    EXPECT_EQ(kind, "disconnected");
    if (std::string_view(url).contains("ann:")) EXPECT_THAT(text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(text, Not(HasSubstr("\n")));
  }
}

TEST(PostgresSession, a_replica_is_not_taken) {
  Fresh fresh;
  // As a server in recovery says.
  const auto url = fresh.backend->url() + "%20-cdefault_transaction_read_only%3Don";
  Session session(connect_to(url));
  const auto [kind, text] = fault_of([&] { session.one<std::int64_t>("select 1"); });
  EXPECT_EQ(kind, "disconnected");
  EXPECT_THAT(text, HasSubstr("read-only"));
}

TEST(PostgresSession, another_encoding_is_refused) {
  server().ask("drop database if exists latin");
  server().ask("create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'");
  auto url = server().url();
  url.replace(url.find("/postgres?"), 10, "/latin?");
  Session session(connect_to(url));
  EXPECT_THAT(fault_of([&] { session.one<std::int64_t>("select 1"); }).second, HasSubstr("LATIN1"));
}

TEST(PostgresMigrations, of_two_at_once_one_migrates_and_the_other_finds_it_done) {
  Fresh fresh;
  Session other(fresh.backend->connect());
  const auto first_pid = pid_of(fresh.session);
  const auto second_pid = pid_of(other);
  const auto waits = [](std::int64_t pid) { wait_until(fmt::format("pid = {} and wait_event_type = 'Lock' and wait_event = 'advisory'", pid)); };
  // The script of the first is held up in its middle.
  Session gate(fresh.backend->connect());
  gate.execute("select pg_advisory_lock(99)");
  const MigrationSet set{"set", {{"0001_t.sql", "create table t (n bigint); insert into t values (1); select pg_advisory_xact_lock(99);"}}};
  const std::vector<const MigrationSet*> sets{&set};
  Result<void> first;
  Result<void> second;
  {
    std::jthread one([&] { first = migrate(fresh.session, sets, Timestamp::from_micros(1)); });
    waits(first_pid);
    std::jthread two([&] { second = migrate(other, sets, Timestamp::from_micros(2)); });
    waits(second_pid);
    gate.execute("select pg_advisory_unlock(99)");
  }
  EXPECT_TRUE(first) << first.error().message;
  EXPECT_TRUE(second) << second.error().message;
  EXPECT_EQ(gate.one<std::int64_t>("select count(*) from t"), 1);
  EXPECT_THAT(gate.all<Timestamp>("select applied_at from schema_migrations"), ElementsAre(Timestamp::from_micros(1)));
}

TEST(PostgresMigrations, many_processes_that_start_at_once_migrate_once) {
  const auto backend = test::fresh_backend();
  MigrationSet many{"many", {}};
  for (int i = 1; i <= 10; ++i) many.migrations.push_back({fmt::format("{:04}_t.sql", i), fmt::format("create table t{} (n integer);", i)});
  const std::vector<const MigrationSet*> sets{&many};
  std::vector<std::string> outcomes(6);
  std::latch together(6);
  {
    std::vector<std::jthread> threads;
    for (auto& outcome : outcomes)
      threads.emplace_back([&] {
        Session session(backend->connect());
        together.arrive_and_wait();
        try {
          const auto migrated = migrate(session, sets, Timestamp());
          outcome = migrated ? "done" : migrated.error().message;
        } catch (const Fault& fault) {
          outcome = fault.what();
        }
      });
  }
  EXPECT_THAT(outcomes, Each("done"));
  Session session(backend->connect());
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from schema_migrations"), 10);
}

TEST(PostgresMigrations, two_schemas_of_a_database_do_not_wait_for_each_other) {
  Fresh fresh;
  Fresh other;
  bool ran = false;
  const auto held = fresh.session.connection().migrate([&]() -> Result<void> {
    return other.session.connection().migrate([&]() -> Result<void> {
      ran = true;
      return {};
    });
  });
  EXPECT_TRUE(held);
  EXPECT_TRUE(ran);
}

TEST(PostgresSessionDeathTest, a_statement_left_between_its_steps_is_our_bug) {
  Fresh fresh;
  auto& connection = fresh.session.connection();
  auto& left = connection.start("select 1", {});
  EXPECT_DEATH(connection.assert_idle(), "left_between_two_steps");
  left.finish();
  connection.assert_idle();
}

}  // namespace
}  // namespace watchbell::sql
