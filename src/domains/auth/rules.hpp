#pragma once

#include <algorithm>
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

/// How long an address is refused to a network after its `failures`th wrong password in a row: not at all for four, then twice as long each time, at
/// most 15 minutes. What is refused does not count, so nobody is locked out for good.
std::chrono::seconds sign_in_pause(int failures) noexcept;
inline constexpr std::chrono::minutes kLongestPause{15};
/// When such failures are forgotten.
inline constexpr std::chrono::hours kFailuresKept{24};

/// How long a link to a new password opens, and how far apart a user is sent them.
inline constexpr std::chrono::hours kResetLife{1};
inline constexpr std::chrono::minutes kResetPause{1};

/// Whether a callback may be followed: a path of this site, or a URL below `origin`.
bool is_own_url(std::string_view url, std::string_view origin) noexcept;

/// The credential of an authorization header: "Bearer x" -> x, without blanks around it; nothing for another scheme.
std::optional<std::string_view> bearer(std::string_view authorization);

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

/// Role `admin` is given to or taken from somebody. ErrorCode::forbidden unless who does it holds every rule.
Result<void> judge_admin(bool had, bool gets, bool by_everything);

/// A user's roles are replaced by others.
struct RoleChange {
  bool of_himself = false;
  bool was_admin = false;
  bool becomes_admin = false;
  bool by_everything = false;  ///< who changes them holds every rule
  std::int64_t other_admins = 0;
};
/// ErrorCode::forbidden for one's own roles, and for role `admin` given or taken by anybody who does not hold every rule; ErrorCode::conflict when
/// no administrator would be left.
Result<void> judge(const RoleChange& change);

/// A user is removed. ErrorCode::forbidden for an administrator, ErrorCode::conflict for the last one.
Result<void> judge_removal(bool is_admin, std::int64_t other_admins);

/// The rules of a role are replaced by others. ErrorCode::forbidden for role `admin`, whose rules are all there are, and for a role one holds oneself
/// unless one holds every rule.
Result<void> judge_rules_change(bool of_admin, bool of_own_role, bool by_everything);

/// Whether a list holds a value.
bool among(const auto& list, const auto& value) { return std::ranges::find(list, value) != list.end(); }

/// Those of `now` that `before` lacks. Both sorted.
std::vector<std::string> added(const std::vector<std::string>& before, const std::vector<std::string>& now);

/// `name: value` of a cookie header, the first that matches; still encoded.
std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name) noexcept;

}  // namespace watchbell::auth::rules
