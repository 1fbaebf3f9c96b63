#pragma once

#include <string>
#include <vector>

#include "base/bounded.hpp"
#include "domains/catalog/types.hpp"
#include "runtime/rpc/codec.hpp"

/// What clients send and get.
namespace watchbell::catalog {

using Metadata = Json<32 * 1024, 6>;

struct SystemView {
  SystemId id;
  std::string name;
  Nullable<std::string> description;
  Nullable<Metadata> metadata;
  Timestamp created_at;
  Timestamp updated_at;
};
BOOST_DESCRIBE_STRUCT(SystemView, (), (id, name, description, metadata, created_at, updated_at))

struct SystemsView {
  std::vector<SystemView> systems;
};
BOOST_DESCRIBE_STRUCT(SystemsView, (), (systems))

struct CreateSystem {
  Text<1, 200> name;
  std::optional<Text<0, 10'000>> description;
  std::optional<Metadata> metadata;
};
BOOST_DESCRIBE_STRUCT(CreateSystem, (), (name, description, metadata))

struct SystemPatch {
  std::optional<Text<1, 200>> name;
  Patch<Text<0, 10'000>> description;
  Patch<Metadata> metadata;
};
BOOST_DESCRIBE_STRUCT(SystemPatch, (), (name, description, metadata))

struct UpdateSystem {
  Text<1, 200> id;
  SystemPatch data;
};
BOOST_DESCRIBE_STRUCT(UpdateSystem, (), (id, data))

struct GetSystem {
  Text<1, 200> system_id;
};
BOOST_DESCRIBE_STRUCT(GetSystem, (), (system_id))

struct Success {
  bool success = true;
};
BOOST_DESCRIBE_STRUCT(Success, (), (success))

SystemView view_of(const System& system);

}  // namespace watchbell::catalog
