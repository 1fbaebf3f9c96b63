#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <watchbell/cache/scope.hpp>

#include "async/task_scope.hpp"
#include "domains/healthcheck/types.hpp"
#include "platform/sql/database.hpp"
#include "runtime/coherence/scope.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::healthcheck {

/// What this domain asks of others; wired by the module. The functions run on pool threads, inside a transaction.
struct Systems {
  /// Nothing when there is no such system.
  std::function<std::optional<std::string>(sql::Session&, const SystemId&)> name;
  std::function<std::vector<SystemId>(sql::Session&)> all_ids;
};

/// A status as it is kept: with the facts it came from, so that it can be told anew when time alone changes it.
struct KeptStatus {
  SystemFacts facts;
  SystemHealth health;
  std::optional<Timestamp> until;  ///< when `health` ends to be true without any run
  rpc::Encoded<SystemHealth> encoded;
};
std::size_t size_in_bytes(const KeptStatus& status) noexcept;
/// Ids nobody has are not kept: anybody can ask for them.
bool is_cacheable(const Result<KeptStatus>& status) noexcept;

/// The cached statuses: one key a system, and one database read for all that are missing at a time.
///
/// Loads that begin in one turn of the loop, whoever asked, wait for each other and share a read transaction of three statements. It is opened after all
/// of them noted the generations of their keys, so none of them can store what an invalidation in between made stale. Loop-only.
class StatusLoader {
 public:
  StatusLoader(cache::Cache& cache, sql::Database& database, async::TaskScope& scope, const Clock& clock, const Systems& systems);

  using Kept = std::shared_ptr<const KeptStatus>;
  awaitable<Result<Kept>> read(SystemId id);
  /// In the order of the ids, which are distinct.
  awaitable<Result<std::vector<Kept>>> read_all(std::vector<SystemId> ids);

  /// The status at this moment.
  SystemHealth health(const KeptStatus& kept) const;
  rpc::Encoded<SystemHealth> answer(const KeptStatus& kept) const;

  /// What a change of the system drops.
  coherence::Target key(const SystemId& id) const { return {scope_, cache::Key("status", id.to_string())}; }

 private:
  using Loaded = std::shared_ptr<const Result<KeptStatus>>;
  struct Round;
  struct Batch;

  awaitable<Loaded> load(SystemId id);
  awaitable<void> fill(std::shared_ptr<Round> round);
  awaitable<Loaded> wrap(SystemId id);
  static awaitable<void> read_one(StatusLoader& self, std::shared_ptr<Batch> batch, std::size_t index, SystemId id, std::shared_ptr<void> ticket);

  cache::CachedScope scope_;
  sql::Database& database_;
  async::TaskScope& tasks_;
  const Clock& clock_;
  const Systems& systems_;
  std::shared_ptr<Round> gathering_;  ///< the round that further loads may join, if one is open
};

}  // namespace watchbell::healthcheck
