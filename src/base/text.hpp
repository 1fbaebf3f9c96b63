#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace watchbell {

/// Whether the bytes are UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). O(n).
bool is_utf8(std::string_view text) noexcept;

/// Length as JavaScript counts it: UTF-16 code units. REQUIRES valid UTF-8. O(n).
std::size_t utf16_length(std::string_view utf8) noexcept;

/// The longest prefix of at most `max_bytes` bytes that ends between characters. O(1).
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) noexcept;

/// ASCII lower case; other bytes stay.
std::string ascii_lower(std::string_view text);
/// How many single changes make one text of the other: a byte added, taken away or replaced, or two neighbours swapped (Damerau 1964, the restricted
/// form). For the nearest known name of a mistyped one. O(a.size() * b.size()).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Without spaces, tabs and line ends at both ends.
std::string_view trim(std::string_view text) noexcept;

/// Compares in a time that depends only on the lengths.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

}  // namespace watchbell
