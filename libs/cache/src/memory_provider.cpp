#include <watchbell/cache/memory_provider.hpp>

#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/traits.hpp>

#include <boost/asio/error.hpp>

#include <charconv>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace watchbell::cache {
namespace {

/// A value, and when it ends; the engine keeps that to itself.
struct Held {
  std::string bytes;
  TimePoint expires;
};

const detail::Asking kAsking(typeid(Held));

}  // namespace

/// A lease is a load of the engine that nobody runs: it notes the generations when it is given. An invalidation ends the
/// leases it covers at once, because the engine lets few loads of a key run beside each other, and whoever asks next
/// would wait for one that no longer counts.
struct MemoryProvider::State {
  struct Scope {
    Scope(std::shared_ptr<detail::Core> core, const std::string& name) : state(std::move(core), name) {}

    detail::ScopeState state;
    std::map<std::string, std::uint64_t, std::less<>> leases;  // by encoded key: the members of a family are neighbours
  };
  struct Lease {
    std::shared_ptr<detail::Load> load;
    Scope* scope;
    TimePoint ends;
  };

  State(boost::asio::any_io_executor runs_on, CacheOptions with)
      : executor(std::move(runs_on)), cache([&with] {
          with.max_ttl = Duration::max();
          with.ttl_jitter = 0;
          return std::move(with);
        }()),
        core(cache.core_) {}
  ~State() {
    while (!by_end.empty()) end(by_end.begin()->second);
  }

  /// Runs `body` under the mutex, unless the provider was stopped.
  template <class T, class Body>
  Outcome<T> enter(Body body);

  // All below REQUIRES the mutex.

  Scope& scope(const std::string& name) {
    auto& known = scopes[name];
    if (!known) known = std::make_unique<Scope>(core, name);
    return *known;
  }

  std::optional<Held> find(const Address& address) {
    const auto hit = core->find(scope(address.scope).state, address.key, typeid(Held), Duration::zero());
    if (!hit.holds()) return std::nullopt;
    return *static_cast<const Held*>(hit.object());
  }

  Duration remaining(const Held& held) const {
    return held.expires == TimePoint::max() ? Duration::max() : held.expires - core->now();
  }

  void end(std::uint64_t number) {
    const auto found = leases.find(number);
    if (found == leases.end()) return;
    const Lease lease = std::move(found->second);
    leases.erase(found);
    lease.scope->leases.erase(lease.scope->leases.find(lease.load->flights.front()->key.encoded()));
    for (auto [at, last] = by_end.equal_range(lease.ends); at != last; ++at) {
      if (at->second != number) continue;
      by_end.erase(at);
      break;
    }
    core->ended(*lease.load);
  }

  void end_late_ones() {
    while (!by_end.empty() && by_end.begin()->first <= core->now()) end(by_end.begin()->second);
  }

  void drop(Scope& in, const Key& key) {
    core->invalidate(in.state, key);
    if (const auto lease = in.leases.find(key.encoded()); lease != in.leases.end()) end(lease->second);
  }

  void end_leases(Scope& in, const Family& family) {
    const auto first = in.leases.lower_bound(family.encoded());
    std::vector<std::uint64_t> covered;
    for (auto lease = first; lease != in.leases.end() && lease->first.starts_with(family.encoded()); ++lease)
      covered.push_back(lease->second);
    for (const auto number : covered) end(number);
  }

  void drop(Scope& in, const Family& family) {
    core->invalidate_family(in.state, family);
    end_leases(in, family);
  }

  Fetched fetch(const Address& address, Duration lease) {
    end_late_ones();
    Fetched fetched;
    if (auto held = find(address)) {
      fetched.kind = Fetched::Kind::hit;
      fetched.remaining = remaining(*held);
      fetched.bytes = std::move(held->bytes);
      return fetched;
    }
    auto& in = scope(address.scope);
    const auto load = core->make_load(in.state, {.ttl = Duration::max(), .deadline = std::chrono::hours(24)}, {});
    const auto begun = core->begin(in.state, address.key, kAsking, load);
    if (begun.must_load) {
      const auto now = core->now();
      const auto ends = lease < TimePoint::max() - now ? now + lease : TimePoint::max();
      leases.emplace(begun.flight->number, Lease{load, &in, ends});
      in.leases.emplace(address.key.encoded(), begun.flight->number);
      by_end.emplace(ends, begun.flight->number);
    }
    fetched.kind = begun.must_load ? Fetched::Kind::lease : Fetched::Kind::busy;
    fetched.token = std::to_string(begun.flight->number);
    return fetched;
  }

  Filled fill(std::uint64_t number, std::string bytes, Duration ttl, const Address& address) {
    end_late_ones();
    const auto found = leases.find(number);
    if (found == leases.end()) return Filled::refused;
    const auto load = found->second.load;
    const auto flight = load->flights.front();
    if (flight->key != address.key || found->second.scope != &scope(address.scope)) return Filled::refused;
    const auto now = core->now();
    const auto expires = ttl < TimePoint::max() - now ? now + ttl : TimePoint::max();
    auto value = std::make_shared<const Held>(Held{std::move(bytes), expires});
    const auto size = sizeof(Held) + value->bytes.capacity();
    const auto kept = core->finish(*flight, std::move(value), size, true, ttl);
    end(number);
    switch (kept) {
      case detail::Kept::stored: return Filled::stored;
      case detail::Kept::too_large: return Filled::too_large;
      case detail::Kept::refused: break;
    }
    return Filled::refused;
  }

  const boost::asio::any_io_executor executor;
  Cache cache;
  const std::shared_ptr<detail::Core> core;
  std::mutex mutex;
  bool stopped = false;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::map<std::string, std::unique_ptr<Scope>> scopes;
  std::unordered_map<std::uint64_t, Lease> leases;  // by the number of their flight, which never repeats
  std::multimap<TimePoint, std::uint64_t> by_end;
};

MemoryProvider::MemoryProvider(boost::asio::any_io_executor executor, CacheOptions options)
    : state_(std::make_unique<State>(std::move(executor), std::move(options))) {}

MemoryProvider::~MemoryProvider() = default;

// None of these suspends: each is one critical section.

template <class T, class Body>
Outcome<T> MemoryProvider::State::enter(Body body) {
  const std::lock_guard lock(mutex);
  if (stopped)
    return Outcome<T>(boost::system::in_place_error, boost::system::error_code(boost::asio::error::operation_aborted));
  if constexpr (std::is_void_v<T>) {
    body();
    return Outcome<void>();
  } else {
    return Outcome<T>(boost::system::in_place_value, body());
  }
}

CacheProvider::Task<std::optional<std::string>> MemoryProvider::get(Address address, Duration /*deadline*/) {
  co_return state_->enter<std::optional<std::string>>([&]() -> std::optional<std::string> {
    auto held = state_->find(address);
    ++(held ? state_->hits : state_->misses);
    if (!held) return std::nullopt;
    return std::move(held->bytes);
  });
}

CacheProvider::Task<void> MemoryProvider::set(Address address, std::string bytes, std::optional<Duration> ttl,
                                              Duration /*deadline*/) {
  co_return state_->enter<void>([&] {
    state_->drop(state_->scope(address.scope), address.key);
    if (ttl && *ttl <= Duration::zero()) return;
    const auto fetched = state_->fetch(address, Duration::max());
    state_->fill(std::stoull(fetched.token), std::move(bytes), ttl.value_or(Duration::max()), address);
  });
}

CacheProvider::Task<void> MemoryProvider::remove(Address address, Duration /*deadline*/) {
  co_return state_->enter<void>(
      [&] { state_->drop(state_->scope(address.scope), address.key); });
}

CacheProvider::Task<std::uint64_t> MemoryProvider::delete_by_prefix(std::string scope, Family family,
                                                                    Duration /*deadline*/) {
  co_return state_->enter<std::uint64_t>([&] {
    auto& in = state_->scope(scope);
    const auto removed = state_->core->remove_family(in.state, family);
    state_->end_leases(in, family);
    return removed;
  });
}

CacheProvider::Task<bool> MemoryProvider::has(Address address, Duration /*deadline*/) {
  co_return state_->enter<bool>([&] { return state_->find(address).has_value(); });
}

CacheProvider::Task<std::vector<Fetched>> MemoryProvider::fetch(std::vector<Address> addresses, Duration lease,
                                                                Duration /*deadline*/) {
  co_return state_->enter<std::vector<Fetched>>([&] {
    std::vector<Fetched> fetched;
    fetched.reserve(addresses.size());
    for (const auto& address : addresses) {
      fetched.push_back(state_->fetch(address, lease));
      ++(fetched.back().kind == Fetched::Kind::hit ? state_->hits : state_->misses);
    }
    return fetched;
  });
}

CacheProvider::Task<std::vector<Filled>> MemoryProvider::fill(std::vector<Fill> fills, Duration /*deadline*/) {
  co_return state_->enter<std::vector<Filled>>([&] {
    std::vector<Filled> filled;
    filled.reserve(fills.size());
    for (auto& one : fills) {
      std::uint64_t number = 0;
      const char* const end = one.token.data() + one.token.size();
      const auto parsed = std::from_chars(one.token.data(), end, number);
      const bool is_token = parsed.ec == std::errc() && parsed.ptr == end;
      filled.push_back(is_token ? state_->fill(number, std::move(one.bytes), one.ttl, one.address) : Filled::refused);
    }
    return filled;
  });
}

CacheProvider::Task<void> MemoryProvider::invalidate(std::vector<Drop> drops, Duration /*deadline*/) {
  co_return state_->enter<void>([&] {
    for (const auto& drop : drops) {
      std::visit([&](const auto& what) { state_->drop(state_->scope(drop.scope), what); }, drop.what);
    }
  });
}

CacheProvider::Task<ProviderStats> MemoryProvider::stats(Duration /*deadline*/) {
  co_return state_->enter<ProviderStats>([&] {
    const auto counted = state_->core->snapshot();
    ProviderStats stats;
    stats.key_count = counted.entries;
    stats.size_bytes = counted.bytes;
    stats.hits = state_->hits;
    stats.misses = state_->misses;
    return stats;
  });
}

CacheProvider::Task<EntryPage> MemoryProvider::list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order,
                                                            Duration /*deadline*/) {
  co_return state_->enter<EntryPage>([&] { return state_->core->list_entries(offset, limit, order); });
}

boost::asio::awaitable<void> MemoryProvider::stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  co_return;
}

boost::asio::any_io_executor MemoryProvider::executor() { return state_->executor; }

}  // namespace watchbell::cache
