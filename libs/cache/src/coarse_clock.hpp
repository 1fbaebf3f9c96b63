#pragma once

#include <watchbell/cache/clock.hpp>

#include <ctime>

// libstdc++'s steady_clock is CLOCK_MONOTONIC, which counts from the same start as the coarse one.
#if defined(CLOCK_MONOTONIC_COARSE) && defined(__GLIBCXX__)
#define WATCHBELL_CACHE_COARSE_CLOCK
#endif

namespace watchbell::cache::detail {

#ifdef WATCHBELL_CACHE_COARSE_CLOCK
using ReadClock = int (*)(clockid_t, timespec*);
/// clock_gettime as the kernel maps it into the process (vdso(7)) where it can be found there: the C library's own function
/// does nothing more for this clock, and is a third of the time of a reading. Constant once static objects are made.
[[gnu::visibility("hidden")]] extern ReadClock read_clock;
#endif

/// `coarse_now`, in the place where it is called.
inline TimePoint read_coarse_clock() noexcept {
#ifdef WATCHBELL_CACHE_COARSE_CLOCK
  timespec now;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by the call
  if (read_clock(CLOCK_MONOTONIC_COARSE, &now) == 0) [[likely]]
    return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::seconds(now.tv_sec) +
                                                          std::chrono::nanoseconds(now.tv_nsec)));
#endif
  return std::chrono::steady_clock::now();
}

}  // namespace watchbell::cache::detail
