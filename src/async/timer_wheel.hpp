#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "async/event.hpp"
#include "base/clock.hpp"

namespace watchbell::async {

class TimerWheel;

/// One deadline. Its owner keeps it and may arm it again and again; destroying or cancelling it is enough to make sure that its callback
/// does not run. The callback runs on the loop. Loop-only.
class Timer : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Timer(std::function<void()> on_expiry) : on_expiry_(std::move(on_expiry)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  bool armed() const noexcept { return is_linked(); }
  void cancel() noexcept { unlink(); }

 private:
  friend class TimerWheel;
  std::function<void()> on_expiry_;
  std::uint64_t due_tick_ = 0;
};

/// All deadlines of the process in one hierarchical timing wheel (Varghese and Lauck 1987): arming and cancelling are O(1) and make no
/// system call unless the new deadline is the earliest. Resolution 10 ms; a timer never fires early. With nothing armed nothing wakes
/// up. Under a ManualClock no real timer is used: poll() after moving the clock fires what is due. Loop-only.
class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{10};

  enum class Drive {
    system,  ///< a real timer wakes the loop
    manual,  ///< only poll() fires timers; for tests
  };
  TimerWheel(Executor executor, const Clock& clock, Drive drive = Drive::system);
  ~TimerWheel();

  /// Arms or re-arms: the callback runs once, not before `delay` from now. Delays of 0 and less fire at the next tick.
  void arm(Timer& timer, std::chrono::nanoseconds delay);
  /// Suspends for `delay`; cancellation throws operation_aborted.
  awaitable<void> sleep(std::chrono::nanoseconds delay);
  /// Fires what is due by the clock.
  void poll();

  const Clock& clock() const noexcept { return clock_; }
  Executor executor() const noexcept { return executor_; }

 private:
  static constexpr int kLevels = 6;
  static constexpr int kSlotBits = 6;
  static constexpr std::uint64_t kSlots = 1u << kSlotBits;
  using Slot = boost::intrusive::list<Timer, boost::intrusive::constant_time_size<false>>;

  std::uint64_t tick_now() const noexcept;
  void place(Timer& timer);
  void advance(std::uint64_t to);
  /// The earliest tick at which something may be due, or 0 when nothing is armed. Never later than the true one.
  std::uint64_t next_tick() const noexcept;
  void schedule();

  Executor executor_;
  const Clock& clock_;
  Drive drive_;
  Monotonic start_;
  std::uint64_t current_ = 0;
  std::uint64_t scheduled_ = 0;  // tick the real timer is set to, 0 when it is not
  bool advancing_ = false;
  std::array<std::array<Slot, kSlots>, kLevels> wheel_;
  std::shared_ptr<asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>> timer_;
};

}  // namespace watchbell::async
