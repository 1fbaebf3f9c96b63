#pragma once

// Defines WATCHBELL_EXPLORE_ASAN where the address sanitizer watches, and declares what it must be told of fibers.
#if defined(__SANITIZE_ADDRESS__)
#define WATCHBELL_EXPLORE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHBELL_EXPLORE_ASAN 1
#endif
#endif
#ifdef WATCHBELL_EXPLORE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
