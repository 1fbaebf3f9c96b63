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

/// A group is gone; its systems are still there.
struct GroupDeleted {
  Text<1, 100> group_id;
  std::optional<Text<0, 200>> group_name;
};
BOOST_DESCRIBE_STRUCT(GroupDeleted, (), (group_id, group_name))
inline constexpr events::Definition<GroupDeleted> kGroupDeleted{"catalog.group.deleted"};

}  // namespace watchbell::catalog
