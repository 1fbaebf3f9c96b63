#include "domains/caching/contract.hpp"

namespace watchbell::caching {

rpc::Area contract(Service& service) {
  using rpc::Caller;
  const auto read = [] { return access::authenticated().needs("cache.settings.read"); };
  rpc::Area area("cache");
  area.rule({.id = "cache.settings.read", .description = "See how the cache is set up and what it holds"})
      .query("getPlugins", read(), [&service](const Caller&) { return service.plugins(); })
      .query("getConfiguration", read(), [&service](const Caller&) { return service.configuration(); })
      .query("getRuntimeStats", read(), [&service](const Caller&) { return service.stats(); })
      .query("listEntries", read(), [&service](const Caller&, EntriesPage in) { return service.entries(in); });
  return area;
}

}  // namespace watchbell::caching
