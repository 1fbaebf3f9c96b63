#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domains/notification/types.hpp"

/// Every decision of notification, as pure functions.
namespace watchbell::notification::rules {

/// Whether a button may lead there: http(s), or a path of this site ("/incident/1", "incident/1"). Refuses other schemes, `//host`, blanks.
bool usable_action_url(std::string_view url) noexcept;
/// The URL as somebody outside this site needs it: paths get the base (no trailing slash) in front, with one slash between.
std::string absolute_url(std::string_view base_url, std::string_view url);
/// Whether a browser may be sent back there after a visit elsewhere: a path of this site, from its root, without a fragment.
bool usable_return_path(std::string_view path) noexcept;
/// The host and port of an http(s) URL in lower case, for counting; empty when it has none.
std::string host_of(std::string_view url);
/// What a message may be about: kinds of the form `<area>.<kind>` in small letters, URLs that a button could lead to, and no more than kSubjectBytesMax
/// in all, as every recipient's row holds them. ErrorCode::bad_request naming the member.
inline constexpr std::size_t kSubjectsMax = 50;
inline constexpr std::size_t kSubjectBytesMax = std::size_t{32} * 1024;
Result<void> judge_subjects(const std::vector<Subject>& subjects);
/// Without control characters. ErrorCode::bad_request.
Result<void> judge_collapse_key(std::string_view key);
/// What is searched for, without blanks at its ends: 1 to kSearchMax characters. ErrorCode::bad_request.
inline constexpr std::size_t kSearchMax = 100;
Result<std::string> clean_search(std::string_view text);
/// The message cut to what a notification may hold (title 200, body 10,000, label 120, names of subjects 200 UTF-16 units); an unusable action, subject or
/// collapse key is left out. For senders of ours, whose change must not fail over a long name.
Message clamped(Message message);

/// Whether a name of groups is one of our own areas, present or to come.
bool is_built_in(std::string_view owner) noexcept;
/// Whether an outside sender may go by that name at all: `[a-z][a-z0-9-]*` (bad_request), no area of ours (forbidden).
Result<void> judge_owner(std::string_view owner);

/// The type of the objects that groups bear the names of. Whoever does not see an object is not shown its group.
inline constexpr std::string_view kShownObjects = "catalog.system";
/// The id of the object a group is about ("catalog.system.<id>"), a part of `group_id`; nothing of other groups.
std::optional<std::string_view> shown_object(std::string_view group_id) noexcept;

/// What one try of a delivery came to.
struct Verdict {
  enum class Kind { delivered, retry, refused };
  Kind kind = Kind::delivered;
  std::string reason;                               ///< for a person; empty when delivered
  std::optional<std::chrono::seconds> retry_after;  ///< what the receiver asked for
  bool unauthorized = false;                        ///< the token that let us act for the user was refused: another may do
  bool gone = false;                                ///< refused, and so will be all that is to come: the receiver is no more
  bool unreachable = false;                         ///< of a retry: nobody answered there
  std::vector<std::string> reached{};               ///< of several targets, those that took it in this try; for any kind
  std::vector<std::string> ended{};                 ///< of several targets, those that are no more
  static Verdict delivered() { return {}; }
  static Verdict retry(std::string why, std::optional<std::chrono::seconds> after = {}) { return {Kind::retry, std::move(why), after}; }
  static Verdict refused(std::string why) { return {Kind::refused, std::move(why), {}}; }
  /// A retry, as nobody answered.
  static Verdict nobody_there(std::string why) {
    auto verdict = retry(std::move(why));
    verdict.unreachable = true;
    return verdict;
  }
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

/// Why there is no way out over a channel, for anybody to read.
namespace missing {
inline constexpr std::string_view kChannel = "There is no such channel";
inline constexpr std::string_view kSwitchedOff = "The channel is switched off";
inline constexpr std::string_view kUser = "The user no longer exists";
inline constexpr std::string_view kUnwanted = "The user has switched the channel off";
inline constexpr std::string_view kAdminSetup = "The channel is not set up by an administrator";
inline constexpr std::string_view kUserSetup = "The user has not set the channel up";
inline constexpr std::string_view kReadable = "The settings of the channel cannot be read";
inline constexpr std::string_view kTooLate = "It is too late: it would be of no use any more";
inline constexpr std::string_view kErased = "What it said is no longer kept";
}  // namespace missing
/// A try's reason as the reader of the message is told it: what is `missing`, or the status that was answered. All else names servers, or is in their words,
/// and becomes a sentence that does not.
std::string reason_for_reader(std::string_view reason);

/// Whether messages may be collected so long: not at all, or long enough to be worth it. ErrorCode::bad_request.
inline constexpr std::int64_t kDigestMinutesMin = 5;
Result<void> judge_digest_minutes(std::int64_t minutes);

/// Whether a delivery may be sent again: only what is dead, and still known. ErrorCode::conflict, with what stands in the way for a person.
Result<void> judge_replay(const Delivery& delivery);

/// The sample that a test of a channel sends. A base URL that means the reader's own machine is replaced by an example, and the text says so.
Message test_message(std::string_view channel_name, std::string_view base_url);

}  // namespace watchbell::notification::rules
