#pragma once

#include "base/clock.hpp"

namespace watchbell::coherence {

/// Until when this process may serve what it keeps in memory. A process that shares its database with no other may for ever, and asks no clock.
///
/// A reader asks after the last byte of his request was read, and the clock is read then, not when the turn of the loop began: a process that was stopped
/// in between would go by a time that is long over. Loop-only.
class Lease {
 public:
  bool holds() const noexcept { return clock_ == nullptr || clock_->boot() < until_; }
  /// From now on only as long as others know that it does. Over at once. The clock must outlive it.
  void bind(const Clock& clock) noexcept {
    clock_ = &clock;
    until_ = {};
  }
  /// Instants of Clock::boot().
  void extend(Monotonic until) noexcept { until_ = until; }
  void end() noexcept { until_ = {}; }

 private:
  const Clock* clock_ = nullptr;
  Monotonic until_{};
};

}  // namespace watchbell::coherence
