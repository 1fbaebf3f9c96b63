#pragma once

#include <vector>

#include "runtime/rpc/area.hpp"

namespace watchbell::test {

/// The areas `echo` and `cat`: procedures that show every form a value, an error and a method can take on the wire. For tests only.
std::vector<rpc::Area> echo_areas();

/// A rule nobody holds by default.
inline constexpr std::string_view kEchoRule = "echo.thing.read";

}  // namespace watchbell::test
