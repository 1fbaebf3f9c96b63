#include "runtime/rpc/writer.hpp"

namespace watchbell::rpc {

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, start, i - start);
    start = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, start);
  out += '"';
}

void append_json_number(std::string& out, double value) {
  char buffer[40];
  // Browsers write whole numbers below 1e21 without an exponent.
  const bool whole = std::fabs(value) < 1e21 && std::trunc(value) == value;
  const auto result = whole ? std::to_chars(buffer, buffer + sizeof buffer, value == 0 ? 0.0 : value, std::chars_format::fixed)
                            : std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, result.ptr);
}

void Writer::tag(Tag code) {
  if (!meta.empty()) meta += ',';
  meta += '[';
  meta += static_cast<char>('0' + static_cast<int>(code));
  for (const Step& step : path_) {
    meta += ',';
    if (step.name.data() != nullptr) {
      append_json_string(meta, step.name);
    } else {
      char buffer[24];
      meta.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, step.index).ptr);
    }
  }
  meta += ']';
}

std::string Writer::envelope() && {
  std::string out;
  out.reserve(json.size() + meta.size() + 24);
  out += '{';
  if (!json.empty()) {
    out += "\"json\":";
    out += json;
    if (!meta.empty()) {
      out += ",\"meta\":[";
      out += meta;
      out += ']';
    }
  }
  out += '}';
  return out;
}

}  // namespace watchbell::rpc
