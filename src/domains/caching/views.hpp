#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bounded.hpp"
#include "runtime/rpc/codec.hpp"

/// What clients send and get.
namespace watchbell::caching {

inline constexpr std::string_view kMemory = "memory";

/// The bounds of the store in memory.
struct MemoryConfig {
  Integer<0, 9'007'199'254'740'991> max_entries = 100'000;
  Integer<0, 9'007'199'254'740'991> max_bytes = 256 * 1024 * 1024;
  Number<0, 1> per_scope_share = 0.5;

  static std::vector<rpc::Hint> hints() {
    return {{.member = "max_entries", .label = "Most entries", .help = {}, .extra = {}},
            {.member = "max_bytes", .label = "Most bytes", .help = "Keys included", .extra = {}},
            {.member = "per_scope_share", .label = "Share of one area", .help = "The largest share one area may hold while others wait for room", .extra = {}}};
  }
};
BOOST_DESCRIBE_STRUCT(MemoryConfig, (), (max_entries, max_bytes, per_scope_share))

using SchemaJson = Json<256 * 1024, 32>;

struct PluginView {
  std::string id;
  std::string display_name;
  std::string description;
  std::int64_t config_version = 1;
  SchemaJson config_schema;
};
BOOST_DESCRIBE_STRUCT(PluginView, (), (id, display_name, description, config_version, config_schema))

struct ConfigurationView {
  std::string plugin_id;
  MemoryConfig config;
};
BOOST_DESCRIBE_STRUCT(ConfigurationView, (), (plugin_id, config))

/// Whose numbers they are.
enum class StatsScope { instance, cluster };
BOOST_DESCRIBE_ENUM(StatsScope, instance, cluster)

struct StatsView {
  std::string plugin_id;
  Nullable<std::int64_t> key_count;  ///< null: not cheaply known; so are the others
  Nullable<std::int64_t> size_bytes;
  Nullable<std::int64_t> hits;
  Nullable<std::int64_t> misses;
  StatsScope scope = StatsScope::instance;
};
BOOST_DESCRIBE_STRUCT(StatsView, (), (plugin_id, key_count, size_bytes, hits, misses, scope))

enum class SortBy { biggest, newest };
BOOST_DESCRIBE_ENUM(SortBy, biggest, newest)

struct EntriesPage {
  Integer<0, 9'007'199'254'740'991> offset = 0;
  Integer<1, 200> limit;
  SortBy sort_by = SortBy::biggest;
};
BOOST_DESCRIBE_STRUCT(EntriesPage, (), (offset, limit, sort_by))

struct EntryView {
  std::string key;
  std::int64_t byte_size = 0;
  Nullable<Timestamp> expires_at;
};
BOOST_DESCRIBE_STRUCT(EntryView, (), (key, byte_size, expires_at))

struct EntriesView {
  bool supported = false;
  std::vector<EntryView> items;
  Nullable<std::int64_t> total;
  bool has_more = false;
};
BOOST_DESCRIBE_STRUCT(EntriesView, (), (supported, items, total, has_more))

}  // namespace watchbell::caching
