#include "platform/crypto/password.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <utility>

#include <argon2.h>
#include <sodium.h>

#include "platform/crypto/encoding.hpp"
#include "platform/crypto/password_policy.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::crypto {
namespace {

/// Costs that keep the suite quick; the real ones have a test of their own.
PasswordHasher::Options cheap() { return {.threads = 1, .memory_kib = 64, .passes = 1}; }

/// A stored password of the imported form, made by another implementation of scrypt.
std::string imported(std::string_view password, std::string_view salt) {
  std::string key(64, '\0');
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); };
  EXPECT_EQ(::crypto_pwhash_scryptsalsa208sha256_ll(bytes(password), password.size(), bytes(salt), salt.size(), 16384, 16, 1,
                                                    reinterpret_cast<std::uint8_t*>(key.data()), key.size()),
            0);
  return std::string(salt) + ":" + hex_encode(key);
}

CO_TEST(Password, default_costs_stand_in_the_hash) {
  PasswordHasher hasher;
  const auto hash = co_await hasher.hash("Correct-horse-1");
  CO_ASSERT_TRUE(hash.has_value());
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
  const auto right = co_await hasher.verify("Correct-horse-1", *hash);
  CO_ASSERT_TRUE(right.has_value());
  EXPECT_TRUE(right->ok);
  EXPECT_FALSE(right->needs_rehash);
  const auto wrong = co_await hasher.verify("Correct-horse-2", *hash);
  CO_ASSERT_TRUE(wrong.has_value());
  EXPECT_FALSE(wrong->ok);
  EXPECT_FALSE(wrong->needs_rehash);
}

CO_TEST(Password, equal_passwords_have_different_hashes) {
  PasswordHasher hasher(cheap());
  const auto a = co_await hasher.hash("same");
  const auto b = co_await hasher.hash("same");
  CO_ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
}

CO_TEST(Password, empty_and_binary_passwords_are_their_own) {
  PasswordHasher hasher(cheap());
  const auto hash = co_await hasher.hash(std::string("a\0b", 3));
  CO_ASSERT_TRUE(hash.has_value());
  EXPECT_TRUE((co_await hasher.verify(std::string("a\0b", 3), *hash))->ok);
  EXPECT_FALSE((co_await hasher.verify("a", *hash))->ok);
  EXPECT_FALSE((co_await hasher.verify("", *hash))->ok);
}

CO_TEST(Password, other_costs_ask_for_a_new_hash) {
  PasswordHasher hasher(cheap());
  char encoded[256];
  CO_ASSERT_EQ(::argon2id_hash_encoded(3, 128, 2, "pw", 2, "0123456789abcdef", 16, 32, encoded, sizeof encoded), ARGON2_OK);
  const auto verdict = co_await hasher.verify("pw", encoded);
  CO_ASSERT_TRUE(verdict.has_value());
  EXPECT_TRUE(verdict->ok);
  EXPECT_TRUE(verdict->needs_rehash);
  const auto wrong = co_await hasher.verify("px", encoded);
  CO_ASSERT_TRUE(wrong.has_value());
  EXPECT_FALSE(wrong->ok);
  EXPECT_FALSE(wrong->needs_rehash);
}

CO_TEST(Password, imported_scrypt_verifies_and_asks_for_a_new_hash) {
  PasswordHasher hasher(cheap());
  const std::string stored = imported("Correct-horse-1", "000102030405060708090a0b0c0d0e0f");
  const auto right = co_await hasher.verify("Correct-horse-1", stored);
  CO_ASSERT_TRUE(right.has_value());
  EXPECT_TRUE(right->ok);
  EXPECT_TRUE(right->needs_rehash);
  const auto wrong = co_await hasher.verify("correct-horse-1", stored);
  CO_ASSERT_TRUE(wrong.has_value());
  EXPECT_FALSE(wrong->ok);
}

CO_TEST(Password, unreadable_hashes_are_faults_of_the_store_and_not_wrong_passwords) {
  PasswordHasher hasher(cheap());
  const std::string scrypt = "000102030405060708090a0b0c0d0e0f:" + std::string(128, 'a');
  const std::string kStored[] = {
      "",
      "plain",
      scrypt.substr(1),
      scrypt + "a",
      "G" + scrypt.substr(1),
      "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZWhhc2g",
      "$argon2id$v=19$m=64,t=1,p=1$",
      "$argon2id$v=19$m=64,t=1,p=1$!!!!$!!!!",
      "$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$c29tZWhhc2g",
      "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQxMjM0$c29tZWhhc2gxMjM0",   // 4 GiB
      "$argon2id$v=19$m=64,t=4000000,p=1$c29tZXNhbHQxMjM0$c29tZWhhc2gxMjM0",
      "$argon2id$v=19$m=64,t=1,p=1$" + std::string(600, 'A'),
  };
  for (const std::string& stored : kStored) {
    const auto verdict = co_await hasher.verify("pw", stored);
    EXPECT_FALSE(verdict.has_value()) << stored;
    if (!verdict) {
      EXPECT_EQ(verdict.error().code, ErrorCode::internal);
    }
  }
}

CO_TEST(Password, burning_costs_a_hash_and_answers_nothing) {
  PasswordHasher hasher(cheap());
  const auto burnt = co_await hasher.burn("Correct-horse-1");
  EXPECT_TRUE(burnt.has_value());
}

CO_TEST(Password, a_full_queue_says_when_to_come_back) {
  auto options = cheap();
  options.max_queued = 0;
  options.retry_after = std::chrono::seconds(7);
  PasswordHasher hasher(options);
  const auto expect_busy = [](const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unavailable);
    EXPECT_EQ(error.retry_after, std::chrono::seconds(7));
  };
  const auto hash = co_await hasher.hash("pw");
  const auto verdict = co_await hasher.verify("pw", "stored");
  const auto burnt = co_await hasher.burn("pw");
  CO_ASSERT_TRUE(!hash && !verdict && !burnt);
  expect_busy(hash.error());
  expect_busy(verdict.error());
  expect_busy(burnt.error());
}

TEST(Password, leaves_a_core_to_the_loop) {
  EXPECT_GE(PasswordHasher::default_threads(), 1u);
  const unsigned cores = std::thread::hardware_concurrency();
  if (cores > 1) {
    EXPECT_EQ(PasswordHasher::default_threads(), cores - 1);
  }
}

TEST(PasswordPolicy, AUTHCHECK_09_weak_passwords_are_told_apart) {
  using P = PasswordProblem;
  const std::pair<std::string, std::optional<P>> kCases[] = {
      {"", P::too_short},
      {"Ab1defg", P::too_short},
      {"Ab1defgh", std::nullopt},
      {"Passw0rd-ann", std::nullopt},
      {"Correct-horse-1", std::nullopt},
      {"Ab1" + std::string(125, 'x'), std::nullopt},
      {"Ab1" + std::string(126, 'x'), P::too_long},
      {"alllower1", P::no_upper_case},
      {"ALLUPPER1", P::no_lower_case},
      {"NoDigitsHere", P::no_digit},
      {"Password1", P::common},
      {"P@ssw0rd123!", P::common},
      {"Qwerty123", P::common},
      {"123Welcome", P::common},
      {"Abcd1234", P::common},
      {"1Q2w3e4r", P::common},
      {"Watchbell1", P::common},
      {"\xff" "Ab1defgh", P::not_text},
      {"\xc3\x84\xc3\xa4" "1abcde", P::no_upper_case},       // letters beyond ASCII do not count as upper case
      {"Ab1\xf0\x9f\x98\x80\xf0\x9f\x98\x80", P::too_short},  // seven units: two of them emoji of two each
      {"Ab1x\xf0\x9f\x98\x80\xf0\x9f\x98\x80", std::nullopt},
  };
  for (const auto& [password, problem] : kCases) {
    EXPECT_EQ(judge_password(password), problem) << password;
    const auto checked = check_password(password);
    EXPECT_EQ(checked.has_value(), !problem.has_value()) << password;
    if (!checked) {
      EXPECT_EQ(checked.error().code, ErrorCode::bad_request);
      EXPECT_EQ(checked.error().field, "password");
      EXPECT_FALSE(checked.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace watchbell::crypto
