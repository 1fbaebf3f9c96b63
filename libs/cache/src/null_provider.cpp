#include <watchbell/cache/null_provider.hpp>

namespace watchbell::cache {

auto NullProvider::get(Address, Duration) -> Task<std::optional<std::string>> {
  co_return std::optional<std::string>();
}

auto NullProvider::set(Address, std::string, std::optional<Duration>, Duration) -> Task<void> { co_return Outcome<void>(); }

auto NullProvider::remove(Address, Duration) -> Task<void> { co_return Outcome<void>(); }

auto NullProvider::delete_by_prefix(std::string, Family, Duration) -> Task<std::uint64_t> { co_return std::uint64_t{0}; }

auto NullProvider::has(Address, Duration) -> Task<bool> { co_return false; }

auto NullProvider::fetch(std::vector<Address> addresses, Duration, Duration) -> Task<std::vector<Fetched>> {
  co_return std::vector<Fetched>(addresses.size());
}

auto NullProvider::fill(std::vector<Fill> fills, Duration) -> Task<std::vector<Filled>> {
  co_return std::vector<Filled>(fills.size(), Filled::refused);
}

auto NullProvider::invalidate(std::vector<Drop>, Duration) -> Task<void> { co_return Outcome<void>(); }

auto NullProvider::stats(Duration) -> Task<ProviderStats> { co_return ProviderStats(); }

auto NullProvider::list_entries(std::uint64_t, std::uint64_t, EntryOrder, Duration) -> Task<EntryPage> {
  EntryPage nothing;
  nothing.total = 0;
  co_return nothing;
}

boost::asio::awaitable<void> NullProvider::stop() { co_return; }

}  // namespace watchbell::cache
