// Explores the interleavings of the cache's own code from the command line; see README.md beside this.
#include "scenarios.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using namespace watchbell::cache::explore;

constexpr std::uint64_t kSeed = 1;

int usage() {
  std::fputs(
      "explore [--scenario NAME]... [--seed S] [--schedules N] [--preemptions P]\n"
      "  runs of each scenario all schedules with up to P preemptions (without P: the scenario's own bound; none: no\n"
      "  such run), then N random ones from the seed S\n"
      "explore --deep          the bounds of `make explore` instead\n"
      "explore --replay \"NAME:12=1,40=0\"    one schedule, with its trace\n"
      "explore --list          the scenarios\n",
      stderr);
  return 2;
}

bool tell(const CacheScenario& scenario, const char* how, const Tally& tally, std::chrono::steady_clock::time_point began) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%-18s %-28s %10llu schedules, %5.1f steps each, longest %u, %.1f s%s\n", scenario.name.c_str(), how,
              static_cast<unsigned long long>(tally.schedules),
              static_cast<double>(tally.steps) / static_cast<double>(tally.schedules ? tally.schedules : 1),
              tally.longest, seconds, tally.complete ? "" : ", cut short");
  std::fflush(stdout);
  if (tally.found) std::fputs(report(scenario, *tally.found).c_str(), stdout);
  return !tally.found;
}

int replay_one(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return usage();
  const CacheScenario* const present = find_scenario(text.substr(0, colon));
  const auto schedule = schedule_of(text.substr(colon + 1));
  if (present == nullptr || !schedule) return usage();
  const Run run = replay(*present, *schedule, true);
  for (const auto& line : run.trace) std::puts(line.c_str());
  std::printf("%s\n", run.failure ? ("FAILED " + *run.failure).c_str() : "passed");
  return run.failure ? 1 : 0;
}

template <class Number>
bool parse(const char* text, Number& number) {
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

}  // namespace

int main(int count, char** arguments) {
  report_crashes();
  std::vector<const CacheScenario*> chosen;
  std::uint64_t seed = kSeed;
  std::uint64_t schedules = 0;
  int preemptions = -1;
  bool bounded = true;
  bool deep = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const char* const value = i + 1 < count ? arguments[i + 1] : "";
    if (argument == "--list") {
      for (const auto& scenario : cache_scenarios()) std::printf("%-18s %s\n", scenario.name.c_str(), scenario.about.c_str());
      return 0;
    }
    if (argument == "--replay") return replay_one(value);
    if (argument == "--deep") {
      deep = true;
    } else if (argument == "--scenario" && find_scenario(value) != nullptr) {
      chosen.push_back(find_scenario(value));
      ++i;
    } else if (argument == "--seed" && parse(value, seed)) {
      ++i;
    } else if (argument == "--schedules" && parse(value, schedules)) {
      ++i;
    } else if (argument == "--preemptions" && std::string_view(value) == "none") {
      bounded = false;
      ++i;
    } else if (argument == "--preemptions" && parse(value, preemptions) && preemptions >= 0) {
      ++i;
    } else {
      return usage();
    }
  }
  if (chosen.empty())
    for (const auto& scenario : cache_scenarios()) chosen.push_back(&scenario);
  for (const CacheScenario* const scenario : chosen) {
    auto began = std::chrono::steady_clock::now();
    if (bounded) {
      const unsigned bound = preemptions >= 0 ? static_cast<unsigned>(preemptions)
                             : deep           ? scenario->deep_bound
                                              : scenario->bound;
      const std::string how = "all to " + std::to_string(bound) + " preemptions";
      if (!tell(*scenario, how.c_str(), exhaust(*scenario, bound), began)) return 1;
    }
    began = std::chrono::steady_clock::now();
    if (schedules > 0) {
      const std::string how = "random from seed " + std::to_string(seed);
      const Tally tally = random_walks(*scenario, seed, schedules);
      const bool passed = tell(*scenario, how.c_str(), tally, began);
      if (!passed) {
        std::printf("  by itself: explore --scenario %s --preemptions none --seed %llu --schedules 1\n",
                    scenario->name.c_str(), static_cast<unsigned long long>(seed + tally.schedules - 1));
        return 1;
      }
    }
  }
}
