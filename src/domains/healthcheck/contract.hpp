#pragma once

#include "domains/healthcheck/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::healthcheck {

rpc::Area contract(Service& service);

}  // namespace watchbell::healthcheck
