#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include <boost/asio/cancellation_signal.hpp>

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
  };
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
  void remove(const CheckKey& key);
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
  async::TaskScope scope_;
};

}  // namespace watchbell::healthcheck
