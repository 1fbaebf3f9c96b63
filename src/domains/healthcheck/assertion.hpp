#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.hpp"
#include "domains/healthcheck/types.hpp"

/// Comparisons on what a collector brought back. Pure; every look-up and pattern is bounded in time by the size of the result.
namespace watchbell::healthcheck {

/// What keeps an assertion from ever being met, for a person: an operator nobody knows, a pattern or path that does not parse, a value that is missing.
std::optional<std::string> defect_of(const Assertion& assertion);

/// Why `result` does not meet the assertion, or nothing when it does. The text names field, operator and expected value, and of what was found only
/// numbers: a field may hold secrets.
///
/// Numeric operators turn text into a number; null, "" and what is absent fail them, whatever the other side is. `equals` compares numbers as numbers,
/// else as text; `notEquals` is its negation. Operators on lists compare elements as text and fail on what is no list. `matches` is RE2's
/// syntax, linear in the text, unanchored.
std::optional<std::string> failure_of(const boost::json::object& result, const Assertion& assertion);

/// The value at a path of members, `[n]`, `['name']` and `[*]` (which gives the list of what all elements have there); a leading "$" or "$." is the
/// value itself. Nothing when the path leads nowhere.
std::optional<boost::json::value> look_up(const boost::json::value& root, std::string_view path);

/// Whether the text is such a path.
bool is_path(std::string_view path);

}  // namespace watchbell::healthcheck
