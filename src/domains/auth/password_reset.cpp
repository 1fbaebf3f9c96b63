#include "domains/auth/events.hpp"
#include "domains/auth/rules.hpp"
#include "domains/auth/service.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/password_policy.hpp"
#include "platform/crypto/random.hpp"

/// The way back for those who forgot their password. Asking enqueues the same job for every address: whether anybody has it is found out where
/// nobody waits, so neither an answer nor its time tells.
namespace watchbell::auth {

struct AskedReset {
  Email email;
  Text<0, 100> address;
};
BOOST_DESCRIBE_STRUCT(AskedReset, (), (email, address))

awaitable<Result<void>> Service::request_password_reset(Email email, std::string address) {
  jobs::NewJob job;
  job.queue = kPasswordResetQueue;
  job.dedupe_id = crypto::sha256_hex(email.str());
  job.payload = rpc::to_json(AskedReset{.email = std::move(email), .address = Text<0, 100>::make(address).value_or(Text<0, 100>())});
  co_return co_await changes_.run([job = std::move(job)](Change& change) -> Result<void> {
    auto enqueued = change.enqueues(job);
    if (!enqueued) return std::unexpected(std::move(enqueued.error()));
    return {};
  });
}

awaitable<jobs::Outcome> Service::run_password_reset(jobs::Job job) {
  const auto asked = rpc::from_json<AskedReset>(job.payload);
  if (!asked) co_return jobs::Outcome::give_up("the job names no address");
  auto done = co_await changes_.run([asked = *asked](Change& change) -> Result<void> {
    const auto user = store::find_user_by_email(change.sql(), asked.email.str());
    const std::string who = user ? "user:" + user->id.to_string() : "unknown";
    const auto audit = [&](std::string outcome) {
      store::audit(change.sql(),
                   {.actor = who, .action = "password.reset_request", .target = who, .address = asked.address.str(), .outcome = std::move(outcome)},
                   change.now());
    };
    if (!user) {
      audit("refused");
      return {};
    }
    // Whoever asks again and again fills nobody's mailbox.
    const auto last = store::password_reset_of(change.sql(), user->id);
    if (last && change.now() < last->created_at + rules::kResetPause) return {};
    auto token = crypto::random_token(24);
    const auto expires_at = change.now() + rules::kResetLife;
    store::put_password_reset(change.sql(), {.user_id = user->id, .expires_at = expires_at, .created_at = change.now()}, hash_of(token));
    audit("ok");
    PasswordResetRequested event{.user_id = user->id, .request = Uuid::make_v7(change.now().millis()), .expires_at = expires_at, .token = {}};
    event.token.value = Text<1, 128>::make(token).value();
    return change.publishes(events::make(kPasswordResetRequested, event));
  });
  if (!done) co_return jobs::Outcome::retry(std::move(done.error().message));
  co_return jobs::Outcome::done();
}

awaitable<Result<ResetToken>> Service::judge_reset_token(std::string token) {
  co_return co_await database_.read([hash = hash_of(token), now = clock_.now()](sql::Session& session) {
    const auto reset = store::find_password_reset(session, hash);
    if (!reset) return ResetToken::invalid;
    return reset->expires_at > now ? ResetToken::valid : ResetToken::expired;
  });
}

awaitable<Result<void>> Service::reset_password(std::string token, std::string fresh, std::string address) {
  // A token that opens nothing costs no hash.
  const auto judged = co_await judge_reset_token(token);
  if (!judged) co_return std::unexpected(judged.error());
  if (*judged != ResetToken::valid) co_return fail(ErrorCode::not_found, "Invalid token");
  auto hash = co_await hash_password(std::move(fresh));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  co_return co_await changes_.run([this, token_hash = hash_of(token), hash = std::move(*hash), address = std::move(address)](Change& change) -> Result<void> {
    const auto reset = store::find_password_reset(change.sql(), token_hash);
    if (!reset || reset->expires_at <= change.now()) return fail(ErrorCode::not_found, "Invalid token");
    const auto user = store::find_user(change.sql(), reset->user_id);
    if (!user) return fail(ErrorCode::not_found, "Invalid token");
    put_password(change, *user, hash, std::nullopt);
    if (auto told = tell_of_password(change, *user); !told) return told;
    store::audit(change.sql(),
                 {.actor = "user:" + user->id.to_string(), .action = "password.reset", .target = "user:" + user->id.to_string(), .address = address},
                 change.now());
    return {};
  });
}

}  // namespace watchbell::auth
