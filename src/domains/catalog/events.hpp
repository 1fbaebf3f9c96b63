#pragma once

#include "base/bounded.hpp"
#include "runtime/events/bus.hpp"

namespace watchbell::catalog {

/// A system is gone. Work groups remove what belonged to it.
struct SystemDeleted {
  Text<1, 100> system_id;
  std::optional<Text<0, 200>> system_name;
};
BOOST_DESCRIBE_STRUCT(SystemDeleted, (), (system_id, system_name))
inline constexpr events::Definition<SystemDeleted> kSystemDeleted{"catalog.system.deleted"};

}  // namespace watchbell::catalog
