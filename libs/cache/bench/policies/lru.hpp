#pragma once

#include "policy/hook.hpp"

#include <cstddef>
#include <cstdint>

namespace watchbell::cache::detail {

/// Least recently used. A rival for the simulator: it needs a list move on every hit.
template <class Entry>
class Lru {
 public:
  static constexpr std::uint8_t kMaxUses = 1;

  void inserted(Entry& entry) noexcept { order_.push_back(entry); }
  void touched(Entry& entry) noexcept { order_.splice(order_.end(), order_, order_.iterator_to(entry)); }
  void removed(Entry& entry) noexcept { order_.erase(order_.iterator_to(entry)); }
  template <class Allowed>
  Entry* victim(Allowed&&) noexcept {
    return &order_.front();
  }

 private:
  PolicyQueue<Entry> order_;  // least recently used first
};

}  // namespace watchbell::cache::detail
