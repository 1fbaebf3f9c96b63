#pragma once

#include "policy/hook.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

namespace watchbell::cache::detail {

/// S3-FIFO (Yang et al., SOSP 2023): a small queue of a tenth of the bytes that most new entries pass through, a main
/// queue that reinserts what was used, and a ghost queue with the hashes of as many entries as main holds, whose keys go
/// straight to main when they come back.
template <class Entry>
class S3Fifo {
 public:
  static constexpr std::uint8_t kMaxUses = 3;

  void inserted(Entry& entry) {
    if (ghosts_.contains(entry.hash)) {
      enqueue(main_, entry, kMain);
    } else {
      enqueue(small_, entry, kSmall);
      small_charge_ += entry.charge;
    }
    charge_ += entry.charge;
  }
  void touched(Entry&) noexcept {}
  void removed(Entry& entry) noexcept {
    charge_ -= entry.charge;
    if (entry.queue == kSmall) {
      small_charge_ -= entry.charge;
      small_.erase(small_.iterator_to(entry));
    } else {
      main_.erase(main_.iterator_to(entry));
    }
  }
  template <class Allowed>
  Entry* victim(Allowed&&) {
    for (;;) {
      if (main_.empty() || (!small_.empty() && small_charge_ >= charge_ / 10)) {
        Entry& oldest = small_.front();
        if (oldest.uses.load(std::memory_order_relaxed) <= 1) {
          remember(oldest.hash);
          return &oldest;
        }
        small_charge_ -= oldest.charge;
        small_.pop_front();
        oldest.uses.store(0, std::memory_order_relaxed);
        enqueue(main_, oldest, kMain);
      } else {
        Entry& oldest = main_.front();
        const auto uses = oldest.uses.load(std::memory_order_relaxed);
        if (uses == 0) return &oldest;
        oldest.uses.store(static_cast<std::uint8_t>(uses - 1), std::memory_order_relaxed);
        main_.splice(main_.end(), main_, main_.begin());
      }
    }
  }

 private:
  enum : std::uint8_t { kSmall, kMain };
  using Queue = PolicyQueue<Entry>;

  static void enqueue(Queue& queue, Entry& entry, std::uint8_t which) noexcept {
    entry.queue = which;
    queue.push_back(entry);
  }

  /// A hash may stand in the queue more than once; the latest counts.
  void remember(std::uint64_t hash) {
    ghost_order_.emplace_back(hash, ++ghost_stamp_);
    ghosts_[hash] = ghost_stamp_;
    while (ghost_order_.size() > main_.size() + 1) {
      const auto& [oldest, stamp] = ghost_order_.front();
      if (const auto found = ghosts_.find(oldest); found != ghosts_.end() && found->second == stamp) ghosts_.erase(found);
      ghost_order_.pop_front();
    }
  }

  Queue small_;  // oldest first
  Queue main_;   // next to be examined first
  std::size_t small_charge_ = 0;
  std::size_t charge_ = 0;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> ghost_order_;
  std::unordered_map<std::uint64_t, std::uint64_t> ghosts_;
  std::uint64_t ghost_stamp_ = 0;
};

}  // namespace watchbell::cache::detail
