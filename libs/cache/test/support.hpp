#pragma once

#include <watchbell/cache/scope.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace watchbell::cache::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

using Executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, Executor>;
template <class T>
using Shared = std::shared_ptr<const T>;

/// Moves only when told to. Thread-safe.
class ManualClock {
 public:
  Clock hook() {
    return [this] { return TimePoint(Duration(now_.load())); };
  }
  void advance(Duration by) { now_ += by.count(); }

 private:
  std::atomic<Duration::rep> now_ = Duration(1h).count();
};

/// A door that coroutines wait at until the test opens it. For one loop.
class Gate {
 public:
  explicit Gate(asio::io_context& loop) : timer_(loop.get_executor(), std::chrono::steady_clock::time_point::max()) {}

  void open() {
    open_ = true;
    timer_.cancel();
  }

  /// Throws operation_aborted when the coroutine is cancelled before the gate is open.
  awaitable<void> pass() {
    if (open_) co_return;
    boost::system::error_code error;
    asio::use_awaitable_t<Executor> token;
    auto redirected = asio::redirect_error(token, error);
    co_await timer_.async_wait(redirected);
    if (!open_) throw boost::system::system_error(asio::error::operation_aborted);
  }

 private:
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer_;
  bool open_ = false;
};

/// What became of a coroutine that a test has spawned.
template <class T>
struct Outcome {
  bool ended = false;
  T value{};
  std::exception_ptr error;
  asio::cancellation_signal cancel;

  bool failed() const { return ended && error != nullptr; }
  /// Whether it ended with an exception of this type.
  template <class E>
  bool threw() const {
    if (!error) return false;
    try {
      std::rethrow_exception(error);
    } catch (const E&) {
      return true;
    } catch (...) {
      return false;
    }
  }
  bool aborted() const {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const boost::system::system_error& fault) {
      return fault.code() == asio::error::operation_aborted;
    } catch (...) {
    }
    return false;
  }
};

template <class T>
std::shared_ptr<Outcome<T>> spawn(asio::io_context& loop, awaitable<T> work) {
  auto outcome = std::make_shared<Outcome<T>>();
  asio::co_spawn(loop, std::move(work),
                 asio::bind_cancellation_slot(outcome->cancel.slot(), [outcome](std::exception_ptr error, T value) {
                   outcome->ended = true;
                   outcome->error = std::move(error);
                   outcome->value = std::move(value);
                 }));
  return outcome;
}

inline std::shared_ptr<Outcome<bool>> spawn(asio::io_context& loop, awaitable<void> work) {
  auto outcome = std::make_shared<Outcome<bool>>();
  asio::co_spawn(loop, std::move(work),
                 asio::bind_cancellation_slot(outcome->cancel.slot(), [outcome](std::exception_ptr error) {
                   outcome->ended = true;
                   outcome->error = std::move(error);
                   outcome->value = true;
                 }));
  return outcome;
}

/// Runs everything that can run without time passing or a gate opening.
inline void drain(asio::io_context& loop) {
  loop.restart();
  loop.poll();
}

/// A database row that changes: loads take a snapshot when they start and can be held at a gate before they end.
class Source {
 public:
  explicit Source(asio::io_context& loop) : loop_(loop) {}

  std::string value = "one";
  int loads = 0;       // started
  int running = 0;
  int most_running = 0;

  /// Loads started from now on wait at a gate of their own; returns the one the next load will wait at.
  std::shared_ptr<Gate> hold() {
    held_ = std::make_shared<Gate>(loop_);
    return held_;
  }
  void hold_no_more() { held_ = nullptr; }

  awaitable<std::string> load() { return load_held(held_); }

  auto loader() {
    return [this] { return load(); };
  }

 private:
  awaitable<std::string> load_held(std::shared_ptr<Gate> gate) {
    struct Count {
      explicit Count(Source& s) : source(s) {
        ++source.loads;
        source.most_running = std::max(source.most_running, ++source.running);
      }
      ~Count() { --source.running; }
      Source& source;
    } const count(*this);
    const std::string snapshot = value;
    if (gate) co_await gate->pass();
    co_return snapshot;
  }

  asio::io_context& loop_;
  std::shared_ptr<Gate> held_;
};

/// A cache on one loop that the test turns by hand.
class World {
 public:
  explicit World(CacheOptions options = {}) : engine(with_clock(std::move(options))), scope(engine, "scope", 15s) {}
  ~World() {
    spawn(loop, engine.close<Executor>());
    drain(loop);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::shared_ptr<Outcome<Shared<std::string>>> read(const Key& key) {
    auto outcome = spawn(loop, scope.wrap<std::string>(key, source.loader()));
    drain(loop);
    return outcome;
  }

  /// Reads without any hold-up and gives the text.
  std::string text(const Key& key) {
    const auto outcome = read(key);
    return outcome->ended && outcome->value ? *outcome->value : "(nothing)";
  }

  /// Stores a value as a loader would.
  template <class T>
  void put(CachedScope into, const Key& key, T value, Duration ttl = 15s) {
    auto loader = [value = std::move(value)] { return give(value); };
    spawn(loop, into.wrap<T>(key, std::move(loader), ttl));
    drain(loop);
  }

  template <class T>
  static awaitable<T> give(T value) {
    co_return value;
  }

  asio::io_context loop;
  ManualClock clock;
  Cache engine;
  CachedScope scope;
  Source source{loop};

 private:
  CacheOptions with_clock(CacheOptions options) {
    options.clock = clock.hook();
    return options;
  }
};

}  // namespace watchbell::cache::test
