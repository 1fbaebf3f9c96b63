// Threads with loops of their own read, change and invalidate at once, and no read may be stale. Meant for the thread
// sanitizer; each thread does a fixed number of steps, so nothing here waits for time to pass.
#include "support.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace watchbell::cache::test {
namespace {

constexpr int kFamilies = 4;
constexpr int kMembers = 8;
constexpr int kThreads = 4;
constexpr int kSteps = 3000;

/// The truth: a version a key. A change raises it, then invalidates; a read that starts afterwards must not see less.
struct Truth {
  std::array<std::array<std::atomic<int>, kMembers>, kFamilies> version{};    // committed
  std::array<std::array<std::atomic<int>, kMembers>, kFamilies> announced{};  // invalidated, the call has returned
};

void raise_to(std::atomic<int>& value, int least) {
  for (int now = value.load(); now < least && !value.compare_exchange_weak(now, least);) {
  }
}

awaitable<int> load(const std::atomic<int>* version, bool suspend) {
  const int snapshot = version->load();
  if (suspend) {
    const asio::use_awaitable_t<Executor> token;
    co_await asio::post(token);
  }
  co_return snapshot;
}

awaitable<void> reads_and_changes(CachedScope scope, Truth& truth, unsigned seed, std::atomic<int>& stale) {
  std::minstd_rand random(seed);
  for (int step = 0; step < kSteps; ++step) {
    const auto family = random() % kFamilies;
    const auto member = random() % kMembers;
    const Key key("f", family, member);
    auto& version = truth.version[family][member];
    auto& announced = truth.announced[family][member];
    const auto dice = random() % 20;
    if (dice == 0) {
      const int now = ++version;
      scope.invalidate(key);
      raise_to(announced, now);
    } else if (dice == 1) {
      std::array<int, kMembers> now{};
      for (std::size_t m = 0; m < kMembers; ++m) now[m] = ++truth.version[family][m];
      scope.invalidate_prefix(Family("f", family));
      for (std::size_t m = 0; m < kMembers; ++m) raise_to(truth.announced[family][m], now[m]);
    } else {
      const int least = announced.load();
      std::optional<int> seen;
      if (const auto hit = scope.find<int>(key)) seen = *hit;
      if (!seen) {
        auto loader = [&version, suspend = dice % 2 == 0] { return load(&version, suspend); };
        seen = *co_await scope.wrap<int>(key, loader);
      }
      if (*seen < least) ++stale;
    }
  }
}

TEST(Stress, C_1_C_4_F_2_no_thread_ever_reads_a_value_older_than_an_invalidation_that_has_returned) {
  CacheOptions options;
  options.max_entries = 20;  // fewer than keys, so that eviction takes part
  Cache engine(options);
  Truth truth;
  std::atomic<int> stale = 0;
  std::atomic<int> faults = 0;
  std::vector<std::unique_ptr<asio::io_context>> loops;
  for (unsigned i = 0; i < kThreads; ++i) {
    loops.push_back(std::make_unique<asio::io_context>(1));
    asio::co_spawn(*loops.back(), reads_and_changes(CachedScope(engine, "scope", 1h), truth, 7 + i, stale),
                   [&](std::exception_ptr fault) { faults += fault != nullptr; });
  }
  // A loop that has nothing of its own left still runs the loads that others wait for.
  std::vector<std::thread> threads;
  for (auto& loop : loops) threads.emplace_back([&loop] { loop->run(); });
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(stale, 0);
  EXPECT_EQ(faults, 0);
  const auto seen = engine.snapshot();
  EXPECT_LE(seen.entries, 20u);
  EXPECT_EQ(seen.running_loads, 0u);
  EXPECT_EQ(seen.flights, 0u);
  EXPECT_EQ(seen.misses, seen.loads + seen.joins);
  EXPECT_GT(seen.hits, 0u);
}

awaitable<void> read_under_cancellation(CachedScope scope, const std::atomic<int>& version, int key) {
  auto loader = [&version] { return load(&version, true); };
  static_cast<void>(co_await scope.wrap<int>(Key("k", key), loader));
}

TEST(Stress, F_5_readers_that_give_up_on_several_threads_harm_nobody) {
  Cache engine;
  const std::atomic<int> version = 1;
  std::atomic<int> ended = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      asio::io_context loop(1);
      const CachedScope scope(engine, "scope", 1h);
      for (int round = 0; round < 300; ++round) {
        asio::cancellation_signal cancel;
        asio::co_spawn(loop, read_under_cancellation(scope, version, round % 5),
                       asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ++ended; }));
        loop.restart();
        loop.poll_one();
        if ((round + t) % 3 == 0) asio::post(loop, [&] { cancel.emit(asio::cancellation_type::terminal); });
        if ((round + t) % 4 == 0) scope.invalidate_prefix(Family("k"));
        loop.restart();
        loop.run();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ended, kThreads * 300);
  EXPECT_EQ(engine.snapshot().running_loads, 0u);
}

}  // namespace
}  // namespace watchbell::cache::test
