#pragma once

#include <chrono>

#include "base/timestamp.hpp"

namespace watchbell {

/// A point on the monotonic clock of this process; never compared between processes.
using Monotonic = std::chrono::steady_clock::time_point;

/// Where the time comes from. Tests hand in async::ManualClock. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock, UTC.
  virtual Timestamp now() const noexcept = 0;
  virtual Monotonic monotonic() const noexcept = 0;
  /// The same, but it runs on while the machine sleeps: for what others hold to be over by then. Compared with itself alone.
  virtual Monotonic boot() const noexcept { return monotonic(); }
};

/// The clocks of the machine. Thread-safe.
class SystemClock final : public Clock {
 public:
  Timestamp now() const noexcept override;
  Monotonic monotonic() const noexcept override;
  Monotonic boot() const noexcept override;
};

}  // namespace watchbell
