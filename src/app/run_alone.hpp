#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "async/loop.hpp"

namespace watchbell::app {

/// Runs a coroutine on a loop of its own to its end.
template <class T>
T run_alone(async::Loop& loop, awaitable<T> task) {
  std::optional<T> result;
  std::exception_ptr fault;
  asio::co_spawn(loop.executor(), std::move(task), [&](std::exception_ptr thrown, T value) {
    fault = std::move(thrown);
    result = std::move(value);
  });
  loop.run_until([&] { return result.has_value() || fault != nullptr; });
  if (fault) std::rethrow_exception(fault);
  return std::move(*result);
}

}  // namespace watchbell::app
