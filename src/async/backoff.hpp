#pragma once

#include <algorithm>
#include <chrono>

#include "async/timer_wheel.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace watchbell::async {

/// Delays before tries: first, doubled each time up to cap, each plus up to `jitter` of itself. Loop-only.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds cap, double jitter = 0.2) : next_(first), cap_(cap), jitter_(jitter) {}
  std::chrono::milliseconds next(Random& random) {
    const auto base = next_;
    next_ = std::min(next_ * 2, cap_);
    return base + std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(base.count()) * jitter_ * random.unit()));
  }

 private:
  std::chrono::milliseconds next_;
  std::chrono::milliseconds cap_;
  double jitter_;
};

/// Calls `attempt()` (an awaitable<Result<T>> maker) up to `tries` times while `again(error)` says so, sleeping by `backoff` between. Answers the
/// last result. Loop-only.
template <class Attempt, class Again>
auto retry(TimerWheel& wheel, Random& random, int tries, Backoff backoff, Attempt attempt, Again again) -> decltype(attempt()) {
  while (true) {
    auto result = co_await attempt();
    if (result || --tries <= 0 || !again(result.error())) co_return result;
    co_await wheel.sleep(backoff.next(random));
  }
}

}  // namespace watchbell::async
