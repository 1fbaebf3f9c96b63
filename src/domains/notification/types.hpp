#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/id.hpp"
#include "base/timestamp.hpp"

namespace watchbell::notification {

using NotificationId = Id<struct NotificationTag>;
using DispatchId = Id<struct DispatchTag>;
using DeliveryId = Id<struct DeliveryTag>;

enum class Importance { info, warning, critical };
BOOST_DESCRIBE_ENUM(Importance, info, warning, critical)

/// What a message is to its receiver: told by the inbox too, or sent to him alone, whatever he has switched off.
enum class MessageType { notification, transactional };
BOOST_DESCRIBE_ENUM(MessageType, notification, transactional)

/// A button under a message. `url` is a path of this site or absolute http(s).
struct Action {
  std::string label;
  std::string url;
  bool operator==(const Action&) const = default;
};
BOOST_DESCRIBE_STRUCT(Action, (), (label, url))

enum class SubjectStatus { healthy, unhealthy, degraded, unknown };
BOOST_DESCRIBE_ENUM(SubjectStatus, healthy, unhealthy, degraded, unknown)

/// One of the things a message is about. What kinds there are is their owners' business.
struct Subject {
  std::string kind;  ///< `<area>.<kind>`, for example "catalog.system"
  std::string id;
  std::string name;
  std::optional<std::string> url;  ///< a path of this site or absolute http(s)
  std::optional<SubjectStatus> status;
  bool operator==(const Subject&) const = default;
};
BOOST_DESCRIBE_STRUCT(Subject, (), (kind, id, name, url, status))

/// What is said.
struct Message {
  std::string title;
  std::string body;  ///< markdown
  Importance importance = Importance::info;
  std::optional<Action> action;
  std::vector<Subject> subjects{};
  std::optional<std::string> collapse_key{};  ///< messages to one user with the same key belong together; `<area>.<kind>.<id>` by convention
  bool operator==(const Message&) const = default;
};

/// A topic people follow, as its owner declares it.
struct GroupDefinition {
  std::string id;  ///< `<owner>.<name>`, for example "catalog.system.<uuid>"
  std::string name;
  std::string description;
  std::string owner;  ///< the area, or the name an outside sender goes by
};

struct Group {
  std::string id;
  std::string name;
  std::string description;
  std::string owner_plugin;
  Timestamp created_at;
};

/// A user follows a group.
struct Subscription {
  std::string group_id;
  std::string group_name;
  std::string group_description;
  std::string owner_plugin;
  Timestamp subscribed_at;
};

/// A row of somebody's inbox.
struct Notification {
  NotificationId id;
  UserId user_id;
  std::string title;
  std::string body;
  std::optional<std::string> action_label;
  std::optional<std::string> action_url;
  Importance importance = Importance::info;
  bool is_read = false;
  std::optional<std::string> group_id;
  std::optional<std::string> collapse_key;
  std::vector<Subject> subjects;
  Timestamp created_at;
};

/// Hours of every day, by the clock of a zone; over midnight when the end is the earlier one.
struct QuietHours {
  std::int64_t from = 0;  ///< minutes after midnight
  std::int64_t to = 0;
  std::string zone;  ///< of the IANA database, "Europe/Berlin"
  bool operator==(const QuietHours&) const = default;
};

enum class DispatchState { pending, done };
BOOST_DESCRIBE_ENUM(DispatchState, pending, done)

/// One send, to users or to the followers of groups.
struct Dispatch {
  DispatchId id;
  std::string sender;  ///< "application:<id>", "user:<id>" or "service:<area>"
  std::optional<std::string> idempotency_key;
  std::string body_hash;
  Message message;
  DispatchState state = DispatchState::pending;
  std::int64_t notified_count = 0;
  Timestamp created_at;
};

/// Where a delivery stands. All but pending are final.
enum class DeliveryState {
  pending,
  delivered,
  refused,  ///< trying again cannot help, or the user has no way out any more
  dead,     ///< every try failed
};
BOOST_DESCRIBE_ENUM(DeliveryState, pending, delivered, refused, dead)

/// One notification's way out over one channel, with what it says.
struct Delivery {
  DeliveryId id;
  DispatchId dispatch_id;
  NotificationId notification_id;
  UserId user_id;
  std::string strategy_id;
  DeliveryState state = DeliveryState::pending;
  int attempts = 0;
  Message message;
  Timestamp created_at;
  std::optional<std::string> thread;  ///< the group it was sent to, when it was one
  std::optional<Timestamp> next_at{};     ///< of pending: when it is tried, as far as that is known
  std::optional<DeliveryId> digest_id{};  ///< of those that go out as one message, the first
  bool collecting = false;                ///< that first one, while others may still join
  bool transactional = false;             ///< its message is sealed, and it heeds no switch
  std::optional<std::string> sealed{};    ///< of a transactional one, until it has ended
  std::optional<Timestamp> expires_at{};  ///< from when on it is of no use
  /// Whether it goes out with another one.
  bool joined() const { return digest_id && *digest_id != id; }
};

/// What became of a notification on one channel so far, as its reader is told.
struct Passage {
  NotificationId notification_id;
  std::string strategy_id;
  DeliveryState state = DeliveryState::pending;
  std::int64_t attempts = 0;
  std::optional<std::string> reason;  ///< why the last try failed, as administrators read it
  Timestamp updated_at;
};

/// A delivery that is dead. What it said stays with its user.
struct DeadLetter {
  DeliveryId id;
  NotificationId notification_id;
  UserId user_id;
  std::string strategy_id;
  std::int64_t attempts = 0;
  std::optional<std::string> reason;  ///< why the last try failed, for a person
  Timestamp created_at;
  Timestamp died_at;
};

enum class AttemptStatus { success, failure };
BOOST_DESCRIBE_ENUM(AttemptStatus, success, failure)

using AttemptId = Id<struct AttemptTag>;

/// One try of a delivery, as it was recorded.
struct RecordedAttempt {
  AttemptId id;
  DeliveryId delivery_id;
  NotificationId notification_id;
  std::string strategy_id;
  Timestamp attempted_at;
  AttemptStatus status = AttemptStatus::success;
  std::optional<std::string> error_message;
  std::int64_t duration_ms = 0;
};

}  // namespace watchbell::notification
