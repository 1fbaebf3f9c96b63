#include "runtime/rpc/json_text.hpp"

#include <array>
#include <charconv>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>

namespace watchbell::rpc {
namespace json = boost::json;

namespace {

using ErrorCode = boost::system::error_code;

/// What basic_parser calls while it reads. All of the text is there at once, so a number never comes in parts.
struct TreeBuilder {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  TreeBuilder(json::storage_ptr memory, unsigned char* scratch, std::size_t size) : stack({}, scratch, size) { stack.reset(std::move(memory)); }

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) { return true; }
  bool on_object_end(std::size_t n, ErrorCode&) { return stack.push_object(n), true; }
  bool on_array_begin(ErrorCode&) { return true; }
  bool on_array_end(std::size_t n, ErrorCode&) { return stack.push_array(n), true; }
  bool on_key_part(json::string_view text, std::size_t, ErrorCode&) { return stack.push_chars(text), true; }
  bool on_key(json::string_view text, std::size_t, ErrorCode&) { return stack.push_key(text), true; }
  bool on_string_part(json::string_view text, std::size_t, ErrorCode&) { return stack.push_chars(text), true; }
  bool on_string(json::string_view text, std::size_t, ErrorCode&) { return stack.push_string(text), true; }
  bool on_number_part(json::string_view, ErrorCode&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, ErrorCode&) { return stack.push_int64(number), true; }
  bool on_uint64(std::uint64_t number, json::string_view, ErrorCode&) { return stack.push_uint64(number), true; }
  bool on_double(double number, json::string_view text, ErrorCode&) {
    double nearest = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), nearest);
    // Out of range leaves `nearest` alone: the parser's infinity or zero is right then.
    stack.push_double(code == std::errc() && end == text.data() + text.size() ? nearest : number);
    return true;
  }
  bool on_bool(bool flag, ErrorCode&) { return stack.push_bool(flag), true; }
  bool on_null(ErrorCode&) { return stack.push_null(), true; }
  bool on_comment_part(json::string_view, ErrorCode&) { return true; }
  bool on_comment(json::string_view, ErrorCode&) { return true; }

  json::value_stack stack;
};

}  // namespace

std::optional<json::value> parse_json(std::string_view text, std::size_t max_depth, json::storage_ptr memory) {
  json::parse_options options;
  options.max_depth = max_depth;
  std::array<unsigned char, 1024> scratch;
  json::basic_parser<TreeBuilder> parser(options, std::move(memory), scratch.data(), scratch.size());
  ErrorCode error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error || read < text.size()) return std::nullopt;
  return parser.handler().stack.release();
}

}  // namespace watchbell::rpc
