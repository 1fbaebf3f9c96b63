#pragma once

#include "async/event.hpp"

namespace watchbell::async {

/// Mutual exclusion between coroutines of the loop, first come first served. Loop-only.
///
///     const auto lock = co_await mutex.lock();
class Mutex {
 public:
  explicit Mutex(Executor executor) : free_(executor) {}

  class [[nodiscard]] Lock {
   public:
    explicit Lock(Mutex& mutex) : mutex_(&mutex) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock() {
      if (mutex_) mutex_->unlock();
    }

   private:
    Mutex* mutex_;
  };

  /// Suspends until the mutex is ours. Cancellation throws and leaves it unlocked by us.
  awaitable<Lock> lock() {
    if (held_) co_await free_.wait();  // unlock() hands the mutex over: whoever is resumed here holds it
    held_ = true;
    co_return Lock(*this);
  }

 private:
  void unlock() {
    if (!free_.notify_one()) held_ = false;
  }
  bool held_ = false;
  Event free_;
};

}  // namespace watchbell::async
