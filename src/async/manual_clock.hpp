#pragma once

#include <atomic>
#include <vector>

#include "base/clock.hpp"

namespace watchbell::async {

class TimerWheel;

/// A clock that moves only when told, for tests. Reading is Thread-safe; advance() is Loop-only when wheels are attached.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = Timestamp::from_millis(1'767'225'600'000) /* 2026-01-01 */) : now_(start.micros()) {}
  Timestamp now() const noexcept override { return Timestamp::from_micros(now_.load()); }
  Monotonic monotonic() const noexcept override { return Monotonic(std::chrono::microseconds(passed_.load())); }

  /// Moves both clocks on and polls the attached wheels, in steps of at most `step`, so that timers armed by callbacks fire in order.
  void advance(std::chrono::microseconds by, std::chrono::microseconds step = std::chrono::milliseconds(10));
  /// Sets the wall clock alone, as an administrator or a time server does.
  void set_wall(Timestamp now) noexcept { now_.store(now.micros()); }
  void attach(TimerWheel& wheel) { wheels_.push_back(&wheel); }
  void detach(TimerWheel& wheel) { std::erase(wheels_, &wheel); }

 private:
  std::atomic<std::int64_t> now_;
  std::atomic<std::int64_t> passed_{1'000'000'000};
  std::vector<TimerWheel*> wheels_;
};

}  // namespace watchbell::async
