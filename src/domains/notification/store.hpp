#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domains/notification/types.hpp"
#include "platform/sql/session.hpp"

/// The rows of notification, as plain functions over a session. What concerns many users takes a bounded number of statements, never one a user.
namespace watchbell::notification::store {

// The inbox.

/// Newest first; equal instants by id, descending.
std::vector<Notification> page(sql::Session& session, const UserId& user, bool unread_only, std::int64_t limit, std::int64_t offset);
std::int64_t count(sql::Session& session, const UserId& user, bool unread_only);
std::int64_t unread_count(sql::Session& session, const UserId& user);
/// Of the users given, those who have unread ones, and how many.
std::vector<std::pair<UserId, std::int64_t>> unread_counts(sql::Session& session, const std::vector<UserId>& users);
/// Marks one unread row of the user, or all of them; how many there were.
std::int64_t mark_read(sql::Session& session, const UserId& user, const std::optional<NotificationId>& one);
bool remove(sql::Session& session, const UserId& user, const NotificationId& id);

// Groups and who follows them.

enum class Put { made, changed, same };
/// Makes the group, or gives it this name and description; its owner stays.
Put put_group(sql::Session& session, const GroupDefinition& group, Timestamp now);
/// Removes the group, of that owner when one is named, and its subscriptions.
bool remove_group(sql::Session& session, std::string_view id, const std::optional<std::string>& owner);
bool group_exists(sql::Session& session, std::string_view id);
/// By creation, then id.
std::vector<Group> groups(sql::Session& session);
/// By when they began, then id.
std::vector<Subscription> subscriptions(sql::Session& session, const UserId& user);
/// False when the user follows the group already, or there is no such group.
bool subscribe(sql::Session& session, const UserId& user, std::string_view group_id, Timestamp now);
bool unsubscribe(sql::Session& session, const UserId& user, std::string_view group_id);
/// Distinct followers of any of the groups, by id; unknown groups have none.
std::vector<UserId> followers(sql::Session& session, const std::vector<std::string>& group_ids);
/// Who goes by this name, if anybody does.
std::optional<std::string> owner(sql::Session& session, std::string_view owner_plugin);
void claim_owner(sql::Session& session, std::string_view owner_plugin, std::string_view sender, Timestamp now);

// Sends.

/// What an earlier send with this key came to.
struct Earlier {
  std::string body_hash;
  std::int64_t notified_count = 0;
};
std::optional<Earlier> find_key(sql::Session& session, std::string_view sender, std::string_view key);
/// Frees the key when its send is older than `before`.
void release_key(sql::Session& session, std::string_view sender, std::string_view key, Timestamp before);
void insert_dispatch(sql::Session& session, const Dispatch& dispatch, const std::vector<std::string>& group_ids);
std::optional<Dispatch> find_dispatch(sql::Session& session, const DispatchId& id);
std::vector<std::string> group_ids(sql::Session& session, const DispatchId& id);
void finish_dispatch(sql::Session& session, const DispatchId& id, std::int64_t notified_count);

/// One recipient's row.
struct InboxRow {
  NotificationId id;
  UserId user_id;
};
/// A statement for every 5,000 rows.
void insert_notifications(sql::Session& session, const Dispatch& dispatch, const std::optional<std::string>& group_id, std::span<const InboxRow> rows);

// Ways out.

struct Preference {
  bool enabled = true;
  bool is_configured = false;
};
std::optional<Preference> preference(sql::Session& session, const UserId& user, std::string_view strategy_id);
void put_preference(sql::Session& session, const UserId& user, std::string_view strategy_id, const Preference& preference, Timestamp now);
/// Those of the users who want the channel and have set it up, by id. One statement.
std::vector<UserId> reachable(sql::Session& session, std::string_view strategy_id, const std::vector<UserId>& users);

struct NewDelivery {
  DeliveryId id;
  NotificationId notification_id;
  UserId user_id;
};
/// A statement for every 5,000 rows.
void insert_deliveries(sql::Session& session, const DispatchId& dispatch, std::string_view strategy_id, std::span<const NewDelivery> rows, Timestamp now);
std::optional<Delivery> find_delivery(sql::Session& session, const DeliveryId& id);

struct Attempt {
  Timestamp at;
  AttemptStatus status = AttemptStatus::success;
  std::optional<std::string> error_message;
  std::int64_t duration_ms = 0;
};
void insert_attempt(sql::Session& session, const Delivery& delivery, const Attempt& attempt);
void settle_delivery(sql::Session& session, const DeliveryId& id, DeliveryState state, int attempts, std::optional<Timestamp> next_at,
                     const std::optional<std::string>& reason, Timestamp now);

/// Removes up to `limit` attempts, ended deliveries and finished sends each that are older than `before`; how many rows in all. Pending deliveries
/// keep what they need.
std::int64_t purge(sql::Session& session, Timestamp before, std::int64_t limit);

}  // namespace watchbell::notification::store
