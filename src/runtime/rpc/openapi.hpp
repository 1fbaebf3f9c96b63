#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/rpc/area.hpp"

namespace watchbell::rpc {

/// Whether a procedure is told of to outsiders: those for services alone are not.
bool is_documented(const Procedure& procedure) noexcept;

/// The OpenAPI 3.1.1 document of the procedures as they are called over REST: one operation each, with the bounds of its types, who may call it
/// (`x-orpc-meta`, `security`), and the two forms of its errors. The order is that of the areas.
///
/// @param server  our public address, the document's only server
/// @param shown   which of the documented procedures to tell of; empty: all
std::string openapi(const std::vector<Area>& areas, std::string_view server, const std::function<bool(const Procedure&)>& shown = {});

}  // namespace watchbell::rpc
