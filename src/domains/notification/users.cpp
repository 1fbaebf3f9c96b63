#include "domains/notification/users.hpp"

#include "domains/notification/store.hpp"

namespace watchbell::notification {

namespace {

constexpr std::string_view kGroup = "notification";
constexpr std::int64_t kBatch = 1000;

awaitable<void> forget(Changes& changes, const settings::Store& settings, const Service& service, auth::UserDeleted event) {
  const auto batch = [&settings, &service, user = event.user_id](Change& change) {
    settings.erase_all(change.sql(), "notification", "user-pref." + user.to_string() + ".");
    return service.forget_user(change, user, kBatch);
  };
  while (true) {
    const auto done = co_await changes.run(batch);
    if (!done) throw Fault("what a deleted user had could not be removed: " + done.error().message);
    if (*done) co_return;
  }
}

awaitable<void> tell_of_address(Service& service, auth::EmailChanged event) {
  NotifyUsers input;
  input.user_ids.push_back(Text<1, 200>::of(event.user_id.to_string()));
  input.title = Text<1, 200>::of("Your mail address was changed");
  input.body.value = Text<0, 10'000>::of("It was " + event.old_email.str() + " and is " + event.new_email.str() +
                                         " now. Your other sessions have ended. If it was not you, tell your administrator at once.");
  input.importance = Importance::warning;
  input.idempotency_key = Text<1, 200>::of(event.change.to_string());
  const auto sent = co_await service.notify_users(access::Principal::service("auth"), std::move(input));
  if (!sent) throw Fault("a user could not be told of his new address: " + sent.error().message);
}

}  // namespace

Result<void> follow_users(events::Bus& bus, Changes& changes, const settings::Store& settings, Service& service) {
  auto deleted = bus.on_work(auth::kUserDeleted, std::string(kGroup),
                             [&changes, &settings, &service](auth::UserDeleted event) { return forget(changes, settings, service, std::move(event)); });
  if (!deleted) return deleted;
  return bus.on_work(auth::kEmailChanged, std::string(kGroup), [&service](auth::EmailChanged event) { return tell_of_address(service, std::move(event)); });
}

}  // namespace watchbell::notification
