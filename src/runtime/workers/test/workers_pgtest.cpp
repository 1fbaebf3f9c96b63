// Processes at work over a real PostgreSQL; the promises one by one stand in workers_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <random>

#include <fmt/format.h>

#include "base/random.hpp"
#include "platform/sql/test/opened.hpp"
#include "platform/sql/test/postgres_backend.hpp"
#include "runtime/workers/test/ticker.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& runtime();
}

namespace watchbell::workers {
namespace {

using namespace std::chrono_literals;
using sql::test::server;
using test::kKind;
using test::kShards;
using test::Seen;

const sql::MigrationSet kFires{.name = "fires", .migrations = {{.file = "0001_fires.sql", .sql = test::kTables}}};

/// Five times as fast, so that a play of many faults is one of seconds.
Workers::Options fast() { return {.beat_every = 100ms, .lease = 500ms, .margin = 50ms}; }

/// What all processes of one test hang on: the loop drives their timers, but for those that stand still.
struct Place {
  explicit Place(async::Loop& l) : loop(l), url(server().fresh_url()), wheel(l.executor(), clock) {}
  awaitable<void> until(std::function<bool()> done) {
    while (!done()) {
      for (auto* const each : wheels) each->poll();
      co_await asio::post(loop.executor(), use_awaitable);
    }
  }
  awaitable<void> elapse(std::chrono::milliseconds time) { return until([this, end = clock.boot() + time] { return clock.boot() >= end; }); }

  async::Loop& loop;
  std::string url;
  SystemClock clock;
  async::TimerWheel wheel;  // of connections, which no freeze touches
  std::vector<async::TimerWheel*> wheels;
  Seen seen;
};

struct Process {
  Process(Place& p, Workers::Options options, std::chrono::milliseconds tick, std::uint64_t seed) : place(p), wheel(p.loop.executor(), p.clock, async::TimerWheel::Drive::manual) {
    const std::vector<const sql::MigrationSet*> sets{&migrations::runtime(), &kFires};
    const sql::Database::Options options_of_database{.url = place.url, .readers = 1, .writers = 3};
    database = sql::test::opened(place.loop, place.wheel, options_of_database, sets);
    coordination = sql::test::opened(place.loop, place.wheel, options_of_database);
    workers.emplace(wheel, *coordination, [](std::string_view where, std::exception_ptr) { ADD_FAILURE() << where; }, std::move(options));
    ticker.emplace(wheel, *database, *workers, [](std::string_view where, std::exception_ptr) { ADD_FAILURE() << where; }, place.seen, tick, seed);
    workers->start();
    thaw();
  }
  ~Process() { freeze(); }
  std::size_t owned() const { return workers->owned(kKind).size(); }
  void freeze() { std::erase(place.wheels, &wheel); }
  void thaw() { place.wheels.push_back(&wheel); }
  awaitable<void> close() {
    co_await ticker->stop();
    co_await workers->stop();
    co_await database->close();
    co_await coordination->close();
  }
  /// Ends it without a word: what it would write is refused by a database that is closed.
  awaitable<void> kill() {
    freeze();
    co_await database->close();
    co_await coordination->close();
    co_await ticker->stop();
    co_await workers->stop();
  }

  Place& place;
  async::TimerWheel wheel;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<sql::Database> coordination;
  std::optional<Workers> workers;
  std::optional<test::Ticker> ticker;
};

awaitable<std::int64_t> ask(sql::Database& database, std::string text) {
  const auto answer = co_await database.read([text](sql::Session& session) { return session.one<std::int64_t>(text).value(); });
  co_return answer.value();
}
awaitable<std::int64_t> fired_twice(sql::Database& database) {
  return ask(database, "select count(*) from (select shard from fires group by shard, tick having count(*) > 1) as twice");
}

CO_TEST(WorkersPostgres, Q_15_the_work_of_a_process_that_was_killed_is_another_s_within_five_seconds) {
  Place place(loop);
  Process a(place, {}, 1s, 1), b(place, {}, 1s, 2);
  co_await place.until([&] { return a.owned() == 16 && b.owned() == 16; });
  co_await place.elapse(300ms);
  const auto theirs = a.workers->owned(kKind);
  co_await a.kill();
  const auto died = place.clock.boot();
  const auto begun_by_then = place.seen.begun;
  const auto begun_since = [&](int shard) {
    return std::ranges::any_of(place.seen.begun, [&](const auto& item) { return item.first.first == shard && !begun_by_then.contains(item.first); });
  };
  co_await place.until([&] { return std::ranges::all_of(theirs, begun_since); });
  const auto took = place.clock.boot() - died;
  fmt::print("the checks of a process that was killed run again after {:.2f} s\n", std::chrono::duration<double>(took).count());
  EXPECT_GE(took, 2s);
  EXPECT_LE(took, 5s);
  EXPECT_EQ(b.owned(), static_cast<std::size_t>(kShards));
  EXPECT_EQ(co_await ask(*b.database, "select count(*) from workers"), 1);
  EXPECT_EQ(co_await fired_twice(*b.database), 0);
  co_await b.close();
}

CO_TEST(WorkersPostgres, shards_are_as_many_with_each_after_joins_and_ends_and_nothing_is_begun_twice) {
  Place place(loop);
  std::vector<std::unique_ptr<Process>> all;
  const auto shares = [&] {
    std::vector<std::size_t> owned;
    for (const auto& process : all) owned.push_back(process->owned());
    std::ranges::sort(owned);
    return owned;
  };
  const std::vector<std::vector<std::size_t>> wanted{{32}, {16, 16}, {10, 11, 11}};
  for (std::size_t i = 0; i < 3; ++i) {
    all.push_back(std::make_unique<Process>(place, fast(), 200ms, i));
    co_await place.until([&] { return shares() == wanted[i]; });
  }
  bool retired = false;
  asio::co_spawn(loop.executor(), all[0]->workers->retire(5s), [&](std::exception_ptr) { retired = true; });
  co_await place.until([&] { return retired; });
  co_await all[0]->close();
  all.erase(all.begin());
  co_await place.until([&] { return shares() == wanted[1]; });
  co_await place.elapse(1s);
  EXPECT_EQ(place.seen.twice(), 0);
  EXPECT_EQ(co_await fired_twice(*all[0]->database), 0);
  for (const auto& process : all) {
    EXPECT_EQ(process->workers->statistics().struck, 0u);
    EXPECT_EQ(process->ticker->refused, 0u);
  }
  co_await all[0]->close();
  co_await all[1]->close();
}

CO_TEST(WorkersPostgres, Q_11_what_a_process_that_stood_still_had_begun_is_not_written) {
  Place place(loop);
  Process a(place, fast(), 200ms, 1), b(place, fast(), 200ms, 2);
  co_await place.until([&] { return a.owned() == 16 && b.owned() == 16; });
  a.ticker->hold = true;
  co_await place.until([&] { return a.ticker->under_way() >= 16; });
  a.freeze();
  co_await place.until([&] { return b.owned() == kShards; });
  EXPECT_FALSE(a.workers->ready());
  a.ticker->let_go();
  a.thaw();
  co_await place.until([&] { return a.ticker->under_way() == 0; });
  EXPECT_GE(a.ticker->refused, 16u);
  co_await place.until([&] { return a.owned() == 16; });
  EXPECT_EQ(a.workers->statistics().joins, 2u);
  EXPECT_EQ(co_await fired_twice(*b.database), 0);
  co_await a.close();
  co_await b.close();
}

CO_TEST(WorkersPostgres, who_takes_shards_waits_for_no_transaction_that_writes_for_one) {
  Place place(loop);
  Process a(place, {.beat_every = 100ms, .lease = 2500ms}, 200ms, 1), b(place, fast(), 200ms, 2);
  co_await place.until([&] { return a.owned() == 16 && b.owned() == 16; });
  const auto one = a.workers->owned(kKind).front();
  const auto right = a.workers->may_begin(kKind, one);
  CO_ASSERT_TRUE(right.has_value());
  // It stands still in the middle of a transaction.
  std::promise<void> thaw;
  std::atomic<bool> confirmed = false;
  std::vector<bool> answers;
  std::optional<Result<void>> written;
  bool over = false;
  const auto write = [](Process& process, Right of, std::shared_future<void> go, std::atomic<bool>& inside, std::vector<bool>& said, std::optional<Result<void>>& result) -> awaitable<void> {
    result = co_await process.database->write([&process, of, go, &inside, &said](sql::Session& session) -> Result<void> {
      said.push_back(process.workers->confirms(session, of));
      if (!said.back()) return fail(ErrorCode::conflict, "another's");
      inside = true;
      go.wait();
      session.execute("insert into fires (shard, tick, process) values (:1, 7, 'late')", of.number);
      return {};
    });
  };
  asio::co_spawn(loop.executor(), write(a, *right, thaw.get_future().share(), confirmed, answers, written), [&](std::exception_ptr) { over = true; });
  co_await place.until([&] { return confirmed.load(); });
  a.freeze();
  co_await place.until([&] { return b.owned() >= 31; });
  EXPECT_EQ(b.owned(), 31u) << "all but the one that is locked";
  EXPECT_TRUE(b.workers->ready()) << "which holds up nothing else";
  // The server ends a transaction that stands still for as long as its process's lease.
  co_await place.until([&] { return b.owned() == kShards; });
  thaw.set_value();
  co_await place.until([&] { return over; });
  EXPECT_THAT(answers, ::testing::ElementsAre(true, false)) << "it was run again, and refused";
  CO_ASSERT_TRUE(written.has_value());
  EXPECT_EQ(written->error().code, ErrorCode::conflict);
  EXPECT_EQ(co_await ask(*b.database, "select count(*) from fires where process = 'late'"), 0);
  co_await a.close();
  co_await b.close();
}

CO_TEST(WorkersPostgres, Q_11_no_tick_fires_twice_over_joins_deaths_and_freezes) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto draw = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  Place place(loop);
  std::vector<std::unique_ptr<Process>> live, frozen;
  std::int64_t faults = 0;
  const auto join = [&] { live.push_back(std::make_unique<Process>(place, fast(), 200ms, random())); };
  const auto take = [&] {  // never the first
    const auto at = live.begin() + static_cast<std::ptrdiff_t>(1 + draw(live.size() - 1));
    auto process = std::move(*at);
    live.erase(at);
    return process;
  };
  join();
  const auto end = place.clock.boot() + 7s;
  while (place.clock.boot() < end) {
    const auto what = draw(4);
    if (what == 0 && live.size() < 4) join();
    if (what == 1 && live.size() > 1) {
      const auto process = take();
      if (++faults % 2 == 0) co_await process->kill();
      else co_await process->close();
    }
    if (what == 2 && live.size() > 1) frozen.push_back(take()), frozen.back()->freeze(), ++faults;
    if (what == 3 && !frozen.empty()) {
      live.push_back(std::move(frozen.front()));
      frozen.erase(frozen.begin());
      live.back()->thaw();
    }
    co_await place.elapse(std::chrono::milliseconds(draw(500)));
  }
  const auto& first = *live.front();
  EXPECT_EQ(co_await fired_twice(*first.database), 0) << "seed " << seed;
  EXPECT_LE(place.seen.twice(), faults * kShards) << "seed " << seed;
  std::uint64_t struck = 0;
  for (const auto& process : live) struck += process->workers->statistics().struck;
  fmt::print("seed {}: {} faults, {} fires, {} struck off by those who live, {} ticks begun twice and written once\n", seed, faults,
             co_await ask(*first.database, "select count(*) from fires"), struck, place.seen.twice());
  for (auto& process : live) co_await process->close();
  for (auto& process : frozen) co_await process->close();
}

}  // namespace
}  // namespace watchbell::workers
