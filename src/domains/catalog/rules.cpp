#include "domains/catalog/rules.hpp"

#include "base/text.hpp"

namespace watchbell::catalog::rules {

Result<std::string> clean_name(std::string_view name) {
  const auto trimmed = trim(name);
  if (trimmed.empty()) return fail_field(ErrorCode::bad_request, "name", "The name must not be blank");
  return std::string(trimmed);
}

std::string notification_group(const SystemId& system) { return "catalog.system." + system.to_string(); }
std::string notification_group(const GroupId& group) { return "catalog.group." + group.to_string(); }

std::string notification_group_name(std::string_view name) { return std::string(name) + " Notifications"; }

std::string notification_group_description(std::string_view name) { return "Notifications for " + std::string(name); }

bool matches(std::string_view name, std::string_view description, std::string_view text) {
  return ascii_lower(name).find(text) != std::string::npos || ascii_lower(description).find(text) != std::string::npos;
}

}  // namespace watchbell::catalog::rules
