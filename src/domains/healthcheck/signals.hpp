#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domains/healthcheck/types.hpp"
#include "runtime/signals/signal.hpp"

namespace watchbell::healthcheck {

namespace access_rules {
inline constexpr std::string_view kStatusRead = "healthcheck.healthcheck.status.read";
inline constexpr std::string_view kRead = "healthcheck.healthcheck.read";
inline constexpr std::string_view kManage = "healthcheck.healthcheck.manage";
inline constexpr std::string_view kDetailsRead = "healthcheck.healthcheck.details.read";
}  // namespace access_rules

/// A run was stored.
struct RunCompleted {
  SystemId system_id;
  std::string system_name;
  ConfigurationId configuration_id;
  std::string configuration_name;
  RunStatus status = RunStatus::healthy;
  std::optional<std::int64_t> latency_ms;
};
BOOST_DESCRIBE_STRUCT(RunCompleted, (), (system_id, system_name, configuration_id, configuration_name, status, latency_ms))

/// A system's status changed.
struct StatusChanged {
  SystemId system_id;
  Status previous_status = Status::unknown;
  Status new_status = Status::unknown;
};
BOOST_DESCRIBE_STRUCT(StatusChanged, (), (system_id, previous_status, new_status))

/// A configuration or an association changed; pages that show checks fetch them anew.
struct ConfigChanged {
  std::optional<ConfigurationId> configuration_id;
  std::optional<SystemId> system_id;
};
BOOST_DESCRIBE_STRUCT(ConfigChanged, (), (configuration_id, system_id))

inline constexpr signals::Definition<ConfigChanged> kConfigChanged{"healthcheck.config.changed",
                                                                   {signals::Audience::Kind::holders, access_rules::kStatusRead}};
inline constexpr signals::Definition<RunCompleted> kRunCompleted{"healthcheck.run.completed",
                                                                 {signals::Audience::Kind::holders, access_rules::kStatusRead}};
inline constexpr signals::Definition<StatusChanged> kStatusChanged{"healthcheck.system.status_changed",
                                                                   {signals::Audience::Kind::holders, access_rules::kStatusRead}};

}  // namespace watchbell::healthcheck
