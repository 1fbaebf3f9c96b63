#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace watchbell {

namespace asio = boost::asio;

/// The executor of every coroutine of the server: the one loop. Naming it spares Asio's type-erased executor a call and an allocation
/// on each suspension.
using Executor = asio::io_context::executor_type;

/// The coroutine type of the server. Call and await in one breath; what outlives its caller goes into a TaskScope.
template <class T = void>
using awaitable = asio::awaitable<T, Executor>;

inline constexpr asio::use_awaitable_t<Executor> use_awaitable;

}  // namespace watchbell
