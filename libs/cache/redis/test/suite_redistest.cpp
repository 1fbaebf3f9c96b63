// The suite of all providers over a real server.
#include "server_store_suite.hpp"
#include "support/plain_transport.hpp"
#include "support/redis_server.hpp"

#include <watchbell/cache/redis/provider.hpp>

#include <memory>

namespace watchbell::cache::provider_suite {
namespace {

/// One server for the whole program; each test begins with an empty one.
redis::test::RedisServer& server() {
  static redis::test::RedisServer server;
  return server;
}

class RedisHarness : public LoopHarness {
 public:
  CacheProvider& first() { return *first_; }
  CacheProvider& second() { return *second_; }
  void advance(Duration) {}

  void lose_generations() {
    for (const auto& name : plain_->command({"KEYS", "cache:*:[lLtT]:*"}).items) plain_->command({"DEL", name.text});
  }
  void lose_all() { plain_->command({"FLUSHALL"}); }
  std::uint64_t steps() { return one_->commands; }
  std::uint64_t round_trips() { return one_->round_trips; }
  std::size_t max_value_bytes() { return redis::RedisOptions().max_value_bytes; }

  RedisHarness() { lose_all(); }

 private:
  std::shared_ptr<redis::test::PlainTransport> transport() {
    return std::make_shared<redis::test::PlainTransport>(loop(), server().socket());
  }

  std::shared_ptr<redis::test::PlainTransport> plain_ = transport();
  std::shared_ptr<redis::test::PlainTransport> one_ = transport();
  std::unique_ptr<redis::RedisProvider> first_ = std::make_unique<redis::RedisProvider>(one_);
  std::unique_ptr<redis::RedisProvider> second_ = std::make_unique<redis::RedisProvider>(transport());
};

INSTANTIATE_TYPED_TEST_SUITE_P(Redis, ProviderSuite, RedisHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Redis, ServerStoreSuite, RedisHarness);

}  // namespace
}  // namespace watchbell::cache::provider_suite
