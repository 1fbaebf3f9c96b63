#pragma once

#include <watchbell/cache/detail/flight.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>

namespace watchbell::cache {

struct CacheOptions;
struct Statistics;

namespace detail {

/// A scope: the root of its families, shared by all scope objects of one name. Immutable.
struct ScopeState {
  ScopeState(std::shared_ptr<Core> core, std::string_view name);
  ScopeState(const ScopeState&) = delete;
  ScopeState& operator=(const ScopeState&) = delete;
  ~ScopeState();

  const std::shared_ptr<Core> core;
  const std::string name;
  Node* const root;
};

/// What `Core::begin` found for a reader: a value, or a flight to wait for, which the reader may have to start.
struct Begun {
  std::shared_ptr<const void> hit;
  std::shared_ptr<Flight> flight;
  bool must_load = false;
};

/// Store, families and flights; everything that needs no coroutine. Thread-safe.
///
/// Generations: one counter for the whole cache, which only grows. Invalidating a family gives its node the counter's
/// next value; a load notes the counter before its loader starts, its entry keeps that stamp, and both are good as
/// long as no node from the deepest family up to the root has a generation above the stamp. So noting and judging all
/// families of a key is one number and one walk, and whether an entry may be served is decided when it is read: an
/// invalidation needs to find neither entries nor loads. A node that is freed and made again starts at zero, which
/// is right, since whatever could be stale held the node and kept it from being freed.
class Core : public std::enable_shared_from_this<Core> {
 public:
  static std::shared_ptr<Core> make(CacheOptions options);
  virtual ~Core() = default;

  virtual Node& acquire_scope(std::string_view name) = 0;
  virtual void release_scope(Node& root) = 0;

  virtual std::shared_ptr<const void> find(const ScopeState& scope, const Key& key, const std::type_info& type) = 0;
  /// Throws CacheClosed, SelfRead. When `must_load`, the caller makes a LoadEnd of the flight at once.
  virtual Begun begin(const ScopeState& scope, const Key& key, const std::type_info& type,
                      const boost::asio::any_io_executor& executor, const boost::asio::cancellation_slot& thread,
                      LoadRules rules) = 0;
  virtual void invalidate(const ScopeState& scope, const Key& key) = 0;
  virtual void invalidate_family(const ScopeState& scope, const Family& family) = 0;
  virtual void clear() = 0;

  virtual void load_started(Flight& flight, const boost::asio::cancellation_slot& thread) = 0;
  /// `value` null or not `cacheable`: handed on, not stored.
  virtual void finish(Flight& flight, std::shared_ptr<const void> value, std::size_t value_bytes, bool cacheable) = 0;
  virtual void fail(Flight& flight, std::exception_ptr error) = 0;
  /// Called on the flight's executor.
  virtual void time_out(Flight& flight) = 0;
  virtual void ended(Flight& flight) noexcept = 0;

  virtual bool happened(const Event& event) = 0;
  /// False, and nothing kept, when the event has happened already.
  virtual bool wait(Event& event, std::shared_ptr<Waiter> waiter) = 0;
  /// The waiter gives up. False when it is being resumed already.
  virtual bool give_up(Event& event, Waiter& waiter) = 0;

  /// Refuses further loads and asks the running ones to stop.
  virtual Event& begin_close() = 0;

  virtual Statistics snapshot() const = 0;
};

}  // namespace detail
}  // namespace watchbell::cache
