#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.hpp"

namespace watchbell::auth {

/// Session tokens and the cookies that carry them. A cookie holds url-encoded `<token>.<base64 HMAC-SHA256(key, token)>`, so that made-up tokens are
/// refused without a look at the store. Immutable.
class CookieSigner {
 public:
  /// @param secure  the site is https: the name gets its `__Secure-` prefix and cookies are `Secure`
  CookieSigner(std::string key, bool secure) : key_(std::move(key)), secure_(secure) {}

  std::string_view session_cookie() const noexcept { return secure_ ? "__Secure-better-auth.session_token" : "better-auth.session_token"; }
  /// The token of a cookie header whose signature holds, or nothing.
  std::optional<std::string> token(std::string_view cookie_header) const;
  /// Set-Cookie lines for a session; `remember` false makes a cookie that ends with the browser.
  std::string set_session(std::string_view token, bool remember) const;
  /// The token of a sign-in that awaits its second factor, whose signature holds, or nothing.
  std::optional<std::string> challenge(std::string_view cookie_header) const;
  std::string set_challenge(std::string_view token, std::chrono::seconds life) const;
  std::string clear_challenge() const;
  /// Set-Cookie lines that remove everything of ours.
  std::string clear_all() const;

 private:
  std::optional<std::string> signed_value(std::string_view cookie_header, std::string_view name) const;
  std::string line(std::string_view name, std::string_view value, std::optional<int> max_age) const;
  std::string sign(std::string_view value) const;
  std::string key_;
  bool secure_;
};

/// A fresh session token: 32 random characters.
std::string make_session_token();
/// What the store keeps of a token or an API secret. Both are random, so a fast hash is enough.
std::string hash_of(std::string_view secret);
/// A fresh API secret, and the key text an application presents.
std::string make_api_secret();
std::string api_key_text(const ApplicationId& application, std::string_view secret);

}  // namespace watchbell::auth
