#include "domains/caching/service.hpp"

namespace watchbell::caching {

std::vector<PluginView> Service::plugins() const {
  return {{.id = std::string(kMemory),
           .display_name = "In memory",
           .description = "Keeps entries in the memory of this process",
           .config_version = 1,
           .config_schema = {.text = rpc::to_json_schema(*rpc::schema_of<MemoryConfig>())}}};
}

ConfigurationView Service::configuration() const { return {.plugin_id = std::string(kMemory), .config = config_}; }

StatsView Service::stats() const {
  const auto counted = cache_.snapshot();
  const auto number = [](std::uint64_t value) { return Nullable<std::int64_t>(static_cast<std::int64_t>(value)); };
  return {.plugin_id = std::string(kMemory),
          .key_count = number(counted.entries),
          .size_bytes = number(counted.bytes),
          .hits = number(counted.hits),
          .misses = number(counted.misses),
          .scope = StatsScope::instance};
}

EntriesView Service::entries(const EntriesPage& page) const {
  const auto order = page.sort_by == SortBy::newest ? cache::EntryOrder::newest : cache::EntryOrder::biggest;
  const auto listed = cache_.list_entries(static_cast<std::uint64_t>(page.offset.value()), static_cast<std::uint64_t>(page.limit.value()), order);
  EntriesView view{.supported = listed.supported, .items = {}, .total = {}, .has_more = listed.has_more};
  if (listed.total) view.total = static_cast<std::int64_t>(*listed.total);
  for (const auto& item : listed.items) {
    EntryView entry{.key = item.key, .byte_size = static_cast<std::int64_t>(item.byte_size), .expires_at = {}};
    if (item.expires_in) entry.expires_at = clock_.now() + std::chrono::duration_cast<std::chrono::microseconds>(*item.expires_in);
    view.items.push_back(std::move(entry));
  }
  return view;
}

}  // namespace watchbell::caching
