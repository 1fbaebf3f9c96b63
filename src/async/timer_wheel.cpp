#include "async/timer_wheel.hpp"

#include <algorithm>

#include "async/loop.hpp"

namespace watchbell::async {

TimerWheel::TimerWheel(Executor executor, const Clock& clock, Drive drive)
    : executor_(executor), clock_(clock), drive_(drive), start_(clock.monotonic()) {
  if (drive_ == Drive::system) timer_ = std::make_shared<typename decltype(timer_)::element_type>(executor_);
}

TimerWheel::~TimerWheel() {
  for (auto& level : wheel_)
    for (auto& slot : level) slot.clear();
}

std::uint64_t TimerWheel::tick_now() const noexcept {
  const auto passed = clock_.monotonic() - start_;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, passed / kTick));
}

void TimerWheel::arm(Timer& timer, std::chrono::nanoseconds delay) {
  WATCHBELL_ASSERT_ON_LOOP();
  timer.unlink();
  const auto passed = clock_.monotonic() - start_ + std::max(delay, std::chrono::nanoseconds(0));
  // Rounded up, so that no timer fires early.
  timer.due_tick_ = static_cast<std::uint64_t>(passed / kTick) + 1;
  place(timer);
  if (!advancing_ && (scheduled_ == 0 || timer.due_tick_ < scheduled_)) schedule();
}

// A timer due within 64 ticks of the wheel's hand stands in level 0 at its own slot; one due within 64^2 in level 1 at the slot of its
// 64-tick block, and so on. When the hand enters a block, the block's timers are placed again, one level lower.
void TimerWheel::place(Timer& timer) {
  const std::uint64_t due = std::max(timer.due_tick_, current_ + 1);
  std::uint64_t distance = due - current_;
  int level = 0;
  while (level + 1 < kLevels && distance >= (std::uint64_t{1} << (kSlotBits * (level + 1)))) ++level;
  std::uint64_t slot = due >> (kSlotBits * level);
  if (level == kLevels - 1 && distance >= (std::uint64_t{1} << (kSlotBits * kLevels)))
    slot = (current_ >> (kSlotBits * level)) + kSlots - 1;  // past the horizon (21 years): placed again when the hand comes by
  wheel_[static_cast<std::size_t>(level)][slot & (kSlots - 1)].push_back(timer);
}

void TimerWheel::advance(std::uint64_t to) {
  while (current_ < to) {
    const std::uint64_t next = next_tick();
    if (next == 0 || next > to) {
      // Nothing is due up to `to`, and no block with timers begins before it.
      current_ = to;
      return;
    }
    current_ = next;
    for (int level = kLevels - 1; level > 0; --level) {
      const std::uint64_t mask = (std::uint64_t{1} << (kSlotBits * level)) - 1;
      if ((current_ & mask) != 0) continue;
      Slot moved;
      moved.swap(wheel_[static_cast<std::size_t>(level)][(current_ >> (kSlotBits * level)) & (kSlots - 1)]);
      while (!moved.empty()) {
        Timer& timer = moved.front();
        moved.pop_front();
        if (timer.due_tick_ <= current_) wheel_[0][current_ & (kSlots - 1)].push_back(timer);
        else place(timer);
      }
    }
    Slot due;
    due.swap(wheel_[0][current_ & (kSlots - 1)]);
    while (!due.empty()) {
      Timer& timer = due.front();
      due.pop_front();
      // Copied: the callback may destroy its timer.
      const auto callback = timer.on_expiry_;
      callback();
    }
  }
}

std::uint64_t TimerWheel::next_tick() const noexcept {
  std::uint64_t earliest = 0;
  for (int level = 0; level < kLevels; ++level) {
    const int shift = kSlotBits * level;
    const std::uint64_t hand = current_ >> shift;
    for (std::uint64_t ahead = 1; ahead <= kSlots; ++ahead) {
      if (wheel_[static_cast<std::size_t>(level)][(hand + ahead) & (kSlots - 1)].empty()) continue;
      const std::uint64_t tick = (hand + ahead) << shift;
      if (earliest == 0 || tick < earliest) earliest = tick;
      break;
    }
  }
  return earliest;
}

void TimerWheel::poll() {
  WATCHBELL_ASSERT_ON_LOOP();
  advancing_ = true;
  advance(tick_now());
  advancing_ = false;
  schedule();
}

void TimerWheel::schedule() {
  if (drive_ == Drive::manual) return;
  const std::uint64_t next = next_tick();
  if (next == 0) {
    // A real timer that is still set fires once more and finds nothing; cancelling it would cost a system call on every idle request.
    return;
  }
  if (scheduled_ != 0 && scheduled_ <= next) return;
  scheduled_ = next;
  timer_->expires_at(start_ + kTick * static_cast<std::int64_t>(next));
  timer_->async_wait([this, alive = std::weak_ptr(timer_)](boost::system::error_code error) {
    if (error || alive.expired()) return;
    scheduled_ = 0;
    poll();
  });
}

awaitable<void> TimerWheel::sleep(std::chrono::nanoseconds delay) {
  Event expired(executor_);
  bool done = false;
  Timer timer([&] {
    done = true;
    expired.notify_all();
  });
  arm(timer, delay);
  while (!done) co_await expired.wait();
}

}  // namespace watchbell::async
