#include "domains/auth/test/web_fixture.hpp"

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;
using test::Fixture;
using test::WebFixture;

CO_TEST(Onboarding, makes_one_administrator_and_no_second) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE((co_await f.service->needs_onboarding()).value());
  CO_ASSERT_TRUE((co_await f.onboard()).has_value());
  EXPECT_FALSE((co_await f.service->needs_onboarding()).value());
  const auto again = co_await f.onboard();
  CO_ASSERT_TRUE(!again);
  EXPECT_EQ(again.error().code, ErrorCode::forbidden);
  co_await f.close();
}

CO_TEST(Onboarding, of_two_at_once_one_wins) {
  Fixture f(loop);
  co_await f.ready();
  int won = 0, lost = 0;
  struct Try {
    static awaitable<void> run(Fixture& fixture, int& w, int& l) { (co_await fixture.onboard()) ? ++w : ++l; }
  };
  async::TaskScope scope(loop.executor(), f.on_fault());
  for (int i = 0; i < 4; ++i) scope.spawn("onboard", Try::run(f, won, lost));
  co_await scope.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 3);
  co_await f.close();
}

CO_TEST(Onboarding, asks_the_setup_token_of_whoever_is_not_on_loopback) {
  Fixture f(loop, {.setup_token = "t0ken", .listening_on_loopback = true});
  co_await f.ready();
  EXPECT_EQ((co_await f.onboard({}, true)).error().code, ErrorCode::forbidden);
  EXPECT_EQ((co_await f.onboard("wrong", true)).error().code, ErrorCode::forbidden);
  EXPECT_TRUE(co_await f.onboard("t0ken", true));
  co_await f.close();
}

CO_TEST(Onboarding, AUTHCHECK_09_refuses_a_weak_password) {
  Fixture f(loop);
  co_await f.ready();
  const auto weak = co_await f.service->complete_onboarding("Ann", *Email::make("a@b.de"), "alllowercase", {}, false, "x");
  CO_ASSERT_TRUE(!weak);
  EXPECT_EQ(weak.error().code, ErrorCode::bad_request);
  EXPECT_TRUE((co_await f.service->needs_onboarding()).value());
  co_await f.close();
}

CO_TEST(Onboarding, names_are_trimmed_and_never_blank) {
  Fixture f(loop);
  co_await f.ready();
  for (const std::string name : {" ", "\t\n "}) {
    const auto blank = co_await f.service->complete_onboarding(name, *Email::make("a@b.de"), "Passw0rd-ann", {}, false, "x");
    CO_ASSERT_TRUE(!blank);
    EXPECT_EQ(blank.error().code, ErrorCode::bad_request);
    EXPECT_EQ(blank.error().field, "name");
    EXPECT_EQ((co_await f.service->create_admin(name, *Email::make("a@b.de"), "Passw0rd-ann")).error().field, "name");
    EXPECT_EQ((co_await f.service->create_application({.name = name, .rules = {"t.thing.read"}}, "console")).error().field, "name");
  }
  EXPECT_TRUE((co_await f.service->needs_onboarding()).value());
  const auto made = co_await f.service->create_admin("  Ann B. ", *Email::make("a@b.de"), "Passw0rd-ann");
  CO_ASSERT_TRUE(made.has_value());
  EXPECT_EQ((co_await f.service->profile(*made)).value().name, "Ann B.");
  co_await f.close();
}

CO_TEST(SignIn, AUTHCHECK_11_mixed_case_addresses_are_one) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.sign_in();
  const auto principal = co_await f.who(Fixture::cookie(in));
  CO_ASSERT_TRUE(principal != nullptr);
  EXPECT_EQ(principal->kind, access::Principal::Kind::user);
  EXPECT_TRUE(principal->rules->holds("anything.at.all"));
  co_await f.close();
}

CO_TEST(SignIn, unknown_addresses_and_wrong_passwords_look_alike) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto wrong = co_await f.service->sign_in(*Email::make("ann@example.com"), "nope", true, "x", "x");
  const auto unknown = co_await f.service->sign_in(*Email::make("bob@example.com"), "nope", true, "x", "x");
  CO_ASSERT_TRUE(!wrong && !unknown);
  EXPECT_EQ(wrong.error(), unknown.error());
  co_await f.close();
}

CO_TEST(Sessions, C_26_a_session_that_was_signed_out_is_nobody_on_the_next_request) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.sign_in();
  const std::string cookie = Fixture::cookie(in);
  EXPECT_EQ((co_await f.who(cookie))->kind, access::Principal::Kind::user);
  EXPECT_EQ((co_await f.who(cookie))->kind, access::Principal::Kind::user);
  EXPECT_TRUE(co_await f.service->sign_out(cookie, "x"));
  EXPECT_EQ((co_await f.who(cookie))->kind, access::Principal::Kind::none);
  EXPECT_FALSE((co_await f.service->current_session(cookie)).value().has_value());
  co_await f.close();
}

CO_TEST(Sessions, end_and_slide) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto kept = co_await f.sign_in();
  const auto brief = co_await f.sign_in(false);
  f.clock.advance(23h, 1h);
  EXPECT_FALSE((co_await f.service->current_session(Fixture::cookie(kept))).value()->extended);
  f.clock.advance(2h, 1h);
  EXPECT_EQ((co_await f.who(Fixture::cookie(brief)))->kind, access::Principal::Kind::none);
  const auto extended = (co_await f.service->current_session(Fixture::cookie(kept))).value();
  CO_ASSERT_TRUE(extended.has_value());
  EXPECT_TRUE(extended->extended);
  EXPECT_EQ(extended->session.expires_at, f.clock.now() + 7 * 24h);
  EXPECT_EQ((co_await f.who(Fixture::cookie(kept)))->kind, access::Principal::Kind::user);
  f.clock.advance(7 * 24h, 1h);
  EXPECT_EQ((co_await f.who(Fixture::cookie(kept)))->kind, access::Principal::Kind::none);
  co_await f.close();
}

CO_TEST(Sessions, only_a_hash_of_the_token_is_stored) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.sign_in();
  const auto stored = co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select token_hash from sessions").value(); });
  EXPECT_EQ(*stored, hash_of(in.token));
  EXPECT_EQ(stored->find(in.token), std::string::npos);
  co_await f.close();
}

CO_TEST(Applications, hold_exactly_the_rules_they_were_given) {
  Fixture f(loop);
  co_await f.ready();
  const auto made = co_await f.service->create_application({.name = "ci", .rules = {"t.thing.read"}}, "console");
  CO_ASSERT_TRUE(made.has_value());
  const auto principal = co_await f.who({}, "Bearer " + made->key);
  CO_ASSERT_TRUE(principal != nullptr);
  EXPECT_EQ(principal->kind, access::Principal::Kind::application);
  EXPECT_TRUE(principal->rules->holds("t.thing.read"));
  EXPECT_FALSE(principal->rules->holds("t.thing.manage"));
  std::string wrong = made->key;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  EXPECT_EQ(co_await f.who({}, "Bearer " + wrong), nullptr);
  EXPECT_EQ(co_await f.who({}, "Bearer ck_nonsense"), nullptr);
  EXPECT_EQ((co_await f.who({}, "Basic abc"))->kind, access::Principal::Kind::none);
  const auto unknown = co_await f.service->create_application({.name = "ci", .rules = {"t.thing.reed"}}, "console");
  CO_ASSERT_TRUE(!unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::bad_request);
  EXPECT_EQ(unknown.error().field, "rules");
  EXPECT_NE(unknown.error().message.find("t.thing.reed (the nearest known one is t.thing.read)"), std::string::npos);
  // Used twice within a minute, noted once.
  co_await f.until([&] { return f.scope.size() == 0; });
  const auto used = co_await f.database->read([](sql::Session& s) { return s.one<std::optional<Timestamp>>("select last_used_at from applications").value(); });
  EXPECT_EQ(used.value(), f.clock.now());
  co_await f.close();
}

/// What a key opens: the application's name, or nothing.
awaitable<std::string> opened(Fixture& f, std::string key) {
  const auto principal = co_await f.who({}, "Bearer " + std::move(key));
  co_return principal == nullptr ? std::string() : principal->name;
}

CO_TEST(Applications, C_26_a_revoked_key_is_refused_on_the_next_request) {
  Fixture f(loop);
  co_await f.ready();
  const auto made = co_await f.service->create_application({.name = "ci", .rules = {"t.thing.read"}}, "console");
  const auto other = co_await f.service->create_application({.name = "other", .rules = {"t.thing.read"}}, "console");
  CO_ASSERT_TRUE(made && other);
  EXPECT_EQ(co_await opened(f, made->key), "ci");
  EXPECT_TRUE(co_await f.service->revoke_application(made->id, "console"));
  EXPECT_EQ(co_await opened(f, made->key), "");
  EXPECT_EQ(co_await opened(f, other->key), "other");
  // For good: no secret is left, and none can be made.
  EXPECT_TRUE(co_await f.service->revoke_application(made->id, "console"));
  const auto rotated = co_await f.service->rotate_application(made->id, 1h, "console");
  CO_ASSERT_TRUE(!rotated);
  EXPECT_EQ(rotated.error().code, ErrorCode::conflict);
  const auto left = co_await f.database->read([id = made->id](sql::Session& s) { return store::secrets_of(s, id).size(); });
  EXPECT_EQ(*left, 0U);
  const auto unknown = co_await f.service->revoke_application(ApplicationId::make(f.clock.now()), "console");
  CO_ASSERT_TRUE(!unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  co_await f.until([&] { return f.scope.size() == 0; });
  co_await f.close();
}

CO_TEST(Applications, C_26_a_key_ends_on_time_although_it_is_kept_in_the_cache) {
  Fixture f(loop);
  co_await f.ready();
  const auto made = co_await f.service->create_application({.name = "ci", .rules = {"t.thing.read"}, .life = 24h}, "console");
  CO_ASSERT_TRUE(made.has_value());
  f.clock.advance(24h - 1s, 1h);
  EXPECT_EQ(co_await opened(f, made->key), "ci");
  f.clock.advance(1s);
  EXPECT_EQ(co_await opened(f, made->key), "");
  const auto rotated = co_await f.service->rotate_application(made->id, 0h, "console");
  CO_ASSERT_TRUE(!rotated);
  EXPECT_EQ(rotated.error().code, ErrorCode::conflict);
  co_await f.until([&] { return f.scope.size() == 0; });
  co_await f.close();
}

CO_TEST(Applications, C_26_both_keys_open_during_a_rotation_and_the_old_one_ends_on_time) {
  Fixture f(loop);
  co_await f.ready();
  const auto first = co_await f.service->create_application({.name = "ci", .rules = {"t.thing.read"}}, "console");
  CO_ASSERT_TRUE(first.has_value());
  EXPECT_EQ(co_await opened(f, first->key), "ci");
  const auto second = co_await f.service->rotate_application(first->id, 2h, "console");
  CO_ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->id, first->id);
  EXPECT_NE(second->key, first->key);
  f.clock.advance(2h - 1s, 1h);
  EXPECT_EQ(co_await opened(f, first->key), "ci");
  EXPECT_EQ(co_await opened(f, second->key), "ci");
  f.clock.advance(1s);
  EXPECT_EQ(co_await opened(f, first->key), "");
  EXPECT_EQ(co_await opened(f, second->key), "ci");
  // Never more than two: a third ends the first of them early.
  const auto third = co_await f.service->rotate_application(first->id, 2h, "console");
  const auto fourth = co_await f.service->rotate_application(first->id, 2h, "console");
  CO_ASSERT_TRUE(third && fourth);
  EXPECT_EQ(co_await opened(f, second->key), "");
  EXPECT_EQ(co_await opened(f, third->key), "ci");
  EXPECT_EQ(co_await opened(f, fourth->key), "ci");
  // Nothing kept: the old one ends at once.
  const auto fifth = co_await f.service->rotate_application(first->id, 0h, "console");
  CO_ASSERT_TRUE(fifth.has_value());
  EXPECT_EQ(co_await opened(f, third->key), "");
  EXPECT_EQ(co_await opened(f, fourth->key), "");
  EXPECT_EQ(co_await opened(f, fifth->key), "ci");
  const auto unknown = co_await f.service->rotate_application(ApplicationId::make(f.clock.now()), 0h, "console");
  CO_ASSERT_TRUE(!unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  co_await f.until([&] { return f.scope.size() == 0; });
  co_await f.close();
}

CO_TEST(Applications, are_listed_by_age_with_their_rules_and_ends) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE((co_await f.service->applications()).value().empty());
  const auto born = f.clock.now();
  const auto old = co_await f.service->create_application({.name = "old", .rules = {"t.thing.read", "t.thing.manage"}, .life = 48h}, "console");
  f.clock.advance(1s);
  const auto young = co_await f.service->create_application({.name = "young", .rules = {"t.thing.read"}}, "console");
  CO_ASSERT_TRUE(old && young);
  EXPECT_TRUE(co_await f.service->revoke_application(young->id, "console"));
  const auto list = (co_await f.service->applications()).value();
  CO_ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].application.id, old->id);
  EXPECT_EQ(list[0].application.expires_at, born + 48h);
  EXPECT_EQ(list[0].application.revoked_at, std::nullopt);
  EXPECT_EQ(list[0].application.last_used_at, std::nullopt);
  EXPECT_EQ(list[0].rules, (std::vector<std::string>{"t.thing.manage", "t.thing.read"}));
  EXPECT_EQ(list[1].application.name, "young");
  EXPECT_EQ(list[1].application.expires_at, std::nullopt);
  EXPECT_EQ(list[1].application.revoked_at, f.clock.now());
  EXPECT_EQ(list[1].rules, std::vector<std::string>{"t.thing.read"});
  co_await f.close();
}

CO_TEST(Roles, AUTHCHECK_05_default_rules_are_granted_unless_an_administrator_took_them_away) {
  Fixture f(loop);
  co_await f.ready();
  const auto rules_of = [&](std::string role) { return f.database->read([role](sql::Session& s) { return store::rules_of_role(s, role); }); };
  EXPECT_EQ((co_await rules_of("users")).value(), std::vector<std::string>{"t.thing.read"});
  EXPECT_TRUE((co_await f.service->anonymous_rules()).value()->holds("t.thing.read"));
  co_await f.database->write([](sql::Session& s) {
    s.execute("delete from role_rules where role_id = 'users'");
    s.execute("insert into disabled_default_rules (role_id, rule_id) values ('users', 't.thing.read')");
  });
  // The rule vanishes with its area and comes back: what the administrator disabled stays away, the rest returns.
  EXPECT_TRUE(co_await f.service->sync({}));
  EXPECT_FALSE((co_await f.service->anonymous_rules()).value()->holds("t.thing.read"));
  co_await f.ready();
  EXPECT_EQ((co_await rules_of("users")).value(), std::vector<std::string>{});
  EXPECT_TRUE((co_await f.service->anonymous_rules()).value()->holds("t.thing.read"));
  co_await f.close();
}

CO_TEST(Audit, changes_of_rights_and_sign_ins_leave_rows) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  co_await f.sign_in();
  co_await f.service->sign_in(*Email::make("ann@example.com"), "wrong", true, "10.0.0.9", "x");
  EXPECT_TRUE(co_await f.service->create_application({.name = "ci", .rules = {"t.thing.read"}}, "console"));
  EXPECT_TRUE(co_await f.service->create_admin("Bob", *Email::make("bob@example.com"), "Passw0rd-bob"));
  const auto rows =
      co_await f.database->read([](sql::Session& s) { return s.all<std::string>("select action || ' ' || outcome from audit_log order by at, id"); });
  EXPECT_EQ(rows.value(), (std::vector<std::string>{"user.create_admin ok", "session.sign_in ok", "session.sign_in refused", "application.create ok",
                                                    "user.create_admin ok"}));
  co_await f.close();
}

CO_TEST(Endpoints, sign_in_session_and_sign_out_as_browsers_do_it) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  EXPECT_EQ((co_await f.call("GET", "/api/auth/get-session")).body, "null");
  const auto in =
      co_await f.call("POST", "/api/auth/sign-in/email", {{"content-type", "application/json"}}, R"({"email":"ann@example.com","password":"Passw0rd-ann"})");
  CO_ASSERT_EQ(in.status, 200);
  const auto at = in.headers.find("Set-Cookie: ") + 12;
  const std::string cookie = in.headers.substr(at, in.headers.find(';', at) - at);
  EXPECT_NE(in.headers.find("Cache-Control: no-store"), std::string::npos);
  const auto session = co_await f.call("GET", "/api/auth/get-session", {{"cookie", cookie}});
  EXPECT_NE(session.body.find(R"("email":"ann@example.com","emailVerified":true,"image":null)"), std::string::npos);
  const auto profile = co_await f.call("POST", "/api/auth/getCurrentUserProfile", {{"cookie", cookie}}, "{}");
  EXPECT_NE(profile.body.find(R"("hasCredentialAccount":true)"), std::string::npos);
  EXPECT_EQ((co_await f.call("POST", "/api/auth/sign-out", {{"cookie", cookie}})).status, 403);
  EXPECT_EQ((co_await f.call("POST", "/api/auth/sign-out", {{"cookie", cookie}, {"origin", "https://evil.example"}})).body.substr(0, 24),
            R"({"code":"INVALID_ORIGIN")");
  EXPECT_EQ((co_await f.call("POST", "/api/auth/sign-out", {{"cookie", cookie}, {"origin", "http://w.test"}})).body, R"({"success":true})");
  EXPECT_EQ((co_await f.call("POST", "/api/auth/getCurrentUserProfile", {{"cookie", cookie}}, "{}")).status, 401);
  const auto gone = co_await f.call("GET", "/api/auth/get-session", {{"cookie", cookie}});
  EXPECT_EQ(gone.body, "null");
  EXPECT_NE(gone.headers.find("better-auth.session_token=; Max-Age=0"), std::string::npos);
  co_await f.close();
}

CO_TEST(Endpoints, refuse_what_is_wrong) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto post = [&](std::string body, std::vector<http::Header> headers = {{"content-type", "application/json"}}) {
    return f.call("POST", "/api/auth/sign-in/email", std::move(headers), std::move(body));
  };
  EXPECT_EQ((co_await post("{")).status, 400);
  EXPECT_EQ((co_await post("[]")).status, 400);
  EXPECT_EQ((co_await post(R"({"email":"ann@example.com"})")).status, 400);
  EXPECT_EQ((co_await post(R"({"email":"nomail","password":"x"})")).status, 400);
  EXPECT_EQ((co_await post(R"({"email":"ann@example.com","password":"wrong"})")).status, 401);
  EXPECT_EQ((co_await post(R"({"email":"ann@example.com","password":"Passw0rd-ann","callbackURL":"https://evil.example/"})")).status, 403);
  EXPECT_EQ((co_await post(R"({"email":"ann@example.com","password":"Passw0rd-ann","callbackURL":"http://localhost:30001/"})")).body,
            R"({"code":"INVALID_CALLBACKURL","message":"Invalid callbackURL"})");
  EXPECT_EQ((co_await f.call("POST", "/api/auth/sign-in/email", {{"content-type", "text/plain"}}, "{}")).status, 415);
  EXPECT_EQ((co_await f.call("GET", "/api/auth/no-such-route")).body, R"({"error":"Not Found"})");
  EXPECT_EQ((co_await f.call("GET", "/api/auth/sign-out")).status, 405);
  // A write with a cookie from another site's page, to a procedure.
  EXPECT_EQ((co_await f.call("POST", "/api/auth/accessRules", {{"cookie", "a=b"}, {"origin", "https://evil.example"}}, "{}")).status, 403);
  EXPECT_EQ((co_await f.call("POST", "/api/auth/accessRules", {{"cookie", "a=b"}, {"origin", "null"}}, "{}")).status, 403);
  EXPECT_EQ((co_await f.call("POST", "/api/auth/accessRules", {{"cookie", "a=b"}}, "{}")).body,
            R"({"json":{"accessRules":["t.thing.read"],"isInAnyTeam":false}})");
  co_await f.close();
}

CO_TEST(Endpoints, callbacks_lead_to_every_trusted_origin) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  for (const std::string callback : {"/inbox", "http://w.test/inbox", "http://localhost:3000", "http://localhost:3000/inbox"}) {
    const auto in = co_await f.call("POST", "/api/auth/sign-in/email", {{"content-type", "application/json"}},
                                    R"({"email":"ann@example.com","password":"Passw0rd-ann","callbackURL":")" + callback + "\"}");
    EXPECT_EQ(in.status, 200) << callback;
  }
  co_await f.close();
}

CO_TEST(Endpoints, a_blank_name_is_an_issue_of_the_form) {
  WebFixture f(loop);
  co_await f.ready();
  const auto blank =
      co_await f.call("POST", "/api/auth/completeOnboarding", {}, R"({"json":{"name":" ","email":"ann@example.com","password":"Passw0rd-ann"}})");
  EXPECT_EQ(blank.status, 400);
  EXPECT_NE(blank.body.find(R"("path":["name"])"), std::string::npos) << blank.body;
  co_await f.close();
}

CO_TEST(Front, cross_origin_answers_and_security_headers) {
  WebFixture f(loop);
  co_await f.ready();
  const auto own = co_await f.call("GET", "/api/auth/ok", {{"origin", "http://w.test"}, {"x-correlation-id", "abc-1"}});
  EXPECT_NE(own.headers.find("Access-Control-Allow-Origin: http://w.test\r\n"), std::string::npos);
  EXPECT_NE(own.headers.find("x-correlation-id: abc-1\r\n"), std::string::npos);
  EXPECT_NE(own.headers.find("Content-Security-Policy: default-src 'none'"), std::string::npos);
  const auto foreign = co_await f.call("GET", "/api/auth/ok", {{"origin", "https://evil.example"}, {"x-correlation-id", "a b"}});
  EXPECT_EQ(foreign.headers.find("Access-Control-Allow-Origin"), std::string::npos);
  EXPECT_EQ(foreign.headers.find("x-correlation-id: a b"), std::string::npos);
  const auto preflight = co_await f.call("OPTIONS", "/api/auth/ok", {{"origin", "http://w.test"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_NE(preflight.headers.find("Access-Control-Max-Age: 600"), std::string::npos);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::auth
