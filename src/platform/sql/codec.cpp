#include "platform/sql/codec.hpp"

#include "base/text.hpp"

namespace watchbell::sql::detail {

void require_storable(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) throw Fault(Fault::Kind::other, "text holds U+0000, which is not stored");
  if (!is_utf8(text)) throw Fault(Fault::Kind::other, "text is not UTF-8");
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xf];
    } else {
      out += c;
    }
  }
  out += '"';
}

void require_columns(const Cursor& cursor, std::size_t members) {
  if (cursor.columns() != members)
    throw Fault(Fault::Kind::schema, fmt::format("a row of {} columns is read into {} members", cursor.columns(), members));
}

void Cursor::mismatch(std::size_t column, std::string_view what) const {
  throw Fault(Fault::Kind::schema, fmt::format("column '{}' {}", column_name(column), what));
}

}  // namespace watchbell::sql::detail
