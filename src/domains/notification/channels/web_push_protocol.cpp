#include "domains/notification/channels/web_push_protocol.hpp"

#include <boost/json.hpp>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification::channels::web_push {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kRecordSize = "\0\0\x10\0"sv;  // 4,096, in network order
constexpr char kLastRecord = '\x02';                      // RFC 8188, section 2: the delimiter of the last record
constexpr std::int64_t kTokenSeconds = 43200;             // RFC 8292, section 2: at most 24 hours, and clocks differ

}  // namespace

std::optional<Receiver> receiver_of(std::string_view p256dh, std::string_view auth) {
  auto key = crypto::base64url_decode(p256dh);
  auto secret = crypto::base64url_decode(auth);
  if (!key || !secret || secret->size() != kAuthSecret || !crypto::is_p256_public_key(*key)) return std::nullopt;
  return Receiver{.public_key = std::move(*key), .auth_secret = std::move(*secret)};
}

std::string encrypt(std::string_view plaintext, const Receiver& receiver, const crypto::P256Keys& sender, std::string_view salt) {
  WATCHBELL_ASSERT(plaintext.size() <= kPlaintextMax && salt.size() == kSalt);
  const auto shared = crypto::p256_shared_secret(sender, receiver.public_key);
  WATCHBELL_ASSERT(shared.has_value());
  // RFC 8291, section 3.4.
  const auto material = crypto::hkdf_sha256(*shared, std::string("WebPush: info\0"sv) + receiver.public_key + sender.public_key, 32, receiver.auth_secret);
  const auto key = crypto::hkdf_sha256(material, "Content-Encoding: aes128gcm\0"sv, 16, salt);
  const auto nonce = crypto::hkdf_sha256(material, "Content-Encoding: nonce\0"sv, 12, salt);
  std::string body(salt);
  body += kRecordSize;
  body += static_cast<char>(sender.public_key.size());
  body += sender.public_key;
  body += crypto::aes128_gcm_seal(key, nonce, std::string(plaintext) + kLastRecord);
  return body;
}

std::string origin_of(std::string_view url) {
  const auto host = url.find("://") + 3;
  std::string origin = ascii_lower(url.substr(0, std::min(url.find_first_of("/?#", host), url.size())));
  for (const auto& [scheme, port] : {std::pair("https://"sv, ":443"sv), std::pair("http://"sv, ":80"sv)})
    if (origin.starts_with(scheme) && origin.ends_with(port)) origin.resize(origin.size() - port.size());
  return origin;
}

std::string authorization(std::string_view endpoint, const crypto::P256Keys& server, std::string_view contact, Timestamp now) {
  boost::json::object claims{{"aud", origin_of(endpoint)}, {"exp", now.seconds() + kTokenSeconds}};
  if (!contact.empty()) claims["sub"] = contact;
  const std::string token = crypto::base64url_encode(R"({"typ":"JWT","alg":"ES256"})") + "." + crypto::base64url_encode(boost::json::serialize(claims));
  return "vapid t=" + token + "." + crypto::base64url_encode(crypto::es256_sign(server, token)) + ", k=" + crypto::base64url_encode(server.public_key);
}

}  // namespace watchbell::notification::channels::web_push
