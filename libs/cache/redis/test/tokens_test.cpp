#include "tokens.hpp"

#include "entry.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace watchbell::cache::redis::detail {
namespace {

TEST(Tokens, C_8_no_token_comes_twice) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    std::string token = fresh_token();
    ASSERT_EQ(token.size(), kTokenBytes);
    ASSERT_TRUE(seen.insert(std::move(token)).second);
  }
}

}  // namespace
}  // namespace watchbell::cache::redis::detail
