#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/detail/wait.hpp>
#include <watchbell/cache/errors.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/timed.hpp>
#include <watchbell/cache/traits.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace watchbell::cache {

/// What became of one key of a bulk read: a value, or the error of its load.
template <class T>
struct Loaded {
  std::shared_ptr<const T> value;
  std::exception_ptr error;
};

namespace detail {

template <class Awaitable>
struct AwaitableParts;
template <class T, class Executor_>
struct AwaitableParts<boost::asio::awaitable<T, Executor_>> {
  using Value = T;
  using Executor = Executor_;
};

template <class Loader, class... Arguments>
using LoaderParts = AwaitableParts<std::invoke_result_t<Loader&, Arguments...>>;

template <class T, class Loader>
using WrapResult = boost::asio::awaitable<std::shared_ptr<const T>, typename LoaderParts<Loader>::Executor>;

template <class T, class Produced>
std::shared_ptr<const T> share(Produced&& produced) {
  if constexpr (std::same_as<std::remove_cvref_t<Produced>, std::shared_ptr<const T>>) {
    return std::forward<Produced>(produced);
  } else {
    static_assert(std::convertible_to<Produced, T>,
                  "a loader must give T or std::shared_ptr<const T>, as it is or Timed");
    return std::make_shared<const T>(std::forward<Produced>(produced));
  }
}

template <class T>
void finish(Flight& flight, std::shared_ptr<const T> value, Duration ttl_at_most) {
  const bool cacheable = value && is_cacheable(*value);
  const std::size_t bytes = cacheable ? size_in_bytes(*value) : 0;
  flight.load->core->finish(flight, std::move(value), bytes, cacheable, ttl_at_most);
}

/// Hands what a loader gave to the flight.
template <class T, class Produced>
void deliver(Flight& flight, Produced&& produced) {
  if constexpr (is_timed<std::remove_cvref_t<Produced>>) {
    const Duration ttl = produced.ttl;
    finish<T>(flight, share<T>(std::forward<Produced>(produced).value), ttl);
  } else {
    finish<T>(flight, share<T>(std::forward<Produced>(produced)), Duration::max());
  }
}

template <class T, class Produced>
void deliver_all(const Load& load, Produced&& produced) {
  if (produced.size() != load.flights.size())
    throw WrongLength("a batch loader gave " + std::to_string(produced.size()) + " values for " +
                      std::to_string(load.flights.size()) + " ids");
  auto flight = load.flights.begin();
  for (auto&& one : produced) deliver<T>(**flight++, std::move(one));
}

/// Ends a load, or the wait for one, at its deadline.
template <class Executor>
class Deadline {
 public:
  Deadline(const Executor& executor, const std::shared_ptr<Load>& load) : timer_(executor, load->deadline) {
    timer_.async_wait([watched = std::weak_ptr<Load>(load)](const boost::system::error_code& stopped) {
      if (stopped) return;
      if (const auto late = watched.lock()) late->core->time_out(*late);
    });
  }

 private:
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      timer_;
};

/// The load of one key, on a thread of coroutines of its own. Throws nothing: every outcome goes to the flight.
template <class T, class Executor, class Loader>
boost::asio::awaitable<void, Executor> load_one(std::shared_ptr<Load> load, Loader loader) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  std::exception_ptr error;
  try {
    const Deadline<Executor> deadline(executor, load);
    load->core->load_started(*load, thread.slot(), nullptr);
    auto produced = co_await loader();
    deliver<T>(*load->flights.front(), std::move(produced));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) load->core->fail(*load, std::move(error));
}

/// The load of the keys of a batch, in the order of `ids`.
template <class T, class Executor, class Loader, class Id>
boost::asio::awaitable<void, Executor> load_batch(std::shared_ptr<Load> load, Loader loader, std::vector<Id> ids) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  std::exception_ptr error;
  try {
    const Deadline<Executor> deadline(executor, load);
    load->core->load_started(*load, thread.slot(), nullptr);
    auto produced = co_await loader(std::move(ids));
    deliver_all<T>(*load, std::move(produced));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) load->core->fail(*load, std::move(error));
}

/// Not a coroutine: nothing here lives in a frame that an await expression could spoil.
template <class Executor>
void start_load(const std::shared_ptr<Load>& load, LoadEnd end, boost::asio::awaitable<void, Executor> work,
                const Executor& executor) {
  boost::asio::co_spawn(executor, std::move(work),
                        boost::asio::bind_cancellation_slot(
                            load->cancel.slot(), [end = std::move(end)](const std::exception_ptr& fault) {
                              if (fault) std::rethrow_exception(fault);
                            }));
}

/// The deadline of a flight, for who waits for it: a load of a plain thread has no timer of its own.
template <class Executor>
std::optional<Deadline<Executor>> deadline_of(const Flight& flight, const Executor& executor) {
  std::optional<Deadline<Executor>> deadline;
  if (!flight.load->executor) deadline.emplace(executor, flight.load);
  return deadline;
}
inline auto wait_for_flight(const std::shared_ptr<Flight>& flight) {
  return wait_for(flight->load->core, flight, flight->done);
}

template <class T>
std::shared_ptr<const T> value_of(const Flight& flight) {
  return std::static_pointer_cast<const T>(flight.value);
}

template <class T>
Asking asking(boost::asio::cancellation_slot thread) {
  Asking asking(typeid(T));
  asking.thread = thread;
  return asking;
}

/// Waits for the load of the key that will do, or begins one.
///
/// @param start  called at most once as `start(load, end)` to begin the load, with a load that has the key's flight
template <class T, class Executor, class Start>
boost::asio::awaitable<std::shared_ptr<const T>, Executor> join_or_load(std::shared_ptr<ScopeState> scope, Key key,
                                                                        Asking asking, LoadRules rules, Start start) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  while (true) {
    std::shared_ptr<Flight> flight;
    bool too_old = false;
    {
      const auto load = scope->core->make_load(*scope, rules, executor);
      LoadEnd end(load);
      auto begun = scope->core->begin(*scope, key, asking, load);
      if (begun.must_load) start(load, std::move(end));
      if (begun.hit) co_return std::static_pointer_cast<const T>(std::move(begun.hit));
      flight = std::move(begun.flight);
      too_old = begun.too_old;
      if (too_old) asking.since = begun.since;
    }
    if (!scope->core->happened(flight->done)) {
      const auto deadline = deadline_of(*flight, executor);
      auto ended = wait_for_flight(flight);
      co_await std::move(ended);
    }
    if (too_old) continue;
    if (flight->error) std::rethrow_exception(flight->error);
    co_return value_of<T>(*flight);
  }
}

template <class T, class Loader>
WrapResult<T, Loader> wrap(std::shared_ptr<ScopeState> scope, Key key, Loader loader, LoadRules rules) {
  using Executor = typename LoaderParts<Loader>::Executor;
  if (const auto hit = scope->core->find_or_begin(*scope, key, typeid(T), rules.refresh_ahead); hit.holds())
    co_return std::static_pointer_cast<const T>(hit.share());
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  auto start = [&](const std::shared_ptr<Load>& load, LoadEnd end) {
    start_load(load, std::move(end), load_one<T, Executor>(load, std::move(loader)), executor);
  };
  auto asked = asking<T>(thread.slot());
  auto value = co_await join_or_load<T, Executor>(scope, std::move(key), std::move(asked), rules, std::move(start));
  co_return value;
}

/// The bulk reads: each key is answered by its entry, by a load of it that will do, or by one that `start` begins.
///
/// @param keys      in the order of the result
/// @param askings   one for each key
/// @param loaded    what is known already
/// @param together  all keys that must be loaded are parts of one load; else each has its own
/// @param start     called as `start(load, end, indexes)` to begin a load of the keys at those places
template <class T, class Executor, class Start>
boost::asio::awaitable<std::vector<Loaded<T>>, Executor> gather(std::shared_ptr<ScopeState> scope,
                                                                std::vector<Key> keys, std::vector<Asking> askings,
                                                                std::vector<Loaded<T>> loaded, LoadRules rules,
                                                                bool together, Start start) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!loaded[i].value) open.push_back(i);
  while (!open.empty()) {
    std::vector<std::shared_ptr<Flight>> flights(open.size());
    std::vector<bool> too_old(open.size());
    {
      std::shared_ptr<Load> load;
      std::optional<LoadEnd> end;
      std::vector<std::size_t> mine;
      const auto begin_load = [&] {
        if (!mine.empty()) start(load, std::move(*end), std::exchange(mine, {}));
        end.reset();
        load.reset();
      };
      try {
        for (std::size_t nth = 0; nth < open.size(); ++nth) {
          const std::size_t i = open[nth];
          if (!load) {
            load = scope->core->make_load(*scope, rules, executor);
            end.emplace(load);
          }
          auto begun = scope->core->begin(*scope, keys[i], askings[i], load);
          if (begun.must_load) mine.push_back(i);
          loaded[i].value = std::static_pointer_cast<const T>(std::move(begun.hit));
          if (!loaded[i].value) flights[nth] = std::move(begun.flight);
          too_old[nth] = begun.too_old;
          if (begun.too_old) askings[i].since = begun.since;
          if (!together) begin_load();
        }
        begin_load();
      } catch (...) {
        // Others may have joined what this call has begun.
        if (load) load->core->fail(*load, std::current_exception());
        throw;
      }
    }
    std::vector<std::size_t> again;
    for (std::size_t nth = 0; nth < open.size(); ++nth) {
      const auto flight = std::move(flights[nth]);
      if (!flight) continue;
      if (!scope->core->happened(flight->done)) {
        const auto deadline = deadline_of(*flight, executor);
        auto ended = wait_for_flight(flight);
        co_await std::move(ended);
      }
      if (too_old[nth]) {
        again.push_back(open[nth]);
        continue;
      }
      loaded[open[nth]].error = flight->error;
      loaded[open[nth]].value = value_of<T>(*flight);
    }
    open = std::move(again);
  }
  co_return loaded;
}

/// What a bulk read that trusts this process finds at once.
template <class T, class Id, class KeyFor>
struct FoundHere {
  FoundHere(const ScopeState& scope, const std::vector<Id>& ids, KeyFor& key_for, boost::asio::cancellation_slot thread,
            Duration refresh_ahead)
      : loaded(ids.size()), askings(ids.size(), asking<T>(thread)) {
    keys.reserve(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      keys.push_back(key_for(ids[i]));
      const auto hit = scope.core->find_or_begin(scope, keys.back(), typeid(T), refresh_ahead);
      if (hit.holds()) loaded[i].value = std::static_pointer_cast<const T>(hit.share());
    }
  }

  std::vector<Key> keys;
  std::vector<Loaded<T>> loaded;
  std::vector<Asking> askings;
};

template <class Id>
std::vector<Id> at_places(const std::vector<Id>& ids, const std::vector<std::size_t>& places) {
  std::vector<Id> some;
  some.reserve(places.size());
  for (const std::size_t place : places) some.push_back(ids[place]);
  return some;
}

template <class T>
std::vector<std::shared_ptr<const T>> all_or_first_error(std::vector<Loaded<T>> loaded) {
  std::vector<std::shared_ptr<const T>> values;
  values.reserve(loaded.size());
  for (auto& one : loaded) {
    if (one.error) std::rethrow_exception(one.error);
    values.push_back(std::move(one.value));
  }
  return values;
}

template <class T, class Id, class KeyFor, class Loader>
auto wrap_each(std::shared_ptr<ScopeState> scope, std::vector<Id> ids, KeyFor key_for, Loader loader, LoadRules rules)
    -> boost::asio::awaitable<std::vector<Loaded<T>>, typename LoaderParts<Loader, const Id&>::Executor> {
  using Executor = typename LoaderParts<Loader, const Id&>::Executor;
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  FoundHere<T, Id, KeyFor> found(*scope, ids, key_for, thread.slot(), rules.refresh_ahead);
  auto start = [&](const std::shared_ptr<Load>& load, LoadEnd end, const std::vector<std::size_t>& places) {
    auto one = [loader, id = ids[places.front()]]() mutable { return loader(id); };
    start_load(load, std::move(end), load_one<T, Executor>(load, std::move(one)), executor);
  };
  auto loaded = co_await gather<T, Executor>(scope, std::move(found.keys), std::move(found.askings),
                                             std::move(found.loaded), rules, false, std::move(start));
  co_return loaded;
}

template <class T, class Id, class KeyFor, class Loader>
auto wrap_many(std::shared_ptr<ScopeState> scope, std::vector<Id> ids, KeyFor key_for, Loader loader, LoadRules rules)
    -> boost::asio::awaitable<std::vector<std::shared_ptr<const T>>,
                              typename LoaderParts<Loader, const Id&>::Executor> {
  auto loaded = co_await wrap_each<T>(std::move(scope), std::move(ids), std::move(key_for), std::move(loader), rules);
  co_return all_or_first_error(std::move(loaded));
}

template <class T, class Id, class KeyFor, class LoadAll>
auto wrap_batch(std::shared_ptr<ScopeState> scope, std::vector<Id> ids, KeyFor key_for, LoadAll load_all,
                LoadRules rules)
    -> boost::asio::awaitable<std::vector<std::shared_ptr<const T>>,
                              typename LoaderParts<LoadAll, std::vector<Id>>::Executor> {
  using Executor = typename LoaderParts<LoadAll, std::vector<Id>>::Executor;
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  FoundHere<T, Id, KeyFor> found(*scope, ids, key_for, thread.slot(), rules.refresh_ahead);
  auto start = [&](const std::shared_ptr<Load>& load, LoadEnd end, const std::vector<std::size_t>& places) {
    start_load(load, std::move(end), load_batch<T, Executor>(load, load_all, at_places(ids, places)), executor);
  };
  auto loaded = co_await gather<T, Executor>(scope, std::move(found.keys), std::move(found.askings),
                                             std::move(found.loaded), rules, true, std::move(start));
  co_return all_or_first_error(std::move(loaded));
}

}  // namespace detail
}  // namespace watchbell::cache
