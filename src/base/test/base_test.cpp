#include <gtest/gtest.h>

#include <set>

#include "base/bounded.hpp"
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/like.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace watchbell {
namespace {

TEST(Text, edit_distance_counts_single_changes) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("listen", "listen"), 0u);
  EXPECT_EQ(edit_distance("listn", "listen"), 1u);
  EXPECT_EQ(edit_distance("levle", "level"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Timestamp, writes_three_decimals_and_reads_them_back) {
  const auto t = Timestamp::parse("2026-01-02T03:04:05.678Z");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->to_iso(), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(Timestamp().to_iso(), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(Timestamp::from_millis(-1).to_iso(), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(Timestamp::parse("2026-01-01T02:00:00+02:00")->to_iso(), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(Timestamp::parse("2026-01-01")->to_iso(), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(Timestamp::parse("2024-02-29T00:00:00.123456789Z")->micros() % 1'000'000, 123456);
}

TEST(Timestamp, refuses_impossible_dates_and_other_texts) {
  for (const char* text : {"", "x", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00ZZ", "0000-01-01T00:00:00Z", "2026-13-01", "2026-01-01T00:00:00+25:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+01:00"})
    EXPECT_FALSE(Timestamp::parse(text)) << text;
}

TEST(Uuid, v7_ascends_within_a_millisecond_and_is_unique) {
  std::set<std::string> seen;
  Uuid last;
  for (int i = 0; i < 10000; ++i) {
    const Uuid id = Uuid::make_v7(1'700'000'000'000);
    EXPECT_LT(last, id);
    last = id;
    seen.insert(id.to_string());
  }
  EXPECT_EQ(seen.size(), 10000u);
  EXPECT_EQ(Uuid::parse(last.to_string()), last);
  EXPECT_EQ(last.to_string()[14], '7');
}

TEST(Uuid, parse_refuses_what_is_none) {
  EXPECT_FALSE(Uuid::parse(""));
  EXPECT_FALSE(Uuid::parse("0190a7c8-1111-9111-8111-111111111111"));  // version 9
  EXPECT_FALSE(Uuid::parse("0190a7c8-1111-7111-c111-111111111111"));  // variant
  EXPECT_FALSE(Uuid::parse("0190a7c8x1111-7111-8111-111111111111"));
  EXPECT_TRUE(Uuid::parse("0190A7C8-1111-4111-8111-11111111111F"));
  EXPECT_TRUE(Uuid::parse("00000000-0000-0000-0000-000000000000"));
}

TEST(Text, counts_as_browsers_do_and_refuses_nul_and_broken_utf8) {
  using Name = Text<1, 3>;
  EXPECT_TRUE(Name::make("abc"));
  EXPECT_FALSE(Name::make(""));
  EXPECT_FALSE(Name::make("abcd"));
  EXPECT_TRUE(Name::make("\xc3\xa4\xc3\xb6\xc3\xbc"));          // three letters, six bytes
  EXPECT_TRUE(Name::make("\xf0\x9f\x98\x80x"));                  // two units and one
  EXPECT_FALSE(Name::make("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"));  // four units
  EXPECT_FALSE(Name::make(std::string("a\0b", 3)));
  EXPECT_FALSE(Name::make("\xff"));
  EXPECT_FALSE(Name::make("\xed\xa0\x80"));  // a surrogate
}

TEST(Email, is_canonical_and_refuses_odd_shapes) {
  EXPECT_EQ(Email::make(" Ann@Example.COM ")->str(), "ann@example.com");
  for (const char* text : {"", "x", "@a.de", "a@b", "a@b.c", "a..b@c.de", ".a@c.de", "a@-b.de", "a@b@c.de", "a b@c.de", "a@b.d3"})
    EXPECT_FALSE(Email::make(text)) << text;
}

TEST(Url, takes_absolute_http_and_https_only) {
  EXPECT_TRUE(Url::make("http://127.0.0.1:8080/x?y=1"));
  EXPECT_TRUE(Url::make("HTTPS://a.example"));
  for (const char* text : {"", "ftp://a", "http://", "http:///x", "//a", "javascript:alert(1)", "http://a b", "http://a\\b"})
    EXPECT_FALSE(Url::make(text)) << text;
}

TEST(BigInt, normalises) {
  EXPECT_EQ(BigInt::make("0012")->digits, "12");
  EXPECT_EQ(BigInt::make("-0")->digits, "0");
  EXPECT_EQ(BigInt::make("-7")->digits, "-7");
  EXPECT_FALSE(BigInt::make("1e5"));
  EXPECT_FALSE(BigInt::make("-"));
  EXPECT_FALSE(BigInt::make(std::string(4097, '1')));
}

TEST(Patch, keeps_clears_and_sets) {
  std::optional<std::string> stored = "a";
  Patch<std::string>().apply(stored);
  EXPECT_EQ(stored, "a");
  Patch<std::string>::set("b").apply(stored);
  EXPECT_EQ(stored, "b");
  Patch<std::string>::cleared().apply(stored);
  EXPECT_FALSE(stored);
}

TEST(Error, one_table_gives_status_and_code) {
  EXPECT_EQ(http_status(ErrorCode::conflict), 409);
  EXPECT_EQ(wire_code(ErrorCode::unprocessable), "UNPROCESSABLE_CONTENT");
  const Result<int> r = fail(ErrorCode::not_found, "no system {}", 7);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().message, "no system 7");
}

TEST(Utf8, prefix_ends_between_characters) {
  EXPECT_EQ(utf8_prefix("a\xc3\xa4", 2), "a");
  EXPECT_EQ(utf8_prefix("a\xc3\xa4", 3), "a\xc3\xa4");
}

TEST(Like, what_is_searched_for_is_taken_by_its_letters) {
  EXPECT_EQ(like_containing("Ann_%\\"), "%ann\\_\\%\\\\%");
  EXPECT_EQ(like_containing("Ä"), "%Ä%");
  EXPECT_EQ(like_containing(""), "%%");
}

TEST(ConstantTime, compares_content_and_length) {
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "abcd"));
}

}  // namespace
}  // namespace watchbell
