#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domains/notification/types.hpp"

/// Every decision of notification, as pure functions.
namespace watchbell::notification::rules {

/// Whether a button may lead there: http(s), or a path of this site ("/incident/1", "incident/1"). Refuses other schemes, `//host`, blanks.
bool usable_action_url(std::string_view url) noexcept;
/// The URL as somebody outside this site needs it: paths get the base (no trailing slash) in front, with one slash between.
std::string absolute_url(std::string_view base_url, std::string_view url);
/// The host and port of an http(s) URL in lower case, for counting; empty when it has none.
std::string host_of(std::string_view url);
/// The message cut to what a notification may hold (title 200, body 10,000, label 120 UTF-16 units); an unusable action is left out. For senders of
/// ours, whose change must not fail over a long name.
Message clamped(Message message);

/// Whether a name of groups is one of our own areas, present or to come.
bool is_built_in(std::string_view owner) noexcept;
/// Whether an outside sender may go by that name at all: `[a-z][a-z0-9-]*` (bad_request), no area of ours (forbidden).
Result<void> judge_owner(std::string_view owner);

/// What one try of a delivery came to.
struct Verdict {
  enum class Kind { delivered, retry, refused };
  Kind kind = Kind::delivered;
  std::string reason;                               ///< for a person; empty when delivered
  std::optional<std::chrono::seconds> retry_after;  ///< what the receiver asked for
  static Verdict delivered() { return {}; }
  static Verdict retry(std::string why, std::optional<std::chrono::seconds> after = {}) { return {Kind::retry, std::move(why), after}; }
  static Verdict refused(std::string why) { return {Kind::refused, std::move(why), {}}; }
  bool operator==(const Verdict&) const = default;
};

/// The longest Retry-After that is honoured.
inline constexpr std::chrono::hours kRetryAfterMax{24};
/// Seconds from a Retry-After header (RFC 9110 10.2.3): a whole number, or an HTTP date (IMF-fixdate), which may have passed (0). At most kRetryAfterMax.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, Timestamp now);
/// What an answer means: 2xx delivered; 408, 425, 429 and 5xx try again; everything else, redirects too, is final.
Verdict judge_status(int status, std::optional<std::string_view> retry_after, Timestamp now);

/// Tries of a delivery before it is dead.
inline constexpr int kTries = 10;
/// The pause after `tried` failed tries: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h, each plus up to 20 %; what the receiver asked for when that is
/// longer. Nothing after the last try.
/// @param unit  [0, 1)
std::optional<std::chrono::milliseconds> pause_after(int tried, std::optional<std::chrono::seconds> retry_after, double unit);

/// Where a delivery stands after a try.
struct Settled {
  DeliveryState state = DeliveryState::pending;
  std::optional<std::chrono::milliseconds> after;  ///< of pending
  bool operator==(const Settled&) const = default;
};
/// @param tried  tries so far, this one included
Settled settle(const Verdict& verdict, int tried, double unit);

/// The sample that a test of a channel sends. A base URL that means the reader's own machine is replaced by an example, and the text says so.
Message test_message(std::string_view channel_name, std::string_view base_url);

}  // namespace watchbell::notification::rules
