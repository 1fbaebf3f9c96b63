#pragma once

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/provider.hpp>

#include <memory>

namespace watchbell::cache {

/// A provider in the memory of this process: what several caches of one program share, and what stands for a shared
/// store in tests. Bounded and evicting as a Cache is, since it is one underneath; it never waits, so it ignores
/// deadlines. An entry stored without a time to live stays until it is removed or evicted. Thread-safe.
class MemoryProvider final : public CacheProvider {
 public:
  /// @param options  `max_ttl` and `ttl_jitter` do not apply: who fills says how long
  explicit MemoryProvider(boost::asio::any_io_executor executor, CacheOptions options = {});
  ~MemoryProvider() override;

  Task<std::optional<std::string>> get(Address address, Duration deadline) override;
  Task<void> set(Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) override;
  Task<void> remove(Address address, Duration deadline) override;
  Task<std::uint64_t> delete_by_prefix(std::string scope, Family family, Duration deadline) override;
  Task<bool> has(Address address, Duration deadline) override;
  Task<std::vector<Fetched>> fetch(std::vector<Address> addresses, Duration lease, Duration deadline) override;
  Task<std::vector<Filled>> fill(std::vector<Fill> fills, Duration deadline) override;
  Task<void> invalidate(std::vector<Drop> drops, Duration deadline) override;
  Task<ProviderStats> stats(Duration deadline) override;
  Task<EntryPage> list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order, Duration deadline) override;
  boost::asio::awaitable<void> stop() override;
  boost::asio::any_io_executor executor() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace watchbell::cache
