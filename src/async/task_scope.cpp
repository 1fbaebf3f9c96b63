#include "async/task_scope.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "async/loop.hpp"

namespace watchbell::async {

TaskScope::TaskScope(Executor executor, OnFault on_fault) : executor_(executor), on_fault_(std::move(on_fault)), ended_(executor) {}

TaskScope::~TaskScope() { WATCHBELL_ASSERT(tasks_.empty()); }

void TaskScope::spawn(std::string name, awaitable<void> task) {
  WATCHBELL_ASSERT_ON_LOOP();
  if (stopping_) return;
  const auto it = tasks_.emplace(tasks_.end());
  it->name = std::move(name);
  asio::co_spawn(executor_, std::move(task), asio::bind_cancellation_slot(it->cancel.slot(), [this, it](std::exception_ptr fault) {
    if (fault) {
      try {
        std::rethrow_exception(fault);
      } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted) on_fault_(it->name, fault);
      } catch (...) {  // the boundary of a task: whatever left it is reported once
        on_fault_(it->name, fault);
      }
    }
    tasks_.erase(it);
    ended_.notify_all();
  }));
}

awaitable<void> TaskScope::stop() {
  WATCHBELL_ASSERT_ON_LOOP();
  stopping_ = true;
  // Emitting may end tasks only through the loop's queue, so the list is stable here.
  for (auto& task : tasks_) task.cancel.emit(asio::cancellation_type::terminal);
  co_await join();
}

awaitable<void> TaskScope::join() {
  // A caller that is cancelled itself still has to wait: the tasks use what it is about to destroy.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!tasks_.empty()) co_await ended_.wait();
}

}  // namespace watchbell::async
