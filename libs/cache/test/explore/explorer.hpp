#pragma once

#include <watchbell_explore/scheduler.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchbell::cache::explore {

/// One state of the world, run once: made anew for every schedule.
class World {
 public:
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  virtual std::vector<Task> tasks() = 0;
  virtual void after_unlock() {}
  virtual void at_end() {}
};

struct Scenario {
  std::string name;
  std::string about;
  std::function<std::unique_ptr<World>()> make;
  bool time_may_pass = false;
};

/// One schedule, alone.
Run run_once(const Scenario& scenario, Chooser& chooser, bool trace = false);
/// Deviations that are not possible are left out, so that a schedule may be cut anywhere.
Run replay(const Scenario& scenario, const Schedule& schedule, bool trace = false);

/// From now on a crash of the code under test, or a report of the address sanitizer, tells the schedule that led to it.
void report_crashes();

struct Found {
  std::string failure;
  Schedule schedule;
};
struct Tally {
  std::uint64_t schedules = 0;
  std::uint64_t steps = 0;
  std::uint32_t longest = 0;  // steps
  bool complete = true;       // exhaustive only: all schedules within the bound were run
  std::optional<Found> found;
};

/// Every schedule with at most so many preemptions, each once (Musuvathi and Qadeer, "Iterative context bounding",
/// PLDI 2007): a switch away from a task that could go on is one, and so is the end of a wait by time. Where the present
/// task waits or has finished, every other that can go on is tried, which counts as none. Stops at the first failure,
/// and at `at_most` schedules.
Tally exhaust(const Scenario& scenario, unsigned preemptions, std::uint64_t at_most = UINT64_MAX);

/// Schedule i is drawn from the seed `seed + i`, by one of three ways in turn: any task at every step; the same with
/// seven in eight steps staying where they are; and priorities that change at a few steps (Burckhardt and others, "A
/// randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010). Stops at the first failure.
Tally random_walks(const Scenario& scenario, std::uint64_t seed, std::uint64_t schedules);

/// Leaves out deviations one after the other for as long as it fails still, in whatever way.
Found minimised(const Scenario& scenario, const Found& found);

/// As `replay` of the program reads it: NAME:12=1,40=0
std::string text_of(const Scenario& scenario, const Schedule& schedule);
/// Without the name. Nothing when it is not one.
std::optional<Schedule> schedule_of(std::string_view text);

/// The failure, how to see it again, and its trace; minimises it first.
std::string report(const Scenario& scenario, const Found& found);

}  // namespace watchbell::cache::explore
