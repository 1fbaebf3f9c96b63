// What happens when 10,000 readers meet one cold key at once, on one event loop, and the loader takes 50 ms? It must run
// once, and all must be answered soon after it has ended.
#include "report.hpp"

#include <watchbell/cache/scope.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace watchbell::cache::bench {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr int kReaders = 10'000;

struct Source {
  int loads = 0;
  double ended_cpu = 0;
};

asio::awaitable<std::string> load(Source& source) {
  ++source.loads;
  asio::steady_timer timer(co_await asio::this_coro::executor, 50ms);
  co_await timer.async_wait(asio::use_awaitable);
  source.ended_cpu = thread_cpu();
  co_return "value";
}

struct Answers {
  double first_asked = 0;
  double last_answered = 0;
  int count = 0;
};

asio::awaitable<void> read(CachedScope scope, Key key, Source& source, Answers& answers) {
  if (answers.first_asked == 0) answers.first_asked = wall();
  auto loader = [&source] { return load(source); };
  const auto value = co_await scope.wrap<std::string>(std::move(key), std::move(loader));
  if (*value == "value" && ++answers.count == kReaders) answers.last_answered = wall();
}

int run(int argc, char** argv) {
  Report report(argc, argv, "10,000 coroutines read one cold key, loader 50 ms, best of 10 rounds");
  Cache cache;
  const CachedScope scope(cache, "bench", 1min);
  std::vector<double> ms;
  std::vector<double> cpu_us;
  std::vector<double> resume_ms;
  int most_loads = 0;
  bool all_answered = true;
  for (int round = 0; round < kRounds; ++round) {
    asio::io_context loop(1);
    Source source;
    Answers answers;
    const double cpu = thread_cpu();
    for (int i = 0; i < kReaders; ++i)
      asio::co_spawn(loop, read(scope, Key("round", round), source, answers), asio::detached);
    loop.run();
    resume_ms.push_back((thread_cpu() - source.ended_cpu) * 1e3);
    cpu_us.push_back((thread_cpu() - cpu) / kReaders * 1e6);
    ms.push_back((answers.last_answered - answers.first_asked) * 1e3);
    most_loads = std::max(most_loads, source.loads);
    all_answered = all_answered && answers.count == kReaders;
  }
  report.at_most("loads, most of any round", most_loads, "", 1);
  report.at_most("readers without an answer", all_answered ? 0 : 1, "", 0);
  report.at_most("first asked to last answered", best(ms), "ms", 51 + 5);
  report.note("  median of the rounds", median(ms), "ms");
  report.note("CPU a reader, its coroutine included", best(cpu_us), "us");
  report.note("CPU from the load's end to the last answer", best(resume_ms), "ms");
  report.raw("first asked to last answered, ms", ms);
  report.raw("CPU a reader, us", cpu_us);
  return report.finish();
}

}  // namespace
}  // namespace watchbell::cache::bench

int main(int argc, char** argv) { return watchbell::cache::bench::run(argc, argv); }
