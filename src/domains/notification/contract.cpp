#include "domains/notification/contract.hpp"

namespace watchbell::notification {

rpc::Area contract(Service& service, ChannelSettings& channels, Deliveries& deliveries, std::size_t notify_body_limit) {
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
      .query("getUnreadCount", user(), [&service](const Caller& c) { return service.unread_count(c.user_id()); })
      .mutation("markAsRead", user(), [&service](const Caller& c, MarkAsRead in) { return service.mark_as_read(c.user_id(), in.notification_id); })
      .mutation("deleteNotification", user(), [&service](const Caller& c, DeleteNotification in) { return service.remove(c.user_id(), in.notification_id); })
      // Groups
      .query("getGroups", access::authenticated(), [&service](const Caller&) { return service.groups(); })
      .query("getSubscriptions", user(), [&service](const Caller& c) { return service.subscriptions(c.user_id()); })
      .mutation("subscribe", user(), [&service](const Caller& c, GroupRef in) { return service.subscribe(c.user_id(), std::move(in.group_id).str()); })
      .mutation("unsubscribe", user(), [&service](const Caller& c, GroupRef in) { return service.unsubscribe(c.user_id(), std::move(in.group_id).str()); })
      .mutation("createGroup", sender(), [&service](const Caller& c, CreateGroup in) { return service.create_group(c.principal, std::move(in)); })
      .mutation("deleteGroup", sender(), [&service](const Caller& c, DeleteGroup in) { return service.delete_group(c.principal, std::move(in)); })
      // Sending
      .mutation("notifyUsers", sender(), [&service](const Caller& c, NotifyUsers in) { return service.notify_users(c.principal, std::move(in)); }, many)
      .mutation("notifyGroups", sender(), [&service](const Caller& c, NotifyGroups in) { return service.notify_groups(c.principal, std::move(in)); })
      // Channels
      .query("getDeliveryStrategies", admin(), [&channels](const Caller&) { return channels.strategies(); })
      .mutation("updateDeliveryStrategy", admin(), [&channels](const Caller&, UpdateStrategy in) { return channels.update_strategy(std::move(in)); })
      .query("getUserDeliveryChannels", user(), [&channels](const Caller& c) { return channels.user_channels(c.user_id()); })
      .mutation("setUserDeliveryPreference", user(), [&channels](const Caller& c, SetPreference in) { return channels.set_preference(c.user_id(), std::move(in)); })
      .mutation("sendTestNotification", user(), [&deliveries](const Caller& c, StrategyRef in) { return deliveries.test(c.user_id(), std::move(in.strategy_id).str()); });
  return area;
}

}  // namespace watchbell::notification
