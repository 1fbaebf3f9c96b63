// The share of the exploration that runs with the tests: of each scenario every schedule up to its bound of preemptions,
// and some thousands of random ones from a seed that is printed. `make explore` goes further.
#include "scenarios.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace watchbell::cache::explore {
namespace {

#if defined(__SANITIZE_ADDRESS__)
#define WATCHBELL_EXPLORE_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHBELL_EXPLORE_SLOW 1
#endif
#endif
#ifdef WATCHBELL_EXPLORE_SLOW
constexpr unsigned kLessBound = 1;
constexpr std::uint64_t kRandom = 500;
#else
constexpr unsigned kLessBound = 0;
constexpr std::uint64_t kRandom = 5000;
#endif

/// A new one each time, unless WATCHBELL_EXPLORE_SEED says which.
std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* const given = std::getenv("WATCHBELL_EXPLORE_SEED");
    const std::uint64_t number = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::printf("random schedules from WATCHBELL_EXPLORE_SEED=%llu\n", static_cast<unsigned long long>(number));
    return number;
  }();
  return chosen;
}

void explore(const char* name) {
  const CacheScenario* const scenario = find_scenario(name);
  ASSERT_NE(scenario, nullptr);
  report_crashes();
  const unsigned bound = scenario->bound - kLessBound;
  const Tally all = exhaust(*scenario, bound);
  EXPECT_TRUE(all.complete);
  ASSERT_FALSE(all.found) << report(*scenario, *all.found);
  const Tally some = random_walks(*scenario, seed(), kRandom);
  ASSERT_FALSE(some.found) << report(*scenario, *some.found);
  std::printf("%s: all %llu schedules up to %u preemptions, %llu random ones\n", name,
              static_cast<unsigned long long>(all.schedules), bound, static_cast<unsigned long long>(some.schedules));
}

TEST(Explore, C_1_C_2_F_1_a_key_is_invalidated_while_its_first_load_runs) { explore("first-load"); }
TEST(Explore, C_1_C_2_F_2_a_family_is_invalidated_while_a_key_in_it_loads_first) { explore("first-load-family"); }
TEST(Explore, F_2_F_3_an_old_load_ends_after_a_newer_one_began) { explore("old-and-new"); }
TEST(Explore, C_1_the_family_of_exactly_a_keys_segments_and_all_of_a_scope) { explore("exact-key"); }
TEST(Explore, C_28_what_is_lent_lives_while_it_is_invalidated_replaced_and_evicted) { explore("lent"); }
TEST(Explore, C_8_C_9_families_go_and_come_again_while_they_are_invalidated) { explore("eviction"); }
TEST(Explore, C_4_a_reader_while_the_table_grows) { explore("growth"); }
TEST(Explore, C_1_C_28_everything_is_dropped_while_it_is_read_and_swept) { explore("clear"); }
TEST(Explore, F_4_a_loader_throws) { explore("failing"); }
TEST(Explore, C_7_F_6_a_reader_waits_no_longer_than_the_deadline) { explore("deadline"); }
TEST(Explore, C_1_C_15_a_value_is_loaded_anew_before_it_expires) { explore("refresh"); }
TEST(Explore, C_4_C_9_C_28_F_1_two_loaders_two_invalidators_and_an_evictor) { explore("full"); }

TEST(Explore, the_same_seed_gives_the_same_schedules) {
  const CacheScenario* const scenario = find_scenario("full");
  const Tally once = random_walks(*scenario, 7, 200);
  const Tally again = random_walks(*scenario, 7, 200);
  EXPECT_EQ(once.steps, again.steps);
  EXPECT_EQ(once.longest, again.longest);
}

}  // namespace
}  // namespace watchbell::cache::explore
