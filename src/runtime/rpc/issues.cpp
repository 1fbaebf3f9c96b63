#include "runtime/rpc/issues.hpp"

#include <fmt/format.h>

#include "runtime/rpc/writer.hpp"

namespace watchbell::rpc {
namespace {

void append_path(std::string& out, const Path* path) {
  std::vector<const Path*> steps;
  for (; path != nullptr; path = path->parent) steps.push_back(path);
  out += '[';
  for (std::size_t i = steps.size(); i-- > 0;) {
    if (i + 1 < steps.size()) out += ',';
    if (steps[i]->name.data() != nullptr) append_json_string(out, steps[i]->name);
    else out += std::to_string(steps[i]->index);
  }
  out += ']';
}

std::string quoted(const std::vector<std::string>& values, std::string_view separator) {
  std::string out;
  for (const auto& value : values) {
    if (!out.empty()) out += separator;
    append_json_string(out, value);
  }
  return out;
}

}  // namespace

bool Issues::begin() {
  if (count_ == kMax) return false;
  if (count_++ > 0) text_ += ',';
  text_ += '{';
  return true;
}

void Issues::end(const Path* path, std::string_view message) {
  text_ += ",\"path\":";
  append_path(text_, path);
  text_ += ",\"message\":";
  append_json_string(text_, message);
  text_ += '}';
}

void Issues::wrong_type(const Path* path, std::string_view expected, std::string_view received) {
  if (!begin()) return;
  text_ += fmt::format("\"expected\":\"{}\",\"code\":\"invalid_type\"", expected);
  end(path, fmt::format("Invalid input: expected {}, received {}", expected, received));
}

void Issues::not_a_number(const Path* path) {
  if (!begin()) return;
  text_ += "\"expected\":\"number\",\"code\":\"invalid_type\",\"received\":\"NaN\"";
  end(path, "Invalid input: expected number, received NaN");
}

void Issues::not_an_integer(const Path* path) {
  if (!begin()) return;
  text_ += "\"expected\":\"int\",\"format\":\"safeint\",\"code\":\"invalid_type\"";
  end(path, "Invalid input: expected int, received number");
}

void Issues::too_small(const Path* path, std::string_view origin, std::int64_t minimum, std::string_view unit) {
  if (!begin()) return;
  text_ += fmt::format("\"origin\":\"{}\",\"code\":\"too_small\",\"minimum\":{},\"inclusive\":true", origin, minimum);
  end(path, unit.empty() ? fmt::format("Too small: expected {} to be >={}", origin, minimum)
                         : fmt::format("Too small: expected {} to have >={} {}", origin, minimum, unit));
}

void Issues::too_big(const Path* path, std::string_view origin, std::int64_t maximum, std::string_view unit) {
  if (!begin()) return;
  text_ += fmt::format("\"origin\":\"{}\",\"code\":\"too_big\",\"maximum\":{},\"inclusive\":true", origin, maximum);
  end(path, unit.empty() ? fmt::format("Too big: expected {} to be <={}", origin, maximum)
                         : fmt::format("Too big: expected {} to have <={} {}", origin, maximum, unit));
}

void Issues::bad_format(const Path* path, std::string_view format, std::string_view what) {
  if (!begin()) return;
  text_ += fmt::format("\"origin\":\"string\",\"code\":\"invalid_format\",\"format\":\"{}\"", format);
  end(path, fmt::format("Invalid {}", what));
}

void Issues::not_one_of(const Path* path, const std::vector<std::string>& values) {
  if (!begin()) return;
  text_ += "\"code\":\"invalid_value\",\"values\":[" + quoted(values, ",") + "]";
  end(path, "Invalid option: expected one of " + quoted(values, "|"));
}

void Issues::no_union_branch(const Path* path, std::string_view discriminator, const std::vector<std::string>& options) {
  if (!begin()) return;
  text_ += fmt::format("\"code\":\"invalid_union\",\"errors\":[],\"note\":\"No matching discriminator\",\"discriminator\":\"{}\",\"options\":[{}]",
                       discriminator, quoted(options, ","));
  const Path at{path, discriminator};
  end(&at, "Invalid input");
}

void Issues::strangers(const Path* path, const std::vector<std::string>& names) {
  if (!begin()) return;
  text_ += "\"code\":\"unrecognized_keys\",\"keys\":[" + quoted(names, ",") + "]";
  end(path, (names.size() == 1 ? "Unrecognized key: " : "Unrecognized keys: ") + quoted(names, ", "));
}

void Issues::custom(const Path* path, std::string_view message) {
  if (!begin()) return;
  text_ += "\"code\":\"custom\"";
  end(path, message);
}

Error Issues::error() const {
  Error error{.code = ErrorCode::bad_request, .message = "Input validation failed"};
  error.data = std::make_shared<const ErrorData>(ErrorData{.json = "{\"issues\":" + json() + "}", .meta = {}});
  return error;
}

}  // namespace watchbell::rpc
