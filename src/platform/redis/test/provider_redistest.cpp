// The suite of all cache providers for the one in Redis, over the server's own transport.
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>

#include "async/timer_wheel.hpp"
#include "libs/cache/test/server_store_suite.hpp"
#include "platform/redis/test/client.hpp"
#include "tests/support/redis_server.hpp"

namespace watchbell::cache::provider_suite {
namespace {

/// Holds for the whole program.
class RedisOrSkip : public testing::Environment {
 public:
  void SetUp() override {
    if (watchbell::test::RedisServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names redis";
  }
};
const auto* const redis_or_skip = testing::AddGlobalTestEnvironment(new RedisOrSkip);

/// One server for the whole program; each test begins with an empty one.
watchbell::test::RedisServer& server() {
  static watchbell::test::RedisServer server;
  return server;
}

class TransportHarness {
 public:
  TransportHarness() { server().flush(); }
  ~TransportHarness() {
    run(first_.close());
    run(second_.close());
    resolver_.close();
  }
  TransportHarness(const TransportHarness&) = delete;
  TransportHarness& operator=(const TransportHarness&) = delete;

  template <class T, class E>
  T run(boost::asio::awaitable<T, E> work) {
    std::optional<T> result;
    std::exception_ptr fault;
    boost::asio::co_spawn(loop_.executor(), std::move(work), [&](std::exception_ptr thrown, T value) {
      fault = std::move(thrown);
      result.emplace(std::move(value));
    });
    loop_.run_until([&] { return result.has_value(); });
    if (fault) std::rethrow_exception(fault);
    return std::move(*result);
  }
  template <class E>
  void run(boost::asio::awaitable<void, E> work) {
    bool ended = false;
    std::exception_ptr fault;
    boost::asio::co_spawn(loop_.executor(), std::move(work), [&](std::exception_ptr thrown) {
      fault = std::move(thrown);
      ended = true;
    });
    loop_.run_until([&] { return ended; });
    if (fault) std::rethrow_exception(fault);
  }

  CacheProvider& first() { return *first_.provider; }
  CacheProvider& second() { return *second_.provider; }
  void advance(Duration) {}

  void lose_generations() {
    server().command({"EVAL", "for _, k in ipairs(redis.call('KEYS', 'cache:*:[lLtT]:*')) do redis.call('DEL', k) end", "0"});
  }
  void lose_all() { server().flush(); }
  std::uint64_t steps() { return first_.transport->counters().commands; }
  std::uint64_t round_trips() { return first_.transport->counters().round_trips; }
  std::size_t max_value_bytes() { return redis::RedisOptions().max_value_bytes; }

 private:
  static watchbell::redis::Settings settings() { return *watchbell::redis::parse_url(server().unix_url()); }

  async::Loop loop_;
  SystemClock clock_;
  async::TimerWheel wheel_{loop_.executor(), clock_};
  net::Resolver resolver_{loop_.executor(), wheel_, {}};
  watchbell::redis::test::Client first_{wheel_, resolver_, settings()};
  watchbell::redis::test::Client second_{wheel_, resolver_, settings()};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Redis, ProviderSuite, TransportHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Redis, ServerStoreSuite, TransportHarness);

}  // namespace
}  // namespace watchbell::cache::provider_suite
