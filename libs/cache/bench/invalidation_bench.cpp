// What does it cost to drop a family while a million entries are there, whatever the family holds, and do readers of other
// keys notice? Do a million invalidations of unknown names leave memory as it was?
#include "report.hpp"

#include <watchbell/cache/blocking.hpp>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <malloc.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace watchbell::cache::bench {
namespace {

constexpr int kEntries = 1'000'000;
constexpr int kAlone = 10'000;   // entries with a family of their own
constexpr int kMembers = 1'000;  // of each other family
constexpr int kDrops = 1'000;

double heap_bytes() {
  const auto used = mallinfo2();
  return static_cast<double>(used.uordblks + used.hblkhd);
}
double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// CPU time of each call in ns, without that of asking for the time.
template <class Call>
std::vector<double> cpu_of_each(int count, Call call) {
  std::vector<double> clock_alone;
  for (int i = 0; i < 1000; ++i) {
    const double before = thread_cpu();
    clock_alone.push_back(thread_cpu() - before);
  }
  const double own = median(clock_alone);
  std::vector<double> each;
  for (int i = 0; i < count; ++i) {
    const double before = thread_cpu();
    call(i);
    each.push_back((thread_cpu() - before - own) * 1e9);
  }
  return each;
}

void drops(Report& report, const BlockingScope& scope) {
  const auto measure = [&](const std::string& members, const auto& family_of) {
    std::vector<Family> families;
    for (int i = 0; i < kDrops; ++i) families.push_back(family_of(i));
    std::vector<double> medians;
    std::vector<double> maxima;
    for (int round = 0; round < kRounds; ++round) {
      const auto each = cpu_of_each(kDrops, [&](int i) { scope.invalidate_prefix(families[static_cast<std::size_t>(i)]); });
      medians.push_back(median(each));
      maxima.push_back(*std::max_element(each.begin(), each.end()));
    }
    report.at_most("drop of a family of " + members + " entries, median of " + std::to_string(kDrops), best(medians),
                   "ns", 1000);
    report.note("  the longest of them, interrupts included", best(maxima), "ns");
    report.raw("median drop of a family of " + members + ", ns", medians);
    report.raw("longest drop of a family of " + members + ", ns", maxima);
  };
  measure("1", [](int i) { return Family("all", "alone", i); });
  measure("1,000", [](int i) { return Family("all", i % ((kEntries - kAlone) / kMembers)); });
  measure("1,000,000", [](int) { return Family("all"); });
}

void hits_beside_drops(Report& report, const BlockingScope& dropped, const BlockingScope& other) {
  const auto reads = zipf(10'000, std::size_t{1} << 18);
  std::vector<Key> keys;
  for (int i = 0; i < 10'000; ++i) {
    keys.emplace_back("other", i);
    other.wrap<std::string>(keys.back(), [] { return std::string("value"); });
  }
  const auto hit = [&] {
    const double before = thread_cpu();
    std::size_t sum = 0;
    for (int times = 0; times < 4; ++times)
      for (const auto index : reads) sum += other.find<std::string>(keys[index])->size();
    keep(sum);
    return (thread_cpu() - before) / (4.0 * static_cast<double>(reads.size())) * 1e9;
  };
  std::atomic<bool> dropping = false;
  std::atomic<bool> end = false;
  std::atomic<std::uint64_t> dropped_count = 0;
  // The other thread is busy in both cases, so that only what it does differs.
  std::thread dropper([&] {
    const Family family("all");
    std::uint64_t idle = 0;
    while (!end) {
      if (dropping) {
        dropped.invalidate_prefix(family);
        dropped_count.fetch_add(1, std::memory_order_relaxed);
      } else {
        keep(++idle);
      }
    }
  });
  std::vector<double> alone;
  std::vector<double> beside;
  for (int round = 0; round < kRounds; ++round) {
    dropping = false;
    hit();
    alone.push_back(hit());
    dropping = true;
    beside.push_back(hit());
  }
  end = true;
  dropper.join();
  report.at_most("hit on another key while families are dropped / while none is", best(beside) / best(alone), "", 1.1);
  report.note("  drops meanwhile", static_cast<double>(dropped_count.load()), "");
  report.note("  hit while families are dropped", best(beside), "ns");
  report.raw("hit while none is dropped, ns", alone);
  report.raw("hit while families are dropped, ns", beside);
}

void unknown_names(Report& report, const Cache& cache, const BlockingScope& scope, const BlockingScope& other) {
  const auto invalidate = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      scope.invalidate(Key("unknown", i));
      scope.invalidate_prefix(Family("never", i));
    }
  };
  invalidate(0, 1000);
  const auto entries = cache.snapshot().entries;
  const double heap = heap_bytes();
  const double resident = resident_bytes();
  const double cpu = thread_cpu();
  invalidate(1000, 1'001'000);
  const double ns = (thread_cpu() - cpu) / 2e6 * 1e9;
  constexpr double kMiB = 1024 * 1024;
  report.at_most("heap growth by 10^6 unknown keys and 10^6 unknown families", (heap_bytes() - heap) / kMiB, "MiB", 1);
  report.at_most("resident growth by the same", (resident_bytes() - resident) / kMiB, "MiB", 1);
  report.at_most("entries lost by the same", static_cast<double>(entries - cache.snapshot().entries), "", 0);
  report.at_most("live entries not found after it", other.find<std::string>(Key("other", 1)) ? 0 : 1, "", 0);
  report.note("  one of these invalidations", ns, "ns");
}

int run(int argc, char** argv) {
  Report report(argc, argv, "Invalidation beside a million entries, best of 10 rounds");
  Cache cache({.max_bytes = std::size_t{8} << 30, .max_entries = 2 * kEntries, .max_ttl = std::chrono::hours(1)});
  const BlockingScope scope(cache, "bench", std::chrono::minutes(50));
  const BlockingScope other(cache, "other", std::chrono::minutes(50));
  const double heap = heap_bytes();
  const double cpu = thread_cpu();
  const auto value = std::make_shared<const std::string>("value");
  for (int i = 0; i < kAlone; ++i) scope.wrap<std::string>(Key("all", "alone", i, "leaf"), [&] { return value; });
  for (int i = 0; i < kEntries - kAlone; ++i)
    scope.wrap<std::string>(Key("all", i / kMembers, i), [&] { return value; });
  report.note("load and store of an entry", (thread_cpu() - cpu) / kEntries * 1e9, "ns");
  report.note("heap an entry, its key included, the value shared", (heap_bytes() - heap) / kEntries, "bytes");
  report.at_most("entries missing", static_cast<double>(kEntries - cache.snapshot().entries), "", 0);
  drops(report, scope);
  hits_beside_drops(report, scope, other);
  unknown_names(report, cache, scope, other);
  return report.finish();
}

}  // namespace
}  // namespace watchbell::cache::bench

int main(int argc, char** argv) { return watchbell::cache::bench::run(argc, argv); }
