#include "domains/auth/credentials.hpp"

#include <array>

#include "base/text.hpp"
#include "domains/auth/rules.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::auth {
namespace {

constexpr std::string_view kChallenge = "2fa-";
constexpr int kSevenDays = 604'800;

// As browsers' encodeURIComponent does for the alphabet of base64 and tokens.
std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '+':
        out += "%2B";
        break;
      case '/':
        out += "%2F";
        break;
      case '=':
        out += "%3D";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string url_decode(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::string CookieSigner::sign(std::string_view value) const { return std::string(value) + "." + crypto::base64_encode(crypto::hmac_sha256(key_, value)); }

std::optional<std::string> CookieSigner::signed_value(std::string_view cookie_header, std::string_view name) const {
  const auto raw = rules::cookie_value(cookie_header, name);
  if (!raw || raw->size() > 256) return std::nullopt;
  const std::string value = url_decode(*raw);
  const auto dot = value.find('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  std::string token = value.substr(0, dot);
  if (!constant_time_equal(sign(token), value)) return std::nullopt;
  return token;
}

std::optional<std::string> CookieSigner::token(std::string_view cookie_header) const { return signed_value(cookie_header, session_cookie()); }

// What is signed says what it is for: a challenge is no session, in whichever cookie it comes.
std::optional<std::string> CookieSigner::challenge(std::string_view cookie_header) const {
  auto value = signed_value(cookie_header, secure_ ? "__Secure-better-auth.two_factor" : "better-auth.two_factor");
  if (!value || !value->starts_with(kChallenge)) return std::nullopt;
  return value->substr(kChallenge.size());
}

std::string CookieSigner::set_challenge(std::string_view token, std::chrono::seconds life) const {
  return line("better-auth.two_factor", url_encode(sign(std::string(kChallenge) + std::string(token))), static_cast<int>(life.count()));
}

std::string CookieSigner::clear_challenge() const { return line("better-auth.two_factor", "", 0); }

std::string CookieSigner::line(std::string_view name, std::string_view value, std::optional<int> max_age) const {
  std::string out = "Set-Cookie: ";
  if (secure_) out += "__Secure-";
  out += name;
  out += '=';
  out += value;
  if (max_age) out += "; Max-Age=" + std::to_string(*max_age);
  out += "; Path=/; HttpOnly";
  if (secure_) out += "; Secure";
  out += "; SameSite=Lax\r\n";
  return out;
}

std::string CookieSigner::set_session(std::string_view token, bool remember) const {
  std::string lines = line("better-auth.session_token", url_encode(sign(token)), remember ? std::optional<int>(kSevenDays) : std::nullopt);
  if (!remember) lines += line("better-auth.dont_remember", url_encode(sign("true")), std::nullopt);
  return lines;
}

std::string CookieSigner::clear_all() const {
  std::string lines;
  for (const std::string_view name : {"better-auth.session_token", "better-auth.session_data", "better-auth.dont_remember"}) lines += line(name, "", 0);
  return lines;
}

std::string make_session_token() { return crypto::random_token(32); }

std::string hash_of(std::string_view secret) { return crypto::sha256_hex(secret); }

std::string make_api_secret() { return crypto::random_token(32); }

std::string api_key_text(const ApplicationId& application, std::string_view secret) { return "ck_" + application.to_string() + "_" + std::string(secret); }

}  // namespace watchbell::auth
