#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <watchbell/cache/testing/checker.hpp>

#include "async/task_scope.hpp"
#include "platform/redis/test/client.hpp"
#include "tests/support/redis_server.hpp"

namespace watchbell::redis::test {

/// What the readers of a strict scope feel of a Redis that stands still for a while: reads arrive at a fixed rate whatever becomes of those before
/// them, keys by zipf, with changes and their invalidations now and then. For the benchmark, and, shorter and without a word about time, for a test.
/// Loop-only, but for reading the result.
class Frozen {
 public:
  struct Options {
    std::chrono::milliseconds before{3000};
    std::chrono::milliseconds frozen{30'000};
    std::chrono::milliseconds recovers_within{60'000};
    std::chrono::milliseconds after{3000};
    int reads_per_second = 1000;
    int reads_per_change = 20;
    unsigned keys = 1000;
    double zipf = 0.99;
    unsigned seed = 1;
  };
  /// When a read began; one that met the freeze on its way counts to `opening`.
  enum Phase : std::uint8_t { before, opening, open, recovering, after, kPhases };
  static constexpr std::array<const char*, kPhases> kNames{"before", "opening", "open", "recovering", "after"};

  struct Result {
    struct Latency {
      std::size_t reads = 0;
      double p50_us = 0;  ///< from when the read was due
      double p99_us = 0;
      double max_us = 0;
      double late_us_max = 0;    ///< of these, how late the loop began one at most: other work of the machine
      double served_p50_us = 0;  ///< from when the read began
      double served_p99_us = 0;
    };
    std::array<Latency, kPhases> phases;
    std::size_t errors = 0;  ///< reads and invalidations that threw
    std::size_t changes = 0;
    cache::testing::Verdict verdict;
    std::string told;  ///< the verdict in words
    bool opened = false;
    double opened_after_ms = 0;          ///< since the freeze
    std::uint64_t asked_while_open = 0;  ///< calls for reads, from 200 ms after it opened until the thaw
    bool recovered = false;              ///< circuit closed, nothing pending
    double recovered_after_ms = 0;       ///< since the thaw
    std::uint64_t hits_after = 0;        ///< reads that Redis answered once it was back
  };

  Frozen(async::Loop& loop, Client& client, watchbell::test::RedisServer& server, Options options)
      : loop_(loop),
        client_(client),
        server_(server),
        options_(options),
        random_(options.seed),
        rows_(options.keys),
        scope_(loop.executor(), [this](std::string_view, std::exception_ptr) { ++result_.errors; }) {
    double sum = 0;
    for (unsigned i = 1; i <= options.keys; ++i) weights_.push_back(sum += 1 / std::pow(i, options.zipf));
  }

  awaitable<void> run() {
    scope_.spawn("arrivals", arrivals());
    co_await sleep(options_.before);

    server_.freeze();
    const auto frozen_at = now();
    phase_ = opening;
    while (!client_.shared.snapshot().circuit_open && now() - frozen_at < options_.frozen) co_await sleep(std::chrono::milliseconds(1));
    result_.opened = client_.shared.snapshot().circuit_open;
    result_.opened_after_ms = ms_since(frozen_at);
    phase_ = open;
    co_await sleep(std::chrono::milliseconds(200));  // those on their way have ended
    const auto asked = client_.shared.snapshot();
    co_await sleep(options_.frozen - std::chrono::duration_cast<std::chrono::milliseconds>(now() - frozen_at));
    const auto asked_at_last = client_.shared.snapshot();
    result_.asked_while_open = asked_at_last.fetch_errors - asked.fetch_errors + asked_at_last.hits - asked.hits + asked_at_last.misses - asked.misses;

    server_.thaw();
    const auto thawed_at = now();
    phase_ = recovering;
    const auto is_back = [this] {
      const auto seen = client_.shared.snapshot();
      return !seen.circuit_open && seen.pending == 0;
    };
    while (!is_back() && now() - thawed_at < options_.recovers_within) co_await sleep(std::chrono::milliseconds(5));
    result_.recovered = is_back();
    result_.recovered_after_ms = ms_since(thawed_at);
    phase_ = after;
    const auto hits = client_.shared.snapshot().hits;
    co_await sleep(options_.after);
    result_.hits_after = client_.shared.snapshot().hits - hits;

    ended_ = true;
    co_await scope_.join();
  }

  /// REQUIRES: run() has ended. Once.
  Result result() {
    recorder_->close();
    cache::testing::History history;
    cache::testing::read_history(file_, "frozen", history);
    result_.verdict = cache::testing::check(history);
    result_.told = cache::testing::describe(history, result_.verdict);
    for (std::size_t i = 0; i < kPhases; ++i) {
      auto& us = latencies_[i];
      auto& served = served_[i];
      auto& told = result_.phases[i];
      told.reads = us.size();
      if (us.empty()) continue;
      std::ranges::sort(us);
      std::ranges::sort(served);
      told.served_p50_us = served[served.size() / 2];
      told.served_p99_us = served[served.size() * 99 / 100];
      told.p50_us = us[us.size() / 2];
      told.p99_us = us[us.size() * 99 / 100];
      told.max_us = us.back();
    }
    return std::move(result_);
  }

 private:
  using Instant = std::chrono::steady_clock::time_point;
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
  using Row = std::uint64_t;

  static Instant now() { return std::chrono::steady_clock::now(); }
  static double ms_since(Instant then) { return std::chrono::duration<double, std::milli>(now() - then).count(); }
  static double us_since(Instant then) { return std::chrono::duration<double, std::micro>(now() - then).count(); }

  awaitable<void> sleep(std::chrono::milliseconds time) {
    Timer timer(loop_.executor(), time);
    co_await timer.async_wait(use_awaitable);
  }

  unsigned pick() {
    const double at = std::uniform_real_distribution<double>(0, weights_.back())(random_);
    return static_cast<unsigned>(std::ranges::lower_bound(weights_, at) - weights_.begin());
  }
  static cache::Key key_of(unsigned row) { return cache::Key("group", row % 10, row); }
  static std::string item_of(unsigned row) { return "row:" + std::to_string(row); }

  awaitable<void> arrivals() {
    Timer timer(loop_.executor());
    const auto began = now();
    const std::chrono::nanoseconds apart = std::chrono::nanoseconds(std::chrono::seconds(1)) / options_.reads_per_second;
    for (std::int64_t n = 0; !ended_; ++n) {
      const auto due = began + n * apart;
      timer.expires_at(due);
      co_await timer.async_wait(use_awaitable);
      scope_.spawn("read", read(due));
      if (n % options_.reads_per_change == 0) scope_.spawn("change", change(n % (10 * options_.reads_per_change) == 0));
    }
  }

  awaitable<Row> load(unsigned row) {
    const Row snapshot = rows_[row];
    co_await asio::post(loop_.executor(), use_awaitable);
    co_return snapshot;
  }

  awaitable<void> read(Instant due) {
    const Phase began = phase_;
    const double late = us_since(due);
    const unsigned row = pick();
    auto recorded = recorder_->begin_read(item_of(row));
    auto loader = [this, row] { return load(row); };
    const auto value = co_await client_.strict.wrap<Row>(key_of(row), std::move(loader));
    recorded.saw(item_of(row), *value);
    recorded.returned();
    const Phase counted = began == before && phase_ != before ? opening : began;
    latencies_[counted].push_back(us_since(due));
    served_[counted].push_back(us_since(due) - late);
    result_.phases[counted].late_us_max = std::max(result_.phases[counted].late_us_max, late);
  }

  awaitable<void> change(bool family) {
    const unsigned row = pick();
    auto recorded = recorder_->begin_change(item_of(row));
    recorded.wrote(++rows_[row]);
    ++result_.changes;
    // Whether Redis has heard of it or not: the process that made the change never again sees what was before.
    if (family) co_await client_.strict.invalidate_prefix<Executor>(cache::Family("group", row % 10));
    else co_await client_.strict.invalidate<Executor>(key_of(row));
    recorded.returned();
  }

  async::Loop& loop_;
  Client& client_;
  watchbell::test::RedisServer& server_;
  const Options options_;
  std::mt19937 random_;
  std::vector<double> weights_;
  std::vector<Row> rows_;
  std::stringstream file_;
  std::unique_ptr<cache::testing::Recorder> recorder_ = std::make_unique<cache::testing::Recorder>(file_);
  Phase phase_ = before;
  bool ended_ = false;
  std::array<std::vector<double>, kPhases> latencies_;
  std::array<std::vector<double>, kPhases> served_;
  Result result_;
  async::TaskScope scope_;
};

}  // namespace watchbell::redis::test
