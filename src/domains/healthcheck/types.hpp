#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/describe.hpp>

#include "base/bounded.hpp"
#include "base/id.hpp"
#include "base/timestamp.hpp"
#include "domains/catalog/types.hpp"

namespace watchbell::healthcheck {

using catalog::SystemId;
using ConfigurationId = Id<struct ConfigurationTag>;
using AssociationId = Id<struct AssociationTag>;
using RunId = Id<struct RunTag>;

/// What one run found.
enum class RunStatus { healthy, degraded, unhealthy };
BOOST_DESCRIBE_ENUM(RunStatus, healthy, degraded, unhealthy)

/// What a check or a system is said to be. `unknown`: nothing measured it, or not lately.
enum class Status { healthy, degraded, unhealthy, unknown };
BOOST_DESCRIBE_ENUM(Status, healthy, degraded, unhealthy, unknown)

/// How many runs of a check are looked at to tell its status; more could not change what the largest allowed thresholds say.
inline constexpr std::size_t kEvaluatedRuns = 100;
/// How many of them travel with a status.
inline constexpr std::size_t kRecentRuns = 40;

/// Thresholds: from which runs on a check is degraded, unhealthy, healthy again. The defaults differ, hence a type each.
using Count = Integer<1, 9007199254740991>;
struct HealthyAfter {
  Count min_success_count = 1;
};
BOOST_DESCRIBE_STRUCT(HealthyAfter, (), (min_success_count))
struct DegradedAfter {
  Count min_failure_count = 2;
};
BOOST_DESCRIBE_STRUCT(DegradedAfter, (), (min_failure_count))
struct UnhealthyAfter {
  Count min_failure_count = 5;
};
BOOST_DESCRIBE_STRUCT(UnhealthyAfter, (), (min_failure_count))
struct DegradedWithin {
  Count min_failure_count = 3;
};
BOOST_DESCRIBE_STRUCT(DegradedWithin, (), (min_failure_count))
struct UnhealthyWithin {
  Count min_failure_count = 7;
};
BOOST_DESCRIBE_STRUCT(UnhealthyWithin, (), (min_failure_count))

/// Failures and successes in a row.
struct ConsecutiveThresholds {
  static constexpr std::string_view kTagName = "mode";
  static constexpr std::string_view kTag = "consecutive";
  HealthyAfter healthy;
  DegradedAfter degraded;
  UnhealthyAfter unhealthy;
};
BOOST_DESCRIBE_STRUCT(ConsecutiveThresholds, (), (healthy, degraded, unhealthy))
/// Failures among the newest runs.
struct WindowThresholds {
  static constexpr std::string_view kTagName = "mode";
  static constexpr std::string_view kTag = "window";
  Integer<3, 100> window_size = 10;
  DegradedWithin degraded;
  UnhealthyWithin unhealthy;
};
BOOST_DESCRIBE_STRUCT(WindowThresholds, (), (window_size, degraded, unhealthy))
using Thresholds = std::variant<ConsecutiveThresholds, WindowThresholds>;

/// A comparison on one field of a collector's result.
struct Assertion {
  Text<1, 200> field;                        ///< a path: "statusCode", "headers.etag", "items[*].name", "body.$"
  std::optional<Text<1, 500>> json_path;     ///< into a text field that holds JSON: "$.data[0].state"
  Text<1, 40> operator_;
  std::optional<Json<4096, 8, false>> value; ///< what is expected; operators that need none ignore it
};
BOOST_DESCRIBE_STRUCT(Assertion, (), (field, json_path, operator_, value))
using Assertions = List<Assertion, 0, 50>;

using ConfigJson = Json<64 * 1024, 16>;

/// One collector of a configuration. Its id is made by the client and stays the key of its results.
struct CollectorEntry {
  Text<1, 100> id;
  Text<1, 200> collector_id;
  ConfigJson config;
  std::optional<Assertions> assertions;
};
BOOST_DESCRIBE_STRUCT(CollectorEntry, (), (id, collector_id, config, assertions))
using Collectors = List<CollectorEntry, 0, 20>;

/// A check that can be associated with many systems: what to reach, what to fetch, what to expect, how often.
struct Configuration {
  ConfigurationId id;
  std::string name;
  std::string strategy_id;
  ConfigJson config;
  std::int64_t interval_seconds = 60;
  std::optional<Collectors> collectors;
  bool paused = false;
  Timestamp created_at;
  Timestamp updated_at;
  std::int64_t revision = 1;  ///< goes up with every change; not told to clients
};
BOOST_DESCRIBE_STRUCT(Configuration, (), (id, name, strategy_id, config, interval_seconds, collectors, paused, created_at, updated_at))

/// The pair of a system and a configuration, as the scheduler and the cache know it.
struct CheckKey {
  SystemId system_id;
  ConfigurationId configuration_id;
  auto operator<=>(const CheckKey&) const = default;
};

/// A check that is to be run: enabled, not paused. Immutable.
struct Check {
  CheckKey key;
  AssociationId association_id;  ///< another one after the association was removed and made again
  std::shared_ptr<const Configuration> configuration;
};

/// Checks by what they are of; all of them when nothing is said.
struct Scope {
  std::optional<SystemId> system_id{};
  std::optional<ConfigurationId> configuration_id{};
  auto operator<=>(const Scope&) const = default;
  bool holds(const CheckKey& key) const {
    return (!system_id || *system_id == key.system_id) && (!configuration_id || *configuration_id == key.configuration_id);
  }
};

/// What came of running a configuration once.
struct Outcome {
  RunStatus status = RunStatus::unhealthy;
  std::optional<std::int64_t> latency_ms;  ///< of the whole sequence; none when something never answered
  std::string message;                     ///< why, for a person; names no secret
  std::string result = "{}";               ///< JSON object text, without what is only there to be asserted on
};

/// A stored run as a status tells it.
struct RecentRun {
  RunStatus status = RunStatus::healthy;
  Timestamp timestamp;
  std::optional<std::int64_t> latency_ms;
};
BOOST_DESCRIBE_STRUCT(RecentRun, (), (status, timestamp, latency_ms))

/// What is known about one counted check.
struct CheckFacts {
  ConfigurationId configuration_id;
  std::string configuration_name;
  std::chrono::seconds interval{60};
  Thresholds thresholds;
  Timestamp measured_since;     ///< when it was associated, enabled or resumed last; earlier runs do not count
  std::vector<RecentRun> runs;  ///< the newest kEvaluatedRuns, oldest first
};

/// The newest stored change of a system's status.
struct LastTransition {
  Status to = Status::unknown;
  Timestamp at;
  std::int64_t number = 0;
};

/// Everything the status of a system depends on, but the time. Checks that are disabled or paused are not among them.
struct SystemFacts {
  bool known = false;  ///< whether there is such a system
  std::vector<CheckFacts> checks;
  std::optional<LastTransition> last;
};

struct CheckStatus {
  ConfigurationId configuration_id;
  std::string configuration_name;
  Status status = Status::unknown;
  std::int64_t runs_considered = 0;
  std::optional<Timestamp> last_run_at;
  std::vector<RecentRun> recent_runs;  ///< the newest kRecentRuns, oldest first
};
BOOST_DESCRIBE_STRUCT(CheckStatus, (), (configuration_id, configuration_name, status, runs_considered, last_run_at, recent_runs))

struct SystemHealth {
  Status status = Status::unknown;
  Timestamp evaluated_at;
  std::vector<CheckStatus> check_statuses;  ///< by name, then id
  std::optional<Timestamp> since;           ///< when the present status began
};
BOOST_DESCRIBE_STRUCT(SystemHealth, (), (status, evaluated_at, check_statuses, since))

}  // namespace watchbell::healthcheck
