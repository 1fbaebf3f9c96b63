#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>

#include "async/event.hpp"
#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "domains/healthcheck/types.hpp"

namespace watchbell::healthcheck {

/// When each check runs: on one timer wheel, at a fixed cadence from its own due times, so that nothing drifts. A check never runs twice at a time: a
/// tick that finds it still running or waiting for a place passes. At most `concurrency` run, first come first served. Changing or removing a check
/// cancels its running one; what takes its place begins when that one has ended. Loop-only.
class Scheduler {
 public:
  struct Options {
    std::size_t concurrency = 64;
    /// Whether a run may begin at this moment; while none may, what is due waits, until go_on(). Always when not given.
    std::function<bool()> may_begin{};
  };
  using Which = std::function<bool(const CheckKey&)>;
  /// Runs a check to its end; cancelled when the check is changed or removed.
  using Run = std::function<awaitable<void>(std::shared_ptr<const Check>)>;
  enum class First {
    at_once,   ///< after a person's change: now, then in step with the jitter, never later than an interval after
    jittered,  ///< at boot: after the check's jitter, which is what spreads checks of equal interval for good
  };

  Scheduler(async::TimerWheel& wheel, async::TaskScope::OnFault on_fault, Options options);
  /// REQUIRES stop() when anything ran.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Begins to run what is due; before, checks may be put but wait.
  void start(Run run);
  /// Adds a check or puts it in the place of the one of its key. The same revision of the same association changes nothing.
  void put(Check check, First first);
  /// The same of one that ran elsewhere before: its next run comes in `in`, at once when that is over, and the further ones in whole intervals from then.
  void take_up(Check check, std::chrono::milliseconds in);
  void remove(const CheckKey& key);
  void remove_if(const Which& which);
  /// Begins none of these any more, and lets what runs of them run on.
  void let_go(const Which& which);
  /// Returns when none of these runs.
  awaitable<void> ended(Which which);
  /// Runs may begin that could not before.
  void go_on() { pump(); }
  /// What is scheduled of this configuration is exactly `checks` from now on; new and changed ones run at once.
  void replace(const ConfigurationId& configuration, std::span<const Check> checks);
  void remove_system(const SystemId& system);
  /// Cancels what runs and waits for it; nothing runs afterwards.
  awaitable<void> stop();

  bool contains(const CheckKey& key) const;
  std::size_t size() const noexcept;
  std::size_t running() const noexcept { return running_; }
  std::size_t waiting() const noexcept { return queue_.size(); }
  /// Ticks that passed because the check was still busy.
  std::uint64_t passed_ticks() const noexcept { return passed_ticks_; }

 private:
  struct Entry;
  using EntryPtr = std::shared_ptr<Entry>;

  /// The entry of the check, unless it is there already.
  Entry* place(Check&& check);
  /// Begins it now, or when the run that is in its place has ended.
  void begin_anew(Entry& entry);
  void forget(Entry& entry);
  static void step(Entry& entry, Monotonic now);
  std::vector<CheckKey> keys_of(const Which& which) const;
  void tick(Entry& entry);
  void begin(Entry& entry);
  void pump();
  void ended(Entry& entry);
  void drop_if_idle(Entry& entry);
  void arm(Entry& entry);
  awaitable<void> run(EntryPtr entry);

  async::TimerWheel& wheel_;
  Options options_;
  Run run_;
  std::map<CheckKey, EntryPtr> entries_;
  std::deque<EntryPtr> queue_;
  std::size_t running_ = 0;
  std::uint64_t passed_ticks_ = 0;
  bool stopping_ = false;
  async::Event run_ended_;
  async::TaskScope scope_;
};

}  // namespace watchbell::healthcheck
