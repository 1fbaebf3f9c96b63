#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <watchbell/cache/scope.hpp>

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
/// Loads that begin in one turn of the loop, whoever asked, share a read transaction of three statements. It is opened after all of them noted the
/// generations of their keys, so none of them can store what an invalidation in between made stale. Loop-only.
///
/// While the lease of this process does not hold, nothing is kept: loads still share a read with those of their turn, whose snapshot comes after them all.
///
/// A kept status is told anew from its facts once time alone has changed it, rather than left to expire then: that is on time by the wall clock, which it
/// is about, and costs no read at the moment when many of them go stale together.
class StatusLoader {
 public:
  StatusLoader(coherence::Memory& cache, sql::Database& database, const Clock& clock, const Systems& systems);

  /// The status at this moment.
  awaitable<Result<rpc::Encoded<SystemHealth>>> answer(SystemId id);
  /// The same of many, in the order of the ids, which are distinct.
  awaitable<Result<std::vector<SystemHealth>>> health(std::vector<SystemId> ids);

  /// What a change of the system drops.
  coherence::Target key(const SystemId& id) const { return {scope_, key_of(id)}; }

 private:
  using Loaded = std::shared_ptr<const Result<KeptStatus>>;
  struct Round;

  static cache::Key key_of(const SystemId& id) { return cache::Key("status", id.to_string()); }
  /// In the order of the ids; one read for those that are neither kept nor being loaded.
  awaitable<std::vector<Loaded>> read(std::vector<SystemId> ids);
  awaitable<std::vector<Loaded>> load(std::vector<SystemId> ids);
  awaitable<void> fill(std::shared_ptr<Round> round);
  rpc::Encoded<SystemHealth> answer_now(const KeptStatus& kept) const;
  SystemHealth health_now(const KeptStatus& kept) const;

  cache::CachedScope scope_;
  const coherence::Lease& lease_;
  sql::Database& database_;
  const Clock& clock_;
  const Systems& systems_;
  std::shared_ptr<Round> gathering_;  ///< the round that further loads may join, if one is open
};

}  // namespace watchbell::healthcheck
