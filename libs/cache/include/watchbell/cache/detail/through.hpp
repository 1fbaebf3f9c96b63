#pragma once

// Reads that go through a shared provider: where processes tell each other of invalidations, or may be late, the
// provider stands between this process's entries and the loader; where neither holds, it is asked by every reader.

#include <watchbell/cache/codec.hpp>
#include <watchbell/cache/detail/load.hpp>
#include <watchbell/cache/detail/shared_level.hpp>
#include <watchbell/cache/timed.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace watchbell::cache::detail {

template <class T, class LoadAll, class Id>
using BatchResult = boost::asio::awaitable<std::vector<std::shared_ptr<const T>>,
                                           typename LoaderParts<LoadAll, std::vector<Id>>::Executor>;

template <class T>
using TimedShare = Timed<std::shared_ptr<const T>>;

/// Runs work on another executor and comes back with its outcome.
template <class Executor, class T>
boost::asio::awaitable<T, Executor> run_on(boost::asio::any_io_executor there, boost::asio::awaitable<T> work) {
  const boost::asio::use_awaitable_t<Executor> token;
  return boost::asio::co_spawn(there, std::move(work), token);
}

template <class Executor>
boost::asio::awaitable<void, Executor> close_level(std::shared_ptr<SharedLevel> level) {
  return run_on<Executor>(level->provider().executor(), level->close());
}

template <class T, class Produced>
TimedShare<T> timed_share(Produced&& produced) {
  if constexpr (is_timed<std::remove_cvref_t<Produced>>) {
    const Duration ttl = produced.ttl;
    return TimedShare<T>(share<T>(std::forward<Produced>(produced).value), ttl);
  } else {
    return TimedShare<T>(share<T>(std::forward<Produced>(produced)), Duration::max());
  }
}

/// A lease of the provider in the hands of a loader: used for a fill, or given back.
class Leases {
 public:
  explicit Leases(std::shared_ptr<SharedLevel> level) : level_(std::move(level)) {}
  Leases(Leases&&) noexcept = default;
  Leases& operator=(Leases&&) = delete;
  ~Leases() {
    for (auto& lease : held_)
      if (!lease.token.empty()) level_->discard(std::move(lease.address));
  }

  void hold(Address address, std::string token) { held_.push_back({std::move(address), std::move(token)}); }
  std::size_t size() const noexcept { return held_.size(); }
  /// What is known of the nth lease: its value, to be filled by `fill`.
  template <class T>
  void filled(std::size_t nth, const TimedShare<T>& value, Duration ttl) {
    Held& lease = held_[nth];
    if (lease.token.empty() || !value.value) return;
    auto bytes = Codec<T>::encode(*value.value);
    if (!bytes) return;
    fills_.emplace_back(std::move(lease.address), std::exchange(lease.token, {}), std::move(*bytes),
                        std::min(ttl, value.ttl));
  }
  void send() {
    if (!fills_.empty()) level_->fill(std::move(fills_));
  }

 private:
  struct Held {
    Address address;
    std::string token;  // empty: none, or used
  };

  std::shared_ptr<SharedLevel> level_;
  std::vector<Held> held_;
  std::vector<Fill> fills_;
};

/// The value in what the provider has given; null when it has none.
template <class T>
std::shared_ptr<const T> decoded(SharedLevel& level, const Fetched& fetched, const Address& address) {
  if (fetched.kind != Fetched::Kind::hit) return nullptr;
  if (auto value = Codec<T>::decode(fetched.bytes)) return std::make_shared<const T>(std::move(*value));
  level.count_undecodable();
  level.discard(address);
  return nullptr;
}

inline std::string lease_of(Fetched& fetched) {
  return fetched.kind == Fetched::Kind::lease ? std::move(fetched.token) : std::string();
}

/// A loader that asks the provider first.
template <class T, class Loader>
struct ThroughLoader {
  using Executor = typename LoaderParts<Loader>::Executor;

  std::shared_ptr<SharedLevel> level;
  std::string scope;
  Key key;
  Loader loader;
  Duration ttl;

  boost::asio::awaitable<TimedShare<T>, Executor> operator()() { return run(this); }

  static boost::asio::awaitable<TimedShare<T>, Executor> run(ThroughLoader* self) {
    const Address address(self->scope, self->key);
    std::vector<Address> one(1, address);
    auto asked = self->level->fetch(std::move(one));
    auto fetched = co_await run_on<Executor>(self->level->provider().executor(), std::move(asked));
    if (auto value = decoded<T>(*self->level, fetched.front(), address))
      co_return TimedShare<T>(std::move(value), fetched.front().remaining);
    Leases leases(self->level);
    leases.hold(address, lease_of(fetched.front()));
    auto produced = co_await self->loader();
    auto value = timed_share<T>(std::move(produced));
    leases.filled<T>(0, value, self->ttl);
    leases.send();
    co_return value;
  }
};

/// A batch loader that asks the provider first.
template <class T, class Id, class KeyFor, class LoadAll>
struct ThroughBatch {
  using Executor = typename LoaderParts<LoadAll, std::vector<Id>>::Executor;
  using Values = std::vector<TimedShare<T>>;

  std::shared_ptr<SharedLevel> level;
  std::string scope;
  KeyFor key_for;
  LoadAll load_all;
  Duration ttl;

  boost::asio::awaitable<Values, Executor> operator()(std::vector<Id> ids) { return run(this, std::move(ids)); }

  static boost::asio::awaitable<Values, Executor> run(ThroughBatch* self, std::vector<Id> ids) {
    std::vector<Address> addresses;
    for (const auto& id : ids) addresses.emplace_back(self->scope, self->key_for(id));
    auto asked = self->level->fetch(addresses);
    auto fetched = co_await run_on<Executor>(self->level->provider().executor(), std::move(asked));
    std::vector<std::optional<TimedShare<T>>> values(ids.size());
    std::vector<Id> missing;
    std::vector<std::size_t> places;
    Leases leases(self->level);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (auto value = decoded<T>(*self->level, fetched[i], addresses[i])) {
        values[i].emplace(std::move(value), fetched[i].remaining);
        continue;
      }
      missing.push_back(ids[i]);
      places.push_back(i);
      leases.hold(addresses[i], lease_of(fetched[i]));
    }
    if (!missing.empty()) {
      auto produced = co_await self->load_all(std::move(missing));
      if (produced.size() != places.size())
        throw WrongLength("a batch loader gave " + std::to_string(produced.size()) + " values for " +
                          std::to_string(places.size()) + " ids");
      std::size_t nth = 0;
      for (auto&& one : produced) {
        auto& value = values[places[nth]].emplace(timed_share<T>(std::move(one)));
        leases.filled<T>(nth++, value, self->ttl);
      }
      leases.send();
    }
    Values all;
    all.reserve(values.size());
    for (auto& value : values) all.push_back(std::move(*value));
    co_return all;
  }
};

/// A loader whose reader has asked the provider already.
template <class T, class Loader>
struct FillingLoader {
  using Executor = typename LoaderParts<Loader>::Executor;

  Loader loader;
  Leases leases;
  Duration ttl;

  boost::asio::awaitable<TimedShare<T>, Executor> operator()() { return run(this); }

  static boost::asio::awaitable<TimedShare<T>, Executor> run(FillingLoader* self) {
    auto produced = co_await self->loader();
    auto value = timed_share<T>(std::move(produced));
    self->leases.template filled<T>(0, value, self->ttl);
    self->leases.send();
    co_return value;
  }
};

template <class T, class Id, class LoadAll>
struct FillingBatch {
  using Executor = typename LoaderParts<LoadAll, std::vector<Id>>::Executor;
  using Values = std::vector<TimedShare<T>>;

  LoadAll load_all;
  Leases leases;  // one for each id, in order
  Duration ttl;

  boost::asio::awaitable<Values, Executor> operator()(std::vector<Id> ids) { return run(this, std::move(ids)); }

  static boost::asio::awaitable<Values, Executor> run(FillingBatch* self, std::vector<Id> ids) {
    auto produced = co_await self->load_all(std::move(ids));
    Values values;
    values.reserve(produced.size());
    for (auto&& one : produced) values.push_back(timed_share<T>(std::move(one)));
    if (values.size() == self->leases.size()) {
      for (std::size_t i = 0; i < values.size(); ++i) self->leases.template filled<T>(i, values[i], self->ttl);
      self->leases.send();
    }
    co_return values;
  }
};

/// A reader who trusts only what is new enough, or what `fetched` says is current.
template <class T>
Asking asking_validated(boost::asio::cancellation_slot thread, std::uint64_t since, const Fetched& fetched) {
  auto asked = asking<T>(thread);
  asked.trusts_here = false;
  asked.since = since;
  asked.observed = fetched.token;
  return asked;
}

template <class T, class Loader>
WrapResult<T, Loader> wrap_validated(std::shared_ptr<SharedLevel> level, std::shared_ptr<ScopeState> scope, Key key,
                                     Loader loader, LoadRules rules) {
  using Executor = typename LoaderParts<Loader>::Executor;
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  const std::uint64_t since = scope->core->last_flight();
  const Address address(scope->name, key);
  std::vector<Address> one(1, address);
  auto work = level->fetch(std::move(one));
  auto fetched = co_await run_on<Executor>(level->provider().executor(), std::move(work));
  if (auto value = decoded<T>(*level, fetched.front(), address)) co_return value;
  auto asked = asking_validated<T>(thread.slot(), since, fetched.front());
  Leases leases(level);
  leases.hold(address, lease_of(fetched.front()));
  auto start = [&](const std::shared_ptr<Load>& load, LoadEnd end) {
    FillingLoader<T, Loader> filling{std::move(loader), std::move(leases), rules.ttl};
    start_load(load, std::move(end), load_one<T, Executor>(load, std::move(filling)), executor);
  };
  auto value = co_await join_or_load<T, Executor>(scope, std::move(key), std::move(asked), rules, std::move(start));
  co_return value;
}

template <class T, class Id, class KeyFor, class LoadAll>
BatchResult<T, LoadAll, Id> wrap_batch_validated(std::shared_ptr<SharedLevel> level, std::shared_ptr<ScopeState> scope,
                                                 std::vector<Id> ids, KeyFor key_for, LoadAll load_all,
                                                 LoadRules rules) {
  using Executor = typename LoaderParts<LoadAll, std::vector<Id>>::Executor;
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  const std::uint64_t since = scope->core->last_flight();
  std::vector<Loaded<T>> known(ids.size());
  if (ids.empty()) co_return all_or_first_error(std::move(known));
  std::vector<Address> addresses;
  for (const auto& id : ids) addresses.emplace_back(scope->name, key_for(id));
  auto work = level->fetch(addresses);
  auto fetched = co_await run_on<Executor>(level->provider().executor(), std::move(work));
  std::vector<Key> keys;
  std::vector<Asking> askings;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    known[i].value = decoded<T>(*level, fetched[i], addresses[i]);
    keys.push_back(addresses[i].key);
    askings.push_back(asking_validated<T>(thread.slot(), since, fetched[i]));
  }
  auto start = [&](const std::shared_ptr<Load>& load, LoadEnd end, const std::vector<std::size_t>& places) {
    Leases leases(level);
    for (const std::size_t place : places) leases.hold(addresses[place], lease_of(fetched[place]));
    FillingBatch<T, Id, LoadAll> filling{load_all, std::move(leases), rules.ttl};
    auto load_them = load_batch<T, Executor>(load, std::move(filling), at_places(ids, places));
    start_load(load, std::move(end), std::move(load_them), executor);
  };
  auto loaded = co_await gather<T, Executor>(scope, std::move(keys), std::move(askings), std::move(known), rules, true,
                                             std::move(start));
  co_return all_or_first_error(std::move(loaded));
}

/// A batch loader made of a loader for one id: calls it for all of them side by side.
template <class T, class Id, class Loader>
struct OneByOne {
  using Executor = typename LoaderParts<Loader, const Id&>::Executor;
  using Values = std::vector<TimedShare<T>>;

  Loader loader;

  boost::asio::awaitable<Values, Executor> operator()(std::vector<Id> ids) {
    return run(std::make_shared<Loader>(loader), std::move(ids));
  }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  struct State {
    State(const Executor& executor, std::size_t count)
        : values(count), errors(count), left(count), done(executor, std::chrono::steady_clock::time_point::max()) {}

    std::vector<std::optional<TimedShare<T>>> values;
    std::vector<std::exception_ptr> errors;
    std::size_t left;
    std::deque<boost::asio::cancellation_signal> cancels;
    Timer done;
  };

  static boost::asio::awaitable<void, Executor> load(std::shared_ptr<State> state, std::shared_ptr<Loader> loader,
                                                     Id id, std::size_t place) {
    try {
      auto produced = co_await (*loader)(id);
      state->values[place].emplace(timed_share<T>(std::move(produced)));
    } catch (...) {
      state->errors[place] = std::current_exception();
    }
  }

  static boost::asio::awaitable<Values, Executor> run(std::shared_ptr<Loader> loader, std::vector<Id> ids) {
    const Executor executor = co_await boost::asio::this_coro::executor;
    const auto state = std::make_shared<State>(executor, ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto& cancel = state->cancels.emplace_back();
      boost::asio::co_spawn(executor, load(state, loader, ids[i], i),
                            boost::asio::bind_cancellation_slot(cancel.slot(), [state](const std::exception_ptr&) {
                              if (--state->left == 0) state->done.cancel();
                            }));
    }
    const boost::asio::use_awaitable_t<Executor> token;
    while (state->left > 0) {
      boost::system::error_code woken;
      auto redirected = boost::asio::redirect_error(token, woken);
      co_await state->done.async_wait(redirected);
      if (state->left == 0) break;
      // This load is given up: so are its parts, and then it waits for them.
      co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
      for (auto& cancel : state->cancels) cancel.emit(boost::asio::cancellation_type::terminal);
    }
    Values values;
    values.reserve(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (state->errors[i]) std::rethrow_exception(state->errors[i]);
      values.push_back(std::move(*state->values[i]));
    }
    co_return values;
  }
};

/// An invalidation: the fence, this process, the provider, in this order.
template <class Executor>
boost::asio::awaitable<bool, Executor> drop(std::shared_ptr<SharedLevel> level, std::shared_ptr<ScopeState> scope,
                                            Drop what, Invalidated kind) {
  // The change is committed: from here on nobody may give up. The provider's deadline ends it.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  const std::uint64_t number = level->fence(what);
  if (const auto* key = std::get_if<Key>(&what.what)) {
    scope->core->invalidate(*scope, *key);
  } else {
    scope->core->invalidate_family(*scope, std::get<Family>(what.what));
  }
  std::vector<Drop> drops(1, std::move(what));
  auto work = level->apply(std::move(drops), number);
  const bool applied = co_await run_on<Executor>(level->provider().executor(), std::move(work));
  if (auto* const observer = level->options().observer) observer->invalidated(scope->name, kind, !applied);
  co_return applied;
}

}  // namespace watchbell::cache::detail
