#include "domains/notification/oauth_links.hpp"

#include "base/text.hpp"
#include "domains/notification/channels/oauth.hpp"
#include "domains/notification/lapsed_channels.hpp"
#include "domains/notification/store.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/random.hpp"
#include "platform/log/log.hpp"
#include "runtime/rpc/query_string.hpp"

namespace watchbell::notification {

using channels::Channel;
using channels::OAuthLink;
using rules::Verdict;
namespace oauth = channels::oauth;

namespace {

constexpr std::chrono::seconds kRefreshLife{60};  // longer than a request may take
constexpr std::chrono::seconds kRefreshPause{2};

/// Ends in what it says: neither a browser nor a proxy keeps it, and its address, which holds a code, is told to no page.
void answer_redirect(http::Response& response, const std::string& url) {
  response.status = 302;
  response.extra_headers += "Cache-Control: no-store\r\n";
  response.add("Location", url);
}

OAuthLink link_of(std::string_view user_config) {
  auto link = rpc::from_json<OAuthLink>(user_config);
  if (!link) throw Fault("settings of a linked channel do not fit their type");
  return std::move(*link);
}

std::string token_of(const OAuthLink& link) { return link.access_token ? link.access_token->value.str() : std::string(); }

/// Why a provider sent the browser back without a code (RFC 6749 4.1.2.1): the user said no, or something else.
std::string_view told(std::string_view provider_error) { return provider_error == "access_denied" ? "denied" : "provider"; }

}  // namespace

struct OAuthLinks::Parameters {
  std::optional<std::string> state, code, error;
};

struct OAuthLinks::Flight {
  explicit Flight(Executor executor) : done(executor) {}
  async::Event done;
  std::optional<Renewed> outcome;
};

OAuthLinks::OAuthLinks(sql::Database& database, Changes& changes, const ChannelSettings& channels, http::Client& client, access::Identity& identity,
                       const crypto::Keyring& keyring, const Clock& clock, Executor executor, std::string base_url)
    : database_(database),
      changes_(changes),
      channels_(channels),
      client_(client),
      identity_(identity),
      key_(keyring.derive("notification.oauth", 32)),
      clock_(clock),
      executor_(executor),
      base_url_(std::move(base_url)) {}

std::string OAuthLinks::derived(std::string_view purpose, std::string_view text) const {
  return crypto::base64url_encode(crypto::hmac_sha256(key_, std::string(purpose) + "\n" + std::string(text)));
}

std::string OAuthLinks::mac(std::string_view state_id, const access::Principal& principal, std::string_view strategy_id) const {
  return derived("state", fmt::format("{}\n{}\n{}\n{}", state_id, principal.id.to_string(), principal.session->to_string(), strategy_id));
}

oauth::Trip OAuthLinks::trip_of(std::string_view state_id, std::string state, const Channel& channel) const {
  return {.state = std::move(state),
          .nonce = derived("nonce", state_id),
          .verifier = derived("verifier", state_id),
          .redirect_uri = base_url_ + std::string(kPath) + channel.id() + "/callback"};
}

awaitable<Result<OAuthUrl>> OAuthLinks::start(access::PrincipalPtr principal, GetOAuthUrl input) {
  const auto* channel = channels::find(channels_.registry(), input.strategy_id.str());
  if (channel == nullptr) co_return fail(ErrorCode::not_found, "There is no strategy {}", input.strategy_id.str());
  if (!channel->by_oauth()) co_return fail(ErrorCode::bad_request, "{} is not connected to an account", channel->traits().display_name);
  if (!principal->session) co_return fail(ErrorCode::forbidden, "An account is connected from a session of a browser");
  const std::string return_path = input.return_url ? input.return_url->str() : std::string(kSettingsPage);
  if (!rules::usable_return_path(return_path))
    co_return fail_field(ErrorCode::bad_request, "returnUrl", "returnUrl must be a path of this site, such as {}", kSettingsPage);

  const std::string id = crypto::base64url_encode(crypto::random_bytes(32));
  const std::string state = id + "." + mac(id, *principal, channel->id());
  auto client = co_await changes_.run([this, channel, user = UserId(principal->id), return_path, hash = crypto::sha256_hex(id)](Change& change) -> Result<oauth::Client> {
    if (!channels_.enabled(change.sql(), *channel)) return fail(ErrorCode::bad_request, "{} is switched off", channel->traits().display_name);
    const auto admin = channels_.admin_config(change.sql(), *channel);
    auto found = admin ? channel->oauth(*admin) : std::nullopt;
    if (!found) return fail(ErrorCode::bad_request, "{} is not set up by an administrator", channel->traits().display_name);
    store::begin_trip(change.sql(), user, channel->id(), {.state_hash = hash, .return_path = return_path, .expires_at = change.now() + kTripLife}, change.now());
    return std::move(*found);
  });
  if (!client) co_return std::unexpected(std::move(client.error()));
  co_return OAuthUrl{.auth_url = oauth::authorize_url(*client, trip_of(id, state, *channel))};
}

void OAuthLinks::mount(rpc::Front& front) {
  front.prefix(std::string(kPath), [this](rpc::RouteRequest request, http::Response& response) { return visit(request, response); });
}

awaitable<void> OAuthLinks::visit(rpc::RouteRequest request, http::Response& response) {
  constexpr std::string_view end = "/callback";
  std::string_view path = request.http.path().substr(kPath.size());
  const auto* channel = path.ends_with(end) ? channels::find(channels_.registry(), path.substr(0, path.size() - end.size())) : nullptr;
  if (channel == nullptr || !channel->by_oauth()) {
    rpc::answer_json(response, 404, R"({"error":"Not Found"})");
    co_return;
  }
  // Only a browser that is sent back: another method would bring no cookie, or do more than look.
  if (request.http.method() != "GET") {
    response.add("Allow", "GET");
    rpc::answer_json(response, 405, R"({"error":"Method Not Allowed"})");
    co_return;
  }
  Parameters given;
  rpc::for_each_parameter(request.http.query(), [&given](const std::string& name, std::string value) {
    if (name == "state") given.state = std::move(value);
    if (name == "code") given.code = std::move(value);
    if (name == "error") given.error = std::move(value);
  });
  auto principal = co_await identity_.identify({.authorization = {}, .cookie = request.credentials.cookie});
  if (!principal) {
    rpc::answer_json(response, 503, R"({"error":"Service Unavailable"})");
    co_return;
  }
  answer_redirect(response, base_url_ + co_await finish(*channel, std::move(*principal), std::move(given)));
}

awaitable<std::string> OAuthLinks::finish(const Channel& channel, access::PrincipalPtr principal, Parameters given) {
  const auto failed = [](std::string_view path, std::string_view why) { return oauth::with_parameter(path, "error", why); };
  if (principal->kind != access::Principal::Kind::user || !principal->session) co_return failed(kSettingsPage, "session");
  const auto dot = given.state ? given.state->rfind('.') : std::string::npos;
  if (dot == std::string::npos || given.state->size() > 200 || !constant_time_equal(mac(given.state->substr(0, dot), *principal, channel.id()), given.state->substr(dot + 1)))
    co_return failed(kSettingsPage, "state");
  const std::string id = given.state->substr(0, dot);
  const UserId user(principal->id);

  struct Taken {
    std::optional<store::Trip> trip;
    std::optional<std::string> admin_config;
    bool over = false;
  };
  auto taken = co_await changes_.run([this, &channel, user, hash = crypto::sha256_hex(id)](Change& change) {
    Taken found{.trip = store::end_trip(change.sql(), user, channel.id(), hash), .admin_config = {}};
    if (!found.trip) return found;
    found.over = change.now() >= found.trip->expires_at;
    if (channels_.enabled(change.sql(), channel)) found.admin_config = channels_.admin_config(change.sql(), channel);
    return found;
  });
  if (!taken) co_return failed(kSettingsPage, "unavailable");
  if (!taken->trip) co_return failed(kSettingsPage, "state");  // brought back before
  const std::string& path = taken->trip->return_path;
  if (taken->over) co_return failed(path, "expired");
  if (given.error) co_return failed(path, told(*given.error));
  if (!given.code || given.code->empty()) co_return failed(path, "provider");
  if (!taken->admin_config) co_return failed(path, "unavailable");
  const auto linked = co_await exchange(channel, user, id, std::move(*taken->admin_config), std::move(*given.code));
  if (!linked) co_return failed(path, "unavailable");
  co_return *linked ? oauth::with_parameter(path, "linked", channel.id()) : failed(path, "provider");
}

awaitable<Result<bool>> OAuthLinks::exchange(const Channel& channel, UserId user, std::string state_id, std::string admin_config, std::string code) {
  const auto no = [&channel](std::string_view why) {
    log::warn("an account could not be connected", {{"strategy", channel.id()}, {"reason", why}});
    return false;
  };
  const auto client = channel.oauth(admin_config);
  if (!client) co_return no("the channel is not set up");
  const auto trip = trip_of(state_id, {}, channel);
  const auto answer = co_await client_.send(oauth::code_request(*client, trip, code));
  const auto tokens = oauth::judge_tokens(answer, clock_.now());
  if (!tokens) co_return no(tokens.error().reason);
  const auto claims = tokens->id_token ? oauth::claims_of(*tokens->id_token, client->client_id, trip.nonce, clock_.now()) : std::nullopt;
  auto external = claims ? channel.external_id(*claims) : std::nullopt;
  if (!external) co_return no("the id token says nobody, or is not of this trip");
  const auto link = clear_json(oauth::link_of(*tokens, std::move(*external), clock_.now()));
  const auto kept = co_await changes_.run([this, &channel, user, link, used = admin_config](Change& change) -> Result<void> {
    // What goes where changed meanwhile: these tokens were given for what was before.
    if (channels_.admin_config(change.sql(), channel) != used) return fail(ErrorCode::conflict, "The channel was changed meanwhile");
    return channels_.replace_user_config(change, channel, user, link, true);
  });
  if (!kept) co_return std::unexpected(kept.error());
  co_return true;
}

awaitable<Renewed> OAuthLinks::renew(const Channel& channel, UserId user, std::string admin_config, std::string used, bool refused) {
  if (!refused && !oauth::over(link_of(used), clock_.now())) co_return Renewed{.user_config = std::move(used), .failed = {}};
  const std::pair key(user, channel.id());
  if (const auto found = flights_.find(key); found != flights_.end()) {
    const auto flight = found->second;
    while (!flight->outcome) co_await flight->done.wait();
    co_return *flight->outcome;
  }
  const auto flight = std::make_shared<Flight>(executor_);
  flights_.emplace(key, flight);
  // However it ends, a cancelled one too: nobody is left waiting.
  struct Landing {
    OAuthLinks& links;
    const std::pair<UserId, std::string>& key;
    Flight& flight;
    ~Landing() {
      if (!flight.outcome) flight.outcome = Renewed{.user_config = {}, .failed = Verdict::retry("the sign-in was not renewed in time")};
      links.flights_.erase(key);
      flight.done.notify_all();
    }
  } const landing{*this, key, *flight};
  flight->outcome = co_await refresh(channel, user, std::move(admin_config), std::move(used));
  co_return *flight->outcome;
}

awaitable<Renewed> OAuthLinks::refresh(const Channel& channel, UserId user, std::string admin_config, std::string used) {
  // Of processes that share the database one asks the provider.
  const auto now = clock_.now();
  const auto until = now + kRefreshLife;
  const auto begun = co_await database_.write([&channel, user, until, now](sql::Session& session) { return store::begin_refresh(session, user, channel.id(), until, now); },
                                              sql::Isolation::read_committed);
  if (!begun || !*begun)
    co_return Renewed{.user_config = {}, .failed = Verdict::retry(begun ? "another process renews the sign-in" : begun.error().message, begun ? std::optional(kRefreshPause) : std::nullopt)};
  auto renewed = co_await refresh_alone(channel, user, std::move(admin_config), std::move(used));
  // It ends by itself when this does not get through.
  static_cast<void>(co_await database_.write([&channel, user, until](sql::Session& session) { store::end_refresh(session, user, channel.id(), until); },
                                             sql::Isolation::read_committed));
  co_return renewed;
}

awaitable<Renewed> OAuthLinks::refresh_alone(const Channel& channel, UserId user, std::string admin_config, std::string used) {
  const auto failed = [](Verdict why) { return Renewed{.user_config = {}, .failed = std::move(why)}; };
  const auto ended = [&channel] { return Verdict::refused(fmt::format("{} has to be connected again by its user", channel.traits().display_name)); };
  auto stored = co_await database_.read([this, &channel, user](sql::Session& session) { return channels_.user_config(session, channel, user); });
  if (!stored) co_return failed(Verdict::retry(std::move(stored.error().message)));
  if (!*stored) co_return failed(Verdict::refused("The user has not set the channel up"));
  // Somebody renewed it since it was read.
  const auto before = link_of(**stored);
  if (token_of(before) != token_of(link_of(used)) && !oauth::over(before, clock_.now())) co_return Renewed{.user_config = std::move(**stored), .failed = {}};
  const auto client = channel.oauth(admin_config);
  if (!client) co_return failed(Verdict::retry("The channel is not set up by an administrator"));
  std::optional<oauth::Refusal> refusal;
  if (before.refresh_token) {
    const auto answer = co_await client_.send(oauth::refresh_request(*client, before.refresh_token->value.str()));
    const auto tokens = oauth::judge_tokens(answer, clock_.now());
    if (tokens) {
      auto after = clear_json(oauth::link_of(*tokens, before.external_id.str(), clock_.now(), &before));
      const auto kept = co_await keep(channel, user, std::move(**stored), after);
      if (!kept && kept.error().code == ErrorCode::conflict) co_return failed(Verdict::retry("the account was connected or disconnected meanwhile"));
      if (!kept) co_return failed(Verdict::retry(kept.error().message));
      co_return Renewed{.user_config = std::move(after), .failed = {}};
    }
    refusal = tokens.error();
  } else {
    refusal = oauth::Refusal{.ended = true, .reason = {}, .retry_after = {}};
  }
  if (!refusal->ended) co_return failed(Verdict::retry(std::move(refusal->reason), refusal->retry_after));
  const auto forgotten = co_await lapse(channel, user, std::move(**stored));
  if (!forgotten && forgotten.error().code == ErrorCode::conflict) co_return failed(Verdict::retry("the account was connected or disconnected meanwhile"));
  if (!forgotten) co_return failed(Verdict::retry(forgotten.error().message));
  co_return failed(ended());
}

awaitable<Result<void>> OAuthLinks::keep(const Channel& channel, UserId user, std::string before, std::string after) {
  co_return co_await changes_.run([this, &channel, user, before = std::move(before), after = std::move(after)](Change& change) -> Result<void> {
    // Disconnected, or connected anew, while the provider was asked: that stands.
    if (channels_.user_config(change.sql(), channel, user) != before) return fail(ErrorCode::conflict, "The account was connected or disconnected meanwhile");
    return channels_.replace_user_config(change, channel, user, after, std::nullopt);
  });
}

awaitable<Result<void>> OAuthLinks::lapse(const Channel& channel, UserId user, std::string before) {
  co_return co_await changes_.run([this, &channel, user, before = std::move(before)](Change& change) -> Result<void> {
    if (channels_.user_config(change.sql(), channel, user) != before) return fail(ErrorCode::conflict, "The account was connected or disconnected meanwhile");
    if (!channels_.forget(change, channel, user)) return {};
    return tell_later(change, channel, {user}, Lapse::link_ended);
  });
}

}  // namespace watchbell::notification
