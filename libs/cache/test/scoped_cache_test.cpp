#include <watchbell/cache/scoped_cache.hpp>

#include "provider_suite.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace watchbell::cache::provider_suite {
namespace {

/// Writes down what it is asked for.
class RecordingProvider final : public CacheProvider {
 public:
  std::vector<std::string> calls;

  Task<std::optional<std::string>> get(Address address, Duration deadline) override {
    note("get", address.scope, address.key.encoded(), deadline);
    co_return std::optional<std::string>("value");
  }
  Task<void> set(Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) override {
    note("set " + bytes + (ttl ? " with ttl" : ""), address.scope, address.key.encoded(), deadline);
    co_return Outcome<void>();
  }
  Task<void> remove(Address address, Duration deadline) override {
    note("remove", address.scope, address.key.encoded(), deadline);
    co_return Outcome<void>();
  }
  Task<std::uint64_t> delete_by_prefix(std::string scope, Family family, Duration deadline) override {
    note("delete", scope, family.encoded(), deadline);
    co_return std::uint64_t{3};
  }
  Task<bool> has(Address address, Duration deadline) override {
    note("has", address.scope, address.key.encoded(), deadline);
    co_return true;
  }
  Task<std::vector<Fetched>> fetch(std::vector<Address>, Duration, Duration) override { co_return std::vector<Fetched>(); }
  Task<std::vector<Filled>> fill(std::vector<Fill>, Duration) override { co_return std::vector<Filled>(); }
  Task<void> invalidate(std::vector<Drop>, Duration) override { co_return Outcome<void>(); }
  Task<ProviderStats> stats(Duration) override { co_return ProviderStats(); }
  Task<EntryPage> list_entries(std::uint64_t, std::uint64_t, EntryOrder, Duration) override { co_return EntryPage(); }
  boost::asio::awaitable<void> stop() override { co_return; }
  boost::asio::any_io_executor executor() override { return boost::asio::any_io_executor(); }

 private:
  void note(std::string what, std::string_view scope, std::string_view path, Duration deadline) {
    what.append(" ").append(scope).append("/").append(path).append(" ");
    calls.push_back(what + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(deadline).count()));
  }
};

TEST(ScopedCache, says_its_scope_and_deadlines_with_every_call) {
  LoopHarness harness;
  RecordingProvider provider;
  const ScopedCache cache(provider, "a:b");
  const Key key("k");
  const std::string path(key.encoded());
  EXPECT_EQ(harness.run(cache.get(key)).value(), "value");
  EXPECT_TRUE(harness.run(cache.has(key)).value());
  EXPECT_TRUE(harness.run(cache.set(key, "v", 1s)).has_value());
  EXPECT_TRUE(harness.run(cache.set(key, "v")).has_value());
  EXPECT_TRUE(harness.run(cache.remove(key)).has_value());
  EXPECT_EQ(harness.run(cache.delete_by_prefix(Family("k"))).value(), 3u);
  const ScopedReader reader = cache.reader();
  EXPECT_EQ(harness.run(reader.get(key)).value(), "value");
  EXPECT_TRUE(harness.run(reader.has(key)).value());
  EXPECT_TRUE(harness.run(reader.stats()).has_value());
  const std::string at = " a:b/" + path;
  EXPECT_EQ(provider.calls,
            (std::vector<std::string>{"get" + at + " 50", "has" + at + " 50", "set v with ttl" + at + " 250",
                                      "set v" + at + " 250", "remove" + at + " 250", "delete" + at + " 250",
                                      "get" + at + " 50", "has" + at + " 50"}));
}

template <class T>
concept Writes = requires(const T& cache) { cache.set(Key("k"), ""); } ||
                 requires(const T& cache) { cache.remove(Key("k")); } ||
                 requires(const T& cache) { cache.delete_by_prefix(Family()); };
static_assert(Writes<ScopedCache>);
static_assert(!Writes<ScopedReader>);

}  // namespace
}  // namespace watchbell::cache::provider_suite
