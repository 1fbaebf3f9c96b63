#include "domains/notification/lapsed_channels.hpp"

#include <algorithm>

#include "domains/notification/service.hpp"

namespace watchbell::notification {

namespace {

struct Words {
  std::string title;
  std::string body;
};
Words words_of(std::string_view channel, Lapse why) {
  switch (why) {
    case Lapse::link_ended:
      return {fmt::format("Connect {} again", channel),
              fmt::format("Your sign-in there has ended, so nothing is sent over {} any more. Connect it again in your notification settings.", channel)};
    case Lapse::moved: break;
  }
  return {fmt::format("Set {} up again", channel),
          fmt::format("An administrator changed where {} sends. What you gave it is not sent elsewhere, so it was forgotten: set it up again in your notification "
                      "settings.",
                      channel)};
}

awaitable<void> tell(Service& service, std::string channel, ChannelLapsed event) {
  auto words = words_of(channel, event.why);
  NotifyUsers input;
  for (const auto& user : event.users) input.user_ids.push_back(Text<1, 200>::of(user.to_string()));
  input.title = Text<1, 200>::of(std::move(words.title));
  input.body.value = Text<0, 10'000>::of(std::move(words.body));
  input.importance = Importance::warning;
  input.action = ActionInput{.label = Text<1, 120>::of("Notification settings"), .url = Text<1, 2048>::of("/notification/settings")};
  input.idempotency_key = Text<1, 200>::of(event.change.to_string());
  auto sent = co_await service.notify_users(access::Principal::service("notification"), std::move(input));
  if (!sent) throw Fault("users could not be told of a channel that is no longer set up: " + sent.error().message);
}

}  // namespace

Result<void> tell_later(Change& change, const channels::Channel& channel, std::vector<UserId> users, Lapse why) {
  for (std::size_t at = 0; at < users.size(); at += kLapsedAtOnce) {
    ChannelLapsed event{.strategy_id = Text<1, 200>::of(channel.id()), .users = {}, .why = why, .change = Uuid::make_v7(change.now().millis())};
    event.users.assign(users.begin() + static_cast<std::ptrdiff_t>(at), users.begin() + static_cast<std::ptrdiff_t>(std::min(at + kLapsedAtOnce, users.size())));
    if (auto published = change.publishes(events::make(kChannelLapsed, event)); !published) return published;
  }
  return {};
}

Result<void> tell_of_lapsed_channels(events::Bus& bus, Service& service, const channels::Registry& registry) {
  return bus.on_work(kChannelLapsed, "notification", [&service, &registry](ChannelLapsed event) {
    const auto* channel = channels::find(registry, event.strategy_id.str());
    return tell(service, channel == nullptr ? event.strategy_id.str() : channel->traits().display_name, std::move(event));
  });
}

}  // namespace watchbell::notification
