#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <boost/asio/post.hpp>

#include "async/awaitable.hpp"
#include "base/clock.hpp"

namespace watchbell::signals {

/// How long fan-outs (invalidations, signals) may keep the loop to themselves: about 100 us in each turn, all of them together. A turn is what the loop
/// runs between two looks at its sockets. Whoever has a long list asks before each item, and carries on in the next turn when refused.
///
/// The clock is read once every kStride items, so a turn is overdrawn by the time of that many at most. Loop-only.
class TurnBudget {
 public:
  static constexpr std::chrono::microseconds kSlice{100};
  /// Items between two looks at the clock; also what a list may do in each turn whoever spent the time, so that no short one waits behind a long one.
  static constexpr std::size_t kStride = 16;

  TurnBudget(Executor executor, const Clock& clock) : executor_(executor), clock_(clock) {}

  /// Counts an item. False when this turn has no time for it.
  bool take() {
    Turn& turn = *turn_;
    if (turn.items++ == 0) begin();
    else if (!turn.spent && turn.items % kStride == 0) turn.spent = clock_.monotonic() - turn.began >= kSlice;
    return !turn.spent;
  }
  /// The number of the turn in which take() was called last; never 0 after that.
  std::uint64_t turn() const noexcept { return turn_->number; }
  /// Suspends until the loop has looked at its sockets and the budget is new.
  awaitable<void> next_turn() { return asio::post(executor_, use_awaitable); }

 private:
  struct Turn {
    std::uint64_t number = 0;
    std::size_t items = 0;
    bool spent = false;
    Monotonic began{};
  };
  /// The handler stands in the loop's queue before those of all who are refused in this turn: they find a new budget.
  void begin() {
    ++turn_->number;
    turn_->began = clock_.monotonic();
    asio::post(executor_, [turn = turn_] {
      turn->items = 0;
      turn->spent = false;
    });
  }

  Executor executor_;
  const Clock& clock_;
  std::shared_ptr<Turn> turn_ = std::make_shared<Turn>();  // outlives us in a posted handler
};

}  // namespace watchbell::signals
