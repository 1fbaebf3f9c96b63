#pragma once

/// Assertions for our own bugs only, on in every build. Never for what a peer can cause.
namespace watchbell::detail {
/// Prints the condition, its place and a stack trace to standard error and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace watchbell::detail

#define WATCHBELL_ASSERT(condition)                                             \
  do {                                                                          \
    if (!(condition)) [[unlikely]] {                                            \
      ::watchbell::detail::assertion_failed(#condition, __FILE__, __LINE__);    \
    }                                                                           \
  } while (false)
