// What holds of a database on PostgreSQL alone; the rest stands in database_suite.cpp.
#include "platform/sql/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "async/manual_clock.hpp"
#include "platform/sql/test/database_fixture.hpp"
#include "platform/sql/test/postgres_backend.hpp"
#include "platform/sql/test/temporary_folder.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::sql {
namespace {

using namespace std::chrono_literals;
using test::connect_to;
using test::Fixture;
using test::Gate;
using test::insert;
using test::inserting;
using test::kNames;
using test::names;
using test::pid_of;
using test::server;
using test::terminate;
using test::until_waiting;
using test::write_into;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

template <class F>
awaitable<void> read_into(Database& db, F f, std::string& outcome) {
  try {
    outcome = co_await db.read(std::move(f)) ? "read" : "refused";
  } catch (const Fault& fault) {
    outcome = to_string(fault.kind());
  }
}

template <class F>
awaitable<std::string> outcome_of_write(Database& db, F f) {
  std::string outcome;
  co_await write_into(db, std::move(f), outcome);
  co_return outcome;
}
template <class F>
awaitable<std::string> outcome_of_read(Database& db, F f) {
  std::string outcome;
  co_await read_into(db, std::move(f), outcome);
  co_return outcome;
}

CO_TEST(PostgresDatabase, writes_run_beside_each_other_up_to_the_number_of_writers) {
  Fixture f(loop, {.readers = 2, .writers = 2});
  EXPECT_EQ(f.db->sessions().idle, 4u);
  std::array<Gate, 2> gates;
  std::array<std::string, 3> outcomes;
  for (std::size_t i = 0; i < 2; ++i)
    f.tasks.spawn("write", write_into(
                               *f.db,
                               [&gates, i](Session& session) -> Result<void> {
                                 insert(session, std::to_string(i));
                                 gates[i].hold();
                                 return {};
                               },
                               outcomes[i]));
  for (auto& gate : gates) co_await gate.held(loop);
  EXPECT_EQ(f.db->sessions().busy, 2u);
  f.tasks.spawn("write", write_into(*f.db, inserting("2"), outcomes[2]));
  co_await until_waiting(f, 1);
  EXPECT_TRUE(co_await f.db->read(names)) << "reads have sessions of their own";
  for (auto& gate : gates) gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, Each("kept"));
  EXPECT_EQ(f.db->counters().commits, 3u);
  co_await f.db->close();
}

/// A write that another one comes between as often as `conflicts` says: what it has read is changed elsewhere before it writes the same.
struct Contended {
  explicit Contended(const std::string& url) : elsewhere(connect_to(url)) {}
  std::function<Result<void>(Session&)> write(int conflicts) {
    return [this, conflicts](Session& session) -> Result<void> {
      ++runs;
      const auto seen = session.one<std::string>("select parent from names where name = 'count'").value();
      if (runs <= conflicts) elsewhere.execute("update names set parent = :1 where name = 'count'", runs % 2 == 0 ? "even" : "odd");
      session.execute("update names set parent = :1 where name = 'count'", seen == "even" ? "even" : "odd");
      session.execute("insert into names (name) values (:1)", fmt::format("run {}", runs.load()));
      return {};
    };
  }
  Session elsewhere;
  std::atomic<int> runs = 0;
};

Result<void> prepare(Session& session) {
  session.execute("insert into names (name) values ('even'), ('odd')");
  session.execute("insert into names (name, parent) values ('count', 'even')");
  return {};
}

CO_TEST(PostgresDatabase, a_write_that_another_came_between_runs_again) {
  Fixture f(loop);
  EXPECT_TRUE(co_await f.db->write(prepare));
  Contended contended(f.backend->url());
  EXPECT_EQ(co_await outcome_of_write(*f.db, contended.write(1)), "kept");
  EXPECT_EQ(contended.runs, 2);
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("count", "even", "odd", "run 2")) << "and leaves nothing of the first time";
  EXPECT_EQ(f.db->counters().reruns, 1u);
  EXPECT_EQ(f.db->counters().writes, 2u);
  co_await f.db->close();
}

/// A database whose pauses between runs pass when the test says so.
struct Paused {
  explicit Paused(async::Loop& on, std::size_t writers = 4)
      : loop(on), wheel(on.executor(), clock, async::TimerWheel::Drive::manual), tasks(on.executor(), [](auto, auto) { ADD_FAILURE(); }) {
    clock.attach(wheel);
    db = test::opened(on, wheel, {.url = backend->url(), .writers = writers}, std::array{&kNames});
  }
  awaitable<void> until(std::function<bool()> done) {
    while (!done()) co_await asio::post(loop.executor(), use_awaitable);
  }
  /// Until no session is busy.
  awaitable<void> settled() {
    co_await until([&] { return db->sessions().busy == 0 && db->waiting() == 0; });
  }
  std::unique_ptr<test::Backend> backend = test::fresh_backend();
  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel;
  async::TaskScope tasks;
  std::unique_ptr<Database> db;
};

CO_TEST(PostgresDatabase, read_committed_sees_what_others_commit_meanwhile_and_runs_once) {
  Fixture f(loop, {.readers = 1, .writers = 2});
  static_cast<void>(co_await f.db->write(inserting("a")));
  Gate gate;
  std::vector<std::int64_t> seen;
  std::string slow;
  f.tasks.spawn("slow", [](Database& db, Gate& held, std::vector<std::int64_t>& counts, std::string& out) -> awaitable<void> {
    const auto done = co_await db.write(
        [&held, &counts](Session& session) {
          counts.push_back(session.one<std::int64_t>("select count(*) from names").value());
          held.hold();
          counts.push_back(session.one<std::int64_t>("select count(*) from names").value());
          session.execute("delete from names");
        },
        Isolation::read_committed);
    out = done ? "done" : "refused";
  }(*f.db, gate, seen, slow));
  co_await gate.held(loop);
  static_cast<void>(co_await f.db->write(inserting("b")));
  gate.open();
  while (slow.empty()) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(slow, "done");
  EXPECT_THAT(seen, ElementsAre(1, 2));
  EXPECT_EQ(f.db->counters().reruns, 0u);
  EXPECT_TRUE((co_await f.db->read(names)).value().empty());
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, each_statement_by_itself_stays_done_whatever_follows) {
  Fixture f(loop, {.readers = 1, .writers = 1});
  const auto refused = co_await f.db->write(
      [](Session& session) -> Result<void> {
        insert(session, "kept");
        return fail(ErrorCode::conflict, "no");
      },
      Isolation::each_statement);
  EXPECT_FALSE(refused);
  EXPECT_THAT((co_await f.db->read(names)).value(), ElementsAre("kept"));
  // Also over a connection that was lost while it was idle.
  const auto pid = co_await f.db->write([](Session& session) { return pid_of(session); }, Isolation::each_statement);
  terminate(*pid);
  EXPECT_TRUE(co_await f.db->write([](Session& session) { insert(session, "more"); }, Isolation::each_statement));
  EXPECT_THAT((co_await f.db->read(names)).value(), ElementsAre("kept", "more"));
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, runs_are_bounded_and_wait_longer_each_time) {
  Paused p(loop);
  EXPECT_TRUE(co_await p.db->write(prepare));
  Contended contended(p.backend->url());
  std::string outcome;
  p.tasks.spawn("write", write_into(*p.db, contended.write(1000), outcome));
  co_await p.until([&] { return contended.runs == 2; });
  co_await p.settled();
  EXPECT_EQ(contended.runs, 2) << "at once, then after a pause";
  EXPECT_TRUE(outcome.empty());
  std::vector<std::int64_t> pauses;
  for (int runs = 2; runs < 10; ++runs) {
    std::int64_t ms = 0;
    while (contended.runs == runs && ms < 1000) {
      p.clock.advance(10ms);
      ms += 10;
      // The turn in which the timer fires, the one it posts, and then the write.
      for (int turn = 0; turn < 4; ++turn) co_await asio::post(loop.executor(), use_awaitable);
      co_await p.settled();
    }
    pauses.push_back(ms);
  }
  co_await p.tasks.join();
  EXPECT_EQ(outcome, "serialization");
  EXPECT_EQ(contended.runs, 10);
  CO_ASSERT_EQ(pauses.size(), 8u);
  EXPECT_LE(pauses.front(), 30);
  EXPECT_GE(pauses.back(), 160);
  EXPECT_LE(pauses.back(), 500);
  EXPECT_EQ(p.db->counters().reruns, 9u);
  EXPECT_THAT(*co_await p.db->read(names), ElementsAre("count", "even", "odd")) << "and nothing of it was kept";
  co_await p.db->close();
}

CO_TEST(PostgresDatabase, one_who_waits_to_run_again_cannot_be_cancelled) {
  Paused p(loop, 1);
  EXPECT_TRUE(co_await p.db->write(prepare));
  Contended contended(p.backend->url());
  asio::cancellation_signal cancel;
  std::string outcome;
  bool done = false;
  asio::co_spawn(loop.executor(), write_into(*p.db, contended.write(2), outcome),
                 asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { done = true; }));
  co_await p.until([&] { return contended.runs == 2; });
  co_await p.settled();
  // Neither in the pause, nor in the queue, where others may leave.
  cancel.emit(asio::cancellation_type::terminal);
  Gate gate;
  std::string holder;
  p.tasks.spawn("holder", write_into(*p.db, [&](Session&) -> Result<void> {
                  gate.hold();
                  return {};
                }, holder));
  co_await gate.held(loop);
  p.clock.advance(50ms);
  co_await p.until([&] { return p.db->waiting() == 1; });
  cancel.emit(asio::cancellation_type::terminal);
  gate.open();
  co_await p.until([&] { return done; });
  EXPECT_EQ(outcome, "kept");
  co_await p.tasks.join();
  co_await p.db->close();
}

CO_TEST(PostgresDatabase, close_lets_nobody_wait_to_run_again) {
  Paused p(loop);
  EXPECT_TRUE(co_await p.db->write(prepare));
  Contended contended(p.backend->url());
  std::string outcome;
  p.tasks.spawn("write", write_into(*p.db, contended.write(1000), outcome));
  co_await p.until([&] { return contended.runs == 2; });
  co_await p.settled();
  co_await p.db->close();
  co_await p.tasks.join();
  EXPECT_EQ(outcome, "serialization");
}

CO_TEST(PostgresDatabase, an_error_that_a_write_hides_is_its_fault) {
  Fixture f(loop);
  EXPECT_TRUE(co_await f.db->write(inserting("ann")));
  EXPECT_EQ(co_await outcome_of_write(*f.db,
                                      [](Session& session) -> Result<void> {
                                        insert(session, "bob");
                                        try {
                                          insert(session, "ann");
                                        } catch (const Fault&) {
                                        }
                                        return {};
                                      }),
            "other");
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann"));
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, a_deferred_key_fails_its_own_write_alone) {
  Fixture f(loop);
  EXPECT_EQ(co_await outcome_of_write(*f.db,
                                      [](Session& session) -> Result<void> {
                                        session.execute("insert into names (name, parent) values ('eve', 'nobody')");
                                        return {};
                                      }),
            "foreign_key");
  EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("ann")), "kept");
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, the_deadline_ends_a_write_and_frees_its_session) {
  Fixture f(loop, {.writers = 1, .statement_deadline = 50ms});
  EXPECT_EQ(co_await outcome_of_write(*f.db,
                                      [](Session& session) -> Result<void> {
                                        insert(session, "ann");
                                        session.execute("select pg_sleep(60)");
                                        return {};
                                      }),
            "interrupted");
  EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("bob")), "kept");
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("bob"));
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, connections_that_were_lost_while_idle_are_not_missed) {
  Fixture f(loop, {.readers = 1, .writers = 1});
  const auto write_pid = *co_await f.db->write(pid_of);
  const auto read_pid = *co_await f.db->read(pid_of);
  terminate(write_pid);
  terminate(read_pid);
  EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("ann")), "kept");
  EXPECT_EQ(co_await outcome_of_read(*f.db, names), "read");
  EXPECT_EQ(f.db->counters().reruns, 0u);
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, a_read_whose_connection_is_lost_is_told_and_runs_once) {
  Fixture f(loop, {.readers = 1});
  int runs = 0;
  EXPECT_EQ(co_await outcome_of_read(*f.db,
                                     [&](Session& session) {
                                       ++runs;
                                       terminate(pid_of(session));
                                       names(session);
                                     }),
            "disconnected");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(co_await outcome_of_read(*f.db, names), "read");
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, a_write_whose_connection_is_lost_before_its_commit_runs_again) {
  Fixture f(loop, {.writers = 1});
  int runs = 0;
  EXPECT_EQ(co_await outcome_of_write(*f.db,
                                      [&](Session& session) -> Result<void> {
                                        ++runs;
                                        insert(session, fmt::format("run {}", runs));
                                        if (runs == 1) terminate(pid_of(session));
                                        insert(session, fmt::format("end of {}", runs));
                                        return {};
                                      }),
            "kept");
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("end of 2", "run 2"));
  EXPECT_EQ(f.db->counters().reruns, 1u);
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, a_write_that_loses_every_connection_runs_twice) {
  Fixture f(loop, {.writers = 1});
  int runs = 0;
  EXPECT_EQ(co_await outcome_of_write(*f.db,
                                      [&](Session& session) -> Result<void> {
                                        ++runs;
                                        terminate(pid_of(session));
                                        insert(session, "ann");
                                        return {};
                                      }),
            "disconnected");
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("bob")), "kept");
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, a_commit_on_a_lost_connection_is_not_run_again) {
  Fixture f(loop, {.writers = 1});
  int runs = 0;
  EXPECT_EQ(co_await outcome_of_write(*f.db,
                                      [&](Session& session) -> Result<void> {
                                        ++runs;
                                        insert(session, "ann");
                                        terminate(pid_of(session));
                                        return {};
                                      }),
            "disconnected");
  EXPECT_EQ(runs, 1) << "whether it was kept is not known to who sent it";
  EXPECT_EQ(f.db->counters().writes, 0u);
  EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("bob")), "kept");
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("bob"));
  co_await f.db->close();
}

/// Stands between client and server, and cuts a connection when the answer to a COMMIT is on its way back.
class CuttingProxy {
 public:
  CuttingProxy() : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = address_of(folder_.path().string());
    if (::bind(listener_, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 10) != 0)
      throw std::runtime_error("no socket");
    const auto url = server().url();
    const auto from = url.find("host=") + 5;
    upstream_ = url.substr(from, url.find('&', from) - from);
    thread_ = std::jthread([this] {
      for (int client = ::accept(listener_, nullptr, nullptr); client >= 0; client = ::accept(listener_, nullptr, nullptr))
        pairs_.emplace_back([this, client] { carry(client); });
    });
  }
  ~CuttingProxy() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    pairs_.clear();
    ::close(listener_);
  }
  /// The same place, by way of here.
  std::string through(std::string url) const { return url.replace(url.find(upstream_), upstream_.size(), folder_.path().string()); }
  void cut_next_commit() { armed_ = true; }

 private:
  static ::sockaddr_un address_of(const std::string& folder) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder + "/.s.PGSQL.5432").c_str(), sizeof address.sun_path - 1);
    return address;
  }
  void carry(int client) {
    const int upstream = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(upstream_);
    bool open = ::connect(upstream, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0;
    bool cutting = false;
    while (open) {
      std::array<::pollfd, 2> both{{{.fd = client, .events = POLLIN, .revents = 0}, {.fd = upstream, .events = POLLIN, .revents = 0}}};
      if (::poll(both.data(), 2, -1) < 0) break;
      for (std::size_t i = 0; i < 2 && open; ++i) {
        if (both[i].revents == 0) continue;
        std::array<char, 65536> part;
        const auto size = ::recv(both[i].fd, part.data(), part.size(), 0);
        if (size <= 0 || (i == 1 && cutting)) {
          open = false;
          break;
        }
        const std::string_view bytes(part.data(), static_cast<std::size_t>(size));
        if (i == 0 && bytes.contains("commit") && armed_.exchange(false)) cutting = true;
        open = ::send(both[1 - i].fd, part.data(), bytes.size(), MSG_NOSIGNAL) == size;
      }
    }
    ::close(client);
    ::close(upstream);
  }

  test::TemporaryFolder folder_;
  std::string upstream_;
  int listener_;
  std::atomic<bool> armed_ = false;
  std::list<std::jthread> pairs_;
  std::jthread thread_;
};

CO_TEST(PostgresDatabase, a_commit_whose_answer_is_lost_is_unknown_although_it_was_kept) {
  CuttingProxy proxy;
  const auto backend = test::fresh_backend();
  {
    Fixture f(loop, {.url = proxy.through(backend->url()), .writers = 1});
    proxy.cut_next_commit();
    int runs = 0;
    EXPECT_EQ(co_await outcome_of_write(*f.db,
                                        [&](Session& session) -> Result<void> {
                                          ++runs;
                                          insert(session, "ann");
                                          return {};
                                        }),
              "disconnected");
    EXPECT_EQ(runs, 1) << "run again it would have met itself";
    EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann"));
    EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("bob")), "kept");
    co_await f.db->close();
  }
}

CO_TEST(PostgresDatabase, a_server_that_was_restarted_is_not_missed) {
  Fixture f(loop, {.readers = 2, .writers = 2});
  EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("ann")), "kept");
  EXPECT_EQ(co_await outcome_of_read(*f.db, names), "read");
  server().restart();
  std::array<std::string, 8> outcomes;
  for (std::size_t i = 0; i < 4; ++i) {
    f.tasks.spawn("write", write_into(*f.db, inserting(std::to_string(i)), outcomes[i]));
    f.tasks.spawn("read", read_into(*f.db, names, outcomes[4 + i]));
  }
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ElementsAre("kept", "kept", "kept", "kept", "read", "read", "read", "read"));
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, while_the_server_is_away_calls_fail_at_once_and_soon_after_it_is_back_they_work) {
  Paused p(loop);
  EXPECT_EQ(co_await outcome_of_write(*p.db, inserting("ann")), "kept");
  server().stop();
  EXPECT_EQ(co_await outcome_of_write(*p.db, inserting("bob")), "disconnected");
  EXPECT_EQ(co_await outcome_of_read(*p.db, names), "disconnected") << "what readiness asks";
  server().start();
  EXPECT_EQ(co_await outcome_of_read(*p.db, names), "disconnected") << "too early for another try";
  p.clock.advance(3s);
  EXPECT_EQ(co_await outcome_of_read(*p.db, names), "read");
  EXPECT_EQ(co_await outcome_of_write(*p.db, inserting("cid")), "kept");
  EXPECT_THAT(*co_await p.db->read(names), ElementsAre("ann", "cid"));
  co_await p.db->close();
}

CO_TEST(PostgresDatabase, a_write_that_runs_when_the_server_crashes_is_told) {
  Fixture f(loop, {.writers = 1});
  Gate gate;
  std::atomic<int> runs = 0;
  std::string outcome;
  f.tasks.spawn("write", write_into(
                             *f.db,
                             [&](Session& session) -> Result<void> {
                               insert(session, "ann");
                               if (++runs == 1) gate.hold();
                               insert(session, "bob");
                               return {};
                             },
                             outcome));
  co_await gate.held(loop);
  server().crash();
  gate.open();
  co_await f.tasks.join();
  EXPECT_EQ(outcome, "disconnected");
  EXPECT_EQ(runs, 1) << "there was nobody to run it at";
  server().start();
  while (co_await outcome_of_read(*f.db, names) != "read") co_await f.wheel.sleep(10ms);
  EXPECT_TRUE((co_await f.db->read(names))->empty());
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, a_function_that_throws_something_else_is_rolled_back_and_told) {
  Fixture f(loop, {.writers = 1});
  bool thrown = false;
  try {
    static_cast<void>(co_await f.db->write([](Session& session) -> Result<void> {
      insert(session, "ann");
      throw std::runtime_error("boom");
    }));
  } catch (const std::runtime_error& error) {
    thrown = std::string_view(error.what()) == "boom";
  }
  EXPECT_TRUE(thrown);
  EXPECT_TRUE((co_await f.db->read(names))->empty());
  EXPECT_EQ(co_await outcome_of_write(*f.db, inserting("ann")), "kept");
  co_await f.db->close();
}

CO_TEST(PostgresDatabase, what_cannot_be_opened_is_one_sentence_without_the_password) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  for (const auto& [url, word] : std::vector<std::pair<std::string, std::string>>{{"postgresql://ann:hunter2@127.0.0.1:1/db", "127.0.0.1"},
                                                                                  {"postgresql:///db?host=/nowhere&password=hunter2", "/nowhere"},
                                                                                  {"postgresql://ann:hunter2@ho@st/db", "of the form"}}) {
    const auto opened = Database::open(loop, wheel, {.url = url});
    CO_ASSERT_TRUE(!opened);
    EXPECT_THAT(opened.error().message, HasSubstr(word));
    EXPECT_THAT(opened.error().message, Not(HasSubstr("hunter2")));
    EXPECT_THAT(opened.error().message, Not(HasSubstr("\n")));
    EXPECT_FALSE(Database::inspect(url, {}));
  }
  co_return;
}

CO_TEST(PostgresDatabase, inspection_compares_the_record_and_writes_nothing) {
  const auto backend = test::fresh_backend();
  const auto url = backend->url();
  const std::array sets{&kNames};
  EXPECT_TRUE(Database::inspect(url, sets)) << "an empty one is fine";
  {
    Session session(backend->connect());
    EXPECT_TRUE(session.connection().tables().empty());
    session.execute("create table theirs (n integer)");
    const auto foreign = Database::inspect(url, sets);
    CO_ASSERT_TRUE(!foreign);
    EXPECT_EQ(foreign.error().code, ErrorCode::precondition_failed);
    EXPECT_THAT(foreign.error().message, HasSubstr("none of this program"));
    session.execute("drop table theirs");
    EXPECT_TRUE(migrate(session, sets, Timestamp()));
  }
  EXPECT_TRUE(Database::inspect(url, sets));
  EXPECT_FALSE(Database::inspect(url, {})) << "newer than the program";
  co_return;
}

CO_TEST(PostgresDatabase, a_database_that_sorts_by_a_language_is_refused) {
  server().ask("drop database if exists english");
  server().ask("create database english template template0 locale_provider icu icu_locale 'en-US' locale 'C'");
  auto url = server().url();
  url.replace(url.find("/postgres?"), 10, "/english?");
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  const auto opened = Database::open(loop, wheel, {.url = url});
  CO_ASSERT_TRUE(!opened);
  EXPECT_EQ(opened.error().code, ErrorCode::precondition_failed);
  EXPECT_THAT(opened.error().message, HasSubstr("lc_collate 'C'"));
  EXPECT_FALSE(Database::inspect(url, {}));
  co_return;
}

CO_TEST(PostgresDatabase, pg_dump_makes_its_backups) {
  Fixture f(loop);
  const auto made = co_await f.db->backup("unused");
  CO_ASSERT_TRUE(!made);
  EXPECT_EQ(made.error().code, ErrorCode::precondition_failed);
  EXPECT_THAT(made.error().message, HasSubstr("pg_dump"));
  co_await f.db->close();
}

}  // namespace
}  // namespace watchbell::sql
