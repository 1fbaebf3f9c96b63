#include "domains/auth/service.hpp"

#include "base/text.hpp"
#include "domains/auth/rules.hpp"

/// How sessions begin and end.
namespace watchbell::auth {

namespace {

/// What a browser calls itself, as far as it can be kept.
std::string kept_agent(std::string_view user_agent) {
  const auto text = utf8_prefix(user_agent, 400);
  return is_utf8(text) && text.find('\0') == std::string_view::npos ? std::string(text) : std::string();
}

std::string name_of(const UserId& user) { return "user:" + user.to_string(); }
std::string name_of(const SessionId& session) { return "session:" + session.to_string(); }

}  // namespace

SignedIn Service::begin_session(Change& change, User user, bool remember, const std::string& address, const std::string& user_agent) const {
  SignedIn result{.user = std::move(user), .session = {}, .token = make_session_token()};
  result.session = {.id = SessionId::make(change.now()),
                    .user_id = result.user.id,
                    .expires_at = change.now() + rules::session_life(remember),
                    .remember = remember,
                    .ip_address = address,
                    .user_agent = kept_agent(user_agent),
                    .created_at = change.now(),
                    .updated_at = change.now()};
  const std::string token_hash = hash_of(result.token);
  store::delete_expired_sessions(change.sql(), change.now(), 100);
  store::insert_session(change.sql(), result.session, token_hash);
  change.invalidates(session_key(token_hash));
  return result;
}

void Service::end_sessions(Change& change, const UserId& user, const std::optional<SessionId>& but) const {
  for (const auto& [id, token_hash] : store::session_tokens_of(change.sql(), user)) {
    if (but && id == *but) continue;
    store::delete_session(change.sql(), token_hash);
    change.invalidates(session_key(token_hash));
  }
  change.announces(signals::rights_changed({user}));
}

awaitable<Result<SignedIn>> Service::sign_in(Email email, std::string password, bool remember, std::string address, std::string user_agent) {
  auto verified = co_await verify_password(email.str(), std::move(password), address, "session.sign_in");
  if (!verified) co_return std::unexpected(std::move(verified.error()));
  co_return co_await changes_.run([this, verified = std::move(*verified), remember, address = std::move(address),
                                   agent = std::move(user_agent)](Change& change) -> Result<SignedIn> {
    const auto& id = verified.user.id;
    // A password that was changed or an account that was removed meanwhile opens nothing any more.
    const auto user = store::find_user(change.sql(), id);
    if (!user || store::find_password(change.sql(), id) != verified.stored) return fail(ErrorCode::unauthorized, "Invalid email or password");
    if (verified.rehashed) store::set_password(change.sql(), id, *verified.rehashed, change.now());
    if (store::has_second_factor(change.sql(), id)) {
      // Failures are forgotten once both were shown, or whoever knows the password could try codes for ever.
      lift_pause(change, *user, address);
      return SignedIn{.user = *user, .session = {}, .token = {}, .challenge = begin_challenge(change, id, remember)};
    }
    password_shown(change, *user, address);
    auto signed_in = begin_session(change, *user, remember, address, agent);
    store::audit(change.sql(), {.actor = name_of(id), .action = "session.sign_in", .target = name_of(signed_in.session.id), .address = address}, change.now());
    return signed_in;
  });
}

awaitable<Result<SignedIn>> Service::sign_up(std::string name, Email email, std::string password, std::string address, std::string user_agent) {
  auto clean = rules::clean_name(name);
  if (!clean) co_return std::unexpected(std::move(clean.error()));
  const auto may = [this, email](sql::Session& session) -> Result<void> {
    if (auto open = may_sign_up(session); !open) return open;
    if (store::find_user_by_email(session, email.str())) return fail_field(ErrorCode::conflict, "email", "A user with this email exists already");
    return {};
  };
  // Before the work of hashing, and again where only one can be at a time.
  if (auto judged = co_await database_.read(may); !judged) co_return std::unexpected(std::move(judged.error()));
  auto hash = co_await hash_password(std::move(password));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  co_return co_await changes_.run([this, may, name = std::move(*clean), email = std::move(email), hash = std::move(*hash), address = std::move(address),
                                   agent = std::move(user_agent)](Change& change) -> Result<SignedIn> {
    if (auto judged = may(change.sql()); !judged) return std::unexpected(std::move(judged.error()));
    User user{
        .id = UserId::make(change.now()), .name = name, .email = email.str(), .email_verified = false, .created_at = change.now(), .updated_at = change.now()};
    store::insert_user(change.sql(), user);
    store::insert_credential(change.sql(), user.id, hash, change.now());
    store::grant_role(change.sql(), user.id, kUsersRole);
    store::audit(change.sql(), {.actor = name_of(user.id), .action = "user.sign_up", .target = name_of(user.id), .address = address}, change.now());
    return begin_session(change, std::move(user), true, address, agent);
  });
}

awaitable<Result<void>> Service::sign_out(std::string cookie, std::string address) {
  const auto token = cookies_.token(cookie);
  if (!token) co_return Result<void>();
  co_return co_await changes_.run([this, token_hash = hash_of(*token), address](Change& change) {
    const auto session = store::find_session(change.sql(), token_hash);
    if (!session) return;
    store::delete_session(change.sql(), token_hash);
    store::audit(
        change.sql(),
        {.actor = "user:" + session->user_id.to_string(), .action = "session.sign_out", .target = "session:" + session->id.to_string(), .address = address},
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
    return Current{.user = *user, .session = *row, .token = token, .extended = false, .second_factor = store::has_second_factor(session, user->id)};
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

awaitable<Result<std::vector<Session>>> Service::sessions(UserId user) {
  co_return co_await database_.read([user, now = clock_.now()](sql::Session& session) { return store::sessions_of(session, user, now); });
}

awaitable<Result<void>> Service::end_session(UserId user, SessionId id, std::string address) {
  co_return co_await changes_.run([this, user, id, address = std::move(address)](Change& change) {
    for (const auto& [each, token_hash] : store::session_tokens_of(change.sql(), user)) {
      if (each != id) continue;
      store::delete_session(change.sql(), token_hash);
      store::audit(change.sql(), {.actor = name_of(user), .action = "session.revoke", .target = name_of(id), .address = address}, change.now());
      change.invalidates(session_key(token_hash));
      change.announces(signals::rights_changed({user}));
    }
  });
}

awaitable<Result<void>> Service::end_sessions(UserId user, std::optional<SessionId> but, std::string address) {
  co_return co_await changes_.run([this, user, but, address = std::move(address)](Change& change) {
    end_sessions(change, user, but);
    store::audit(change.sql(),
                 {.actor = name_of(user), .action = but ? "session.revoke_others" : "session.revoke_all", .target = name_of(user), .address = address},
                 change.now());
  });
}

awaitable<Result<std::vector<store::Account>>> Service::accounts(UserId user) {
  co_return co_await database_.read([user](sql::Session& session) { return store::accounts_of(session, user); });
}

}  // namespace watchbell::auth
