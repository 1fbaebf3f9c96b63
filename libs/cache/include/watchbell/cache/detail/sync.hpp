#pragma once

// The atomics and the mutex of the engine. In the build that explores interleavings (test/explore) the same names are
// steps of a deterministic scheduler, so that it runs the very code that ships.
#ifdef WATCHBELL_CACHE_EXPLORE
#include <watchbell_explore/sync.hpp>
#else

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace watchbell::cache::detail {

template <class T>
using Atomic = std::atomic<T>;
using Mutex = std::mutex;

/// Set once, waited for by one thread.
class Signal {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }
  /// False when the time came first.
  template <class TimePoint>
  bool wait_until(TimePoint time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, time, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

/// Names the calling thread.
inline const void* this_plain_thread() noexcept {
  static thread_local const char name = 0;
  return &name;
}

}  // namespace watchbell::cache::detail

#endif
