#pragma once

#include <watchbell/cache/detail/flight.hpp>
#include <watchbell/cache/lent.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>

namespace watchbell::cache {

struct CacheOptions;
struct Statistics;
struct ScopeStatistics;
struct EntryPage;
enum class EntryOrder : std::uint8_t;
class Observer;

namespace detail {

class StripedCounter;

/// What became of a loaded value.
enum class Kept : std::uint8_t { stored, refused, too_large };

/// A scope: the root of its families, shared by all scope objects of one name. Immutable.
struct ScopeState {
  ScopeState(std::shared_ptr<Core> core, std::string_view name);
  ScopeState(const ScopeState&) = delete;
  ScopeState& operator=(const ScopeState&) = delete;
  ~ScopeState();

  const std::shared_ptr<Core> core;
  const std::string name;
  Node* const root;
  StripedCounter* const hits;
};

/// Who asks, and which running load may answer him.
struct Asking {
  explicit Asking(const std::type_info& value_type) : type(value_type) {}

  const std::type_info& type;
  boost::asio::cancellation_slot thread;  // of coroutines
  const void* plain_thread = nullptr;
  /// Whether stored values and any running load of the present generation will do. Otherwise only a load will that
  /// observed what the reader has, or is new enough: another process may have invalidated meanwhile.
  bool trusts_here = true;
  /// A load that began after this one, by number, began after the reader did, and so is new enough for him whatever was
  /// invalidated since.
  std::uint64_t since = kNone;
  std::string observed;

  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
};

/// What `Core::begin` found for a reader.
struct Begun {
  std::shared_ptr<const void> hit;  // good to be served, also when a refresh is to be loaded
  std::shared_ptr<Flight> flight;
  bool must_load = false;  // the flight is new, and a part of the load that the reader gave
  bool too_old = false;    // the flight began too early for this reader: wait for its end, then ask again,
  std::uint64_t since = 0;  // since this
};

/// Store, families and flights; everything that needs no coroutine. Thread-safe.
///
/// Generations: one counter for the whole cache, which only grows. Invalidating a family gives its node the counter's
/// next value; a load notes the counter before its loader starts, its entry keeps that stamp, and both are good as
/// long as no node from the deepest family up to the scope has a generation above the stamp. So noting and judging all
/// families of a key is one number and one walk, and whether an entry may be served is decided when it is read: an
/// invalidation needs to find neither entries nor loads. A node that is freed and made again starts at zero, which
/// is right, since whatever could be stale held the node and kept it from being freed.
///
/// Not virtual: the one implementation is the engine in src/.
class Core : public std::enable_shared_from_this<Core> {
 public:
  static std::shared_ptr<Core> make(CacheOptions options);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  virtual ~Core() = default;

  Node& acquire_scope(std::string_view name);
  void release_scope(Node& root);
  static StripedCounter& hits_of(Node& root) noexcept;

  /// Of a value that ends within `refresh_ahead`, which is not negative: one reader gets nothing, so that he goes to load it.
  Loan find(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead) noexcept {
    return Loan(look_up(scope, key, type, refresh_ahead));
  }
  /// For one who is on his way to `begin`: he gets nothing of such a value until somebody has begun that load.
  Loan find_or_begin(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead) noexcept {
    return Loan(look_up_or_begin(scope, key, type, refresh_ahead));
  }

  /// A load that keys can be added to by `begin`. Its first key starts it; its owner makes a LoadEnd of it at once.
  std::shared_ptr<Load> make_load(const ScopeState& scope, LoadRules rules, boost::asio::any_io_executor executor);
  /// Throws CacheClosed, SelfRead. Adds a flight to `load` where the caller must load the key.
  Begun begin(const ScopeState& scope, const Key& key, const Asking& asking, const std::shared_ptr<Load>& load);
  /// The number of the flight that began last.
  std::uint64_t last_flight() const;

  void invalidate(const ScopeState& scope, const Key& key);
  void invalidate_family(const ScopeState& scope, const Family& family);
  void clear();

  void load_started(Load& load, const boost::asio::cancellation_slot& thread, const void* plain_thread);
  /// `value` null or not `cacheable`: handed on, not stored.
  Kept finish(Flight& flight, std::shared_ptr<const void> value, std::size_t value_bytes, bool cacheable,
              Duration ttl_at_most);
  /// All flights of the load that have no outcome yet end with the error.
  void fail(Load& load, std::exception_ptr error);
  /// On the load's executor, or on any thread when it has none.
  void time_out(Load& load);
  /// The same from any thread.
  void time_out_elsewhere(Load& load);
  void ended(Load& load) noexcept;

  bool happened(const Event& event);
  /// False, and nothing kept, when the event has happened already.
  bool wait(Event& event, std::shared_ptr<Waiter> waiter);
  /// The waiter gives up. False when it is being resumed already.
  bool give_up(Event& event, Waiter& waiter);

  /// Refuses further loads and asks the running ones to stop.
  Event& begin_close();

  std::size_t sweep(std::size_t most);
  Statistics snapshot() const;
  Statistics snapshot(const ScopeState& scope) const;
  std::vector<ScopeStatistics> scopes() const;
  EntryPage list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order) const;
  std::uint64_t remove_family(const ScopeState& scope, const Family& family);
  Observer* observer() const noexcept;
  TimePoint now() const;

 protected:
  Core() = default;

 private:
  Found look_up(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead) noexcept;
  Found look_up_or_begin(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead) noexcept;
};

}  // namespace detail
}  // namespace watchbell::cache
