#pragma once

#include <set>
#include <string>
#include <string_view>

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/observer.hpp>

#include "runtime/probes/metrics.hpp"

namespace watchbell::probes {

/// Fills the series of the cache: the cache tells it what is over once it happened (how long a load took, which kind an invalidation was) and is asked
/// for what it counts itself when somebody looks. Made before the cache, which is handed it as its observer; outlives it.
///
/// Loop-only: everything the server does with its cache happens on the loop, the end of its loads included.
class CacheMetrics final : public cache::Observer {
 public:
  explicit CacheMetrics(Metrics& metrics);

  /// Counts by scope from now on. What can be a label is fixed here: the scopes that are there, whose names the domains gave them; a later one counts as
  /// "other". Called once. REQUIRES that the cache is there whenever the metrics are rendered.
  void follow(const cache::Cache& cache);

  void load_ended(std::string_view scope, cache::LoadEnding how, cache::Duration took) override;
  void invalidated(std::string_view scope, cache::Invalidated what, bool queued) override;
  void provider_called(cache::ProviderCall call, bool ok, cache::Duration took) override;

 private:
  void refresh(const cache::Cache& cache);

  Metrics& metrics_;
  std::set<std::string, std::less<>> scopes_;
};

}  // namespace watchbell::probes
