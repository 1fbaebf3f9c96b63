#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A deterministic scheduler: tasks are fibers of one thread, and at every step it is decided which of them goes on.
/// Whoever decides the same gets the same run. **Not thread-safe**: one run at a time in a process.
///
/// A step is taken before an operation, so a task that is not chosen stands right before the operation that its step
/// names. All runs are sequentially consistent: memory orders are for the thread sanitizer and for reasoning.
namespace watchbell::cache::explore {

enum class Action : std::uint8_t { start, load, store, exchange, add, lock, wait, point };

inline constexpr std::size_t kMaxTasks = 6;

// --- for tasks, and for what they call

/// Lets others go first, if so decided. Without effect outside of tasks.
///
/// @param ready  whether the operation could be done now; empty: always. The task is not chosen before it can
void step(Action action, const void* object, const char* what, bool (*ready)(const void*) = nullptr);
/// The same for a wait that time may end. @returns false when it did
bool step_until(const void* object, const char* what, bool (*ready)(const void*));
/// A step of the program under test itself, such as a look at the database.
inline void point(const char* what) { step(Action::point, nullptr, what); }

/// Adds a line to the trace, when there is one.
void note(std::string_view text);
bool tracing() noexcept;

/// Ends the run as failed. Does not return in a task; outside, the first failure is kept.
void fail(std::string_view why);

/// The task has locked or unlocked a mutex.
void locked() noexcept;
void unlocked();
bool holds_lock() noexcept;
bool in_task() noexcept;

/// A word for the task, or for the thread outside of tasks, which lasts from run to run.
void*& this_task_slot() noexcept;
/// Names the task.
const void* this_task() noexcept;

/// Gives an object a name for traces and says that it is written without a lock.
void register_unguarded(const void* object, std::string name);
bool is_unguarded(const void* object) noexcept;

// --- for those who run tasks

struct Task {
  std::string name;
  std::function<void()> body;
};

/// A decision that was not the usual one: to go on with the present task where it can, else with the first that can.
struct Deviation {
  std::uint32_t position = 0;  // number of the step in the run
  std::uint32_t task = 0;

  friend bool operator==(const Deviation&, const Deviation&) = default;
};
using Schedule = std::vector<Deviation>;  // ascending by position

struct Decision {
  std::uint32_t position;
  std::span<const std::uint32_t> able;  // tasks that can go on, ascending, at least one
  std::uint32_t usual;
  std::uint32_t expiring;  // bits of tasks in `able` whose wait would end by time
  bool preempts;           // the task of before is able: whatever else than the usual interrupts it
};

class Chooser {
 public:
  virtual ~Chooser() = default;
  /// @returns one of `able`
  virtual std::uint32_t choose(const Decision& decision) = 0;
};

struct Rules {
  bool time_may_pass = false;  // waits with a deadline may be ended by it, once a task
  bool trace = false;
  std::function<void()> after_unlock;  // looks at what the lock guarded; what it does is no step
};

struct Run {
  std::optional<std::string> failure;
  std::uint32_t steps = 0;
  Schedule schedule;
  std::vector<std::string> trace;
};

/// Runs the tasks to their ends, then `at_end` outside of all of them. A run that fails inside a task leaves what the
/// tasks held unfreed: their stacks are given up as they are.
Run run(const std::vector<Task>& tasks, const Rules& rules, Chooser& chooser, const std::function<void()>& at_end = {});

/// The run that is under way, for whoever must report a crash.
const Schedule& present_schedule() noexcept;

}  // namespace watchbell::cache::explore
