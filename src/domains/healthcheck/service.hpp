#pragma once

#include <functional>
#include <string>
#include <vector>

#include "domains/healthcheck/probes/registry.hpp"
#include "domains/healthcheck/scheduler.hpp"
#include "domains/healthcheck/share.hpp"
#include "domains/healthcheck/status_loader.hpp"
#include "domains/healthcheck/store.hpp"
#include "domains/healthcheck/views.hpp"
#include "domains/notification/types.hpp"
#include "runtime/change/change.hpp"

namespace watchbell::healthcheck {

/// Sends a message to a notification group, exactly when the change is committed. Runs on a pool thread. The key names the message, so that it is sent once.
using Notify = std::function<Result<void>(Change&, std::string group_id, notification::Message, std::string idempotency_key)>;

/// The use cases of health checks. Every change that may alter the status of a system judges it anew inside its own transaction; when it differs from
/// the last stored one, the transition, the dropped status, the signal and the one notification are part of that transaction. What is to run
/// follows each change on the loop, after its commit. Loop-only.
class Service {
 public:
  struct Options {
    std::chrono::hours keep_runs{7 * 24};
    std::int64_t purge_batch = 1000;
    Share* share = nullptr;  ///< where several processes share the checks; it plans them then, by what this says was changed
  };
  Service(sql::Database& database, coherence::Memory& cache, Changes& changes, const Clock& clock, const probes::Registry& registry, Scheduler& scheduler,
          Systems systems, Notify notify, Options options);

  std::vector<StrategyView> strategies() const;
  /// Empty for a strategy nobody knows.
  std::vector<CollectorView> collectors(std::string_view strategy_id) const;

  awaitable<Result<ConfigurationsView>> configurations(ConfigurationsPage page);
  /// ErrorCode::bad_request with issues.
  awaitable<Result<Configuration>> create(CreateConfiguration input);
  /// ErrorCode::not_found, ErrorCode::bad_request with issues.
  awaitable<Result<Configuration>> update(UpdateConfiguration input);
  /// ErrorCode::not_found.
  awaitable<Result<void>> remove(std::string id);
  /// ErrorCode::not_found. Measurement starts anew when it is resumed.
  awaitable<Result<void>> set_paused(std::string id, bool paused);

  awaitable<Result<std::vector<AssociationView>>> associations(std::string system_id);
  /// Makes or changes the association. ErrorCode::not_found, ErrorCode::bad_request.
  awaitable<Result<void>> associate(AssociateSystem input);
  /// ErrorCode::not_found.
  awaitable<Result<void>> disassociate(DisassociateSystem input);

  /// Unknown, with no checks, for a system that does not exist.
  awaitable<Result<rpc::Encoded<SystemHealth>>> status(std::string system_id);
  /// ErrorCode::bad_request when an id is given twice.
  awaitable<Result<StatusesView>> statuses(OfSystems input);
  /// @param with_reasons  whether the runs say why they failed
  awaitable<Result<HistoryView>> history(HistoryInput input, bool with_reasons);

  /// Whether a run of the check may begin here at this moment, and where several processes share the checks, by which right.
  Result<std::optional<workers::Right>> may_begin(const CheckKey& key) const;
  /// Stores what a probe found, if its check still is what it was when it began. Whether it did. ErrorCode::conflict when the right to it is another's by now.
  awaitable<Result<bool>> record(std::shared_ptr<const Check> check, Timestamp began, Outcome outcome, std::optional<workers::Right> right = {});

  /// Plans all checks that are to run, spread over their jitter; at start, where no others share them.
  awaitable<Result<void>> schedule_all();
  /// In the change that removes a system: its checks and its status go with it.
  Result<void> drop_system(Change& change, std::string_view system_id) const;
  /// Afterwards: its timers, and its runs, in batches.
  awaitable<Result<void>> forget_system(std::string system_id);
  /// Deletes the runs of associations that were removed, as the jobs say that removing them enqueued (jobs.hpp).
  awaitable<Result<void>> delete_runs(CheckKey key, Timestamp until);
  /// Deletes what is older than it is kept.
  awaitable<Result<void>> purge();

 private:
  enum class Cause { run, change };
  Result<void> settle(Change& change, const SystemId& system, const std::optional<ConfigurationId>& cause_id, Cause cause) const;
  Result<void> settle_all(Change& change, const std::vector<SystemId>& systems) const;
  notification::Message message(sql::Session& session, const SystemId& system, const std::string& name, const SystemHealth& health,
                                const std::optional<ConfigurationId>& cause_id, Cause cause, notification::Importance importance) const;
  /// After a change of what is to run: has it read anew where several processes share the checks, else does what follows here.
  template <class Alone>
  void plan(const Scope& what, Alone alone);
  /// Lets those who run checks in other processes know, when it is committed.
  void tell(Change& change, const Scope& what) const;
  /// Since when somebody runs checks.
  Timestamp watching_since() const noexcept { return options_.share != nullptr ? options_.share->since() : watching_since_; }
  template <class Delete>
  awaitable<Result<void>> delete_in_batches(Delete remove);

  sql::Database& database_;
  Changes& changes_;
  const Clock& clock_;
  const probes::Registry& registry_;
  Scheduler& scheduler_;
  Systems systems_;
  Notify notify_;
  Options options_;
  Timestamp watching_since_;  ///< when checks began to run in this process, alone
  StatusLoader loader_;
};

/// The payload of the job that deletes the runs of associations that were removed.
inline constexpr std::string_view kCleanUpQueue = "healthcheck.clean_up";
struct CleanUp {
  ConfigurationId configuration_id;
  List<SystemId, 0, 1'000'000> system_ids;
  Integer<0, 9007199254740991> until_micros;
};
BOOST_DESCRIBE_STRUCT(CleanUp, (), (configuration_id, system_ids, until_micros))

}  // namespace watchbell::healthcheck
