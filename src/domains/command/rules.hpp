#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "domains/command/types.hpp"

namespace watchbell::command::rules {

/// Most entries of an answer.
inline constexpr std::size_t kMost = 50;

/// All commands there are, in their order.
const std::vector<Entry>& commands();

/// The commands that somebody may use whose title holds the text, without regard to ASCII case; all of those for the empty text.
///
/// @param holds  whether he holds a rule
std::vector<Entry> usable(std::string_view text, const std::function<bool(std::string_view)>& holds);

}  // namespace watchbell::command::rules
