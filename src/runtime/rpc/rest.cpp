#include "runtime/rpc/rest.hpp"

#include <charconv>
#include <map>
#include <memory>
#include <vector>

#include "base/text.hpp"
#include "runtime/rpc/query_string.hpp"
#include "runtime/rpc/writer.hpp"

namespace watchbell::rpc {
namespace {

using Shape = Schema::Kind;

/// What stands under one name of a query string: values of its own, and what the brackets behind the name hold. "" is the name of `[]`.
struct Node {
  std::vector<std::string> values;
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> children;  // in the order they came
  std::map<std::string, std::size_t, std::less<>> places;

  Node& child(std::string_view name) {
    const auto [it, added] = places.try_emplace(std::string(name), children.size());
    if (added) children.emplace_back(name, std::make_unique<Node>());
    return *children[it->second].second;
  }
  const Node* find(std::string_view name) const {
    const auto it = places.find(name);
    return it == places.end() ? nullptr : children[it->second].second.get();
  }
};

/// The steps of a name: "a[b][0]" is a, b, 0. A name whose brackets do not pair is one step.
std::vector<std::string> steps_of(const std::string& name) {
  const auto open = name.find('[');
  if (open == std::string::npos || open == 0) return {name};
  std::vector<std::string> steps{name.substr(0, open)};
  for (std::size_t at = open; at < name.size();) {
    const auto close = name.find(']', at);
    if (name[at] != '[' || close == std::string::npos) return {name};
    steps.push_back(name.substr(at + 1, close - at - 1));
    at = close + 1;
  }
  return steps;
}

/// A whole JSON number, or nothing. No blanks, signs or words that JSON has not.
std::optional<double> number_of(std::string_view text) {
  if (text.empty() || text.back() == '.') return std::nullopt;
  const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9' || (digits.size() > 1 && digits.front() == '0' && digits[1] >= '0' && digits[1] <= '9'))
    return std::nullopt;
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

const Schema& any_schema() {
  static const Schema any;
  return any;
}

void write_node(std::string& out, const Node& node, const Schema& schema);

void write_value(std::string& out, const std::string& text, const Schema& schema) {
  switch (schema.kind) {
    case Shape::boolean: {
      const std::string lower = ascii_lower(text);
      if (lower == "true" || lower == "on")
        out += "true";
      else if (lower == "false" || lower == "off")
        out += "false";
      else
        append_json_string(out, text);
      return;
    }
    case Shape::number:
    case Shape::integer:
      if (const auto number = number_of(text))
        append_json_number(out, *number);
      else
        append_json_string(out, text);
      return;
    case Shape::list:
    case Shape::set:
      out += '[';
      write_value(out, text, *schema.items[0]);
      out += ']';
      return;
    case Shape::nullable:
      return write_value(out, text, *schema.items[0]);
    case Shape::either:
      // A value that stands alone is the branch that is no struct, if there is one (a bare id).
      for (const auto& branch : schema.items)
        if (branch->kind != Shape::object) return write_value(out, text, *branch);
      return append_json_string(out, text);
    default:
      return append_json_string(out, text);
  }
}

/// The children as the elements of a list, in order: those of `[]` after each other, or those of indexes 0 to n-1. Nothing when they are no list.
struct Element {
  const Node* node = nullptr;
  const std::string* value = nullptr;
};
std::optional<std::vector<Element>> elements_of(const Node& node) {
  std::vector<Element> elements;
  for (const auto& value : node.values) elements.push_back({.value = &value});
  if (const Node* pushed = node.find("")) {
    for (const auto& value : pushed->values) elements.push_back({.value = &value});
    if (node.children.size() > 1 || (!pushed->children.empty() && !pushed->values.empty())) return std::nullopt;
    // "a[][b]=1&a[][c]=2" says not where one element ends: it is one.
    if (!pushed->children.empty()) elements.push_back({.node = pushed});
    return elements;
  }
  const std::size_t first = elements.size();
  elements.resize(first + node.children.size());
  for (const auto& [name, child] : node.children) {
    std::size_t index = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (code != std::errc() || end != name.data() + name.size() || (name.size() > 1 && name[0] == '0') || index >= node.children.size()) return std::nullopt;
    elements[first + index].node = child.get();
  }
  return elements;
}

void write_list(std::string& out, const std::vector<Element>& elements, const Schema& item) {
  out += '[';
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out += ',';
    if (elements[i].node != nullptr)
      write_node(out, *elements[i].node, item);
    else
      write_value(out, *elements[i].value, item);
  }
  out += ']';
}

const Schema& member_schema(const Schema& schema, std::string_view name) {
  if (schema.kind == Shape::record) return *schema.items[0];
  if (schema.kind == Shape::object)
    for (const auto& member : schema.members)
      if (member.name == name) return *member.schema;
  return any_schema();
}

void write_object(std::string& out, const Node& node, const Schema& schema) {
  out += '{';
  bool first = true;
  for (const auto& [name, child] : node.children) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, name);
    out += ':';
    write_node(out, *child, member_schema(schema, name));
  }
  out += '}';
}

/// The branch of a union that the values name.
const Schema& branch_of(const Schema& schema, const Node& node) {
  for (const auto& branch : schema.items) {
    if (branch->kind != Shape::object) continue;
    if (schema.discriminator.empty()) return *branch;
    const Node* tag = node.find(schema.discriminator);
    const Schema& tags = member_schema(*branch, schema.discriminator);
    if (tag != nullptr && tag->values.size() == 1 && !tags.values.empty() && tags.values[0] == tag->values[0]) return *branch;
  }
  return any_schema();
}

void write_node(std::string& out, const Node& node, const Schema& schema) {
  if (schema.kind == Shape::nullable) return write_node(out, node, *schema.items[0]);
  if (node.children.empty() && node.values.size() == 1) return write_value(out, node.values[0], schema);
  if (schema.kind == Shape::either) {
    const Schema& branch = branch_of(schema, node);
    return node.children.empty() ? write_list(out, *elements_of(node), any_schema()) : write_object(out, node, branch);
  }
  const bool wants_list = schema.kind == Shape::list || schema.kind == Shape::set;
  if (schema.kind != Shape::object && schema.kind != Shape::record)
    if (const auto elements = elements_of(node)) return write_list(out, *elements, wants_list ? *schema.items[0] : any_schema());
  // Several values where a struct should be: the list of them is what validation refuses.
  if (node.children.empty()) return write_list(out, *elements_of(node), any_schema());
  write_object(out, node, schema);
}

void append_data(std::string& out, const Error& error) {
  if (error.data == nullptr) return;
  out += ",\"data\":";
  out += error.data->json;
}

/// "BAD_REQUEST" -> "Bad request"
std::string title_of(ErrorCode code) {
  std::string title = ascii_lower(wire_code(code));
  for (char& c : title)
    if (c == '_') c = ' ';
  title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

}  // namespace

std::string_view rest_method(const Procedure& procedure) noexcept {
  switch (procedure.options().verb) {
    case Verb::by_convention:
      break;
    case Verb::get:
      return "GET";
    case Verb::post:
      return "POST";
    case Verb::put:
      return "PUT";
    case Verb::patch:
      return "PATCH";
    case Verb::delete_:
      return "DELETE";
  }
  const std::string_view name = procedure.name();
  if (procedure.kind() == Kind::query) return name.starts_with("getBulk") ? "POST" : "GET";
  if (name.starts_with("update")) return "PATCH";
  if (name.starts_with("delete") || name.starts_with("remove")) return "DELETE";
  return "POST";
}

const Schema* query_object(const Schema& input) noexcept {
  if (input.kind == Shape::object || input.kind == Shape::none) return &input;
  if (input.kind == Shape::nullable) return query_object(*input.items[0]);
  if (input.kind == Shape::either)
    for (const auto& branch : input.items)
      if (branch->kind == Shape::object) return branch.get();
  return nullptr;
}

Result<std::string> query_to_json(std::string_view query, const Schema& input) {
  Node root;
  bool deep = false;
  for_each_parameter(query, [&](const std::string& name, std::string value) {
    const auto steps = steps_of(name);
    deep = deep || steps.size() > kMaxQueryDepth;
    if (deep) return;
    Node* node = &root;
    for (const auto& step : steps) node = &node->child(step);
    node->values.push_back(std::move(value));
  });
  if (deep) return fail(ErrorCode::bad_request, "Malformed request. The query string nests deeper than {} levels.", kMaxQueryDepth);
  if (root.children.empty()) return std::string();
  std::string out;
  const bool either = input.kind == Shape::either && !input.discriminator.empty();
  const Schema* object = either ? &branch_of(input, root) : query_object(input);
  write_object(out, root, object == nullptr ? any_schema() : *object);
  return out;
}

std::string_view value_of_envelope(std::string_view envelope) noexcept {
  constexpr std::string_view kStart = "{\"json\":";
  if (!envelope.starts_with(kStart)) return {};
  envelope.remove_prefix(kStart.size());
  // The value ends at the first comma or brace outside of its own brackets and strings.
  std::size_t depth = 0;
  for (std::size_t i = 0; i < envelope.size(); ++i) {
    switch (envelope[i]) {
      case '"':
        for (++i; envelope[i] != '"'; ++i)
          if (envelope[i] == '\\') ++i;
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return envelope.substr(0, i);
        --depth;
        break;
      case ',':
        if (depth == 0) return envelope.substr(0, i);
        break;
      default:
        break;
    }
  }
  return {};
}

std::string rest_error(const Error& error) {
  std::string out =
      "{\"defined\":false,\"code\":\"" + std::string(wire_code(error.code)) + "\",\"status\":" + std::to_string(http_status(error.code)) + ",\"message\":";
  append_json_string(out, error.message);
  append_data(out, error);
  out += '}';
  return out;
}

std::string problem_details(const Error& error) {
  std::string out =
      "{\"type\":\"about:blank\",\"title\":\"" + title_of(error.code) + "\",\"status\":" + std::to_string(http_status(error.code)) + ",\"detail\":";
  append_json_string(out, error.message);
  out += ",\"code\":\"" + std::string(wire_code(error.code)) + '"';
  append_data(out, error);
  out += '}';
  return out;
}

bool accepts_problem(std::string_view accept) {
  while (!accept.empty()) {
    const auto comma = accept.find(',');
    const auto entry = accept.substr(0, comma);
    accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
    const auto semicolon = entry.find(';');
    if (ascii_lower(trim(entry.substr(0, semicolon))) != kProblemType) continue;
    const std::string weight = semicolon == std::string_view::npos ? std::string() : ascii_lower(entry.substr(semicolon));
    const auto q = weight.find("q=0");
    // "q=0", "q=0.0", "q=0.000" say no.
    if (q == std::string::npos || weight.find_first_of("123456789", q) != std::string::npos) return true;
  }
  return false;
}

}  // namespace watchbell::rpc
