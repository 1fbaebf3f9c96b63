// What a request carries to prove who it is: an Authorization header in the first line of the input, a Cookie header in the rest. Whatever the bytes, what
// is found in them is a part of them, and a session token comes out only under our signature.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "domains/auth/credentials.hpp"
#include "domains/auth/rules.hpp"

namespace {

using namespace watchbell;
using namespace watchbell::auth;

void require(bool holds) {
  if (!holds) std::abort();
}

bool within(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void judge_bearer(std::string_view authorization) {
  const auto credential = rules::bearer(authorization);
  require(credential.has_value() == (ascii_lower(authorization.substr(0, 7)) == "bearer "));
  if (!credential) return;
  require(within(*credential, authorization) && trim(*credential) == *credential);
  const auto key = rules::parse_api_key(*credential);
  if (!key) return;
  // It reads back as what it was made from, up to the case of the id.
  require(!key->secret.empty() && within(key->secret, *credential));
  const std::string text = api_key_text(key->application, key->secret);
  require(text.size() == credential->size() && ascii_lower(text.substr(0, 40)) == ascii_lower(credential->substr(0, 40)) &&
          text.substr(40) == credential->substr(40));
}

void judge_cookies(const CookieSigner& signer, std::string_view cookies) {
  for (const std::string_view name : {signer.session_cookie(), std::string_view(""), std::string_view("a")}) {
    const auto value = rules::cookie_value(cookies, name);
    if (value) require(within(*value, cookies) && value->find(';') == std::string_view::npos);
  }
  const auto token = signer.token(cookies);
  if (!token) return;
  require(!token->empty() && token->find('.') == std::string::npos);
  // A cookie set for that token is taken as the same one: the signature was ours.
  const std::string line = signer.set_session(*token, true);
  const auto begin = line.find(": ") + 2;
  require(signer.token(line.substr(begin, line.find(';') - begin)) == token);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const CookieSigner plain("0123456789abcdef0123456789abcdef", false), secure("0123456789abcdef0123456789abcdef", true);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto end = std::min(input.find('\n'), input.size());
  const auto cookies = input.substr(std::min(end + 1, input.size()));
  judge_bearer(input.substr(0, end));
  judge_cookies(plain, cookies);
  judge_cookies(secure, cookies);
  // Every token we make comes back.
  std::string token;
  for (const char c : input.substr(0, 64))
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) token += c;
  if (!token.empty()) {
    const std::string line = secure.set_session(token, false);
    require(secure.token(line.substr(12, line.find(';') - 12)) == token);
    require(!plain.token(line.substr(12, line.find(';') - 12)));
  }
  return 0;
}
