#include <gtest/gtest.h>

#include "async/manual_clock.hpp"
#include "runtime/limits/rate_limiter.hpp"

namespace watchbell::limits {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  async::ManualClock clock;
  RateLimiter limiter{{.principal = Rate::per_second(100, 400), .address = Rate::per_second(200, 1000), .sign_in = Rate::quota(3, 10s)}, 1};
};

int granted(int tries, const std::function<Result<void>()>& ask) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += ask().has_value() ? 1 : 0;
  return count;
}

access::Principal principal_of(access::Principal::Kind kind, std::uint8_t last) {
  access::Principal principal;
  principal.kind = kind;
  std::array<std::uint8_t, 16> bytes{};
  bytes[15] = last;
  principal.id = Uuid(bytes);
  return principal;
}

TEST(RateLimiter, an_address_has_its_burst_and_then_its_rate) {
  Fixture f;
  EXPECT_EQ(granted(1500, [&] { return f.limiter.address("10.0.0.1", f.clock.monotonic()); }), 1000);
  EXPECT_EQ(granted(1500, [&] { return f.limiter.address("10.0.0.2", f.clock.monotonic()); }), 1000) << "another's tokens are his own";
  f.clock.advance(1s);
  EXPECT_EQ(granted(1500, [&] { return f.limiter.address("10.0.0.1", f.clock.monotonic()); }), 200);
  const auto refused = f.limiter.address("10.0.0.1", f.clock.monotonic());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_many_requests);
  EXPECT_EQ(refused.error().retry_after, 1s) << "5 ms, in whole seconds";
  EXPECT_EQ(f.limiter.refused(RateLimiter::Limit::address), 500u + 500u + 1300u + 1u);
}

TEST(RateLimiter, a_whole_64_of_ipv6_is_one_client) {
  Fixture f;
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("2001:db8:1:2::1", f.clock.monotonic()); }), 600);
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("2001:db8:1:2:ffff:ffff:ffff:ffff", f.clock.monotonic()); }), 400);
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("2001:db8:1:3::1", f.clock.monotonic()); }), 600);
  // One client however its address is written.
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("10.0.0.1", f.clock.monotonic()); }), 600);
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("::ffff:10.0.0.1", f.clock.monotonic()); }), 400);
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("fe80::1%2", f.clock.monotonic()); }), 600);
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("fe80::2%eth0", f.clock.monotonic()); }), 400);
  // An IPv4 address and the /64 with the same number are not.
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("0:0:a00:1::5", f.clock.monotonic()); }), 600);
  // What is no address must not be a way around.
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("unix:1", f.clock.monotonic()); }), 600);
  EXPECT_EQ(granted(600, [&] { return f.limiter.address("unix:2", f.clock.monotonic()); }), 400);
}

TEST(RateLimiter, users_and_applications_have_a_limit_visitors_and_services_do_not) {
  using Kind = access::Principal::Kind;
  Fixture f;
  for (const Kind kind : {Kind::user, Kind::application}) {
    const auto principal = principal_of(kind, kind == Kind::user ? 1 : 2);
    EXPECT_EQ(granted(500, [&] { return f.limiter.principal(principal, f.clock.monotonic()); }), 400);
  }
  for (const Kind kind : {Kind::none, Kind::service}) EXPECT_EQ(granted(500, [&] { return f.limiter.principal(principal_of(kind, 3), f.clock.monotonic()); }), 500);
}

TEST(RateLimiter, an_application_may_have_a_limit_of_its_own) {
  using Kind = access::Principal::Kind;
  Fixture f;
  auto slow = principal_of(Kind::application, 1);
  slow.rate_limit = access::RateLimit{.per_second = 1, .burst = 2};
  EXPECT_EQ(granted(10, [&] { return f.limiter.principal(slow, f.clock.monotonic()); }), 2);
  f.clock.advance(1s);
  EXPECT_EQ(granted(10, [&] { return f.limiter.principal(slow, f.clock.monotonic()); }), 1);
  auto fast = principal_of(Kind::application, 2);
  fast.rate_limit = access::RateLimit{.per_second = 1000, .burst = 5000};
  EXPECT_EQ(granted(6000, [&] { return f.limiter.principal(fast, f.clock.monotonic()); }), 5000);
}

TEST(RateLimiter, AUTHCHECK_10_one_client_cannot_use_up_anothers_tries_to_sign_in) {
  Fixture f;
  EXPECT_EQ(granted(100, [&] { return f.limiter.sign_in("10.0.0.1", 0, f.clock.monotonic()); }), 3);
  EXPECT_EQ(granted(100, [&] { return f.limiter.sign_in("10.0.0.2", 0, f.clock.monotonic()); }), 3);
  EXPECT_EQ(granted(100, [&] { return f.limiter.sign_in("10.0.0.1", 1, f.clock.monotonic()); }), 3) << "another door";
  const auto refused = f.limiter.sign_in("10.0.0.1", 0, f.clock.monotonic());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after, 4s);
  f.clock.advance(10s);
  EXPECT_EQ(granted(100, [&] { return f.limiter.sign_in("10.0.0.1", 0, f.clock.monotonic()); }), 3);
}

TEST(RateLimiter, what_is_off_lets_everything_through) {
  const async::ManualClock clock;
  RateLimiter limiter({.principal = {}, .address = {}, .sign_in = {}}, 1);
  EXPECT_EQ(granted(5000, [&] { return limiter.address("10.0.0.1", clock.monotonic()); }), 5000);
  EXPECT_EQ(granted(5000, [&] { return limiter.sign_in("10.0.0.1", 0, clock.monotonic()); }), 5000);
  auto key = principal_of(access::Principal::Kind::application, 1);
  key.rate_limit = access::RateLimit{.per_second = 1, .burst = 1};
  EXPECT_EQ(granted(5000, [&] { return limiter.principal(principal_of(access::Principal::Kind::application, 2), clock.monotonic()); }), 5000);
  EXPECT_EQ(granted(5000, [&] { return limiter.principal(key, clock.monotonic()); }), 1) << "but for what somebody set for one key";
}

}  // namespace
}  // namespace watchbell::limits
