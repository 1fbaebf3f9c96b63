#include "domains/auth/service.hpp"

#include <algorithm>

#include "async/loop.hpp"
#include "base/text.hpp"
#include "domains/auth/rules.hpp"
#include "platform/crypto/password_policy.hpp"

namespace watchbell::auth {

using namespace std::chrono_literals;

namespace {

/// "Bearer x" -> x; nothing for another scheme.
std::optional<std::string_view> bearer(std::string_view authorization) {
  if (authorization.size() < 7 || ascii_lower(authorization.substr(0, 7)) != "bearer ") return std::nullopt;
  return trim(authorization.substr(7));
}

std::unexpected<Error> no_application(const ApplicationId& id) { return fail(ErrorCode::not_found, "there is no API key {}", id); }
std::unexpected<Error> bad_credentials() { return fail(ErrorCode::unauthorized, "Invalid credentials"); }

}  // namespace

Service::Service(sql::Database& database, cache::Cache& cache, Changes& changes, crypto::PasswordHasher& passwords, async::TaskScope& scope, const Clock& clock,
                 CookieSigner cookies, Options options)
    : database_(database),
      changes_(changes),
      passwords_(passwords),
      scope_(scope),
      clock_(clock),
      cookies_(std::move(cookies)),
      options_(std::move(options)),
      cache_(cache, database, "auth", 60s) {}

coherence::Target Service::session_key(const std::string& token_hash) const { return cache_.key(cache::Key("session", token_hash)); }

coherence::Target Service::application_key(const ApplicationId& id) const { return cache_.key(cache::Key("application", id.to_string())); }

awaitable<Result<access::PrincipalPtr>> Service::identify(access::Credentials credentials) {
  // A bearer credential that is not good is never taken for a visitor, and never falls through to the cookie. Other schemes belong to proxies in front.
  if (const auto key = bearer(credentials.authorization)) co_return co_await identify_bearer(std::string(*key));
  if (credentials.cookie.empty()) co_return access::Principal::nobody();
  const auto token = cookies_.token(credentials.cookie);
  if (!token) co_return access::Principal::nobody();
  co_return co_await identify_session(hash_of(*token));
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
  return {.principal = std::make_shared<const access::Principal>(std::move(principal)), .expires_at = row->expires_at};
}

awaitable<Result<access::PrincipalPtr>> Service::identify_session(std::string token_hash) {
  cache::Key key("session", token_hash);
  const auto known = co_await cache_.read<Known>(std::move(key), [token_hash = std::move(token_hash)](sql::Session& session) { return principal_of(session, token_hash); });
  if (!known) co_return std::unexpected(known.error());
  if ((*known)->principal == nullptr || (*known)->expires_at <= clock_.now()) co_return access::Principal::nobody();
  co_return (*known)->principal;
}

awaitable<Result<access::PrincipalPtr>> Service::identify_bearer(std::string text) {
  const auto key = rules::parse_api_key(text);
  if (!key) co_return bad_credentials();
  const ApplicationId id = key->application;
  const auto known = co_await cache_.read<KnownApplication>(cache::Key("application", id.to_string()), [id](sql::Session& session) {
    const auto application = store::find_application(session, id);
    if (!application) return KnownApplication{};
    access::Principal principal;
    principal.kind = access::Principal::Kind::application;
    principal.id = id.uuid();
    principal.name = application->name;
    principal.rules = std::make_shared<const access::RuleSet>(store::rules_of_application(session, id));
    return KnownApplication{.principal = std::make_shared<const access::Principal>(std::move(principal)),
                            .expires_at = application->expires_at,
                            .secrets = store::secrets_of(session, id)};
  });
  if (!known) co_return std::unexpected(known.error());
  const auto now = clock_.now();
  const auto opens = [&, hash = hash_of(key->secret)](const Secret& secret) { return constant_time_equal(secret.hash, hash) && rules::is_live(secret.expires_at, now); };
  if ((*known)->principal == nullptr || !rules::is_live((*known)->expires_at, now) || std::ranges::none_of((*known)->secrets, opens)) co_return bad_credentials();
  auto& last = last_touched_[id];
  if (now - last >= 1min) {
    last = now;
    scope_.spawn("auth.touch", touch(id, now));
  }
  co_return (*known)->principal;
}

awaitable<void> Service::touch(ApplicationId application, Timestamp now) {
  co_await database_.write([application, now](sql::Session& session) { store::touch_application(session, application, now); });
}

awaitable<Result<access::RuleSetPtr>> Service::anonymous_rules() {
  const auto rules = co_await cache_.read<access::RuleSetPtr>(cache::Key("role", kAnonymousRole), [](sql::Session& session) -> access::RuleSetPtr {
    return std::make_shared<const access::RuleSet>(store::rules_of_role(session, kAnonymousRole));
  });
  if (!rules) co_return std::unexpected(rules.error());
  co_return **rules;
}

awaitable<Result<void>> Service::sync(std::vector<access::Rule> rules) {
  co_return co_await changes_.run([this, rules = std::move(rules)](Change& change) {
    store::seed_roles(change.sql());
    if (store::sync_rules(change.sql(), rules)) change.invalidates(cache_.all());
  });
}

awaitable<Result<bool>> Service::needs_onboarding() {
  const auto users = co_await cache_.read<bool>(cache::Key("onboarding"), [](sql::Session& session) { return store::has_users(session); });
  if (!users) co_return std::unexpected(users.error());
  co_return !**users;
}

bool Service::asks_setup_token(bool forwarded) const {
  return rules::needs_setup_token(options_.listening_on_loopback, options_.behind_proxy, forwarded);
}

Result<UserId> Service::insert_admin(Change& change, const std::string& name, const Email& email, const std::string& password_hash, const std::string& actor,
                                     const std::string& address) const {
  if (store::find_user_by_email(change.sql(), email.str())) return fail_field(ErrorCode::conflict, "email", "A user with this email exists already");
  const UserId id = UserId::make(change.now());
  store::insert_user(change.sql(), {.id = id, .name = name, .email = email.str(), .email_verified = true, .created_at = change.now(), .updated_at = change.now()});
  store::insert_credential(change.sql(), id, password_hash, change.now());
  store::grant_role(change.sql(), id, kAdminRole);
  store::grant_role(change.sql(), id, kUsersRole);
  store::audit(change.sql(), {.actor = actor.empty() ? "user:" + id.to_string() : actor, .action = "user.create_admin", .target = "user:" + id.to_string(), .address = address},
               change.now());
  change.invalidates(cache_.key(cache::Key("onboarding")));
  return id;
}

awaitable<Result<void>> Service::complete_onboarding(std::string name, Email email, std::string password, std::optional<std::string> setup_token, bool forwarded,
                                                     std::string address) {
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

awaitable<Result<SignedIn>> Service::sign_in(Email email, std::string password, bool remember, std::string address, std::string user_agent) {
  struct Found {
    std::optional<User> user;
    std::string password;
  };
  auto found = co_await database_.read([email](sql::Session& session) {
    Found result{.user = store::find_user_by_email(session, email.str()), .password = {}};
    if (result.user) result.password = store::find_password(session, result.user->id).value_or(std::string());
    return result;
  });
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::optional<std::string> rehashed;
  bool good = false;
  if (!found->user || found->password.empty()) {
    // An address nobody has costs the same time as a wrong password.
    if (auto burnt = co_await passwords_.burn(password); !burnt) co_return std::unexpected(std::move(burnt.error()));
  } else {
    auto verdict = co_await passwords_.verify(password, found->password);
    if (!verdict) co_return std::unexpected(std::move(verdict.error()));
    good = verdict->ok;
    if (good && verdict->needs_rehash) {
      auto fresh = co_await passwords_.hash(password);
      if (fresh) rehashed = std::move(*fresh);
    }
  }
  if (!good) {
    co_await changes_.run([who = found->user ? "user:" + found->user->id.to_string() : std::string("unknown"), address](Change& change) {
      store::audit(change.sql(), {.actor = who, .action = "session.sign_in", .target = who, .address = address, .outcome = "refused"}, change.now());
    });
    co_return fail(ErrorCode::unauthorized, "Invalid email or password");
  }
  SignedIn result{.user = *found->user, .session = {}, .token = make_session_token()};
  const std::string token_hash = hash_of(result.token);
  auto session = co_await changes_.run([this, user = result.user.id, token_hash, remember, rehashed, address, agent = std::string(utf8_prefix(user_agent, 400))](Change& change) -> Result<Session> {
    if (!store::find_user(change.sql(), user)) return fail(ErrorCode::unauthorized, "Invalid email or password");
    Session row{.id = SessionId::make(change.now()),
                .user_id = user,
                .expires_at = change.now() + rules::session_life(remember),
                .remember = remember,
                .ip_address = address,
                .user_agent = is_utf8(agent) && agent.find('\0') == std::string::npos ? agent : std::string(),
                .created_at = change.now(),
                .updated_at = change.now()};
    store::delete_expired_sessions(change.sql(), change.now(), 100);
    store::insert_session(change.sql(), row, token_hash);
    if (rehashed) store::set_password(change.sql(), user, *rehashed, change.now());
    store::audit(change.sql(), {.actor = "user:" + user.to_string(), .action = "session.sign_in", .target = "session:" + row.id.to_string(), .address = address}, change.now());
    change.invalidates(session_key(token_hash));
    return row;
  });
  if (!session) co_return std::unexpected(std::move(session.error()));
  result.session = std::move(*session);
  co_return result;
}

awaitable<Result<void>> Service::sign_out(std::string cookie, std::string address) {
  const auto token = cookies_.token(cookie);
  if (!token) co_return Result<void>();
  co_return co_await changes_.run([this, token_hash = hash_of(*token), address](Change& change) {
    const auto session = store::find_session(change.sql(), token_hash);
    if (!session) return;
    store::delete_session(change.sql(), token_hash);
    store::audit(change.sql(), {.actor = "user:" + session->user_id.to_string(), .action = "session.sign_out", .target = "session:" + session->id.to_string(), .address = address},
                 change.now());
    change.invalidates(session_key(token_hash));
    change.announces(signals::rights_changed({session->user_id}));
  });
}

awaitable<Result<std::optional<Current>>> Service::current_session(std::string cookie) {
  const auto token = cookies_.token(cookie);
  if (!token) co_return std::optional<Current>();
  const std::string token_hash = hash_of(*token);
  auto current = co_await database_.read([token_hash, token = *token](sql::Session& session) -> std::optional<Current> {
    const auto row = store::find_session(session, token_hash);
    if (!row) return std::nullopt;
    const auto user = store::find_user(session, row->user_id);
    if (!user) return std::nullopt;
    return Current{.user = *user, .session = *row, .token = token};
  });
  if (!current) co_return std::unexpected(std::move(current.error()));
  const auto now = clock_.now();
  if (!*current || (*current)->session.expires_at <= now) co_return std::optional<Current>();
  auto& session = (*current)->session;
  if (const auto until = rules::extended_until(session.expires_at, session.remember, now)) {
    auto extended = co_await changes_.run([this, id = session.id, until = *until, token_hash](Change& change) {
      store::extend_session(change.sql(), id, until, change.now());
      change.invalidates(session_key(token_hash));
    });
    if (!extended) co_return std::unexpected(std::move(extended.error()));
    session.expires_at = *until;
    session.updated_at = now;
    (*current)->extended = true;
  }
  co_return current;
}

awaitable<Result<User>> Service::profile(UserId user) {
  co_return co_await database_.read([user](sql::Session& session) -> Result<User> {
    auto found = store::find_user(session, user);
    if (!found) return fail(ErrorCode::not_found, "no user {}", user);
    return *std::move(found);
  });
}

awaitable<Result<NewApplication>> Service::create_application(ApplicationInput input, std::string actor) {
  auto clean = rules::clean_name(input.name);
  if (!clean) co_return std::unexpected(std::move(clean.error()));
  input.name = std::move(*clean);
  const std::string secret = make_api_secret();
  co_return co_await changes_.run([this, input = std::move(input), actor = std::move(actor), secret](Change& change) -> Result<NewApplication> {
    if (const auto unknown = store::unknown_rules(change.sql(), input.rules); !unknown.empty()) {
      const auto known = store::all_rules(change.sql());
      std::string list;
      for (const auto& rule : unknown) list += fmt::format("{}{} (the nearest known one is {})", list.empty() ? "" : ", ", rule, rules::nearest(rule, known));
      return fail_field(ErrorCode::bad_request, "rules", "no such access rule: {}", list);
    }
    Application row{.id = ApplicationId::make(change.now()), .name = input.name, .expires_at = {}, .revoked_at = {}, .last_used_at = {}, .created_at = change.now()};
    if (input.life) row.expires_at = change.now() + *input.life;
    const std::string role = Uuid::make_v7(change.now().millis()).to_string();
    store::insert_role(change.sql(), role, "key: " + row.name, "Rules of the API key " + row.name, input.rules);
    store::insert_application(change.sql(), row, {role});
    store::insert_secret(change.sql(), row.id, hash_of(secret), change.now());
    store::audit(change.sql(), {.actor = actor, .action = "application.create", .target = "application:" + row.id.to_string(), .address = {}}, change.now());
    change.invalidates(application_key(row.id));
    return NewApplication{.id = row.id, .key = api_key_text(row.id, secret)};
  });
}

awaitable<Result<std::vector<ApplicationSummary>>> Service::applications() {
  co_return co_await database_.read([](sql::Session& session) {
    std::map<ApplicationId, std::vector<std::string>> rules;
    for (auto& [id, rule] : store::rules_of_applications(session)) rules[id].push_back(std::move(rule));
    std::vector<ApplicationSummary> list;
    for (auto& application : store::all_applications(session)) {
      const ApplicationId id = application.id;
      list.push_back({.application = std::move(application), .rules = std::move(rules[id])});
    }
    return list;
  });
}

awaitable<Result<void>> Service::revoke_application(ApplicationId id, std::string actor) {
  co_return co_await changes_.run([this, id, actor = std::move(actor)](Change& change) -> Result<void> {
    const auto application = store::find_application(change.sql(), id);
    if (!application) return no_application(id);
    if (application->revoked_at) return {};
    store::revoke_application(change.sql(), id, change.now());
    store::audit(change.sql(), {.actor = actor, .action = "application.revoke", .target = "application:" + id.to_string(), .address = {}}, change.now());
    change.invalidates(application_key(id));
    return {};
  });
}

awaitable<Result<NewApplication>> Service::rotate_application(ApplicationId id, std::chrono::hours keep, std::string actor) {
  const std::string secret = make_api_secret();
  co_return co_await changes_.run([this, id, keep, actor = std::move(actor), secret](Change& change) -> Result<NewApplication> {
    const auto application = store::find_application(change.sql(), id);
    if (!application) return no_application(id);
    // A new secret would open nothing either.
    if (application->revoked_at) return fail(ErrorCode::conflict, "the API key {} is revoked: make another", id);
    if (!rules::is_live(application->expires_at, change.now())) return fail(ErrorCode::conflict, "the API key {} has expired: make another", id);
    store::retire_secrets(change.sql(), id, change.now() + keep, change.now());
    store::insert_secret(change.sql(), id, hash_of(secret), change.now());
    store::audit(change.sql(), {.actor = actor, .action = "application.rotate", .target = "application:" + id.to_string(), .address = {}}, change.now());
    change.invalidates(application_key(id));
    return NewApplication{.id = id, .key = api_key_text(id, secret)};
  });
}

std::optional<UserSummary> Service::find_user(sql::Session& session, UserId user) const {
  const auto found = store::find_user(session, user);
  if (!found) return std::nullopt;
  return UserSummary{.id = found->id, .email = found->email, .name = found->name};
}

std::vector<UserId> Service::existing(sql::Session& session, std::span<const UserId> users) const { return store::existing_users(session, users); }

}  // namespace watchbell::auth
