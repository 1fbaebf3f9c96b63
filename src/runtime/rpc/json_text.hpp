#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <boost/json.hpp>

namespace watchbell::rpc {

/// Reads one JSON text into a value tree; nothing when it is not JSON or nests deeper than `max_depth` arrays and objects.
///
/// Differs from boost::json::parse (1.81) in one point: a number with a fraction or an exponent becomes the double nearest to its text, as in every
/// other JSON reader. Boost's own is off by some last places, so what was written would not read back the same. A number too large for a double
/// is infinite, which callers refuse. O(text); thread-safe.
std::optional<boost::json::value> parse_json(std::string_view text, std::size_t max_depth = 32, boost::json::storage_ptr memory = {});

}  // namespace watchbell::rpc
