#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace watchbell::cache::redis::detail {

/// What an entry is on the server:
///
///     1 byte   format version
///     4 bytes  CRC-32 of all that follows, low byte first like all numbers here
///     4 bytes  length of the path, then the path: the encoded key when its name on the server holds only a digest of it
///     2 bytes  number of family tokens, then the tokens, 16 bytes each, from the whole scope to the key's own family
///     the rest the value
///
/// The scripts compare the tokens in place, so they are told where these begin.
inline constexpr char kEntryFormat = 1;
inline constexpr std::size_t kTokenBytes = 16;
inline constexpr std::size_t kPathOffset = 1 + 4 + 4;
inline constexpr std::size_t kMaxFamilies = 201;

constexpr std::size_t tokens_offset(std::string_view path) noexcept { return kPathOffset + path.size() + 2; }
constexpr std::size_t entry_overhead(std::string_view path, std::size_t families) noexcept {
  return tokens_offset(path) + families * kTokenBytes;
}

/// REQUIRES: `tokens` are whole, and at most kMaxFamilies.
std::string encode_entry(std::string_view path, std::string_view tokens, std::string_view value);

/// The value, a view into `bytes`; nullopt unless the entry is whole, was made for this path and number of families, and
/// its value is no longer than `max_value_bytes`.
std::optional<std::string_view> decode_entry(std::string_view bytes, std::string_view path, std::size_t families,
                                             std::size_t max_value_bytes) noexcept;

}  // namespace watchbell::cache::redis::detail
