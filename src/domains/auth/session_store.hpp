#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domains/auth/types.hpp"
#include "platform/sql/session.hpp"

/// The rows of sessions, accounts and failed sign-ins, as plain functions over a session.
namespace watchbell::auth::store {

/// The live ones of a user, the youngest first.
std::vector<Session> sessions_of(sql::Session& session, const UserId& user, Timestamp now);
/// All of a user's sessions with the hashes of their tokens.
std::vector<std::pair<SessionId, std::string>> session_tokens_of(sql::Session& session, const UserId& user);

/// How a user signs in.
struct Account {
  std::string id;
  std::string provider_id;
  std::string account_id;
  Timestamp created_at;
  Timestamp updated_at;
};
std::vector<Account> accounts_of(sql::Session& session, const UserId& user);

/// The link to a new password that a user has.
struct PasswordReset {
  UserId user_id;
  Timestamp expires_at;
  Timestamp created_at;
};
/// In place of the one he had.
void put_password_reset(sql::Session& session, const PasswordReset& reset, const std::string& token_hash);
std::optional<PasswordReset> find_password_reset(sql::Session& session, const std::string& token_hash);
std::optional<PasswordReset> password_reset_of(sql::Session& session, const UserId& user);
void delete_password_reset(sql::Session& session, const UserId& user);

/// Sign-ins of an account from a network that did not succeed, in a row.
struct Failures {
  int count = 0;
  Timestamp last_at;
};
Failures failures(sql::Session& session, const std::string& account, const std::string& network);
void add_failure(sql::Session& session, const std::string& account, const std::string& network, Timestamp now);
/// Takes the last one back; the pause it began lasts.
void take_failure_back(sql::Session& session, const std::string& account, const std::string& network);
/// The same, as if those before had ended at `last_at`.
void take_failure_back(sql::Session& session, const std::string& account, const std::string& network, Timestamp last_at);
void forget_failures(sql::Session& session, const std::string& account, const std::string& network);
/// Of all networks.
void forget_failures(sql::Session& session, const std::string& account);
/// Those before `before`, at most `limit`.
void purge_failures(sql::Session& session, Timestamp before, std::int64_t limit);

}  // namespace watchbell::auth::store
