#pragma once

#include <optional>
#include <vector>

#include "domains/catalog/signals.hpp"
#include "domains/catalog/types.hpp"
#include "domains/catalog/views.hpp"
#include "domains/notification/service.hpp"
#include "runtime/change/change.hpp"

namespace watchbell::catalog {

/// The use cases of the catalog. Loop-only, but for the functions that take a session.
class Service {
 public:
  Service(sql::Database& database, cache::Cache& cache, Changes& changes, const notification::Service& notification);

  awaitable<Result<rpc::Encoded<SystemsView>>> systems();
  /// Null for an id nobody has.
  awaitable<Result<rpc::Encoded<Nullable<SystemView>>>> system(std::string id);
  /// ErrorCode::conflict when the name is taken.
  awaitable<Result<SystemView>> create(CreateSystem input);
  /// ErrorCode::not_found, ErrorCode::conflict.
  awaitable<Result<SystemView>> update(UpdateSystem input);
  /// Whether there was such a system.
  awaitable<Result<bool>> remove(std::string id);
  /// Makes sure that every system has its notification group under its present name; at start.
  awaitable<Result<void>> mend_groups();

  /// For other domains, inside their transactions.
  std::optional<System> find(sql::Session& session, SystemId id) const;
  bool exists(sql::Session& session, SystemId id) const;
  std::vector<SystemId> all_ids(sql::Session& session) const;

 private:
  void changed(Change& change, const SystemId& id, ChangedAction action) const;
  Result<void> put_group(Change& change, const System& system) const;

  Changes& changes_;
  const notification::Service& notification_;
  coherence::Scope cache_;
};

}  // namespace watchbell::catalog
