#pragma once

#include "policy/hook.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace watchbell::cache::detail {

/// SIEVE (Zhang et al., NSDI 2024): entries in the order they came, and a hand that walks from the oldest to the newest,
/// forgives an entry used since it last passed, and evicts the first that was not.
template <class Entry>
class Sieve {
 public:
  static constexpr std::uint8_t kMaxUses = 1;

  void inserted(Entry& entry) noexcept { order_.push_back(entry); }
  void touched(Entry&) noexcept {}
  void removed(Entry& entry) noexcept {
    if (hand_ == &entry) hand_ = newer(entry);
    order_.erase(order_.iterator_to(entry));
  }
  template <class Allowed>
  Entry* victim(Allowed&&) noexcept {
    if (hand_ == nullptr) hand_ = &order_.front();
    while (hand_->uses.exchange(0, std::memory_order_relaxed) != 0) {
      hand_ = newer(*hand_);
      if (hand_ == nullptr) hand_ = &order_.front();
    }
    return hand_;
  }

 private:
  Entry* newer(Entry& entry) noexcept {
    const auto next = std::next(order_.iterator_to(entry));
    return next == order_.end() ? nullptr : &*next;
  }

  PolicyQueue<Entry> order_;  // oldest first
  Entry* hand_ = nullptr;     // null: starts at the oldest
};

}  // namespace watchbell::cache::detail
