#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "async/timer_wheel.hpp"
#include "platform/resolver/address.hpp"

namespace watchbell::net {

/// Looks host names up without ever holding the loop: a few threads of its own call the system's resolver, and each caller gets its
/// answer by its own deadline, although the thread may hang on. Look-ups of one name share a running one; a name that hangs holds at most half
/// of the threads. Answers are kept for a few seconds. Judges nothing: see Egress. Loop-only.
class Resolver {
 public:
  /// What a thread calls with a normalised name (lower case, no dot at the end). Thread-safe.
  using LookUp = std::function<Result<std::vector<Address>>(const std::string& name)>;

  struct Options {
    std::size_t threads = 8;                   ///< started when needed
    std::size_t max_queued = 256;              ///< look-ups waiting for a thread
    std::chrono::milliseconds keep{5000};      ///< how long an answer is kept; 0 keeps none
    std::size_t max_kept = 1024;               ///< names
    std::chrono::milliseconds join_for{2000};  ///< a look-up running longer is not joined but begun a second time, on another thread
  };
  static constexpr std::size_t kMaxAddresses = 64;  ///< of a name; those behind are dropped, so nobody connects to them

  Resolver(Executor executor, async::TimerWheel& wheel, Options options);
  /// With another way to look up, for tests.
  Resolver(Executor executor, async::TimerWheel& wheel, Options options, LookUp look_up);
  /// REQUIRES that nobody awaits resolve().
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// The addresses of a name, in the system's order, at least one. A literal address (without brackets) is its own answer.
  ///
  /// not_found when there is no such name or it has no address; timeout at the deadline (to the wheel's tick); unavailable when name
  /// service fails, too many look-ups wait, or after close(); bad_request when the text cannot be a name. Cancellation throws operation_aborted.
  awaitable<Result<std::vector<Address>>> resolve(std::string host, std::chrono::milliseconds deadline);

  /// What resolve() would answer without waiting, if it would: a literal or a kept answer.
  std::optional<std::vector<Address>> known(std::string_view host) const;

  /// Fails all waiting callers with unavailable and lets the threads go. Does not wait for a hanging look-up: its thread owns what it touches and
  /// ends with the look-up.
  void close();

  /// Threads that run a look-up now, hanging ones included.
  std::size_t busy_threads() const;

 private:
  struct Shared;
  struct Waiter;
  struct Name;
  struct Kept {
    std::vector<Address> addresses;
    Monotonic until;
  };

  static void work(std::shared_ptr<Shared> shared);
  bool begin(const std::string& name, Name& state);
  bool enqueue(const std::string& name);
  bool is_queued(const std::string& name) const;
  void leave(const std::string& name, Waiter& waiter);
  void collect();
  void finish(const std::string& name, Result<std::vector<Address>> result);
  void keep(const std::string& name, const std::vector<Address>& addresses);

  Executor executor_;
  async::TimerWheel& wheel_;
  Options options_;
  std::shared_ptr<Shared> shared_;
  std::unordered_map<std::string, std::unique_ptr<Name>> names_;  // with a look-up queued or running
  std::unordered_map<std::string, Kept> kept_;
  bool closed_ = false;
};

/// The system's look-up (getaddrinfo): blocks. Thread-safe.
Result<std::vector<Address>> system_look_up(const std::string& name);

}  // namespace watchbell::net
