#include "domains/catalog/rules.hpp"

#include "base/text.hpp"

namespace watchbell::catalog::rules {

Result<std::string> clean_name(std::string_view name) {
  const auto trimmed = trim(name);
  if (trimmed.empty()) return fail_field(ErrorCode::bad_request, "name", "The name must not be blank");
  return std::string(trimmed);
}

std::string notification_group(const SystemId& system) { return "catalog.system." + system.to_string(); }

std::string notification_group_name(std::string_view system_name) { return std::string(system_name) + " Notifications"; }

std::string notification_group_description(std::string_view system_name) { return "Notifications for " + std::string(system_name); }

}  // namespace watchbell::catalog::rules
