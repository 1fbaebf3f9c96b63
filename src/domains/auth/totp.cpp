#include "domains/auth/totp.hpp"

#include <array>

#include "base/text.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::auth::totp {

std::int64_t step_of(Timestamp at) noexcept { return at.seconds() / kStepSeconds; }

std::string code_of(std::string_view secret, std::int64_t step, int digits) {
  std::string counter(8, '\0');
  for (std::size_t i = 0; i < counter.size(); ++i) counter[counter.size() - 1 - i] = static_cast<char>(static_cast<std::uint64_t>(step) >> (8 * i));
  const std::string digest = crypto::hmac_sha1(secret, counter);
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(digest[at])); };
  const std::size_t at = byte(digest.size() - 1) & 0xf;
  const std::uint32_t number = (byte(at) & 0x7f) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
  const std::string text = "000000000" + std::to_string(number);
  return text.substr(text.size() - static_cast<std::size_t>(digits));
}

std::optional<std::int64_t> accepted_step(std::string_view secret, std::string_view code, Timestamp now, std::int64_t last_step) {
  std::optional<std::int64_t> found;
  for (const std::int64_t away : {0, -1, 1}) {
    const std::int64_t step = step_of(now) + away;
    const bool right = constant_time_equal(code_of(secret, step), code);
    if (right && step > last_step && !found) found = step;
  }
  return found;
}

std::string make_secret() { return crypto::random_bytes(20); }

std::string uri_of(std::string_view secret, std::string_view email) {
  std::string label;
  for (const char c : email) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    label += plain ? std::string(1, c) : "%" + crypto::hex_encode(std::string_view(&c, 1));
  }
  return "otpauth://totp/Watchbell:" + label + "?secret=" + crypto::base32_encode(secret) + "&issuer=Watchbell&digits=" + std::to_string(kDigits) +
         "&period=" + std::to_string(kStepSeconds);
}

std::string make_recovery_code() {
  std::string code = ascii_lower(crypto::base32_encode(crypto::random_bytes(10)));
  for (const std::size_t at : {12u, 8u, 4u}) code.insert(at, "-");
  return code;
}

std::string clean_recovery_code(std::string_view typed) {
  std::string code;
  for (const char c : ascii_lower(typed))
    if (c != '-' && c != ' ') {
      if (code.size() % 5 == 4) code += '-';
      code += c;
    }
  return code;
}

}  // namespace watchbell::auth::totp
