#include "coarse_clock.hpp"

#if defined(WATCHBELL_CACHE_COARSE_CLOCK) && defined(__linux__)
#include <dlfcn.h>
#endif

namespace watchbell::cache {

#ifdef WATCHBELL_CACHE_COARSE_CLOCK
namespace detail {

// What other static objects call before the one below is made.
constinit ReadClock read_clock = &::clock_gettime;

#ifdef __linux__
namespace {
[[maybe_unused]] const bool found = [] {
  void* const kernel = ::dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
  if (kernel == nullptr) return false;
  if (void* const function = ::dlsym(kernel, "__vdso_clock_gettime"))
    read_clock = reinterpret_cast<ReadClock>(function);
  return true;
}();
}  // namespace
#endif

}  // namespace detail
#endif

TimePoint coarse_now() noexcept { return detail::read_coarse_clock(); }

}  // namespace watchbell::cache
