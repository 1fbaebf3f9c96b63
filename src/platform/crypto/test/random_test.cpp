#include "platform/crypto/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace watchbell::crypto {
namespace {

TEST(Random, bytes_have_the_length_asked_for_and_differ) {
  EXPECT_EQ(random_bytes(0), "");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string bytes = random_bytes(16);
    EXPECT_EQ(bytes.size(), 16u);
    EXPECT_TRUE(seen.insert(bytes).second);
  }
}

TEST(Random, tokens_use_each_letter_alike) {
  EXPECT_EQ(random_token(0), "");
  const std::string token = random_token(62 * 1000);
  EXPECT_EQ(token.size(), 62'000u);
  std::array<double, 256> count{};
  for (const char c : token) ++count[static_cast<unsigned char>(c)];
  double chi_square = 0;
  double counted = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")) {
    const double n = count[static_cast<unsigned char>(c)];
    counted += n;
    chi_square += (n - 1000) * (n - 1000) / 1000;
  }
  EXPECT_EQ(counted, 62'000) << "no other characters";
  // 61 degrees of freedom: beyond 150 once in 10^9 runs. Taking bytes modulo 62 gives about 5,000.
  EXPECT_LT(chi_square, 150);
}

}  // namespace
}  // namespace watchbell::crypto
