#include "domains/notification/gone_channels.hpp"

#include "domains/notification/events.hpp"
#include "domains/notification/service.hpp"
#include "domains/notification/store.hpp"

namespace watchbell::notification {

Result<void> turn_off(Change& change, const ChannelSettings& settings, const Delivery& delivery, std::string_view used) {
  const auto* channel = channels::find(settings.registry(), delivery.strategy_id);
  auto preference = store::preference(change.sql(), delivery.user_id, delivery.strategy_id).value_or(store::Preference());
  if (channel == nullptr || !preference.enabled || settings.user_config(change.sql(), *channel, delivery.user_id) != used) return {};
  preference.enabled = false;
  preference.is_configured = false;  // nor by way of messages that pass switches
  store::put_preference(change.sql(), delivery.user_id, delivery.strategy_id, preference, change.now());
  return change.publishes(events::make(
      kChannelGone, {.user_id = delivery.user_id, .strategy_id = Text<1, 200>::of(delivery.strategy_id), .change = Uuid::make_v7(change.now().millis())}));
}

namespace {

awaitable<void> tell(Service& service, std::string channel, ChannelGone event) {
  NotifyUsers input;
  input.user_ids.push_back(Text<1, 200>::of(event.user_id.to_string()));
  input.title = Text<1, 200>::of(fmt::format("{} was switched off for you", channel));
  input.body.value = Text<0, 10'000>::of(
      fmt::format("Its receiver answered that it is gone (410), so nothing is sent there any more. When {} is to be used again, give it a receiver that is "
                  "there and switch it on in your notification settings.",
                  channel));
  input.importance = Importance::warning;
  input.action = ActionInput{.label = Text<1, 120>::of("Notification settings"), .url = Text<1, 2048>::of("/notification/settings")};
  input.idempotency_key = Text<1, 200>::of(event.change.to_string());
  auto sent = co_await service.notify_users(access::Principal::service("notification"), std::move(input));
  if (!sent) throw Fault("a user could not be told of a channel that is gone: " + sent.error().message);
}

}  // namespace

Result<void> tell_of_gone_channels(events::Bus& bus, Service& service, const channels::Registry& registry) {
  return bus.on_work(kChannelGone, "notification", [&service, &registry](ChannelGone event) {
    const auto* channel = channels::find(registry, event.strategy_id.str());
    return tell(service, channel == nullptr ? event.strategy_id.str() : channel->traits().display_name, std::move(event));
  });
}

}  // namespace watchbell::notification
