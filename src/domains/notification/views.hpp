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
};
BOOST_DESCRIBE_STRUCT(PageInput, (), (limit, offset, unread_only))

struct NotificationView {
  NotificationId id;
  UserId user_id;
  std::string title;
  std::string body;
  std::optional<Action> action;
  Importance importance = Importance::info;
  bool is_read = false;
  std::optional<std::string> group_id;
  Timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(NotificationView, (), (id, user_id, title, body, action, importance, is_read, group_id, created_at))

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

struct ActionInput {
  Text<1, 120> label;
  Text<1, 2048> url;
};
BOOST_DESCRIBE_STRUCT(ActionInput, (), (label, url))

struct NotifyUsers {
  List<Text<1, 200>, 0, 100'000> user_ids;
  Text<1, 200> title;
  Required<Text<0, 10'000>> body;
  Importance importance = Importance::info;
  std::optional<ActionInput> action;
  std::optional<Text<1, 200>> idempotency_key;
};
BOOST_DESCRIBE_STRUCT(NotifyUsers, (), (user_ids, title, body, importance, action, idempotency_key))

struct NotifyGroups {
  List<GroupIdText, 0, 1000> group_ids;
  Text<1, 200> title;
  Required<Text<0, 10'000>> body;
  Importance importance = Importance::info;
  std::optional<ActionInput> action;
  std::optional<Text<1, 200>> idempotency_key;
};
BOOST_DESCRIBE_STRUCT(NotifyGroups, (), (group_ids, title, body, importance, action, idempotency_key))

struct Notified {
  std::int64_t notified_count = 0;
};
BOOST_DESCRIBE_STRUCT(Notified, (), (notified_count))

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

struct ChannelView {
  std::string strategy_id;
  std::string display_name;
  std::optional<std::string> description;
  std::optional<std::string> icon;
  ContactResolution contact_resolution;
  bool enabled = true;
  bool is_configured = false;
  std::optional<SchemaJson> user_config_schema;
  std::optional<ConfigJson> user_config;
  std::optional<std::vector<std::string>> secrets_set;
  std::optional<std::string> user_instructions;
};
BOOST_DESCRIBE_STRUCT(ChannelView, (), (strategy_id, display_name, description, icon, contact_resolution, enabled, is_configured, user_config_schema,
                                        user_config, secrets_set, user_instructions))

struct SetPreference {
  Text<1, 200> strategy_id;
  Required<bool> enabled;
  Patch<ConfigJson> user_config;  ///< absent keeps, null clears; and so do its members
};
BOOST_DESCRIBE_STRUCT(SetPreference, (), (strategy_id, enabled, user_config))

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
