#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domains/catalog/types.hpp"

namespace watchbell::catalog::rules {

/// A name as it is kept: without blanks around it. ErrorCode::bad_request when nothing is left.
Result<std::string> clean_name(std::string_view name);

/// The ids of the notification groups of a system and of a group.
std::string notification_group(const SystemId& system);
std::string notification_group(const GroupId& group);
/// What such a group is called.
std::string notification_group_name(std::string_view name);
std::string notification_group_description(std::string_view name);

/// Whether a system's name or description holds the text, without regard to ASCII case. Everything holds the empty text.
///
/// @param text  in lower case
bool matches(std::string_view name, std::string_view description, std::string_view text);

}  // namespace watchbell::catalog::rules
