#pragma once

#include <thread>

#include "async/awaitable.hpp"
#include "base/assert.hpp"

namespace watchbell::async {

/// The event loop: one thread runs all coroutines and owns all server state. Loop-only but for post() through the executor and stop().
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  asio::io_context& context() noexcept { return context_; }
  Executor executor() noexcept { return context_.get_executor(); }
  /// Runs until stop() or until nothing is left to do. The calling thread is the loop thread from now on.
  void run();
  /// Runs handlers until `done` says so or nothing is left; for tests and command-line work.
  template <class Predicate>
  void run_until(Predicate done) {
    const Mark mark(*this);
    context_.restart();
    while (!done() && context_.run_one() > 0) {
    }
  }
  /// Makes run() return soon. Thread-safe.
  void stop() { context_.stop(); }

  /// Whether the calling thread runs a loop now.
  static bool on_loop() noexcept;

 private:
  struct Mark {
    explicit Mark(Loop& loop) noexcept;
    ~Mark();
    Loop* previous;
  };
  asio::io_context context_;
};

}  // namespace watchbell::async

/// States the thread word Loop-only; checked in debug builds.
#ifdef NDEBUG
#define WATCHBELL_ASSERT_ON_LOOP() static_cast<void>(0)
#else
#define WATCHBELL_ASSERT_ON_LOOP() WATCHBELL_ASSERT(::watchbell::async::Loop::on_loop())
#endif
