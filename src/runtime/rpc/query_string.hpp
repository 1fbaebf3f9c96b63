#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace watchbell::rpc {

/// Calls `each` for every parameter of a raw query string, in order, names and values percent-decoded ('+' is a blank). A parameter without '=' has an empty
/// value; malformed escapes are kept as they are.
void for_each_parameter(std::string_view query, const std::function<void(const std::string& name, std::string value)>& each);

/// The value of the last parameter of that name, or nothing.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace watchbell::rpc
