#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace watchbell::cache::detail {

/// The next so many bytes as a number, in the order of the machine.
template <class Word>
Word word_at(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Keys are short: a call of memcpy or memcmp costs more than what it does for them. Below, the last step of each length
// overlaps the one before it, so that none needs a loop.

inline constexpr std::size_t kFewBytes = 64;

/// Copies at most `kFewBytes` to where none of them stands.
inline void copy_few(char* to, const char* from, std::size_t count) noexcept {
  if (count >= 16) {
    std::memcpy(to, from, 16);
    if (count > 32) {
      std::memcpy(to + 16, from + 16, 16);
      std::memcpy(to + count - 32, from + count - 32, 16);
    }
    std::memcpy(to + count - 16, from + count - 16, 16);
  } else if (count >= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + count - 8, from + count - 8, 8);
  } else if (count >= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + count - 4, from + count - 4, 4);
  } else if (count > 0) {
    to[0] = from[0];
    to[count / 2] = from[count / 2];
    to[count - 1] = from[count - 1];
  }
}

/// Whether so many bytes equal, at most `kFewBytes`.
[[gnu::always_inline]] inline bool equal_few(const char* a, const char* b, std::size_t count) noexcept {
  if (count >= 16) {
    const auto differ = [a, b](std::size_t at) {
      return (word_at<std::uint64_t>(a + at) ^ word_at<std::uint64_t>(b + at)) |
             (word_at<std::uint64_t>(a + at + 8) ^ word_at<std::uint64_t>(b + at + 8));
    };
    if ((differ(0) | differ(count - 16)) != 0) return false;
    return count <= 32 || (std::memcmp(a + 16, b + 16, 16) == 0 &&
                           std::memcmp(a + count - 32, b + count - 32, 16) == 0);
  }
  if (count >= 8)
    return word_at<std::uint64_t>(a) == word_at<std::uint64_t>(b) &&
           word_at<std::uint64_t>(a + count - 8) == word_at<std::uint64_t>(b + count - 8);
  if (count >= 4)
    return word_at<std::uint32_t>(a) == word_at<std::uint32_t>(b) &&
           word_at<std::uint32_t>(a + count - 4) == word_at<std::uint32_t>(b + count - 4);
  return count == 0 || (a[0] == b[0] && a[count / 2] == b[count / 2] && a[count - 1] == b[count - 1]);
}

}  // namespace watchbell::cache::detail
