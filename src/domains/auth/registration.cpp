#include "domains/auth/rules.hpp"
#include "domains/auth/service.hpp"
#include "platform/crypto/password_policy.hpp"
#include "runtime/settings/store.hpp"

/// How users come in: the first by onboarding, others by themselves while registration is on.
namespace watchbell::auth {

namespace {

constexpr std::string_view kCredential = "credential";

settings::RecordKey registration_record() { return {.area = "auth", .record = std::string(kRegistrationRecord)}; }

Registration stored_registration(sql::Session& session, const settings::Store& settings) {
  const auto stored = settings.get<Registration>(session, registration_record());
  return stored ? stored->value : Registration();
}

}  // namespace

awaitable<Result<bool>> Service::needs_onboarding() {
  const auto users = co_await cache_.read<bool>(cache::Key("onboarding"), [](sql::Session& session) { return store::has_users(session); });
  if (!users) co_return std::unexpected(users.error());
  co_return !**users;
}

bool Service::asks_setup_token(bool forwarded) const { return rules::needs_setup_token(options_.listening_on_loopback, options_.behind_proxy, forwarded); }

Result<UserId> Service::insert_admin(Change& change, const std::string& name, const Email& email, const std::string& password_hash, const std::string& actor,
                                     const std::string& address) const {
  if (store::find_user_by_email(change.sql(), email.str())) return fail_field(ErrorCode::conflict, "email", "A user with this email exists already");
  const UserId id = UserId::make(change.now());
  store::insert_user(change.sql(),
                     {.id = id, .name = name, .email = email.str(), .email_verified = true, .created_at = change.now(), .updated_at = change.now()});
  store::insert_credential(change.sql(), id, password_hash, change.now());
  store::grant_role(change.sql(), id, kAdminRole);
  store::grant_role(change.sql(), id, kUsersRole);
  store::audit(
      change.sql(),
      {.actor = actor.empty() ? "user:" + id.to_string() : actor, .action = "user.create_admin", .target = "user:" + id.to_string(), .address = address},
      change.now());
  change.invalidates(cache_.key(cache::Key("onboarding")));
  return id;
}

awaitable<Result<void>> Service::complete_onboarding(std::string name, Email email, std::string password, std::optional<std::string> setup_token,
                                                     bool forwarded, std::string address) {
  auto needed = co_await needs_onboarding();
  if (!needed) co_return std::unexpected(std::move(needed.error()));
  if (!*needed) co_return fail(ErrorCode::forbidden, "Onboarding is complete");
  if (asks_setup_token(forwarded)) {
    if (!options_.setup_token || !setup_token || !constant_time_equal(*options_.setup_token, *setup_token))
      co_return fail_field(ErrorCode::forbidden, "setupToken", "The setup token is missing or wrong; it was printed when the server first started");
  }
  auto clean = rules::clean_name(name);
  if (!clean) co_return std::unexpected(std::move(clean.error()));
  if (auto judged = crypto::check_password(password); !judged) co_return std::unexpected(std::move(judged.error()));
  auto hash = co_await passwords_.hash(std::move(password));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  co_return co_await changes_.run([this, name = std::move(*clean), email = std::move(email), hash = std::move(*hash), address](Change& change) -> Result<void> {
    // Looked at again where only one can be at a time: of two callers one wins.
    if (store::has_users(change.sql())) return fail(ErrorCode::forbidden, "Onboarding is complete");
    auto made = insert_admin(change, name, email, hash, {}, address);
    if (!made) return std::unexpected(std::move(made.error()));
    return {};
  });
}

awaitable<Result<UserId>> Service::create_admin(std::string name, Email email, std::string password) {
  auto clean = rules::clean_name(name);
  if (!clean) co_return std::unexpected(std::move(clean.error()));
  if (auto judged = crypto::check_password(password); !judged) co_return std::unexpected(std::move(judged.error()));
  auto hash = co_await passwords_.hash(std::move(password));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  co_return co_await changes_.run([this, name = std::move(*clean), email = std::move(email), hash = std::move(*hash)](Change& change) -> Result<UserId> {
    return insert_admin(change, name, email, hash, "console", {});
  });
}

awaitable<Result<Registration>> Service::registration() {
  const auto known = co_await cache_.read<Registration>(cache::Key("registration"),
                                                        [&settings = settings_](sql::Session& session) { return stored_registration(session, settings); });
  if (!known) co_return std::unexpected(known.error());
  co_return **known;
}

awaitable<Result<void>> Service::set_registration(Actor actor, bool allow) {
  AuditEntry entry{
      .actor = actor.text(), .action = allow ? "registration.open" : "registration.close", .target = "settings:registration", .address = actor.address};
  co_return co_await audited(std::move(entry), [this, allow](Change& change) -> Result<void> {
    auto put = settings_.put(change.sql(), registration_record(), Registration{.allow_registration = allow}, change.now());
    if (!put) return std::unexpected(std::move(put.error()));
    change.invalidates(cache_.key(cache::Key("registration")));
    return {};
  });
}

SchemaView Service::registration_schema() { return {.text = rpc::to_json_schema(settings::type_of<Registration>().schema())}; }

std::vector<EnabledStrategy> Service::enabled_strategies() {
  return {{.id = std::string(kCredential),
           .display_name = "Email and password",
           .description = "Sign in with an email address and a password",
           .type = StrategyType::credential,
           .icon = "KeyRound",
           .requires_manual_registration = true}};
}

std::vector<StrategyView> Service::strategies() {
  std::vector<StrategyView> list;
  for (auto& strategy : enabled_strategies()) {
    StrategyView view{.id = std::move(strategy.id),
                      .display_name = std::move(strategy.display_name),
                      .description = std::move(strategy.description),
                      .icon = std::move(strategy.icon)};
    view.config_schema.text = R"({"type":"object","properties":{},"additionalProperties":false})";
    list.push_back(std::move(view));
  }
  return list;
}

awaitable<Result<void>> Service::update_strategy(Actor actor, UpdateStrategy input) {
  if (input.id.str() != kCredential) co_return fail(ErrorCode::not_found, "Strategy {} not found", input.id.str());
  AuditEntry entry{.actor = actor.text(), .action = "strategy.update", .target = "strategy:" + input.id.str(), .address = actor.address};
  co_return co_await audited(std::move(entry), [enabled = input.enabled.value](Change&) -> Result<void> {
    if (!enabled) return fail(ErrorCode::conflict, "Nobody could sign in any more: there is no other way");
    return {};
  });
}

Result<void> Service::may_sign_up(sql::Session& session) const {
  if (!store::has_users(session)) return fail(ErrorCode::forbidden, "The first user is made by onboarding");
  if (!stored_registration(session, settings_).allow_registration) return fail(ErrorCode::forbidden, "Registration is off");
  return {};
}

}  // namespace watchbell::auth
