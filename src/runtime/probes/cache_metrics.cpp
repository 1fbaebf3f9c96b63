#include "runtime/probes/cache_metrics.hpp"

#include <map>

namespace watchbell::probes {
namespace {

constexpr std::string_view name_of(cache::ProviderCall call) {
  switch (call) {
    case cache::ProviderCall::fetch: return "fetch";
    case cache::ProviderCall::fill: return "fill";
    case cache::ProviderCall::invalidate: return "invalidate";
  }
  return kOther;
}

}  // namespace

CacheMetrics::CacheMetrics(Metrics& metrics) : metrics_(metrics) {
  for (const auto call : {cache::ProviderCall::fetch, cache::ProviderCall::fill, cache::ProviderCall::invalidate}) metrics_.registry.declare("op", name_of(call));
}

void CacheMetrics::follow(const cache::Cache& cache) {
  for (const auto& one : cache.scopes()) {
    metrics_.registry.declare("scope", one.scope);
    scopes_.insert(one.scope);
  }
  metrics_.registry.before_render([this, &cache] { refresh(cache); });
}

void CacheMetrics::load_ended(std::string_view scope, cache::LoadEnding, cache::Duration took) { metrics_.cache_loader_seconds.at({scope}).observe(took); }

void CacheMetrics::invalidated(std::string_view scope, cache::Invalidated what, bool queued) {
  metrics_.cache_invalidations_total.at({scope, what == cache::Invalidated::key ? "key" : "family", queued ? "queued" : "applied"}).add();
}

void CacheMetrics::provider_called(cache::ProviderCall call, bool ok, cache::Duration took) {
  metrics_.cache_provider_seconds.at({name_of(call)}).observe(took);
  if (!ok) metrics_.cache_provider_errors_total.at({name_of(call)}).add();
}

void CacheMetrics::refresh(const cache::Cache& cache) {
  std::map<std::string_view, cache::Statistics> by_label;
  // A scope whose objects are all gone is left out by the cache: it holds nothing, and its counters stay.
  for (const auto& scope : scopes_) by_label[scope];
  for (const auto& [scope, counted] : cache.scopes()) {
    const auto known = scopes_.find(scope);
    by_label[known == scopes_.end() ? kOther : std::string_view(*known)] += counted;
  }
  auto& m = metrics_;
  for (const auto& [scope, c] : by_label) {
    m.cache_requests_total.at({scope, "hit"}).follow(c.hits);
    m.cache_requests_total.at({scope, "miss"}).follow(c.misses - c.joins);
    m.cache_requests_total.at({scope, "joined"}).follow(c.joins);
    m.cache_fill_discarded_total.at({scope, "invalidated"}).follow(c.discarded.invalidated);
    m.cache_fill_discarded_total.at({scope, "superseded"}).follow(c.discarded.late);
    m.cache_fill_discarded_total.at({scope, "error"}).follow(c.discarded.not_cacheable + c.load_failures + c.load_timeouts);
    m.cache_evictions_total.at({scope}).follow(c.evictions);
    m.cache_entries.at({scope}).set(static_cast<double>(c.entries));
    m.cache_bytes.at({scope}).set(static_cast<double>(c.bytes));
  }
}

}  // namespace watchbell::probes
