#pragma once

#include "domains/auth/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::auth {

rpc::Area contract(Service& service);

}  // namespace watchbell::auth
