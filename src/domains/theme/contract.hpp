#pragma once

#include "domains/theme/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::theme {

/// The procedures of area `theme`.
rpc::Area contract(Service& service);

}  // namespace watchbell::theme
