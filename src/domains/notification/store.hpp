#pragma once

#include <chrono>
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
/// @param collapse_key  those of that key alone
/// @param search  those alone whose title or body holds it, without regard to case of ASCII letters; reads rows of the user until the page is full
std::vector<Notification> page(sql::Session& session, const UserId& user, bool unread_only, std::int64_t limit, std::int64_t offset,
                               const std::optional<std::string>& collapse_key = {}, const std::optional<std::string>& search = {});
/// A search reads all rows of the user, or of the key.
std::int64_t count(sql::Session& session, const UserId& user, bool unread_only, const std::optional<std::string>& collapse_key = {},
                   const std::optional<std::string>& search = {});
std::int64_t unread_count(sql::Session& session, const UserId& user);
/// Of the users given, those who have unread ones, and how many.
std::vector<std::pair<UserId, std::int64_t>> unread_counts(sql::Session& session, const std::vector<UserId>& users);
/// Marks one unread row of the user, or all of them; how many there were.
std::int64_t mark_read(sql::Session& session, const UserId& user, const std::optional<NotificationId>& one);
bool remove(sql::Session& session, const UserId& user, const NotificationId& id);
/// What remove_old() removed.
struct RemovedRows {
  std::int64_t rows = 0;
  std::vector<UserId> owners;   ///< distinct, by id
  std::vector<UserId> readers;  ///< those of them who had not read all of it
};
/// Removes up to `limit` rows of any inbox that are older than `before`, the oldest first. Two statements.
RemovedRows remove_old(sql::Session& session, Timestamp before, std::int64_t limit);

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
/// The next `limit` followers of a group after `after`, by id.
std::vector<UserId> followers_page(sql::Session& session, std::string_view group_id, const std::optional<UserId>& after, std::int64_t limit);
/// Who goes by this name, if anybody does.
std::optional<std::string> owner(sql::Session& session, std::string_view owner_plugin);
void claim_owner(sql::Session& session, std::string_view owner_plugin, std::string_view sender, Timestamp now);

// Sends.

/// What an earlier send with this key came to.
struct Earlier {
  DispatchId id;
  std::string body_hash;
  std::int64_t notified_count = 0;
};
/// How long an idempotency key is remembered.
inline constexpr std::chrono::hours kKeyLifetime{24};
std::optional<Earlier> find_key(sql::Session& session, std::string_view sender, std::string_view key);
/// Frees the key when its send is older than `before`.
void release_key(sql::Session& session, std::string_view sender, std::string_view key, Timestamp before);
void insert_dispatch(sql::Session& session, const Dispatch& dispatch, const std::vector<std::string>& group_ids);
std::optional<Dispatch> find_dispatch(sql::Session& session, const DispatchId& id);
std::vector<std::string> group_ids(sql::Session& session, const DispatchId& id);
void finish_dispatch(sql::Session& session, const DispatchId& id, std::int64_t notified_count);

/// A send that has no inbox row, and what it says only under seal.
struct TransactionalDispatch {
  DispatchId id;
  std::string sender;
  std::optional<std::string> idempotency_key;
  std::string body_hash;
  Importance importance = Importance::info;
  std::optional<std::string> sealed;
  std::optional<Timestamp> expires_at;
  Timestamp created_at;
};
void insert_transactional(sql::Session& session, const TransactionalDispatch& dispatch);
/// Forgets what a send said whose deliveries have all ended.
void erase_sealed(sql::Session& session, const DispatchId& dispatch);
/// By id.
std::vector<std::pair<DispatchId, std::string>> sealed_dispatches(sql::Session& session);
void put_sealed(sql::Session& session, const DispatchId& dispatch, std::string_view sealed);
/// The first try of a delivery; no status before it.
struct FirstTry {
  std::string strategy_id;
  DeliveryState state = DeliveryState::pending;
  std::optional<std::string> reason;  ///< of the delivery
  std::optional<AttemptStatus> status;
  std::optional<std::string> error_message;
};
/// Those of a send, by channel.
std::vector<FirstTry> first_tries(sql::Session& session, const DispatchId& dispatch);

/// One recipient's row.
struct InboxRow {
  NotificationId id;
  UserId user_id;
};
/// Of the users given, the rows that a send made for them at that instant.
std::vector<InboxRow> rows_of(sql::Session& session, const DispatchId& dispatch, Timestamp at, const std::vector<UserId>& users);
/// A statement for every 5,000 rows.
void insert_notifications(sql::Session& session, const Dispatch& dispatch, const std::optional<std::string>& group_id, std::span<const InboxRow> rows);

// Ways out.

struct Preference {
  bool enabled = true;
  bool is_configured = false;
  std::int64_t digest_minutes = 0;  ///< 0: each message by itself
  std::optional<QuietHours> quiet_hours{};
};
std::optional<Preference> preference(sql::Session& session, const UserId& user, std::string_view strategy_id);
void put_preference(sql::Session& session, const UserId& user, std::string_view strategy_id, const Preference& preference, Timestamp now);
/// Those of the users who want the channel and have set it up, by id. One statement.
std::vector<UserId> reachable(sql::Session& session, std::string_view strategy_id, const std::vector<UserId>& users);
/// Of these users those who have not switched the channel off; in order.
std::vector<UserId> not_refusing(sql::Session& session, std::string_view strategy_id, const std::vector<UserId>& users);

/// Who ever said something of the channel, by id; those with settings of it are among them.
std::vector<UserId> with_preference(sql::Session& session, std::string_view strategy_id);

/// A user on his way to a provider and back.
struct Trip {
  std::string state_hash;
  std::string return_path;
  Timestamp expires_at;
};
/// In place of the one he was on for that channel; those that are over go.
void begin_trip(sql::Session& session, const UserId& user, std::string_view strategy_id, const Trip& trip, Timestamp now);
/// Takes it away; nothing, and nothing taken away, when he is on no such trip.
std::optional<Trip> end_trip(sql::Session& session, const UserId& user, std::string_view strategy_id, std::string_view state_hash);
/// Whether nobody else is renewing this link's tokens, and until then nobody will.
bool begin_refresh(sql::Session& session, const UserId& user, std::string_view strategy_id, Timestamp until, Timestamp now);
/// Ends what was begun until then.
void end_refresh(sql::Session& session, const UserId& user, std::string_view strategy_id, Timestamp until);

struct NewDelivery {
  DeliveryId id;
  NotificationId notification_id;
  UserId user_id;
};
/// A statement for every 5,000 rows.
void insert_deliveries(sql::Session& session, const DispatchId& dispatch, std::string_view strategy_id, std::span<const NewDelivery> rows, Timestamp now);
/// Those of the ids that there are, in no order.
std::vector<Delivery> find_deliveries(sql::Session& session, std::span<const DeliveryId> ids);
std::optional<Delivery> find_delivery(sql::Session& session, const DeliveryId& id);
/// Ends a delivery that there is no way for, without a try.
void refuse_delivery(sql::Session& session, const DeliveryId& id, std::string_view reason, Timestamp now);
/// When a pending delivery is tried next.
void postpone(sql::Session& session, const DeliveryId& id, Timestamp next_at);

// Digests: deliveries over one channel to one user that go out as one message.

/// The digest that still collects for this user and channel.
std::optional<DeliveryId> open_digest(sql::Session& session, const UserId& user, std::string_view strategy_id);
/// The delivery begins a digest, which is to go out at `until`. REQUIRES that none is open for its user and channel.
void begin_digest(sql::Session& session, const DeliveryId& id, Timestamp until);
void join_digest(sql::Session& session, const DeliveryId& id, const DeliveryId& digest);
/// Nobody joins it any more.
void close_digest(sql::Session& session, const DeliveryId& digest);
/// By when they were told, then id.
std::vector<Delivery> digest(sql::Session& session, const DeliveryId& digest);
/// Whether a try of it was ever recorded, be it before it was begun anew.
bool was_tried(sql::Session& session, const DeliveryId& id);

/// Which of several targets have taken those deliveries; deliveries without any are left out.
std::map<DeliveryId, std::vector<std::string>> reached_targets(sql::Session& session, std::span<const DeliveryId> ids);
void add_reached_targets(sql::Session& session, const DeliveryId& id, const std::vector<std::string>& targets);

struct Attempt {
  Timestamp at;
  AttemptStatus status = AttemptStatus::success;
  std::optional<std::string> error_message;
  std::int64_t duration_ms = 0;
};
void insert_attempt(sql::Session& session, const Delivery& delivery, const Attempt& attempt);
/// With all that go out with it.
void settle_delivery(sql::Session& session, const Delivery& delivery, DeliveryState state, int attempts, std::optional<Timestamp> next_at,
                     const std::optional<std::string>& reason, Timestamp now);

/// The deliveries of those of the notifications that are in the user's inbox; by notification, then channel. One statement.
std::vector<Passage> passages(sql::Session& session, const UserId& user, const std::vector<NotificationId>& notifications);

/// Of one delivery, or of one notification's, or of all; newest first, equal instants by id, descending.
std::vector<RecordedAttempt> attempts(sql::Session& session, const std::optional<DeliveryId>& delivery, const std::optional<NotificationId>& notification,
                                      std::int64_t limit, std::int64_t offset);
std::int64_t count_attempts(sql::Session& session, const std::optional<DeliveryId>& delivery, const std::optional<NotificationId>& notification);
/// Those that died last first; equal instants by id, descending.
std::vector<DeadLetter> dead_letters(sql::Session& session, std::int64_t limit, std::int64_t offset);
std::int64_t count_dead_letters(sql::Session& session);
/// Makes a dead delivery, and all that go out with it, as it was before its first try; the one whose job sends them. Nothing when it is not dead, said
/// what is no longer kept, or there is none.
std::optional<DeliveryId> revive_delivery(sql::Session& session, const DeliveryId& id, Timestamp now);

/// Removes up to `limit` attempts, ended deliveries and finished sends each that are older than `before`; how many rows in all. Pending deliveries
/// keep what they need.
std::int64_t purge(sql::Session& session, Timestamp before, std::int64_t limit);

// Users who are gone.

/// Removes what a user has: at most `limit` notifications and as many deliveries, and with the last of them what he follows and prefers. Whether nothing
/// is left.
bool forget_user(sql::Session& session, const UserId& user, std::int64_t limit);

}  // namespace watchbell::notification::store
