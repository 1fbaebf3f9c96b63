#include "domains/notification/channels/standard_webhooks.hpp"

#include <fmt/format.h>

#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification::channels::standard_webhooks {

std::optional<std::string> key_of(std::string_view secret) {
  constexpr std::string_view prefix = "whsec_";
  if (!secret.starts_with(prefix)) return std::string(secret);
  auto key = crypto::base64_decode(secret.substr(prefix.size()));
  if (!key || key->size() < 24 || key->size() > 64) return std::nullopt;
  return key;
}

std::string signature(std::string_view key, std::string_view id, Timestamp at, std::string_view body) {
  return "v1," + crypto::base64_encode(crypto::hmac_sha256(key, fmt::format("{}.{}.{}", id, at.seconds(), body)));
}

}  // namespace watchbell::notification::channels::standard_webhooks
