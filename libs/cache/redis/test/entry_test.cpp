#include "entry.hpp"

#include <gtest/gtest.h>

#include <string>

namespace watchbell::cache::redis::detail {
namespace {

using namespace std::string_literals;

const std::string kTokens(2 * kTokenBytes, 't');

TEST(Entry, a_value_of_any_bytes_comes_back) {
  for (const std::string& path : {""s, "a path"s})
    for (const std::string& value : {""s, "\0\xFF"s, std::string(1000, 'v')})
      EXPECT_EQ(decode_entry(encode_entry(path, kTokens, value), path, 2, 1000), value);
}

TEST(Entry, the_tokens_stand_where_the_scripts_look) {
  for (const std::string& path : {""s, "a path"s})
    EXPECT_EQ(encode_entry(path, kTokens, "v").substr(tokens_offset(path), kTokens.size()), kTokens);
}

TEST(Entry, every_cut_and_every_changed_bit_is_no_entry) {
  const std::string whole = encode_entry("p", kTokens, "value");
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode_entry(whole.substr(0, size), "p", 2, 10));
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_entry(changed, "p", 2, 10)) << bit;
  }
}

TEST(Entry, one_of_another_key_is_no_entry) {
  const std::string bytes = encode_entry("p", kTokens, "value");
  EXPECT_FALSE(decode_entry(bytes, "q", 2, 10));
  EXPECT_FALSE(decode_entry(bytes, "", 2, 10));
  EXPECT_FALSE(decode_entry(bytes, "p", 1, 10));
  EXPECT_FALSE(decode_entry(bytes, "p", 3, 10));
}

TEST(Entry, the_longest_value_is_the_longest) {
  EXPECT_TRUE(decode_entry(encode_entry("", kTokens, "12345"), "", 2, 5));
  EXPECT_FALSE(decode_entry(encode_entry("", kTokens, "123456"), "", 2, 5));
}

}  // namespace
}  // namespace watchbell::cache::redis::detail
