#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include "async/awaitable.hpp"
#include "async/loop.hpp"

namespace watchbell::async {

/// Lets coroutines of the loop wait for each other: wait() suspends until notify_one(), notify_all() or its own cancellation. Keeps
/// no memory of notifications; callers test their condition in a loop around wait(). Loop-only. The destructor REQUIRES that nobody waits.
class Event {
 public:
  explicit Event(Executor executor) : executor_(executor) {}
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Suspends until notified. Cancellation throws boost::system::system_error(operation_aborted), as every Asio operation does.
  awaitable<void> wait() {
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(boost::system::error_code)>(
        [this](auto handler) { this->enqueue(std::move(handler)); }, use_awaitable);
  }
  /// Resumes the longest waiting coroutine (through the loop's queue). Whether there was one.
  bool notify_one();
  /// Resumes all that wait now, in order, by one posted handler each.
  void notify_all();
  std::size_t waiting() const noexcept { return waiters_.size(); }

 private:
  struct Waiter : boost::intrusive::list_base_hook<> {
    virtual ~Waiter() = default;
    /// Resumes and frees itself.
    virtual void complete(boost::system::error_code error) = 0;
  };
  template <class Handler>
  struct WaiterOf final : Waiter {
    WaiterOf(Event& owner, Handler h) : event(owner), handler(std::move(h)) {}
    void complete(boost::system::error_code error) override {
      if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) slot.clear();
      Handler resume = std::move(handler);
      const Executor executor = event.executor_;
      delete this;
      asio::post(executor, [resume = std::move(resume), error]() mutable { std::move(resume)(error); });
    }
    Event& event;
    Handler handler;
  };

  template <class Handler>
  void enqueue(Handler handler) {
    WATCHBELL_ASSERT_ON_LOOP();
    auto* waiter = new WaiterOf<Handler>(*this, std::move(handler));
    waiters_.push_back(*waiter);
    if (auto slot = asio::get_associated_cancellation_slot(waiter->handler); slot.is_connected())
      slot.assign([this, waiter](asio::cancellation_type) { this->cancel(*waiter); });
  }
  void cancel(Waiter& waiter);

  Executor executor_;
  boost::intrusive::list<Waiter> waiters_;
};

}  // namespace watchbell::async
