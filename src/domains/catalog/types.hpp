#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/timestamp.hpp"

namespace watchbell::catalog {

using SystemId = Id<struct SystemTag>;
using GroupId = Id<struct GroupTag>;
using ContactId = Id<struct ContactTag>;
using ViewId = Id<struct ViewTag>;

/// Something a team runs.
struct System {
  SystemId id;
  std::string name;
  std::optional<std::string> description;
  std::optional<std::string> metadata;  ///< JSON object text
  Timestamp created_at;
  Timestamp updated_at;
};

/// Systems that belong together; a system may be in any number of groups.
struct Group {
  GroupId id;
  std::string name;
  std::optional<std::string> metadata;  ///< JSON object text
  std::int64_t sort_order = 0;
  Timestamp created_at;
  Timestamp updated_at;
};

struct Membership {
  GroupId group;
  SystemId system;
};

/// Whom to ask about a system: a user or a mailbox, never both.
struct Contact {
  ContactId id;
  SystemId system;
  std::optional<UserId> user;
  std::optional<std::string> email;
  std::optional<std::string> label;
  Timestamp created_at;
};

/// A saved way to look at the systems.
struct View {
  ViewId id;
  std::string name;
  std::optional<std::string> description;
  std::string configuration;  ///< JSON text, what the page makes of it
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace watchbell::catalog
