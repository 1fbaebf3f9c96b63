#include "domains/notification/contract.hpp"

#include "domains/notification/channels/web_push.hpp"
#include "domains/notification/rules.hpp"

namespace watchbell::notification {

namespace {

/// Writes down, in the change that does it, that the caller did `action` to `target`.
std::function<void(Change&)> note(const Audit& audit, const rpc::Caller& caller, std::string action, std::string target) {
  auth::AuditEntry row{
      .actor = "user:" + caller.user_id().to_string(), .action = std::move(action), .target = std::move(target), .address = std::string(caller.address)};
  return [audit, row = std::move(row)](Change& change) { audit(change, row); };
}

SchemaJson retention_schema() {
  return SchemaJson{.text = rpc::to_json_schema(settings::type_of<RetentionSettings>().schema())};
}

}  // namespace

rpc::Area contract(Service& service, ChannelSettings& channels, PushSubscriptions& pushes, OAuthLinks& links, Deliveries& deliveries, Transactional& transactional,
                   Retention& retention, DeadLetters& dead_letters, std::size_t notify_body_limit, Audit audit) {
  using rpc::Caller;
  const std::string manage = "notification.notification.manage";
  const std::string send = "notification.notification.send";
  const auto user = [] { return access::user(); };
  const auto admin = [&] { return access::user().needs(manage); };
  const auto sender = [&] { return access::service().or_holding(send); };
  const rpc::ProcedureOptions many{.body_limit = notify_body_limit};

  rpc::Area area("notification");
  area.rule({.id = manage, .description = "Set up how notifications are delivered"})
      .rule({.id = send, .description = "Send notifications from outside"})
      // The inbox
      .query("getNotifications", user(), [&service](const Caller& c, PageInput in) { return service.notifications(c.user_id(), in); })
      .query("getNotificationDeliveries", user(),
             [&service](const Caller& c, GetNotificationDeliveries in) { return service.deliveries(c.user_id(), std::move(in)); })
      .query("getUnreadCount", user(), [&service](const Caller& c) { return service.unread_count(c.user_id()); })
      .mutation("markAsRead", user(), [&service](const Caller& c, MarkAsRead in) { return service.mark_as_read(c.user_id(), in.notification_id); })
      .mutation("deleteNotification", user(), [&service](const Caller& c, DeleteNotification in) { return service.remove(c.user_id(), in.notification_id); })
      // Groups
      .query("getGroups", access::authenticated().shows(std::string(rules::kShownObjects)), [&service](const Caller& c) { return service.groups(c.sees); })
      .query("getSubscriptions", user().shows(std::string(rules::kShownObjects)), [&service](const Caller& c) { return service.subscriptions(c.user_id(), c.sees); })
      .mutation("subscribe", user().shows(std::string(rules::kShownObjects)),
                [&service](const Caller& c, GroupRef in) { return service.subscribe(c.user_id(), std::move(in.group_id).str(), c.sees); })
      .mutation("unsubscribe", user(), [&service](const Caller& c, GroupRef in) { return service.unsubscribe(c.user_id(), std::move(in.group_id).str()); })
      .mutation("createGroup", sender(), [&service](const Caller& c, CreateGroup in) { return service.create_group(c.principal, std::move(in)); })
      .mutation("deleteGroup", sender(), [&service](const Caller& c, DeleteGroup in) { return service.delete_group(c.principal, std::move(in)); })
      .query("getGroupSubscribers", access::service(), [&service](const Caller&, GetGroupSubscribers in) { return service.group_subscribers(std::move(in)); })
      // Sending
      .mutation(
          "notifyUsers", sender(), [&service](const Caller& c, NotifyUsers in) { return service.notify_users(c.principal, std::move(in)); }, many)
      .mutation("notifyGroups", sender(), [&service](const Caller& c, NotifyGroups in) { return service.notify_groups(c.principal, std::move(in)); })
      .mutation("sendTransactional", sender(),
                [&transactional](const Caller& c, SendTransactional in) { return transactional.send(c.principal, std::move(in)); })
      // Retention
      .query("getRetentionSchema", admin(), [](const Caller&) { return retention_schema(); })
      .query("getRetentionSettings", admin(), [&retention](const Caller&) { return retention.current(); })
      .mutation("setRetentionSettings", admin(),
                [&retention, audit](const Caller& c, SetRetentionSettings in) {
                  return retention.set(in, note(audit, c, "retention.update", "settings:" + std::string(Retention::kRecord)));
                })
      // What became of deliveries
      .query("getDeliveryAttempts", admin(), [&dead_letters](const Caller&, GetDeliveryAttempts in) { return dead_letters.attempts(in); })
      .query("getDeadLetters", admin(), [&dead_letters](const Caller&, GetDeadLetters in) { return dead_letters.list(in); })
      .mutation("replayDelivery", admin(),
                [&dead_letters, audit](const Caller& c, ReplayDelivery in) {
                  return dead_letters.replay(in.delivery_id, note(audit, c, "delivery.replay", "delivery:" + in.delivery_id.to_string()));
                })
      // Channels
      .query("getDeliveryStrategies", admin(), [&channels](const Caller&) { return channels.strategies(); })
      .mutation("updateDeliveryStrategy", admin(),
                [&channels, audit](const Caller& c, UpdateStrategy in) {
                  auto noted = note(audit, c, "delivery_strategy.update", "delivery_strategy:" + in.strategy_id.str());
                  return channels.update_strategy(std::move(in), std::move(noted));
                })
      .query("getUserDeliveryChannels", user(), [&channels](const Caller& c) { return channels.user_channels(c.user_id()); })
      .mutation("setUserDeliveryPreference", user(),
                [&channels](const Caller& c, SetPreference in) { return channels.set_preference(c.user_id(), std::move(in)); })
      // It makes the keys when there are none yet, so it is no query.
      .mutation(
          "getPushKey", user(),
          [&pushes, audit](const Caller& c) { return pushes.key(note(audit, c, "push_keys.create", "delivery_strategy:" + std::string(channels::kWebPush))); })
      .mutation("addPushSubscription", user(), [&pushes](const Caller& c, AddPushSubscription in) { return pushes.add(c.user_id(), std::move(in)); })
      .mutation("removePushSubscription", user(), [&pushes](const Caller& c, RemovePushSubscription in) { return pushes.remove(c.user_id(), std::move(in)); })
      // Each asks the provider's page a new question, so it is no query.
      .mutation("getDeliveryOAuthUrl", user(), [&links](const Caller& c, GetOAuthUrl in) { return links.start(c.principal, std::move(in)); })
      .mutation("unlinkDeliveryChannel", user(),
                [&channels](const Caller& c, StrategyRef in) { return channels.unlink(c.user_id(), std::move(in.strategy_id).str()); })
      .mutation("sendTestNotification", user(), [&deliveries, manage](const Caller& c, StrategyRef in) {
        return deliveries.test(c.user_id(), std::move(in.strategy_id).str(), c.holds(manage));
      });
  return area;
}

}  // namespace watchbell::notification
