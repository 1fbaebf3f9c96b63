#pragma once

#include <watchbell/cache/provider.hpp>

#include <boost/asio/system_executor.hpp>

#include <utility>

namespace watchbell::cache {

/// A provider that holds nothing: every read is a miss without a lease, every store is dropped. Stands where no store is
/// configured. Ignores deadlines, since it never waits, and goes on answering after `stop`. Thread-safe.
class NullProvider final : public CacheProvider {
 public:
  explicit NullProvider(boost::asio::any_io_executor executor = boost::asio::system_executor())
      : executor_(std::move(executor)) {}

  Task<std::optional<std::string>> get(Address address, Duration deadline) override;
  Task<void> set(Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) override;
  Task<void> remove(Address address, Duration deadline) override;
  Task<std::uint64_t> delete_by_prefix(std::string scope, Family family, Duration deadline) override;
  Task<bool> has(Address address, Duration deadline) override;
  /// `busy` with an empty token for each address: load, but do not fill.
  Task<std::vector<Fetched>> fetch(std::vector<Address> addresses, Duration lease, Duration deadline) override;
  Task<std::vector<Filled>> fill(std::vector<Fill> fills, Duration deadline) override;
  Task<void> invalidate(std::vector<Drop> drops, Duration deadline) override;
  Task<ProviderStats> stats(Duration deadline) override;
  Task<EntryPage> list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order, Duration deadline) override;
  boost::asio::awaitable<void> stop() override;
  boost::asio::any_io_executor executor() override { return executor_; }

 private:
  boost::asio::any_io_executor executor_;
};

}  // namespace watchbell::cache
