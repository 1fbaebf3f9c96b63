#pragma once

#include <map>

#include "domains/healthcheck/types.hpp"

/// What the procedures take and give, beside the types of types.hpp that travel as they are.
namespace watchbell::healthcheck {

struct StrategyView {
  std::string id;
  std::string display_name;
  std::string description;
  std::string category;
  ConfigJson config_schema;
};
BOOST_DESCRIBE_STRUCT(StrategyView, (), (id, display_name, description, category, config_schema))

struct CollectorView {
  std::string id;
  std::string display_name;
  std::string description;
  ConfigJson config_schema;
  ConfigJson result_schema;
  bool allow_multiple = false;
};
BOOST_DESCRIBE_STRUCT(CollectorView, (), (id, display_name, description, config_schema, result_schema, allow_multiple))

struct ConfigurationsPage {
  std::optional<Integer<1, 500>> limit;  ///< absent = all
  Integer<0, 9007199254740991> offset = 0;
};
BOOST_DESCRIBE_STRUCT(ConfigurationsPage, (), (limit, offset))

struct ConfigurationsView {
  std::vector<Configuration> configurations;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(ConfigurationsView, (), (configurations, total))

struct CreateConfiguration {
  Text<1, 200> name;
  Text<1, 200> strategy_id;
  ConfigJson config;
  Integer<1, 86'400> interval_seconds;
  std::optional<Collectors> collectors;
};
BOOST_DESCRIBE_STRUCT(CreateConfiguration, (), (name, strategy_id, config, interval_seconds, collectors))

struct ConfigurationChanges {
  std::optional<Text<1, 200>> name;
  std::optional<Text<1, 200>> strategy_id;
  std::optional<ConfigJson> config;
  std::optional<Integer<1, 86'400>> interval_seconds;
  std::optional<Collectors> collectors;
};
BOOST_DESCRIBE_STRUCT(ConfigurationChanges, (), (name, strategy_id, config, interval_seconds, collectors))

struct UpdateConfiguration {
  Text<1, 200> id;
  ConfigurationChanges body;
};
BOOST_DESCRIBE_STRUCT(UpdateConfiguration, (), (id, body))

struct AssociationBody {
  ConfigurationId configuration_id;
  bool enabled = true;
  std::optional<Nullable<Thresholds>> state_thresholds;  ///< absent keeps, null clears
};
BOOST_DESCRIBE_STRUCT(AssociationBody, (), (configuration_id, enabled, state_thresholds))

struct AssociateSystem {
  Text<1, 200> system_id;
  AssociationBody body;
};
BOOST_DESCRIBE_STRUCT(AssociateSystem, (), (system_id, body))

struct DisassociateSystem {
  Text<1, 200> system_id;
  Text<1, 200> config_id;
};
BOOST_DESCRIBE_STRUCT(DisassociateSystem, (), (system_id, config_id))

struct OfSystem {
  Text<1, 200> system_id;
};
BOOST_DESCRIBE_STRUCT(OfSystem, (), (system_id))

struct AssociationView {
  ConfigurationId configuration_id;
  std::string configuration_name;
  bool enabled = true;
  std::optional<Thresholds> state_thresholds;
};
BOOST_DESCRIBE_STRUCT(AssociationView, (), (configuration_id, configuration_name, enabled, state_thresholds))

struct OfStrategy {
  Text<1, 200> strategy_id;
};
BOOST_DESCRIBE_STRUCT(OfStrategy, (), (strategy_id))

struct OfSystems {
  List<Text<1, 200>, 1, 1000> system_ids;
};
BOOST_DESCRIBE_STRUCT(OfSystems, (), (system_ids))

struct StatusesView {
  std::map<std::string, SystemHealth> statuses;
};
BOOST_DESCRIBE_STRUCT(StatusesView, (), (statuses))

enum class SortOrder { asc, desc };
BOOST_DESCRIBE_ENUM(SortOrder, asc, desc)

struct HistoryInput {
  std::optional<Text<1, 200>> system_id;
  std::optional<Text<1, 200>> configuration_id;
  std::optional<Timestamp> start_date;
  std::optional<Timestamp> end_date;
  Integer<1, 500> limit = 10;
  Integer<0, 9007199254740991> offset = 0;
  Required<SortOrder> sort_order;
};
BOOST_DESCRIBE_STRUCT(HistoryInput, (), (system_id, configuration_id, start_date, end_date, limit, offset, sort_order))

struct RunView {
  RunId id;
  ConfigurationId configuration_id;
  SystemId system_id;
  RunStatus status = RunStatus::healthy;
  Timestamp timestamp;
  std::optional<std::int64_t> latency_ms;
  std::optional<std::string> message;
};
BOOST_DESCRIBE_STRUCT(RunView, (), (id, configuration_id, system_id, status, timestamp, latency_ms, message))

struct HistoryView {
  std::vector<RunView> runs;
  std::int64_t total = 0;
  std::int64_t limit = 0;
  std::int64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(HistoryView, (), (runs, total, limit, offset))

}  // namespace watchbell::healthcheck
