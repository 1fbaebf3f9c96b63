#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bounded.hpp"
#include "domains/notification/types.hpp"
#include "runtime/rpc/codec.hpp"

/// What clients send and get.
namespace watchbell::notification {

struct PageInput {
  Integer<1, 100> limit = 20;
  Integer<0, 100'000> offset = 0;
  bool unread_only = false;
  std::optional<Text<1, 200>> collapse_key{};  ///< the rows of that key alone
  std::optional<Text<1, 200>> search{};        ///< those whose title or body holds it; 100 characters, blanks at its ends apart
};
BOOST_DESCRIBE_STRUCT(PageInput, (), (limit, offset, unread_only, collapse_key, search))

struct NotificationView {
  NotificationId id;
  UserId user_id;
  std::string title;
  std::string body;
  std::optional<Action> action;
  Importance importance = Importance::info;
  bool is_read = false;
  std::optional<std::string> group_id;
  std::optional<std::string> collapse_key;
  std::optional<std::vector<Subject>> subjects;
  Timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(NotificationView, (), (id, user_id, title, body, action, importance, is_read, group_id, collapse_key, subjects, created_at))

struct PageView {
  std::vector<NotificationView> notifications;
  std::int64_t total = 0;
  std::int64_t limit = 0;
  std::int64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(PageView, (), (notifications, total, limit, offset))

struct UnreadCount {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(UnreadCount, (), (count))

struct GetNotificationDeliveries {
  List<NotificationId, 1, 100> notification_ids;
};
BOOST_DESCRIBE_STRUCT(GetNotificationDeliveries, (), (notification_ids))

/// What became of a notification on one channel so far.
struct NotificationDelivery {
  NotificationId notification_id;
  std::string strategy_id;
  std::string display_name;
  DeliveryState state = DeliveryState::pending;
  std::int64_t attempts = 0;
  std::optional<std::string> reason;  ///< why the last try failed
  Timestamp updated_at;
};
BOOST_DESCRIBE_STRUCT(NotificationDelivery, (), (notification_id, strategy_id, display_name, state, attempts, reason, updated_at))

struct NotificationDeliveries {
  std::vector<NotificationDelivery> deliveries;  ///< by notification, then channel
};
BOOST_DESCRIBE_STRUCT(NotificationDeliveries, (), (deliveries))

struct MarkAsRead {
  std::optional<NotificationId> notification_id;
};
BOOST_DESCRIBE_STRUCT(MarkAsRead, (), (notification_id))

struct DeleteNotification {
  NotificationId notification_id;
};
BOOST_DESCRIBE_STRUCT(DeleteNotification, (), (notification_id))

struct GroupView {
  std::string id;
  std::string name;
  std::string description;
  std::string owner_plugin;
  Timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(GroupView, (), (id, name, description, owner_plugin, created_at))

struct SubscriptionView {
  std::string group_id;
  std::string group_name;
  std::string group_description;
  std::string owner_plugin;
  Timestamp subscribed_at;
};
BOOST_DESCRIBE_STRUCT(SubscriptionView, (), (group_id, group_name, group_description, owner_plugin, subscribed_at))

using GroupIdText = Text<1, 300>;

struct GroupRef {
  GroupIdText group_id;
};
BOOST_DESCRIBE_STRUCT(GroupRef, (), (group_id))

struct CreateGroup {
  Text<1, 200> group_id;  ///< without the owner's name
  Text<1, 300> name;
  Required<Text<0, 2000>> description;
  Text<1, 64> owner_plugin;
};
BOOST_DESCRIBE_STRUCT(CreateGroup, (), (group_id, name, description, owner_plugin))

struct CreatedGroup {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(CreatedGroup, (), (id))

struct DeleteGroup {
  GroupIdText group_id;
  Text<1, 64> owner_plugin;
};
BOOST_DESCRIBE_STRUCT(DeleteGroup, (), (group_id, owner_plugin))

struct Success {
  bool success = true;
};
BOOST_DESCRIBE_STRUCT(Success, (), (success))

struct GetGroupSubscribers {
  GroupIdText group_id;
  Integer<1, 10'000> limit = 1000;
  std::optional<UserId> after;  ///< the last one of the page before
};
BOOST_DESCRIBE_STRUCT(GetGroupSubscribers, (), (group_id, limit, after))

struct GroupSubscribers {
  std::vector<UserId> user_ids;  ///< by id; as many as asked for unless they are the last
};
BOOST_DESCRIBE_STRUCT(GroupSubscribers, (), (user_ids))

struct ActionInput {
  Text<1, 120> label;
  Text<1, 2048> url;
};
BOOST_DESCRIBE_STRUCT(ActionInput, (), (label, url))

struct SubjectInput {
  Text<1, 100> kind;
  Text<1, 200> id;
  Text<1, 200> name;
  std::optional<Text<1, 2048>> url;
  std::optional<SubjectStatus> status;
};
BOOST_DESCRIBE_STRUCT(SubjectInput, (), (kind, id, name, url, status))

using SubjectsInput = std::optional<List<SubjectInput, 0, 50>>;
using CollapseKeyInput = std::optional<Text<1, 200>>;

struct NotifyUsers {
  List<Text<1, 200>, 0, 100'000> user_ids;
  Text<1, 200> title;
  Required<Text<0, 10'000>> body;
  Importance importance = Importance::info;
  std::optional<ActionInput> action;
  SubjectsInput subjects{};
  CollapseKeyInput collapse_key{};
  std::optional<Text<1, 200>> idempotency_key;
};
BOOST_DESCRIBE_STRUCT(NotifyUsers, (), (user_ids, title, body, importance, action, subjects, collapse_key, idempotency_key))

struct NotifyGroups {
  List<GroupIdText, 0, 1000> group_ids;
  Text<1, 200> title;
  Required<Text<0, 10'000>> body;
  Importance importance = Importance::info;
  std::optional<ActionInput> action;
  SubjectsInput subjects{};
  CollapseKeyInput collapse_key{};
  std::optional<Text<1, 200>> idempotency_key;
};
BOOST_DESCRIBE_STRUCT(NotifyGroups, (), (group_ids, title, body, importance, action, subjects, collapse_key, idempotency_key))

struct Notified {
  std::int64_t notified_count = 0;
};
BOOST_DESCRIBE_STRUCT(Notified, (), (notified_count))

struct TransactionalMessage {
  Text<1, 200> title;
  Required<Text<0, 10'000>> body;
  Importance importance = Importance::info;
  std::optional<ActionInput> action;
  SubjectsInput subjects{};
};
BOOST_DESCRIBE_STRUCT(TransactionalMessage, (), (title, body, importance, action, subjects))

struct SendTransactional {
  Text<1, 200> user_id;
  Required<TransactionalMessage> notification;
  std::optional<Text<1, 200>> idempotency_key;
};
BOOST_DESCRIBE_STRUCT(SendTransactional, (), (user_id, notification, idempotency_key))

/// What became of a message on one channel.
struct ChannelResult {
  std::string strategy_id;
  bool success = false;
  std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(ChannelResult, (), (strategy_id, success, error))

struct TransactionalSent {
  std::int64_t delivered_count = 0;
  std::vector<ChannelResult> results;
};
BOOST_DESCRIBE_STRUCT(TransactionalSent, (), (delivered_count, results))

// How long inboxes keep what they hold.

/// The settings record `notification.retention`.
struct RetentionSettings {
  bool enabled = false;
  Integer<1, 365> retention_days = 30;
  static std::vector<rpc::Hint> hints() {
    return {{.member = "enabled", .label = "Delete old notifications", .help = "Whether notifications are deleted once they are old.", .extra = {}},
            {.member = "retention_days", .label = "Days", .help = "How many days a notification is kept, read or not.", .extra = {}}};
  }
};
BOOST_DESCRIBE_STRUCT(RetentionSettings, (), (enabled, retention_days))

struct SetRetentionSettings {
  Required<bool> enabled;
  Required<Integer<1, 365>> retention_days;
};
BOOST_DESCRIBE_STRUCT(SetRetentionSettings, (), (enabled, retention_days))

// Channels.

/// How a channel finds its user.
enum class ContactType { auth_email, auth_provider, user_config, oauth_link, custom };
BOOST_DESCRIBE_ENUM(ContactType, auth_email, auth_provider, user_config, oauth_link, custom)
constexpr bool wire_hyphens(ContactType) { return true; }

using SchemaJson = Json<256 * 1024, 32>;
using ConfigJson = Json<32 * 1024, 16>;

struct ContactResolution {
  ContactType type = ContactType::user_config;
  std::optional<std::string> field;
};
BOOST_DESCRIBE_STRUCT(ContactResolution, (), (type, field))

struct StrategyView {
  std::string qualified_id;
  std::string display_name;
  std::optional<std::string> description;
  std::optional<std::string> icon;
  std::string owner_plugin_id;
  ContactResolution contact_resolution;
  bool requires_user_config = false;
  bool requires_o_auth_link = false;
  SchemaJson config_schema;
  std::optional<SchemaJson> user_config_schema;
  bool enabled = false;
  std::optional<ConfigJson> config;                      ///< without its secrets
  std::optional<std::vector<std::string>> secrets_set;   ///< paths of the secrets that are stored
  std::optional<std::string> admin_instructions;
};
BOOST_DESCRIBE_STRUCT(StrategyView, (), (qualified_id, display_name, description, icon, owner_plugin_id, contact_resolution, requires_user_config,
                                         requires_o_auth_link, config_schema, user_config_schema, enabled, config, secrets_set, admin_instructions))

struct UpdateStrategy {
  Text<1, 200> strategy_id;
  Required<bool> enabled;
  Patch<ConfigJson> config;  ///< absent keeps, null clears; and so do its members
};
BOOST_DESCRIBE_STRUCT(UpdateStrategy, (), (strategy_id, enabled, config))

/// By the clock of the zone; over midnight when the end is the earlier one.
struct QuietHoursView {
  Text<5, 5> from;  ///< "22:00"
  Text<5, 5> to;
  Text<1, 64> time_zone;  ///< of the IANA database, "Europe/Berlin"
};
BOOST_DESCRIBE_STRUCT(QuietHoursView, (), (from, to, time_zone))

/// How long messages of a digest are collected; 0: each goes by itself.
using DigestMinutes = Integer<0, 1440>;

struct ChannelView {
  std::string strategy_id;
  std::string display_name;
  std::optional<std::string> description;
  std::optional<std::string> icon;
  ContactResolution contact_resolution;
  bool enabled = true;
  bool is_configured = false;
  std::optional<Timestamp> linked_at;  ///< of a channel whose users connect an account: since when
  std::optional<SchemaJson> user_config_schema;
  std::optional<ConfigJson> user_config;
  std::optional<std::vector<std::string>> secrets_set;
  std::optional<std::string> user_instructions;
  DigestMinutes digest_minutes = 0;
  std::optional<QuietHoursView> quiet_hours;
};
BOOST_DESCRIBE_STRUCT(ChannelView, (),
                      (strategy_id, display_name, description, icon, contact_resolution, enabled, is_configured, linked_at, user_config_schema, user_config, secrets_set,
                       user_instructions, digest_minutes, quiet_hours))

struct SetPreference {
  Text<1, 200> strategy_id;
  Required<bool> enabled;
  // Absent keeps, null clears.
  Patch<ConfigJson> user_config;             ///< and so do its members
  Patch<DigestMinutes> digest_minutes = {};  ///< 0, or 5 and more
  Patch<QuietHoursView> quiet_hours = {};
};
BOOST_DESCRIBE_STRUCT(SetPreference, (), (strategy_id, enabled, user_config, digest_minutes, quiet_hours))

struct GetOAuthUrl {
  Text<1, 200> strategy_id;
  std::optional<Text<1, 500>> return_url;  ///< a path of this site; the settings page when absent
};
BOOST_DESCRIBE_STRUCT(GetOAuthUrl, (), (strategy_id, return_url))

struct OAuthUrl {
  std::string auth_url;  ///< where the browser is to go; good once, for ten minutes, in the session that asked for it
};
BOOST_DESCRIBE_STRUCT(OAuthUrl, (), (auth_url))

struct PushKey {
  std::string public_key;  ///< base64url of an uncompressed point: what a browser calls applicationServerKey
};
BOOST_DESCRIBE_STRUCT(PushKey, (), (public_key))

struct PushKeysInput {
  Text<1, 200> p256dh;
  Text<1, 100> auth;
};
BOOST_DESCRIBE_STRUCT(PushKeysInput, (), (p256dh, auth))

/// A browser's PushSubscription as its toJSON() has it.
struct AddPushSubscription {
  Url endpoint;
  PushKeysInput keys;
  std::optional<Url> replaces{};  ///< the endpoint before, when the browser renewed its subscription by itself
};
BOOST_DESCRIBE_STRUCT(AddPushSubscription, (), (endpoint, keys, replaces))

struct RemovePushSubscription {
  Url endpoint;
};
BOOST_DESCRIBE_STRUCT(RemovePushSubscription, (), (endpoint))

// What became of deliveries, for administrators.

struct GetDeliveryAttempts {
  Integer<1, 100> limit = 20;
  Integer<0, 100'000> offset = 0;
  std::optional<NotificationId> notification_id;
  std::optional<DeliveryId> delivery_id;  ///< given both, the delivery alone counts
};
BOOST_DESCRIBE_STRUCT(GetDeliveryAttempts, (), (limit, offset, notification_id, delivery_id))

struct AttemptView {
  AttemptId id;
  DeliveryId delivery_id;
  NotificationId notification_id;
  std::string strategy_qualified_id;
  Timestamp attempted_at;
  AttemptStatus status = AttemptStatus::success;
  std::optional<std::string> error_message;
  std::int64_t duration_ms = 0;
};
BOOST_DESCRIBE_STRUCT(AttemptView, (), (id, delivery_id, notification_id, strategy_qualified_id, attempted_at, status, error_message, duration_ms))

struct AttemptPage {
  std::vector<AttemptView> items;
  std::int64_t total = 0;
  std::int64_t limit = 0;
  std::int64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(AttemptPage, (), (items, total, limit, offset))

struct GetDeadLetters {
  Integer<1, 100> limit = 20;
  Integer<0, 100'000> offset = 0;
};
BOOST_DESCRIBE_STRUCT(GetDeadLetters, (), (limit, offset))

struct DeadLetterView {
  DeliveryId delivery_id;
  NotificationId notification_id;
  UserId user_id;
  std::optional<std::string> user_name;  ///< absent when he is gone
  std::string strategy_qualified_id;
  std::int64_t attempts = 0;
  std::optional<std::string> reason;
  Timestamp created_at;
  Timestamp died_at;
};
BOOST_DESCRIBE_STRUCT(DeadLetterView, (), (delivery_id, notification_id, user_id, user_name, strategy_qualified_id, attempts, reason, created_at, died_at))

struct DeadLetterPage {
  std::vector<DeadLetterView> items;
  std::int64_t total = 0;
  std::int64_t limit = 0;
  std::int64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(DeadLetterPage, (), (items, total, limit, offset))

struct ReplayDelivery {
  DeliveryId delivery_id;
};
BOOST_DESCRIBE_STRUCT(ReplayDelivery, (), (delivery_id))

struct StrategyRef {
  Text<1, 200> strategy_id;
};
BOOST_DESCRIBE_STRUCT(StrategyRef, (), (strategy_id))

struct TestResult {
  bool success = false;
  std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(TestResult, (), (success, error))

}  // namespace watchbell::notification
