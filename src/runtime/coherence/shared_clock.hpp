#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.hpp"

namespace watchbell::coherence {

/// What the clock of a machine may differ from that of the database in without anybody being told.
inline constexpr std::chrono::seconds kApart{2};

/// The wall clock of the database, as all processes on it have it: what one of them writes down another compares with its own now. Only by how much it is ahead
/// of this machine's is known, as of the last renewal (Cluster::Options::on_ahead). The other two clocks are the machine's own. Thread-safe.
class SharedClock final : public Clock {
 public:
  explicit SharedClock(const Clock& own) : own_(own) {}
  Timestamp now() const noexcept override { return own_.now() + ahead(); }
  Monotonic monotonic() const noexcept override { return own_.monotonic(); }
  Monotonic boot() const noexcept override { return own_.boot(); }
  std::chrono::microseconds ahead() const noexcept { return std::chrono::microseconds(ahead_.load(std::memory_order_relaxed)); }
  void set_ahead(std::chrono::microseconds by) noexcept { ahead_.store(by.count(), std::memory_order_relaxed); }

 private:
  const Clock& own_;
  std::atomic<std::int64_t> ahead_{0};
};

}  // namespace watchbell::coherence
