#pragma once

#include <boost/intrusive/list.hpp>

namespace watchbell::cache::detail {

/// What the eviction policy keeps in an entry.
struct PolicyHook : boost::intrusive::list_base_hook<boost::intrusive::tag<struct PolicyTag>> {
  bool visited = false;
};

/// Chooses what to evict: SIEVE (Zhang et al., NSDI 2024). Entries stand in the order they came; a hand walks from the
/// oldest to the newest, forgives one that was read since the hand last passed, and takes the first that was not. A
/// hit sets one flag and moves nothing, and a scan of keys read once passes through without displacing the entries
/// that are read again.
///
/// The seam for other policies: inserted, touched, removed, victim. Guarded by the engine's mutex.
template <class Entry>
class Sieve {
 public:
  void inserted(Entry& entry) noexcept {
    entry.visited = false;
    order_.push_front(entry);
  }

  void touched(Entry& entry) noexcept { entry.visited = true; }

  void removed(Entry& entry) noexcept {
    if (hand_ == &entry) hand_ = newer(entry);
    order_.erase(order_.iterator_to(entry));
  }

  /// The entry to evict next; it stays until `removed`. REQUIRES: at least one entry.
  Entry& victim() noexcept {
    if (hand_ == nullptr) hand_ = &order_.back();
    while (hand_->visited) {
      hand_->visited = false;
      hand_ = newer(*hand_);
      if (hand_ == nullptr) hand_ = &order_.back();
    }
    return *hand_;
  }

 private:
  using Order = boost::intrusive::list<Entry, boost::intrusive::base_hook<boost::intrusive::list_base_hook<
                                                  boost::intrusive::tag<PolicyTag>>>>;

  Entry* newer(Entry& entry) noexcept {
    auto at = order_.iterator_to(entry);
    return at == order_.begin() ? nullptr : &*--at;
  }

  Order order_;            // newest first
  Entry* hand_ = nullptr;  // null: starts at the oldest
};

}  // namespace watchbell::cache::detail
