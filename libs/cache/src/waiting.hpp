#pragma once

#include <watchbell/cache/detail/flight.hpp>

namespace watchbell::cache::detail {

/// Continues all waiters: those of one executor by one handler posted to it, those without one here and now.
void resume_all(WaitList waiters);

}  // namespace watchbell::cache::detail
