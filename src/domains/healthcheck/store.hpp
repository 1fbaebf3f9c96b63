#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domains/healthcheck/types.hpp"
#include "platform/sql/session.hpp"

/// The SQL of health checks. Whether a system exists is not known here.
namespace watchbell::healthcheck::store {

struct Association {
  AssociationId id;
  CheckKey key;
  bool enabled = true;
  std::optional<Thresholds> thresholds;
  Timestamp measured_since;
  Timestamp created_at;
};

/// An association with its configuration's name.
struct NamedAssociation {
  ConfigurationId configuration_id;
  std::string configuration_name;
  bool enabled = true;
  std::optional<Thresholds> thresholds;
};

struct Run {
  RunId id;
  CheckKey key;
  RunStatus status = RunStatus::healthy;
  Timestamp timestamp;
  std::optional<std::int64_t> latency_ms;
  std::string message;
  std::string result = "{}";
};

struct RunFilter {
  std::optional<SystemId> system_id;
  std::optional<ConfigurationId> configuration_id;
  std::optional<Timestamp> from;  ///< inclusive
  std::optional<Timestamp> to;    ///< inclusive
  std::int64_t limit = 10;
  std::int64_t offset = 0;
  bool ascending = false;
};

struct Transition {
  SystemId system_id;
  std::int64_t number = 1;  ///< from 1, without gaps but for pruned ones; a clock that was set back does not disturb it
  std::optional<Status> from;
  Status to = Status::unknown;
  Timestamp at;
  std::optional<ConfigurationId> configuration_id;
};

// Configurations.
void insert(sql::Session& session, const Configuration& configuration);
std::optional<Configuration> find_configuration(sql::Session& session, const ConfigurationId& id);
/// By name, then id.
std::vector<Configuration> list_configurations(sql::Session& session, std::int64_t limit, std::int64_t offset);
std::int64_t count_configurations(sql::Session& session);
/// Stores all but id and created_at.
void update(sql::Session& session, const Configuration& configuration);
/// With its associations.
void delete_configuration(sql::Session& session, const ConfigurationId& id);

// Associations.
std::optional<Association> find_association(sql::Session& session, const CheckKey& key);
void put(sql::Session& session, const Association& association);
bool delete_association(sql::Session& session, const CheckKey& key);
/// By name, then id.
std::vector<NamedAssociation> associations_of(sql::Session& session, const SystemId& system);
std::vector<SystemId> systems_of(sql::Session& session, const ConfigurationId& configuration);
/// What was measured before `now` does not count any more.
void restart_measurement(sql::Session& session, const ConfigurationId& configuration, Timestamp now);
void delete_system(sql::Session& session, const SystemId& system);

// Checks that are to run.
std::vector<Check> active_checks(sql::Session& session);
std::vector<Check> active_checks(sql::Session& session, const ConfigurationId& configuration);
std::optional<Check> active_check(sql::Session& session, const CheckKey& key);
/// A check that is to run, with what its cadence goes by.
struct PlannedCheck {
  Check check;
  Timestamp changed_at;                ///< when a person changed it last, so that it was to run at once
  std::optional<Timestamp> last_run;   ///< that counts
};
std::vector<PlannedCheck> planned_checks(sql::Session& session, const Scope& scope);
/// Whether the check is still what it was when its probe began.
bool is_active(sql::Session& session, const Check& check, Timestamp began);

// Runs.
void insert(sql::Session& session, const Run& run);
struct RunPage {
  std::vector<Run> runs;  ///< without results; by timestamp, then id
  std::int64_t total = 0;
};
/// Runs of associations that are gone are not among them.
RunPage history(sql::Session& session, const RunFilter& filter);
/// Why the newest run that was not healthy was not.
std::optional<std::string> last_reason(sql::Session& session, const CheckKey& key);

// Status.
/// What is known about each system, in two statements whatever their number; all are in the answer, `known` is left alone.
std::map<SystemId, SystemFacts> facts(sql::Session& session, std::span<const SystemId> systems);
void insert(sql::Session& session, const Transition& transition);
/// Oldest first.
std::vector<Transition> transitions_of(sql::Session& session, const SystemId& system);

// Retention; each deletes at most `limit` rows and answers how many.
/// Checks with runs older than `before`.
std::vector<CheckKey> checks_with_runs_before(sql::Session& session, Timestamp before);
/// Older ones than `before`, never one of the newest kEvaluatedRuns, so that no status changes by it.
std::int64_t delete_old_runs(sql::Session& session, const CheckKey& key, Timestamp before, std::int64_t limit);
/// All until `until`, of a pair that is not associated any more or is so again.
std::int64_t delete_runs(sql::Session& session, const CheckKey& key, Timestamp until, std::int64_t limit);
std::int64_t delete_runs_of_system(sql::Session& session, const SystemId& system, std::int64_t limit);
/// Never the newest of a system.
std::int64_t delete_old_transitions(sql::Session& session, Timestamp before, std::int64_t limit);

}  // namespace watchbell::healthcheck::store
