#pragma once

#include <gtest/gtest.h>

#include <array>
#include <future>

#include "async/task_scope.hpp"
#include "platform/sql/database.hpp"
#include "platform/sql/test/backend.hpp"
#include "platform/sql/test/opened.hpp"

/// What tests of Database share.
namespace watchbell::sql::test {

inline constexpr auto kEndless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n";

inline const MigrationSet kNames{
    "names",
    {{"0001_names.sql", "create table names (name text primary key, parent text references names (name) on delete cascade deferrable initially deferred);"}}};

/// A database with one table `names`, and a scope for what runs beside the test.
struct Fixture {
  explicit Fixture(async::Loop& on, Database::Options options = {})
      : loop(on), wheel(on.executor(), clock), tasks(on.executor(), [](auto, auto) { ADD_FAILURE(); }) {
    if (options.url.empty()) {
      backend = fresh_backend();
      options.url = backend->url();
    }
    db = opened(on, wheel, std::move(options), std::array{&kNames});
  }
  std::unique_ptr<Backend> backend;
  async::Loop& loop;
  SystemClock clock;
  async::TimerWheel wheel;
  async::TaskScope tasks;
  std::unique_ptr<Database> db;
};

/// Holds a pool thread inside a job until it is let go.
class Gate {
 public:
  void hold() {
    entered_.set_value();
    go_.get_future().wait();
  }
  void open() { go_.set_value(); }
  /// Lets the loop run until the job holds.
  awaitable<void> held(async::Loop& loop) {
    auto entered = entered_.get_future();
    while (entered.wait_for(std::chrono::seconds(0)) != std::future_status::ready) co_await asio::post(loop.executor(), use_awaitable);
  }

 private:
  std::promise<void> entered_;
  std::promise<void> go_;
};

inline std::int64_t insert(Session& session, const std::string& name) { return session.execute("insert into names (name) values (:1)", name); }

inline std::vector<std::string> names(Session& session) { return session.all<std::string>("select name from names order by name"); }

/// What one write came to: "kept", the code of its refusal, or the kind of its fault.
template <class F>
awaitable<void> write_into(Database& db, F f, std::string& outcome) {
  try {
    const auto result = co_await db.write(std::move(f));
    outcome = result ? "kept" : std::string(wire_code(result.error().code));
  } catch (const Fault& fault) {
    outcome = to_string(fault.kind());
  }
}

inline std::function<Result<void>(Session&)> inserting(std::string name) {
  return [name](Session& session) -> Result<void> {
    insert(session, name);
    return {};
  };
}

/// Waits until `count` calls wait for a session.
inline awaitable<void> until_waiting(Fixture& f, std::size_t count) {
  while (f.db->waiting() != count) co_await asio::post(f.loop.executor(), use_awaitable);
}

}  // namespace watchbell::sql::test
