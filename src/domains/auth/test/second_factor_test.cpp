#include <boost/json.hpp>

#include "domains/auth/second_factor_store.hpp"
#include "domains/auth/test/web_fixture.hpp"
#include "domains/auth/totp.hpp"

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;
using test::Fixture;
using test::WebFixture;

constexpr const char* kPassword = "Passw0rd-ann";

/// Ann with a second factor: what her app holds, and what she wrote down.
struct WithFactor : WebFixture {
  explicit WithFactor(async::Loop& l) : WebFixture(l) {}
  awaitable<Current> here() { co_return (co_await service->current_session(Fixture::cookie(in))).value().value(); }
  awaitable<void> begin() {
    co_await ready();
    EXPECT_TRUE(co_await onboard());
    in = co_await sign_in();
    auto setup = co_await service->enable_second_factor(co_await here(), kPassword, "10.0.0.1");
    CO_ASSERT_TRUE(setup.has_value());
    codes = setup->recovery_codes;
    const auto sealed = (co_await database->read([user = in.user.id](sql::Session& s) { return store::second_factor(s, user)->secret; })).value();
    secret = keyring.open(sealed, crypto::seal_aad("auth", "second-factor", in.user.id.to_string())).value();
    EXPECT_EQ(setup->uri, totp::uri_of(secret, "ann@example.com"));
  }
  awaitable<void> confirmed() {
    co_await begin();
    EXPECT_TRUE(co_await service->confirm_second_factor(co_await here(), now(), "10.0.0.1"));
    clock.advance(30s);
  }
  FactorCode now() { return {.kind = FactorCode::Kind::totp, .text = totp::code_of(secret, totp::step_of(clock.now()))}; }
  FactorCode wrong() {
    auto code = now();
    code.text[0] = code.text[0] == '0' ? '1' : '0';
    for (int away = -1; away <= 1; ++away)
      if (code.text == totp::code_of(secret, totp::step_of(clock.now()) + away)) code.text[1] = code.text[1] == '0' ? '1' : '0';
    return code;
  }
  static FactorCode recovery(std::string text) { return {.kind = FactorCode::Kind::recovery, .text = std::move(text)}; }
  /// The cookie of a sign-in that awaits its second factor.
  awaitable<std::string> challenge(std::string address = "10.0.0.1") {
    const auto begun = co_await try_sign_in("ann@example.com", kPassword, std::move(address));
    EXPECT_TRUE(begun && begun->challenge && begun->token.empty());
    const std::string line = CookieSigner("key", false).set_challenge(*begun->challenge, 10min);
    co_return line.substr(12, line.find(';') - 12);
  }
  awaitable<std::string> finish(std::string challenge_cookie, FactorCode code, std::string address = "10.0.0.1") {
    const auto done = co_await service->finish_sign_in(std::move(challenge_cookie), std::move(code), std::move(address), "test");
    co_return done ? "in" : std::string(wire_code(done.error().code));
  }
  SignedIn in;
  std::string secret;
  std::vector<std::string> codes;
};

CO_TEST(SecondFactor, is_not_in_force_before_a_first_code) {
  WithFactor f(loop);
  co_await f.begin();
  EXPECT_TRUE((co_await f.try_sign_in("ann@example.com", kPassword))->challenge == std::nullopt);
  EXPECT_EQ((co_await f.service->confirm_second_factor(co_await f.here(), f.wrong(), "x")).error().code, ErrorCode::unauthorized);
  // What was written down does not show that the app holds the secret.
  EXPECT_EQ((co_await f.service->confirm_second_factor(co_await f.here(), WithFactor::recovery(f.codes[0]), "x")).error().code, ErrorCode::not_found);
  EXPECT_TRUE(co_await f.service->confirm_second_factor(co_await f.here(), f.now(), "x"));
  EXPECT_TRUE((co_await f.try_sign_in("ann@example.com", kPassword))->challenge.has_value());
  EXPECT_EQ((co_await f.service->enable_second_factor(co_await f.here(), kPassword, "x")).error().code, ErrorCode::conflict);
  co_await f.close();
}

CO_TEST(SecondFactor, asks_the_password_for_every_change) {
  WithFactor f(loop);
  co_await f.confirmed();
  EXPECT_EQ((co_await f.service->enable_second_factor(co_await f.here(), "wrong", "a")).error().code, ErrorCode::unauthorized);
  EXPECT_EQ((co_await f.service->second_factor_uri(co_await f.here(), "wrong", "b")).error().code, ErrorCode::unauthorized);
  EXPECT_EQ((co_await f.service->disable_second_factor(co_await f.here(), "wrong", "c")).error().code, ErrorCode::unauthorized);
  EXPECT_EQ((co_await f.service->renew_recovery_codes(co_await f.here(), "wrong", "d")).error().code, ErrorCode::unauthorized);
  EXPECT_EQ((co_await f.service->second_factor_uri(co_await f.here(), kPassword, "b")).value(), totp::uri_of(f.secret, "ann@example.com"));
  EXPECT_TRUE(co_await f.service->disable_second_factor(co_await f.here(), kPassword, "c"));
  EXPECT_TRUE((co_await f.try_sign_in("ann@example.com", kPassword))->challenge == std::nullopt);
  EXPECT_EQ(co_await f.count("recovery_codes"), 0);
  EXPECT_EQ((co_await f.service->renew_recovery_codes(co_await f.here(), kPassword, "d")).error().code, ErrorCode::not_found);
  co_await f.close();
}

CO_TEST(SecondFactor, a_code_opens_once_and_none_before_it) {
  WithFactor f(loop);
  co_await f.confirmed();
  const auto earlier = f.now();
  f.clock.advance(30s);
  const auto code = f.now();
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), code), "in");
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), code), "UNAUTHORIZED");
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), earlier), "UNAUTHORIZED");
  f.clock.advance(30s);
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), f.now()), "in");
  co_await f.close();
}

CO_TEST(SecondFactor, a_challenge_opens_once_ends_after_ten_minutes_and_is_no_session) {
  WithFactor f(loop);
  co_await f.confirmed();
  const std::string cookie = co_await f.challenge();
  EXPECT_EQ((co_await f.who(cookie))->kind, access::Principal::Kind::none);
  // Nor under the name of a session's cookie.
  EXPECT_EQ((co_await f.who("better-auth.session_token=" + cookie.substr(cookie.find('=') + 1)))->kind, access::Principal::Kind::none);
  EXPECT_EQ(co_await f.finish("better-auth.two_factor=" + Fixture::cookie(f.in).substr(26), f.now()), "NOT_FOUND");
  EXPECT_EQ(co_await f.finish(cookie, f.now()), "in");
  f.clock.advance(30s);
  EXPECT_EQ(co_await f.finish(cookie, f.now()), "NOT_FOUND");
  const std::string late = co_await f.challenge();
  f.clock.advance(10min, 1min);
  EXPECT_EQ(co_await f.finish(late, f.now()), "NOT_FOUND");
  co_await f.close();
}

CO_TEST(SecondFactor, AUTHCHECK_10_codes_cannot_be_guessed_and_guessing_keeps_nobody_out) {
  WithFactor f(loop);
  co_await f.confirmed();
  const std::string cookie = co_await f.challenge();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await f.finish(cookie, f.wrong()), "UNAUTHORIZED");
  // The sign-in is spent, also where nobody waits.
  EXPECT_EQ(co_await f.finish(cookie, f.now(), "10.0.0.9"), "NOT_FOUND");
  // A right password forgives no codes.
  EXPECT_EQ((co_await f.try_sign_in("ann@example.com", kPassword)).error().code, ErrorCode::too_many_requests);
  EXPECT_EQ(co_await f.finish(co_await f.challenge("10.0.0.9"), f.now(), "10.0.0.9"), "in");
  f.clock.advance(30s);
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), f.wrong()), "UNAUTHORIZED");
  EXPECT_EQ((co_await f.try_sign_in("ann@example.com", kPassword)).error().retry_after, 2s);
  co_await f.close();
}

CO_TEST(SecondFactor, recovery_codes_open_once_and_are_kept_as_hashes) {
  WithFactor f(loop);
  co_await f.confirmed();
  CO_ASSERT_EQ(f.codes.size(), 10U);
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), WithFactor::recovery(f.codes[3])), "in");
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), WithFactor::recovery(f.codes[3])), "UNAUTHORIZED");
  const auto stored = (co_await f.database->read([](sql::Session& s) { return s.all<std::string>("select code_hash from recovery_codes"); })).value();
  EXPECT_EQ(stored.size(), 9U);
  for (const auto& hash : stored) EXPECT_EQ(hash.size(), 64U);
  const auto fresh = co_await f.service->renew_recovery_codes(co_await f.here(), kPassword, "10.0.0.1");
  CO_ASSERT_TRUE(fresh.has_value());
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), WithFactor::recovery(f.codes[4])), "UNAUTHORIZED");
  EXPECT_EQ(co_await f.finish(co_await f.challenge(), WithFactor::recovery(ascii_lower(fresh->at(0)))), "in");
  co_await f.close();
}

CO_TEST(SecondFactor, its_secret_is_sealed_for_its_user) {
  WithFactor f(loop);
  co_await f.begin();
  const auto sealed = (co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select secret from second_factors").value(); })).value();
  EXPECT_TRUE(sealed.starts_with("v2:"));
  EXPECT_EQ(sealed.find(f.secret), std::string::npos);
  EXPECT_FALSE(f.keyring.open(sealed, crypto::seal_aad("auth", "second-factor", UserId::make(f.clock.now()).to_string())));
  co_await f.close();
}

CO_TEST(SecondFactor, the_console_takes_it_away_with_a_new_password) {
  WithFactor f(loop);
  co_await f.confirmed();
  const std::string cookie = co_await f.challenge();
  EXPECT_TRUE(co_await f.service->reset_password_of(*Email::make("ann@example.com"), "Passw0rd-ann-2"));
  // A sign-in with the password of before cannot be finished.
  EXPECT_EQ(co_await f.finish(cookie, f.now()), "NOT_FOUND");
  EXPECT_TRUE((co_await f.try_sign_in("ann@example.com", "Passw0rd-ann-2"))->challenge.has_value());
  EXPECT_TRUE(co_await f.service->reset_password_of(*Email::make("ann@example.com"), "Passw0rd-ann-3", true));
  EXPECT_TRUE((co_await f.try_sign_in("ann@example.com", "Passw0rd-ann-3"))->challenge == std::nullopt);
  EXPECT_EQ((co_await f.service->reset_password_of(*Email::make("nobody@example.com"), "Passw0rd-ann-3", true)).error().code, ErrorCode::not_found);
  EXPECT_EQ((co_await f.who(Fixture::cookie(f.in)))->kind, access::Principal::Kind::none);
  co_await f.close();
}

CO_TEST(SecondFactor, whoever_lacks_one_that_is_demanded_may_only_set_it_up) {
  Fixture f(loop, {.second_factor_of = SecondFactorOf::administrators});
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  const auto ann = co_await f.sign_in();
  const auto bob = co_await f.sign_up();
  EXPECT_EQ((co_await f.who(Fixture::cookie(bob)))->kind, access::Principal::Kind::user);
  const auto refused = co_await f.service->identify({.authorization = {}, .cookie = Fixture::cookie(ann)});
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().code, ErrorCode::forbidden);
  const auto here = [&]() -> awaitable<Current> { co_return (co_await f.service->current_session(Fixture::cookie(ann))).value().value(); };
  const auto setup = co_await f.service->enable_second_factor(co_await here(), kPassword, "x");
  CO_ASSERT_TRUE(setup.has_value());
  EXPECT_EQ(co_await f.who(Fixture::cookie(ann)), nullptr);
  const auto sealed = (co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select secret from second_factors").value(); })).value();
  const auto secret = f.keyring.open(sealed, crypto::seal_aad("auth", "second-factor", ann.user.id.to_string())).value();
  EXPECT_TRUE(co_await f.service->confirm_second_factor(co_await here(),
                                                        {.kind = FactorCode::Kind::totp, .text = totp::code_of(secret, totp::step_of(f.clock.now()))}, "x"));
  EXPECT_EQ((co_await f.who(Fixture::cookie(ann)))->kind, access::Principal::Kind::user);
  EXPECT_TRUE(co_await f.service->disable_second_factor(co_await here(), kPassword, "x"));
  EXPECT_EQ(co_await f.who(Fixture::cookie(ann)), nullptr);
  co_await f.close();
}

CO_TEST(SecondFactor, its_secret_is_sealed_anew_under_another_key) {
  WithFactor f(loop);
  co_await f.begin();
  const std::string first = crypto::Keyring::generate(), second = crypto::Keyring::generate();
  const auto before = crypto::Keyring::make(first).value(), between = crypto::Keyring::make(second, first).value(),
             after = crypto::Keyring::make(second).value();
  const std::string aad = crypto::seal_aad("auth", "second-factor", f.in.user.id.to_string());
  co_await f.database->write([&](sql::Session& s) { store::put_secret(s, f.in.user.id, before.seal(f.secret, aad)); });
  const auto run = [](Service& with) -> awaitable<std::string> {
    const auto done = (co_await with.reencrypt()).value();
    co_return fmt::format("{} {} {} {}", done.scanned, done.reencrypted, done.skipped, done.failed.size());
  };
  Service rotated(*f.database, f.cache, *f.changes, f.settings, f.passwords, between, f.scope, f.clock, CookieSigner("key", false), {});
  EXPECT_EQ(co_await run(*f.service), "1 0 0 1");  // a key that opens nothing
  EXPECT_EQ(co_await run(rotated), "1 1 0 0");
  EXPECT_EQ(co_await run(rotated), "1 0 1 0");
  const auto sealed = (co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select secret from second_factors").value(); })).value();
  EXPECT_EQ(after.open(sealed, aad).value(), f.secret);
  co_await f.close();
}

CO_TEST(Endpoints, a_second_factor_is_set_up_and_shown_as_browsers_do_it) {
  WithFactor f(loop);
  co_await f.ready();
  EXPECT_TRUE(co_await f.onboard());
  f.in = co_await f.sign_in();
  const std::string cookie = Fixture::cookie(f.in);
  const auto flag = [&]() -> awaitable<bool> {
    co_return (co_await f.call("GET", "/api/auth/get-session", {{"cookie", cookie}})).body.find(R"("twoFactorEnabled":true)") != std::string::npos;
  };
  EXPECT_NE((co_await f.from_page("two-factor/enable", cookie, R"({"password":"wrong"})")).body.find("INVALID_PASSWORD"), std::string::npos);
  EXPECT_EQ((co_await f.from_page("two-factor/enable", cookie, "{}")).status, 400);
  EXPECT_EQ((co_await f.from_page("two-factor/enable", {}, R"({"password":"x"})")).status, 401);
  EXPECT_NE((co_await f.from_page("two-factor/verify-totp", cookie, R"({"code":"123456"})")).body.find("TOTP_NOT_ENABLED"), std::string::npos);
  const auto enabled = co_await f.from_page("two-factor/enable", cookie, R"({"password":"Passw0rd-ann"})");
  CO_ASSERT_EQ(enabled.status, 200);
  const auto setup = boost::json::parse(enabled.body).as_object();
  EXPECT_TRUE(setup.at("totpURI").as_string().starts_with("otpauth://totp/Watchbell:"));
  EXPECT_EQ(setup.at("backupCodes").as_array().size(), 10U);
  EXPECT_NE(enabled.headers.find("Cache-Control: no-store"), std::string::npos);
  EXPECT_NE((co_await f.from_page("two-factor/get-totp-uri", cookie, R"({"password":"Passw0rd-ann"})")).body.find(std::string(setup.at("totpURI").as_string())),
            std::string::npos);
  EXPECT_FALSE(co_await flag());
  const auto sealed = (co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select secret from second_factors").value(); })).value();
  f.secret = f.keyring.open(sealed, crypto::seal_aad("auth", "second-factor", f.in.user.id.to_string())).value();
  const auto verify = [&](std::string text) { return R"({"code":")" + text + "\"}"; };
  EXPECT_NE((co_await f.from_page("two-factor/verify-totp", cookie, verify(f.wrong().text))).body.find(R"("code":"INVALID_CODE")"), std::string::npos);
  EXPECT_EQ((co_await f.from_page("two-factor/verify-totp", cookie, verify(f.now().text))).status, 200);
  EXPECT_TRUE(co_await flag());
  f.clock.advance(30s);
  // Signing in takes two steps from now on.
  const auto begun = co_await f.from_page("sign-in/email", {}, R"({"email":"ann@example.com","password":"Passw0rd-ann","rememberMe":false})");
  EXPECT_EQ(begun.body, R"({"twoFactorRedirect":true})");
  EXPECT_EQ(begun.headers.find("better-auth.session_token"), std::string::npos);
  const std::string half = WebFixture::cookie_in(begun);
  EXPECT_EQ((co_await f.from_page("two-factor/verify-totp", half, verify(f.wrong().text))).status, 401);
  EXPECT_EQ((co_await f.call("POST", "/api/auth/two-factor/verify-totp", {{"cookie", half}}, verify(f.now().text))).status, 403);
  const auto in = co_await f.from_page("two-factor/verify-totp", half, verify(f.now().text));
  CO_ASSERT_EQ(in.status, 200);
  EXPECT_NE(in.headers.find("better-auth.dont_remember="), std::string::npos);
  EXPECT_NE(in.headers.find("better-auth.two_factor=; Max-Age=0"), std::string::npos);
  EXPECT_NE((co_await f.call("GET", "/api/auth/get-session", {{"cookie", WebFixture::cookie_in(in)}})).body.find("ann@example.com"), std::string::npos);
  EXPECT_NE((co_await f.from_page("two-factor/verify-totp", half, verify("123456"))).body.find("INVALID_TWO_FACTOR_COOKIE"), std::string::npos);
  const std::string other = WebFixture::cookie_in(co_await f.from_page("sign-in/email", {}, R"({"email":"ann@example.com","password":"Passw0rd-ann"})"));
  const std::string code(setup.at("backupCodes").as_array()[0].as_string());
  EXPECT_NE((co_await f.from_page("two-factor/verify-backup-code", other, verify("abcd"))).body.find("INVALID_BACKUP_CODE"), std::string::npos);
  EXPECT_EQ((co_await f.from_page("two-factor/verify-backup-code", other, verify(code))).status, 200);
  const auto renewed = co_await f.from_page("two-factor/generate-backup-codes", cookie, R"({"password":"Passw0rd-ann"})");
  EXPECT_EQ(boost::json::parse(renewed.body).as_object().at("backupCodes").as_array().size(), 10U);
  EXPECT_EQ((co_await f.from_page("two-factor/disable", cookie, R"({"password":"Passw0rd-ann"})")).body, R"({"status":true})");
  EXPECT_FALSE(co_await flag());
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::auth
