#pragma once

#include "domains/caching/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::caching {

/// The procedures of area `cache`.
rpc::Area contract(Service& service);

}  // namespace watchbell::caching
