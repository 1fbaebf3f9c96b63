#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string_view>

/// How names and numbers are spelled in a history.
namespace watchbell::cache::testing::format {

inline constexpr std::string_view kMagic = "watchbell-cache-history";
inline constexpr std::string_view kVersion = "1";
inline constexpr std::string_view kBuffered = "buffered";
inline constexpr std::string_view kUnbuffered = "unbuffered";

template <class Out>
void append(Out& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

template <class Out>
void append_number(Out& out, std::unsigned_integral auto value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.insert(out.end(), digits, end);
}

inline bool is_plain(char c) { return c > ' ' && c < '\x7f' && c != '%'; }

template <class Out>
void append_name(Out& out, std::string_view name) {
  if (name.empty()) out.push_back('%');
  while (!name.empty()) {
    std::size_t plain = 0;
    while (plain < name.size() && is_plain(name[plain])) ++plain;
    append(out, name.substr(0, plain));
    name.remove_prefix(plain);
    if (name.empty()) return;
    static constexpr char kHex[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(name.front());
    const char escaped[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
    append(out, {escaped, sizeof escaped});
    name.remove_prefix(1);
  }
}

}  // namespace watchbell::cache::testing::format
