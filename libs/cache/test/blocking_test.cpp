// Plain threads, alone and beside coroutines, on one cache.
#include "support.hpp"

#include <watchbell/cache/blocking.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace watchbell::cache::test {
namespace {

const Key kKey("k");

/// Waits, without sleeping, until so many readers have joined.
void await_joins(const Cache& engine, std::uint64_t count) {
  while (engine.snapshot().joins < count) std::this_thread::yield();
}

TEST(Blocking, a_miss_runs_the_loader_here_and_a_hit_does_not) {
  Cache engine;
  const BlockingScope scope(engine, "scope", 15s);
  int loads = 0;
  const auto load = [&] { return std::to_string(++loads); };
  EXPECT_EQ(*scope.wrap<std::string>(kKey, load), "1");
  EXPECT_EQ(*scope.wrap<std::string>(kKey, load), "1");
  EXPECT_EQ(*scope.find<std::string>(kKey), "1");
  scope.invalidate(kKey);
  EXPECT_EQ(*scope.wrap<std::string>(kKey, load), "2");
  scope.invalidate_all();
  EXPECT_EQ(*scope.wrap<std::string>(kKey, load), "3");
  EXPECT_EQ(engine.snapshot().running_loads, 0u);
}

TEST(Blocking, F_1_threads_that_miss_at_once_load_once) {
  Cache engine;
  const BlockingScope scope(engine, "scope", 15s);
  constexpr int kThreads = 8;
  std::atomic<int> loads = 0;
  std::vector<std::future<std::string>> readers;
  for (int i = 0; i < kThreads; ++i)
    readers.push_back(std::async(std::launch::async, [&] {
      return *scope.wrap<std::string>(kKey, [&] {
        ++loads;
        await_joins(engine, kThreads - 1);
        return std::string("one");
      });
    }));
  for (auto& reader : readers) EXPECT_EQ(reader.get(), "one");
  EXPECT_EQ(loads, 1);
}

TEST(Blocking, F_4_an_error_reaches_all_who_wait_and_frees_the_slot) {
  Cache engine;
  const BlockingScope scope(engine, "scope", 15s);
  const auto load = [&]() -> std::string {
    await_joins(engine, 1);
    throw std::runtime_error("loader");
  };
  auto other = std::async(std::launch::async, [&] { return scope.wrap<std::string>(kKey, load); });
  EXPECT_THROW(scope.wrap<std::string>(kKey, load), std::runtime_error);
  EXPECT_THROW(other.get(), std::runtime_error);
  EXPECT_EQ(*scope.wrap<std::string>(kKey, [] { return std::string("fine"); }), "fine");
}

TEST(Blocking, F_6_those_who_wait_past_the_deadline_get_away_and_the_slot_is_free) {
  Cache engine;
  const BlockingScope scope(engine, "scope", ScopeOptions(15s, 1ms));
  std::promise<void> release;
  auto stuck = std::async(std::launch::async, [&] {
    return scope.wrap<std::string>(kKey, [&] {
      release.get_future().wait();
      return std::string("late");
    });
  });
  while (engine.snapshot().loads == 0) std::this_thread::yield();
  EXPECT_THROW(scope.wrap<std::string>(kKey, [] { return std::string("joined"); }), LoadTimedOut);
  EXPECT_EQ(*scope.wrap<std::string>(kKey, [] { return std::string("new"); }), "new");
  release.set_value();
  EXPECT_THROW(stuck.get(), LoadTimedOut);
  EXPECT_EQ(*scope.find<std::string>(kKey), "new");
  EXPECT_EQ(engine.snapshot().discarded.late, 1u);
}

TEST(Blocking, F_9_a_loader_that_reads_its_own_key_fails_with_a_clear_error) {
  Cache engine;
  const BlockingScope scope(engine, "scope", 15s);
  const auto inner = [] { return std::string("never"); };
  EXPECT_THROW(scope.wrap<std::string>(kKey, [&] { return *scope.wrap<std::string>(kKey, inner); }), SelfRead);
  EXPECT_EQ(*scope.wrap<std::string>(kKey, [&] { return *scope.wrap<std::string>(Key("other"), inner); }), "never");
}

TEST(Blocking, F_7_a_batch_loads_what_is_missing_with_one_call) {
  Cache engine;
  const BlockingScope scope(engine, "scope", 15s);
  const auto key_for = [](int id) { return Key("f", id); };
  std::vector<std::vector<int>> asked;
  const auto load_all = [&](const std::vector<int>& ids) {
    asked.push_back(ids);
    std::vector<int> values;
    for (const int id : ids) values.push_back(10 * id);
    return values;
  };
  scope.wrap<int>(key_for(2), [] { return 2; });
  const std::vector<int> ids{1, 2, 3, 1};
  const auto values = scope.wrap_many_batched<int>(ids, key_for, load_all);
  EXPECT_EQ(*values[0], 10);
  EXPECT_EQ(*values[1], 2);
  EXPECT_EQ(*values[2], 30);
  EXPECT_EQ(values[0], values[3]);
  EXPECT_EQ(asked, (std::vector<std::vector<int>>{{1, 3}}));
  const std::vector<int> two{8, 9};
  EXPECT_THROW(scope.wrap_many_batched<int>(two, key_for, [](const std::vector<int>&) { return std::vector<int>{1}; }),
               WrongLength);
  EXPECT_EQ(engine.snapshot().flights, 0u);
}

TEST(Blocking, a_coroutine_joins_the_load_of_a_thread_and_ends_with_it) {
  World world;
  const BlockingScope scope(world.scope);
  std::promise<void> release;
  auto thread = std::async(std::launch::async, [&] {
    return scope.wrap<std::string>(kKey, [&] {
      release.get_future().wait();
      return std::string("from the thread");
    });
  });
  while (world.engine.snapshot().loads == 0) std::this_thread::yield();
  const auto reader = world.read(kKey);
  EXPECT_FALSE(reader->ended);
  release.set_value();
  const auto value = thread.get();
  drain(world.loop);
  EXPECT_EQ(reader->value, value);
  EXPECT_EQ(world.source.loads, 0);
}

TEST(Blocking, F_6_a_coroutine_that_joined_the_load_of_a_thread_is_not_held_past_the_deadline) {
  World world;
  const CachedScope hasty(world.engine, "hasty", ScopeOptions(15s, 1ms));
  std::promise<void> release;
  auto thread = std::async(std::launch::async, [&] {
    return BlockingScope(hasty).wrap<std::string>(kKey, [&] {
      release.get_future().wait();
      return std::string("late");
    });
  });
  while (world.engine.snapshot().loads == 0) std::this_thread::yield();
  const auto reader = spawn(world.loop, hasty.wrap<std::string>(kKey, world.source.loader()));
  world.loop.restart();
  world.loop.run();
  EXPECT_TRUE(reader->threw<LoadTimedOut>());
  release.set_value();
  EXPECT_THROW(thread.get(), LoadTimedOut);
}

TEST(Blocking, a_thread_joins_the_load_of_a_coroutine) {
  World world;
  const auto gate = world.source.hold();
  const auto reader = world.read(kKey);
  auto thread = std::async(std::launch::async, [&] {
    return BlockingScope(world.scope).wrap<std::string>(kKey, [] { return std::string("never"); });
  });
  await_joins(world.engine, 1);
  gate->open();
  drain(world.loop);
  EXPECT_EQ(thread.get(), reader->value);
}

TEST(Blocking, a_refresh_is_done_by_one_thread_and_a_failing_one_gives_the_present_value) {
  ManualClock clock;
  CacheOptions options;
  options.ttl_jitter = 0;
  options.clock = clock.hook();
  Cache engine(options);
  const BlockingScope scope(engine, "scope", ScopeOptions(10s, 30s, 2s));
  scope.wrap<int>(kKey, [] { return 1; });
  clock.advance(9s);
  EXPECT_EQ(*scope.wrap<int>(kKey, []() -> int { throw std::runtime_error("refresh"); }), 1);
  EXPECT_EQ(*scope.wrap<int>(kKey, [] { return 2; }), 1);  // it was tried
  clock.advance(1s);
  EXPECT_EQ(*scope.wrap<int>(kKey, [] { return 2; }), 2);
  clock.advance(9s);
  EXPECT_EQ(*scope.wrap<int>(kKey, [] { return 3; }), 3);
}

TEST(Lent, many_threads_are_lent_values_while_others_replace_and_drop_them) {
  CacheOptions options;
  options.max_entries = 8;
  Cache engine(options);
  const BlockingScope scope(engine, "scope", 1h);
  constexpr int kRounds = 20'000;
  std::atomic<int> torn = 0;
  const auto made = [](int i) { return std::string(64, static_cast<char>('a' + i % 26)); };
  const auto read = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < kRounds; ++i) {
      const Key key("k", random() % 12);
      if (const auto lent = scope.find<std::string>(key)) {
        for (const char c : *lent) torn += c != lent->front();
      } else {
        scope.wrap<std::string>(key, [&] { return made(i); });
      }
      if (random() % 16 == 0) scope.invalidate(key);
      if (random() % 64 == 0) scope.invalidate_prefix(Family("k"));
      if (random() % 512 == 0) engine.clear();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) threads.emplace_back(read, t + 1);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  scope.wrap<int>(Key("last"), [] { return 1; });
  EXPECT_EQ(engine.snapshot().awaiting_release, 0u);
  EXPECT_LE(engine.snapshot().entries, 8u);
}

}  // namespace
}  // namespace watchbell::cache::test
