#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace watchbell::crypto {

/// The additional data that binds a sealed value to its place: sealed text copied to another field, record or plugin does not open. Each part
/// stands behind its length, so that no two places share one text.
/// @param path  of the field inside the record, "smtp.password"
std::string seal_aad(std::string_view plugin, std::string_view record, std::string_view path);

/// The master key and the keys before it. Seals small secrets with AES-256-GCM and derives keys for other purposes. Immutable; copies
/// share the keys, which are wiped with the last one.
///
/// Sealed text is "v2:<keyId>:<nonce>:<tag>:<ciphertext>": 16 hex digits that name the key without telling of it, then standard base64 of a
/// fresh random nonce of 12 bytes, a tag of 16 bytes, and the ciphertext. With random nonces a key may seal 2^32 values.
class Keyring {
 public:
  /// @param primary   64 hex digits; seals
  /// @param previous  comma list of such keys, newest first, may be empty; these only open
  /// Refuses, naming the entry but never its text: another form, and keys nobody drew at random (one character, a repeated pattern, a
  /// counting sequence, digests of nothing).
  static Result<Keyring> make(std::string_view primary, std::string_view previous = {});
  /// A new key in the form make() reads.
  static std::string generate();

  std::string seal(std::string_view plaintext, std::string_view aad) const;
  /// The plaintext, or ErrorCode::internal: stored text that does not open is a fault of the store or the keys, never a value. Tries the key
  /// the text names first, then the others. Also opens the older form "<nonce>:<tag>:<ciphertext>", which is bound to no place.
  Result<std::string> open(std::string_view sealed, std::string_view aad) const;

  enum class Form {
    plain,     ///< not sealed text
    old,       ///< the older form
    previous,  ///< sealed under a key that is not the primary one
    current,   ///< sealed under the primary key
  };
  /// What a stored text looks like; all but `current` is to be sealed anew. Never a judgement of what a user typed.
  Form form(std::string_view stored) const;

  /// `n` bytes for another purpose ("session": the cookie key), from the primary key.
  std::string derive(std::string_view label, std::size_t n) const;
  /// Names the primary key without telling of it: 16 hex digits.
  const std::string& fingerprint() const noexcept;

 private:
  struct Keys;
  explicit Keyring(std::shared_ptr<const Keys> keys) : keys_(std::move(keys)) {}
  std::shared_ptr<const Keys> keys_;
};

}  // namespace watchbell::crypto
