#include "async/manual_clock.hpp"

#include <algorithm>

#include "async/timer_wheel.hpp"

namespace watchbell::async {

void ManualClock::advance(std::chrono::microseconds by, std::chrono::microseconds step) {
  if (wheels_.empty()) step = by;
  while (by.count() > 0) {
    const auto move = std::min(by, step);
    now_ += move.count();
    passed_ += move.count();
    by -= move;
    for (auto* wheel : wheels_) wheel->poll();
  }
}

}  // namespace watchbell::async
