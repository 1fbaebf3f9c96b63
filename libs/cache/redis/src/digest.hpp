#pragma once

#include <array>
#include <string>
#include <string_view>

namespace watchbell::cache::redis::detail {

/// SHA-256 and SHA-1 after FIPS 180-4, so that the library needs nothing but std and Boost. SHA-256 shortens keys and
/// makes tokens; SHA-1 only names scripts, as EVALSHA demands. Not constant-time in the length. Thread-safe.
std::array<unsigned char, 32> sha256(std::string_view bytes) noexcept;
std::array<unsigned char, 20> sha1(std::string_view bytes) noexcept;

/// Lower-case hexadecimal.
std::string hex(const unsigned char* bytes, std::size_t size);
template <std::size_t n>
std::string hex(const std::array<unsigned char, n>& digest) {
  return hex(digest.data(), n);
}

}  // namespace watchbell::cache::redis::detail
