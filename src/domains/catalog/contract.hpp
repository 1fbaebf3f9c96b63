#pragma once

#include "domains/catalog/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::catalog {

/// The procedures of area `catalog`.
rpc::Area contract(Service& service);

}  // namespace watchbell::catalog
