#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/timestamp.hpp"
#include "platform/crypto/p256.hpp"

/// Messages to push services of browsers: encrypted to the browser (RFC 8291), and signed for the service (RFC 8292).
namespace watchbell::notification::channels::web_push {

/// The longest plaintext: a push service has to take a body of 4,096 bytes, no more (RFC 8030, 7.2), and 103 of them are not ours.
inline constexpr std::size_t kPlaintextMax = 3993;
inline constexpr std::size_t kAuthSecret = 16;
inline constexpr std::size_t kSalt = 16;

/// What a browser gave with its subscription.
struct Receiver {
  std::string public_key;   ///< `p256dh`: 65 bytes
  std::string auth_secret;  ///< `auth`: 16 bytes
};
/// From base64url; nothing when a browser cannot have said so.
std::optional<Receiver> receiver_of(std::string_view p256dh, std::string_view auth);

/// The body of a request with `Content-Encoding: aes128gcm`, one record (RFC 8188).
/// @param sender  made for this message alone
/// @param salt    16 random bytes
/// REQUIRES a plaintext of at most kPlaintextMax bytes.
std::string encrypt(std::string_view plaintext, const Receiver& receiver, const crypto::P256Keys& sender, std::string_view salt);

/// Scheme, host and port of a URL, in lower case and without the scheme's own port (RFC 6454). REQUIRES an http(s) URL with a host.
std::string origin_of(std::string_view url);

/// The value of the header Authorization, good for 12 hours.
/// @param server   the keys that the browser subscribed with
/// @param contact  a mailto: or https: URL for the operator of the push service; may be empty
std::string authorization(std::string_view endpoint, const crypto::P256Keys& server, std::string_view contact, Timestamp now);

}  // namespace watchbell::notification::channels::web_push
