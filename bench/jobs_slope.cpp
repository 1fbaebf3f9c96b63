// Question: do storage and memory stay flat however many jobs were processed? Enqueues and runs JOBS jobs, 5,000 at a time, on a database in
// memory, and prints after every tenth of them what the last tenth cost and what is held now, one JSON object a line. Exit code 1 when the end
// holds noticeably more than the first tenth did: 64 pages, or 4 bytes a job.
//
//     jobs_slope [JOBS]
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <boost/asio/co_spawn.hpp>

#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "runtime/jobs/queue.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& runtime();
}

namespace {

using namespace watchbell;

constexpr std::uint64_t kBatch = 5000;

struct Held {
  std::int64_t pages = 0;
  std::int64_t bytes = 0;
};

awaitable<jobs::Outcome> nothing() { co_return jobs::Outcome::done(); }

awaitable<Held> held(sql::Database& database) {
  const auto pages = co_await database.read([](sql::Session& session) { return session.one<std::int64_t>("select page_count from pragma_page_count()").value(); });
  const auto info = mallinfo2();
  co_return Held{.pages = pages.value(), .bytes = static_cast<std::int64_t>(info.uordblks + info.hblkhd)};
}

awaitable<int> measure(async::Loop& loop, const Clock& clock, sql::Database& database, jobs::Queue& queue, std::uint64_t total) {
  co_await queue.start();
  const std::uint64_t tenth = std::max(total / 10 / kBatch, std::uint64_t{1}) * kBatch;
  Held first, now;
  std::clock_t began = std::clock();
  for (std::uint64_t done = 0; done < tenth * 10;) {
    const auto added = co_await database.write([&queue, at = clock.now()](sql::Session& session) {
      return queue.insert_many(session, {.queue = "q", .payload = {}, .dedupe_id = {}, .correlation_id = {}}, std::vector<std::string>(kBatch, "{}"), at);
    });
    if (!added) co_return 1;
    queue.wake();
    done += kBatch;
    while (queue.statistics().done < done || queue.statistics().running > 0) co_await asio::post(loop.executor(), use_awaitable);
    if (done % tenth != 0) continue;
    now = co_await held(database);
    if (done == tenth) first = now;
    const std::clock_t ended = std::clock();
    std::printf("{\"jobs\":%llu,\"cpuSeconds\":%.2f,\"pages\":%lld,\"bytes\":%lld}\n", static_cast<unsigned long long>(done),
                static_cast<double>(ended - began) / CLOCKS_PER_SEC, static_cast<long long>(now.pages), static_cast<long long>(now.bytes));
    std::fflush(stdout);
    began = ended;
  }
  co_await queue.stop(std::chrono::seconds(1));
  const bool flat = now.pages <= first.pages + 64 && now.bytes - first.bytes <= static_cast<std::int64_t>(tenth * 9 * 4);
  if (!flat) std::fputs("jobs_slope: what is held grows with the jobs\n", stderr);
  co_return flat ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t total = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const SystemClock clock;
  async::Loop loop;
  async::TimerWheel wheel(loop.executor(), clock);
  auto opened = sql::Database::open(loop, wheel, {.url = ":memory:"});
  if (!opened) return 1;
  auto& database = **opened;
  const sql::MigrationSet* const sets[] = {&migrations::runtime()};
  if (!database.migrate(sets)) return 1;
  jobs::Queue queue(wheel, database, [](std::string_view, std::exception_ptr) {}, {}, 1);
  if (!queue.consume("q", "c", [](const jobs::Job&) { return nothing(); }, {.concurrency = 256})) return 1;
  int code = -1;
  asio::co_spawn(loop.executor(), measure(loop, clock, database, queue, total), [&](std::exception_ptr fault, int result) { code = fault ? 1 : result; });
  loop.run_until([&] { return code >= 0; });
  bool closed = false;
  asio::co_spawn(loop.executor(), database.close(), [&](std::exception_ptr) { closed = true; });
  loop.run_until([&] { return closed; });
  return code;
}
