#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.hpp"

namespace watchbell::rpc {

/// Appends a JSON string with its quotes, escaped as browsers do (control characters, quote, backslash; the rest as it is).
void append_json_string(std::string& out, std::string_view text);
/// Appends a number as the shortest text that reads back the same; REQUIRES a finite value. Whole numbers carry no fraction.
void append_json_number(std::string& out, double value);

/// Wire type codes of meta entries (the protocol of the orpc client, series 1.x).
enum class Tag : std::uint8_t { bigint = 0, date = 1, nan = 2, undefined = 3, url = 4, regexp = 5, set = 6, map = 7 };

/// Writes a value and the meta entries of what JSON has no form for, straight to text. Loop-only, but for cached answers, which are
/// written by the thread of the pool that read them.
class Writer {
 public:
  std::string json;
  std::string meta;  ///< entries joined by commas, without the outer brackets

  void null() { json += "null"; }
  void boolean(bool value) { json += value ? "true" : "false"; }
  void integer(std::int64_t value) {
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    json.append(buffer, end);
  }
  void number(double value) {
    if (std::isfinite(value)) return append_json_number(json, value);
    null();
    if (std::isnan(value)) tag(Tag::nan);
  }
  void text(std::string_view value) { append_json_string(json, value); }
  void date(Timestamp value) {
    const std::size_t at = json.size();
    json.resize(at + 26);
    json[at] = '"';
    value.write_iso(json.data() + at + 1);
    json[at + 25] = '"';
    tag(Tag::date);
  }
  void raw(std::string_view value) { json += value; }

  void begin_object() { json += '{'; }
  void end_object() { json += '}'; }
  /// Begins a member; `first` says whether a comma is due. The name must need no escaping. end_member() follows the value.
  void begin_member(bool& first, std::string_view name) {
    if (!first) json += ',';
    first = false;
    json += '"';
    json += name;
    json += "\":";
    path_.push_back({name, 0});
  }
  void begin_free_member(bool& first, std::string_view name) {
    if (!first) json += ',';
    first = false;
    append_json_string(json, name);
    json += ':';
    path_.push_back({name, 0});
  }
  void end_member() { path_.pop_back(); }
  void begin_element(std::size_t index) {
    if (index > 0) json += ',';
    path_.push_back({{}, index});
  }
  void end_element() { path_.pop_back(); }
  /// Adds a meta entry for the value at the present path.
  void tag(Tag code);

  /// `{"json":...,"meta":[...]}`; `{}` when nothing was written.
  std::string envelope() &&;

 private:
  struct Step {
    std::string_view name;  // null data = an index
    std::size_t index;
  };
  std::vector<Step> path_;
};

}  // namespace watchbell::rpc
