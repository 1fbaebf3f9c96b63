#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domains/auth/types.hpp"
#include "platform/sql/session.hpp"

/// The rows of second factors, as plain functions over a session.
namespace watchbell::auth::store {

/// A user's second factor.
struct SecondFactor {
  UserId user_id;
  std::string secret;                     ///< sealed
  std::optional<Timestamp> confirmed_at;  ///< not in force before
  std::int64_t last_step = 0;             ///< of time; codes of steps up to it are used up
};
std::optional<SecondFactor> second_factor(sql::Session& session, const UserId& user);
bool has_second_factor(sql::Session& session, const UserId& user);
/// In place of the one he had, not confirmed.
void put_second_factor(sql::Session& session, const SecondFactor& factor, Timestamp now);
void use_second_factor(sql::Session& session, const UserId& user, std::int64_t step, Timestamp now);
/// With its recovery codes. Whether there was one.
bool delete_second_factor(sql::Session& session, const UserId& user);
/// At most `limit` of them, by user, after `after`.
std::vector<SecondFactor> second_factors(sql::Session& session, const std::optional<UserId>& after, std::int64_t limit);
void put_secret(sql::Session& session, const UserId& user, const std::string& sealed);
/// In place of those he had.
void put_recovery_codes(sql::Session& session, const UserId& user, const std::vector<std::string>& hashes);
/// Whether there was such a code; it is gone.
bool use_recovery_code(sql::Session& session, const UserId& user, const std::string& hash);

/// A sign-in that awaits its second factor.
struct Challenge {
  UserId user_id;
  bool remember = true;
  int failures = 0;
  Timestamp expires_at;
};
/// Takes those away that have ended.
void insert_challenge(sql::Session& session, const Challenge& challenge, const std::string& token_hash, Timestamp now);
std::optional<Challenge> find_challenge(sql::Session& session, const std::string& token_hash);
void fail_challenge(sql::Session& session, const std::string& token_hash);
void delete_challenge(sql::Session& session, const std::string& token_hash);
void delete_challenges_of(sql::Session& session, const UserId& user);

}  // namespace watchbell::auth::store
