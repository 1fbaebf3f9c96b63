#pragma once

#include <optional>
#include <string>

#include "base/id.hpp"
#include "base/timestamp.hpp"

namespace watchbell::catalog {

using SystemId = Id<struct SystemTag>;

/// Something a team runs.
struct System {
  SystemId id;
  std::string name;
  std::optional<std::string> description;
  std::optional<std::string> metadata;  ///< JSON object text
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace watchbell::catalog
