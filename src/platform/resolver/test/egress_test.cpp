#include "platform/resolver/egress.hpp"

#include <gtest/gtest.h>

namespace watchbell::net {
namespace {

struct Row {
  std::string_view address;
  bool channel;
  bool probe;
};

// First and last address of every guarded block, and their neighbours outside.
constexpr Row kTable[] = {
    {"0.0.0.0", false, false},
    {"0.255.255.255", false, false},
    {"1.0.0.0", true, true},
    {"9.255.255.255", true, true},
    {"10.0.0.0", true, true},
    {"10.255.255.255", true, true},
    {"172.16.0.1", true, true},
    {"192.168.1.1", true, true},
    {"100.64.0.1", true, true},
    {"100.100.100.199", true, true},
    {"100.100.100.200", false, false},
    {"100.100.100.201", true, true},
    {"100.127.255.255", true, true},
    {"126.255.255.255", true, true},
    {"127.0.0.0", false, true},
    {"127.0.0.1", false, true},
    {"127.255.255.255", false, true},
    {"128.0.0.0", true, true},
    {"169.253.255.255", true, true},
    {"169.254.0.0", false, false},
    {"169.254.169.254", false, false},
    {"169.254.170.2", false, false},
    {"169.254.255.255", false, false},
    {"169.255.0.0", true, true},
    {"168.63.129.15", true, true},
    {"168.63.129.16", false, false},
    {"168.63.129.17", true, true},
    {"192.0.0.191", true, true},
    {"192.0.0.192", false, false},
    {"192.0.0.193", true, true},
    {"223.255.255.255", true, true},
    {"224.0.0.0", false, false},
    {"239.255.255.255", false, false},
    {"240.0.0.0", false, false},
    {"255.255.255.255", false, false},
    {"93.184.216.34", true, true},
    {"::", false, false},
    {"::1", false, true},
    {"2001:db8::1", true, true},
    {"2606:4700::1111", true, true},
    {"fbff:ffff::1", true, true},
    {"fc00::", false, true},
    {"fd12:3456::1", false, true},
    {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, true},
    {"fd00:ec2::254", false, false},
    {"fd00:ec2::23", false, false},
    {"fd00:ec3::1", false, true},
    {"fd20:ce::254", false, false},
    {"fd00:42::42", false, false},
    {"fe7f::1", true, true},
    {"fe80::", false, false},
    {"fe80::1", false, false},
    {"febf:ffff::1", false, false},
    {"fec0::1", false, true},
    {"feff::1", false, true},
    {"ff00::", false, false},
    {"ff02::1", false, false},
    // Judged by the address inside.
    {"::ffff:127.0.0.1", false, true},
    {"::ffff:169.254.169.254", false, false},
    {"::ffff:0.0.0.0", false, false},
    {"::ffff:10.0.0.1", true, true},
    {"::ffff:93.184.216.34", true, true},
    {"::127.0.0.1", false, true},
    {"::169.254.169.254", false, false},
    {"::2", false, false},
    {"64:ff9b::127.0.0.1", false, true},
    {"64:ff9b::169.254.169.254", false, false},
    {"64:ff9b::93.184.216.34", true, true},
    {"64:ff9b:1::169.254.169.254", false, false},
    {"2002:7f00:1::", false, true},
    {"2002:a9fe:a9fe::", false, false},
    {"2002:5db8:d822::1", true, true},
    {"2001:0:5db8:d822:0:0:5601:5601", false, false},  // Teredo, client 169.254.169.254
    {"2001:db8::5efe:169.254.169.254", false, false},
};

TEST(Egress, N_14_guards_by_range) {
  const Egress egress({});
  for (const Row& row : kTable) {
    const auto address = Address::parse(row.address);
    ASSERT_TRUE(address) << row.address;
    EXPECT_EQ(egress.permits(EgressPolicy::channel, *address), row.channel) << row.address << " for a channel";
    EXPECT_EQ(egress.permits(EgressPolicy::probe, *address), row.probe) << row.address << " for a probe";
  }
}

TEST(Egress, excepts_what_the_setting_allows_and_no_more) {
  const Egress egress(*Cidr::parse_list("127.0.0.0/8, 169.254.169.254, fd00::/8"));
  for (const auto policy : {EgressPolicy::channel, EgressPolicy::probe}) {
    for (const auto text : {"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "169.254.169.254", "fd00:ec2::254", "fd12::1"})
      EXPECT_TRUE(egress.permits(policy, *Address::parse(text))) << text;
    for (const auto text : {"169.254.169.253", "0.0.0.0", "fe80::1", "::ffff:0.0.0.0"}) EXPECT_FALSE(egress.permits(policy, *Address::parse(text))) << text;
  }
  EXPECT_FALSE(egress.permits(EgressPolicy::channel, *Address::parse("::1")));
}

}  // namespace
}  // namespace watchbell::net
