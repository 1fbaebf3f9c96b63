#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/observer.hpp>
#include <watchbell/cache/provider.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace watchbell::cache {

/// How a provider is used.
struct SharedOptions {
  /// A read waits for the provider at most this long.
  Duration fetch_deadline = std::chrono::milliseconds(50);
  /// A fill or an invalidation, at most this long.
  Duration other_deadline = std::chrono::milliseconds(250);
  /// How long a reader may take from the provider's "nothing there" to his fill.
  Duration lease = std::chrono::seconds(30);
  /// All processes tell each other of every invalidation, and it returns only when all have heard: so what is in this
  /// process's memory may be trusted. Who sets this calls `SharedScope::heard`.
  bool told = false;
  /// How long a bounded scope serves from memory what another process may have changed.
  Duration bounded_for = std::chrono::seconds(1);
  /// Failures in a row after which the provider is left alone.
  std::uint32_t failures_to_open = 5;
  /// From then on it is probed after this time, then after twice, up to `longest_probe`.
  Duration first_probe = std::chrono::seconds(1);
  Duration longest_probe = std::chrono::seconds(30);
  /// A pending invalidation is tried again after this time while the circuit is closed, then after twice, up to 2 s.
  Duration first_retry = std::chrono::milliseconds(100);
  /// Pending invalidations kept apart; more than that become one of everything.
  std::size_t max_pending = 10'000;
  /// Told of calls to the provider, and of invalidations. Must outlive the cache.
  Observer* observer = nullptr;
};

/// Counts since the shared cache was made; the last three are the present state.
struct SharedStatistics {
  std::uint64_t hits = 0;    ///< keys that the provider had
  std::uint64_t misses = 0;  ///< keys it was asked for and had not
  std::uint64_t bypasses = 0;  ///< keys it was not asked for: circuit open, or an invalidation pending
  std::uint64_t undecodable = 0;  ///< of the misses, bytes that were no value of the type
  std::uint64_t fills = 0;
  std::uint64_t fills_refused = 0;
  std::uint64_t fetch_errors = 0;
  std::uint64_t fill_errors = 0;
  std::uint64_t invalidate_errors = 0;
  std::uint64_t invalidations = 0;  ///< applied by the provider
  std::uint64_t invalidations_queued = 0;
  std::uint64_t circuit_opened = 0;

  bool circuit_open = false;
  std::size_t pending = 0;    ///< invalidations that the provider has not applied
  Duration oldest_pending{};  ///< age
};

namespace detail {

/// Decides whether a provider is to be asked. Pure: time is an argument. Not thread-safe by itself.
class Circuit {
 public:
  explicit Circuit(const SharedOptions& options) : options_(&options) {}

  bool open() const noexcept { return open_; }
  /// True when this failure opened the circuit. Those of calls that were on their way when it opened say nothing new.
  bool failed() noexcept {
    if (open_ || ++failures_ < options_->failures_to_open) return false;
    open_ = true;
    delay_ = options_->first_probe;
    return true;
  }
  void probe_failed() noexcept { delay_ = std::min(2 * delay_, options_->longest_probe); }
  /// A call that was made while the circuit was closed has succeeded.
  void succeeded() noexcept {
    if (!open_) failures_ = 0;
  }
  void close() noexcept {
    open_ = false;
    failures_ = 0;
  }
  Duration probe_delay() const noexcept { return delay_; }

 private:
  const SharedOptions* options_;
  std::uint32_t failures_ = 0;
  bool open_ = false;
  Duration delay_{};
};

/// Invalidations that the provider may not have applied yet. From its registration on until it is known to be applied a
/// drop covers its keys: they are neither fetched nor filled. Not thread-safe by itself.
class PendingDrops {
 public:
  explicit PendingDrops(std::size_t most) : most_(most) {}

  /// @returns the number to be given to `applied` once everything registered up to now was applied
  std::uint64_t add(const Drop& drop, TimePoint at);
  /// The drops that `sent` names were applied by a call that began after `number` was given.
  void applied(const std::vector<Drop>& sent, std::uint64_t number);
  bool covers(std::string_view scope, const Key& key) const;

  /// All of them, to be sent in one call, and the number for `applied`.
  std::vector<Drop> all(std::uint64_t& number) const;
  std::size_t size() const noexcept { return drops_.size(); }
  bool empty() const noexcept { return drops_.empty(); }
  TimePoint oldest() const noexcept;

 private:
  struct Pending {
    Drop drop;
    std::uint64_t number;  // of its last registration
    TimePoint since;       // its first
  };

  std::size_t most_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::string, Pending> drops_;
};

/// What all scopes of a shared cache have in common: the provider, its circuit, and what is pending. Thread-safe.
class SharedLevel : public std::enable_shared_from_this<SharedLevel> {
 public:
  SharedLevel(std::shared_ptr<CacheProvider> provider, SharedOptions options);
  SharedLevel(const SharedLevel&) = delete;
  SharedLevel& operator=(const SharedLevel&) = delete;
  ~SharedLevel();

  const SharedOptions& options() const noexcept { return options_; }
  CacheProvider& provider() noexcept { return *provider_; }
  SharedStatistics snapshot() const;

  /// What the provider says of the keys, in order. Empty when it was not asked or did not answer. Keys that a pending
  /// drop covers come as `busy` without a token, which is what a caller does with a key that is not the provider's.
  /// Runs on the provider's executor.
  boost::asio::awaitable<std::vector<Fetched>> fetch(std::vector<Address> addresses);
  /// Stores in the background, without anybody waiting.
  void fill(std::vector<Fill> fills);
  /// Takes an entry away whose bytes were no value, or a lease that will not be used. In the background.
  void discard(Address address);

  /// Puts up the fence. Before the local generations are raised.
  std::uint64_t fence(const Drop& drop);
  /// Runs on the provider's executor. True when applied.
  boost::asio::awaitable<bool> apply(std::vector<Drop> drops, std::uint64_t number);

  void count_undecodable();
  boost::asio::awaitable<void> close();

 private:
  class Running;

  bool usable() const noexcept { return !circuit_.open() && !closing_; }
  void called(ProviderCall call, bool ok, std::chrono::steady_clock::time_point began);
  void keep_trying();
  static boost::asio::awaitable<void> try_until_applied(std::shared_ptr<SharedLevel> self);
  static boost::asio::awaitable<void> fill_now(std::shared_ptr<SharedLevel> self, std::vector<Fill> fills);
  static boost::asio::awaitable<void> discard_now(std::shared_ptr<SharedLevel> self, Address address);
  void spawn(boost::asio::awaitable<void> work);

  const SharedOptions options_;
  const std::shared_ptr<CacheProvider> provider_;

  mutable std::mutex mutex_;  // guards all below but the timers
  Circuit circuit_;
  PendingDrops pending_;
  SharedStatistics counted_;
  std::size_t running_ = 0;  // background coroutines
  bool trying_ = false;
  bool closing_ = false;

  // Used on the provider's executor only.
  boost::asio::steady_timer retry_;
  boost::asio::steady_timer idle_;
};

}  // namespace detail
}  // namespace watchbell::cache
