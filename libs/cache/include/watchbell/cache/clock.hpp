#pragma once

#include <chrono>
#include <functional>

namespace watchbell::cache {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// Tells the time by which entries expire. Must never go back, must not throw, is called from every thread that uses
/// the cache, and must not call the cache. Tests give one that they move by hand.
using Clock = std::function<TimePoint()>;

/// The default clock: monotonic, so setting the wall clock neither prolongs nor shortens an entry's life. Resolution
/// 1 to 4 ms where the system offers a coarse clock, which costs a third of the fine one. Thread-safe.
TimePoint coarse_now() noexcept;

}  // namespace watchbell::cache
