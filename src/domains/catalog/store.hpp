#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domains/catalog/types.hpp"
#include "platform/sql/session.hpp"

/// The rows of catalog, as plain functions over a session.
namespace watchbell::catalog::store {

/// Ordered by lower-case name, id.
std::vector<System> all(sql::Session& session);
std::vector<SystemId> all_ids(sql::Session& session);
std::optional<System> find(sql::Session& session, const SystemId& id);
bool exists(sql::Session& session, const SystemId& id);
/// False, and nothing written, when the name is taken.
bool insert(sql::Session& session, const System& system);
bool update(sql::Session& session, const System& system);
bool remove(sql::Session& session, const SystemId& id);

}  // namespace watchbell::catalog::store
