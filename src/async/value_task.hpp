#pragma once

#include <concepts>
#include <utility>
#include <variant>

#include "async/awaitable.hpp"
#include "base/assert.hpp"

namespace watchbell::async {

/// What a function returns that seldom waits: its value, when that is there, or else the coroutine that will give it. A value costs no coroutine frame, and
/// whoever cannot wait may drop the coroutine unstarted. Loop-only.
///
///     auto count = service.unread_count(user);
///     if (!count.ready()) ...                     // or, in a coroutine:
///     co_await std::move(count).wait();
template <class T>
class [[nodiscard]] ValueTask {
 public:
  template <class U>
    requires(std::convertible_to<U, T> && !std::same_as<std::remove_cvref_t<U>, ValueTask>)
  ValueTask(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor): as a return value
  ValueTask(awaitable<T> later) : state_(std::in_place_index<1>, std::move(later)) {}  // NOLINT(google-explicit-constructor)

  bool ready() const noexcept { return state_.index() == 0; }
  /// REQUIRES ready().
  T& value() noexcept {
    WATCHBELL_ASSERT(ready());
    return *std::get_if<0>(&state_);
  }
  /// The value, once it is there. Leaves nothing behind.
  awaitable<T> wait() && { return ready() ? at_once(std::move(value())) : std::move(std::get<1>(state_)); }

 private:
  static awaitable<T> at_once(T value) { co_return std::move(value); }

  std::variant<T, awaitable<T>> state_;
};

}  // namespace watchbell::async
