#include "platform/crypto/keyring.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include <sodium.h>

#include "base/text.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::crypto {
namespace {

constexpr std::string_view kOne = "8f1c6b0a95d2e7433b5f08ac61d9e2740cb7a1f35e6d48923fa0c4d71b86e25d";
constexpr std::string_view kTwo = "15e8d36fb02a7c94c1497ea08d5bf6326a03d9be71c85f24e0b7936d4c2a81f5";

Keyring ring(std::string_view primary = kOne, std::string_view previous = {}) { return Keyring::make(primary, previous).value(); }

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(':', start), text.size());
    parts.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts, std::size_t from = 0) {
  std::string text;
  for (std::size_t i = from; i < parts.size(); ++i) (text += i == from ? "" : ":") += parts[i];
  return text;
}

void expect_refused(const Keyring& keys, std::string_view sealed, std::string_view aad) {
  const auto opened = keys.open(sealed, aad);
  ASSERT_FALSE(opened) << sealed;
  EXPECT_EQ(opened.error().code, ErrorCode::internal);
  EXPECT_EQ(opened.error().message.find("secret value"), std::string::npos);
}

TEST(Keyring, opens_what_it_sealed) {
  const Keyring keys = ring();
  for (const std::string& text : {std::string(), std::string("x"), std::string("a\0b", 3), std::string(100'000, 'z')}) {
    const std::string sealed = keys.seal(text, "place");
    EXPECT_EQ(keys.open(sealed, "place"), text);
    const auto parts = parts_of(sealed);
    ASSERT_EQ(parts.size(), 5u);
    EXPECT_EQ(parts[0], "v2");
    EXPECT_EQ(parts[1], keys.fingerprint());
    EXPECT_EQ(base64_decode(parts[2]).value().size(), 12u);
    EXPECT_EQ(base64_decode(parts[3]).value().size(), 16u);
    EXPECT_EQ(base64_decode(parts[4]).value().size(), text.size());
  }
}

TEST(Keyring, agrees_with_another_implementation_of_aes_256_gcm) {
  ASSERT_GE(::sodium_init(), 0);
  if (!::crypto_aead_aes256gcm_is_available()) GTEST_SKIP() << "this processor has no AES instructions for libsodium";
  const std::string key = hex_decode(kOne).value();
  const auto parts = parts_of(ring().seal("secret value", "place"));
  const std::string nonce = base64_decode(parts[2]).value();
  const std::string sealed = base64_decode(parts[4]).value() + base64_decode(parts[3]).value();
  std::string plaintext(sealed.size(), '\0');
  unsigned long long length = 0;
  const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  EXPECT_EQ(::crypto_aead_aes256gcm_decrypt(reinterpret_cast<unsigned char*>(plaintext.data()), &length, nullptr, bytes(sealed), sealed.size(),
                                            reinterpret_cast<const unsigned char*>("place"), 5, bytes(nonce), bytes(key)),
            0);
  plaintext.resize(length);
  EXPECT_EQ(plaintext, "secret value");
}

TEST(Keyring, every_changed_bit_is_noticed) {
  const Keyring keys = ring();
  const auto parts = parts_of(keys.seal("secret value", "place"));
  for (std::size_t part = 2; part < 5; ++part) {
    const std::string bytes = base64_decode(parts[part]).value();
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string changed = bytes;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      auto other = parts;
      other[part] = base64_encode(changed);
      expect_refused(keys, joined(other), "place");
    }
  }
}

TEST(Keyring, texts_that_are_not_sealed_are_never_handed_out) {
  const Keyring keys = ring();
  const std::string sealed = keys.seal("secret value", "place");
  auto parts = parts_of(sealed);
  for (const std::string text : {"", "secret value", "v2:", "::", "a:b:c", "v2::::", "v1:0011223344556677:a:b:c"}) {
    expect_refused(keys, text, "place");
    EXPECT_EQ(keys.form(text), Keyring::Form::plain) << text;
  }
  expect_refused(keys, sealed + ":", "place");
  expect_refused(keys, sealed + "\n", "place");
  expect_refused(keys, " " + sealed, "place");
  auto short_tag = parts;
  short_tag[3] = base64_encode(base64_decode(parts[3]).value().substr(0, 12));
  expect_refused(keys, joined(short_tag), "place");
  auto long_nonce = parts;
  long_nonce[2] = base64_encode(base64_decode(parts[2]).value() + "1234");
  expect_refused(keys, joined(long_nonce), "place");
  auto bad_id = parts;
  bad_id[1] = "XYZ";
  expect_refused(keys, joined(bad_id), "place");
}

TEST(Keyring, another_key_id_in_the_text_is_only_a_hint) {
  const Keyring keys = ring();
  auto parts = parts_of(keys.seal("secret value", "place"));
  parts[1] = "0123456789abcdef";
  EXPECT_EQ(keys.open(joined(parts), "place"), "secret value");
}

TEST(Keyring, G_3_a_ciphertext_copied_elsewhere_does_not_open) {
  const Keyring keys = ring();
  const std::string sealed = keys.seal("secret value", seal_aad("notification-smtp", "default", "smtp.password"));
  EXPECT_TRUE(keys.open(sealed, seal_aad("notification-smtp", "default", "smtp.password")));
  expect_refused(keys, sealed, seal_aad("notification-smtp", "default", "smtp.user"));
  expect_refused(keys, sealed, seal_aad("notification-smtp", "second", "smtp.password"));
  expect_refused(keys, sealed, seal_aad("notification-chat", "default", "smtp.password"));
  expect_refused(keys, sealed, "");
}

TEST(Keyring, G_3_the_place_cannot_be_taken_off_by_writing_the_older_form) {
  const Keyring keys = ring();
  const auto parts = parts_of(keys.seal("secret value", seal_aad("a", "b", "c")));
  expect_refused(keys, joined(parts, 2), seal_aad("a", "b", "c"));
  expect_refused(keys, joined(parts, 2), "");
}

TEST(Keyring, G_3_no_two_places_share_additional_data) {
  EXPECT_EQ(seal_aad("a", "bc", "d.e"), "1:a,2:bc,3:d.e,");
  std::set<std::string> seen;
  const char* kParts[] = {"", "a", "b", "ab", "a,1:b", ":", "1:a", ",", "1:a,"};
  for (const char* plugin : kParts)
    for (const char* record : kParts)
      for (const char* path : kParts) EXPECT_TRUE(seen.insert(seal_aad(plugin, record, path)).second);
}

TEST(Keyring, rotation_opens_the_old_and_seals_the_new) {
  const std::string before = ring(kOne).seal("secret value", "place");
  expect_refused(ring(kTwo), before, "place");
  const Keyring rotated = ring(kTwo, kOne);
  EXPECT_EQ(rotated.open(before, "place"), "secret value");
  EXPECT_EQ(rotated.form(before), Keyring::Form::previous);
  const std::string after = rotated.seal("secret value", "place");
  EXPECT_EQ(rotated.form(after), Keyring::Form::current);
  EXPECT_EQ(ring(kTwo).open(after, "place"), "secret value");
  expect_refused(ring(kOne), after, "place");
}

TEST(Keyring, reads_the_older_form_without_a_place) {
  const Keyring keys = ring();
  const auto parts = parts_of(keys.seal("secret value", ""));
  const std::string old = joined(parts, 2);
  EXPECT_EQ(keys.form(old), Keyring::Form::old);
  EXPECT_EQ(keys.open(old, "any place"), "secret value");
  EXPECT_EQ(ring(kTwo, kOne).open(old, "any place"), "secret value");
  expect_refused(ring(kTwo), old, "any place");
}

TEST(Keyring, ten_thousand_nonces_are_distinct) {
  const Keyring keys = ring();
  std::set<std::string> nonces;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(nonces.insert(parts_of(keys.seal("x", ""))[2]).second);
}

TEST(Keyring, derives_by_purpose_and_key) {
  EXPECT_EQ(ring().derive("session", 32), ring(kOne, kTwo).derive("session", 32));
  EXPECT_EQ(ring().derive("session", 32).size(), 32u);
  EXPECT_NE(ring().derive("session", 32), ring().derive("other", 32));
  EXPECT_NE(ring().derive("session", 32), ring(kTwo).derive("session", 32));
  // Sessions outlive a new release only while this stays as it is.
  EXPECT_EQ(hex_encode(ring().derive("session", 16)), "b8aa0a051ef3c0f66d5440c7b2590978");
  EXPECT_EQ(ring().fingerprint(), "0b54490ffb48b863");
  EXPECT_NE(ring().fingerprint(), ring(kTwo).fingerprint());
}

TEST(Keyring, refuses_malformed_and_made_up_keys) {
  const std::string one(kOne);
  const std::string kBad[] = {
      "",
      "abc",
      one.substr(1),
      one + "0",
      one.substr(0, 63) + "g",
      " " + one.substr(0, 63),
      std::string(64, '0'),
      std::string(64, 'f'),
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
      "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100",
      "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
      "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
  };
  for (const std::string& key : kBad) {
    const auto keys = Keyring::make(key);
    ASSERT_FALSE(keys) << key;
    EXPECT_EQ(keys.error().code, ErrorCode::bad_request);
    EXPECT_TRUE(key.size() < 8 || keys.error().message.find(key) == std::string::npos) << "the key is in the message";
  }
  EXPECT_TRUE(Keyring::make(ascii_lower(kOne)));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(Keyring::make(Keyring::generate()));
}

TEST(Keyring, names_the_previous_key_that_is_wrong) {
  const std::string one(kOne);
  const std::string two(kTwo);
  EXPECT_TRUE(Keyring::make(one, two + ", " + Keyring::generate()));
  for (const std::string& list : {two + ",", two + ",abc", two + "," + std::string(64, '1'), two + ",," + two}) {
    const auto keys = Keyring::make(one, list);
    ASSERT_FALSE(keys) << list;
    EXPECT_NE(keys.error().message.find("previous master key 2"), std::string::npos) << keys.error().message;
  }
}

}  // namespace
}  // namespace watchbell::crypto
