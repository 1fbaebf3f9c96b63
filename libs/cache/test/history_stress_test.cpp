// Threads read, change and invalidate at once while every operation is written down; the checker then says whether any
// read was stale. Meant for the thread sanitizer. Each thread does a fixed number of steps.
#include <watchbell/cache/blocking.hpp>
#include <watchbell/cache/testing/checker.hpp>
#include <watchbell/cache/testing/history.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace watchbell::cache::test {
namespace {

using namespace std::chrono_literals;
namespace testing = watchbell::cache::testing;

constexpr unsigned kFamilies = 3;
constexpr unsigned kMembers = 6;
constexpr int kSteps = 4000;

struct Rows {
  std::array<std::array<std::atomic<std::uint64_t>, kMembers>, kFamilies> version{};
};

std::string item(unsigned family, unsigned member) { return std::to_string(family) + "/" + std::to_string(member); }
Key key_of(unsigned family, unsigned member) { return Key("f", family, member); }

void read_one(const BlockingScope& scope, Rows& rows, testing::Recorder& recorder, unsigned family, unsigned member) {
  const std::string name = item(family, member);
  const Key key = key_of(family, member);
  auto read = recorder.begin_read(name);
  std::uint64_t seen = 0;
  bool found = false;
  if (const auto lent = scope.find<std::uint64_t>(key)) {
    seen = *lent;
    found = true;
  }
  if (!found) seen = *scope.wrap<std::uint64_t>(key, [&] { return rows.version[family][member].load(); });
  read.saw(name, seen);
  read.returned();
}

void read_many(const BlockingScope& scope, Rows& rows, testing::Recorder& recorder, unsigned family) {
  std::vector<unsigned> members(kMembers);
  for (unsigned m = 0; m < kMembers; ++m) members[m] = m;
  auto read = recorder.begin_read(std::to_string(family));
  const auto values = scope.wrap_many_batched<std::uint64_t>(
      members, [family](unsigned m) { return key_of(family, m); },
      [&](const std::vector<unsigned>& missing) {
        std::vector<std::uint64_t> loaded;
        for (const unsigned m : missing) loaded.push_back(rows.version[family][m].load());
        return loaded;
      });
  for (unsigned m = 0; m < kMembers; ++m) read.saw(item(family, m), *values[m]);
  read.returned();
}

void change_one(const BlockingScope& scope, Rows& rows, testing::Recorder& recorder, unsigned family, unsigned member) {
  auto change = recorder.begin_change(item(family, member));
  change.wrote(++rows.version[family][member]);
  scope.invalidate(key_of(family, member));
  change.returned();
}

void change_family(const BlockingScope& scope, Rows& rows, testing::Recorder& recorder, unsigned family) {
  std::vector<testing::RecordedChange> changes;
  for (unsigned m = 0; m < kMembers; ++m) {
    changes.push_back(recorder.begin_change(item(family, m)));
    changes.back().wrote(++rows.version[family][m]);
  }
  scope.invalidate_prefix(Family("f", family));
  for (auto& change : changes) change.returned();
}

void work(const BlockingScope& scope, Rows& rows, testing::Recorder& recorder, unsigned seed) {
  std::minstd_rand random(seed);
  for (int step = 0; step < kSteps; ++step) {
    const auto family = static_cast<unsigned>(random() % kFamilies);
    const auto member = static_cast<unsigned>(random() % kMembers);
    switch (random() % 24) {
      case 0: change_one(scope, rows, recorder, family, member); break;
      case 1: change_family(scope, rows, recorder, family); break;
      case 2: read_many(scope, rows, recorder, family); break;
      default: read_one(scope, rows, recorder, family, member);
    }
  }
}

TEST(HistoryStress, C_1_C_2_C_4_F_2_a_history_of_threads_holds_no_stale_read) {
  const unsigned seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::ostringstream out;
  {
    testing::Recorder recorder(out);
    CacheOptions options;
    options.max_entries = 12;  // fewer than keys, so that eviction takes part
    Cache engine(options);
    Rows rows;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t)
      threads.emplace_back(
          [&, t] { work(BlockingScope(engine, "scope", ScopeOptions(1h)), rows, recorder, seed + t); });
    for (auto& thread : threads) thread.join();
    EXPECT_LE(engine.snapshot().entries, 12u);
    EXPECT_EQ(engine.snapshot().flights, 0u);
    recorder.close();
  }
  testing::History history;
  std::istringstream in(out.str());
  testing::read_history(in, "stress", history);
  const auto verdict = testing::check(history);
  EXPECT_EQ(verdict.kind, testing::Verdict::Kind::ok) << testing::describe(history, verdict);
  EXPECT_GT(verdict.reads, 4u * kSteps / 2);
  EXPECT_GT(verdict.changes, 100u);
}

/// The same workload over a cache whose invalidations are forgotten now and then: the checker must see it.
TEST(HistoryStress, the_checker_finds_a_forgotten_invalidation) {
  std::ostringstream out;
  {
    testing::Recorder recorder(out);
    Cache engine;
    const BlockingScope scope(engine, "scope", ScopeOptions(1h));
    Rows rows;
    read_one(scope, rows, recorder, 0, 0);
    auto change = recorder.begin_change(item(0, 0));
    change.wrote(++rows.version[0][0]);
    change.returned();
    read_one(scope, rows, recorder, 0, 0);
    recorder.close();
  }
  testing::History history;
  std::istringstream in(out.str());
  testing::read_history(in, "forgotten", history);
  EXPECT_EQ(testing::check(history).kind, testing::Verdict::Kind::stale);
}

}  // namespace
}  // namespace watchbell::cache::test
