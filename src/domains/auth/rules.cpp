#include "domains/auth/rules.hpp"

#include <algorithm>
#include <iterator>

#include "base/text.hpp"

namespace watchbell::auth::rules {

using namespace std::chrono_literals;

std::chrono::microseconds session_life(bool remember) noexcept { return remember ? 7 * 24h : 24h; }

std::optional<Timestamp> extended_until(Timestamp expires_at, bool remember, Timestamp now) noexcept {
  if (!remember) return std::nullopt;
  const auto life = session_life(remember);
  // Extended last at expires_at - life.
  if (now - (expires_at - life) < 24h) return std::nullopt;
  return now + life;
}

std::chrono::seconds sign_in_pause(int failures) noexcept {
  constexpr int kFree = 4;
  if (failures <= kFree) return 0s;
  const int doublings = std::min(failures - kFree - 1, 10);
  return std::min<std::chrono::seconds>(std::chrono::seconds(1 << doublings), kLongestPause);
}

bool is_own_url(std::string_view url, std::string_view origin) noexcept {
  // Browsers drop tabs and line ends, and then read what is left.
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) return false;
  // "//host" and "/\host" name another site to a browser.
  if (url.starts_with('/')) return !(url.size() > 1 && (url[1] == '/' || url[1] == '\\'));
  if (!url.starts_with(origin)) return false;
  return url.size() == origin.size() || url[origin.size()] == '/' || url[origin.size()] == '?' || url[origin.size()] == '#';
}

std::optional<std::string_view> bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  // A space differs from its like by no case either.
  if (authorization.size() < kScheme.size() || !std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, {}, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }))
    return std::nullopt;
  return trim(authorization.substr(7));
}

std::optional<ApiKey> parse_api_key(std::string_view text) noexcept {
  constexpr std::string_view kPrefix = "ck_";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  if (text.size() < 38 || text[36] != '_') return std::nullopt;
  const auto id = ApplicationId::parse(text.substr(0, 36));
  if (!id) return std::nullopt;
  return ApiKey{*id, text.substr(37)};
}

Result<std::string> clean_name(std::string_view name) {
  const auto trimmed = trim(name);
  if (trimmed.empty()) return fail_field(ErrorCode::bad_request, "name", "The name must not be blank");
  return std::string(trimmed);
}

bool is_live(const std::optional<Timestamp>& expires_at, Timestamp now) noexcept { return !expires_at || *expires_at > now; }

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  word = utf8_prefix(word, 200);
  const auto best = std::ranges::min_element(known, {}, [&](const std::string& each) { return edit_distance(word, each); });
  return best == known.end() ? std::string() : *best;
}

bool needs_setup_token(bool listening_on_loopback, bool behind_proxy, bool request_was_forwarded) noexcept {
  return !listening_on_loopback || behind_proxy || request_was_forwarded;
}

Result<void> judge_admin(bool had, bool gets, bool by_everything) {
  if (had != gets && !by_everything) return fail(ErrorCode::forbidden, "Only who holds every rule makes or unmakes administrators");
  return {};
}

Result<void> judge(const RoleChange& change) {
  if (change.of_himself) return fail(ErrorCode::forbidden, "Nobody changes his own roles");
  if (auto judged = judge_admin(change.was_admin, change.becomes_admin, change.by_everything); !judged) return judged;
  if (change.was_admin && !change.becomes_admin && change.other_admins == 0) return fail(ErrorCode::conflict, "The last administrator stays one");
  return {};
}

Result<void> judge_removal(bool is_admin, std::int64_t other_admins) {
  if (!is_admin) return {};
  if (other_admins == 0) return fail(ErrorCode::conflict, "The last administrator cannot be removed");
  return fail(ErrorCode::forbidden, "An administrator cannot be removed: take the role from him first");
}

Result<void> judge_rules_change(bool of_admin, bool of_own_role, bool by_everything) {
  if (of_admin) return fail(ErrorCode::forbidden, "The role of administrators holds every rule, always");
  if (of_own_role && !by_everything) return fail(ErrorCode::forbidden, "Nobody changes the rules of a role he holds himself");
  return {};
}

std::vector<std::string> added(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  std::vector<std::string> result;
  std::ranges::set_difference(now, before, std::back_inserter(result));
  return result;
}

std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name) noexcept {
  while (!header.empty()) {
    const auto end = header.find(';');
    const auto pair = trim(header.substr(0, end));
    header = end == std::string_view::npos ? std::string_view() : header.substr(end + 1);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
  }
  return std::nullopt;
}

}  // namespace watchbell::auth::rules
