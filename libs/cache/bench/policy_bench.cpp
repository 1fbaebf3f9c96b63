// Which eviction policy keeps the entries that are asked for again? One row a generated trace, one column a policy, the
// hit ratio in percent over the whole trace, cold start included. `climbing` is W-TinyLFU with an adaptive window, `chosen` is
// what the engine uses (docs/adr/0006-eviction-policy.md), `optimum` knows the future, `of best` is chosen's ratio to the
// best column; the bar is 0.98 on rows marked with a star. LRU and both W-TinyLFU get told of every hit, in order.
//
//   policy_bench [seed [requests [keys]]]
#include "policy_simulator.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace sim = watchbell::cache::simulator;

int main(int argc, char** argv) {
  const auto number = [&](int at, std::uint64_t otherwise) { return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise; };
  const sim::Scale scale{static_cast<std::uint32_t>(number(3, 100'000)), number(2, 1'000'000), number(1, 1)};
  std::printf("seed %llu, %zu requests a trace, %u keys in zipf; sizes are shares of the latter\n\n",
              static_cast<unsigned long long>(scale.seed), scale.requests, scale.keys);

  std::printf("%-15s", "trace");
  for (const auto& policy : sim::kPolicies) std::printf(" %9s", policy.name);
  std::printf(" %9s %8s\n", "optimum", "of best");
  int missed = 0;
  sim::for_each_trace(scale, [&](const sim::Trace& trace) {
    double best = 0;
    double last = 0;
    std::printf("%-15s", trace.name.c_str());
    for (const auto& policy : sim::kPolicies) {
      last = policy.hit_ratio(trace);
      best = std::max(best, last);
      std::printf(" %9.2f", 100 * last);
    }
    const bool under = trace.judged && last < 0.98 * best;
    missed += under ? 1 : 0;
    std::printf(" %9.2f %8.3f%s%s\n", 100 * sim::optimum(trace), last / best, trace.judged ? " *" : "", under ? " UNDER THE BAR" : "");
    std::fflush(stdout);
  });
  return missed == 0 ? 0 : 1;
}
