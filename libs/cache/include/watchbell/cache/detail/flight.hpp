#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/observer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>
#include <vector>

namespace watchbell::cache::detail {

class Core;
class Flight;
struct Node;

/// A suspended reader, or somebody who waits for the cache to close. Owns itself while it stands in a list.
class Waiter : public boost::intrusive::list_base_hook<>, public std::enable_shared_from_this<Waiter> {
 public:
  /// @param executor  none: `resume` is called where the event happens, and must be quick
  explicit Waiter(boost::asio::any_io_executor executor) : executor(std::move(executor)) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter() = default;

  /// Continues the reader. Runs on `executor`, at most once.
  virtual void resume(boost::system::error_code error) = 0;

  const boost::asio::any_io_executor executor;
  std::shared_ptr<Waiter> self;
};

/// An owning list of waiters. Those it still holds at its end are destroyed without being resumed.
class WaitList {
 public:
  WaitList() = default;
  WaitList(WaitList&& other) noexcept : waiters_(std::move(other.waiters_)) {}
  /// REQUIRES: this list is empty.
  WaitList& operator=(WaitList&& other) noexcept {
    waiters_.swap(other.waiters_);
    return *this;
  }
  ~WaitList();

  bool empty() const noexcept { return waiters_.empty(); }
  void push(std::shared_ptr<Waiter> waiter) noexcept;
  /// Null when the list is empty.
  std::shared_ptr<Waiter> pop() noexcept;
  std::shared_ptr<Waiter> remove(Waiter& waiter) noexcept;
  const Waiter& front() const noexcept { return waiters_.front(); }
  /// Takes out all that run on `executor`.
  WaitList take(const boost::asio::any_io_executor& executor);

 private:
  boost::intrusive::list<Waiter> waiters_;
};

/// Something that waiters wait for. Every member is guarded by the core's mutex.
class Event {
 public:
  bool happened = false;
  WaitList waiters;
};

/// How values are loaded and kept.
struct LoadRules {
  Duration ttl{};
  Duration deadline{};
  Duration refresh_ahead{};  // zero: a value is loaded anew only once it is gone
  bool keep = true;          // false: handed to those who wait, stored nowhere
};

/// A loader that runs, for one key or for the keys of a batch. Members are guarded by the core's mutex, apart from
/// those said to be otherwise.
class Load : public std::enable_shared_from_this<Load>, public boost::intrusive::list_base_hook<> {
 public:
  /// @param executor  none: the loader runs on the calling thread, which cannot be cancelled
  Load(std::shared_ptr<Core> owner, Node& scope, LoadRules rules, boost::asio::any_io_executor executor);

  const std::shared_ptr<Core> core;
  const LoadRules rules;
  const boost::asio::any_io_executor executor;
  const std::chrono::steady_clock::time_point deadline;
  const std::chrono::steady_clock::time_point began;
  Node* const scope;  // held

  std::vector<std::shared_ptr<Flight>> flights;  // until it has ended
  bool listed = false;                           // begun; stands in the core's list of running loads
  bool ended = false;                            // the loader is gone
  LoadEnding ending = LoadEnding::loaded;
  // Compared, never used: tells who runs the loader, to find a loader that waits for itself. A thread of coroutines is
  // known by its cancellation slot, a plain thread by its id.
  boost::asio::cancellation_slot thread;
  const void* plain_thread = nullptr;

  // Used on `executor` only.
  boost::asio::cancellation_signal cancel;
};

/// One key being loaded in one generation. Shared by the load, its waiters and, while it is current, the flight table.
/// Members are guarded by the core's mutex, apart from those said to be otherwise.
class Flight : public std::enable_shared_from_this<Flight> {
 public:
  Flight(std::shared_ptr<Load> load, Node& family, Key key, std::uint64_t hash, const std::type_info& type,
         std::uint64_t stamp, std::uint64_t number, std::string observed);

  const std::shared_ptr<Load> load;  // and it holds this until it has ended
  const Key key;
  const std::uint64_t hash;  // of scope and key
  const std::type_info& type;
  const std::uint64_t stamp;   // the generation counter when it began
  const std::uint64_t number;  // in the order in which flights began
  const std::string observed;  // what the shared provider said of the key before it began; empty: nothing
  Node* const scope;
  Node* const family;  // deepest family of the key; released when the load has ended

  bool doomed = false;            // its key was invalidated
  std::shared_ptr<Flight> older;  // of the key, begun before an invalidation and perhaps not ended yet

  Event done;
  // Written once, before `done`; read without a lock after it.
  std::shared_ptr<const void> value;
  std::exception_ptr error;
};

/// Held by whoever runs a load; says that it is over, in whatever way its frame went.
class LoadEnd {
 public:
  explicit LoadEnd(std::shared_ptr<Load> load) noexcept : load_(std::move(load)) {}
  LoadEnd(LoadEnd&&) noexcept = default;
  LoadEnd& operator=(LoadEnd&&) = delete;
  ~LoadEnd();

 private:
  std::shared_ptr<Load> load_;
};

}  // namespace watchbell::cache::detail
