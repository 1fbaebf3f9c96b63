#include "domains/auth/totp.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;

const std::string kSecret = "12345678901234567890";

Timestamp at(std::int64_t seconds) { return Timestamp::from_micros(seconds * 1'000'000); }

TEST(Totp, gives_the_codes_of_rfc_6238) {
  for (const auto& [seconds, code] : std::initializer_list<std::pair<std::int64_t, const char*>>{
           {59, "94287082"}, {1111111109, "07081804"}, {1111111111, "14050471"}, {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"}})
    EXPECT_EQ(totp::code_of(kSecret, totp::step_of(at(seconds)), 8), code) << seconds;
}

TEST(Totp, gives_the_codes_of_rfc_4226) {
  const std::vector<std::string> codes{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"};
  for (std::size_t i = 0; i < codes.size(); ++i) EXPECT_EQ(totp::code_of(kSecret, static_cast<std::int64_t>(i)), codes[i]) << i;
}

TEST(Totp, takes_the_step_before_and_after_but_no_other) {
  const auto now = at(1'000'000'000);
  const auto step = totp::step_of(now);
  std::string taken;
  for (int away = -3; away <= 3; ++away) taken += totp::accepted_step(kSecret, totp::code_of(kSecret, step + away), now, 0) == step + away ? '!' : '.';
  EXPECT_EQ(taken, "..!!!..");
  for (const char* wrong : {"", "1", "12345", "1234567", "abcdef"}) EXPECT_FALSE(totp::accepted_step(kSecret, wrong, now, 0)) << wrong;
}

TEST(Totp, a_step_is_used_up_with_all_before_it) {
  const auto now = at(1'000'000'000);
  const auto step = totp::step_of(now);
  EXPECT_EQ(totp::accepted_step(kSecret, totp::code_of(kSecret, step), now, step - 1), step);
  EXPECT_FALSE(totp::accepted_step(kSecret, totp::code_of(kSecret, step), now, step));
  EXPECT_FALSE(totp::accepted_step(kSecret, totp::code_of(kSecret, step - 1), now, step));
  EXPECT_EQ(totp::accepted_step(kSecret, totp::code_of(kSecret, step + 1), now, step), step + 1);
}

TEST(Totp, an_app_reads_the_secret_off_a_uri) {
  EXPECT_EQ(totp::uri_of(kSecret, "ann+x@example.com"),
            "otpauth://totp/Watchbell:ann%2bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Watchbell&digits=6&period=30");
  EXPECT_EQ(totp::make_secret().size(), 20U);
  EXPECT_NE(totp::make_secret(), totp::make_secret());
}

TEST(RecoveryCodes, are_read_however_they_are_typed) {
  const std::string code = totp::make_recovery_code();
  EXPECT_TRUE(std::regex_match(code, std::regex("[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}"))) << code;
  EXPECT_NE(code, totp::make_recovery_code());
  EXPECT_EQ(totp::clean_recovery_code("ABCD efgh-ijklmnop "), "abcd-efgh-ijkl-mnop");
  EXPECT_EQ(totp::clean_recovery_code(code), code);
}

}  // namespace
}  // namespace watchbell::auth
