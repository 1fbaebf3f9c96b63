#pragma once

#include <atomic>

#include "base/clock.hpp"

namespace watchbell::test {

/// A clock that each look at it moves on by 10 us: what counts its turns by it has a slice of so many looks. Thread-safe.
class TickingClock final : public Clock {
 public:
  Timestamp now() const noexcept override { return Timestamp::from_millis(1'767'225'600'000); }
  Monotonic monotonic() const noexcept override { return Monotonic(std::chrono::microseconds(passed_ += 10)); }

 private:
  mutable std::atomic<std::int64_t> passed_ = 0;
};

}  // namespace watchbell::test
