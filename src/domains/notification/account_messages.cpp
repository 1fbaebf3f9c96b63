#include "domains/notification/account_messages.hpp"

#include "domains/notification/channels/web_push.hpp"

namespace watchbell::notification {

namespace {

constexpr std::string_view kGroup = "notification";

awaitable<void> send_reset_link(Transactional& transactional, const Clock& clock, auth::PasswordResetRequested event) {
  if (clock.now() >= event.expires_at) co_return;  // it would open nothing
  TransactionalMessage message;
  message.title = Text<1, 200>::of("Set a new password");
  message.body.value = Text<0, 10'000>::of(
      "Somebody asked for a new password for your account. The link opens it once, within an hour. If it was not you, leave it: nothing changes.");
  message.action =
      ActionInput{.label = Text<1, 120>::of("Set a new password"), .url = Text<1, 2048>::of("/auth/reset-password?token=" + event.token.value.str())};
  const auto accepted = co_await transactional.accept("service:auth", event.user_id, std::move(message), event.request.to_string(), event.expires_at);
  if (!accepted) throw Fault("a link to a new password could not be sent: " + accepted.error().message);
}

awaitable<void> tell_of_password(Service& service, ChannelSettings& channels, auth::PasswordChanged event) {
  // As his other sessions end, so do the browsers that are told of his messages: one of them may be why he has a new password.
  if (auto ended = co_await channels.unlink(event.user_id, std::string(channels::kWebPush)); !ended)
    throw Fault("browsers of a user with a new password could not be forgotten: " + ended.error().message);
  NotifyUsers input;
  input.user_ids.push_back(Text<1, 200>::make(event.user_id.to_string()).value());
  input.title = Text<1, 200>::make("Your password was changed").value();
  input.body.value =
      Text<0, 10'000>::make("All other sessions have ended. If it was not you, ask for a new password at once and tell your administrator.").value();
  input.importance = Importance::warning;
  input.idempotency_key = Text<1, 200>::make(event.change.to_string());
  auto sent = co_await service.notify_users(access::Principal::service("auth"), std::move(input));
  if (!sent) throw Fault("a user could not be told of his new password: " + sent.error().message);
}

}  // namespace

Result<void> tell_of_accounts(events::Bus& bus, Service& service, ChannelSettings& channels, Transactional& transactional, const Clock& clock) {
  auto links = bus.on_work(auth::kPasswordResetRequested, std::string(kGroup),
                           [&transactional, &clock](auth::PasswordResetRequested event) { return send_reset_link(transactional, clock, std::move(event)); });
  if (!links) return links;
  return bus.on_work(auth::kPasswordChanged, std::string(kGroup),
                     [&service, &channels](auth::PasswordChanged event) { return tell_of_password(service, channels, std::move(event)); });
}

}  // namespace watchbell::notification
