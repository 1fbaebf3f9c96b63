#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "domains/auth/credentials.hpp"
#include "domains/auth/rules.hpp"

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;
const Timestamp kNow = Timestamp::from_millis(1'767'225'600'000);

TEST(AuthRules, a_session_slides_once_a_day_and_only_when_remembered) {
  const Timestamp end = kNow + 7 * 24h;
  EXPECT_FALSE(rules::extended_until(end, true, kNow + 23h));
  EXPECT_EQ(rules::extended_until(end, true, kNow + 24h), kNow + 8 * 24h);
  EXPECT_FALSE(rules::extended_until(kNow + 24h, false, kNow + 23h));
}

TEST(AuthRules, callbacks_stay_on_this_site) {
  for (const char* good : {"/", "/a?b", "https://w.example", "https://w.example/x", "https://w.example?x"})
    EXPECT_TRUE(rules::is_own_url(good, "https://w.example")) << good;
  for (const char* bad : {"", "//evil.example", "/\\evil.example", "https://w.example.evil.example", "https://evil.example/", "javascript:alert(1)"})
    EXPECT_FALSE(rules::is_own_url(bad, "https://w.example")) << bad;
}

TEST(AuthRules, api_keys_parse_strictly) {
  const std::string id = "0190a7c8-1111-7111-8111-111111111111";
  EXPECT_EQ(rules::parse_api_key("ck_" + id + "_abc")->secret, "abc");
  EXPECT_EQ(rules::parse_api_key("ck_" + id + "_a_b")->secret, "a_b");
  for (const std::string& bad : std::vector<std::string>{"", "ck_", "ck_" + id, "ck_" + id + "_", "xx_" + id + "_abc", "ck_" + id.substr(1) + "x_abc"})
    EXPECT_FALSE(rules::parse_api_key(bad)) << bad;
}

TEST(AuthRules, what_has_an_end_is_over_from_that_instant_on) {
  EXPECT_TRUE(rules::is_live(std::nullopt, kNow));
  EXPECT_TRUE(rules::is_live(kNow + 1us, kNow));
  EXPECT_FALSE(rules::is_live(kNow, kNow));
}

TEST(AuthRules, the_nearest_rule_takes_the_fewest_changes) {
  const std::vector<std::string> known{"catalog.system.manage", "catalog.system.read", "notification.notification.send"};
  EXPECT_EQ(rules::nearest("catalog.system.reed", known), "catalog.system.read");
  EXPECT_EQ(rules::nearest("catalog.systems.mange", known), "catalog.system.manage");
  EXPECT_EQ(rules::nearest("notification.send", known), "notification.notification.send");
  EXPECT_EQ(rules::nearest("", known), "catalog.system.read");
  EXPECT_EQ(rules::nearest("x", {}), "");
}

TEST(AuthRules, the_setup_token_is_asked_of_everybody_but_loopback) {
  EXPECT_FALSE(rules::needs_setup_token(true, false, false));
  EXPECT_TRUE(rules::needs_setup_token(false, false, false));
  EXPECT_TRUE(rules::needs_setup_token(true, true, false));
  EXPECT_TRUE(rules::needs_setup_token(true, false, true));
}

TEST(AuthRules, roles_are_changed_by_those_who_may) {
  const auto code = [](rules::RoleChange change) {
    const auto judged = rules::judge(change);
    return judged ? "ok" : std::string(wire_code(judged.error().code));
  };
  EXPECT_EQ(code({}), "ok");
  EXPECT_EQ(code({.of_himself = true, .by_everything = true, .other_admins = 1}), "FORBIDDEN");
  EXPECT_EQ(code({.becomes_admin = true}), "FORBIDDEN");
  EXPECT_EQ(code({.becomes_admin = true, .by_everything = true}), "ok");
  EXPECT_EQ(code({.was_admin = true, .other_admins = 1}), "FORBIDDEN");
  EXPECT_EQ(code({.was_admin = true, .by_everything = true, .other_admins = 1}), "ok");
  EXPECT_EQ(code({.was_admin = true, .by_everything = true, .other_admins = 0}), "CONFLICT");
  EXPECT_EQ(code({.was_admin = true, .becomes_admin = true, .other_admins = 0}), "ok");
  EXPECT_TRUE(rules::judge_removal(false, 0));
  EXPECT_EQ(rules::judge_removal(true, 1).error().code, ErrorCode::forbidden);
  EXPECT_EQ(rules::judge_removal(true, 0).error().code, ErrorCode::conflict);
}

TEST(AuthRules, rules_of_a_role_are_changed_by_those_who_do_not_hold_it) {
  EXPECT_TRUE(rules::judge_rules_change(false, false, false));
  EXPECT_TRUE(rules::judge_rules_change(false, true, true));
  EXPECT_FALSE(rules::judge_rules_change(false, true, false));
  EXPECT_FALSE(rules::judge_rules_change(true, false, true));
  EXPECT_EQ(rules::added({"a", "b"}, {"b", "c"}), std::vector<std::string>{"c"});
  EXPECT_EQ(rules::added({"b", "c"}, {"a", "b"}), std::vector<std::string>{"a"});
}

TEST(AuthRules, cookies_are_found_by_their_whole_name) {
  EXPECT_EQ(rules::cookie_value("a=1; bb=2;c=3", "bb"), "2");
  EXPECT_EQ(rules::cookie_value("xbb=1; bb=2", "bb"), "2");
  EXPECT_FALSE(rules::cookie_value("abb=2", "bb"));
}

TEST(Rules, AUTHCHECK_10_a_pause_grows_to_a_quarter_of_an_hour_and_no_further) {
  std::string pauses;
  for (int failures = 0; failures <= 16; ++failures) pauses += std::to_string(rules::sign_in_pause(failures).count()) + " ";
  EXPECT_EQ(pauses, "0 0 0 0 0 1 2 4 8 16 32 64 128 256 512 900 900 ");
  EXPECT_EQ(rules::sign_in_pause(1'000'000), 15min);
}

TEST(Rules, callbacks_hold_nothing_that_browsers_leave_out) {
  for (const char* bad : {"/\t/evil.example", "\t//evil.example", "/\n/evil.example", "/x\r\nSet-Cookie: a"})
    EXPECT_FALSE(rules::is_own_url(bad, "https://w.example")) << bad;
}

TEST(Cookies, only_signed_tokens_are_taken) {
  const CookieSigner signer("key", false);
  const std::string line = signer.set_session("tok", true);
  EXPECT_EQ(line.substr(0, 12), "Set-Cookie: ");
  EXPECT_NE(line.find("; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax\r\n"), std::string::npos);
  const std::string cookie = line.substr(12, line.find(';') - 12);
  EXPECT_EQ(signer.token("x=1; " + cookie), "tok");
  EXPECT_FALSE(CookieSigner("other", false).token(cookie));
  EXPECT_FALSE(signer.token("better-auth.session_token=tok"));
  EXPECT_FALSE(signer.token("better-auth.session_token=tok.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D"));
  const CookieSigner secure("key", true);
  EXPECT_NE(secure.set_session("tok", false).find("__Secure-better-auth.dont_remember="), std::string::npos);
  EXPECT_NE(secure.set_session("tok", true).find("; Secure"), std::string::npos);
  EXPECT_FALSE(secure.token(cookie));
}

}  // namespace
}  // namespace watchbell::auth
