#pragma once

#include <optional>
#include <string>
#include <string_view>

/// The curve P-256 (FIPS 186-4), as Web Push uses it. Keys are raw bytes. Thread-safe; each function takes some 50 us.
namespace watchbell::crypto {

struct P256Keys {
  std::string private_key;  ///< 32 bytes, big endian
  std::string public_key;   ///< 65 bytes: an uncompressed point (SEC 1, 2.3.3)
};

P256Keys make_p256_keys();
/// With its public key; nothing when the bytes are no private key.
std::optional<P256Keys> p256_keys_of(std::string_view private_key);

/// Whether the bytes are an uncompressed point of the curve.
bool is_p256_public_key(std::string_view public_key);

/// ECDH: 32 bytes, the same for the other side. Nothing when `peer` is no point of the curve. REQUIRES keys of this header.
std::optional<std::string> p256_shared_secret(const P256Keys& keys, std::string_view peer);

/// ES256 (RFC 7518, 3.4): 64 bytes, another each time. REQUIRES keys of this header.
std::string es256_sign(const P256Keys& keys, std::string_view data);
bool es256_verify(std::string_view public_key, std::string_view data, std::string_view signature);

/// AES-128-GCM: the ciphertext and behind it a tag of 16 bytes. REQUIRES a key of 16 bytes and a nonce of 12, never used together before.
std::string aes128_gcm_seal(std::string_view key, std::string_view nonce, std::string_view plaintext);

}  // namespace watchbell::crypto
