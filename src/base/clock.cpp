#include "base/clock.hpp"

namespace watchbell {

Timestamp SystemClock::now() const noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return Timestamp::from_micros(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

Monotonic SystemClock::monotonic() const noexcept { return std::chrono::steady_clock::now(); }

}  // namespace watchbell
