#include "platform/redis/settings.hpp"

#include <gtest/gtest.h>

namespace watchbell::redis {
namespace {

TEST(RedisSettings, reads_host_port_user_password_and_database) {
  const auto full = parse_url("redis://app:s%40cret%2F@Cache.Internal:6380/7");
  ASSERT_TRUE(full.has_value()) << full.error().message;
  EXPECT_EQ(full->host, "cache.internal");
  EXPECT_EQ(full->port, 6380);
  EXPECT_EQ(full->username, "app");
  EXPECT_EQ(full->password, "s@cret/");
  EXPECT_EQ(full->database, 7u);
  EXPECT_FALSE(full->tls);
  EXPECT_EQ(full->place(), "cache.internal:6380");

  const auto least = parse_url("REDISS://h");
  ASSERT_TRUE(least.has_value());
  EXPECT_TRUE(least->tls);
  EXPECT_EQ(least->port, 6379);
  EXPECT_EQ(least->database, 0u);
  EXPECT_TRUE(least->password.empty());

  const auto alone = parse_url("redis://:p:w@[::1]:1/");
  ASSERT_TRUE(alone.has_value());
  EXPECT_EQ(alone->host, "::1");
  EXPECT_EQ(alone->username, "");
  EXPECT_EQ(alone->password, "p:w");
  EXPECT_EQ(alone->place(), "[::1]:1");
}

TEST(RedisSettings, reads_a_unix_path) {
  const auto plain = parse_url("unix:///run/a%20b.sock?db=3");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->unix_path, "/run/a b.sock");
  EXPECT_EQ(plain->database, 3u);
  EXPECT_EQ(plain->place(), "/run/a b.sock");
  const auto user = parse_url("unix://app:pw@/s");
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->username, "app");
  EXPECT_EQ(user->unix_path, "/s");
}

TEST(RedisSettings, refuses_what_is_no_url_and_names_no_secret) {
  const std::string long_host(254, 'h');
  const std::string long_path(108, 'p');
  const std::string long_password(1025, 'S');
  for (const std::string& url : {std::string(""),
                                 std::string("redis"),
                                 std::string("redis:"),
                                 std::string("http://h"),
                                 std::string("redis://"),
                                 std::string("redis://:6379"),
                                 std::string("redis://SECRET@h"),
                                 std::string("redis://SECRET:@h"),
                                 std::string("redis://u:SECRET%@h"),
                                 std::string("redis://u:SECRET%4@h"),
                                 std::string("redis://u:SECRET%00@h"),
                                 std::string("redis://u:SECRET%zz@h"),
                                 std::string("redis://u:SEC RET@h"),
                                 std::string("redis://u:SECRET#x@h"),
                                 std::string("redis://u:SECRET?x@h"),
                                 std::string("redis://u:SECRET/x@h"),
                                 std::string("redis://h:0"),
                                 std::string("redis://h:65536"),
                                 std::string("redis://h:"),
                                 std::string("redis://h:+1"),
                                 std::string("redis://h:1x"),
                                 std::string("redis://h/x"),
                                 std::string("redis://h/-1"),
                                 std::string("redis://h/65536"),
                                 std::string("redis://h/1/2"),
                                 std::string("redis://h?db=1"),
                                 std::string("redis://[::1"),
                                 std::string("redis://[1.2.3.4]"),
                                 std::string("redis://[::1]x"),
                                 std::string("redis://h\xc3\xa9"),
                                 "redis://" + long_host,
                                 "redis://u:" + long_password + "@h",
                                 std::string("unix://"),
                                 std::string("unix:///"),
                                 std::string("unix://relative"),
                                 std::string("unix:///s?x=1"),
                                 std::string("unix:///s?db="),
                                 std::string("unix:///s?db=1&x=2"),
                                 std::string("unix:///s%00"),
                                 "unix:///" + long_path,
                                 std::string(5000, 'x'),
                                 std::string("redis://h\n"),
                                 std::string("redis://h\0x", 11)}) {
    const auto settings = parse_url(url);
    ASSERT_FALSE(settings.has_value()) << url;
    EXPECT_EQ(settings.error().code, ErrorCode::bad_request) << url;
    EXPECT_FALSE(settings.error().message.empty());
    EXPECT_EQ(settings.error().message.find("SEC"), std::string::npos) << settings.error().message;
  }
}

}  // namespace
}  // namespace watchbell::redis
