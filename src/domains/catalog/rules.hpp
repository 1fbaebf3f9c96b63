#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domains/catalog/types.hpp"

namespace watchbell::catalog::rules {

/// A name as it is kept: without blanks around it. ErrorCode::bad_request when nothing is left.
Result<std::string> clean_name(std::string_view name);

/// The id of a system's notification group.
std::string notification_group(const SystemId& system);
/// What that group is called.
std::string notification_group_name(std::string_view system_name);
std::string notification_group_description(std::string_view system_name);

}  // namespace watchbell::catalog::rules
