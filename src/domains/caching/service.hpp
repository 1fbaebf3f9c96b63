#pragma once

#include <vector>

#include <watchbell/cache/cache.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domains/caching/views.hpp"

namespace watchbell::caching {

/// What administrators see of the cache. Loop-only.
class Service {
 public:
  /// @param config  the bounds the cache was made with
  Service(const cache::Cache& cache, const Clock& clock, MemoryConfig config) : cache_(cache), clock_(clock), config_(config) {}

  std::vector<PluginView> plugins() const;
  ConfigurationView configuration() const;
  StatsView stats() const;
  /// O(entries of the cache).
  EntriesView entries(const EntriesPage& page) const;

 private:
  const cache::Cache& cache_;
  const Clock& clock_;
  MemoryConfig config_;
};

}  // namespace watchbell::caching
