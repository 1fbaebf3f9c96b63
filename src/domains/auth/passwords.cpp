#include "domains/auth/events.hpp"
#include "domains/auth/rules.hpp"
#include "domains/auth/service.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/password_policy.hpp"
#include "platform/resolver/address.hpp"

/// How passwords are shown, changed and kept.
namespace watchbell::auth {

using namespace std::chrono_literals;

namespace {

/// What failures are counted under for an address, whether anybody has it or not.
std::string account_of(const std::string& email) { return crypto::sha256_hex(email); }

/// The network a client comes from: an IPv4 address, or the 64 bits of an IPv6 address that one customer has.
std::string network_of(const std::string& address) {
  const auto parsed = net::Address::parse(address);
  if (!parsed || parsed->unmapped().is_v4()) return address;
  auto bytes = parsed->bytes();
  std::array<std::uint8_t, 16> network{};
  std::copy_n(bytes.begin(), 8, network.begin());
  return net::Address::v6(network).to_string() + "/64";
}

}  // namespace

awaitable<Result<std::string>> Service::hash_password(std::string fresh) {
  if (auto judged = crypto::check_password(fresh); !judged) co_return std::unexpected(std::move(judged.error()));
  co_return co_await passwords_.hash(std::move(fresh));
}

// Counted before it is tried, so that many at once are many; what succeeds takes itself back.
Result<void> Service::count_attempt(Change& change, const std::string& email, const std::string& address) {
  const std::string account = account_of(email), network = network_of(address);
  store::purge_failures(change.sql(), change.now() - rules::kFailuresKept, 100);
  const auto failures = store::failures(change.sql(), account, network);
  if (const auto left = failures.last_at + rules::sign_in_pause(failures.count) - change.now(); left > 0s) {
    Error error{.code = ErrorCode::too_many_requests, .message = "Too many requests. Please try again later.", .field = {}, .retry_after = {}, .data = {}};
    error.retry_after = std::chrono::ceil<std::chrono::seconds>(left);
    return std::unexpected(std::move(error));
  }
  store::add_failure(change.sql(), account, network, change.now());
  return {};
}

void Service::lift_pause(Change& change, const User& user, const std::string& address) {
  store::take_failure_back(change.sql(), account_of(user.email), network_of(address), change.now() - rules::kLongestPause);
}

awaitable<Result<Service::Verified>> Service::verify_password(std::string email, std::string password, std::string address, std::string action) {
  struct Found {
    std::optional<User> user;
    std::string password;
  };
  auto found = co_await changes_.run([email, address](Change& change) -> Result<Found> {
    if (auto counted = count_attempt(change, email, address); !counted) return std::unexpected(std::move(counted.error()));
    Found result{.user = store::find_user_by_email(change.sql(), email), .password = {}};
    if (result.user) result.password = store::find_password(change.sql(), result.user->id).value_or(std::string());
    return result;
  });
  if (!found) co_return std::unexpected(std::move(found.error()));
  Result<crypto::PasswordHasher::Verdict> verdict;
  if (!found->user || found->password.empty()) {
    // An address nobody has costs the same time as a wrong password.
    if (auto burnt = co_await passwords_.burn(password); !burnt) verdict = std::unexpected(std::move(burnt.error()));
  } else {
    verdict = co_await passwords_.verify(password, found->password);
  }
  if (!verdict) {
    // Nobody looked at the password: it was not wrong.
    co_await changes_.run([email, address](Change& change) { store::take_failure_back(change.sql(), account_of(email), network_of(address)); });
    co_return std::unexpected(std::move(verdict.error()));
  }
  if (!verdict->ok) {
    if (!action.empty())
      co_await changes_.run([who = found->user ? "user:" + found->user->id.to_string() : std::string("unknown"), address, action](Change& change) {
        store::audit(change.sql(), {.actor = who, .action = action, .target = who, .address = address, .outcome = "refused"}, change.now());
      });
    co_return fail(ErrorCode::unauthorized, "Invalid email or password");
  }
  Verified verified{.user = std::move(*found->user), .stored = std::move(found->password), .rehashed = {}};
  if (verdict->needs_rehash) {
    auto fresh = co_await passwords_.hash(std::move(password));
    if (fresh) verified.rehashed = std::move(*fresh);
  }
  co_return verified;
}

void Service::password_shown(Change& change, const User& user, const std::string& address) {
  store::forget_failures(change.sql(), account_of(user.email), network_of(address));
}

void Service::put_password(Change& change, const User& user, const std::string& hash, const std::optional<SessionId>& but) const {
  if (store::find_password(change.sql(), user.id))
    store::set_password(change.sql(), user.id, hash, change.now());
  else
    store::insert_credential(change.sql(), user.id, hash, change.now());
  store::delete_password_reset(change.sql(), user.id);
  store::forget_failures(change.sql(), account_of(user.email));
  store::delete_challenges_of(change.sql(), user.id);
  end_sessions(change, user.id, but);
}

Result<void> Service::tell_of_password(Change& change, const User& user) {
  return change.publishes(events::make(kPasswordChanged, PasswordChanged{.user_id = user.id, .change = Uuid::make_v7(change.now().millis())}));
}

awaitable<Result<std::optional<SignedIn>>> Service::change_password(Current session, std::string current, std::string fresh, bool renew, std::string address) {
  if (auto judged = crypto::check_password(fresh); !judged) co_return std::unexpected(std::move(judged.error()));
  auto verified = co_await verify_password(session.user.email, std::move(current), address, "password.change");
  if (!verified) co_return std::unexpected(std::move(verified.error()));
  auto hash = co_await passwords_.hash(std::move(fresh));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  co_return co_await changes_.run([this, session = std::move(session), verified = std::move(*verified), hash = std::move(*hash), renew,
                                   address = std::move(address)](Change& change) -> Result<std::optional<SignedIn>> {
    const auto user = store::find_user(change.sql(), session.user.id);
    // Of two who change it at once one wins, and a session that ended meanwhile changes nothing.
    if (!user || store::find_password(change.sql(), user->id) != verified.stored || !store::find_session(change.sql(), hash_of(session.token)))
      return fail(ErrorCode::unauthorized, "Invalid password");
    put_password(change, *user, hash, renew ? std::nullopt : std::optional(session.session.id));
    if (auto told = tell_of_password(change, *user); !told) return std::unexpected(std::move(told.error()));
    store::audit(change.sql(),
                 {.actor = "user:" + user->id.to_string(), .action = "password.change", .target = "user:" + user->id.to_string(), .address = address},
                 change.now());
    if (!renew) return std::optional<SignedIn>();
    return std::optional(begin_session(change, *user, session.session.remember, address, session.session.user_agent));
  });
}

awaitable<Result<UserId>> Service::reset_password_of(Email email, std::string fresh, bool drop_second_factor) {
  auto hash = co_await hash_password(std::move(fresh));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  co_return co_await changes_.run([this, email = std::move(email), hash = std::move(*hash), drop_second_factor](Change& change) -> Result<UserId> {
    const auto user = store::find_user_by_email(change.sql(), email.str());
    if (!user) return fail(ErrorCode::not_found, "there is no user {}", email.str());
    put_password(change, *user, hash, std::nullopt);
    store::audit(change.sql(), {.actor = "console", .action = "password.reset", .target = "user:" + user->id.to_string(), .address = {}}, change.now());
    if (drop_second_factor) this->drop_second_factor(change, user->id, "console", {});
    return user->id;
  });
}

}  // namespace watchbell::auth
