#pragma once

namespace watchbell::cache::detail {

/// Reports a broken contract of the calling program on standard error and stops the process.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line) noexcept;

}  // namespace watchbell::cache::detail

/// On in every build: a cache that hands out a value under the wrong type must not run on.
#define WATCHBELL_CACHE_ASSERT(condition, what) \
  ((condition) ? static_cast<void>(0)           \
               : ::watchbell::cache::detail::assertion_failed(what, __FILE__, __LINE__))
