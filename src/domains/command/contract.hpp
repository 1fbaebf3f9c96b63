#pragma once

#include "domains/command/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::command {

/// The procedures of area `command`.
rpc::Area contract(Service& service);

}  // namespace watchbell::command
