#pragma once

#include <watchbell/cache/detail/core.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

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

/// Suspends until the event has happened; fails with operation_aborted when the caller is cancelled first. To be awaited as a
/// named object, moved: g++ 12 destroys twice what an await expression builds. Has no coroutine frame of its own, since
/// what a waiter occupies is fetched from memory again when he is resumed.
/// @param owner  keeps the event alive
inline auto wait_for(std::shared_ptr<Core> core, std::shared_ptr<void> owner, Event& event) {
  auto initiation = [](auto handler, const std::shared_ptr<Core>& in, const std::shared_ptr<void>& of, Event* on) {
    const boost::asio::any_io_executor executor = boost::asio::get_associated_executor(handler);
    HandlerWaiter<decltype(handler)>::start(in, of, *on, std::move(handler), executor);
  };
  return boost::asio::async_initiate<const boost::asio::deferred_t&, void(boost::system::error_code)>(
      std::move(initiation), boost::asio::deferred, std::move(core), std::move(owner), &event);
}

template <class Executor>
boost::asio::awaitable<void, Executor> close(std::shared_ptr<Core> core) {
  auto closed = wait_for(core, core, core->begin_close());
  co_await std::move(closed);
}

}  // namespace watchbell::cache::detail
