#include "base/clock.hpp"

#include <ctime>

namespace watchbell {

Timestamp SystemClock::now() const noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return Timestamp::from_micros(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

Monotonic SystemClock::monotonic() const noexcept { return std::chrono::steady_clock::now(); }

Monotonic SystemClock::boot() const noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);  // Linux has it; answered without a system call
  return Monotonic(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace watchbell
