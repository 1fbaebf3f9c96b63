#include "domains/notification/host_circuits.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;

struct Circuits : testing::Test {
  bool asked(const std::string& host = "a.test:443") { return circuits.ask(host, now).has_value(); }
  void fail(const std::string& host = "a.test:443") { circuits.ask(host, now).value().failed(now); }
  void fail_until_open() {
    for (int i = 0; i < HostCircuits::kOpensAfter; ++i) fail();
  }
  HostCircuits circuits;
  Monotonic now{1h};
};

TEST_F(Circuits, a_host_that_fails_in_a_row_is_left_alone_and_others_are_not) {
  for (int i = 1; i < HostCircuits::kOpensAfter; ++i) fail();
  EXPECT_TRUE(asked());
  fail();
  EXPECT_EQ(circuits.ask("a.test:443", now).error(), HostCircuits::kFirstWait);
  EXPECT_TRUE(asked("b.test:443"));
  now += HostCircuits::kFirstWait;
  EXPECT_TRUE(asked());
}

TEST_F(Circuits, an_answer_in_between_begins_the_count_anew) {
  for (int i = 1; i < HostCircuits::kOpensAfter; ++i) fail();
  circuits.ask("a.test:443", now).value().answered();
  EXPECT_EQ(circuits.hosts(), 0u);
  for (int i = 1; i < HostCircuits::kOpensAfter; ++i) fail();
  EXPECT_TRUE(asked());
}

TEST_F(Circuits, one_at_a_time_finds_out_whether_a_host_is_back) {
  fail_until_open();
  now += HostCircuits::kFirstWait;
  {
    auto probe = circuits.ask("a.test:443", now).value();
    EXPECT_FALSE(asked());
    probe.answered();
  }
  EXPECT_TRUE(asked());
  EXPECT_EQ(circuits.hosts(), 0u);
}

TEST_F(Circuits, a_probe_that_ends_without_a_word_lets_the_next_one_try) {
  fail_until_open();
  now += HostCircuits::kFirstWait;
  { const auto probe = circuits.ask("a.test:443", now).value(); }
  EXPECT_TRUE(asked());
}

TEST_F(Circuits, each_failed_probe_doubles_the_wait_up_to_a_minute) {
  fail_until_open();
  auto wait = HostCircuits::kFirstWait;
  for (int i = 0; i < 10; ++i) {
    now += wait - 1ms;
    EXPECT_FALSE(asked());
    now += 1ms;
    fail();
    wait = std::min(wait * 2, HostCircuits::kLongestWait);
  }
  EXPECT_EQ(wait, HostCircuits::kLongestWait);
}

TEST_F(Circuits, what_was_on_its_way_when_a_host_was_found_down_says_nothing_new) {
  std::vector<HostCircuits::Leave> on_their_way;
  for (int i = 0; i < 40; ++i) on_their_way.push_back(circuits.ask("a.test:443", now).value());
  for (auto& leave : on_their_way) leave.failed(now);
  now += HostCircuits::kFirstWait;
  EXPECT_TRUE(asked());
}

TEST_F(Circuits, keeps_only_so_many_hosts) {
  for (std::size_t i = 0; i < HostCircuits::kMostHosts + 50; ++i) fail("h" + std::to_string(i));
  EXPECT_EQ(circuits.hosts(), HostCircuits::kMostHosts);
}

}  // namespace
}  // namespace watchbell::notification
