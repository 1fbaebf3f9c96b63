#pragma once

#include <optional>
#include <string>

#include "runtime/signals/signal.hpp"

namespace watchbell::catalog {

enum class ChangedEntity { system, group, membership };
BOOST_DESCRIBE_ENUM(ChangedEntity, system, group, membership)
enum class ChangedAction { created, updated, deleted };
BOOST_DESCRIBE_ENUM(ChangedAction, created, updated, deleted)

/// Something in the catalog changed; pages fetch it anew.
struct Changed {
  ChangedEntity entity = ChangedEntity::system;
  ChangedAction action = ChangedAction::updated;
  std::optional<std::string> id;
};
BOOST_DESCRIBE_STRUCT(Changed, (), (entity, action, id))
inline constexpr signals::Definition<Changed> kChanged{"catalog.changed", {signals::Audience::Kind::holders, "catalog.system.read"}};

}  // namespace watchbell::catalog
