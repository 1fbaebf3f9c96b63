// A crowd of websockets: what each costs, how soon all hear a broadcast, and what a busy signal costs. The same in full size: bench/sockets.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/crowd.hpp"

namespace watchbell::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSockets = 1000;

TEST(Sockets, S_1_a_thousand_idle_ones_are_small_hear_a_broadcast_soon_and_a_busy_signal_joined) {
  Crowd crowd({.sockets = kSockets});
  const auto empty = crowd.server_rss();
  crowd.open();
  const auto each = (crowd.server_rss() - empty) / kSockets;
  EXPECT_LT(each, 10u * 1024u) << "bytes of memory a socket";

  double p99 = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto ten = crowd.broadcast(10, 100ms);
    EXPECT_EQ(ten.frames, 10 * kSockets);
    EXPECT_EQ(ten.gaps + ten.closed, 0u);
    p99 = std::min(p99, ten.p99_ms);
  }
  EXPECT_LT(p99, 200) << "milliseconds, the best of five rounds";

  const auto hundred = crowd.broadcast(200, 10ms);
  EXPECT_EQ(hundred.frames, 200 * kSockets);
  EXPECT_EQ(hundred.gaps + hundred.closed, 0u);
  // Two seconds: twenty writes a socket, and the burst of three. A slow machine takes longer and writes less often.
  EXPECT_LE(hundred.writes, (20 + 4) * kSockets);
}

}  // namespace
}  // namespace watchbell::test
