#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/timestamp.hpp"

namespace watchbell::auth::rules {

/// How long a session lives from its last extension.
std::chrono::microseconds session_life(bool remember) noexcept;

/// The new end of a session that is used at `now`: moved when it was extended more than a day ago, else nothing. Sessions that are not
/// remembered are never extended.
std::optional<Timestamp> extended_until(Timestamp expires_at, bool remember, Timestamp now) noexcept;

/// Whether a callback may be followed: a path of this site, or a URL below `origin`.
bool is_own_url(std::string_view url, std::string_view origin) noexcept;

/// An API key in its parts: "ck_" + application id (36 characters) + "_" + secret. Nothing for any other text.
struct ApiKey {
  ApplicationId application;
  std::string_view secret;
};
std::optional<ApiKey> parse_api_key(std::string_view text) noexcept;

/// A name as it is kept: without blanks around it. ErrorCode::bad_request when nothing is left.
Result<std::string> clean_name(std::string_view name);

/// Whether what ends at `expires_at`, if it does, still holds at `now`.
bool is_live(const std::optional<Timestamp>& expires_at, Timestamp now) noexcept;

/// The one of `known` that takes the fewest letters put in, left out or changed to become `word`; empty when there is none. Of equals the first.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// Whether a setup token is asked: never while only loopback can reach the server, unless the request came through somebody else.
bool needs_setup_token(bool listening_on_loopback, bool behind_proxy, bool request_was_forwarded) noexcept;

/// `name: value` of a cookie header, the first that matches; still encoded.
std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name) noexcept;

}  // namespace watchbell::auth::rules
