#pragma once

#include <expected>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"

namespace watchbell {

/// A value, or an outcome the caller decides on. Faults that no caller can mend are exceptions (base/fault.hpp).
template <class T = void>
using Result = std::expected<T, Error>;

/// Makes the error side of a Result: `return fail(ErrorCode::not_found, "no incident {}", id);`
template <class... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected<Error>(Error{.code = code, .message = fmt::format(format, std::forward<Args>(args)...)});
}

/// The same, naming the input member it concerns.
template <class... Args>
std::unexpected<Error> fail_field(ErrorCode code, std::string field, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected<Error>(
      Error{.code = code, .message = fmt::format(format, std::forward<Args>(args)...), .field = std::move(field)});
}

namespace detail {
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<std::expected<T, Error>> = true;
}  // namespace detail

/// Whether T is a Result of something.
template <class T>
concept AnyResult = detail::is_result<std::remove_cvref_t<T>>;

/// Result<T>, or T itself when T is one already.
template <class T>
using ResultOf = std::conditional_t<AnyResult<T>, T, Result<T>>;

}  // namespace watchbell
