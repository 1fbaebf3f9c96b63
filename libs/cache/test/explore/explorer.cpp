#include "explorer.hpp"

#include "asan.hpp"
#include "memory.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <numeric>
#include <random>
#include <utility>

#include <unistd.h>

namespace watchbell::cache::explore {
namespace {

bool is_able(const Decision& decision, std::uint32_t task) {
  return std::find(decision.able.begin(), decision.able.end(), task) != decision.able.end();
}

/// Follows a schedule; then goes on as usual.
class Follower : public Chooser {
 public:
  explicit Follower(const Schedule& schedule) : schedule_(schedule) {}

  std::uint32_t choose(const Decision& decision) override {
    while (next_ < schedule_.size() && schedule_[next_].position < decision.position) ++next_;
    if (next_ < schedule_.size() && schedule_[next_].position == decision.position) {
      const std::uint32_t task = schedule_[next_++].task;
      if (is_able(decision, task)) return task;
      strayed = true;
    }
    return decision.usual;
  }

  bool strayed = false;

 private:
  const Schedule& schedule_;
  std::size_t next_ = 0;
};

/// Follows a schedule and notes what else could have been decided after it.
class Brancher : public Follower {
 public:
  struct Branch {
    Deviation deviation;
    unsigned preemptions;  // of the whole schedule with it
  };

  Brancher(const Schedule& schedule, unsigned used, unsigned allowed)
      : Follower(schedule),
        from_(schedule.empty() ? 0 : schedule.back().position + 1),
        used_(used),
        allowed_(allowed) {}

  std::uint32_t choose(const Decision& decision) override {
    if (decision.position >= from_) {
      for (const std::uint32_t task : decision.able) {
        if (task == decision.usual) continue;
        const bool costs = decision.preempts || ((decision.expiring >> task) & 1u) != 0;
        if (costs && used_ == allowed_) continue;
        branches.push_back({{decision.position, task}, used_ + (costs ? 1 : 0)});
      }
    }
    return Follower::choose(decision);
  }

  std::vector<Branch> branches;

 private:
  const std::uint32_t from_;
  const unsigned used_;
  const unsigned allowed_;
};

/// Any task, at one step in `stay`.
class Walker : public Chooser {
 public:
  Walker(std::uint64_t seed, unsigned stay) : random_(seed), stay_(stay) {}

  std::uint32_t choose(const Decision& decision) override {
    if (decision.preempts && stay_ > 1 && random_() % stay_ != 0) return decision.usual;
    return decision.able[random_() % decision.able.size()];
  }

 private:
  std::mt19937_64 random_;
  const unsigned stay_;
};

/// The able task of the highest priority; at a few steps the one that goes on loses its own.
class Prioritiser : public Chooser {
 public:
  Prioritiser(std::uint64_t seed, std::uint32_t steps) : random_(seed) {
    std::iota(priority_.begin(), priority_.end(), 100);
    std::shuffle(priority_.begin(), priority_.end(), random_);
    for (auto& change : changes_) change = static_cast<std::uint32_t>(random_() % std::max(steps, 1u));
  }

  std::uint32_t choose(const Decision& decision) override {
    std::uint32_t best = highest(decision);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (changes_[i] == UINT32_MAX || changes_[i] > decision.position) continue;
      changes_[i] = UINT32_MAX;
      priority_[best] = static_cast<int>(i);
      best = highest(decision);
    }
    return best;
  }

 private:
  std::uint32_t highest(const Decision& decision) const {
    return *std::max_element(decision.able.begin(), decision.able.end(),
                             [this](std::uint32_t a, std::uint32_t b) { return priority_[a] < priority_[b]; });
  }

  std::mt19937_64 random_;
  std::array<int, kMaxTasks> priority_{};
  std::array<std::uint32_t, 4> changes_{};
};

const Scenario* present = nullptr;  // runs now

void tell_schedule(const char* what) {
  if (present == nullptr) return;
  std::fprintf(stderr, "FAILED %s: %s\n  as found: explore --replay \"%s\"\n", present->name.c_str(), what,
               text_of(*present, present_schedule()).c_str());
}

/// The worlds of failed runs: their tasks' stacks, given up as they were, still refer to them.
void abandon(std::unique_ptr<World> world) {
  static auto& all = *new std::vector<std::unique_ptr<World>>;
  all.push_back(std::move(world));
}

void count(Tally& tally, const Run& run) {
  ++tally.schedules;
  tally.steps += run.steps;
  tally.longest = std::max(tally.longest, run.steps);
  if (run.failure) tally.found = Found{*run.failure, run.schedule};
}

}  // namespace

void report_crashes() {
#ifdef WATCHBELL_EXPLORE_ASAN
  __sanitizer_set_death_callback([] { tell_schedule("stopped by the address sanitizer"); });
#else
  static char stack[1 << 16];
  stack_t alternative{};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = [](int) {
    tell_schedule("crashed");
    std::fflush(stdout);
    _exit(1);
  };
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigaction(signal, &action, nullptr);
#endif
}

Run run_once(const Scenario& scenario, Chooser& chooser, bool trace) {
  struct Present {
    explicit Present(const Scenario& runs) { present = &runs; }
    ~Present() { present = nullptr; }
  } const now(scenario);
  const Quarantine quarantine;
  auto world = scenario.make();
  const auto tasks = world->tasks();
  Rules rules;
  rules.time_may_pass = scenario.time_may_pass;
  rules.trace = trace;
  rules.after_unlock = [&world] { world->after_unlock(); };
  Run result = run(tasks, rules, chooser, [&world] { world->at_end(); });
  if (result.failure) abandon(std::move(world));
  return result;
}

Run replay(const Scenario& scenario, const Schedule& schedule, bool trace) {
  Follower follower(schedule);
  return run_once(scenario, follower, trace);
}

Tally exhaust(const Scenario& scenario, unsigned preemptions, std::uint64_t at_most) {
  struct Open {
    Schedule schedule;
    unsigned preemptions;
  };
  Tally tally;
  std::vector<Open> open;
  open.push_back({{}, 0});
  while (!open.empty() && !tally.found) {
    if (tally.schedules == at_most) {
      tally.complete = false;
      break;
    }
    Open next = std::move(open.back());
    open.pop_back();
    Brancher brancher(next.schedule, next.preemptions, preemptions);
    const Run run = run_once(scenario, brancher);
    count(tally, run);
    if (brancher.strayed) tally.found = Found{"the same decisions did not give the same run", next.schedule};
    for (const auto& branch : brancher.branches) {
      Schedule longer = next.schedule;
      longer.push_back(branch.deviation);
      open.push_back({std::move(longer), branch.preemptions});
    }
  }
  return tally;
}

Tally random_walks(const Scenario& scenario, std::uint64_t seed, std::uint64_t schedules) {
  const std::uint32_t usual_steps = replay(scenario, {}).steps;
  Tally tally;
  for (std::uint64_t i = 0; i < schedules && !tally.found; ++i) {
    const std::uint64_t own = seed + i;
    std::unique_ptr<Chooser> chooser;
    switch (own % 3) {
      case 0: chooser = std::make_unique<Walker>(own, 1); break;
      case 1: chooser = std::make_unique<Walker>(own, 8); break;
      default: chooser = std::make_unique<Prioritiser>(own, usual_steps); break;
    }
    count(tally, run_once(scenario, *chooser));
  }
  return tally;
}

Found minimised(const Scenario& scenario, const Found& found) {
  Found least = found;
  for (bool shorter = true; shorter;) {
    shorter = false;
    for (std::size_t size = std::max<std::size_t>(least.schedule.size() / 2, 1); size > 0; size /= 2) {
      for (std::size_t at = 0; at + size <= least.schedule.size();) {
        Schedule fewer = least.schedule;
        const auto first = fewer.begin() + static_cast<std::ptrdiff_t>(at);
        fewer.erase(first, first + static_cast<std::ptrdiff_t>(size));
        const Run run = replay(scenario, fewer);
        if (run.failure && run.schedule.size() < least.schedule.size()) {
          least = {*run.failure, run.schedule};
          shorter = true;
        } else {
          at += size;
        }
      }
    }
  }
  return least;
}

std::string text_of(const Scenario& scenario, const Schedule& schedule) {
  std::string text = scenario.name + ':';
  for (const auto& [position, task] : schedule) {
    if (text.back() != ':') text += ',';
    text += std::to_string(position) + '=' + std::to_string(task);
  }
  return text;
}

std::optional<Schedule> schedule_of(std::string_view text) {
  Schedule schedule;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    Deviation deviation;
    auto parsed = std::from_chars(at, end, deviation.position);
    if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '=') return std::nullopt;
    parsed = std::from_chars(parsed.ptr + 1, end, deviation.task);
    if (parsed.ec != std::errc() || (parsed.ptr != end && *parsed.ptr != ',')) return std::nullopt;
    at = parsed.ptr == end ? end : parsed.ptr + 1;
    schedule.push_back(deviation);
  }
  return schedule;
}

std::string report(const Scenario& scenario, const Found& found) {
  const Found least = minimised(scenario, found);
  std::string text = "FAILED " + scenario.name + ": " + least.failure + '\n';
  text += "  as found: explore --replay \"" + text_of(scenario, found.schedule) + "\"\n";
  text += "  minimised: explore --replay \"" + text_of(scenario, least.schedule) + "\"\n";
  for (const auto& line : replay(scenario, least.schedule, true).trace) text += line + '\n';
  return text;
}

}  // namespace watchbell::cache::explore
