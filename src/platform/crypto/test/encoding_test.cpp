#include "platform/crypto/encoding.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::crypto {
namespace {

TEST(Encoding, hex) {
  EXPECT_EQ(hex_encode(""), "");
  EXPECT_EQ(hex_encode(std::string("\x00\x7f\xff", 3)), "007fff");
  EXPECT_EQ(hex_decode("007FfF"), std::string("\x00\x7f\xff", 3));
  EXPECT_EQ(hex_decode(""), "");
  for (const char* text : {"0", "0g", "0 ", "00:11", "0x00", "00\n"}) EXPECT_FALSE(hex_decode(text)) << text;
}

TEST(Encoding, base64_of_rfc_4648) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},         {"f", "Zg=="},       {"fo", "Zm8="},      {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
    std::string url(text);
    while (url.ends_with('=')) url.pop_back();
    EXPECT_EQ(base64url_encode(bytes), url);
    EXPECT_EQ(base64url_decode(url), bytes);
  }
  EXPECT_EQ(base64_encode("\xfb\xff"), "+/8=");
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
}

TEST(Encoding, base64_is_strict) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm 9v", "-_8=", "Z", "====", "Zg==Zg=="})
    EXPECT_FALSE(base64_decode(text)) << text;
  for (const char* text : {"Zg==", "Zh", "+/8", "Z", "-_8=", "-_8\n"}) EXPECT_FALSE(base64url_decode(text)) << text;
}

TEST(Encoding, a_byte_that_is_no_digit_is_none_wherever_it_stands) {
  for (int byte = 0; byte < 256; ++byte)
    for (std::size_t at = 0; at < 4; ++at) {
      std::string text = "AAAA";
      text[at] = static_cast<char>(byte);
      if (const auto bytes = base64_decode(text)) EXPECT_EQ(base64_encode(*bytes), text);
      if (const auto bytes = base64url_decode(text)) EXPECT_EQ(base64url_encode(*bytes), text);
      if (const auto bytes = hex_decode(text)) EXPECT_EQ(hex_encode(*bytes), ascii_lower(text));
    }
}

TEST(Encoding, every_length_comes_back) {
  for (std::size_t n = 0; n < 70; ++n) {
    const std::string bytes = random_bytes(n);
    EXPECT_EQ(hex_decode(hex_encode(bytes)), bytes);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
  }
}

TEST(Encoding, base32_of_rfc_4648) {
  EXPECT_EQ(base32_encode(""), "");
  EXPECT_EQ(base32_encode("f"), "MY");
  EXPECT_EQ(base32_encode("fo"), "MZXQ");
  EXPECT_EQ(base32_encode("foo"), "MZXW6");
  EXPECT_EQ(base32_encode("foob"), "MZXW6YQ");
  EXPECT_EQ(base32_encode("fooba"), "MZXW6YTB");
  EXPECT_EQ(base32_encode("foobar"), "MZXW6YTBOI");
  EXPECT_EQ(base32_encode("\xff\xff\xff\xff\xff"), "77777777");
}

}  // namespace
}  // namespace watchbell::crypto
