#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Digests, as raw bytes unless the name says hex. For passwords see password.hpp; compare results with constant_time_equal. Thread-safe.
namespace watchbell::crypto {

/// 32 bytes (FIPS 180-4). Under 1 us for short texts; on the way of every authenticated request.
std::string sha256(std::string_view data);
std::string sha256_hex(std::string_view data);

/// 32 bytes (RFC 2104).
std::string hmac_sha256(std::string_view key, std::string_view data);
std::string hmac_sha256_hex(std::string_view key, std::string_view data);

/// 20 bytes (RFC 2104 with SHA-1): for one-time codes alone (RFC 6238), whose readers know no other.
std::string hmac_sha1(std::string_view key, std::string_view data);

/// `n` bytes, 1 to 8160, for the purpose `label`, from a key that is random enough (RFC 5869). Other labels give unrelated bytes.
std::string hkdf_sha256(std::string_view key, std::string_view label, std::size_t n, std::string_view salt = {});

}  // namespace watchbell::crypto
