#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/key.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <typeinfo>

namespace watchbell::cache::detail {

class Core;
struct Node;

/// A suspended reader, or somebody who waits for the cache to close. Owns itself while it stands in a list.
class Waiter : public boost::intrusive::list_base_hook<>, public std::enable_shared_from_this<Waiter> {
 public:
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

/// What one load is to do with its value.
struct LoadRules {
  Duration ttl{};
  Duration deadline{};
};

/// One running load of one key in one generation. Shared by the load, its waiters and, while it is current, the
/// flight table. Members are guarded by the core's mutex, apart from those said to be otherwise.
class Flight : public std::enable_shared_from_this<Flight>, public boost::intrusive::list_base_hook<> {
 public:
  Flight(std::shared_ptr<Core> owner, Node& scope, Node& family, Key key, const std::type_info& type,
         boost::asio::any_io_executor executor, LoadRules rules, std::uint64_t stamp)
      : core(std::move(owner)), key(std::move(key)), type(type), executor(std::move(executor)), rules(rules),
        stamp(stamp), scope(&scope), family(&family) {}

  const std::shared_ptr<Core> core;
  const Key key;
  const std::type_info& type;
  const boost::asio::any_io_executor executor;  // the load runs here
  const LoadRules rules;
  const std::uint64_t stamp;  // the generation counter when the load began
  Node* const scope;
  Node* const family;  // deepest family of the key; released when the load has ended

  bool doomed = false;  // its key was invalidated
  bool ended = false;   // its coroutine is gone
  boost::asio::cancellation_slot thread;  // compared, never used: tells which thread of coroutines runs the loader

  Event done;
  // Written once, before `done`; read without a lock after it.
  std::shared_ptr<const void> value;
  std::exception_ptr error;

  // Used on `executor` only.
  boost::asio::cancellation_signal cancel;
};

/// Held by the coroutine that loads; says that the load is over, in whatever way its frame went.
class LoadEnd {
 public:
  explicit LoadEnd(std::shared_ptr<Flight> flight) noexcept : flight_(std::move(flight)) {}
  LoadEnd(LoadEnd&&) noexcept = default;
  LoadEnd& operator=(LoadEnd&&) = delete;
  ~LoadEnd();

 private:
  std::shared_ptr<Flight> flight_;
};

}  // namespace watchbell::cache::detail
