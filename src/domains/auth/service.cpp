#include "domains/auth/service.hpp"

#include <algorithm>

#include "async/loop.hpp"
#include "base/text.hpp"
#include "domains/auth/rules.hpp"

namespace watchbell::auth {

using namespace std::chrono_literals;

Service::Service(sql::Database& database, coherence::Memory& cache, Changes& changes, const settings::Store& settings, crypto::PasswordHasher& passwords, const crypto::Keyring& keyring,
                 async::TaskScope& scope, const Clock& clock, CookieSigner cookies, Options options)
    : database_(database),
      changes_(changes),
      settings_(settings),
      passwords_(passwords),
      keyring_(keyring),
      scope_(scope),
      clock_(clock),
      cookies_(std::move(cookies)),
      options_(std::move(options)),
      cache_(cache, database, "auth", 60s) {}

coherence::Target Service::session_key(const std::string& token_hash) const { return cache_.key(cache::Key("session", token_hash)); }

awaitable<Result<access::PrincipalPtr>> Service::identify(access::Credentials credentials) {
  // A bearer credential that is not good is never taken for a visitor, and never falls through to the cookie. Other schemes belong to proxies in front.
  if (const auto key = rules::bearer(credentials.authorization)) co_return co_await identify_bearer(std::string(*key));
  if (credentials.cookie.empty()) co_return access::Principal::nobody();
  const auto token = cookies_.token(credentials.cookie);
  if (!token) co_return access::Principal::nobody();
  std::string token_hash = hash_of(*token);
  if (const auto value = rules::cookie_value(credentials.cookie, cookies_.session_cookie())) sessions_.put(*value, cache::Key("session", token_hash));
  co_return co_await identify_session(std::move(token_hash));
}

access::PrincipalPtr Service::identify_now(access::Credentials credentials) {
  if (const auto text = rules::bearer(credentials.authorization)) {
    const SeenKey* const key = keys_.find(*text);
    if (key == nullptr) return nullptr;
    const auto known = cache_.find<KnownApplication>(key->cached_under);
    const auto now = clock_.now();
    if (!known || !*known || !opens(**known, key->secret_hash, now)) return nullptr;
    // Once a minute its use is noted, which is not done here.
    const auto touched = last_touched_.find(key->application);
    return touched != last_touched_.end() && now - touched->second < 1min ? (*known)->principal : nullptr;
  }
  const auto value = rules::cookie_value(credentials.cookie, cookies_.session_cookie());
  const cache::Key* const key = value ? sessions_.find(*value) : nullptr;
  if (key == nullptr) return nullptr;
  const auto known = cache_.find<Known>(*key);
  if (!known || !*known) return nullptr;
  const auto admitted = admit(**known);
  return admitted && (*admitted)->kind == access::Principal::Kind::user ? *admitted : nullptr;
}

Service::Known Service::principal_of(sql::Session& session, const std::string& token_hash) {
  const auto row = store::find_session(session, token_hash);
  if (!row) return {};
  const auto user = store::find_user(session, row->user_id);
  if (!user) return {};
  access::Principal principal;
  principal.kind = access::Principal::Kind::user;
  principal.id = user->id.uuid();
  principal.name = user->name;
  principal.email = user->email;
  principal.session = row->id.uuid();
  principal.expires_at = row->expires_at;
  principal.rules = std::make_shared<const access::RuleSet>(store::rules_of_user(session, user->id));
  return {.principal = std::make_shared<const access::Principal>(std::move(principal)),
          .expires_at = row->expires_at,
          .has_second_factor = store::has_second_factor(session, user->id)};
}

awaitable<Result<access::PrincipalPtr>> Service::identify_session(std::string token_hash) {
  cache::Key key("session", token_hash);
  const auto known =
      co_await cache_.read<Known>(std::move(key), [token_hash = std::move(token_hash)](sql::Session& session) { return principal_of(session, token_hash); });
  if (!known) co_return std::unexpected(known.error());
  co_return admit(**known);
}

Result<access::PrincipalPtr> Service::admit(const Known& known) const {
  if (known.principal == nullptr || known.expires_at <= clock_.now()) return access::Principal::nobody();
  const bool demanded = options_.second_factor_of == SecondFactorOf::everybody ||
                        (options_.second_factor_of == SecondFactorOf::administrators && known.principal->rules->holds_everything());
  if (demanded && !known.has_second_factor) return fail(ErrorCode::forbidden, "A second factor is demanded of you: set it up first");
  return known.principal;
}

awaitable<Result<access::RuleSetPtr>> Service::anonymous_rules() {
  const auto rules = co_await cache_.read<access::RuleSetPtr>(cache::Key("role", kAnonymousRole), [](sql::Session& session) -> access::RuleSetPtr {
    return std::make_shared<const access::RuleSet>(store::rules_of_role(session, kAnonymousRole));
  });
  if (!rules) co_return std::unexpected(rules.error());
  co_return **rules;
}

access::RuleSetPtr Service::anonymous_rules_now() {
  static const cache::Key key("role", kAnonymousRole);
  const auto rules = cache_.find<access::RuleSetPtr>(key);
  return rules && *rules ? **rules : nullptr;
}

awaitable<Result<void>> Service::sync(std::vector<access::Rule> rules, std::set<std::string> visitors_use, bool all) {
  visitors_use_ = std::move(visitors_use);
  co_return co_await changes_.run([this, rules = std::move(rules), all](Change& change) {
    store::seed_roles(change.sql());
    if (store::sync_rules(change.sql(), rules, all)) change.invalidates(cache_.all());
  });
}

awaitable<Result<User>> Service::profile(UserId user) {
  co_return co_await database_.read([user](sql::Session& session) -> Result<User> {
    auto found = store::find_user(session, user);
    if (!found) return fail(ErrorCode::not_found, "no user {}", user);
    return *std::move(found);
  });
}

std::optional<UserSummary> Service::find_user(sql::Session& session, UserId user) const {
  const auto found = store::find_user(session, user);
  if (!found) return std::nullopt;
  return UserSummary{.id = found->id, .email = found->email, .name = found->name};
}

std::vector<UserSummary> Service::find_users(sql::Session& session, std::span<const UserId> users) const { return store::find_summaries(session, users); }

std::vector<UserId> Service::holding(sql::Session& session, std::span<const UserId> users, std::string_view rule) const {
  return store::users_holding(session, users, rule);
}

std::vector<UserId> Service::existing(sql::Session& session, std::span<const UserId> users) const { return store::existing_users(session, users); }

}  // namespace watchbell::auth
