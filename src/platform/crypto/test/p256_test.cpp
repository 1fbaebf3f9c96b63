#include "platform/crypto/p256.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::crypto {
namespace {

std::string raw(std::string_view base64url) { return base64url_decode(base64url).value(); }

// RFC 8291, appendix A.
const std::string kSenderPrivate = raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
const std::string kSenderPublic = raw("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
const std::string kReceiverPrivate = raw("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94");
const std::string kReceiverPublic = raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4");

TEST(P256, a_private_key_has_its_public_one) {
  EXPECT_EQ(p256_keys_of(kSenderPrivate)->public_key, kSenderPublic);
  EXPECT_EQ(p256_keys_of(kReceiverPrivate)->public_key, kReceiverPublic);
  const auto made = make_p256_keys();
  EXPECT_EQ(p256_keys_of(made.private_key)->public_key, made.public_key);
  EXPECT_NE(make_p256_keys().private_key, made.private_key);
}

TEST(P256, what_is_no_private_key_is_none) {
  EXPECT_FALSE(p256_keys_of(""));
  EXPECT_FALSE(p256_keys_of(std::string(31, '\x01')));
  EXPECT_FALSE(p256_keys_of(std::string(33, '\x01')));
  EXPECT_FALSE(p256_keys_of(std::string(32, '\0')));
  EXPECT_FALSE(p256_keys_of(std::string(32, '\xff')));
  EXPECT_FALSE(p256_keys_of(hex_decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value())) << "the order of the curve";
}

TEST(P256, a_point_off_the_curve_is_no_public_key) {
  EXPECT_TRUE(is_p256_public_key(kSenderPublic));
  for (std::size_t i = 0; i < kSenderPublic.size(); ++i) {
    std::string changed = kSenderPublic;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(is_p256_public_key(changed)) << i;
    EXPECT_FALSE(p256_shared_secret(*p256_keys_of(kReceiverPrivate), changed)) << i;
  }
  EXPECT_FALSE(is_p256_public_key(""));
  EXPECT_FALSE(is_p256_public_key(std::string(1, '\0'))) << "the point at infinity";
  EXPECT_FALSE(is_p256_public_key("\x04" + std::string(64, '\0')));
  EXPECT_FALSE(is_p256_public_key(kSenderPublic + "x"));
  EXPECT_FALSE(is_p256_public_key("\x02" + kSenderPublic.substr(1, 32))) << "compressed";
}

TEST(P256, both_sides_share_a_secret) {
  const auto expected = raw("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
  EXPECT_EQ(p256_shared_secret(*p256_keys_of(kSenderPrivate), kReceiverPublic), expected);
  EXPECT_EQ(p256_shared_secret(*p256_keys_of(kReceiverPrivate), kSenderPublic), expected);
}

// RFC 7515, appendix A.3.
TEST(P256, es256_is_that_of_the_rfc) {
  const std::string point = "\x04" + raw("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU") + raw("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
  const std::string data = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const auto signature = raw("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  EXPECT_TRUE(es256_verify(point, data, signature));
  EXPECT_FALSE(es256_verify(point, data + "x", signature));
  const auto keys = p256_keys_of(raw("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"));
  EXPECT_EQ(keys->public_key, point);
  const auto ours = es256_sign(*keys, data);
  EXPECT_EQ(ours.size(), 64u);
  EXPECT_TRUE(es256_verify(point, data, ours));
  EXPECT_FALSE(es256_verify(kSenderPublic, data, ours));
  EXPECT_FALSE(es256_verify(point, data, ours.substr(1)));
  // r or s with leading zeros keeps its width.
  for (int i = 0; i < 600; ++i) EXPECT_EQ(es256_sign(*keys, std::to_string(i)).size(), 64u);
}

// RFC 8188, 3.1: "I am the walrus" in one record; the keys come from the input keying material by HKDF.
TEST(P256, aes128_gcm_is_that_of_the_rfc) {
  const auto salt = raw("I1BsxtFttlv3u_Oo94xnmw");
  const auto ikm = raw("yqdlZ-tYemfogSmv7Ws5PQ");
  const auto key = hkdf_sha256(ikm, std::string_view("Content-Encoding: aes128gcm\0", 28), 16, salt);
  const auto nonce = hkdf_sha256(ikm, std::string_view("Content-Encoding: nonce\0", 24), 12, salt);
  EXPECT_EQ(base64url_encode(key), "_wniytB-ofscZDh4tbSjHw");
  EXPECT_EQ(base64url_encode(nonce), "Bcs8gkIRKLI8GeI8");
  EXPECT_EQ(base64url_encode(salt + std::string("\0\0\x10\0\0", 5) + aes128_gcm_seal(key, nonce, "I am the walrus\x02")),
            "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
}

}  // namespace
}  // namespace watchbell::crypto
