// What a Database promises whatever it is kept in.
#include "platform/sql/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "platform/sql/test/database_fixture.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::sql {
namespace {

using test::Fixture;
using test::Gate;
using test::insert;
using test::inserting;
using test::kEndless;
using test::names;
using test::until_waiting;
using test::write_into;
using ::testing::ElementsAre;

CO_TEST(SqlDatabase, what_a_function_answers_comes_back) {
  Fixture f(loop);
  const auto number = co_await f.db->write([](Session& session) { return insert(session, "ann"); });
  CO_ASSERT_TRUE(number);
  EXPECT_EQ(*number, 1);
  const auto nothing = co_await f.db->read([](Session&) {});
  EXPECT_TRUE(nothing);
  const auto refused = co_await f.db->read([](Session&) -> Result<int> { return fail(ErrorCode::not_found, "no bob"); });
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  bool thrown = false;
  try {
    static_cast<void>(co_await f.db->read([](Session& session) { return session.one<std::int64_t>("select * from absent"); }));
  } catch (const Fault& fault) {
    thrown = fault.kind() == Fault::Kind::schema;
  }
  EXPECT_TRUE(thrown);
  auto moved = std::make_unique<int>(7);  // move-only captures are fine
  const auto seven = co_await f.db->read([moved = std::move(moved)](Session&) { return *moved; });
  EXPECT_EQ(seven, 7);
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_read_after_a_write_returned_sees_it) {
  Fixture f(loop, {.readers = 2});
  for (int i = 0; i < 50; ++i) {
    static_cast<void>(co_await f.db->write([i](Session& session) { return insert(session, std::to_string(i)); }));
    const auto count = co_await f.db->read([](Session& session) { return *session.one<std::int64_t>("select count(*) from names"); });
    CO_ASSERT_EQ(count, i + 1);
  }
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_read_sees_one_snapshot_while_a_writer_commits) {
  Fixture f(loop);
  Gate gate;
  std::vector<std::int64_t> counts;
  const auto count = [](Session& session) { return *session.one<std::int64_t>("select count(*) from names"); };
  f.tasks.spawn("reader", [](Fixture& fixture, Gate& g, auto counting, std::vector<std::int64_t>& out) -> awaitable<void> {
    static_cast<void>(co_await fixture.db->read([&](Session& session) {
      out.push_back(counting(session));
      g.hold();
      out.push_back(counting(session));
    }));
  }(f, gate, count, counts));
  co_await gate.held(loop);
  EXPECT_TRUE(co_await f.db->write(inserting("ann")));
  EXPECT_EQ(co_await f.db->read(count), 1) << "another reader sees it at once";
  gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(counts, ElementsAre(0, 0));
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_read_may_not_write) {
  Fixture f(loop, {.readers = 1});
  std::string kind;
  try {
    static_cast<void>(co_await f.db->read([](Session& session) { return insert(session, "ann"); }));
  } catch (const Fault& fault) {
    kind = to_string(fault.kind());
  }
  EXPECT_EQ(kind, "schema");
  EXPECT_TRUE(co_await f.db->write(inserting("ann")));
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann")) << "the session is as before";
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_violation_that_is_caught_is_an_outcome) {
  Fixture f(loop);
  const auto take = [](Session& session) -> Result<void> {
    try {
      insert(session, "ann");
    } catch (const Fault& fault) {
      if (fault.kind() != Fault::Kind::unique_violation) throw;
      return fail(ErrorCode::conflict, "taken");
    }
    return {};
  };
  EXPECT_TRUE(co_await f.db->write(take));
  const auto again = co_await f.db->write(take);
  CO_ASSERT_TRUE(!again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  co_await f.db->close();
}

CO_TEST(SqlDatabase, the_deadline_ends_a_read_and_frees_its_session) {
  Fixture f(loop, {.readers = 1, .statement_deadline = std::chrono::milliseconds(50)});
  std::string kind;
  try {
    static_cast<void>(co_await f.db->read([](Session& session) { return session.one<std::int64_t>(kEndless); }));
  } catch (const Fault& fault) {
    kind = to_string(fault.kind());
  }
  EXPECT_EQ(kind, "interrupted");
  EXPECT_TRUE(co_await f.db->read(names));
  co_await f.db->close();
}

CO_TEST(SqlDatabase, one_who_waits_can_leave_and_one_who_runs_cannot) {
  Fixture f(loop, {.readers = 1, .writers = 1});
  const auto cancelled = [](const boost::system::system_error& error) { return error.code() == asio::error::operation_aborted; };
  for (const bool write : {false, true}) {
    Gate gate;
    bool waited_ran = false;
    std::string running = "never ended";
    std::string waiting = "never ended";
    asio::cancellation_signal cancel_running;
    asio::cancellation_signal cancel_waiting;
    const auto call = [](Fixture& fixture, bool writes, std::function<void(Session&)> body, std::string& outcome, auto is_cancelled) -> awaitable<void> {
      try {
        if (writes) static_cast<void>(co_await fixture.db->write(body));
        else static_cast<void>(co_await fixture.db->read(body));
        outcome = "ended";
      } catch (const boost::system::system_error& error) {
        outcome = is_cancelled(error) ? "cancelled" : "failed";
      }
    };
    int left = 2;
    const auto done = [&](std::exception_ptr) { --left; };
    asio::co_spawn(loop.executor(), call(f, write, [&](Session&) { gate.hold(); }, running, cancelled), asio::bind_cancellation_slot(cancel_running.slot(), done));
    co_await gate.held(loop);
    asio::co_spawn(loop.executor(), call(f, write, [&](Session&) { waited_ran = true; }, waiting, cancelled), asio::bind_cancellation_slot(cancel_waiting.slot(), done));
    co_await until_waiting(f, 1);
    cancel_running.emit(asio::cancellation_type::terminal);
    cancel_waiting.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(f.db->waiting(), 0u);
    while (left > 1) co_await asio::post(loop.executor(), use_awaitable);
    EXPECT_EQ(waiting, "cancelled");
    EXPECT_EQ(running, "never ended");
    gate.open();
    while (left > 0) co_await asio::post(loop.executor(), use_awaitable);
    EXPECT_EQ(running, "ended");
    EXPECT_FALSE(waited_ran);
  }
  co_await f.db->close();
}

CO_TEST(SqlDatabase, too_many_that_wait_are_refused) {
  Fixture f(loop, {.readers = 1, .writers = 1, .max_waiting = 2});
  Gate gate;
  f.tasks.spawn("holder", [](Fixture& fixture, Gate& g) -> awaitable<void> {
    static_cast<void>(co_await fixture.db->write([&](Session&) { g.hold(); }));
  }(f, gate));
  co_await gate.held(loop);
  std::array<std::string, 3> outcomes;
  for (std::size_t i = 0; i < 3; ++i) f.tasks.spawn("write", write_into(*f.db, inserting(std::to_string(i)), outcomes[i]));
  while (outcomes[2].empty()) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(outcomes[2], "SERVICE_UNAVAILABLE");
  EXPECT_TRUE(co_await f.db->read(names)) << "reads have their own queue";
  gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ElementsAre("kept", "kept", "SERVICE_UNAVAILABLE"));
  co_await f.db->close();
}

CO_TEST(SqlDatabase, close_refuses_what_waits_and_waits_for_what_runs) {
  Fixture f(loop, {.writers = 1});
  Gate gate;
  std::string holder;
  std::string waiting;
  f.tasks.spawn("holder", write_into(*f.db, [&](Session& session) -> Result<void> {
                  insert(session, "ann");
                  gate.hold();
                  return {};
                }, holder));
  co_await gate.held(loop);
  f.tasks.spawn("waiting", write_into(*f.db, inserting("bob"), waiting));
  co_await until_waiting(f, 1);
  bool closed = false;
  f.tasks.spawn("close", [](Database& db, bool& done) -> awaitable<void> {
    co_await db.close();
    done = true;
  }(*f.db, closed));
  while (waiting.empty()) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(waiting, "SERVICE_UNAVAILABLE");
  EXPECT_FALSE(closed);
  gate.open();
  co_await f.tasks.join();
  EXPECT_TRUE(closed);
  EXPECT_EQ(holder, "kept");
  const auto late = co_await f.db->read(names);
  CO_ASSERT_TRUE(!late);
  EXPECT_EQ(late.error().code, ErrorCode::unavailable);
  Fixture again(loop, {.url = f.backend->url()});
  EXPECT_THAT(*co_await again.db->read(names), ElementsAre("ann"));
  co_await again.db->close();
}

}  // namespace
}  // namespace watchbell::sql
