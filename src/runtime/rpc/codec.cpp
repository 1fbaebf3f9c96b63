#include "runtime/rpc/codec.hpp"

#include <cmath>

namespace watchbell::rpc {
namespace json = boost::json;

std::string_view Input::received() const {
  if (value == nullptr) return "undefined";
  if (const auto code = tag()) {
    switch (*code) {
      case Tag::bigint: return "bigint";
      case Tag::date: return "Date";
      case Tag::nan: return "NaN";
      case Tag::undefined: return "undefined";
      case Tag::url: return "URL";
      case Tag::regexp: return "RegExp";
      case Tag::set: return "Set";
      case Tag::map: return "Map";
    }
  }
  switch (value->kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return "number";
    case json::kind::string: return "string";
    case json::kind::array: return "array";
    case json::kind::object: return "object";
  }
  return "undefined";
}

const json::value* Input::plain() const {
  if (value == nullptr || tag().has_value()) return nullptr;
  return value;
}

namespace detail {

SchemaPtr simple_schema(Schema::Kind kind) {
  auto schema = std::make_shared<Schema>();
  schema->kind = kind;
  return schema;
}

SchemaPtr bounded_schema(Schema::Kind kind, std::optional<std::int64_t> min, std::optional<std::int64_t> max, std::string format) {
  auto schema = std::make_shared<Schema>();
  schema->kind = kind;
  schema->min = min;
  schema->max = max;
  schema->format = std::move(format);
  return schema;
}

SchemaPtr wrapped_schema(Schema::Kind kind, std::vector<SchemaPtr> items, std::optional<std::int64_t> min, std::optional<std::int64_t> max) {
  auto schema = std::make_shared<Schema>();
  schema->kind = kind;
  schema->items = std::move(items);
  schema->min = min;
  schema->max = max;
  return schema;
}

const json::string* string_at(const Input& in, std::string_view expected) {
  const auto* plain = in.plain();
  if (plain != nullptr && plain->is_string()) return &plain->get_string();
  in.issues->wrong_type(in.path, expected, in.received());
  return nullptr;
}

std::optional<double> number_at(const Input& in) {
  if (in.tag() == Tag::nan) {
    in.issues->not_a_number(in.path);
    return std::nullopt;
  }
  const auto* plain = in.plain();
  if (plain == nullptr || !plain->is_number()) {
    in.issues->wrong_type(in.path, "number", in.received());
    return std::nullopt;
  }
  const double number = plain->to_number<double>();
  if (!std::isfinite(number)) {
    in.issues->wrong_type(in.path, "number", "Infinity");
    return std::nullopt;
  }
  return number;
}

std::optional<std::int64_t> integer_at(const Input& in) {
  const auto number = number_at(in);
  if (!number) return std::nullopt;
  // Beyond 2^53 a double no longer tells whole numbers apart; clients refuse such integers too.
  if (std::trunc(*number) != *number || std::fabs(*number) > 9007199254740991.0) {
    in.issues->not_an_integer(in.path);
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

const json::object* object_at(const Input& in, std::string_view expected) {
  const auto* plain = in.plain();
  if (plain != nullptr && plain->is_object()) return &plain->get_object();
  in.issues->wrong_type(in.path, expected, in.received());
  return nullptr;
}

const json::array* array_at(const Input& in, std::string_view expected) {
  const auto* plain = in.plain();
  if (plain != nullptr && plain->is_array()) return &plain->get_array();
  in.issues->wrong_type(in.path, expected, in.received());
  return nullptr;
}

std::optional<Timestamp> date_at(const Input& in) {
  if (in.value != nullptr && in.value->is_string()) {
    // Over RPC a date carries its tag; plain JSON (storage, REST) has no tags at all, and there the ISO text is the date.
    const auto code = in.tag();
    if (code == Tag::date || (!code && in.envelope->is_plain())) {
      if (const auto date = Timestamp::parse(in.value->get_string())) return date;
    }
  }
  in.issues->wrong_type(in.path, "date", in.tag() == Tag::date ? "Invalid Date" : in.received());
  return std::nullopt;
}

namespace {

// Writes canonical JSON; false at the first thing that cannot be kept.
bool write_free(std::string& out, const json::value& value, const Envelope& envelope, std::size_t depth, std::size_t max_bytes) {
  if (depth == 0 || out.size() > max_bytes || envelope.tag(&value)) return false;
  switch (value.kind()) {
    case json::kind::null: out += "null"; return true;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; return true;
    case json::kind::int64: out += std::to_string(value.get_int64()); return true;
    case json::kind::uint64: out += std::to_string(value.get_uint64()); return true;
    case json::kind::double_:
      if (!std::isfinite(value.get_double())) return false;
      append_json_number(out, value.get_double());
      return true;
    case json::kind::string:
      if (std::string_view(value.get_string()).find('\0') != std::string_view::npos) return false;
      append_json_string(out, value.get_string());
      return true;
    case json::kind::array: {
      out += '[';
      bool first = true;
      for (const auto& item : value.get_array()) {
        if (!first) out += ',';
        first = false;
        if (!write_free(out, item, envelope, depth - 1, max_bytes)) return false;
      }
      out += ']';
      return true;
    }
    case json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.get_object()) {
        if (envelope.tag(&item) == Tag::undefined) continue;
        if (!first) out += ',';
        first = false;
        if (key.find('\0') != std::string_view::npos) return false;
        append_json_string(out, key);
        out += ':';
        if (!write_free(out, item, envelope, depth - 1, max_bytes)) return false;
      }
      out += '}';
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> free_json_at(const Input& in, std::size_t max_bytes, std::size_t max_depth, bool object_only) {
  if (in.value == nullptr || (object_only && (in.tag() || !in.value->is_object()))) {
    in.issues->wrong_type(in.path, object_only ? "record" : "any", in.received());
    return std::nullopt;
  }
  std::string text;
  if (write_free(text, *in.value, *in.envelope, max_depth, max_bytes) && text.size() <= max_bytes) return text;
  in.issues->custom(in.path, fmt::format("Invalid input: free-form JSON of at most {} bytes and {} levels, without special types", max_bytes, max_depth));
  return std::nullopt;
}

}  // namespace detail
}  // namespace watchbell::rpc
