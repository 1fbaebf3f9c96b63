#include "domains/notification/rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"

namespace watchbell::notification::rules {

using namespace std::chrono_literals;

namespace {

bool is_web(std::string_view url) {
  const auto lower = ascii_lower(url.substr(0, std::min<std::size_t>(8, url.size())));
  return lower.starts_with("http://") || lower.starts_with("https://");
}

std::size_t host_begin(std::string_view url) { return url.find("://") + 3; }

/// The longest prefix of at most `units` UTF-16 units.
std::string cut(std::string text, std::size_t units) {
  // A unit takes one to three bytes, so a short text needs no count.
  if (text.size() <= units || utf16_length(text) <= units) return text;
  std::size_t bytes = 0;
  std::size_t used = 0;
  while (bytes < text.size()) {
    const auto lead = static_cast<unsigned char>(text[bytes]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const std::size_t cost = length == 4 ? 2 : 1;
    if (used + cost > units) break;
    used += cost;
    bytes += length;
  }
  text.resize(bytes);
  return text;
}

/// What the reason for a status begins with.
constexpr std::string_view kAnswered = "the receiver answered ";

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<Timestamp> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  const auto month = std::ranges::find(months, text.substr(8, 3));
  if (month == months.end()) return std::nullopt;
  return Timestamp::parse(fmt::format("{}-{:02}-{}T{}Z", text.substr(12, 4), month - months.begin() + 1, text.substr(5, 2), text.substr(17, 8)));
}

}  // namespace

bool usable_action_url(std::string_view url) noexcept {
  if (url.empty() || url.size() > 8192) return false;
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\') return false;
  if (url.starts_with("//")) return false;
  if (is_web(url)) return !host_of(url).empty();
  // Before the first slash, query or fragment a colon would make it another scheme.
  return url.substr(0, url.find_first_of("/?#")).find(':') == std::string_view::npos;
}

bool usable_return_path(std::string_view path) noexcept {
  return path.starts_with('/') && path.size() <= 500 && path.find('#') == std::string_view::npos && usable_action_url(path);
}

std::string absolute_url(std::string_view base_url, std::string_view url) {
  if (is_web(url)) return std::string(url);
  std::string absolute(base_url);
  if (!url.starts_with('/')) absolute += '/';
  absolute += url;
  return absolute;
}

std::string host_of(std::string_view url) {
  if (!is_web(url)) return {};
  const auto rest = url.substr(host_begin(url));
  return ascii_lower(rest.substr(0, rest.find_first_of("/?#")));
}

Result<std::string> clean_search(std::string_view text) {
  const auto trimmed = trim(text);
  if (trimmed.empty() || utf16_length(trimmed) > kSearchMax)
    return fail_field(ErrorCode::bad_request, "search", "search must be 1 to {} characters long", kSearchMax);
  return std::string(trimmed);
}

namespace {

bool is_kind(std::string_view kind) {
  const auto part = [](std::string_view text) {
    const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
    return !text.empty() && small(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return small(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
  };
  const auto dot = kind.find('.');
  return dot != std::string_view::npos && part(kind.substr(0, dot)) && part(kind.substr(dot + 1));
}

std::size_t bytes_of(const Subject& subject) { return subject.kind.size() + subject.id.size() + subject.name.size() + (subject.url ? subject.url->size() : 0); }

}  // namespace

Result<void> judge_subjects(const std::vector<Subject>& subjects) {
  if (subjects.size() > kSubjectsMax) return fail_field(ErrorCode::bad_request, "subjects", "a message is about at most {} subjects", kSubjectsMax);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const auto& [kind, id, name, url, status] = subjects[i];
    if (!is_kind(kind))
      return fail_field(ErrorCode::bad_request, fmt::format("subjects.{}.kind", i), "kind must be an area, a full stop and a kind of it, in small letters");
    if (url && !usable_action_url(*url))
      return fail_field(ErrorCode::bad_request, fmt::format("subjects.{}.url", i), "url must be a path of this site or an http(s) URL");
    bytes += bytes_of(subjects[i]);
  }
  if (bytes > kSubjectBytesMax) return fail_field(ErrorCode::bad_request, "subjects", "subjects may take {} bytes in all, these take {}", kSubjectBytesMax, bytes);
  return {};
}

Result<void> judge_collapse_key(std::string_view key) {
  for (std::size_t i = 0; i < key.size(); ++i) {
    const auto byte = static_cast<unsigned char>(key[i]);
    // U+0080 to U+009F, too, are control characters.
    const bool second = byte == 0xc2 && i + 1 < key.size() && static_cast<unsigned char>(key[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f || second) return fail_field(ErrorCode::bad_request, "collapseKey", "collapseKey must not hold control characters");
  }
  return {};
}

Message clamped(Message message) {
  message.title = cut(std::move(message.title), 200);
  message.body = cut(std::move(message.body), 10'000);
  if (message.action) {
    message.action->label = cut(std::move(message.action->label), 120);
    if (message.action->label.empty() || message.action->url.size() > 2048 || !usable_action_url(message.action->url)) message.action.reset();
  }
  std::vector<Subject> subjects;
  std::size_t bytes = 0;
  for (auto& subject : message.subjects) {
    subject.name = cut(std::move(subject.name), 200);
    bytes += bytes_of(subject);
    const bool bounded = !subject.id.empty() && !subject.name.empty() && utf16_length(subject.id) <= 200 && subject.kind.size() <= 100 &&
                         (!subject.url || subject.url->size() <= 2048);
    if (bounded && subjects.size() < kSubjectsMax && bytes <= kSubjectBytesMax && judge_subjects({subject})) subjects.push_back(std::move(subject));
  }
  message.subjects = std::move(subjects);
  if (message.collapse_key && (message.collapse_key->empty() || utf16_length(*message.collapse_key) > 200 || !judge_collapse_key(*message.collapse_key)))
    message.collapse_key.reset();
  return message;
}

std::optional<std::string_view> shown_object(std::string_view group_id) noexcept {
  if (!group_id.starts_with(kShownObjects) || !group_id.substr(kShownObjects.size()).starts_with('.')) return std::nullopt;
  return group_id.substr(kShownObjects.size() + 1);
}

bool is_built_in(std::string_view owner) noexcept {
  static constexpr std::array<std::string_view, 24> areas{
      "about",        "announcement", "anomaly",    "api-docs", "auth",         "automation",  "cache", "catalog", "command", "core", "dashboard", "dependency",
      "healthcheck", "incident",     "integration", "maintenance", "notification", "queue", "satellite", "slo", "statuspage", "teams", "theme", "watchbell"};
  return std::ranges::find(areas, owner) != areas.end();
}

Result<void> judge_owner(std::string_view owner) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const bool well_formed = !owner.empty() && lower(owner.front()) &&
                           std::ranges::all_of(owner, [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; });
  if (!well_formed) return fail_field(ErrorCode::bad_request, "ownerPlugin", "ownerPlugin must be a small letter followed by small letters, digits and hyphens");
  if (is_built_in(owner)) return fail_field(ErrorCode::forbidden, "ownerPlugin", "{} is an area of Watchbell itself", owner);
  return {};
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, Timestamp now) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    const auto seconds = number(text);
    // More digits than fit mean longer than any bound.
    return seconds ? std::min<std::chrono::seconds>(std::chrono::seconds(*seconds), kRetryAfterMax) : std::chrono::seconds(kRetryAfterMax);
  }
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return std::clamp<std::chrono::seconds>(std::chrono::ceil<std::chrono::seconds>(*date - now), 0s, kRetryAfterMax);
}

Verdict judge_status(int status, std::optional<std::string_view> retry_after, Timestamp now) {
  if (status >= 200 && status <= 299) return Verdict::delivered();
  std::string reason = fmt::format("{}{}", kAnswered, status);
  if (status == 408 || status == 425 || status == 429 || status >= 500) return Verdict::retry(std::move(reason), retry_after ? parse_retry_after(*retry_after, now) : std::nullopt);
  if (status >= 300 && status <= 399) reason += "; redirects are not followed";
  return Verdict::refused(std::move(reason));
}

std::optional<std::chrono::milliseconds> pause_after(int tried, std::optional<std::chrono::seconds> retry_after, double unit) {
  static constexpr std::array<std::chrono::seconds, kTries - 1> pauses{5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
  if (tried >= kTries) return std::nullopt;
  std::chrono::milliseconds pause = pauses[static_cast<std::size_t>(std::max(tried, 1) - 1)];
  pause += std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(pause.count()) * 0.2 * unit));
  if (retry_after) pause = std::max<std::chrono::milliseconds>(pause, *retry_after);
  return pause;
}

Settled settle(const Verdict& verdict, int tried, double unit) {
  switch (verdict.kind) {
    case Verdict::Kind::delivered: return {DeliveryState::delivered, {}};
    case Verdict::Kind::refused: return {DeliveryState::refused, {}};
    case Verdict::Kind::retry: break;
  }
  const auto after = pause_after(tried, verdict.retry_after, unit);
  return after ? Settled{DeliveryState::pending, after} : Settled{DeliveryState::dead, {}};
}

std::string reason_for_reader(std::string_view reason) {
  for (const auto known : {missing::kChannel, missing::kSwitchedOff, missing::kUser, missing::kUnwanted, missing::kAdminSetup, missing::kUserSetup,
                           missing::kReadable, missing::kTooLate, missing::kErased})
    if (reason == known) return std::string(reason);
  // Behind it stands what the receiver said.
  if (reason.starts_with(kAnswered)) {
    const auto status = reason.substr(kAnswered.size(), 3);
    if (status.size() == 3 && std::ranges::all_of(status, [](char c) { return c >= '0' && c <= '9'; })) return fmt::format("{}{}", kAnswered, status);
  }
  return "The receiver could not be reached, or did not answer as it should";
}

Result<void> judge_digest_minutes(std::int64_t minutes) {
  if (minutes == 0 || minutes >= kDigestMinutesMin) return {};
  return fail_field(ErrorCode::bad_request, "digestMinutes", "digestMinutes must be 0 or from {} to 1440", kDigestMinutesMin);
}

Result<void> judge_replay(const Delivery& delivery) {
  switch (delivery.state) {
    case DeliveryState::dead:
      break;
    case DeliveryState::pending: return fail(ErrorCode::conflict, "This delivery is already on its way");
    case DeliveryState::delivered: return fail(ErrorCode::conflict, "This delivery has arrived; only dead ones are sent again");
    case DeliveryState::refused: return fail(ErrorCode::conflict, "This delivery was refused for good; only dead ones are sent again");
  }
  if (delivery.transactional) return fail(ErrorCode::conflict, "{}", missing::kErased);
  return {};
}

Message test_message(std::string_view channel_name, std::string_view base_url) {
  const bool local = base_url.find("localhost") != std::string_view::npos || base_url.find("127.0.0.1") != std::string_view::npos;
  Message message;
  message.title = "Test notification";
  message.body = fmt::format(
      "This is a **test** over *{}*.\n\n"
      "- [x] The channel is set up\n"
      "- [x] The message got through\n",
      channel_name);
  if (local) message.body += "\nThe link below is an example: this server's own address only works on its machine.\n";
  message.action = Action{.label = "Notification settings", .url = absolute_url(local ? "https://watchbell.example.com" : base_url, "/notification/settings")};
  return message;
}

}  // namespace watchbell::notification::rules
