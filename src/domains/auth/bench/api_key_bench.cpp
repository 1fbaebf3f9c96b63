// What does it cost to verify an API key, a wrong secret, and a key of nobody?
//
// Each 100,000 times on a cache that is warm, against one SHA-256 of a secret as its hexadecimal text, the least a verification can do. Rounds
// interleaved, the median printed. CPU is that of the loop's thread.

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "domains/auth/test/fixture.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::auth {
namespace {

constexpr int kTimes = 100'000;
constexpr std::size_t kRounds = 5;

double thread_cpu_us() {
  ::timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

/// Microseconds of CPU of one verification.
awaitable<double> verify(test::Fixture& f, std::string authorization, bool good) {
  const double began = thread_cpu_us();
  int passed = 0;
  for (int i = 0; i < kTimes; ++i)
    if (co_await f.service->identify({.authorization = authorization, .cookie = {}})) ++passed;
  const double took = thread_cpu_us() - began;
  WATCHBELL_ASSERT(passed == (good ? kTimes : 0));
  co_return took / kTimes;
}

double hash(const std::string& secret) {
  const double began = thread_cpu_us();
  std::size_t sum = 0;
  for (int i = 0; i < kTimes; ++i) sum += crypto::sha256_hex(secret).size();
  WATCHBELL_ASSERT(sum == 64U * kTimes);
  return (thread_cpu_us() - began) / kTimes;
}

double median(std::array<double, kRounds> values) {
  std::ranges::sort(values);
  return values[kRounds / 2];
}

awaitable<void> run(async::Loop& loop) {
  test::Fixture f(loop);
  co_await f.ready();
  const auto made = co_await f.service->create_application({.name = "bench", .rules = {"t.thing.read"}}, "console");
  WATCHBELL_ASSERT(made.has_value());
  const std::string secret = make_api_secret();
  std::array<double, kRounds> good{}, wrong{}, nobodys{}, floor{};
  for (std::size_t round = 0; round < kRounds; ++round) {
    good[round] = co_await verify(f, "Bearer " + made->key, true);
    wrong[round] = co_await verify(f, "Bearer " + api_key_text(made->id, secret), false);
    nobodys[round] = co_await verify(f, "Bearer " + api_key_text(ApplicationId::make(f.clock.now()), secret), false);
    floor[round] = hash(secret);
  }
  std::printf("good key %.2f us, wrong secret %.2f us, nobody's key %.2f us; one SHA-256 %.2f us\n", median(good), median(wrong), median(nobodys),
              median(floor));
  co_await f.until([&] { return f.scope.size() == 0; });
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::auth

int main() {
  watchbell::async::Loop loop;
  return watchbell::test::run_on(loop, watchbell::auth::run(loop), std::chrono::seconds(300)) ? 0 : 1;
}
