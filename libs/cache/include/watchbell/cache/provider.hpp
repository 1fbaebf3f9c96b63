#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/key.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace watchbell::cache {

/// A value, or why there is none. A provider that cannot answer is an outcome, never an exception.
template <class T>
using Outcome = boost::system::result<T>;

/// Names one entry of a provider: the scope it belongs to and its key there.
struct Address {
  Address(std::string scope_name, Key entry_key) : scope(std::move(scope_name)), key(std::move(entry_key)) {}

  std::string scope;
  Key key;
};

/// What an invalidation covers: one key, or all keys of a family, of one scope.
struct Drop {
  Drop(std::string scope_name, Key key) : scope(std::move(scope_name)), what(std::move(key)) {}
  Drop(std::string scope_name, Family family) : scope(std::move(scope_name)), what(std::move(family)) {}

  std::string scope;
  std::variant<Key, Family> what;
};

/// What `fetch` found under one key.
struct Fetched {
  enum class Kind : std::uint8_t {
    hit,    ///< `bytes` are the value
    lease,  ///< nothing there, and the caller may `fill` with `token`
    busy,   ///< nothing there, and somebody else holds the lease: load, but do not fill
  };

  Kind kind = Kind::busy;
  std::string bytes;
  /// Time the entry still has to live; `Duration::max()` when it has no end. Only of a hit.
  Duration remaining{};
  /// Names the state of the key: the lease and the generations of its families. Opaque. Two fetches that give equal
  /// tokens prove that nothing which covers the key was invalidated between them. Empty for a hit.
  std::string token;
};

/// A value to be stored under the lease that `fetch` gave.
struct Fill {
  Fill(Address where, std::string lease, std::string value, Duration time_to_live)
      : address(std::move(where)), token(std::move(lease)), bytes(std::move(value)), ttl(time_to_live) {}

  Address address;
  std::string token;
  std::string bytes;
  Duration ttl;
};

enum class Filled : std::uint8_t {
  stored,
  refused,    ///< the key or a family of it was invalidated since the fetch, or the lease has ended
  too_large,  ///< over the provider's bound for one value
};

/// Counts of a provider; absent: not cheaply known.
struct ProviderStats {
  std::optional<std::uint64_t> key_count;
  std::optional<std::uint64_t> size_bytes;
  std::optional<std::uint64_t> hits;
  std::optional<std::uint64_t> misses;
  /// Whether the counts speak for this process or for all that share the provider.
  enum class Of : std::uint8_t { instance, cluster } of = Of::instance;
};

/// One page of the names of entries. Values are never listed: they may hold personal data.
struct EntryPage {
  struct Item {
    std::string key;  ///< scope and segments, for a person to read
    std::uint64_t byte_size = 0;
    std::optional<Duration> expires_in;
  };
  bool supported = false;
  std::vector<Item> items;
  std::optional<std::uint64_t> total;
  bool has_more = false;
};

enum class EntryOrder : std::uint8_t {
  biggest,  ///< bytes, descending
  newest,   ///< order of insertion, descending
};

/// A store of bytes that several caches may share: in other processes, in other threads.
///
/// Every operation has a deadline after which it fails; one that failed may or may not have been applied, and can
/// no longer be applied later than an `invalidate` that succeeded after it (its lease is gone). **Thread-safe**: may be
/// called from any thread; runs on `executor()`.
class CacheProvider {
 public:
  CacheProvider() = default;
  CacheProvider(const CacheProvider&) = delete;
  CacheProvider& operator=(const CacheProvider&) = delete;
  virtual ~CacheProvider() = default;

  template <class T>
  using Task = boost::asio::awaitable<Outcome<T>>;

  /// The value; nullopt for unknown and for expired keys.
  virtual Task<std::optional<std::string>> get(Address address, Duration deadline) = 0;
  /// Replaces both value and time to live. Without a ttl the entry stays until it is removed or evicted. A ttl of zero
  /// or less stores nothing and removes what was there.
  virtual Task<void> set(Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) = 0;
  /// An unknown key is no error.
  virtual Task<void> remove(Address address, Duration deadline) = 0;
  /// Removes the entries of a family and counts them, expired ones that are still held included. O(all keys) on some
  /// providers: for administrators, never on the path of a change.
  virtual Task<std::uint64_t> delete_by_prefix(std::string scope, Family family, Duration deadline) = 0;
  virtual Task<bool> has(Address address, Duration deadline) = 0;

  /// The guarded read: for each key its value or, when there is none, a lease to fill it, in the order of `addresses`.
  /// One round trip. A lease ends by itself after `lease`, and with every invalidation that covers its key.
  virtual Task<std::vector<Fetched>> fetch(std::vector<Address> addresses, Duration lease, Duration deadline) = 0;
  /// The guarded store, each in one atomic step, in one round trip.
  virtual Task<std::vector<Filled>> fill(std::vector<Fill> fills, Duration deadline) = 0;
  /// After it succeeded, no fetch by anybody that starts later gives a value whose lease was given before it began.
  /// O(drops). One round trip.
  virtual Task<void> invalidate(std::vector<Drop> drops, Duration deadline) = 0;

  virtual Task<ProviderStats> stats(Duration deadline) = 0;
  /// @param limit  1 to 200
  virtual Task<EntryPage> list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order,
                                       Duration deadline) = 0;

  /// Ends connections and timers; operations that still run, and those begun later, fail. May be called again.
  virtual boost::asio::awaitable<void> stop() = 0;

  virtual boost::asio::any_io_executor executor() = 0;
};

}  // namespace watchbell::cache
