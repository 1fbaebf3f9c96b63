#pragma once

#include "runtime/rpc/front.hpp"
#include "runtime/signals/hub.hpp"

namespace watchbell::signals {

/// Mounts GET /api/signals/ws. An upgrade needs an Origin of ours; without one it is taken only when no cookie comes along. A cookie proves a
/// user; anything else is a visitor.
void mount(rpc::Front& front, Hub& hub, access::Identity& identity);

}  // namespace watchbell::signals
