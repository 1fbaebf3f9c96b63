#include "domains/auth/rules.hpp"
#include "domains/auth/second_factor_store.hpp"
#include "domains/auth/service.hpp"
#include "domains/auth/totp.hpp"

/// The second factor: how it is set up, shown and taken away.
namespace watchbell::auth {

using namespace std::chrono_literals;

namespace {

constexpr int kRecoveryCodes = 10;
/// Wrong codes that a sign-in survives.
constexpr int kMaxWrong = 5;

std::string name_of(const UserId& user) { return "user:" + user.to_string(); }

std::string aad_of(const UserId& user) { return crypto::seal_aad("auth", "second-factor", user.to_string()); }

/// The codes themselves are random, but the same code of two users must not look the same.
std::string recovery_hash(const UserId& user, std::string_view code) { return hash_of(user.to_string() + ":" + std::string(code)); }

std::unexpected<Error> no_factor() { return fail(ErrorCode::not_found, "No second factor is set up"); }
std::unexpected<Error> wrong_code() { return fail(ErrorCode::unauthorized, "Invalid code"); }

/// Makes recovery codes in place of those before; the answer is all that is ever seen of them.
std::vector<std::string> renew_codes(Change& change, const UserId& user) {
  std::vector<std::string> codes, hashes;
  for (int i = 0; i < kRecoveryCodes; ++i) {
    codes.push_back(totp::make_recovery_code());
    hashes.push_back(recovery_hash(user, codes.back()));
  }
  store::put_recovery_codes(change.sql(), user, hashes);
  return codes;
}

}  // namespace

Result<bool> Service::takes(Change& change, const store::SecondFactor& factor, const FactorCode& code) const {
  if (code.kind == FactorCode::Kind::recovery)
    return store::use_recovery_code(change.sql(), factor.user_id, recovery_hash(factor.user_id, totp::clean_recovery_code(code.text)));
  const auto secret = keyring_.open(factor.secret, aad_of(factor.user_id));
  if (!secret) return std::unexpected(secret.error());
  const auto step = totp::accepted_step(*secret, trim(code.text), change.now(), factor.last_step);
  if (!step) return false;
  store::use_second_factor(change.sql(), factor.user_id, *step, change.now());
  return true;
}

std::string Service::begin_challenge(Change& change, const UserId& user, bool remember) const {
  const std::string token = make_session_token();
  store::insert_challenge(change.sql(), {.user_id = user, .remember = remember, .failures = 0, .expires_at = change.now() + kChallengeLife}, hash_of(token),
                          change.now());
  return token;
}

awaitable<Result<SecondFactorSetup>> Service::enable_second_factor(Current session, std::string password, std::string address) {
  auto verified = co_await verify_password(session.user.email, std::move(password), address, "second_factor.enable");
  if (!verified) co_return std::unexpected(std::move(verified.error()));
  co_return co_await changes_.run([this, user = std::move(verified->user), address = std::move(address)](Change& change) -> Result<SecondFactorSetup> {
    if (store::has_second_factor(change.sql(), user.id)) return fail(ErrorCode::conflict, "A second factor is set up already: take it away first");
    const std::string secret = totp::make_secret();
    store::put_second_factor(change.sql(), {.user_id = user.id, .secret = keyring_.seal(secret, aad_of(user.id)), .confirmed_at = {}, .last_step = 0},
                             change.now());
    password_shown(change, user, address);
    return SecondFactorSetup{.uri = totp::uri_of(secret, user.email), .recovery_codes = renew_codes(change, user.id)};
  });
}

awaitable<Result<std::string>> Service::second_factor_uri(Current session, std::string password, std::string address) {
  auto verified = co_await verify_password(session.user.email, std::move(password), address, "second_factor.show");
  if (!verified) co_return std::unexpected(std::move(verified.error()));
  co_return co_await changes_.run([this, user = std::move(verified->user), address = std::move(address)](Change& change) -> Result<std::string> {
    password_shown(change, user, address);
    const auto factor = store::second_factor(change.sql(), user.id);
    if (!factor) return no_factor();
    const auto secret = keyring_.open(factor->secret, aad_of(user.id));
    if (!secret) return std::unexpected(secret.error());
    store::audit(change.sql(), {.actor = name_of(user.id), .action = "second_factor.show", .target = name_of(user.id), .address = address}, change.now());
    return totp::uri_of(*secret, user.email);
  });
}

awaitable<Result<void>> Service::confirm_second_factor(Current session, FactorCode code, std::string address) {
  auto taken = co_await changes_.run([this, user = std::move(session.user), code = std::move(code),
                                      address = std::move(address)](Change& change) -> Result<bool> {
    const auto factor = store::second_factor(change.sql(), user.id);
    // Recovery codes are for those who cannot show the other one.
    if (!factor || (!factor->confirmed_at && code.kind == FactorCode::Kind::recovery)) return no_factor();
    if (auto counted = count_attempt(change, user.email, address); !counted) return std::unexpected(std::move(counted.error()));
    auto right = takes(change, *factor, code);
    if (!right || !*right) return right;
    password_shown(change, user, address);
    if (!factor->confirmed_at) {
      store::audit(change.sql(), {.actor = name_of(user.id), .action = "second_factor.enable", .target = name_of(user.id), .address = address}, change.now());
      drop_user(change, user.id);  // what a session stands for says whether a factor is missing
    }
    return true;
  });
  if (!taken) co_return std::unexpected(std::move(taken.error()));
  if (!*taken) co_return wrong_code();
  co_return Result<void>();
}

void Service::drop_second_factor(Change& change, const UserId& user, const std::string& actor, const std::string& address) const {
  if (!store::delete_second_factor(change.sql(), user)) return;
  store::audit(change.sql(), {.actor = actor, .action = "second_factor.disable", .target = name_of(user), .address = address}, change.now());
  drop_user(change, user);
}

awaitable<Result<void>> Service::disable_second_factor(Current session, std::string password, std::string address) {
  auto verified = co_await verify_password(session.user.email, std::move(password), address, "second_factor.disable");
  if (!verified) co_return std::unexpected(std::move(verified.error()));
  co_return co_await changes_.run([this, user = std::move(verified->user), address = std::move(address)](Change& change) {
    password_shown(change, user, address);
    drop_second_factor(change, user.id, name_of(user.id), address);
  });
}

awaitable<Result<std::vector<std::string>>> Service::renew_recovery_codes(Current session, std::string password, std::string address) {
  auto verified = co_await verify_password(session.user.email, std::move(password), address, "second_factor.recovery_codes");
  if (!verified) co_return std::unexpected(std::move(verified.error()));
  co_return co_await changes_.run([user = std::move(verified->user), address = std::move(address)](Change& change) -> Result<std::vector<std::string>> {
    password_shown(change, user, address);
    if (!store::has_second_factor(change.sql(), user.id)) return no_factor();
    store::audit(change.sql(), {.actor = name_of(user.id), .action = "second_factor.recovery_codes", .target = name_of(user.id), .address = address},
                 change.now());
    return renew_codes(change, user.id);
  });
}

awaitable<Result<SignedIn>> Service::finish_sign_in(std::string cookie, FactorCode code, std::string address, std::string user_agent) {
  const auto token = cookies_.challenge(cookie);
  if (!token) co_return fail(ErrorCode::not_found, "There is no sign-in to finish");
  auto finished = co_await changes_.run([this, token_hash = hash_of(*token), code = std::move(code), address = std::move(address),
                                         agent = std::move(user_agent)](Change& change) -> Result<std::optional<SignedIn>> {
    const auto challenge = store::find_challenge(change.sql(), token_hash);
    if (!challenge || challenge->expires_at <= change.now() || challenge->failures >= kMaxWrong)
      return fail(ErrorCode::not_found, "There is no sign-in to finish");
    const auto user = store::find_user(change.sql(), challenge->user_id);
    const auto factor = store::second_factor(change.sql(), challenge->user_id);
    if (!user || !factor || !factor->confirmed_at) return fail(ErrorCode::not_found, "There is no sign-in to finish");
    if (auto counted = count_attempt(change, user->email, address); !counted) return std::unexpected(std::move(counted.error()));
    const auto right = takes(change, *factor, code);
    if (!right) return std::unexpected(right.error());
    if (!*right) {
      store::fail_challenge(change.sql(), token_hash);
      store::audit(change.sql(),
                   {.actor = name_of(user->id), .action = "session.sign_in", .target = name_of(user->id), .address = address, .outcome = "refused"},
                   change.now());
      return std::optional<SignedIn>();
    }
    store::delete_challenge(change.sql(), token_hash);
    password_shown(change, *user, address);
    return std::optional(begin_session(change, *user, challenge->remember, address, agent));
  });
  if (!finished) co_return std::unexpected(std::move(finished.error()));
  if (!*finished) co_return wrong_code();
  co_return std::move(**finished);
}

awaitable<Result<crypto::Reencryption>> Service::reencrypt() {
  constexpr std::int64_t kAtOnce = 500;
  crypto::Reencryption report;
  std::optional<UserId> after;
  for (;;) {
    struct Some {
      crypto::Reencryption report;
      std::optional<UserId> last;
    };
    auto some = co_await database_.write([this, after](sql::Session& session) {
      Some done;
      for (const auto& factor : store::second_factors(session, after, kAtOnce)) {
        done.last = factor.user_id;
        ++done.report.scanned;
        if (keyring_.form(factor.secret) == crypto::Keyring::Form::current) {
          ++done.report.skipped;
          continue;
        }
        const auto secret = keyring_.open(factor.secret, aad_of(factor.user_id));
        if (!secret) {
          done.report.failed.push_back("second factor of " + factor.user_id.to_string());
          continue;
        }
        store::put_secret(session, factor.user_id, keyring_.seal(*secret, aad_of(factor.user_id)));
        ++done.report.reencrypted;
      }
      return done;
    });
    if (!some) co_return std::unexpected(std::move(some.error()));
    report += some->report;
    if (!some->last) co_return report;
    after = some->last;
  }
}

}  // namespace watchbell::auth
