#pragma once

#include <watchbell/cache/detail/load.hpp>
#include <watchbell/cache/detail/sync.hpp>
#include <watchbell/cache/errors.hpp>
#include <watchbell/cache/scope.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <numeric>
#include <typeinfo>
#include <utility>
#include <vector>

namespace watchbell::cache {

namespace detail {

/// A thread that waits.
class ThreadWaiter final : public Waiter {
 public:
  ThreadWaiter() : Waiter({}) {}

  void resume(boost::system::error_code /*error*/) override { signal_.set(); }
  void wait() { signal_.wait(); }
  template <class TimePoint>
  bool wait_until(TimePoint time) {
    return signal_.wait_until(time);
  }

 private:
  Signal signal_;
};

/// Blocks until the flight has its outcome, which it gets at its deadline at the latest.
inline void wait_on_thread(const std::shared_ptr<Flight>& flight) {
  const auto& load = flight->load;
  const auto waiter = std::make_shared<ThreadWaiter>();
  if (!load->core->wait(flight->done, waiter)) return;
  if (waiter->wait_until(load->deadline)) return;
  load->core->time_out_elsewhere(*load);
  waiter->wait();
}

}  // namespace detail

/// A scope for plain threads: loaders are ordinary functions, and whoever waits for a load blocks. The same entries and
/// the same running loads as those of a CachedScope of this name, whose readers may join these loads and be joined.
///
/// A cheap handle: copy it freely. **Thread-safe**. Never use it on a thread that runs coroutines: it would stop them.
class BlockingScope {
 public:
  BlockingScope(Cache& cache, std::string_view name, ScopeOptions options = {}) : scope_(cache, name, options) {}
  explicit BlockingScope(CachedScope scope) : scope_(std::move(scope)) {}

  /// As `CachedScope::find`.
  template <class T>
  Lent<T> find(const Key& key) const {
    return scope_.find<T>(key);
  }

  /// As `CachedScope::wrap`, with `loader()` returning R itself. The first of the readers who miss runs it, on his own
  /// thread; the others block until it has ended. A load cannot be interrupted: at its deadline those who wait get
  /// LoadTimedOut and the slot is free; the thread that loads gets it too, when its loader has returned.
  ///
  /// With `refresh_ahead` the one who refreshes does so before he is answered, and the others get the present value; as he
  /// does if his loader fails.
  template <class T, class Loader>
  std::shared_ptr<const T> wrap(const Key& key, Loader&& loader, Duration ttl) const {
    auto& core = *scope_.state_->core;
    if (const auto hit = core.find_or_begin(*scope_.state_, key, typeid(T), scope_.options_.refresh_ahead); hit.holds())
      return std::static_pointer_cast<const T>(hit.share());
    for (auto asked = asking<T>();;) {
      const auto load = core.make_load(*scope_.state_, scope_.rules(ttl), {});
      const detail::LoadEnd end(load);
      auto begun = core.begin(*scope_.state_, key, asked, load);
      const auto present = std::static_pointer_cast<const T>(std::move(begun.hit));
      if (begun.must_load) return run<T>(load, loader, present);
      if (present) return present;
      if (!begun.too_old) return result<T>(begun.flight);
      detail::wait_on_thread(begun.flight);
      asked.since = begun.since;
    }
  }
  template <class T, class Loader>
  std::shared_ptr<const T> wrap(const Key& key, Loader&& loader) const {
    return wrap<T>(key, loader, scope_.options_.default_ttl);
  }

  /// As `CachedScope::wrap_many_batched`, with `load_all(std::vector<Id>)` returning the vector itself.
  template <class T, class Id, class KeyFor, class LoadAll>
  std::vector<std::shared_ptr<const T>> wrap_many_batched(const std::vector<Id>& ids, KeyFor&& key_for,
                                                          LoadAll&& load_all, Duration ttl) const {
    auto& core = *scope_.state_->core;
    std::vector<std::shared_ptr<const T>> values(ids.size());
    std::vector<detail::Asking> askings(ids.size(), asking<T>());
    std::vector<std::size_t> open(ids.size());
    std::iota(open.begin(), open.end(), std::size_t{0});
    while (!open.empty()) {
      std::vector<std::pair<std::size_t, std::shared_ptr<detail::Flight>>> flights;
      std::vector<std::size_t> again;
      std::vector<Id> missing;
      const auto load = core.make_load(*scope_.state_, scope_.rules(ttl), {});
      const detail::LoadEnd end(load);
      try {
        for (const std::size_t i : open) {
          auto begun = core.begin(*scope_.state_, key_for(ids[i]), askings[i], load);
          values[i] = std::static_pointer_cast<const T>(std::move(begun.hit));
          if (!values[i]) flights.emplace_back(i, std::move(begun.flight));
          if (begun.must_load) missing.push_back(ids[i]);
          if (!begun.too_old) continue;
          askings[i].since = begun.since;
          again.push_back(i);
        }
        if (!missing.empty()) {
          core.load_started(*load, {}, detail::this_plain_thread());
          detail::deliver_all<T>(*load, load_all(std::move(missing)));
        }
      } catch (...) {
        core.fail(*load, std::current_exception());
        throw;
      }
      for (const auto& [i, flight] : flights) {
        detail::wait_on_thread(flight);
        if (std::find(again.begin(), again.end(), i) == again.end()) values[i] = result<T>(flight);
      }
      open = std::move(again);
    }
    return values;
  }
  template <class T, class Id, class KeyFor, class LoadAll>
  std::vector<std::shared_ptr<const T>> wrap_many_batched(const std::vector<Id>& ids, KeyFor&& key_for,
                                                          LoadAll&& load_all) const {
    return wrap_many_batched<T>(ids, key_for, load_all, scope_.options_.default_ttl);
  }

  void invalidate(const Key& key) const { scope_.invalidate(key); }
  void invalidate_prefix(const Family& family) const { scope_.invalidate_prefix(family); }
  void invalidate_all() const { scope_.invalidate_all(); }

  const CachedScope& scope() const noexcept { return scope_; }

 private:
  template <class T>
  static detail::Asking asking() {
    detail::Asking asking(typeid(T));
    asking.plain_thread = detail::this_plain_thread();
    return asking;
  }

  template <class T, class Loader>
  static std::shared_ptr<const T> run(const std::shared_ptr<detail::Load>& load, Loader&& loader,
                                      const std::shared_ptr<const T>& present) {
    const auto flight = load->flights.front();
    try {
      load->core->load_started(*load, {}, detail::this_plain_thread());
      detail::deliver<T>(*flight, loader());
    } catch (...) {
      load->core->fail(*load, std::current_exception());
      if (present) return present;
      throw;
    }
    return result<T>(flight);
  }

  template <class T>
  static std::shared_ptr<const T> result(const std::shared_ptr<detail::Flight>& flight) {
    detail::wait_on_thread(flight);
    if (flight->error) std::rethrow_exception(flight->error);
    return detail::value_of<T>(*flight);
  }

  CachedScope scope_;
};

}  // namespace watchbell::cache
