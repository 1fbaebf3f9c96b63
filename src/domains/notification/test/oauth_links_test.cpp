#include "domains/notification/oauth_links.hpp"

#include "domains/notification/lapsed_channels.hpp"
#include "domains/notification/test/fixture.hpp"
#include "domains/notification/test/microsoft_peer.hpp"
#include "platform/log/log.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using test::MicrosoftPeer;
using test::user;

constexpr std::string_view kTeams = "notification-teams.teams";
constexpr std::string_view kGotify = "notification-gotify.gotify";
const std::string kCallback = "/api/notification/oauth/notification-teams.teams/callback";

Uuid session(int n) { return Uuid::parse(fmt::format("05000000-0000-7000-8000-{:012}", n)).value(); }

/// A cookie is "<user> <session>", by their numbers: "1 7".
class Sessions final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override { co_return of(credentials.cookie); }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
  static access::PrincipalPtr of(std::string_view cookie) {
    if (cookie.size() != 3) return access::Principal::nobody();
    access::Principal principal;
    principal.kind = access::Principal::Kind::user;
    principal.id = user(cookie[0] - '0').uuid();
    principal.session = session(cookie[2] - '0');
    return std::make_shared<const access::Principal>(principal);
  }
};

struct WithTeams : test::Fixture {
  explicit WithTeams(async::Loop& l) : Fixture(l), peer(l.executor(), clock) { EXPECT_TRUE(tell_of_lapsed_channels(*bus, service, registry)); }
  awaitable<void> switch_on(bool on = true) {
    UpdateStrategy input{.strategy_id = Text<1, 200>::of(std::string(kTeams)), .enabled = {on}, .config = {}};
    input.config = Patch<ConfigJson>::set(ConfigJson{.text = peer.admin_config()});
    EXPECT_TRUE(co_await channel_settings.update_strategy(std::move(input)));
  }
  awaitable<std::string> begin(std::string_view cookie = "1 7", std::optional<std::string> back = {}) {
    GetOAuthUrl input{.strategy_id = Text<1, 200>::of(std::string(kTeams)), .return_url = {}};
    if (back) input.return_url = Text<1, 500>::of(*back);
    const auto url = co_await mine.start(Sessions::of(cookie), std::move(input));
    co_return url ? url->auth_url : std::string(wire_code(url.error().code));
  }
  /// Where the browser is sent from the callback; or the status.
  awaitable<std::string> come_back(std::string query, std::string cookie = "1 7", std::string path = kCallback, std::string method = "GET") {
    const std::string target = path + "?" + query;
    const auto request = http::Request::make_for_test(method, target, {{"Cookie", cookie}});
    http::Response response;
    co_await mine.visit({.http = request, .correlation_id = "c", .address = "10.0.0.1", .credentials = {.authorization = {}, .cookie = cookie}}, response);
    if (response.status != 302) co_return std::to_string(response.status);
    EXPECT_NE(response.extra_headers.find("Cache-Control: no-store\r\n"), std::string::npos);
    const auto at = response.extra_headers.find("Location: ") + 10;
    co_return response.extra_headers.substr(at, response.extra_headers.find("\r\n", at) - at);
  }
  awaitable<void> link(std::string_view cookie = "1 7") {
    EXPECT_EQ(co_await come_back(peer.agree(co_await begin(cookie)), std::string(cookie)), "https://watchbell.test/notification/settings?linked=notification-teams.teams");
  }
  awaitable<std::string> view() {
    const auto views = (co_await channel_settings.user_channels(user(1))).value();
    for (const auto& one : views)
      if (one.strategy_id == kTeams) co_return rpc::to_json(one);
    co_return "none";
  }
  awaitable<std::optional<channels::OAuthLink>> stored(int of = 1) {
    auto json = co_await database->read([this, of](sql::Session& s) { return channel_settings.user_config(s, *channels::find(registry, kTeams), user(of)); });
    if (!*json) co_return std::nullopt;
    co_return rpc::from_json<channels::OAuthLink>(**json).value();
  }
  awaitable<void> all_done() {
    while (co_await rows("jobs") > 0) co_await asio::post(loop.executor(), use_awaitable);
  }
  awaitable<void> end() {
    co_await peer.sink.close();
    co_await shut();
  }
  Sessions who;
  OAuthLinks mine{*database, *changes, channel_settings, bench.client, who, keyring, clock, loop.executor(), "https://watchbell.test"};
  MicrosoftPeer peer;
};

std::string settings(std::string_view outcome) { return "https://watchbell.test/notification/settings?" + std::string(outcome); }

CO_TEST(OAuthLinks, N_10_an_account_is_connected_and_its_tokens_are_sealed) {
  WithTeams f(loop);
  co_await f.switch_on();
  const auto unlinked = co_await f.view();
  EXPECT_NE(unlinked.find(R"("enabled":true,"isConfigured":false,"userInstructions")"), std::string::npos) << unlinked;
  const auto url = co_await f.begin();
  const auto asked = MicrosoftPeer::parameters(url.substr(url.find('?') + 1));
  EXPECT_EQ(asked.at("redirect_uri"), "https://watchbell.test" + kCallback);
  EXPECT_EQ(asked.at("scope"), "openid profile offline_access User.Read Chat.ReadWrite");
  EXPECT_EQ(co_await f.come_back(f.peer.agree(url)), settings("linked=notification-teams.teams"));
  const auto link = co_await f.stored();
  CO_ASSERT_TRUE(link.has_value());
  EXPECT_EQ(link->external_id.str(), f.peer.oid);
  EXPECT_EQ(link->refresh_token->value.str(), f.peer.live_refresh);
  EXPECT_EQ(link->expires_at, f.clock.now() + 3600s);
  // Neither kept in the clear nor answered.
  const auto data = co_await f.joined("select data from settings_records");
  const auto view = co_await f.view();
  EXPECT_NE(view.find(R"("isConfigured":true,"linkedAt":"2026-01-01T00:00:00.000Z")"), std::string::npos) << view;
  for (const auto& secret : {link->access_token->value.str(), link->refresh_token->value.str(), std::string("S3CRET")}) {
    EXPECT_EQ(data.find(secret), std::string::npos);
    EXPECT_EQ(view.find(secret), std::string::npos);
  }
  EXPECT_EQ(view.find("userConfig"), std::string::npos) << view;
  // Nothing of the trip stays.
  EXPECT_EQ(co_await f.rows("oauth_trips"), 0);
  EXPECT_TRUE(co_await f.channel_settings.unlink(user(1), std::string(kTeams)));
  EXPECT_FALSE(co_await f.stored());
  EXPECT_EQ(co_await f.rows("settings_records where record like 'user-pref.%'"), 0);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_state_is_good_once) {
  WithTeams f(loop);
  co_await f.switch_on();
  const auto query = f.peer.agree(co_await f.begin());
  EXPECT_EQ(co_await f.come_back(query), settings("linked=notification-teams.teams"));
  EXPECT_EQ(co_await f.come_back(query), settings("error=state"));
  // Nor does a fresh code bring it back.
  const auto other = f.peer.agree(co_await f.begin());
  EXPECT_EQ(co_await f.come_back(other.substr(0, other.find('&')) + query.substr(query.find('&'))), settings("error=state"));
  // One that failed is used up too.
  const auto failing = f.peer.agree(co_await f.begin());
  f.peer.token_status = 500;
  EXPECT_EQ(co_await f.come_back(failing), settings("error=provider"));
  f.peer.token_status = 0;
  EXPECT_EQ(co_await f.come_back(failing), settings("error=state"));
  // The one begun last counts.
  const auto early = f.peer.agree(co_await f.begin());
  const auto late = f.peer.agree(co_await f.begin());
  EXPECT_EQ(co_await f.come_back(early), settings("error=state"));
  EXPECT_EQ(co_await f.come_back(late), settings("linked=notification-teams.teams"));
  EXPECT_EQ(co_await f.rows("oauth_trips"), 0);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_state_belongs_to_the_session_that_began) {
  WithTeams f(loop);
  co_await f.switch_on();
  const auto query = f.peer.agree(co_await f.begin("1 7"));
  EXPECT_EQ(co_await f.come_back(query, "2 8"), settings("error=state")) << "another user's browser: what an attacker began would be linked to him";
  EXPECT_EQ(co_await f.come_back(query, "1 8"), settings("error=state")) << "another session of the same user";
  EXPECT_EQ(co_await f.come_back(query, ""), settings("error=session"));
  EXPECT_FALSE(co_await f.stored(2));
  EXPECT_EQ(f.peer.token_requests(), 0u) << "no code was spent on it";
  // And whoever it belongs to is not kept from it by others who tried.
  EXPECT_EQ(co_await f.come_back(query, "1 7"), settings("linked=notification-teams.teams"));
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_state_ends_after_ten_minutes) {
  WithTeams f(loop);
  co_await f.switch_on();
  const auto late = f.peer.agree(co_await f.begin());
  f.clock.advance(10min, 1min);
  EXPECT_EQ(co_await f.come_back(late), settings("error=expired"));
  const auto in_time = f.peer.agree(co_await f.begin());
  f.clock.advance(10min - 1s, 1min);
  EXPECT_EQ(co_await f.come_back(in_time), settings("linked=notification-teams.teams"));
  // Those that nobody comes back with go when somebody else begins.
  co_await f.begin("2 8");
  f.clock.advance(10min, 1min);
  co_await f.begin("1 7");
  EXPECT_EQ(co_await f.rows("oauth_trips"), 1);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_state_that_was_altered_is_none) {
  WithTeams f(loop);
  co_await f.switch_on();
  const auto query = f.peer.agree(co_await f.begin());
  const auto at = query.find("state=") + 6;
  const auto state = query.substr(at, query.find('&', at) - at);
  const auto code = query.substr(0, query.find('&'));
  for (std::size_t i = 0; i < state.size(); i += 5) {
    auto other = state;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(co_await f.come_back(code + "&state=" + other), settings("error=state")) << i;
    EXPECT_EQ(co_await f.come_back(code + "&state=" + state.substr(0, i)), settings("error=state")) << i;
  }
  for (const std::string& other : {std::string(), std::string("."), std::string("%00"), std::string(5000, 'a'), state + "A", state.substr(0, state.find('.'))})
    EXPECT_EQ(co_await f.come_back(code + "&state=" + other), settings("error=state")) << other;
  EXPECT_EQ(co_await f.come_back(code), settings("error=state"));
  EXPECT_EQ(f.peer.token_requests(), 0u);
  EXPECT_EQ(co_await f.come_back(query), settings("linked=notification-teams.teams"));
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_browser_is_sent_back_to_this_site_alone) {
  WithTeams f(loop);
  co_await f.switch_on();
  for (const char* elsewhere : {"https://evil.test/", "//evil.test", "/\\evil.test", "\\/evil.test", "evil", "javascript:alert(1)", "/a\r\nX: y", "/a b", "/a#b", "/\tx"})
    EXPECT_EQ(co_await f.begin("1 7", elsewhere), "BAD_REQUEST") << elsewhere;
  EXPECT_EQ(co_await f.come_back(f.peer.agree(co_await f.begin("1 7", "/account/ways?tab=2"))), "https://watchbell.test/account/ways?tab=2&linked=notification-teams.teams");
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_code_without_its_verifier_opens_nothing) {
  WithTeams f(loop);
  co_await f.switch_on();
  // The attacker's own code, begun with a verifier of his, put into the victim's way back.
  auto query = f.peer.agree(co_await f.begin());
  const auto code = f.peer.code_for_challenge(crypto::base64url_encode(crypto::sha256("his own verifier")), "https://watchbell.test" + kCallback);
  EXPECT_EQ(co_await f.come_back("code=" + code + query.substr(query.find('&'))), settings("error=provider"));
  EXPECT_FALSE(co_await f.stored());
  // And one for another trip of the server: its id token says so.
  f.peer.nonce_instead = "another";
  EXPECT_EQ(co_await f.come_back(f.peer.agree(co_await f.begin())), settings("error=provider"));
  f.peer.nonce_instead.clear();
  f.peer.audience = "another-app";
  EXPECT_EQ(co_await f.come_back(f.peer.agree(co_await f.begin())), settings("error=provider"));
  EXPECT_FALSE(co_await f.stored());
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_what_a_provider_says_no_with_is_shown_to_nobody) {
  WithTeams f(loop);
  const log::Capture capture;
  co_await f.switch_on();
  const auto refused = [&f](std::string error) -> awaitable<std::string> {
    const auto query = f.peer.agree(co_await f.begin());
    co_return co_await f.come_back("error=" + error + "&error_description=%3Cscript%3E" + query.substr(query.find('&')));
  };
  EXPECT_EQ(co_await refused("access_denied"), settings("error=denied"));
  EXPECT_EQ(co_await refused("https%3A%2F%2Fevil.test"), settings("error=provider"));
  EXPECT_EQ(co_await f.come_back("error=access_denied&error_description=x"), settings("error=state")) << "nobody began that";
  f.peer.token_status = 401;
  f.peer.token_error = "invalid_client";
  EXPECT_EQ(co_await f.come_back(f.peer.agree(co_await f.begin())), settings("error=provider"));
  EXPECT_TRUE(capture.contains("the sign-in service answered 401 invalid_client"));
  EXPECT_FALSE(capture.contains("AADSTS"));
  EXPECT_FALSE(co_await f.stored());
  co_await f.end();
}

CO_TEST(OAuthLinks, only_a_browser_that_is_sent_back_is_answered) {
  WithTeams f(loop);
  co_await f.switch_on();
  const auto query = f.peer.agree(co_await f.begin());
  for (const char* method : {"POST", "HEAD", "PUT", "DELETE"}) EXPECT_EQ(co_await f.come_back(query, "1 7", kCallback, method), "405") << method;
  for (const char* path : {"/api/notification/oauth/", "/api/notification/oauth/callback", "/api/notification/oauth/no.such/callback",
                           "/api/notification/oauth/notification-webhook.webhook/callback", "/api/notification/oauth/notification-teams.teams"})
    EXPECT_EQ(co_await f.come_back(query, "1 7", path), "404") << path;
  EXPECT_EQ(co_await f.come_back(query), settings("linked=notification-teams.teams"));
  co_await f.end();
}

CO_TEST(OAuthLinks, what_cannot_be_connected_says_why) {
  WithTeams f(loop);
  const auto begin = [&f](std::string strategy, access::PrincipalPtr who) -> awaitable<std::string> {
    const auto url = co_await f.mine.start(who, {.strategy_id = Text<1, 200>::of(strategy), .return_url = {}});
    co_return url ? "ok" : std::string(wire_code(url.error().code));
  };
  const auto ann = Sessions::of("1 7");
  EXPECT_EQ(co_await begin("no.such", ann), "NOT_FOUND");
  EXPECT_EQ(co_await begin("notification-webhook.webhook", ann), "BAD_REQUEST");
  EXPECT_EQ(co_await begin(std::string(kTeams), ann), "BAD_REQUEST") << "off, and not set up";
  co_await f.switch_on(false);
  EXPECT_EQ(co_await begin(std::string(kTeams), ann), "BAD_REQUEST") << "off";
  co_await f.switch_on();
  EXPECT_EQ(co_await begin(std::string(kTeams), ann), "ok");
  auto without = *ann;
  without.session.reset();
  EXPECT_EQ(co_await begin(std::string(kTeams), std::make_shared<const access::Principal>(without)), "FORBIDDEN");
  // Switched off while the user is away.
  const auto query = f.peer.agree(co_await f.begin());
  co_await f.switch_on(false);
  EXPECT_EQ(co_await f.come_back(query), settings("error=unavailable"));
  co_await f.end();
}

CO_TEST(OAuthLinks, N_9_a_link_is_written_by_connecting_alone) {
  WithTeams f(loop);
  co_await f.switch_on();
  SetPreference input{.strategy_id = Text<1, 200>::of(std::string(kTeams)), .enabled = {true}, .user_config = {}};
  input.user_config = Patch<ConfigJson>::set(ConfigJson{.text = R"({"externalId":"victim","accessToken":"a"})"});
  const auto set = co_await f.channel_settings.set_preference(user(1), input);
  CO_ASSERT_TRUE(!set);
  EXPECT_EQ(set.error().code, ErrorCode::bad_request);
  EXPECT_FALSE(co_await f.stored());
  co_await f.link();
  input.user_config = {};
  input.enabled = {false};
  EXPECT_TRUE(co_await f.channel_settings.set_preference(user(1), input));
  EXPECT_TRUE(co_await f.stored()) << "his switch alone is no reason to forget it";
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_token_that_has_ended_is_renewed_and_the_new_refresh_token_kept) {
  WithTeams f(loop);
  co_await f.queue->start();
  co_await f.switch_on();
  co_await f.link();
  co_await f.notify({user(1)}, "One");
  co_await f.all_done();
  EXPECT_EQ(f.peer.messages_as.size(), 1u);
  EXPECT_EQ(f.peer.token_requests(), 1u) << "it had not ended";
  const auto first = f.peer.live_refresh;
  for (int round = 2; round <= 3; ++round) {
    f.clock.advance(1h, 1h);
    co_await f.notify({user(1)}, "More");
    co_await f.all_done();
    EXPECT_EQ(f.peer.messages_as.size(), static_cast<std::size_t>(round));
    EXPECT_EQ(f.peer.token_requests(), static_cast<std::size_t>(round));
  }
  EXPECT_NE(f.peer.live_refresh, first);
  EXPECT_EQ((co_await f.stored())->refresh_token->value.str(), f.peer.live_refresh);
  // A provider that gives no new one leaves the old one in force.
  f.peer.rotate = false;
  f.clock.advance(1h, 1h);
  co_await f.notify({user(1)}, "Last");
  co_await f.all_done();
  EXPECT_EQ(f.peer.messages_as.size(), 4u);
  EXPECT_EQ((co_await f.stored())->refresh_token->value.str(), f.peer.live_refresh);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_many_messages_of_one_user_make_one_refresh) {
  WithTeams f(loop);
  co_await f.queue->start();
  co_await f.switch_on();
  co_await f.link();
  f.clock.advance(2h, 1h);
  const auto before = f.peer.token_requests();
  for (int n = 0; n < 12; ++n) co_await f.notify({user(1)}, "Message " + std::to_string(n));
  while (co_await f.rows("jobs") > 0) f.clock.advance(50ms);  // no more go out at once than Teams takes
  EXPECT_EQ(f.peer.messages_as.size(), 12u);
  EXPECT_EQ(f.peer.token_requests(), before + 1);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_of_several_processes_one_renews_a_token_and_the_others_come_again) {
  WithTeams f(loop);
  co_await f.queue->start();
  co_await f.switch_on();
  co_await f.link();
  f.clock.advance(2h, 1h);
  const auto before = f.peer.token_requests();
  // Another process has begun, and dies.
  const auto until = f.clock.now() + 1min;
  EXPECT_TRUE(*co_await f.database->write([&](sql::Session& s) { return store::begin_refresh(s, user(1), kTeams, until, f.clock.now()); }));
  EXPECT_FALSE(*co_await f.database->write([&](sql::Session& s) { return store::begin_refresh(s, user(1), kTeams, until, f.clock.now()); }));
  const auto refused = co_await f.deliveries.test(user(1), std::string(kTeams), true);
  EXPECT_FALSE(refused->success);
  EXPECT_EQ(f.peer.token_requests(), before) << "a token for renewal that is used twice may end the link";
  EXPECT_TRUE(co_await f.stored());
  f.clock.advance(1min, 1min);
  EXPECT_TRUE((co_await f.deliveries.test(user(1), std::string(kTeams), true))->success);
  EXPECT_EQ(f.peer.token_requests(), before + 1);
  EXPECT_EQ(co_await f.rows("oauth_refreshes"), 0) << "who is done says so";
  co_await f.end();
}

CO_TEST(OAuthLinks, N_5_a_token_that_is_refused_is_renewed_once) {
  WithTeams f(loop);
  co_await f.queue->start();
  co_await f.switch_on();
  co_await f.link();
  f.peer.revoked.insert((co_await f.stored())->access_token->value.str());
  co_await f.notify({user(1)}, "One");
  co_await f.all_done();
  EXPECT_EQ(f.peer.messages_as.size(), 1u);
  EXPECT_EQ(f.peer.token_requests(), 2u);
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 1);
  // A provider that takes no token at all is not asked for ever.
  f.peer.graph_status = 401;
  co_await f.notify({user(1)}, "Two");
  co_await f.all_done();
  EXPECT_EQ(f.peer.token_requests(), 3u);
  EXPECT_EQ(co_await f.rows("deliveries where state = 'refused'"), 1);
  // One that was renewed as it had ended, and is refused all the same, is renewed once more.
  f.clock.advance(2h, 1h);
  f.peer.refuse_next = true;
  f.peer.graph_status = 0;
  co_await f.notify({user(1)}, "Two and a half");
  co_await f.all_done();
  EXPECT_EQ(f.peer.token_requests(), 5u);
  EXPECT_EQ(f.peer.messages_as.size(), 2u);
  // Forbidden is final, too much is asked again when it says so.
  f.peer.graph_status = 403;
  co_await f.notify({user(1)}, "Three");
  co_await f.all_done();
  EXPECT_EQ(co_await f.rows("deliveries where state = 'refused' and reason like '%403: Missing scope permissions.'"), 1);
  f.peer.graph_status = 429;
  f.peer.graph_headers = "Retry-After: 600\r\n";
  co_await f.notify({user(1)}, "Four");
  while (co_await f.rows("delivery_attempts") < 5) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(co_await f.one<std::int64_t>("select (next_at - updated_at) / 1000000 from deliveries where state = 'pending'"), 600);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_a_refused_refresh_asks_its_user_to_connect_again) {
  WithTeams f(loop);
  co_await f.queue->start();
  co_await f.switch_on();
  co_await f.link();
  f.peer.live_refresh = "revoked by its administrator";
  f.clock.advance(2h, 1h);
  co_await f.notify({user(1)}, "One");
  co_await f.all_done();
  EXPECT_EQ(f.peer.messages_as.size(), 0u);
  EXPECT_EQ(co_await f.rows("deliveries where state = 'refused' and reason = 'Microsoft Teams has to be connected again by its user'"), 1);
  EXPECT_FALSE(co_await f.stored());
  EXPECT_EQ(co_await f.rows("settings_records where record like 'user-pref.%'"), 0) << "tokens that open nothing are not kept";
  EXPECT_NE((co_await f.page_of(user(1))).find("Connect Microsoft Teams again"), std::string::npos);
  // Told once, and nothing more is tried.
  co_await f.notify({user(1)}, "Two");
  co_await f.all_done();
  EXPECT_EQ(co_await f.rows("notifications where title like 'Connect%'"), 1);
  co_await f.link();
  co_await f.notify({user(1)}, "Three");
  co_await f.all_done();
  EXPECT_EQ(f.peer.messages_as.size(), 1u);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_5_a_sign_in_service_that_is_down_costs_nobody_his_link) {
  WithTeams f(loop);
  co_await f.queue->start();
  co_await f.switch_on();
  co_await f.link();
  f.clock.advance(2h, 1h);
  for (const auto& [status, error] : {std::pair(503, ""), std::pair(429, ""), std::pair(401, "invalid_client"), std::pair(400, "invalid_request")}) {
    f.peer.token_status = status;
    f.peer.token_error = error;
    const auto verdict = co_await f.deliveries.test(user(1), std::string(kTeams), true);
    EXPECT_FALSE(verdict->success) << status;
    EXPECT_TRUE(co_await f.stored()) << status;
  }
  f.peer.token_status = 0;
  f.clock.advance(1s);  // Teams takes four at once
  EXPECT_TRUE((co_await f.deliveries.test(user(1), std::string(kTeams), true))->success);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_10_who_disconnects_while_his_token_is_renewed_stays_disconnected) {
  WithTeams f(loop);
  co_await f.switch_on();
  co_await f.link();
  f.clock.advance(2h, 1h);
  const auto used = co_await f.database->read([&f](sql::Session& s) { return f.channel_settings.user_config(s, *channels::find(f.registry, kTeams), user(1)).value(); });
  struct Run {
    static awaitable<void> go(WithTeams& fixture, std::string settings, std::optional<Renewed>& into) {
      into = co_await fixture.mine.renew(*channels::find(fixture.registry, kTeams), user(1), fixture.peer.admin_config(), std::move(settings), false);
    }
    static awaitable<void> leave(WithTeams& fixture, std::optional<bool>& into) {
      into = (co_await fixture.channel_settings.unlink(user(1), std::string(kTeams))).has_value();
    }
  };
  std::optional<Renewed> renewed;
  // Before the provider's answer is on its way: one writer does both, so what comes of the answer is written later.
  std::optional<bool> unlinked;
  f.peer.on_token = [&] { f.scope.spawn("unlink", Run::leave(f, unlinked)); };
  f.scope.spawn("renew", Run::go(f, *used, renewed));
  co_await f.until([&] { return renewed.has_value() && unlinked.has_value(); });
  EXPECT_TRUE(*unlinked);
  EXPECT_TRUE(renewed->failed && renewed->failed->kind == rules::Verdict::Kind::retry);
  EXPECT_FALSE(co_await f.stored());
  EXPECT_EQ(co_await f.rows("settings_records where record like 'user-pref.%'"), 0);
  co_await f.end();
}

CO_TEST(OAuthLinks, N_9_what_users_gave_goes_nowhere_else_than_it_was_given_for) {
  WithTeams f(loop);
  co_await f.queue->start();
  co_await f.switch_on();
  co_await f.link();
  const auto put = [&f](std::string_view id, std::string config) -> awaitable<void> {
    UpdateStrategy input{.strategy_id = Text<1, 200>::of(std::string(id)), .enabled = {true}, .config = {}};
    input.config = config == "null" ? Patch<ConfigJson>::cleared() : Patch<ConfigJson>::set(ConfigJson{.text = std::move(config)});
    EXPECT_TRUE(co_await f.channel_settings.update_strategy(std::move(input)));
  };
  co_await put(kTeams, R"({"clientSecret":"another"})");
  EXPECT_TRUE(co_await f.stored()) << "what sends nothing elsewhere keeps it";
  co_await put(kTeams, R"({"apiBaseUrl":"https://evil.test"})");
  EXPECT_FALSE(co_await f.stored());

  const auto token = [&f](int of) -> awaitable<void> {
    SetPreference input{.strategy_id = Text<1, 200>::of(std::string(kGotify)), .enabled = {true}, .user_config = {}};
    input.user_config = Patch<ConfigJson>::set(ConfigJson{.text = R"({"appToken":"S3CRET"})"});
    EXPECT_TRUE(co_await f.channel_settings.set_preference(user(of), std::move(input)));
  };
  const auto has = [&f](int of) -> awaitable<bool> {
    const auto json = co_await f.database->read([&f, of](sql::Session& s) { return f.channel_settings.user_config(s, *channels::find(f.registry, kGotify), user(of)); });
    co_return json->has_value();
  };
  co_await put(kGotify, R"({"serverUrl":"https://gotify.test"})");
  for (const int of : {1, 2}) co_await token(of);
  co_await put(kGotify, R"({"serverUrl":"https://gotify.test"})");
  EXPECT_TRUE(co_await has(1));
  co_await put(kGotify, R"({"serverUrl":"https://evil.test"})");
  EXPECT_FALSE(co_await has(1));
  EXPECT_FALSE(co_await has(2));
  // Flipping the switch does not bring it back.
  EXPECT_TRUE(co_await f.channel_settings.set_preference(user(1), {.strategy_id = Text<1, 200>::of(std::string(kGotify)), .enabled = {true}, .user_config = {}}));
  EXPECT_FALSE(co_await has(1));
  co_await f.all_done();
  EXPECT_EQ(co_await f.rows("notifications where title = 'Set Gotify up again'"), 2);
  EXPECT_EQ(co_await f.rows("notifications where title = 'Set Microsoft Teams up again'"), 1);
  // Nor is the way round by clearing the settings any other.
  co_await token(1);
  co_await put(kGotify, "null");
  co_await put(kGotify, R"({"serverUrl":"https://elsewhere.test"})");
  EXPECT_FALSE(co_await has(1));
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::notification
