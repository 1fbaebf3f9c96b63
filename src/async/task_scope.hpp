#pragma once

#include <exception>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include <boost/asio/cancellation_signal.hpp>

#include "async/event.hpp"

namespace watchbell::async {

/// Owns tasks that outlive the call that began them. A fault that leaves a task goes to the handler given (a boundary: it logs), and the
/// others carry on. `co_await scope.stop()` cancels and joins all; the destructor REQUIRES that none runs. Loop-only.
class TaskScope {
 public:
  /// Told of a fault: the task's name and what it threw. Cancellation is not told.
  using OnFault = std::function<void(std::string_view task, std::exception_ptr fault)>;

  TaskScope(Executor executor, OnFault on_fault);
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  /// Starts the task at once, up to its first suspension. After stop() has begun it is dropped unstarted.
  void spawn(std::string name, awaitable<void> task);
  /// Cancels every task and waits until all have ended. May be called again.
  awaitable<void> stop();
  /// Waits until no task runs, without cancelling.
  awaitable<void> join();
  std::size_t size() const noexcept { return tasks_.size(); }
  Executor executor() const noexcept { return executor_; }

 private:
  struct Task {
    std::string name;
    asio::cancellation_signal cancel;
  };
  Executor executor_;
  OnFault on_fault_;
  std::list<Task> tasks_;
  bool stopping_ = false;
  Event ended_;
};

}  // namespace watchbell::async
