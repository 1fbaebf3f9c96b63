#include "domains/auth/test/web_fixture.hpp"

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;
using test::Fixture;
using test::WebFixture;

CO_TEST(Sessions, are_listed_the_youngest_first_and_none_that_has_ended) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto brief = co_await f.sign_in(false);
  f.clock.advance(1h, 1h);
  const auto kept = co_await f.sign_in();
  const auto both = (co_await f.service->sessions(kept.user.id)).value();
  CO_ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].id, kept.session.id);
  EXPECT_EQ(both[1].id, brief.session.id);
  f.clock.advance(24h, 1h);
  const auto one = (co_await f.service->sessions(kept.user.id)).value();
  CO_ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].id, kept.session.id);
  co_await f.close();
}

CO_TEST(Sessions, C_26_one_that_was_revoked_is_nobody_on_the_next_request) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto here = co_await f.sign_in();
  const auto there = co_await f.sign_in();
  EXPECT_EQ((co_await f.who(Fixture::cookie(there)))->kind, access::Principal::Kind::user);
  EXPECT_TRUE(co_await f.service->end_session(here.user.id, there.session.id, "x"));
  EXPECT_EQ((co_await f.who(Fixture::cookie(there)))->kind, access::Principal::Kind::none);
  EXPECT_EQ((co_await f.who(Fixture::cookie(here)))->kind, access::Principal::Kind::user);
  // Twice is once.
  EXPECT_TRUE(co_await f.service->end_session(here.user.id, there.session.id, "x"));
  co_await f.close();
}

CO_TEST(Sessions, C_26_who_is_known_at_once_is_so_no_longer_than_his_session_and_rights) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.sign_in();
  const std::string cookie = Fixture::cookie(in);
  const auto at_once = [&](std::string_view text) { return f.service->identify_now({.authorization = {}, .cookie = text}); };
  EXPECT_EQ(at_once(cookie), nullptr) << "seen for the first time";
  const auto ann = co_await f.who(cookie);
  CO_ASSERT_TRUE(ann != nullptr);
  EXPECT_EQ(at_once(cookie), ann);
  EXPECT_EQ(at_once("theme=dark; " + cookie), ann) << "it is the value that is known, not the header";
  std::string forged = cookie;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(at_once(forged), nullptr);
  EXPECT_EQ(at_once(cookie.substr(0, cookie.size() - 1)), nullptr);
  EXPECT_EQ(at_once(""), nullptr);

  EXPECT_TRUE(co_await f.service->update_profile({.user = in.user.id, .address = "x"}, in.session.id, {.name = Text<1, 200>::of("Anna"), .email = {}, .current_password = {}}));
  EXPECT_EQ(at_once(cookie), nullptr) << "what was known of her is not so any more";
  EXPECT_EQ((co_await f.who(cookie))->name, "Anna");
  EXPECT_NE(at_once(cookie), nullptr);
  f.clock.advance(7 * 24h, 1h);
  EXPECT_EQ(at_once(cookie), nullptr) << "the session has ended, whatever is kept of it";

  const auto again = co_await f.sign_in();
  EXPECT_NE(co_await f.who(Fixture::cookie(again)), nullptr);
  EXPECT_NE(at_once(Fixture::cookie(again)), nullptr);
  EXPECT_TRUE(co_await f.service->end_session(again.user.id, again.session.id, "x"));
  EXPECT_EQ(at_once(Fixture::cookie(again)), nullptr);
  co_await f.close();
}

CO_TEST(Sessions, of_others_cannot_be_revoked) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto ann = co_await f.sign_in();
  const auto bob = co_await f.sign_up();
  EXPECT_TRUE(co_await f.service->end_session(bob.user.id, ann.session.id, "x"));
  EXPECT_TRUE(co_await f.service->end_sessions(bob.user.id, std::nullopt, "x"));
  EXPECT_EQ((co_await f.who(Fixture::cookie(ann)))->kind, access::Principal::Kind::user);
  EXPECT_EQ((co_await f.who(Fixture::cookie(bob)))->kind, access::Principal::Kind::none);
  co_await f.close();
}

CO_TEST(Sessions, C_26_all_but_this_one_end_at_once) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto first = co_await f.sign_in();
  const auto here = co_await f.sign_in();
  const auto third = co_await f.sign_in();
  for (const auto* in : {&first, &here, &third}) EXPECT_EQ((co_await f.who(Fixture::cookie(*in)))->kind, access::Principal::Kind::user);
  EXPECT_TRUE(co_await f.service->end_sessions(here.user.id, here.session.id, "x"));
  EXPECT_EQ((co_await f.who(Fixture::cookie(first)))->kind, access::Principal::Kind::none);
  EXPECT_EQ((co_await f.who(Fixture::cookie(third)))->kind, access::Principal::Kind::none);
  EXPECT_EQ((co_await f.who(Fixture::cookie(here)))->kind, access::Principal::Kind::user);
  co_await f.close();
}

CO_TEST(SignUp, AUTHCHECK_12_is_refused_before_onboarding) {
  Fixture f(loop);
  co_await f.ready();
  const auto early = co_await f.service->sign_up("Bob", *Email::make("bob@example.com"), "Passw0rd-bob", "x", "x");
  CO_ASSERT_TRUE(!early);
  EXPECT_EQ(early.error().code, ErrorCode::forbidden);
  EXPECT_TRUE((co_await f.service->needs_onboarding()).value());
  co_await f.close();
}

CO_TEST(SignUp, gives_the_rules_of_users_and_no_more) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto bob = co_await f.sign_up();
  const auto principal = co_await f.who(Fixture::cookie(bob));
  CO_ASSERT_TRUE(principal != nullptr);
  EXPECT_EQ(principal->rules->ids(), std::vector<std::string>{"t.thing.read"});
  EXPECT_FALSE(bob.user.email_verified);
  const auto again = co_await f.service->sign_up("Bob", *Email::make("BOB@example.com"), "Passw0rd-bob", "x", "x");
  CO_ASSERT_TRUE(!again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  co_await f.close();
}

CO_TEST(SignIn, AUTHCHECK_10_wrong_passwords_make_one_network_wait_and_nobody_else) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto code = [&](std::string email, std::string password, std::string address) -> awaitable<std::string> {
    const auto in = co_await f.try_sign_in(std::move(email), std::move(password), std::move(address));
    co_return in ? "in" : std::string(wire_code(in.error().code));
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await code("ann@example.com", "wrong", "10.0.0.1"), "UNAUTHORIZED");
  // The right password waits too, or the pause would tell it apart.
  const auto refused = co_await f.try_sign_in("ann@example.com", "Passw0rd-ann", "10.0.0.1");
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_many_requests);
  EXPECT_EQ(refused.error().retry_after, 1s);
  // Neither the owner elsewhere nor others from there.
  EXPECT_EQ(co_await code("ann@example.com", "Passw0rd-ann", "10.0.0.2"), "in");
  EXPECT_EQ(co_await code("bob@example.com", "wrong", "10.0.0.1"), "UNAUTHORIZED");
  // What is refused does not count: nobody is locked out for good.
  for (int i = 0; i < 50; ++i) EXPECT_EQ(co_await code("ann@example.com", "wrong", "10.0.0.1"), "TOO_MANY_REQUESTS");
  f.clock.advance(1s);
  EXPECT_EQ(co_await code("ann@example.com", "Passw0rd-ann", "10.0.0.1"), "in");
  EXPECT_EQ(co_await f.count("sign_in_failures where failures > 0"), 1);  // bob's
  co_await f.close();
}

CO_TEST(SignIn, AUTHCHECK_10_an_address_nobody_has_waits_as_any_other) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  for (const std::string email : {"ann@example.com", "nobody@example.com"}) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ((co_await f.try_sign_in(email, "wrong")).error().code, ErrorCode::unauthorized) << email;
    EXPECT_EQ((co_await f.try_sign_in(email, "wrong")).error().code, ErrorCode::too_many_requests) << email;
    f.clock.advance(1s);
    EXPECT_EQ((co_await f.try_sign_in(email, "wrong")).error().code, ErrorCode::unauthorized) << email;
    const auto longer = co_await f.try_sign_in(email, "wrong");
    EXPECT_EQ(longer.error().retry_after, 2s) << email;
  }
  co_await f.close();
}

CO_TEST(SignIn, AUTHCHECK_10_all_of_an_ipv6_network_is_one_client) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  for (int i = 0; i < 5; ++i) co_await f.try_sign_in("ann@example.com", "wrong", fmt::format("2001:db8:1:2::{}", i + 1));
  EXPECT_EQ((co_await f.try_sign_in("ann@example.com", "wrong", "2001:db8:1:2:ffff::9")).error().code, ErrorCode::too_many_requests);
  EXPECT_EQ((co_await f.try_sign_in("ann@example.com", "wrong", "2001:db8:1:3::1")).error().code, ErrorCode::unauthorized);
  co_await f.close();
}

CO_TEST(SignIn, AUTHCHECK_10_many_at_once_are_counted_before_they_are_tried) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  int tried = 0, waits = 0;
  struct Try {
    static awaitable<void> run(Fixture& fixture, int& t, int& w) {
      (co_await fixture.try_sign_in("ann@example.com", "wrong")).error().code == ErrorCode::unauthorized ? ++t : ++w;
    }
  };
  async::TaskScope scope(loop.executor(), f.on_fault());
  for (int i = 0; i < 20; ++i) scope.spawn("try", Try::run(f, tried, waits));
  co_await scope.join();
  EXPECT_EQ(tried, 5);
  EXPECT_EQ(waits, 15);
  co_await f.close();
}

CO_TEST(SignIn, AUTHCHECK_10_failures_are_forgotten_after_a_day) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  for (int i = 0; i < 5; ++i) co_await f.try_sign_in("ann@example.com", "wrong");
  f.clock.advance(25h, 1h);
  co_await f.try_sign_in("nobody@example.com", "wrong");
  EXPECT_EQ(co_await f.count("sign_in_failures"), 1);
  co_await f.close();
}

CO_TEST(Endpoints, sign_up_signs_in) {
  WebFixture f(loop);
  co_await f.ready();
  const std::string bob = R"({"name":"Bob","email":"bob@example.com","password":"Passw0rd-bob"})";
  EXPECT_NE((co_await f.from_page("sign-up/email", {}, bob)).body.find(R"("code":"EMAIL_PASSWORD_SIGN_UP_DISABLED")"), std::string::npos);
  EXPECT_TRUE(co_await f.onboard());
  const auto up = co_await f.from_page("sign-up/email", {}, bob);
  CO_ASSERT_EQ(up.status, 200);
  EXPECT_NE(up.body.find(R"("name":"Bob","email":"bob@example.com","emailVerified":false,"image":null)"), std::string::npos) << up.body;
  EXPECT_NE((co_await f.call("GET", "/api/auth/get-session", {{"cookie", WebFixture::cookie_in(up)}})).body.find("bob@example.com"), std::string::npos);
  const auto code = [&](std::string body) -> awaitable<std::string> {
    const auto answer = co_await f.from_page("sign-up/email", {}, std::move(body));
    const auto end = answer.body.find('"', 9);
    co_return std::to_string(answer.status) + " " + answer.body.substr(9, end - 9);
  };
  EXPECT_EQ(co_await code(bob), "422 USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
  EXPECT_EQ(co_await code(R"({"name":"Eve","email":"eve@example.com","password":"Ab1"})"), "400 PASSWORD_TOO_SHORT");
  EXPECT_EQ(co_await code(R"({"name":"Eve","email":"eve@example.com","password":")" + std::string(129, 'x') + "\"}"), "400 PASSWORD_TOO_LONG");
  EXPECT_EQ(co_await code(R"({"name":"Eve","email":"eve@example.com","password":"alllowercase"})"), "400 PASSWORD_TOO_WEAK");
  EXPECT_EQ(co_await code(R"({"name":"Eve","email":"eve","password":"Passw0rd-eve"})"), "400 VALIDATION_ERROR");
  EXPECT_EQ(co_await code(R"({"name":" ","email":"eve@example.com","password":"Passw0rd-eve"})"), "400 VALIDATION_ERROR");
  EXPECT_EQ(co_await code(R"({"email":"eve@example.com","password":"Passw0rd-eve"})"), "400 VALIDATION_ERROR");
  EXPECT_EQ(co_await code(R"({"name":"Eve","email":"eve@example.com","password":"Passw0rd-eve","image":"http://x/y.png"})"), "400 VALIDATION_ERROR");
  EXPECT_EQ(co_await code(R"({"name":"Eve","email":"eve@example.com","password":"Passw0rd-eve","callbackURL":"//evil.example"})"), "403 INVALID_CALLBACKURL");
  EXPECT_EQ(co_await f.count("users"), 2);
  co_await f.close();
}

CO_TEST(Endpoints, sessions_are_listed_by_ids_that_open_nothing) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto here = co_await f.sign_in();
  const auto there = co_await f.sign_in();
  const std::string cookie = Fixture::cookie(here);
  const auto list = co_await f.call("GET", "/api/auth/list-sessions", {{"cookie", cookie}});
  EXPECT_EQ(list.body.find(here.token), std::string::npos);
  EXPECT_EQ(list.body.find(there.token), std::string::npos);
  EXPECT_NE(list.body.find(R"("token":")" + there.session.id.to_string()), std::string::npos) << list.body;
  EXPECT_NE(list.headers.find("Cache-Control: no-store"), std::string::npos);
  EXPECT_EQ((co_await f.from_page("revoke-session", cookie, R"({"token":")" + there.session.id.to_string() + "\"}")).body, R"({"status":true})");
  EXPECT_EQ((co_await f.call("GET", "/api/auth/get-session", {{"cookie", Fixture::cookie(there)}})).body, "null");
  EXPECT_EQ((co_await f.from_page("revoke-session", cookie, R"({"token":"nope"})")).status, 400);
  EXPECT_EQ((co_await f.from_page("revoke-session", cookie, "{}")).status, 400);
  const auto third = co_await f.sign_in();
  EXPECT_EQ((co_await f.from_page("revoke-other-sessions", cookie)).status, 200);
  EXPECT_EQ((co_await f.call("GET", "/api/auth/get-session", {{"cookie", Fixture::cookie(third)}})).body, "null");
  const auto all = co_await f.from_page("revoke-sessions", cookie, {});
  EXPECT_EQ(all.body, R"({"status":true})");
  EXPECT_NE(all.headers.find("better-auth.session_token=; Max-Age=0"), std::string::npos);
  EXPECT_EQ((co_await f.call("GET", "/api/auth/list-sessions", {{"cookie", cookie}})).status, 401);
  co_await f.close();
}

CO_TEST(Endpoints, visitors_are_refused_without_a_word) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  for (const std::string path : {"list-accounts", "list-sessions"}) {
    const auto answer = co_await f.call("GET", "/api/auth/" + path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.body, "") << path;
  }
  for (const std::string path : {"change-password", "revoke-session", "revoke-sessions", "revoke-other-sessions", "update-user"}) {
    const auto answer = co_await f.from_page(path, {});
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.body, "") << path;
    EXPECT_EQ((co_await f.from_page(path, {}, "{")).status, 400) << path;
  }
  co_await f.close();
}

CO_TEST(Endpoints, writes_with_a_cookie_come_from_a_page_of_ours) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const std::string cookie = Fixture::cookie(co_await f.sign_in());
  for (const std::string path : {"sign-in/email", "sign-up/email", "sign-out", "change-password", "request-password-reset", "reset-password", "revoke-session",
                                 "revoke-sessions", "revoke-other-sessions", "update-user", "sign-in/social"}) {
    const auto code = [&](std::vector<http::Header> more) -> awaitable<std::string> {
      more.push_back({"cookie", cookie});
      more.push_back({"content-type", "application/json"});
      const auto answer = co_await f.call("POST", "/api/auth/" + path, std::move(more), "{}");
      co_return std::to_string(answer.status) + " " + answer.body.substr(0, answer.body.find(','));
    };
    EXPECT_EQ(co_await code({}), R"(403 {"code":"MISSING_OR_NULL_ORIGIN")") << path;
    EXPECT_EQ(co_await code({{"origin", "null"}}), R"(403 {"code":"MISSING_OR_NULL_ORIGIN")") << path;
    EXPECT_EQ(co_await code({{"origin", "https://evil.example"}}), R"(403 {"code":"INVALID_ORIGIN")") << path;
    EXPECT_EQ(co_await code({{"referer", "https://evil.example/x"}}), R"(403 {"code":"INVALID_ORIGIN")") << path;
  }
  EXPECT_EQ((co_await f.who(cookie))->kind, access::Principal::Kind::user);
  co_await f.close();
}

CO_TEST(Endpoints, a_session_that_is_not_remembered_keeps_a_cookie_that_ends_with_the_browser) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.from_page("sign-in/email", {}, R"({"email":"ann@example.com","password":"Passw0rd-ann","rememberMe":false})");
  EXPECT_EQ(in.headers.find("Max-Age"), std::string::npos);
  EXPECT_NE(in.headers.find("better-auth.dont_remember="), std::string::npos);
  const auto renamed = co_await f.from_page("update-user", WebFixture::cookie_in(in), R"({"name":"Ann B."})");
  EXPECT_EQ(renamed.body, R"({"status":true})");
  EXPECT_NE(renamed.headers.find("better-auth.session_token="), std::string::npos);
  EXPECT_EQ(renamed.headers.find("Max-Age"), std::string::npos);
  const auto changed = co_await f.from_page("change-password", WebFixture::cookie_in(in),
                                            R"({"currentPassword":"Passw0rd-ann","newPassword":"Passw0rd-ann-2","revokeOtherSessions":true})");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.headers.find("Max-Age"), std::string::npos);
  EXPECT_EQ((co_await f.call("GET", "/api/auth/get-session", {{"cookie", WebFixture::cookie_in(in)}})).body, "null");
  EXPECT_NE((co_await f.call("GET", "/api/auth/get-session", {{"cookie", WebFixture::cookie_in(changed)}})).body.find("Ann B."), std::string::npos);
  co_await f.close();
}

CO_TEST(Endpoints, a_pause_is_told_in_both_headers) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  WebFixture::Answer answer{};
  for (int i = 0; i < 6; ++i) answer = co_await f.from_page("sign-in/email", {}, R"({"email":"ann@example.com","password":"wrong"})");
  EXPECT_EQ(answer.status, 429);
  EXPECT_NE(answer.headers.find("\r\nX-Retry-After: 1\r\n"), std::string::npos) << answer.headers;
  EXPECT_NE(answer.body.find("Too many requests. Please try again later."), std::string::npos);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::auth
