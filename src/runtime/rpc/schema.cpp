#include "runtime/rpc/schema.hpp"

#include "runtime/rpc/writer.hpp"

namespace watchbell::rpc {
namespace {

using Kind = Schema::Kind;

// "intervalSeconds" -> "Interval seconds"
std::string label_of(const Schema::Member& member) {
  if (!member.label.empty()) return member.label;
  std::string label;
  for (const char c : member.name) {
    if (c >= 'A' && c <= 'Z' && !label.empty()) {
      label += ' ';
      label += static_cast<char>(c - 'A' + 'a');
    } else {
      label += label.empty() && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return label;
}

void bounds(std::string& out, const Schema& schema, std::string_view min_name, std::string_view max_name) {
  if (schema.min) out += ",\"" + std::string(min_name) + "\":" + std::to_string(*schema.min);
  if (schema.max) out += ",\"" + std::string(max_name) + "\":" + std::to_string(*schema.max);
}

/// What a schema is written for: a form, or the contract of one direction.
enum class Style { form, input, output };

void body(std::string& out, const Schema& schema, Style style);

void json_schema(std::string& out, const Schema& schema, Style style) {
  out += '{';
  body(out, schema, style);
  out += '}';
}

void members(std::string& out, const Schema& schema, Style style) {
  std::string required;
  bool first = true;
  for (const auto& member : schema.members) {
    if (style == Style::output && member.secret) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, member.name);
    out += ":{";
    body(out, *member.schema, style);
    if (style == Style::form) {
      out += ",\"title\":";
      append_json_string(out, label_of(member));
    }
    if (!member.help.empty()) {
      out += ",\"description\":";
      append_json_string(out, member.help);
    }
    if (member.fallback && style != Style::output) out += ",\"default\":" + *member.fallback;
    if (member.secret) out += style == Style::form ? ",\"x-secret\":true" : ",\"writeOnly\":true";
    if (style == Style::form) {
      for (const auto& [name, value] : member.hints) {
        out += ',';
        append_json_string(out, name);
        out += ':' + value;
      }
    }
    out += '}';
    if (!member.required && !(style == Style::output && member.fallback)) continue;
    if (!required.empty()) required += ',';
    append_json_string(required, member.name);
  }
  out += '}';
  if (!required.empty()) out += ",\"required\":[" + required + "]";
}

void body(std::string& out, const Schema& schema, Style style) {
  switch (schema.kind) {
    case Kind::none: out += "\"not\":{}"; return;
    case Kind::any:
      out += schema.object_only ? "\"type\":\"object\",\"additionalProperties\":{}" : "\"x-any\":true";
      if (schema.max && style != Style::form) out += ",\"x-max-bytes\":" + std::to_string(*schema.max);
      return;
    case Kind::boolean: out += "\"type\":\"boolean\""; return;
    case Kind::number:
      out += "\"type\":\"number\"";
      bounds(out, schema, "minimum", "maximum");
      return;
    case Kind::integer:
      out += "\"type\":\"integer\"";
      bounds(out, schema, "minimum", "maximum");
      return;
    case Kind::text:
      out += "\"type\":\"string\"";
      if (!schema.format.empty()) out += ",\"format\":\"" + (schema.format == "url" ? std::string("uri") : schema.format) + "\"";
      bounds(out, schema, "minLength", "maxLength");
      return;
    case Kind::date: out += "\"type\":\"string\",\"format\":\"date-time\""; return;
    case Kind::bigint: out += "\"type\":\"string\",\"pattern\":\"^-?[0-9]+$\""; return;
    case Kind::list:
    case Kind::set:
      out += "\"type\":\"array\",\"items\":";
      json_schema(out, *schema.items[0], style);
      bounds(out, schema, "minItems", "maxItems");
      if (schema.kind == Kind::set) out += ",\"uniqueItems\":true";
      return;
    case Kind::map:
      out += "\"type\":\"array\",\"items\":{\"type\":\"array\",\"prefixItems\":[";
      json_schema(out, *schema.items[0], style);
      out += ',';
      json_schema(out, *schema.items[1], style);
      out += "],\"minItems\":2,\"maxItems\":2}";
      bounds(out, schema, "minItems", "maxItems");
      return;
    case Kind::record:
      out += "\"type\":\"object\",\"additionalProperties\":";
      json_schema(out, *schema.items[0], style);
      return;
    case Kind::enumeration: {
      out += "\"type\":\"string\",\"enum\":[";
      for (std::size_t i = 0; i < schema.values.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, schema.values[i]);
      }
      out += ']';
      return;
    }
    case Kind::either:
    case Kind::nullable:
      out += "\"anyOf\":[";
      for (std::size_t i = 0; i < schema.items.size(); ++i) {
        if (i > 0) out += ',';
        json_schema(out, *schema.items[i], style);
        // An early form that is still accepted (a bare id) is not what callers should write.
        if (i > 0 && schema.kind == Kind::either && schema.discriminator.empty() && style == Style::input) out.insert(out.size() - 1, ",\"deprecated\":true");
      }
      if (schema.kind == Kind::nullable) out += ",{\"type\":\"null\"}";
      out += ']';
      return;
    case Kind::object:
      out += "\"type\":\"object\",\"properties\":{";
      members(out, schema, style);
      // Callers may send more than we know; a form may not.
      if (style == Style::form || (style == Style::input && schema.strict)) out += ",\"additionalProperties\":false";
      return;
  }
}

bool identifier(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$')) return false;
  return true;
}

}  // namespace

std::string to_json_schema(const Schema& schema) {
  std::string out;
  json_schema(out, schema, Style::form);
  return out;
}

std::string to_contract_schema(const Schema& schema, Direction direction) {
  std::string out;
  json_schema(out, schema, direction == Direction::input ? Style::input : Style::output);
  return out;
}

std::string to_typescript(const Schema& schema, Direction direction) {
  const auto inner = [&](std::size_t i) { return to_typescript(*schema.items[i], direction); };
  switch (schema.kind) {
    case Kind::none: return "void";
    case Kind::any: return schema.object_only ? "Record<string, unknown>" : "unknown";
    case Kind::boolean: return "boolean";
    case Kind::number:
    case Kind::integer: return "number";
    case Kind::text: return "string";
    case Kind::date: return "Date";
    case Kind::bigint: return "bigint";
    case Kind::list: return "Array<" + inner(0) + ">";
    case Kind::set: return "Set<" + inner(0) + ">";
    case Kind::map: return "Map<" + inner(0) + ", " + inner(1) + ">";
    case Kind::record: return "Record<string, " + inner(0) + ">";
    case Kind::nullable: return inner(0) + " | null";
    case Kind::enumeration: {
      std::string out;
      for (const auto& value : schema.values) out += (out.empty() ? "\"" : " | \"") + value + "\"";
      return out;
    }
    case Kind::either: {
      // An early form that is still accepted (a bare id) is not what callers should write.
      if (schema.discriminator.empty() && direction == Direction::input) return inner(0);
      std::string out;
      for (std::size_t i = 0; i < schema.items.size(); ++i) out += (i == 0 ? "" : " | ") + inner(i);
      return out;
    }
    case Kind::object: {
      if (schema.members.empty()) return "Record<string, never>";
      std::string out = "{ ";
      for (const auto& member : schema.members) {
        // On output a member with a default is always there; a secret never is.
        if (direction == Direction::output && member.secret) continue;
        const bool always = direction == Direction::input ? member.required : member.required || member.fallback.has_value();
        out += identifier(member.name) ? member.name : "\"" + member.name + "\"";
        out += always ? ": " : "?: ";
        out += to_typescript(*member.schema, direction) + "; ";
      }
      return out + "}";
    }
  }
  return "unknown";
}

}  // namespace watchbell::rpc
