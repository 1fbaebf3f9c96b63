#include "domains/auth/test/web_fixture.hpp"

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;
using test::Fixture;
using test::WebFixture;

const Email kAnn = *Email::make("ann@example.com");

awaitable<Current> current(Fixture& f, const SignedIn& in) { co_return (co_await f.service->current_session(Fixture::cookie(in))).value().value(); }

/// The token of the last link that was sent.
std::string token_of(const Fixture& f) { return f.links.back().token.value.str(); }

awaitable<void> ask(Fixture& f, Email email = kAnn) {
  EXPECT_TRUE(co_await f.service->request_password_reset(std::move(email), "10.0.0.1"));
  co_await f.settle();
}

CO_TEST(Passwords, AUTHCHECK_09_weak_ones_are_refused_on_every_path) {
  Fixture f(loop);
  co_await f.ready();
  const auto refused = [](const auto& result) { return !result && result.error().code == ErrorCode::bad_request && result.error().field == "password"; };
  for (const std::string weak : {"Ab1", "alllowercase1", "ALLUPPERCASE1", "NoDigitsHere", "Password1"}) {
    EXPECT_TRUE(refused(co_await f.service->complete_onboarding("Ann", kAnn, weak, {}, false, "x"))) << weak;
    EXPECT_TRUE(refused(co_await f.service->create_admin("Bob", *Email::make("bob@example.com"), weak))) << weak;
  }
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.sign_in();
  co_await ask(f);
  const auto ann = co_await f.ann();
  for (const std::string weak : {"Ab1", "alllowercase1", "ALLUPPERCASE1", "NoDigitsHere", "Password1"}) {
    EXPECT_TRUE(refused(
        co_await f.service->create_user(ann, {.email = *Email::make("bob@example.com"), .name = Text<1, 200>::of("Bob"), .password = Text<1, 128>::of(weak)})))
        << weak;
    EXPECT_TRUE(refused(co_await f.service->sign_up("Bob", *Email::make("bob@example.com"), weak, "x", "x"))) << weak;
    EXPECT_TRUE(refused(co_await f.service->change_password(co_await current(f, in), "Passw0rd-ann", weak, true, "x"))) << weak;
    EXPECT_TRUE(refused(co_await f.service->reset_password(token_of(f), weak, "x"))) << weak;
    EXPECT_TRUE(refused(co_await f.service->reset_password_of(kAnn, weak))) << weak;
  }
  EXPECT_TRUE(co_await f.try_sign_in("ann@example.com", "Passw0rd-ann"));
  co_await f.close();
}

CO_TEST(Passwords, C_26_a_change_ends_every_other_session_and_tells_the_user) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto here = co_await f.sign_in();
  const auto there = co_await f.sign_in();
  EXPECT_EQ((co_await f.who(Fixture::cookie(there)))->kind, access::Principal::Kind::user);
  const auto kept = co_await f.service->change_password(co_await current(f, here), "Passw0rd-ann", "Passw0rd-ann-2", false, "x");
  CO_ASSERT_TRUE(kept.has_value());
  EXPECT_FALSE(kept->has_value());
  EXPECT_EQ((co_await f.who(Fixture::cookie(there)))->kind, access::Principal::Kind::none);
  EXPECT_EQ((co_await f.who(Fixture::cookie(here)))->kind, access::Principal::Kind::user);
  const auto renewed = co_await f.service->change_password(co_await current(f, here), "Passw0rd-ann-2", "Passw0rd-ann-3", true, "x");
  CO_ASSERT_TRUE(renewed && *renewed);
  EXPECT_EQ((co_await f.who(Fixture::cookie(here)))->kind, access::Principal::Kind::none);
  EXPECT_EQ((co_await f.who(Fixture::cookie(**renewed)))->kind, access::Principal::Kind::user);
  co_await f.settle();
  CO_ASSERT_EQ(f.changed.size(), 2U);
  EXPECT_EQ(f.changed[0].user_id, here.user.id);
  EXPECT_FALSE(co_await f.try_sign_in("ann@example.com", "Passw0rd-ann"));
  EXPECT_TRUE(co_await f.try_sign_in("ann@example.com", "Passw0rd-ann-3"));
  co_await f.close();
}

CO_TEST(Passwords, a_change_asks_for_the_present_one_and_counts_as_a_sign_in_does) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.sign_in();
  const auto try_it = [&](std::string present) -> awaitable<ErrorCode> {
    const auto changed = co_await f.service->change_password(co_await current(f, in), std::move(present), "Passw0rd-ann-2", false, "10.0.0.7");
    co_return changed ? ErrorCode::internal : changed.error().code;
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await try_it("wrong"), ErrorCode::unauthorized);
  EXPECT_EQ(co_await try_it("Passw0rd-ann"), ErrorCode::too_many_requests);
  EXPECT_EQ((co_await f.who(Fixture::cookie(in)))->kind, access::Principal::Kind::user);
  co_await f.close();
}

CO_TEST(PasswordReset, AUTHCHECK_08_ends_every_session_and_tells_the_user) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto in = co_await f.sign_in();
  EXPECT_EQ((co_await f.who(Fixture::cookie(in)))->kind, access::Principal::Kind::user);
  co_await ask(f);
  CO_ASSERT_EQ(f.links.size(), 1U);
  EXPECT_EQ(f.links[0].user_id, in.user.id);
  EXPECT_EQ((co_await f.service->judge_reset_token(token_of(f))).value(), ResetToken::valid);
  EXPECT_TRUE(co_await f.service->reset_password(token_of(f), "Passw0rd-ann-2", "x"));
  EXPECT_EQ((co_await f.who(Fixture::cookie(in)))->kind, access::Principal::Kind::none);
  EXPECT_FALSE(co_await f.try_sign_in("ann@example.com", "Passw0rd-ann"));
  EXPECT_TRUE(co_await f.try_sign_in("ann@example.com", "Passw0rd-ann-2"));
  co_await f.settle();
  EXPECT_EQ(f.changed.size(), 1U);
  co_await f.close();
}

CO_TEST(PasswordReset, a_link_opens_once_and_for_an_hour) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  co_await ask(f);
  const std::string first = token_of(f);
  EXPECT_TRUE(co_await f.service->reset_password(first, "Passw0rd-ann-2", "x"));
  const auto again = co_await f.service->reset_password(first, "Passw0rd-ann-3", "x");
  CO_ASSERT_TRUE(!again);
  EXPECT_EQ(again.error().code, ErrorCode::not_found);
  EXPECT_EQ((co_await f.service->judge_reset_token(first)).value(), ResetToken::invalid);
  co_await ask(f);
  const std::string late = token_of(f);
  f.clock.advance(1h - 1s, 1h);
  EXPECT_EQ((co_await f.service->judge_reset_token(late)).value(), ResetToken::valid);
  f.clock.advance(1s);
  EXPECT_EQ((co_await f.service->judge_reset_token(late)).value(), ResetToken::expired);
  EXPECT_EQ((co_await f.service->reset_password(late, "Passw0rd-ann-3", "x")).error().code, ErrorCode::not_found);
  EXPECT_TRUE(co_await f.try_sign_in("ann@example.com", "Passw0rd-ann-2"));
  co_await f.close();
}

CO_TEST(PasswordReset, the_newest_link_is_the_only_one_and_asking_often_sends_no_more) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  co_await ask(f);
  co_await ask(f);
  CO_ASSERT_EQ(f.links.size(), 1U);
  const std::string first = token_of(f);
  f.clock.advance(1min);
  co_await ask(f);
  CO_ASSERT_EQ(f.links.size(), 2U);
  EXPECT_EQ((co_await f.service->judge_reset_token(first)).value(), ResetToken::invalid);
  EXPECT_EQ((co_await f.service->judge_reset_token(token_of(f))).value(), ResetToken::valid);
  co_await f.close();
}

CO_TEST(PasswordReset, only_a_hash_of_the_token_is_kept_and_it_travels_sealed) {
  Fixture f(loop);
  std::string row;
  EXPECT_TRUE(f.bus->on_work(kPasswordResetRequested, "spy", [&](PasswordResetRequested) -> awaitable<void> {
    return [](Fixture& fixture, std::string& out) -> awaitable<void> {
      const auto read =
          co_await fixture.database->read([](sql::Session& s) { return s.one<std::string>("select payload from jobs where consumer = 'spy'").value(); });
      out = read.value();
    }(f, row);
  }));
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  co_await ask(f);
  CO_ASSERT_EQ(f.links.size(), 1U);
  EXPECT_NE(row.find("v2:"), std::string::npos) << row;
  EXPECT_EQ(row.find(token_of(f)), std::string::npos);
  const auto stored = co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select token_hash from password_resets").value(); });
  EXPECT_EQ(stored.value(), hash_of(token_of(f)));
  co_await f.close();
}

CO_TEST(PasswordReset, known_and_unknown_addresses_get_the_same_answer_for_the_same_work) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  co_await f.queue->stop(0ms);  // what is left behind is looked at
  const auto hashes = f.passwords.computed();
  const auto before = f.database->counters();
  EXPECT_TRUE(co_await f.service->request_password_reset(kAnn, "10.0.0.1"));
  const auto known = f.database->counters();
  EXPECT_TRUE(co_await f.service->request_password_reset(*Email::make("nob@example.com"), "10.0.0.1"));
  const auto unknown = f.database->counters();
  EXPECT_EQ(known.writes - before.writes, unknown.writes - known.writes);
  EXPECT_EQ(known.reads - before.reads, unknown.reads - known.reads);
  EXPECT_EQ(f.passwords.computed(), hashes);
  const auto rows = co_await f.database->read([](sql::Session& s) { return s.all<std::string>("select queue || length(payload) from jobs order by id"); });
  CO_ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0), rows->at(1));
  co_await f.close();
}

CO_TEST(SignIn, known_and_unknown_addresses_cost_the_same_hashes) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto cost = [&](std::string email) -> awaitable<std::uint64_t> {
    const auto before = f.passwords.computed();
    co_await f.try_sign_in(std::move(email), "wrong");
    co_return f.passwords.computed() - before;
  };
  EXPECT_EQ(co_await cost("ann@example.com"), 1U);
  EXPECT_EQ(co_await cost("nobody@example.com"), 1U);
  co_await f.close();
}

CO_TEST(PasswordReset, an_unknown_address_is_sent_nothing) {
  Fixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  co_await ask(f, *Email::make("nobody@example.com"));
  EXPECT_TRUE(f.links.empty());
  EXPECT_EQ(co_await f.count("password_resets"), 0);
  co_await f.close();
}

CO_TEST(Endpoints, a_password_is_reset_as_browsers_do_it) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto ask_as = [&](std::string body) { return f.call("POST", "/api/auth/request-password-reset", {{"x-correlation-id", "same"}}, std::move(body)); };
  const auto known = co_await ask_as(R"({"email":"ann@example.com","redirectTo":"/auth/reset-password"})");
  const auto unknown = co_await ask_as(R"({"email":"nobody@example.com"})");
  EXPECT_EQ(known.status, 200);
  EXPECT_EQ(known.body, unknown.body);
  EXPECT_EQ(known.headers, unknown.headers);
  EXPECT_NE((co_await f.from_page("request-password-reset", {}, R"({"email":"ann@example.com","redirectTo":"https://evil.example/"})"))
                .body.find("INVALID_REDIRECTURL"),
            std::string::npos);
  co_await f.settle();
  CO_ASSERT_EQ(f.links.size(), 1U);
  const std::string token = token_of(f);
  const auto location = [&](std::string target) -> awaitable<std::string> {
    const auto answer = co_await f.call("GET", "/api/auth/reset-password/" + target);
    const auto at = answer.headers.find("Location: ");
    co_return std::to_string(answer.status) + " " +
        (at == std::string::npos ? answer.body : answer.headers.substr(at + 10, answer.headers.find('\r', at) - at - 10));
  };
  EXPECT_EQ(co_await location(token + "?callbackURL=%2Fauth%2Freset-password"), "302 http://w.test/auth/reset-password?token=" + token);
  EXPECT_EQ(co_await location("nope?callbackURL=%2Fx%3Fa%3Db"), "302 http://w.test/x?a=b&error=INVALID_TOKEN");
  EXPECT_EQ(co_await location("nope"), "302 http://w.test/auth/reset-password?error=INVALID_TOKEN");
  EXPECT_EQ((co_await location("nope?callbackURL=https%3A%2F%2Fevil.example")).substr(0, 30), R"(403 {"code":"INVALID_CALLBACKU)");
  EXPECT_EQ((co_await location("nope?callbackURL=%2Fx%0D%0ASet-Cookie%3Aa")).substr(0, 3), "403");
  EXPECT_EQ((co_await f.call("POST", "/api/auth/reset-password/" + token)).status, 405);
  const auto valid = [&](std::string text) -> awaitable<std::string> {
    co_return (co_await f.call("POST", "/api/auth/validateResetToken", {}, R"({"json":{"token":")" + text + R"("}})")).body;
  };
  EXPECT_EQ(co_await valid(token), R"({"json":{"valid":true}})");
  EXPECT_EQ(co_await valid("nope"), R"({"json":{"valid":false,"reason":"invalid"}})");
  const auto reset = [&](std::string text, std::string password) {
    return f.from_page("reset-password", {}, R"({"token":")" + text + R"(","newPassword":")" + password + "\"}");
  };
  EXPECT_NE((co_await reset(token, "Ab1")).body.find("PASSWORD_TOO_SHORT"), std::string::npos);
  EXPECT_NE((co_await reset("nope", "Passw0rd-ann-2")).body.find("INVALID_TOKEN"), std::string::npos);
  EXPECT_EQ((co_await reset(token, "Passw0rd-ann-2")).body, R"({"status":true})");
  EXPECT_EQ((co_await reset(token, "Passw0rd-ann-3")).status, 400);
  co_await f.close();
}

CO_TEST(Passwords, the_token_of_a_reset_stands_in_no_address) {
  WebFixture f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  co_await ask(f);
  CO_ASSERT_EQ(f.links.size(), 1U);
  const std::string token = token_of(f);
  const auto asked = co_await f.call("GET", "/rest/auth/validateResetToken?token=" + token);
  EXPECT_EQ(asked.status, 405) << asked.body;
  EXPECT_NE(asked.headers.find("Allow: POST\r\n"), std::string::npos) << asked.headers;
  const auto posted = co_await f.call("POST", "/rest/auth/validateResetToken", {{"content-type", "application/json"}}, R"({"token":")" + token + "\"}");
  EXPECT_EQ(posted.status, 200);
  EXPECT_EQ(posted.body, R"({"valid":true})");
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::auth
