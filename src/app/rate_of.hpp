#pragma once

#include <optional>

#include "app/config/config.hpp"
#include "runtime/limits/bucket_table.hpp"

namespace watchbell::app {

/// A rate that is set, as those who keep to it take it; nothing when it is off.
inline std::optional<limits::Rate> rate_of(const std::optional<config::Rate>& set) {
  if (!set) return std::nullopt;
  return limits::Rate::per_second(set->per_second, set->burst);
}

}  // namespace watchbell::app
