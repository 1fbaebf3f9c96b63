#include "domains/auth/rules.hpp"

#include <algorithm>

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

bool is_own_url(std::string_view url, std::string_view origin) noexcept {
  // "//host" and "/\host" name another site to a browser.
  if (url.starts_with('/')) return !(url.size() > 1 && (url[1] == '/' || url[1] == '\\'));
  if (!url.starts_with(origin)) return false;
  return url.size() == origin.size() || url[origin.size()] == '/' || url[origin.size()] == '?' || url[origin.size()] == '#';
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

namespace {

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  word = utf8_prefix(word, 200);
  const auto best = std::ranges::min_element(known, {}, [&](const std::string& each) { return edit_distance(word, each); });
  return best == known.end() ? std::string() : *best;
}

bool needs_setup_token(bool listening_on_loopback, bool behind_proxy, bool request_was_forwarded) noexcept {
  return !listening_on_loopback || behind_proxy || request_was_forwarded;
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
