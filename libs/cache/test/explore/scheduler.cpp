#include <watchbell_explore/scheduler.hpp>

#include "asan.hpp"

#include <cxxabi.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

namespace watchbell::cache::explore {
namespace {

#ifdef WATCHBELL_EXPLORE_ASAN
constexpr std::size_t kStackBytes = std::size_t{512} << 10;
#else
constexpr std::size_t kStackBytes = std::size_t{128} << 10;
#endif
/// A run of this many steps does not end by itself.
constexpr std::uint32_t kMaxSteps = 20'000;
constexpr std::uint32_t kOutside = kMaxTasks;

/// What the C++ runtime keeps for a thread about exceptions that are being handled; each fiber has its own.
struct Exceptions {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

struct Pending {
  Action action = Action::start;
  const void* object = nullptr;
  const char* what = "";
  bool (*ready)(const void*) = nullptr;
  bool may_expire = false;
};

struct Fiber {
  ucontext_t context{};
  std::unique_ptr<char[]> stack;
  const void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
  void* fake_stack = nullptr;
  Exceptions exceptions;

  const Task* task = nullptr;
  Pending pending;
  bool finished = false;
  bool expired_once = false;
  unsigned locks = 0;
};

/// The one run of the process.
struct State {
  std::array<Fiber, kMaxTasks + 1> fibers;  // the last: outside of tasks
  std::array<void*, kMaxTasks + 1> slots{};
  std::uint32_t current = kOutside;
  std::uint32_t count = 0;
  const Rules* rules = nullptr;
  Chooser* chooser = nullptr;
  Run result;
  bool looking = false;  // after_unlock runs
  std::vector<std::pair<const void*, std::string>> unguarded;
};

State& state() {
  static State& instance = *new State;
  return instance;
}

Exceptions* exceptions_of_thread() { return reinterpret_cast<Exceptions*>(abi::__cxa_get_globals()); }

/// First thing on the stack that was switched to. `from`: the fiber that was left.
void arrived([[maybe_unused]] std::uint32_t from) {
#ifdef WATCHBELL_EXPLORE_ASAN
  State& s = state();
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(s.fibers[s.current].fake_stack, &bottom, &bytes);
  if (from == kOutside) {
    s.fibers[kOutside].stack_bottom = bottom;
    s.fibers[kOutside].stack_bytes = bytes;
  }
#endif
}

std::uint32_t left_from = kOutside;

void switch_to(std::uint32_t next, [[maybe_unused]] bool for_good = false) {
  State& s = state();
  Fiber& from = s.fibers[s.current];
  Fiber& to = s.fibers[next];
  Exceptions* const exceptions = exceptions_of_thread();
  from.exceptions = *exceptions;
  *exceptions = to.exceptions;
  left_from = s.current;
  s.current = next;
#ifdef WATCHBELL_EXPLORE_ASAN
  __sanitizer_start_switch_fiber(for_good ? nullptr : &from.fake_stack, to.stack_bottom, to.stack_bytes);
#endif
  swapcontext(&from.context, &to.context);
  arrived(left_from);
}

bool is_able(const Fiber& fiber) {
  return !fiber.finished && (fiber.pending.ready == nullptr || fiber.pending.ready(fiber.pending.object));
}

const char* text_of(Action action) {
  switch (action) {
    case Action::start: return "starts";
    case Action::load: return "loads";
    case Action::store: return "stores";
    case Action::exchange: return "exchanges";
    case Action::add: return "adds to";
    case Action::lock: return "locks";
    case Action::wait: return "waits for";
    case Action::point: return "does";
  }
  return "";
}

std::string name_of(const Pending& pending) {
  for (const auto& [object, name] : state().unguarded)
    if (object == pending.object) return name;
  return pending.what;
}

/// Who goes on; kOutside when all have finished.
std::uint32_t choose() {
  State& s = state();
  std::array<std::uint32_t, kMaxTasks> able{};
  std::size_t found = 0;
  std::uint32_t expiring = 0;
  std::uint32_t usual = kOutside;
  bool all_finished = true;
  for (std::uint32_t i = 0; i < s.count; ++i) {
    const Fiber& fiber = s.fibers[i];
    all_finished = all_finished && fiber.finished;
    if (is_able(fiber)) {
      if (usual == kOutside || i == s.current) usual = i;
    } else if (!fiber.finished && fiber.pending.may_expire && s.rules->time_may_pass && !fiber.expired_once) {
      expiring |= 1u << i;
    } else {
      continue;
    }
    able[found++] = i;
  }
  if (all_finished) return kOutside;
  if (found == 0) fail("deadlock: no task can go on");
  const bool preempts = usual != kOutside && usual == s.current;
  if (usual == kOutside) usual = able[0];
  if (s.result.steps >= kMaxSteps) fail("the run does not end");
  const std::uint32_t position = s.result.steps++;
  std::uint32_t chosen = usual;
  if (found > 1) {
    chosen = s.chooser->choose({position, {able.data(), found}, usual, expiring, preempts});
    if (chosen != usual) s.result.schedule.push_back({position, chosen});
  }
  if (s.rules->trace) {
    const Fiber& fiber = s.fibers[chosen];
    std::string line = std::to_string(position);
    line.insert(0, 5 - std::min<std::size_t>(line.size(), 5), ' ');
    line += chosen == s.current ? "   " : " > ";
    line += fiber.task->name + ' ' + text_of(fiber.pending.action) + ' ' + name_of(fiber.pending);
    if (((expiring >> chosen) & 1u) != 0) line += ", and its time is up";
    s.result.trace.push_back(std::move(line));
  }
  return chosen;
}

void take_step(const Pending& pending) {
  State& s = state();
  Fiber& me = s.fibers[s.current];
  me.pending = pending;
  if (const std::uint32_t next = choose(); next != s.current) switch_to(next);
}

void fiber_main() {
  arrived(left_from);
  State& s = state();
  Fiber& me = s.fibers[s.current];
  try {
    me.task->body();
  } catch (const std::exception& error) {
    fail("a task ended with an exception: " + std::string(error.what()));
  }
  if (me.locks != 0) fail("a task ended with a lock held");
  me.finished = true;
  switch_to(choose(), true);
  std::abort();  // nobody goes on with a fiber that has finished
}

void prepare(Fiber& fiber, const Task& task) {
  if (!fiber.stack) fiber.stack.reset(new char[kStackBytes]);
  fiber.stack_bottom = fiber.stack.get();
  fiber.stack_bytes = kStackBytes;
  fiber.fake_stack = nullptr;
  fiber.exceptions = {};
  fiber.task = &task;
  fiber.pending = {};
  fiber.finished = false;
  fiber.expired_once = false;
  fiber.locks = 0;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, &fiber_main, 0);
}

}  // namespace

bool in_task() noexcept {
  const State& s = state();
  return s.current != kOutside && !s.looking;
}

void step(Action action, const void* object, const char* what, bool (*ready)(const void*)) {
  if (in_task()) take_step({action, object, what, ready, false});
}

bool step_until(const void* object, const char* what, bool (*ready)(const void*)) {
  if (!in_task()) return ready(object);
  take_step({Action::wait, object, what, ready, true});
  if (ready(object)) return true;
  state().fibers[state().current].expired_once = true;
  return false;
}

bool tracing() noexcept { return state().rules != nullptr && state().rules->trace; }

void note(std::string_view text) {
  State& s = state();
  if (!tracing()) return;
  const std::string who = s.current == kOutside ? "the end" : s.fibers[s.current].task->name;
  s.result.trace.push_back("           " + who + ": " + std::string(text));
}

void fail(std::string_view why) {
  State& s = state();
  if (!s.result.failure) {
    const std::string who = s.current == kOutside ? "at the end" : s.fibers[s.current].task->name;
    s.result.failure = who + ": " + std::string(why);
    note(why);
  }
  if (s.current != kOutside) switch_to(kOutside);
}

void locked() noexcept {
  if (in_task()) ++state().fibers[state().current].locks;
}

void unlocked() {
  State& s = state();
  if (!in_task()) return;
  --s.fibers[s.current].locks;
  if (!s.rules->after_unlock || s.fibers[s.current].locks != 0) return;
  s.looking = true;
  s.rules->after_unlock();
  s.looking = false;
}

bool holds_lock() noexcept {
  const State& s = state();
  return s.fibers[s.current].locks != 0;
}

void*& this_task_slot() noexcept { return state().slots[state().current]; }
const void* this_task() noexcept { return &this_task_slot(); }

void register_unguarded(const void* object, std::string name) {
  state().unguarded.emplace_back(object, std::move(name));
}

bool is_unguarded(const void* object) noexcept {
  for (const auto& [known, name] : state().unguarded)
    if (known == object) return true;
  return false;
}

Run run(const std::vector<Task>& tasks, const Rules& rules, Chooser& chooser, const std::function<void()>& at_end) {
  State& s = state();
  if (tasks.empty() || tasks.size() > kMaxTasks) std::abort();
  s.count = static_cast<std::uint32_t>(tasks.size());
  s.rules = &rules;
  s.chooser = &chooser;
  s.result = {};
  for (std::uint32_t i = 0; i < s.count; ++i) prepare(s.fibers[i], tasks[i]);
  switch_to(choose());
  s.looking = false;
  if (!s.result.failure && at_end) at_end();
  s.rules = nullptr;
  return std::exchange(s.result, {});
}

const Schedule& present_schedule() noexcept { return state().result.schedule; }

}  // namespace watchbell::cache::explore
