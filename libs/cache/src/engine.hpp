#pragma once

#include "coarse_clock.hpp"
#include "entry.hpp"
#include "families.hpp"
#include "policy/clock_tiny_lfu.hpp"
#include "table.hpp"

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/detail/core.hpp>
#include <watchbell/cache/detail/sync.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <typeinfo>
#include <vector>

namespace watchbell::cache::detail {

/// The core. Hits read the table and the generations without a lock; everything else, and that is what a miss or a
/// change does anyway, takes one mutex for a few steps of bookkeeping. It is never held while a loader runs, a value is
/// destroyed, or a waiter is resumed.
class Engine final : public Core {
 public:
  explicit Engine(CacheOptions options);
  ~Engine() override;

  Node& acquire_scope(std::string_view name);
  void release_scope(Node& root);

  template <bool kGoesOnToBegin>
  Found look_up(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead);
  Begun begin(const ScopeState& scope, const Key& key, const Asking& asking, const std::shared_ptr<Load>& load);
  std::uint64_t last_flight() const;
  void invalidate(const ScopeState& scope, const Key& key);
  void invalidate_family(const ScopeState& scope, const Family& family);
  void clear();

  void load_started(Load& load, const boost::asio::cancellation_slot& thread, const void* plain_thread);
  Kept finish(Flight& flight, std::shared_ptr<const void> value, std::size_t value_bytes, bool cacheable,
              Duration ttl_at_most);
  void fail(Load& load, std::exception_ptr error);
  void time_out(Load& load, bool elsewhere);
  void ended(Load& load) noexcept;

  bool happened(const Event& event);
  bool wait(Event& event, std::shared_ptr<Waiter> waiter);
  bool give_up(Event& event, Waiter& waiter);
  Event& begin_close();

  std::size_t sweep(std::size_t most);
  Statistics snapshot() const;
  Statistics snapshot(const ScopeState& scope) const;
  std::vector<ScopeStatistics> scopes() const;
  EntryPage list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order) const;
  std::uint64_t remove_family(const ScopeState& scope, const Family& family);
  Observer* observer() const noexcept { return options_.observer; }
  TimePoint now() const { return options_.clock ? options_.clock() : read_coarse_clock(); }

  static std::size_t charge(const Key& key, std::size_t value_bytes) noexcept;

 private:
  /// Flights are identified as entries are: by scope and key.
  struct FlightHash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(const Flight* flight) const noexcept { return static_cast<std::size_t>(flight->hash); }
    std::size_t operator()(const Probe& probe) const noexcept { return static_cast<std::size_t>(probe.hash); }
  };
  struct FlightEqual {
    using is_transparent = void;
    bool operator()(const Flight* a, const Flight* b) const noexcept { return a == b; }
    bool operator()(const Probe& probe, const Flight* flight) const noexcept {
      return probe.hash == flight->hash && probe.scope == flight->scope && probe.key == flight->key.encoded();
    }
    bool operator()(const Flight* flight, const Probe& probe) const noexcept { return (*this)(probe, flight); }
  };

  static Probe probe(const ScopeState& scope, const Path& path) noexcept {
    return {scope.root, path.encoded(), scope.root->hash ^ path.hash()};
  }
  static Probe probe(const Flight& flight) noexcept { return {flight.scope, flight.key.encoded(), flight.hash}; }

  class Section;
  enum class Removal : std::uint8_t { evicted, expired, invalidated, replaced };

  void pause(std::string_view point) const {
    if (options_.pause_for_test) options_.pause_for_test(point);
  }
  static bool is_valid(const Entry& entry) noexcept { return entry.family->unchanged_since(entry.stamp); }
  [[gnu::always_inline]] static bool is_valid_in(const Entry& entry, const Node& scope) noexcept { return entry.family->unchanged_since(entry.stamp, scope); }
  static bool is_valid(const Flight& flight) noexcept {
    return !flight.doomed && flight.family->unchanged_since(flight.stamp);
  }
  static Statistics& counts(const Node& scope) noexcept;

  template <bool kGoesOnToBegin>
  [[gnu::noinline]] Found look_further(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead);
  template <bool kGoesOnToBegin>
  [[gnu::noinline]] static Found late(const ScopeState& scope, Entry& entry, Duration left, Reader& reader);
  [[gnu::always_inline]] static inline Found hit(const ScopeState& scope, Entry& entry, Reader& reader) noexcept;
  Entry* find_live(const Probe& probe, const std::type_info& type, TimePoint at);
  bool remove_if_dead(Entry& entry, TimePoint at) noexcept;
  void bury(const Entry& dead, Reader& reader) noexcept;
  void remove(Entry& entry, Removal why) noexcept;
  void drop_key(const Probe& probe) noexcept;
  Flight*& slot_of(const Flight& flight) noexcept;
  void forget_if_current(Flight& flight) noexcept;
  Kept store(Flight& flight, std::size_t value_bytes, bool cacheable, Duration ttl_at_most, TimePoint at);
  bool make_room(Node& scope, std::size_t cost, TimePoint at) noexcept;
  Entry* choose_victim(Node& scope) noexcept;
  void account(Node& scope) noexcept;
  std::size_t look_for_dead(std::size_t slots, TimePoint at) noexcept;
  void collect(Section& section, bool all = false) noexcept;
  Duration shortened(Duration ttl) noexcept;
  bool settle(Flight& flight, std::shared_ptr<const void> value, std::exception_ptr error) noexcept;
  void settle_all(Load& load, const std::exception_ptr& error, std::uint64_t Statistics::*counter);
  void cancel_load(Load& load);
  Statistics counted(const Node& scope) const;

  const CacheOptions options_;

  EntryMemory memory_;
  Table table_;  // read by hits; changed under the mutex

  // On a line of its own, which no hit reads.
  alignas(64) mutable Mutex mutex_;  // guards all below
  Families families_;
  std::uint64_t generation_ = 0;
  boost::unordered_flat_set<Flight*, FlightHash, FlightEqual> flights_;
  std::uint64_t flights_begun_ = 0;
  ClockTinyLfu<Entry> policy_;
  std::vector<Node*> over_share_;  // scopes that hold more than their share
  std::uint64_t insertions_ = 0;
  std::size_t bytes_ = 0;
  std::size_t cursor_ = 0;  // slot of the table at which to look next for dead entries

  // Entries and arrays out of the table that readers may still look at, in the order of their epochs.
  struct Limbo {
    PolicyQueue<Entry> entries;
    std::unique_ptr<Table::Array> arrays;  // newest first
  } limbo_;

  boost::intrusive::list<Load> running_;
  std::uint64_t random_state_;
  bool closing_ = false;
  Event closed_;
};

}  // namespace watchbell::cache::detail
