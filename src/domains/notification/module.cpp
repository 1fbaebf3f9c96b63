#include "domains/notification/module.hpp"

#include "domains/notification/account_messages.hpp"
#include "domains/notification/channels/registry.hpp"
#include "domains/notification/channels/smtp.hpp"
#include "domains/notification/contract.hpp"
#include "domains/notification/gone_channels.hpp"
#include "domains/notification/jobs.hpp"
#include "domains/notification/lapsed_channels.hpp"
#include "domains/notification/users.hpp"

namespace watchbell::notification {

std::optional<MailServer> stored_mail_server(sql::Session& session, const crypto::Keyring& ring) {
  const auto stored = settings::Store(ring).get<channels::SmtpAdmin>(session, {"notification", "strategy.notification-smtp.smtp.config"});
  if (!stored) return std::nullopt;
  return MailServer{.server = channels::Smtp::server_of(stored->value), .from = stored->value.from_address.str()};
}

namespace {

ExistingUsers existing_users(const auth::Service& auth) {
  return [&auth](sql::Session& session, std::span<const UserId> users) { return auth.existing(session, users); };
}

FindUser find_user(const auth::Service& auth) {
  return [&auth](sql::Session& session, const UserId& user) -> std::optional<channels::Recipient> {
    auto found = auth.find_user(session, user);
    if (!found) return std::nullopt;
    return channels::Recipient{.email = std::move(found->email), .name = std::move(found->name)};
  };
}

/// Who holds the rule that opens every object of a type.
Viewers viewers(const auth::Service& auth) {
  return [&auth](sql::Session& session, std::span<const UserId> users, std::string_view type, std::string_view) {
    return auth.holding(session, users, std::string(type) + ".read");
  };
}

UserNames user_names(const auth::Service& auth) {
  return [&auth](sql::Session& session, std::span<const UserId> users) {
    std::map<UserId, std::string> names;
    for (auto& user : auth.find_users(session, users)) names.emplace(user.id, std::move(user.name));
    return names;
  };
}

}  // namespace

Module::Module(Runtime& runtime, auth::Service& auth, Options options)
    : runtime_(runtime),
      options_(options),
      audit_([&auth](Change& change, const auth::AuditEntry& entry) { auth.note(change, entry); }),
      registry_(channels::all(runtime.http, runtime.mail, runtime.clock, runtime.base_url)),
      channels_(runtime.database, runtime.changes, runtime.settings, registry_),
      push_subscriptions_(runtime.database, runtime.changes, channels_),
      service_(runtime.database, runtime.cache, runtime.changes, runtime.scope, channels_, existing_users(auth), viewers(auth)),
      leave_links_(runtime.keyring, runtime.clock, channels_, existing_users(auth), runtime.base_url),
      oauth_links_(runtime.database, runtime.changes, channels_, runtime.http, auth, runtime.keyring, runtime.clock, runtime.loop.executor(), runtime.base_url),
      deliveries_(runtime.database, runtime.changes, runtime.wheel, runtime.pauses, runtime.keyring, channels_, find_user(auth),
                  {.base_url = runtime.base_url,
                   .per_host = options.deliveries_per_host,
                   .rates = options.delivery_rates,
                   .seed = static_cast<std::uint64_t>(runtime.clock.now().micros()),
                   .hurry = options.hurry,
                   .leave_url = [this](const UserId& user, std::string_view strategy) { return leave_links_.url(user, strategy); },
                   .renew = [this](const channels::Channel& channel, UserId user, std::string admin, std::string used,
                                   bool refused) { return oauth_links_.renew(channel, user, std::move(admin), std::move(used), refused); }}),
      transactional_(runtime.database, runtime.changes, runtime.wheel, runtime.keyring, deliveries_),
      retention_(runtime.database, runtime.changes, runtime.settings, service_),
      dead_letters_(runtime.database, runtime.changes, registry_, user_names(auth)) {}

Result<void> Module::mount() {
  runtime_.settings.declare("notification", [this](std::string_view record) {
    return record == Retention::kRecord ? &settings::type_of<RetentionSettings>() : channels_.type_of(record);
  });
  auto mounted = runtime_.dispatcher.mount(
      contract(service_, channels_, push_subscriptions_, oauth_links_, deliveries_, transactional_, retention_, dead_letters_, options_.notify_body_bytes, audit_));
  if (!mounted) return mounted;
  service_.read_signals(runtime_.hub);
  leave_links_.mount(runtime_.front);
  oauth_links_.mount(runtime_.front);
  if (auto followed = follow_users(runtime_.bus, runtime_.changes, runtime_.settings, service_); !followed) return followed;
  if (auto told = tell_of_accounts(runtime_.bus, service_, channels_, transactional_, runtime_.clock); !told) return told;
  if (auto told = tell_of_gone_channels(runtime_.bus, service_, registry_); !told) return told;
  if (auto told = tell_of_lapsed_channels(runtime_.bus, service_, registry_); !told) return told;
  if (auto consumed = retention_.consume(runtime_.queue); !consumed) return consumed;
  return consume(runtime_.queue, service_, deliveries_, options_.deliveries_at_once);
}

awaitable<void> Module::start() {
  runtime_.scope.spawn("notification.keep_house", keep_house(deliveries_, retention_, runtime_.queue, runtime_.wheel));
  co_return;
}

std::vector<signals::Declared> Module::signals() { return {kReceived, kRead, kCountChanged}; }

}  // namespace watchbell::notification
