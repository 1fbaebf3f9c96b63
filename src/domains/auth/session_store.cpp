#include "domains/auth/session_store.hpp"

#include <tuple>

namespace watchbell::auth {

BOOST_DESCRIBE_STRUCT(Session, (), (id, user_id, expires_at, remember, ip_address, user_agent, created_at, updated_at))

namespace store {

BOOST_DESCRIBE_STRUCT(Account, (), (id, provider_id, account_id, created_at, updated_at))
BOOST_DESCRIBE_STRUCT(PasswordReset, (), (user_id, expires_at, created_at))
BOOST_DESCRIBE_STRUCT(Failures, (), (count, last_at))

std::vector<Session> sessions_of(sql::Session& session, const UserId& user, Timestamp now) {
  return session.all<Session>(
      "select id, user_id, expires_at, remember, ip_address, user_agent, created_at, updated_at from sessions where user_id = :1 and expires_at > :2 "
      "order by created_at desc, id desc",
      user, now);
}

std::vector<std::pair<SessionId, std::string>> session_tokens_of(sql::Session& session, const UserId& user) {
  std::vector<std::pair<SessionId, std::string>> tokens;
  session.each<std::tuple<SessionId, std::string>>(
      "select id, token_hash from sessions where user_id = :1 order by id",
      [&](std::tuple<SessionId, std::string>&& row) { tokens.emplace_back(std::get<0>(row), std::move(std::get<1>(row))); }, user);
  return tokens;
}

std::vector<Account> accounts_of(sql::Session& session, const UserId& user) {
  return session.all<Account>("select id, provider_id, account_id, created_at, updated_at from accounts where user_id = :1 order by created_at, id", user);
}

void put_password_reset(sql::Session& session, const PasswordReset& reset, const std::string& token_hash) {
  session.execute(
      "insert into password_resets (user_id, token_hash, expires_at, created_at) values (:1, :2, :3, :4) on conflict (user_id) do update set "
      "token_hash = excluded.token_hash, expires_at = excluded.expires_at, created_at = excluded.created_at",
      reset.user_id, token_hash, reset.expires_at, reset.created_at);
}

std::optional<PasswordReset> find_password_reset(sql::Session& session, const std::string& token_hash) {
  return session.one<PasswordReset>("select user_id, expires_at, created_at from password_resets where token_hash = :1", token_hash);
}

std::optional<PasswordReset> password_reset_of(sql::Session& session, const UserId& user) {
  return session.one<PasswordReset>("select user_id, expires_at, created_at from password_resets where user_id = :1", user);
}

void delete_password_reset(sql::Session& session, const UserId& user) { session.execute("delete from password_resets where user_id = :1", user); }

Failures failures(sql::Session& session, const std::string& account, const std::string& network) {
  return session.one<Failures>("select failures, last_at from sign_in_failures where account = :1 and network = :2", account, network).value_or(Failures());
}

void add_failure(sql::Session& session, const std::string& account, const std::string& network, Timestamp now) {
  session.execute(
      "insert into sign_in_failures (account, network, failures, last_at) values (:1, :2, 1, :3) on conflict (account, network) do update set "
      "failures = sign_in_failures.failures + 1, last_at = excluded.last_at",
      account, network, now);
}

void take_failure_back(sql::Session& session, const std::string& account, const std::string& network) {
  session.execute("update sign_in_failures set failures = failures - 1 where account = :1 and network = :2 and failures > 0", account, network);
}

void take_failure_back(sql::Session& session, const std::string& account, const std::string& network, Timestamp last_at) {
  take_failure_back(session, account, network);
  session.execute("update sign_in_failures set last_at = :3 where account = :1 and network = :2", account, network, last_at);
}

void forget_failures(sql::Session& session, const std::string& account, const std::string& network) {
  session.execute("delete from sign_in_failures where account = :1 and network = :2", account, network);
}

void forget_failures(sql::Session& session, const std::string& account) { session.execute("delete from sign_in_failures where account = :1", account); }

void purge_failures(sql::Session& session, Timestamp before, std::int64_t limit) {
  session.execute(
      "delete from sign_in_failures where (account, network) in (select account, network from sign_in_failures where last_at < :1 order by last_at, account, "
      "network limit :2)",
      before, limit);
}

}  // namespace store
}  // namespace watchbell::auth
