#pragma once

#include "families.hpp"
#include "sieve.hpp"

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/detail/core.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <typeinfo>

namespace watchbell::cache::detail {

struct Entry : PolicyHook, boost::intrusive::list_base_hook<> {
  Entry(Key key, Node& scope, Node& family) : key(std::move(key)), scope(&scope), family(&family) {}

  Key key;
  Node* scope;
  Node* family;  // held
  const std::type_info* type = nullptr;
  std::shared_ptr<const void> value;
  std::uint64_t stamp = 0;
  TimePoint expires;
  std::size_t charge = 0;
};

/// The core over one mutex. The hit path takes it too: in this cut coherence comes before the last nanoseconds, and all
/// that would have to change for a lock-free hit is in this class.
class Engine final : public Core {
 public:
  explicit Engine(CacheOptions options);
  ~Engine() override;

  Node& acquire_scope(std::string_view name) override;
  void release_scope(Node& root) override;

  std::shared_ptr<const void> find(const ScopeState& scope, const Key& key, const std::type_info& type) override;
  Begun begin(const ScopeState& scope, const Key& key, const std::type_info& type,
              const boost::asio::any_io_executor& executor, const boost::asio::cancellation_slot& thread,
              LoadRules rules) override;
  void invalidate(const ScopeState& scope, const Key& key) override;
  void invalidate_family(const ScopeState& scope, const Family& family) override;
  void clear() override;

  void load_started(Flight& flight, const boost::asio::cancellation_slot& thread) override;
  void finish(Flight& flight, std::shared_ptr<const void> value, std::size_t value_bytes, bool cacheable) override;
  void fail(Flight& flight, std::exception_ptr error) override;
  void time_out(Flight& flight) override;
  void ended(Flight& flight) noexcept override;

  bool happened(const Event& event) override;
  bool wait(Event& event, std::shared_ptr<Waiter> waiter) override;
  bool give_up(Event& event, Waiter& waiter) override;
  Event& begin_close() override;

  Statistics snapshot() const override;

  static std::size_t charge(const Key& key, std::size_t value_bytes) noexcept;

 private:
  using Entries = boost::intrusive::list<Entry>;

  struct Probe {
    const Node* scope;
    std::string_view encoded;
    std::uint64_t hash;  // of the path alone
  };
  static Probe probe(const ScopeState& scope, const Path& path) noexcept {
    return {scope.root, path.encoded(), path.hash()};
  }

  /// For entries and flights alike: identified by scope and key.
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    template <class Item>
    std::size_t operator()(const Item* item) const noexcept {
      return static_cast<std::size_t>(item->scope->hash ^ item->key.hash());
    }
    std::size_t operator()(const Probe& probe) const noexcept {
      return static_cast<std::size_t>(probe.scope->hash ^ probe.hash);
    }
  };
  struct Equal {
    using is_transparent = void;
    template <class Item>
    bool operator()(const Item* a, const Item* b) const noexcept {
      return a == b || (a->scope == b->scope && a->key == b->key);
    }
    template <class Item>
    bool operator()(const Probe& probe, const Item* item) const noexcept {
      return probe.scope == item->scope && probe.hash == item->key.hash() && probe.encoded == item->key.encoded();
    }
    template <class Item>
    bool operator()(const Item* item, const Probe& probe) const noexcept {
      return (*this)(probe, item);
    }
  };
  template <class Item>
  using Table = boost::unordered_flat_set<Item*, Hash, Equal>;

  /// Entries taken out of the store. Made before the lock is taken, so that values, whose destructors are the
  /// program's, die after it is given back.
  class Trash {
   public:
    Trash() = default;
    Trash(const Trash&) = delete;
    Trash& operator=(const Trash&) = delete;
    ~Trash() {
      entries_.clear_and_dispose([](Entry* entry) { delete entry; });
    }
    void add(Entry& entry) noexcept { entries_.push_back(entry); }

   private:
    Entries entries_;
  };

  enum class Removal { evicted, expired, invalidated, replaced };

  void pause(std::string_view point) const {
    if (options_.pause_for_test) options_.pause_for_test(point);
  }
  bool is_valid(const Entry& entry) const noexcept { return entry.family->unchanged_since(entry.stamp); }
  bool is_valid(const Flight& flight) const noexcept {
    return !flight.doomed && flight.family->unchanged_since(flight.stamp);
  }

  Entry* find_live(const Probe& probe, const std::type_info& type, TimePoint now, Trash& trash);
  void remove(Entry& entry, Removal why, Trash& trash) noexcept;
  void drop_key(const Probe& probe, Trash& trash) noexcept;
  void forget_if_current(Flight& flight) noexcept;
  void store(Flight& flight, std::size_t value_bytes, bool cacheable, TimePoint now, Trash& trash);
  void reclaim(TimePoint now, Trash& trash) noexcept;
  Duration shortened(Duration ttl) noexcept;
  bool settle(Flight& flight, std::shared_ptr<const void> value, std::exception_ptr error) noexcept;
  void cancel_load(Flight& flight);

  const CacheOptions options_;

  mutable std::mutex mutex_;  // guards all below
  Families families_;
  std::uint64_t generation_ = 0;
  Table<Entry> table_;
  Table<Flight> flights_;
  Entries entries_;  // in the order in which `reclaim` meets them
  Sieve<Entry> policy_;
  boost::intrusive::list<Flight> running_;
  std::uint64_t random_state_;
  bool closing_ = false;
  Event closed_;
  Statistics statistics_;
};

}  // namespace watchbell::cache::detail
