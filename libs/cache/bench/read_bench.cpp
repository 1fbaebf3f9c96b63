// What does a read through `wrap` cost on one event loop, cold and warm, with 1, 64 and 1024 readers side by side, of one
// key and of 10,000? And what do readers pay while values are loaded anew ahead of their expiry? The loader takes no time
// of its own: this is the price of the cache.
#include "report.hpp"

#include <watchbell/cache/scope.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
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

struct Source {
  std::uint64_t loads = 0;
};

/// Gives way once, as a loader that asks a database does, so that readers who come meanwhile join it.
asio::awaitable<std::string> load(Source& source) {
  ++source.loads;
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  co_return "value";
}

/// One of `readers` coroutines: reads all keys if there are many, each its own part, or the one key.
asio::awaitable<void> read(const CachedScope& scope, const std::vector<Key>& keys, std::size_t first, std::size_t step,
                           int times, Source& source) {
  for (int n = 0; n < times; ++n) {
    for (std::size_t i = first; i < keys.size(); i += step) {
      auto loader = [&source] { return load(source); };
      const auto value = co_await scope.wrap<std::string>(keys[i], std::move(loader));
      keep(value->size());
    }
  }
}

struct Measured {
  double ns_a_read;
  double loads_a_second;
};

Measured measure(const CachedScope& scope, const std::vector<Key>& keys, int readers, int times) {
  asio::io_context loop(1);
  Source source;
  const bool one = keys.size() == 1;
  for (int reader = 0; reader < readers; ++reader)
    asio::co_spawn(loop,
                   read(scope, keys, one ? 0 : static_cast<std::size_t>(reader),
                        one ? 1 : static_cast<std::size_t>(readers), times, source),
                   asio::detached);
  const double before = thread_cpu();
  loop.run();
  const double cpu = thread_cpu() - before;
  const double reads = static_cast<double>(times) * (one ? static_cast<double>(readers) : static_cast<double>(keys.size()));
  return {cpu / reads * 1e9, static_cast<double>(source.loads) / cpu};
}

int run(int argc, char** argv) {
  Report report(argc, argv, "Reads through wrap on one event loop, CPU time, best of 10 interleaved rounds");
  Cache cache({.max_entries = 20'000});
  const CachedScope scope(cache, "bench", 9min);
  const std::vector<Key> one{Key("one")};
  std::vector<Key> many;
  for (int i = 0; i < 10'000; ++i) many.emplace_back("many", i);

  struct Case {
    std::string name;
    const std::vector<Key>* keys;
    int readers;
    std::vector<double> cold_ns{}, loads{}, warm_ns{};
  };
  std::vector<Case> cases;
  for (const int readers : {1, 64, 1024}) {
    cases.push_back({std::to_string(readers) + " readers of one key", &one, readers});
    cases.push_back({std::to_string(readers) + " readers of 10,000 keys", &many, readers});
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Case& each : cases) {
      // A single key is made cold again and again; of many keys each is cold once.
      const bool single = each.keys == &one;
      const int repeats = single ? 10'000 / each.readers : 1;
      double cold = 0;
      double loads = 0;
      for (int repeat = 0; repeat < repeats; ++repeat) {
        scope.invalidate_all();
        cache.sweep();
        const auto measured = measure(scope, *each.keys, each.readers, 1);
        cold += measured.ns_a_read / repeats;
        loads += measured.loads_a_second / repeats;
      }
      each.cold_ns.push_back(cold);
      each.loads.push_back(loads);
      each.warm_ns.push_back(measure(scope, *each.keys, each.readers, single ? 100'000 / each.readers : 10).ns_a_read);
    }
  }
  for (const Case& each : cases) {
    report.note("cold read, " + each.name, best(each.cold_ns), "ns");
    report.note("  loads a second of CPU", *std::max_element(each.loads.begin(), each.loads.end()), "");
    report.note("  warm read", best(each.warm_ns), "ns");
    report.raw("cold read, " + each.name + ", ns", each.cold_ns);
    report.raw("warm read, " + each.name + ", ns", each.warm_ns);
  }

  // Every value stands within the time ahead of its expiry from the start, so each read that finds no load under way
  // begins one and is answered by the present value.
  const CachedScope refreshing(cache, "refreshing", ScopeOptions(1min, 30s, 2min));
  std::vector<double> refresh_ns;
  std::vector<double> refreshes;
  measure(refreshing, many, 1, 1);
  for (int round = 0; round < kRounds; ++round) {
    const auto measured = measure(refreshing, many, 64, 1);
    refresh_ns.push_back(measured.ns_a_read);
    refreshes.push_back(measured.loads_a_second);
  }
  report.note("read that begins a refresh, 64 readers of 10,000 keys", best(refresh_ns), "ns");
  report.note("  refreshes a second of CPU", *std::max_element(refreshes.begin(), refreshes.end()), "");
  report.raw("read that begins a refresh, ns", refresh_ns);
  return report.finish();
}

}  // namespace
}  // namespace watchbell::cache::bench

int main(int argc, char** argv) { return watchbell::cache::bench::run(argc, argv); }
