#include "platform/resolver/address.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>

namespace watchbell::net {
namespace {

std::vector<std::string> embedded(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& inner : Address::parse(text)->embedded_v4()) out.push_back(inner.to_string());
  return out;
}

TEST(Address, reads_and_writes_both_families) {
  for (const auto text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8::a:0:0:1", "::ffff:10.0.0.1"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(Address::parse("2001:DB8:0:0:0:0:0:1")->to_string(), "2001:db8::1");
  EXPECT_TRUE(Address::parse("10.0.0.1")->is_v4());
  EXPECT_EQ(Address::parse("10.0.0.1")->bytes().size(), 4u);
  EXPECT_EQ(Address::parse("::1")->bytes().size(), 16u);
  EXPECT_EQ(Address(), Address::parse("0.0.0.0"));
  EXPECT_NE(Address(), Address::parse("::"));
}

TEST(Address, refuses_what_is_no_plain_address) {
  for (const std::string_view text : {"", " ", "127.1", "127.0.0", "127.0.0.1.", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "256.0.0.1", "1.2.3.4 ", "[::1]",
                                      "fe80::1%eth0", ":::", "1::2::3", "12345::", "example.com", "::ffff:1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18"})
    EXPECT_FALSE(Address::parse(text)) << text;
  EXPECT_FALSE(Address::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(Address, reads_socket_addresses) {
  ::sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(0x0a000102);
  EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<const ::sockaddr&>(four)), Address::parse("10.0.1.2"));
  ::sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr.s6_addr[15] = 1;
  EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<const ::sockaddr&>(six)), Address::parse("::1"));
  ::sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(Address::from_sockaddr(other));
}

TEST(Address, finds_the_ipv4_addresses_inside) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(Address::parse("::ffff:127.0.0.1")->unmapped(), Address::parse("127.0.0.1"));
  EXPECT_EQ(Address::parse("64:ff9b::1.2.3.4")->unmapped(), Address::parse("64:ff9b::1.2.3.4"));
  EXPECT_EQ(embedded("1.2.3.4"), Texts());
  EXPECT_EQ(embedded("2001:db8::1"), Texts());
  EXPECT_EQ(embedded("::"), Texts());
  EXPECT_EQ(embedded("::1"), Texts());
  EXPECT_EQ(embedded("::2"), Texts{"0.0.0.2"});
  EXPECT_EQ(embedded("::127.0.0.1"), Texts{"127.0.0.1"});
  EXPECT_EQ(embedded("::ffff:127.0.0.1"), Texts{"127.0.0.1"});
  EXPECT_EQ(embedded("64:ff9b::169.254.169.254"), Texts{"169.254.169.254"});
  EXPECT_EQ(embedded("2002:7f00:1::"), Texts{"127.0.0.1"});
  EXPECT_EQ(embedded("2001:0:0a00:1:0:0:80ff:fffe"), (Texts{"10.0.0.1", "127.0.0.1"}));
  EXPECT_EQ(embedded("2001:db8::5efe:127.0.0.1"), Texts{"127.0.0.1"});
  EXPECT_EQ(embedded("2001:db8::200:5efe:127.0.0.1"), Texts{"127.0.0.1"});
  // RFC 8215 leaves the place to the prefix length: /48, /64, /96.
  for (const auto text : {"64:ff9b:1:7f00:0:100::", "64:ff9b:1::7f:0:100:0", "64:ff9b:1::127.0.0.1"}) {
    const auto all = embedded(text);
    EXPECT_NE(std::find(all.begin(), all.end(), "127.0.0.1"), all.end()) << text;
  }
}

TEST(Cidr, contains_exactly_its_block) {
  const auto block = Cidr::parse("10.1.16.0/20");
  ASSERT_TRUE(block);
  for (const auto text : {"10.1.16.0", "10.1.31.255", "::ffff:10.1.20.1"}) EXPECT_TRUE(block->contains(*Address::parse(text))) << text;
  for (const auto text : {"10.1.15.255", "10.1.32.0", "::10.1.20.1", "::"}) EXPECT_FALSE(block->contains(*Address::parse(text))) << text;
  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*Address::parse("255.1.2.3")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*Address::parse("2001:db8::1")));
  EXPECT_TRUE(Cidr::parse("fe80::/10")->contains(*Address::parse("febf:ffff::1")));
  EXPECT_FALSE(Cidr::parse("fe80::/10")->contains(*Address::parse("fec0::1")));
  EXPECT_TRUE(Cidr::parse("::1")->contains(*Address::parse("::1")));
  EXPECT_FALSE(Cidr::parse("::1")->contains(*Address::parse("::2")));
}

TEST(Cidr, drops_bits_behind_the_length_and_unmaps) {
  EXPECT_EQ(Cidr::parse("127.0.0.1/8")->to_string(), "127.0.0.0/8");
  EXPECT_EQ(Cidr::parse("::ffff:10.0.0.0/104")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(Cidr::parse("192.0.2.7")->to_string(), "192.0.2.7/32");
  for (const auto text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", "::/129", "10.0.0/8", "x/8"})
    EXPECT_FALSE(Cidr::parse(text)) << text;
}

TEST(Cidr, reads_lists) {
  const auto list = Cidr::parse_list(" 127.0.0.0/8, fd00::/8\t10.0.0.1,,");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->size(), 3u);
  EXPECT_TRUE(Cidr::parse_list("")->empty());
  const auto wrong = Cidr::parse_list("127.0.0.0/8,localhost");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::bad_request);
  EXPECT_NE(wrong.error().message.find("localhost"), std::string::npos);
  std::string many;
  for (int i = 0; i < 257; ++i) many += "10.0.0.1,";
  EXPECT_FALSE(Cidr::parse_list(many));
}

}  // namespace
}  // namespace watchbell::net
