#include "domains/notification/channels/web_push_protocol.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "platform/crypto/encoding.hpp"

namespace watchbell::notification::channels::web_push {
namespace {

std::string raw(std::string_view base64url) { return crypto::base64url_decode(base64url).value(); }

constexpr std::string_view kP256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
constexpr std::string_view kAuth = "BTBZMqHH6r4Tts7J_aSIgg";

// RFC 8291, section 5 and appendix A.
TEST(WebPushProtocol, a_message_is_encrypted_as_that_of_the_rfc) {
  const auto sender = crypto::p256_keys_of(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"));
  const auto body = encrypt("When I grow up, I want to be a watermelon", *receiver_of(kP256dh, kAuth), *sender, raw("DGv6ra1nlYgDCS1FRnbzlw"));
  EXPECT_EQ(crypto::base64url_encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZw"
            "buwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

TEST(WebPushProtocol, the_longest_message_is_the_longest_body_that_push_services_have_to_take) {
  const auto body = encrypt(std::string(kPlaintextMax, 'x'), *receiver_of(kP256dh, kAuth), crypto::make_p256_keys(), std::string(kSalt, 's'));
  EXPECT_EQ(body.size(), 4096u);
}

TEST(WebPushProtocol, keys_no_browser_has_are_refused) {
  EXPECT_TRUE(receiver_of(kP256dh, kAuth));
  EXPECT_FALSE(receiver_of("", kAuth));
  EXPECT_FALSE(receiver_of(kP256dh, ""));
  EXPECT_FALSE(receiver_of(kAuth, kP256dh));
  EXPECT_FALSE(receiver_of(std::string(kP256dh) + "=", kAuth));
  EXPECT_FALSE(receiver_of(kP256dh, "BTBZMqHH6r4Tts7J_aSI"));
  std::string off(kP256dh);
  off[20] = off[20] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(receiver_of(off, kAuth)) << "a point off the curve";
}

TEST(WebPushProtocol, an_origin_has_neither_path_nor_the_schemes_own_port) {
  EXPECT_EQ(origin_of("https://Push.example/p/Abc?x#y"), "https://push.example");
  EXPECT_EQ(origin_of("https://push.example:443/p"), "https://push.example");
  EXPECT_EQ(origin_of("https://push.example:8443/p"), "https://push.example:8443");
  EXPECT_EQ(origin_of("http://push.example:80"), "http://push.example");
  EXPECT_EQ(origin_of("http://push.example:443?q"), "http://push.example:443");
  EXPECT_EQ(origin_of("http://[::1]:9/x"), "http://[::1]:9");
}

// RFC 8292, section 2 and 3.
TEST(WebPushProtocol, a_push_service_is_told_who_sends_and_until_when) {
  const auto keys = crypto::make_p256_keys();
  const auto now = Timestamp::parse("2026-01-02T03:04:05.678Z").value();
  const auto value = authorization("https://push.example/p/abc", keys, "mailto:ops@w.test", now);
  ASSERT_TRUE(value.starts_with("vapid t="));
  const auto comma = value.find(", k=");
  ASSERT_NE(comma, std::string::npos);
  EXPECT_EQ(value.substr(comma + 4), crypto::base64url_encode(keys.public_key));
  const std::string token = value.substr(8, comma - 8);
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  EXPECT_EQ(raw(token.substr(0, first)), R"({"typ":"JWT","alg":"ES256"})");
  const auto claims = boost::json::parse(raw(token.substr(first + 1, last - first - 1)));
  EXPECT_EQ(claims.at("aud").as_string(), "https://push.example");
  EXPECT_EQ(claims.at("exp").as_int64(), now.seconds() + 12 * 3600);
  EXPECT_EQ(claims.at("sub").as_string(), "mailto:ops@w.test");
  EXPECT_TRUE(crypto::es256_verify(keys.public_key, token.substr(0, last), raw(token.substr(last + 1))));
  const auto without = authorization("https://push.example/p/abc", keys, "", now);
  const auto dot = without.find('.');
  EXPECT_FALSE(boost::json::parse(raw(without.substr(dot + 1, without.find('.', dot + 1) - dot - 1))).as_object().contains("sub"));
}

}  // namespace
}  // namespace watchbell::notification::channels::web_push
