#pragma once

#include <watchbell/cache/provider.hpp>
#include <watchbell/cache/redis/transport.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace watchbell::cache::redis {

struct RedisOptions {
  /// Namespace of this instance: letters, digits, '-' and '_', at most 32. Keys begin with `cache:`, or, with a
  /// namespace, with `<instance>:cache:`.
  std::string instance;
  /// The longest value that is stored or accepted. Beside it an entry holds 11 bytes, 16 a family of its key, and, when
  /// the key was too long to be used as it is, the key.
  std::size_t max_value_bytes = std::size_t{4} << 20;
  /// Longest life of an entry; asked for a longer one, or for one without end, the provider gives this. So what an
  /// earlier server has left behind vanishes by itself.
  Duration longest_ttl = std::chrono::hours(24 * 7);
  /// How long a family's token lives after it was last needed, at least; it is prolonged for entries that live longer.
  /// A token that has ended costs misses, never coherence.
  Duration token_ttl = std::chrono::minutes(15);
  /// Tells how much of a deadline is left. Tests give one that they move by hand.
  Clock clock = coarse_now;
};

/// What a provider of this process has met, since it was made.
struct Counters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t bad_entries = 0;   ///< corrupt, cut, foreign, oversized, of a wrong type: a miss each, and removed
  std::uint64_t bad_replies = 0;   ///< replies of unexpected shape
  std::uint64_t error_replies = 0; ///< errors the server gave, a missing script not counted
  std::uint64_t failures = 0;      ///< batches the transport could not do
  std::uint64_t round_trips = 0;   ///< batches given to the transport
  std::uint64_t script_loads = 0;  ///< batches repeated because the server did not know a script
  std::uint64_t server_changes = 0; ///< batches repeated because another server answered
};

/// The cache in a Redis server (or one that speaks its protocol and runs its Lua), shared by all processes that use it.
///
/// An entry records the tokens of all families of its key: 16 random bytes each, kept under keys of their own. It counts
/// only while each is present and equal, so dropping a family is removing one token, whatever number of entries it has
/// (C-10), and a token that was evicted is as good as one that was dropped (C-8). A fill needs the lease that its fetch
/// gave, which holds the same tokens, and is checked and done in one Lua script (C-4, C-7). Every key contains the
/// `run_id` of the server, so a server that was restarted from an older snapshot, or has taken the place of another,
/// begins empty (C-29).
///
/// Keys on the server: `cache:<run_id>:<kind>:<scope>:<path>` with kind `e` entry, `l` lease, `t` family token; the
/// scope is preceded by its length; the path is the encoded key or family. Keys over 256 bytes keep as many leading
/// segments as fit and end with the SHA-256 of their whole path (kind in upper case). Keys of more than 200 segments
/// are never stored.
///
/// Cost: `get`, `has`, `fetch`, `fill`, `remove`, `invalidate` one round trip each, whatever the number of keys; `set`
/// two (it takes a lease first, because a plain store that got lost on its way could arrive after a later invalidation);
/// two for a read that meets a corrupt entry; one more when the server has forgotten the scripts. `set` of a value over
/// `max_value_bytes` removes what was there and fails with `message_size`.
///
/// Errors: those of the transport; `timed_out`; `protocol_error` for a reply of unexpected shape; `io_error` for an error
/// reply; `shut_down` after `stop`. **Thread-safe**: work runs on the transport's executor, which must run one handler at
/// a time. Must be made after the process's last fork, or two processes would draw the same tokens.
class RedisProvider final : public CacheProvider {
 public:
  /// @throws std::invalid_argument when an option is out of its range
  explicit RedisProvider(std::shared_ptr<Transport> transport, RedisOptions options = RedisOptions());
  ~RedisProvider() override;

  Task<std::optional<std::string>> get(Address address, Duration deadline) override;
  Task<void> set(Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) override;
  Task<void> remove(Address address, Duration deadline) override;
  Task<std::uint64_t> delete_by_prefix(std::string scope, Family family, Duration deadline) override;
  Task<bool> has(Address address, Duration deadline) override;
  Task<std::vector<Fetched>> fetch(std::vector<Address> addresses, Duration lease, Duration deadline) override;
  Task<std::vector<Filled>> fill(std::vector<Fill> fills, Duration deadline) override;
  Task<void> invalidate(std::vector<Drop> drops, Duration deadline) override;
  /// Hits and misses of this process; the rest is not known without asking the server for all keys.
  Task<ProviderStats> stats(Duration deadline) override;
  /// Not supported: listing would read every key.
  Task<EntryPage> list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order, Duration deadline) override;
  boost::asio::awaitable<void> stop() override;
  boost::asio::any_io_executor executor() override;

  Counters counters() const noexcept;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace watchbell::cache::redis
