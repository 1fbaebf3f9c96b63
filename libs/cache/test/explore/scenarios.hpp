#pragma once

#include "explorer.hpp"

#include <string_view>
#include <vector>

namespace watchbell::cache::explore {

struct CacheScenario : Scenario {
  unsigned bound = 0;       // preemptions up to which ./test runs all schedules
  unsigned deep_bound = 0;  // and `make explore`
};

/// The cache's, over its own code. To be called before any run.
const std::vector<CacheScenario>& cache_scenarios();
const CacheScenario* find_scenario(std::string_view name);

}  // namespace watchbell::cache::explore
