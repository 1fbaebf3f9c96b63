#pragma once

#include "policies/lru.hpp"
#include "policies/s3_fifo.hpp"
#include "policies/sieve.hpp"
#include "policies/w_tiny_lfu.hpp"
#include "policy/clock_tiny_lfu.hpp"
#include "policy/hook.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Hit ratios of eviction policies over generated traces: what `policy_bench` prints and what a test asserts.
namespace watchbell::cache::simulator {

inline std::uint64_t mixed(std::uint64_t x) noexcept {  // the finaliser of SplitMix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Requests in order. Keys are dense from 0. `charges` is empty where all are 1.
struct Trace {
  std::string name;
  std::vector<std::uint32_t> keys;
  std::vector<std::uint32_t> charges;  // by key
  std::size_t capacity = 0;            // in charge; entries where all are 1
  bool judged = false;                 // the bar of the decision applies

  std::uint32_t distinct() const { return keys.empty() ? 0 : *std::max_element(keys.begin(), keys.end()) + 1; }
  std::size_t charge(std::uint32_t key) const { return charges.empty() ? 1 : charges[key]; }
};

// --- traces

/// Draws ranks 0, 1, .. with probability proportional to (rank + 1)^-exponent. The standard library's own distributions
/// differ between implementations, so none is used: a seed means the same trace everywhere.
class Zipf {
 public:
  Zipf(std::uint32_t keys, double exponent) : sums_(keys) {
    double sum = 0;
    for (std::uint32_t i = 0; i < keys; ++i) sums_[i] = sum += std::pow(i + 1.0, -exponent);
  }
  std::uint32_t operator()(std::mt19937_64& random) const {
    const double at = static_cast<double>(random() >> 11) * 0x1p-53 * sums_.back();
    return static_cast<std::uint32_t>(std::upper_bound(sums_.begin(), sums_.end() - 1, at) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

inline std::size_t below(std::mt19937_64& random, std::size_t bound) { return static_cast<std::size_t>(random() % bound); }

struct Scale {
  std::uint32_t keys;    // of a zipf distribution; cache sizes are shares of it
  std::size_t requests;  // a trace
  std::uint64_t seed;
};

inline std::string sized(std::string name, double share) {
  return name + " " + std::to_string(static_cast<int>(std::lround(share * 100))) + "%";
}
inline std::string short_number(double value) {
  std::string text = std::to_string(value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

inline Trace zipf(const Scale& scale, double exponent, double share) {
  Trace trace{sized("zipf " + short_number(exponent), share), {}, {}, {}, true};
  std::mt19937_64 random(scale.seed);
  const Zipf draw(scale.keys, exponent);
  while (trace.keys.size() < scale.requests) trace.keys.push_back(draw(random));
  trace.capacity = static_cast<std::size_t>(scale.keys * share);
  return trace;
}

/// A zipf working set, interrupted by scans over keys that never come back, each twice as long as the cache.
inline Trace scan(const Scale& scale, double share) {
  Trace trace{sized("scan", share), {}, {}, static_cast<std::size_t>(scale.keys * share), true};
  std::mt19937_64 random(scale.seed);
  const Zipf draw(scale.keys, 0.9);
  std::uint32_t fresh = scale.keys;
  while (trace.keys.size() < scale.requests) {
    for (std::size_t i = 0; i < 5 * trace.capacity; ++i) trace.keys.push_back(draw(random));
    for (std::size_t i = 0; i < 2 * trace.capacity; ++i) trace.keys.push_back(fresh++);
  }
  return trace;
}

/// The same keys round and round.
inline Trace loop(const Scale& scale, double times, double share) {
  Trace trace{sized("loop x" + short_number(times), share), {}, {}, static_cast<std::size_t>(scale.keys * share), true};
  const auto length = static_cast<std::uint32_t>(static_cast<double>(trace.capacity) * times);
  while (trace.keys.size() < scale.requests) trace.keys.push_back(static_cast<std::uint32_t>(trace.keys.size() % length));
  return trace;
}

/// Phases of zipf, of a scan, and of a loop of 1.5 times the cache, with zipf requests mixed into the latter two.
inline Trace mixed_phases(const Scale& scale, double share) {
  Trace trace{sized("mixed", share), {}, {}, static_cast<std::size_t>(scale.keys * share), true};
  std::mt19937_64 random(scale.seed);
  const Zipf draw(scale.keys, 0.99);
  const auto length = static_cast<std::uint32_t>(trace.capacity * 3 / 2);
  const std::uint32_t looped = scale.keys;
  std::uint32_t fresh = looped + length;
  while (trace.keys.size() < scale.requests) {
    for (std::size_t i = 0; i < 10 * trace.capacity; ++i) trace.keys.push_back(draw(random));
    for (std::size_t i = 0; i < 3 * trace.capacity; ++i) trace.keys.push_back(random() % 4 == 0 ? draw(random) : fresh++);
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < 6 * length; ++i) trace.keys.push_back(random() % 4 == 0 ? draw(random) : looped + at++ % length);
  }
  return trace;
}

/// Zipf whose ranks move on steadily through the keys: by the cache's size while it is asked 20 times that.
inline Trace drift(const Scale& scale, double share) {
  Trace trace{sized("drift", share), {}, {}, static_cast<std::size_t>(scale.keys * share), false};
  std::mt19937_64 random(scale.seed);
  const Zipf draw(scale.keys, 0.99);
  while (trace.keys.size() < scale.requests) {
    const std::size_t base = trace.keys.size() / 20;
    trace.keys.push_back(static_cast<std::uint32_t>((base + draw(random)) % scale.keys));
  }
  return trace;
}

/// Zipf whose ranks are dealt anew, all at once, every 50 times the cache's size.
inline Trace jump(const Scale& scale, double share) {
  Trace trace{sized("jump", share), {}, {}, static_cast<std::size_t>(scale.keys * share), false};
  std::mt19937_64 random(scale.seed);
  const Zipf draw(scale.keys, 0.99);
  while (trace.keys.size() < scale.requests) {
    const std::size_t base = below(random, scale.keys);
    for (std::size_t i = 0; i < 50 * trace.capacity; ++i) trace.keys.push_back(static_cast<std::uint32_t>((base + draw(random)) % scale.keys));
  }
  return trace;
}

/// Half zipf; of the rest half are keys asked once, half keys asked twice within at most half the cache's size.
inline Trace once_and_twice(const Scale& scale, double share) {
  Trace trace{sized("once/twice", share), {}, {}, static_cast<std::size_t>(scale.keys * share), false};
  std::mt19937_64 random(scale.seed);
  const Zipf draw(scale.keys, 0.99);
  std::uint32_t fresh = scale.keys;
  using Due = std::pair<std::size_t, std::uint32_t>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  while (trace.keys.size() < scale.requests) {
    if (!due.empty() && due.top().first <= trace.keys.size()) {
      trace.keys.push_back(due.top().second);
      due.pop();
      continue;
    }
    const auto what = random() % 8;
    if (what == 0) due.emplace(trace.keys.size() + 1 + below(random, trace.capacity / 2 + 1), fresh);
    trace.keys.push_back(what < 3 ? fresh++ : draw(random));
  }
  return trace;
}

/// Zipf over values of 256 bytes to 64 KiB, log-uniform, under a bound in bytes.
inline Trace varied(const Scale& scale, double share) {
  Trace trace = zipf(scale, 0.9, share);
  trace.name = sized("sizes", share);
  trace.judged = false;
  std::uint64_t sum = 0;
  for (std::uint32_t key = 0; key < scale.keys; ++key) {
    const double u = static_cast<double>(mixed(scale.seed ^ key) >> 11) * 0x1p-53;
    trace.charges.push_back(static_cast<std::uint32_t>(256 * std::pow(2.0, 8 * u)));
    sum += trace.charges.back();
  }
  trace.capacity = static_cast<std::size_t>(static_cast<double>(sum) * share);
  return trace;
}

inline constexpr std::array<double, 3> kShares{0.01, 0.05, 0.2};

/// Calls `use(trace)` for each; one trace is in memory at a time.
template <class Use>
void for_each_trace(const Scale& scale, Use use) {
  for (const double exponent : {0.7, 0.99, 1.2})
    for (const double share : kShares) use(zipf(scale, exponent, share));
  for (const double share : kShares) use(scan(scale, share));
  for (const double times : {1.2, 2.0, 5.0})
    for (const double share : kShares) use(loop(scale, times, share));
  for (const double share : kShares) use(mixed_phases(scale, share));
  for (const double share : kShares) use(drift(scale, share));
  for (const double share : kShares) use(jump(scale, share));
  for (const double share : kShares) use(once_and_twice(scale, share));
  for (const double share : kShares) use(varied(scale, share));
}

// --- running one

struct Entry : detail::PolicyHook {
  std::atomic<std::uint8_t> uses{0};
  std::uint64_t hash = 0;
  std::size_t charge = 0;
  std::uint32_t key = 0;
};

/// Replays a trace as the engine would: room is made before an entry comes, a hit counts in one byte. Beside that `touched` is
/// called, where a policy has it, for rivals that need more on a hit than the engine gives.
template <template <class> class Policy>
double hit_ratio(const Trace& trace) {
  Policy<Entry> policy;
  std::deque<Entry> pool;
  std::vector<Entry*> spare;
  std::vector<Entry*> present(trace.distinct(), nullptr);
  std::size_t held = 0;
  std::size_t hits = 0;
  const auto remove = [&](Entry& entry) {
    policy.removed(entry);
    present[entry.key] = nullptr;
    held -= entry.charge;
    spare.push_back(&entry);
  };
  for (const std::uint32_t key : trace.keys) {
    if (Entry* entry = present[key]) {
      ++hits;
      const auto uses = entry->uses.load(std::memory_order_relaxed);
      if (uses < policy.kMaxUses) entry->uses.store(static_cast<std::uint8_t>(uses + 1), std::memory_order_relaxed);
      if constexpr (requires { policy.touched(*entry); }) policy.touched(*entry);
      continue;
    }
    const std::size_t charge = trace.charge(key);
    if (charge > trace.capacity) continue;
    while (held > trace.capacity - charge) remove(*policy.victim([](const Entry&) { return true; }));
    if (spare.empty()) spare.push_back(&pool.emplace_back());
    Entry& entry = *spare.back();
    spare.pop_back();
    entry.uses.store(0, std::memory_order_relaxed);
    entry.hash = mixed(key);
    entry.charge = charge;
    entry.key = key;
    present[key] = &entry;
    held += charge;
    policy.inserted(entry);
  }
  for (Entry* entry : present) {
    if (entry != nullptr) policy.removed(*entry);
  }
  return static_cast<double>(hits) / static_cast<double>(trace.keys.size());
}

struct Measured {
  const char* name;
  double (*hit_ratio)(const Trace&);
};

/// The chosen one last.
inline constexpr std::array<Measured, 6> kPolicies{{{"LRU", hit_ratio<detail::Lru>},
                                                    {"SIEVE", hit_ratio<detail::Sieve>},
                                                    {"S3-FIFO", hit_ratio<detail::S3Fifo>},
                                                    {"W-TinyLFU", hit_ratio<detail::WTinyLfu>},
                                                    {"climbing", hit_ratio<detail::ClimbingWTinyLfu>},
                                                    {"chosen", hit_ratio<detail::ClockTinyLfu>}}};

/// What could be reached by who knows the future (Belady: evict what is asked for last, the newcomer included). The optimum
/// where all charges are equal, a good guess where not.
inline double optimum(const Trace& trace) {
  const std::size_t requests = trace.keys.size();
  const auto never = static_cast<std::uint32_t>(requests);
  std::vector<std::uint32_t> next(requests, never);
  std::vector<std::uint32_t> seen(trace.distinct(), never);
  for (std::size_t i = requests; i-- > 0;) {
    next[i] = seen[trace.keys[i]];
    seen[trace.keys[i]] = static_cast<std::uint32_t>(i);
  }
  std::vector<std::uint32_t> due(seen.size(), never);  // by key, while present
  std::vector<bool> present(seen.size(), false);
  std::priority_queue<std::pair<std::uint32_t, std::uint32_t>> last;  // (due, key); stale pairs are skipped
  std::size_t held = 0;
  std::size_t hits = 0;
  for (std::size_t i = 0; i < requests; ++i) {
    const std::uint32_t key = trace.keys[i];
    if (present[key]) {
      ++hits;
    } else {
      present[key] = true;
      held += trace.charge(key);
    }
    due[key] = next[i];
    last.emplace(next[i], key);
    while (held > trace.capacity) {
      const auto [at, which] = last.top();
      last.pop();
      if (!present[which] || due[which] != at) continue;
      present[which] = false;
      held -= trace.charge(which);
    }
  }
  return static_cast<double>(hits) / static_cast<double>(requests);
}

}  // namespace watchbell::cache::simulator
