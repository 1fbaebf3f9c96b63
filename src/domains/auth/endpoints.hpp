#pragma once

#include "domains/auth/service.hpp"
#include "runtime/rpc/front.hpp"

namespace watchbell::auth {

/// Mounts the session endpoints below /api/auth/: plain JSON, as browser clients of better-auth speak it. Procedures go first.
void mount_endpoints(rpc::Front& front, Service& service);

}  // namespace watchbell::auth
