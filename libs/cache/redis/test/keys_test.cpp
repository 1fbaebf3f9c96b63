#include "keys.hpp"

#include <watchbell/cache/key.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace watchbell::cache::redis::detail {
namespace {

using namespace std::string_literals;

const std::string kRunId(40, 'f');
const KeySpace kSpace("cache:", kRunId);

std::string entry(std::string_view scope, const Key& key) { return kSpace.name(Kind::entry, scope, key.encoded()); }

/// What Redis would say to a pattern of ours: '*' at the end, "[eE]" as the kind, '\' before a character of itself.
bool matches(std::string_view pattern, std::string_view name) {
  while (!pattern.empty()) {
    if (pattern == "*") return true;
    if (name.empty()) return false;
    if (pattern.starts_with("[eE]")) {
      if (name[0] != 'e' && name[0] != 'E') return false;
      pattern.remove_prefix(4);
    } else {
      if (pattern[0] == '\\') pattern.remove_prefix(1);
      if (pattern[0] != name[0]) return false;
      pattern.remove_prefix(1);
    }
    name.remove_prefix(1);
  }
  return name.empty();
}

/// Members by name alone; those that only their recorded path tells are counted as `unsure`.
enum class Member { no, yes, unsure };
Member member(const Family& family, std::string_view scope, const Key& key) {
  const KeySpace::Scan scan = kSpace.scan(scope, family.encoded());
  const std::string name = entry(scope, key);
  if (!matches(scan.pattern, name)) return Member::no;
  if (name.starts_with(scan.plain)) return Member::yes;
  if (!name.starts_with(scan.hashed)) return Member::no;
  return scan.hashed_are_members ? Member::yes : Member::unsure;
}

TEST(Keys, C_29_every_key_holds_the_run_id) {
  for (const Kind kind : {Kind::entry, Kind::lease, Kind::token}) {
    EXPECT_TRUE(kSpace.name(kind, "s", Key("k").encoded()).starts_with("cache:" + kRunId + ":"));
    EXPECT_TRUE(kSpace.name(kind, "s", Key(std::string(500, 'k')).encoded()).starts_with("cache:" + kRunId + ":"));
  }
  EXPECT_EQ(KeySpace("preview:cache:", kRunId).name(Kind::entry, "s", ""), "preview:cache:" + kRunId + ":e:1:s:");
}

TEST(Keys, C_22_names_are_equal_exactly_when_scope_and_segments_are) {
  const std::string kLong(300, 'x');
  std::vector<std::pair<std::string, Key>> all;
  for (const std::string& scope : {""s, "a"s, "ab"s, "a:b"s, "1:a"s, "a:"s, ":"s, "\0"s, "*"s, std::string(64, 's'),
                                   std::string(65, 's'), std::string(66, 's')})
    for (const Key& key : {Key(""), Key("b"), Key(":b"), Key("b", "c"), Key("b:c"), Key("a", "b"), Key("system", "1"),
                           Key("system", "10"), Key("*"), Key("\0"s), Key("ä"), Key(kLong), Key(kLong, "1"),
                           Key("system", kLong), Key("system", kLong + "y")})
      all.emplace_back(scope, key);
  std::map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const Kind kind : {Kind::entry, Kind::lease, Kind::token}) {
      const std::string name = kSpace.name(kind, all[i].first, all[i].second.encoded());
      EXPECT_LE(name.size(), 256u);
      EXPECT_TRUE(names.emplace(name, i).second) << i << " and " << names[name];
    }
}

TEST(Keys, long_keys_keep_their_family_and_record_their_path) {
  const Key plain("system", "1");
  const Key hashed("system", std::string(300, 'x'));
  EXPECT_EQ(kSpace.recorded_path("s", plain.encoded()), "");
  EXPECT_EQ(kSpace.recorded_path("s", hashed.encoded()), hashed.encoded());
  EXPECT_EQ(entry("s", hashed).size(), "cache:"s.size() + 41 + 6 + Key("system").encoded().size() + 34);
}

TEST(Keys, what_is_recorded_and_what_is_named_agree_at_every_length) {
  for (const std::size_t scope : {0u, 1u, 9u, 10u, 63u, 64u, 65u, 200u})
    for (std::size_t size = 0; size < 260; ++size) {
      const std::string name(scope, 's');
      const Key key(std::string(size, 'x'));
      const bool plain = entry(name, key).ends_with(key.encoded());
      EXPECT_EQ(kSpace.recorded_path(name, key.encoded()).empty(), plain) << scope << ' ' << size;
    }
}

TEST(Keys, C_22_a_scan_finds_the_family_and_nobody_else) {
  const std::string kLong(300, 'x');
  for (const std::string& id : {"1"s, "*"s, "?"s, "[a]"s, "\\"s, "a\0b"s, "ä"s, "a:b"s, "^-]"s}) {
    const Family family("system", id);
    EXPECT_EQ(member(family, "s", Key("system", id)), Member::yes) << id;
    EXPECT_EQ(member(family, "s", Key("system", id, "views")), Member::yes) << id;
    EXPECT_EQ(member(family, "s", Key("system", id, kLong)), Member::yes) << id;
    EXPECT_EQ(member(family, "s", Key("system", id + "0")), Member::no) << id;
    EXPECT_EQ(member(family, "s", Key("system", "0")), Member::no) << id;
    EXPECT_EQ(member(family, "s", Key("system", "0", kLong)), Member::no) << id;
    EXPECT_EQ(member(family, "s", Key("system")), Member::no) << id;
    EXPECT_FALSE(matches(kSpace.scan("s", family.encoded()).pattern, entry("s:s", Key("system", id)))) << id;
  }
  EXPECT_EQ(member(Family(), "*", Key("k")), Member::yes);
  EXPECT_EQ(member(Family(), "s", Key(kLong)), Member::yes);
  // A family that is itself too long for a name: its long keys look like those of its neighbours.
  const Family deep("system", kLong);
  EXPECT_EQ(member(deep, "s", Key("system", kLong, "a")), Member::unsure);
  EXPECT_EQ(member(deep, "s", Key("system", kLong + "y")), Member::unsure);
  EXPECT_EQ(member(deep, "s", Key("system", "1")), Member::no);
}

TEST(Keys, families_are_all_lists_of_leading_segments) {
  const Key key("a", "", "c");
  const auto families = families_of(key.encoded());
  ASSERT_EQ(families.size(), 4u);
  EXPECT_EQ(families[0], Family().encoded());
  EXPECT_EQ(families[1], Family("a").encoded());
  EXPECT_EQ(families[2], Family("a", "").encoded());
  EXPECT_EQ(families[3], key.encoded());
}

TEST(Keys, a_run_id_that_could_break_a_key_is_none) {
  EXPECT_TRUE(valid_run_id(kRunId));
  for (const std::string& odd : {""s, "a:b"s, "a b"s, "\0"s, std::string(65, 'a')}) EXPECT_FALSE(valid_run_id(odd));
}

}  // namespace
}  // namespace watchbell::cache::redis::detail
