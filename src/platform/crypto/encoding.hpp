#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Bytes as text. Decoding is strict: one text for each value, nothing skipped. Takes a time that depends on lengths alone. Thread-safe.
namespace watchbell::crypto {

/// Lower case.
std::string hex_encode(std::string_view bytes);
/// Digits of either case; nothing for an odd number or any other character.
std::optional<std::string> hex_decode(std::string_view text);

/// RFC 4648 section 4, with padding.
std::string base64_encode(std::string_view bytes);
/// Nothing when padding is missing, unused bits are set, or a character is foreign.
std::optional<std::string> base64_decode(std::string_view text);

/// RFC 4648 section 5, without padding.
std::string base64url_encode(std::string_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);

/// RFC 4648 section 6, without padding.
std::string base32_encode(std::string_view bytes);

}  // namespace watchbell::crypto
