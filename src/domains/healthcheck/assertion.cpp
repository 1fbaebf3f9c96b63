#include "domains/healthcheck/assertion.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <span>
#include <variant>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include "base/text.hpp"
#include "runtime/rpc/json_text.hpp"
#include "runtime/rpc/writer.hpp"

namespace watchbell::healthcheck {
namespace json = boost::json;
namespace {

constexpr std::size_t kMaxPattern = 1000;
constexpr std::int64_t kPatternMemory = 1 << 20;  // of a compiled pattern and its automaton; what does not fit does not compile

struct Every {};
using Step = std::variant<std::string, std::size_t, Every>;

std::optional<std::vector<Step>> parse_path(std::string_view path) {
  std::vector<Step> steps;
  std::size_t at = 0;
  if (path.starts_with('$')) at = 1;
  bool need_name = at == 0;
  while (at < path.size() || need_name) {
    if (!need_name && path[at] == '.') {
      ++at;
      need_name = true;
    }
    if (need_name) {
      const std::size_t end = std::min(path.find_first_of(".[", at), path.size());
      if (end == at) return std::nullopt;
      steps.emplace_back(std::string(path.substr(at, end - at)));
      at = end;
      need_name = false;
      continue;
    }
    if (path[at] != '[') return std::nullopt;
    const std::size_t end = path.find(']', at);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view inside = path.substr(at + 1, end - at - 1);
    if (inside == "*") {
      steps.emplace_back(Every());
    } else if (inside.size() >= 2 && (inside.front() == '\'' || inside.front() == '"') && inside.back() == inside.front()) {
      steps.emplace_back(std::string(inside.substr(1, inside.size() - 2)));
    } else {
      std::size_t index = 0;
      const auto [stop, error] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
      if (inside.empty() || error != std::errc() || stop != inside.data() + inside.size()) return std::nullopt;
      steps.emplace_back(index);
    }
    at = end + 1;
  }
  return steps;
}

std::optional<json::value> walk(const json::value& from, std::span<const Step> steps) {
  const json::value* at = &from;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (const auto* name = std::get_if<std::string>(&steps[i])) {
      if (!at->is_object()) return std::nullopt;
      at = at->get_object().if_contains(*name);
      if (at == nullptr) return std::nullopt;
      continue;
    }
    if (!at->is_array()) return std::nullopt;
    const auto& list = at->get_array();
    if (const auto* index = std::get_if<std::size_t>(&steps[i])) {
      if (*index >= list.size()) return std::nullopt;
      at = &list[*index];
      continue;
    }
    json::array found;
    for (const auto& item : list)
      if (auto value = walk(item, steps.subspan(i + 1))) found.push_back(std::move(*value));
    return found;
  }
  return *at;
}

/// As people write it: text bare, numbers short, the rest as JSON.
std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_double()) {
    std::string text;
    rpc::append_json_number(text, value.get_double());
    return text;
  }
  return json::serialize(value);
}

std::optional<double> number_of(const std::optional<json::value>& value) {
  if (!value) return std::nullopt;
  if (value->is_number()) return value->to_number<double>();
  if (!value->is_string()) return std::nullopt;
  const std::string_view text = trim(value->get_string());
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

bool is_missing(const std::optional<json::value>& value) { return !value || value->is_null(); }

bool is_empty(const std::optional<json::value>& value) {
  if (is_missing(value)) return true;
  if (value->is_string()) return trim(value->get_string()).empty();
  if (value->is_array()) return value->get_array().empty();
  return value->is_object() && value->get_object().empty();
}

bool equal(const std::optional<json::value>& actual, const json::value& expected) {
  if (!actual) return false;
  if (actual->is_number() && expected.is_number()) return actual->to_number<double>() == expected.to_number<double>();
  return *actual == expected || text_of(*actual) == text_of(expected);
}

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  return options;
}

struct Sides {
  const std::optional<json::value>& actual;
  const json::value& expected;

  std::optional<std::string> actual_text() const {
    if (is_missing(actual)) return std::nullopt;
    return text_of(*actual);
  }
  template <class Compare>
  bool numbers(Compare compare) const {
    const auto a = number_of(actual);
    const auto b = number_of(expected);
    return a && b && compare(*a, *b);
  }
  template <class Compare>
  bool texts(Compare compare) const {
    const auto text = actual_text();
    return text && compare(std::string_view(*text), std::string_view(text_of(expected)));
  }
  template <class Compare>
  bool length(Compare compare) const {
    const auto wanted = number_of(expected);
    return actual && actual->is_array() && wanted && compare(static_cast<double>(actual->get_array().size()), *wanted);
  }
  bool has_element() const {
    return std::ranges::any_of(actual->get_array(), [&](const json::value& item) { return text_of(item) == text_of(expected); });
  }
  bool is_list() const { return actual && actual->is_array(); }
};

struct Operator {
  std::string_view name;
  bool needs_value;
  bool (*holds)(const Sides&);
};

constexpr std::array<Operator, 21> kOperators{{
    {"equals", true, [](const Sides& s) { return equal(s.actual, s.expected); }},
    {"notEquals", true, [](const Sides& s) { return !equal(s.actual, s.expected); }},
    {"lessThan", true, [](const Sides& s) { return s.numbers(std::less()); }},
    {"lessThanOrEqual", true, [](const Sides& s) { return s.numbers(std::less_equal()); }},
    {"greaterThan", true, [](const Sides& s) { return s.numbers(std::greater()); }},
    {"greaterThanOrEqual", true, [](const Sides& s) { return s.numbers(std::greater_equal()); }},
    {"contains", true, [](const Sides& s) { return s.texts([](std::string_view a, std::string_view b) { return a.find(b) != std::string_view::npos; }); }},
    {"startsWith", true, [](const Sides& s) { return s.texts([](std::string_view a, std::string_view b) { return a.starts_with(b); }); }},
    {"endsWith", true, [](const Sides& s) { return s.texts([](std::string_view a, std::string_view b) { return a.ends_with(b); }); }},
    {"matches", true,
     [](const Sides& s) {
       return s.texts([](std::string_view a, std::string_view b) {
         const RE2 pattern(re2::StringPiece(b.data(), b.size()), pattern_options());
         return b.size() <= kMaxPattern && pattern.ok() && RE2::PartialMatch(re2::StringPiece(a.data(), a.size()), pattern);
       });
     }},
    {"isTrue", false, [](const Sides& s) { return s.actual && s.actual->is_bool() && s.actual->get_bool(); }},
    {"isFalse", false, [](const Sides& s) { return s.actual && s.actual->is_bool() && !s.actual->get_bool(); }},
    {"exists", false, [](const Sides& s) { return !is_missing(s.actual); }},
    {"notExists", false, [](const Sides& s) { return is_missing(s.actual); }},
    {"isEmpty", false, [](const Sides& s) { return is_empty(s.actual); }},
    {"isNotEmpty", false, [](const Sides& s) { return !is_empty(s.actual); }},
    {"includes", true, [](const Sides& s) { return s.is_list() && s.has_element(); }},
    {"notIncludes", true, [](const Sides& s) { return s.is_list() && !s.has_element(); }},
    {"lengthEquals", true, [](const Sides& s) { return s.length(std::equal_to()); }},
    {"lengthGreaterThan", true, [](const Sides& s) { return s.length(std::greater()); }},
    {"lengthLessThan", true, [](const Sides& s) { return s.length(std::less()); }},
}};

const Operator* find_operator(std::string_view name) {
  const auto it = std::ranges::find(kOperators, name, &Operator::name);
  return it == kOperators.end() ? nullptr : &*it;
}

json::value parse_value(const Assertion& assertion) {
  if (!assertion.value) return nullptr;
  return rpc::parse_json(assertion.value->text).value_or(nullptr);
}

/// Editors store a path into a text field as field "body.$" and the path beside it.
std::string_view field_of(const Assertion& assertion) {
  std::string_view field = assertion.field;
  if (field.ends_with(".$")) field.remove_suffix(2);
  return field;
}
bool looks_into_text(const Assertion& assertion) { return assertion.json_path || std::string_view(assertion.field).ends_with(".$"); }

std::string name_of(const Assertion& assertion) {
  std::string name(field_of(assertion));
  if (assertion.json_path) name += " " + assertion.json_path->str();
  return name;
}

}  // namespace

bool is_path(std::string_view path) { return parse_path(path).has_value(); }

std::optional<json::value> look_up(const json::value& root, std::string_view path) {
  const auto steps = parse_path(path);
  if (!steps) return std::nullopt;
  return walk(root, *steps);
}

std::optional<std::string> defect_of(const Assertion& assertion) {
  const auto* op = find_operator(assertion.operator_);
  if (op == nullptr) return fmt::format("there is no operator \"{}\"", assertion.operator_.str());
  if (!is_path(field_of(assertion))) return "the field is not a path";
  if (assertion.json_path && !is_path(*assertion.json_path)) return "the JSONPath is not one of names, [index] and [*]";
  if (op->needs_value && (!assertion.value || assertion.value->text == "null") && op->name != "equals" && op->name != "notEquals")
    return fmt::format("operator \"{}\" needs a value", op->name);
  if (op->name == "matches") {
    const std::string text = text_of(parse_value(assertion));
    if (text.size() > kMaxPattern) return fmt::format("a pattern has at most {} characters", kMaxPattern);
    const RE2 pattern(text, pattern_options());
    if (!pattern.ok()) return "the pattern is not a regular expression: " + pattern.error();
  }
  return std::nullopt;
}

std::optional<std::string> failure_of(const json::object& result, const Assertion& assertion) {
  const auto* op = find_operator(assertion.operator_);
  if (op == nullptr) return fmt::format("{}: there is no operator \"{}\"", name_of(assertion), assertion.operator_.str());
  std::optional<json::value> actual;
  if (const auto steps = parse_path(field_of(assertion)); steps && !steps->empty()) {
    // The first step by hand, so that a large result is not copied.
    if (const auto* name = std::get_if<std::string>(&steps->front()))
      if (const auto* member = result.if_contains(*name)) actual = walk(*member, std::span(*steps).subspan(1));
  }
  if (looks_into_text(assertion)) {
    if (actual && actual->is_string()) {
      actual = rpc::parse_json(actual->get_string());
      if (!actual) return fmt::format("{} is not JSON", field_of(assertion));
    }
    if (actual && assertion.json_path) actual = look_up(*actual, *assertion.json_path);
  }
  const json::value expected = parse_value(assertion);
  if (op->holds(Sides{actual, expected})) return std::nullopt;

  std::string text = fmt::format("expected {} {}", name_of(assertion), op->name);
  if (op->needs_value) {
    const std::string value = json::serialize(expected);
    const auto shown = utf8_prefix(value, 100);
    text += fmt::format(" {}{}", shown, shown.size() < value.size() ? "..." : "");
  }
  if (is_missing(actual)) text += ", found nothing";
  else if (actual->is_number()) text += ", was " + text_of(*actual);
  return text;
}

}  // namespace watchbell::healthcheck
