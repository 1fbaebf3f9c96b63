#pragma once

#include <chrono>
#include <optional>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "async/timer_wheel.hpp"
#include "base/result.hpp"

namespace watchbell::async {

/// Runs `operation` with a deadline: cancels it when the deadline passes, waits until it has ended (it uses the caller's frame), and
/// answers ErrorCode::timeout. A fault of the operation is rethrown at once; cancellation of the caller is handed on. The result is Result<T>,
/// or T itself when the operation already returns a Result. Loop-only.
template <class T>
awaitable<ResultOf<T>> with_timeout(TimerWheel& wheel, awaitable<T> operation, std::chrono::nanoseconds limit) {
  asio::cancellation_signal cancel;
  bool timed_out = false;
  Timer timer([&] {
    timed_out = true;
    cancel.emit(asio::cancellation_type::terminal);
  });
  wheel.arm(timer, limit);
  auto parent = (co_await asio::this_coro::cancellation_state).slot();
  if (parent.is_connected()) parent.assign([&](asio::cancellation_type type) { cancel.emit(type); });
  struct Clear {
    asio::cancellation_slot slot;
    ~Clear() {
      if (slot.is_connected()) slot.clear();
    }
  } const clear{parent};
  try {
    if constexpr (std::is_void_v<T>) {
      co_await asio::co_spawn(wheel.executor(), std::move(operation), asio::bind_cancellation_slot(cancel.slot(), use_awaitable));
      co_return Result<void>();
    } else {
      co_return co_await asio::co_spawn(wheel.executor(), std::move(operation), asio::bind_cancellation_slot(cancel.slot(), use_awaitable));
    }
  } catch (const boost::system::system_error& error) {
    if (!timed_out || error.code() != asio::error::operation_aborted) throw;
  }
  co_return fail(ErrorCode::timeout, "timed out after {} ms", std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
}

}  // namespace watchbell::async
