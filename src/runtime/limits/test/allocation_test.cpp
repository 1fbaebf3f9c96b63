// The stages that count requests allocate nothing while they let them through, however many clients there are.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "async/manual_clock.hpp"
#include "runtime/limits/rate_limiter.hpp"

namespace {
thread_local std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace watchbell::limits {
namespace {

TEST(RateLimiter, letting_a_request_through_allocates_nothing) {
  const async::ManualClock clock;
  const Rate rate = Rate::per_second(100, 400);
  RateLimiter limiter({.principal = rate, .address = rate, .sign_in = rate, .buckets = 64}, 1);
  access::Principal user;
  user.kind = access::Principal::Kind::user;
  std::string address = "2001:db8:0:0::1";
  std::size_t let = 0;
  const std::size_t before = allocations;
  for (int i = 0; i < 300; ++i) {
    address[9] = static_cast<char>('0' + i % 10);
    address[11] = static_cast<char>('0' + i / 10 % 10);
    let += limiter.address(address, clock.monotonic()) && limiter.principal(user, clock.monotonic()) && limiter.sign_in(address, 1, clock.monotonic()) ? 1 : 0;
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(let, 300u);
}

}  // namespace
}  // namespace watchbell::limits
