// How many durable writes a second do callers get, alone and together? Baseline: one connection that commits each write by itself. The rival is the
// same at synchronous = normal, which is what group commit has to win back without giving up power-cut safety. The folder is the current one: run it
// on the disk that matters.
#include <benchmark/benchmark.h>

#include <filesystem>

#include <boost/asio/co_spawn.hpp>

#include "async/task_scope.hpp"
#include "platform/sql/database.hpp"

namespace {

using namespace watchbell;

constexpr int kWrites = 4000;

struct File {
  File() { remove(); }
  ~File() { remove(); }
  void remove() const {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(std::string(name) + suffix);
  }
  const char* name = "sql_bench.db";
};

void insert(sql::Session& session, std::int64_t n) { session.execute("insert into t (n, words) values (:1, 'a row of about a hundred bytes, as an inbox has')", n); }

void commit_each(benchmark::State& state) {
  const File file;
  sql::Session session(sql::detail::open_sqlite({.file = file.name, .synchronous_full = state.range(0) != 0}));
  session.execute("create table t (n integer, words text)");
  for (auto _ : state) insert(session, 1);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(commit_each)->ArgName("full")->Arg(1)->Arg(0)->UseRealTime();

awaitable<void> writer(sql::Database& db, int writes) {
  for (int i = 0; i < writes; ++i) static_cast<void>(co_await db.write([i](sql::Session& session) { insert(session, i); }));
}

void callers_together(benchmark::State& state) {
  const File file;
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  auto db = std::move(*sql::Database::open(loop, wheel, {.url = file.name, .readers = 1}));
  const sql::MigrationSet set{"t", {{"0001_t.sql", "create table t (n integer, words text);"}}};
  const std::array sets{&set};
  if (!db->migrate(sets)) return state.SkipWithError("migration failed");
  const auto callers = static_cast<int>(state.range(0));
  for (auto _ : state) {
    async::TaskScope tasks(loop.executor(), [](auto, auto) {});
    for (int i = 0; i < callers; ++i) tasks.spawn("writer", writer(*db, kWrites / callers));
    loop.run_until([&] { return tasks.size() == 0; });
  }
  state.SetItemsProcessed(state.iterations() * kWrites);
  state.counters["writes_per_commit"] = static_cast<double>(db->counters().writes) / static_cast<double>(db->counters().commits);
  bool closed = false;
  asio::co_spawn(loop.executor(), db->close(), [&](std::exception_ptr) { closed = true; });
  loop.run_until([&] { return closed; });
}
BENCHMARK(callers_together)->ArgName("callers")->Arg(1)->Arg(8)->Arg(64)->Arg(500)->UseRealTime()->Unit(benchmark::kMillisecond);

void read_one_row(benchmark::State& state) {
  const File file;
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  auto db = std::move(*sql::Database::open(loop, wheel, {.url = file.name}));
  bool done = false;
  for (auto _ : state) {
    done = false;
    asio::co_spawn(
        loop.executor(), db->read([](sql::Session& session) { return *session.one<std::int64_t>("select 7"); }),
        [&](std::exception_ptr, const Result<std::int64_t>& value) {
          benchmark::DoNotOptimize(value);
          done = true;
        });
    loop.run_until([&] { return done; });
  }
  asio::co_spawn(loop.executor(), db->close(), [&](std::exception_ptr) { done = false; });
  loop.run_until([&] { return !done; });
}
BENCHMARK(read_one_row)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
