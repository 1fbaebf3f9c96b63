#include "runtime/settings/secrets.hpp"

#include "base/text.hpp"
#include "runtime/rpc/issues.hpp"
#include "runtime/rpc/json_text.hpp"
#include "runtime/rpc/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace watchbell::settings::secrets {
namespace json = boost::json;
using rpc::Schema;
using Kind = Schema::Kind;

namespace {

constexpr std::string_view kId = "id";

bool holds_secrets(const Schema& schema) {
  if (std::ranges::any_of(schema.members, [](const auto& member) { return member.secret || holds_secrets(*member.schema); })) return true;
  return std::ranges::any_of(schema.items, [](const auto& item) { return holds_secrets(*item); });
}

const Schema::Member* find_member(const Schema& object, std::string_view name) {
  const auto it = std::ranges::find(object.members, name, &Schema::Member::name);
  return it == object.members.end() ? nullptr : &*it;
}

/// Whether each item this schema allows can carry a text member `id`.
bool has_id(const Schema& item) {
  if (item.kind == Kind::either) return std::ranges::all_of(item.items, [](const auto& branch) { return has_id(*branch); });
  const auto* member = item.kind == Kind::object ? find_member(item, kId) : nullptr;
  return member != nullptr && member->schema->kind == Kind::text && !member->secret;
}

/// The branch of a union a value is of; null when it is of none.
const Schema* branch_of(const Schema& either, const json::value& value) {
  const auto* object = value.if_object();
  const auto* tag = object == nullptr ? nullptr : object->if_contains(either.discriminator);
  if (tag == nullptr || !tag->is_string()) return nullptr;
  for (const auto& branch : either.items) {
    const auto* member = find_member(*branch, either.discriminator);
    if (member == nullptr) continue;
    const auto& values = member->schema->values;
    if (std::ranges::find(values, std::string_view(tag->get_string())) != values.end()) return branch.get();
  }
  return nullptr;
}

/// The id of a list's item; empty when it has none.
std::string_view id_of(const json::value& item) {
  const auto* object = item.if_object();
  const auto* id = object == nullptr ? nullptr : object->if_contains(kId);
  return id != nullptr && id->is_string() ? std::string_view(id->get_string()) : std::string_view();
}

bool blank(const json::value& value) { return value.is_string() && trim(value.get_string()).empty(); }

// --- merge ---------------------------------------------------------------------------------------------------------------------------

class Merge {
 public:
  Merge(Absent absent, rpc::Issues& issues) : absent_(absent), issues_(issues) {}

  json::value node(const Schema& schema, const json::value& given, const json::value* stored, const rpc::Path* path) {
    switch (schema.kind) {
      case Kind::object: return given.is_object() ? json::value(object(schema, given.get_object(), object_of(stored), path)) : given;
      case Kind::either: return either(schema, given, stored, path);
      case Kind::list: return given.is_array() ? json::value(list(*schema.items[0], given.get_array(), stored, path)) : given;
      case Kind::record: return given.is_object() ? json::value(record(*schema.items[0], given.get_object(), object_of(stored), path)) : given;
      case Kind::nullable: return given.is_null() ? given : node(*schema.items[0], given, stored, path);
      default: return given;
    }
  }

 private:
  static const json::object* object_of(const json::value* value) { return value == nullptr ? nullptr : value->if_object(); }

  json::object object(const Schema& schema, const json::object& given, const json::object* stored, const rpc::Path* path) {
    json::object merged;
    for (const auto& member : schema.members) {
      const auto* in = given.if_contains(member.name);
      const auto* kept = stored == nullptr ? nullptr : stored->if_contains(member.name);
      if (member.secret) {
        if (in == nullptr || blank(*in)) in = kept;
        if (in != nullptr && !in->is_null()) merged.emplace(member.name, *in);
        continue;
      }
      if (in == nullptr && absent_ == Absent::keeps) in = kept;
      if (in == nullptr) continue;
      const bool takes_null = member.schema->kind == Kind::nullable || member.schema->kind == Kind::any;
      if (in->is_null() && !member.required && !takes_null) continue;
      const rpc::Path step{path, member.name};
      merged.emplace(member.name, node(*member.schema, *in, kept, &step));
    }
    return merged;
  }

  json::value either(const Schema& schema, const json::value& given, const json::value* stored, const rpc::Path* path) {
    if (schema.discriminator.empty() || !given.is_object()) return given;
    const Schema* before = stored == nullptr ? nullptr : branch_of(schema, *stored);
    const auto* tag = given.get_object().if_contains(schema.discriminator);
    const Schema* branch = tag == nullptr && absent_ == Absent::keeps ? before : branch_of(schema, given);
    if (branch != nullptr) return object(*branch, given.get_object(), branch == before ? object_of(stored) : nullptr, path);
    // Of no branch: refused when it is judged, and nothing of it is kept until then.
    json::object unknown;
    if (tag != nullptr) unknown.emplace(schema.discriminator, *tag);
    return unknown;
  }

  json::array list(const Schema& item, const json::array& given, const json::value* stored, const rpc::Path* path) {
    json::array merged;
    merged.reserve(given.size());
    const bool matched = holds_secrets(item);
    std::unordered_map<std::string_view, const json::value*> kept;
    if (matched && stored != nullptr && stored->is_array())
      for (const auto& value : stored->get_array()) kept.emplace(id_of(value), &value);
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = 0; i < given.size(); ++i) {
      const rpc::Path step{path, {}, i};
      const json::value* before = nullptr;
      if (matched) {
        const std::string_view id = id_of(given[i]);
        const rpc::Path at{&step, kId};
        if (id.empty()) issues_.custom(&at, "Invalid input: an item that can hold a secret needs an id");
        else if (!seen.insert(id).second) issues_.custom(&at, "Invalid input: two items have the same id");
        else if (const auto it = kept.find(id); it != kept.end()) before = it->second;
      }
      merged.push_back(node(item, given[i], before, &step));
    }
    return merged;
  }

  json::object record(const Schema& item, const json::object& given, const json::object* stored, const rpc::Path* path) {
    json::object merged;
    for (const auto& [key, value] : given) {
      const rpc::Path step{path, key};
      merged.emplace(key, node(item, value, stored == nullptr ? nullptr : stored->if_contains(key), &step));
    }
    return merged;
  }

  Absent absent_;
  rpc::Issues& issues_;
};

// --- paths ---------------------------------------------------------------------------------------------------------------------------

std::string member_path(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + '.' + std::string(name);
}
std::string item_path(const std::string& path, std::string_view key) {
  std::string out = path + '[';
  for (const char c : key) {
    if (c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out + ']';
}

/// Takes the first step off a path. `bracket` says whether it is an item or key; false when the path is none.
bool next_step(std::string_view& path, std::string& step, bool& bracket) {
  step.clear();
  bracket = path.starts_with('[');
  if (bracket) {
    path.remove_prefix(1);
    while (!path.empty() && path.front() != ']') {
      if (path.front() == '\\') path.remove_prefix(1);
      if (path.empty()) return false;
      step += path.front();
      path.remove_prefix(1);
    }
    if (path.empty()) return false;
    path.remove_prefix(1);
    return true;
  }
  if (path.starts_with('.')) path.remove_prefix(1);
  const std::size_t end = std::min(path.find_first_of(".["), path.size());
  step = path.substr(0, end);
  path.remove_prefix(end);
  return !step.empty();
}

/// The object that holds, or would hold, the member the path ends in, and that member's name.
json::object* parent_of(json::value& root, std::string_view path, std::string& name) {
  json::value* at = &root;
  bool bracket = false;
  while (next_step(path, name, bracket)) {
    if (path.empty()) return bracket ? nullptr : at->if_object();
    json::value* next = nullptr;
    if (auto* object = at->if_object()) {
      next = object->if_contains(name);
    } else if (auto* array = at->if_array(); array != nullptr && bracket) {
      const auto it = std::ranges::find_if(*array, [&](const auto& item) { return id_of(item) == name; });
      if (it != array->end()) next = &*it;
    }
    if (next == nullptr) return nullptr;
    at = next;
  }
  return nullptr;
}

// --- the other walks -----------------------------------------------------------------------------------------------------------------

void split_node(const Schema& schema, json::value& value, const std::string& path, std::vector<Secret>& out) {
  switch (schema.kind) {
    case Kind::object: {
      auto* object = value.if_object();
      if (object == nullptr) return;
      for (const auto& member : schema.members) {
        auto* child = object->if_contains(member.name);
        if (child == nullptr) continue;
        if (!member.secret) {
          split_node(*member.schema, *child, member_path(path, member.name), out);
          continue;
        }
        if (!child->is_null() && !blank(*child)) out.push_back({member_path(path, member.name), std::move(*child)});
        object->erase(member.name);
      }
      return;
    }
    case Kind::either:
      if (const Schema* branch = branch_of(schema, value)) split_node(*branch, value, path, out);
      return;
    case Kind::list: {
      auto* array = value.if_array();
      if (array == nullptr || !holds_secrets(*schema.items[0])) return;
      std::unordered_set<std::string> seen;
      for (auto& item : *array) {
        std::string id(id_of(item));
        if (id.empty() || !seen.insert(id).second) throw std::invalid_argument(fmt::format("items of {} lack distinct ids", path));
        split_node(*schema.items[0], item, item_path(path, id), out);
      }
      return;
    }
    case Kind::record:
      if (auto* object = value.if_object())
        for (auto& entry : *object) split_node(*schema.items[0], entry.value(), item_path(path, entry.key()), out);
      return;
    case Kind::nullable: split_node(*schema.items[0], value, path, out); return;
    default: return;
  }
}

void write(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: out += "null"; return;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; return;
    case json::kind::int64: out += std::to_string(value.get_int64()); return;
    case json::kind::uint64: out += std::to_string(value.get_uint64()); return;
    case json::kind::double_: rpc::append_json_number(out, value.get_double()); return;
    case json::kind::string: rpc::append_json_string(out, value.get_string()); return;
    case json::kind::array: {
      char separator = '[';
      for (const auto& item : value.get_array()) {
        out += separator;
        separator = ',';
        write(out, item);
      }
      out += separator == '[' ? "[]" : "]";
      return;
    }
    case json::kind::object: {
      char separator = '{';
      for (const auto& [key, item] : value.get_object()) {
        out += separator;
        separator = ',';
        rpc::append_json_string(out, key);
        out += ':';
        write(out, item);
      }
      out += separator == '{' ? "{}" : "}";
      return;
    }
  }
}

bool all_finite(const json::value& value) {
  if (const auto* number = value.if_double()) return std::isfinite(*number);
  if (const auto* array = value.if_array()) return std::ranges::all_of(*array, all_finite);
  if (const auto* object = value.if_object()) return std::ranges::all_of(*object, [](const auto& entry) { return all_finite(entry.value()); });
  return true;
}

}  // namespace

bool well_formed(const Schema& schema) {
  switch (schema.kind) {
    case Kind::none:
    case Kind::bigint:
    case Kind::set:
    case Kind::map: return false;
    case Kind::list:
      if (holds_secrets(*schema.items[0]) && !has_id(*schema.items[0])) return false;
      break;
    case Kind::either:
      if (schema.discriminator.empty() && holds_secrets(schema)) return false;
      break;
    default: break;
  }
  return std::ranges::all_of(schema.items, [](const auto& item) { return well_formed(*item); }) &&
         std::ranges::all_of(schema.members, [](const auto& member) {
           return !member.name.empty() && member.name.find_first_of(".[]\\") == std::string::npos && well_formed(*member.schema);
         });
}

Result<json::value> merge(const Schema& schema, const json::value& given, const json::value* stored, Absent absent) {
  rpc::Issues issues;
  json::value merged = Merge(absent, issues).node(schema, given, stored, nullptr);
  if (!issues.empty()) return std::unexpected(issues.error());
  return merged;
}

std::vector<Secret> split(const Schema& schema, json::value& value) {
  std::vector<Secret> out;
  split_node(schema, value, {}, out);
  return out;
}

bool join(json::value& value, std::string_view path, json::value secret) {
  std::string name;
  auto* object = parent_of(value, path, name);
  if (object == nullptr) return false;
  object->insert_or_assign(name, std::move(secret));
  return true;
}

void remove(json::value& value, std::string_view path) {
  std::string name;
  if (auto* object = parent_of(value, path, name)) object->erase(name);
}

void fill_defaults(const Schema& schema, json::value& value) {
  switch (schema.kind) {
    case Kind::object: {
      auto* object = value.if_object();
      if (object == nullptr) return;
      for (const auto& member : schema.members) {
        if (auto* child = object->if_contains(member.name)) fill_defaults(*member.schema, *child);
        else if (member.fallback && !member.secret) object->emplace(member.name, json::parse(*member.fallback));
      }
      return;
    }
    case Kind::either:
      if (const Schema* branch = branch_of(schema, value)) fill_defaults(*branch, value);
      return;
    case Kind::list:
      if (auto* array = value.if_array())
        for (auto& item : *array) fill_defaults(*schema.items[0], item);
      return;
    case Kind::record:
      if (auto* object = value.if_object())
        for (auto& entry : *object) fill_defaults(*schema.items[0], entry.value());
      return;
    case Kind::nullable: fill_defaults(*schema.items[0], value); return;
    default: return;
  }
}

std::string to_text(const json::value& value) {
  std::string out;
  write(out, value);
  return out;
}

std::optional<json::value> from_text(std::string_view text, std::size_t max_depth) {
  auto value = rpc::parse_json(text, max_depth);
  if (value && !all_finite(*value)) value.reset();
  return value;
}

}  // namespace watchbell::settings::secrets
