#pragma once

#include <watchbell/cache/detail/core.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace watchbell::cache::detail {

/// Waits on an event with an Asio completion handler of the signature void(error_code).
template <class Handler>
class HandlerWaiter final : public Waiter {
 public:
  HandlerWaiter(Handler handler, const boost::asio::any_io_executor& executor)
      : Waiter(executor), handler_(std::move(handler)) {}

  /// `owner` keeps the event alive.
  static void start(const std::shared_ptr<Core>& core, const std::shared_ptr<void>& owner, Event& event,
                    Handler handler, const boost::asio::any_io_executor& executor) {
    const auto slot = boost::asio::get_associated_cancellation_slot(handler);
    const auto waiter = std::make_shared<HandlerWaiter>(std::move(handler), executor);
    // Before the waiter is listed: from then on another thread may resume it.
    if (slot.is_connected()) {
      waiter->slot_ = slot;
      waiter->slot_.assign(GiveUp{core, owner, &event, waiter});
    }
    if (!core->wait(event, waiter)) waiter->post_resume({});
  }

  void resume(boost::system::error_code error) override {
    if (slot_.is_connected()) slot_.clear();
    // Out of here first: the handler may end the wait's owner, and this waiter with it.
    Handler handler = std::move(handler_);
    std::move(handler)(error);
  }

 private:
  /// Stands in the handler's cancellation slot. Holds the waiter weakly, since the slot may outlive an execution
  /// context that was destroyed with the waiter.
  struct GiveUp {
    std::shared_ptr<Core> core;
    std::shared_ptr<void> owner;
    Event* event;
    std::weak_ptr<Waiter> waiter;

    void operator()(boost::asio::cancellation_type /*type*/) const {
      const auto alive = std::static_pointer_cast<HandlerWaiter>(waiter.lock());
      if (alive && core->give_up(*event, *alive)) alive->post_resume(boost::asio::error::operation_aborted);
    }
  };

  void post_resume(boost::system::error_code error) {
    boost::asio::post(executor, [self = shared_from_this(), error] { self->resume(error); });
  }

  Handler handler_;  // moved from once resumed
  boost::asio::cancellation_slot slot_;
};

/// Suspends until the event has happened; throws operation_aborted when the caller is cancelled first.
template <class Executor>
boost::asio::awaitable<void, Executor> wait_for(std::shared_ptr<Core> core, std::shared_ptr<void> owner,
                                                Event* event) {
  if (core->happened(*event)) co_return;
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const boost::asio::use_awaitable_t<Executor> token;
  // Captures by reference: g++ 12 destroys twice what an await expression builds with owning captures.
  auto initiation = [&](auto handler) {
    HandlerWaiter<decltype(handler)>::start(core, owner, *event, std::move(handler), executor);
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&,
                                       void(boost::system::error_code)>(initiation, token);
}

template <class Executor>
boost::asio::awaitable<void, Executor> close(std::shared_ptr<Core> core) {
  Event& closed = core->begin_close();
  co_await wait_for<Executor>(core, core, &closed);
}

}  // namespace watchbell::cache::detail
