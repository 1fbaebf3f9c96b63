#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/describe.hpp>

#include "base/id.hpp"
#include "base/timestamp.hpp"

namespace watchbell::notification {

using NotificationId = Id<struct NotificationTag>;
using DispatchId = Id<struct DispatchTag>;
using DeliveryId = Id<struct DeliveryTag>;

enum class Importance { info, warning, critical };
BOOST_DESCRIBE_ENUM(Importance, info, warning, critical)

/// A button under a message. `url` is a path of this site or absolute http(s).
struct Action {
  std::string label;
  std::string url;
  bool operator==(const Action&) const = default;
};
BOOST_DESCRIBE_STRUCT(Action, (), (label, url))

/// What is said.
struct Message {
  std::string title;
  std::string body;  ///< markdown
  Importance importance = Importance::info;
  std::optional<Action> action;
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
  Timestamp created_at;
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
  NotificationId notification_id;
  UserId user_id;
  std::string strategy_id;
  DeliveryState state = DeliveryState::pending;
  int attempts = 0;
  Message message;
  Timestamp created_at;
};

enum class AttemptStatus { success, failure };
BOOST_DESCRIBE_ENUM(AttemptStatus, success, failure)

}  // namespace watchbell::notification
