#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/detail/wait.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/traits.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace watchbell::cache::detail {

template <class Awaitable>
struct AwaitableParts;
template <class T, class Executor_>
struct AwaitableParts<boost::asio::awaitable<T, Executor_>> {
  using Value = T;
  using Executor = Executor_;
};

template <class Loader>
using LoaderParts = AwaitableParts<std::invoke_result_t<Loader&>>;

template <class T, class Loader>
using WrapResult = boost::asio::awaitable<std::shared_ptr<const T>, typename LoaderParts<Loader>::Executor>;

template <class T, class Produced>
std::shared_ptr<const T> share(Produced&& produced) {
  if constexpr (std::same_as<std::remove_cvref_t<Produced>, std::shared_ptr<const T>>) {
    return std::forward<Produced>(produced);
  } else {
    static_assert(std::convertible_to<Produced, T>,
                  "the loader must return awaitable<T> or awaitable<std::shared_ptr<const T>>");
    return std::make_shared<const T>(std::forward<Produced>(produced));
  }
}

template <class T>
void finish(Flight& flight, std::shared_ptr<const T> value) {
  const bool cacheable = value && is_cacheable(*value);
  const std::size_t bytes = cacheable ? size_in_bytes(*value) : 0;
  flight.core->finish(flight, std::move(value), bytes, cacheable);
}

/// The load itself, on a thread of coroutines of its own. Throws nothing: every outcome goes to the flight.
template <class T, class Executor, class Loader>
boost::asio::awaitable<void, Executor> load(std::shared_ptr<Flight> flight, Loader loader) {
  using Timer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                        Executor>;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  std::exception_ptr error;
  try {
    Timer deadline(executor, std::min<Duration>(flight->rules.deadline, std::chrono::hours(24)));
    deadline.async_wait([watched = std::weak_ptr<Flight>(flight)](const boost::system::error_code& stopped) {
      if (stopped) return;
      if (const auto late = watched.lock()) late->core->time_out(*late);
    });
    flight->core->load_started(*flight, thread.slot());
    auto produced = co_await loader();
    finish<T>(*flight, share<T>(std::move(produced)));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) flight->core->fail(*flight, std::move(error));
}

/// Not a coroutine: nothing here lives in a frame that an await expression could spoil.
template <class T, class Executor, class Loader>
void start_load(const std::shared_ptr<Flight>& flight, LoadEnd end, Loader loader, const Executor& executor) {
  boost::asio::co_spawn(executor, load<T, Executor>(flight, std::move(loader)),
                        boost::asio::bind_cancellation_slot(
                            flight->cancel.slot(), [end = std::move(end)](const std::exception_ptr& fault) {
                              if (fault) std::rethrow_exception(fault);
                            }));
}

template <class T, class Loader>
WrapResult<T, Loader> wrap(std::shared_ptr<ScopeState> scope, Key key, Loader loader, LoadRules rules) {
  using Executor = typename LoaderParts<Loader>::Executor;
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto thread = co_await boost::asio::this_coro::cancellation_state;
  auto begun = scope->core->begin(*scope, key, typeid(T), executor, thread.slot(), rules);
  if (begun.hit) co_return std::static_pointer_cast<const T>(std::move(begun.hit));
  const auto flight = std::move(begun.flight);
  if (begun.must_load) {
    LoadEnd end(flight);
    start_load<T>(flight, std::move(end), std::move(loader), executor);
  }
  co_await wait_for<Executor>(scope->core, flight, &flight->done);
  if (flight->error) std::rethrow_exception(flight->error);
  co_return std::static_pointer_cast<const T>(flight->value);
}

}  // namespace watchbell::cache::detail
