#include <watchbell/cache/key.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace watchbell::cache {
namespace {

using namespace std::string_literals;

struct UserId {
  std::string text;
};
std::string_view key_segment(const UserId& id) { return id.text; }

TEST(Key, C_22_equal_segments_make_equal_keys_and_hashes) {
  EXPECT_EQ(Key("inbox", "u1", 3), Key("inbox"s, UserId{"u1"}, std::string_view("3")));
  EXPECT_EQ(Key("inbox", "u1").hash(), Key("inbox", "u1").hash());
}

TEST(Key, C_22_separators_inside_an_id_are_data) {
  EXPECT_NE(Key("a", "b:c"), Key("a:b", "c"));
  EXPECT_NE(Key("a:b"), Key("a", "b"));
  EXPECT_NE(Key("a", ""), Key("a"));
  EXPECT_NE(Key("", "a"), Key("a", ""));
  EXPECT_NE(Key("ab", "c"), Key("a", "bc"));
}

TEST(Key, C_22_every_strange_byte_makes_its_own_key) {
  std::set<std::string> seen;
  for (int byte = 0; byte < 256; ++byte) {
    std::string id = "x?y";
    id[1] = static_cast<char>(byte);
    EXPECT_TRUE(seen.insert(std::string(Key("system", id).encoded())).second) << byte;
  }
  EXPECT_NE(Key("a\0b"s), Key("a"s));
  EXPECT_NE(Key("\xC3\xA4"), Key("a\xCC\x88"));  // two ways to write one letter are two ids
}

TEST(Key, C_22_bytes_that_look_like_an_encoding_are_data) {
  const Key pair("a", "b");
  EXPECT_NE(Key(pair.encoded()), pair);
  EXPECT_NE(Key("\x03"
                "a\x03"
                "b"),
            pair);
}

TEST(Key, C_22_decoding_gives_the_same_key_back_and_refuses_any_other_bytes) {
  const std::string wide(300, 'x');
  for (const Key& key : {Key("a"), Key("a", 1, std::nullopt, nullptr, ""), Key(wide, std::string_view("a\0b", 3)), Key(std::nullopt)}) {
    const auto same = Key::decode(key.encoded());
    ASSERT_TRUE(same);
    EXPECT_EQ(*same, key);
    EXPECT_EQ(same->encoded(), key.encoded());
    EXPECT_EQ(Family::decode(key.encoded())->encoded(), key.encoded());
    // Cut short, it is another list or none, never this one.
    for (std::size_t size = 0; size < key.encoded().size(); ++size) {
      const auto cut = Key::decode(key.encoded().substr(0, size));
      EXPECT_TRUE(!cut || cut->encoded() == key.encoded().substr(0, size));
    }
  }
  EXPECT_FALSE(Key::decode(""));
  EXPECT_EQ(*Family::decode(""), Family());
  // A length without its text, one that does not end, and one that is longer than it need be.
  for (const std::string_view bad : {std::string_view("\x05" "ab"), std::string_view("\x80"), std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), std::string_view("\x83\x00" "a", 3)}) {
    EXPECT_FALSE(Key::decode(bad));
    EXPECT_FALSE(Family::decode(bad));
  }
}

TEST(Key, C_22_absent_null_and_empty_differ) {
  const std::vector<Key> keys{Key("f", std::nullopt), Key("f", nullptr), Key("f", ""), Key("f", "0"), Key("f", "\0"s),
                              Key("f", "\1"s), Key("f")};
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(keys[i], keys[j]) << i << ' ' << j;
  EXPECT_EQ(Key("f", std::optional<int>()), Key("f", std::nullopt));
  EXPECT_EQ(Key("f", std::optional<int>(7)), Key("f", 7));
  EXPECT_EQ(Key("f", std::optional<std::string>("x")), Key("f", "x"));
}

TEST(Key, C_22_lengths_around_the_steps_of_the_encoding_stay_apart) {
  std::set<std::string> seen;
  for (const std::size_t size : {0u, 1u, 125u, 126u, 127u, 128u, 129u, 16381u, 16382u, 16383u, 16384u}) {
    const std::string text(size, 'x');
    const Key key(text, "y");
    EXPECT_TRUE(seen.insert(std::string(key.encoded())).second) << size;
    detail::SegmentReader reader(key.encoded());
    EXPECT_TRUE(reader.next().ends_with(text));
    EXPECT_TRUE(reader.next().ends_with("y"));
    EXPECT_TRUE(reader.at_end());
  }
}

TEST(Key, numbers_of_every_width_are_their_decimal_text) {
  EXPECT_EQ(Key(std::numeric_limits<std::int64_t>::min()), Key("-9223372036854775808"));
  EXPECT_EQ(Key(std::numeric_limits<std::uint64_t>::max()), Key("18446744073709551615"));
  EXPECT_EQ(Key(std::uint8_t{7}), Key("7"));
}

TEST(Family, makes_the_keys_and_families_below_it) {
  const Family inbox("inbox", "u1");
  EXPECT_EQ(inbox.key("unread"), Key("inbox", "u1", "unread"));
  EXPECT_EQ(inbox.family("page"), Family("inbox", "u1", "page"));
  EXPECT_EQ(Family().key("inbox"), Key("inbox"));
}

TEST(KeyBuilder, builds_what_the_constructors_build) {
  KeyBuilder filters(Family("list"));
  filters.add("open").add(std::nullopt).add(20);
  EXPECT_EQ(filters.key(), Key("list", "open", std::nullopt, 20));
  EXPECT_EQ(filters.family(), Family("list", "open", std::nullopt, 20));
  EXPECT_EQ(KeyBuilder().family(), Family());
}

TEST(KeyBuilderDeathTest, a_key_without_segments_is_a_bug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(KeyBuilder().key()), "at least one segment");
}

}  // namespace
}  // namespace watchbell::cache
