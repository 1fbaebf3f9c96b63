#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "async/awaitable.hpp"
#include "base/result.hpp"

namespace watchbell::async {

/// A bounded set of threads for what blocks (SQL, password hashes), with a bounded queue: a full pool is an outcome, not a longer queue.
/// run() is Loop-only; the function runs on a pool thread.
class BlockingPool {
 public:
  struct Options {
    std::string name = "pool";  ///< of the threads, at most 15 characters
    std::size_t threads = 2;
    std::size_t max_queued = 1024;  ///< jobs waiting for a thread
    int nice = 0;                   ///< added to the threads' nice value, so that they give way to the loop
  };
  explicit BlockingPool(Options options);
  /// Finishes what is queued and joins. No coroutine may still await run().
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs f() on a pool thread and comes back to the loop with what it returned (Result<R>, or R itself when f returns a Result); what it
  /// threw is rethrown here. ErrorCode::unavailable when the queue is full. Not cancellable once queued: the caller waits for its end.
  template <class F, class R = std::invoke_result_t<F&>>
  awaitable<ResultOf<R>> run(F f) {
    return ended<R>(std::make_shared<JobOf<F, R>>(std::move(f)));
  }

  /// Queues f() without waiting for it. False when the queue is full. Thread-safe.
  bool post(std::function<void()> f);

  std::size_t queued() const;

 private:
  struct Job {
    virtual ~Job() = default;
    virtual void run() noexcept = 0;
    std::exception_ptr fault;
  };
  template <class R>
  struct Returning : Job {
    std::optional<std::conditional_t<std::is_void_v<R>, std::monostate, R>> value;
  };
  template <class F, class R>
  struct JobOf final : Returning<R> {
    explicit JobOf(F g) : f(std::move(g)) {}
    void run() noexcept override {
      try {
        if constexpr (std::is_void_v<R>)
          f();
        else
          this->value.emplace(f());
      } catch (...) {  // carried to the loop and rethrown there
        this->fault = std::current_exception();
      }
    }
    F f;
  };

  // A coroutine for each R, not for each F: they are what takes time to compile.
  template <class R>
  awaitable<ResultOf<R>> ended(std::shared_ptr<Returning<R>> job) {
    if (!co_await has_run(job)) co_return fail(ErrorCode::unavailable, "{} is busy, try again", options_.name);
    if (job->fault) std::rethrow_exception(job->fault);
    if constexpr (std::is_void_v<R>)
      co_return Result<void>();
    else
      co_return std::move(*job->value);
  }
  /// False: there was no room for it.
  awaitable<bool> has_run(std::shared_ptr<Job> job);
  void work();

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace watchbell::async
