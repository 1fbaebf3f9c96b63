#include "domains/auth/second_factor_store.hpp"

namespace watchbell::auth::store {

BOOST_DESCRIBE_STRUCT(SecondFactor, (), (user_id, secret, confirmed_at, last_step))
BOOST_DESCRIBE_STRUCT(Challenge, (), (user_id, remember, failures, expires_at))

std::optional<SecondFactor> second_factor(sql::Session& session, const UserId& user) {
  return session.one<SecondFactor>("select user_id, secret, confirmed_at, last_step from second_factors where user_id = :1", user);
}

bool has_second_factor(sql::Session& session, const UserId& user) {
  const auto factor = second_factor(session, user);
  return factor && factor->confirmed_at;
}

void put_second_factor(sql::Session& session, const SecondFactor& factor, Timestamp now) {
  session.execute(
      "insert into second_factors (user_id, secret, confirmed_at, last_step, created_at) values (:1, :2, null, 0, :3) on conflict (user_id) do update set "
      "secret = excluded.secret, confirmed_at = null, last_step = 0, created_at = excluded.created_at",
      factor.user_id, factor.secret, now);
}

void use_second_factor(sql::Session& session, const UserId& user, std::int64_t step, Timestamp now) {
  session.execute("update second_factors set last_step = :2, confirmed_at = coalesce(confirmed_at, :3) where user_id = :1", user, step, now);
}

bool delete_second_factor(sql::Session& session, const UserId& user) {
  session.execute("delete from recovery_codes where user_id = :1", user);
  return session.execute("delete from second_factors where user_id = :1", user) > 0;
}

std::vector<SecondFactor> second_factors(sql::Session& session, const std::optional<UserId>& after, std::int64_t limit) {
  if (!after) return session.all<SecondFactor>("select user_id, secret, confirmed_at, last_step from second_factors order by user_id limit :1", limit);
  return session.all<SecondFactor>("select user_id, secret, confirmed_at, last_step from second_factors where user_id > :1 order by user_id limit :2", *after,
                                   limit);
}

void put_secret(sql::Session& session, const UserId& user, const std::string& sealed) {
  session.execute("update second_factors set secret = :2 where user_id = :1", user, sealed);
}

void put_recovery_codes(sql::Session& session, const UserId& user, const std::vector<std::string>& hashes) {
  session.execute("delete from recovery_codes where user_id = :1", user);
  session.execute("insert into recovery_codes (user_id, code_hash) select :1, value from json_each(:2)", user, sql::List(hashes));
}

bool use_recovery_code(sql::Session& session, const UserId& user, const std::string& hash) {
  return session.execute("delete from recovery_codes where user_id = :1 and code_hash = :2", user, hash) > 0;
}

void insert_challenge(sql::Session& session, const Challenge& challenge, const std::string& token_hash, Timestamp now) {
  session.execute("delete from sign_in_challenges where expires_at <= :1", now);
  session.execute("insert into sign_in_challenges (token_hash, user_id, remember, failures, expires_at) values (:1, :2, :3, :4, :5)", token_hash,
                  challenge.user_id, challenge.remember, challenge.failures, challenge.expires_at);
}

std::optional<Challenge> find_challenge(sql::Session& session, const std::string& token_hash) {
  return session.one<Challenge>("select user_id, remember, failures, expires_at from sign_in_challenges where token_hash = :1", token_hash);
}

void fail_challenge(sql::Session& session, const std::string& token_hash) {
  session.execute("update sign_in_challenges set failures = failures + 1 where token_hash = :1", token_hash);
}

void delete_challenge(sql::Session& session, const std::string& token_hash) {
  session.execute("delete from sign_in_challenges where token_hash = :1", token_hash);
}

void delete_challenges_of(sql::Session& session, const UserId& user) { session.execute("delete from sign_in_challenges where user_id = :1", user); }

}  // namespace watchbell::auth::store
