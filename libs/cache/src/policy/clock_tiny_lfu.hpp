#pragma once

#include "frequency_sketch.hpp"
#include "hook.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace watchbell::cache::detail {

/// Chooses what to evict: TinyLFU's admission by frequency, over queues that a hit never touches.
///
/// New entries pass through a window, first in first out, of a hundredth of the charge. Who leaves it, the candidate,
/// must be asked for more often than an entry of the main queue, by the estimates of a sketch (frequency_sketch.hpp),
/// to take that one's place; else it is the candidate that goes. Main is a clock: the next few entries are looked at,
/// in turn, and the first that is weak enough is evicted. So scans pass through the window, and a loop longer than the
/// cache leaves most of main where it is.
///
/// A hit only counts in the entry's own byte (`uses`, up to kMaxUses). The sketch learns of it when the policy next
/// looks at the entry, and of every miss at once. That is the one difference from TinyLFU in what is counted (Einziger,
/// Friedman, Manes: TinyLFU, ToS 2017).
///
/// How much more often the candidate must be asked for, the margin, is learnt, because no constant serves a stable and
/// a drifting load. After a contest that was close, a duel is noted: the hash of the one that went, and the entry that
/// stayed. If the stayer is used first the choice was right, if the other comes back first it was wrong; either moves
/// the margin a little. An answer for the entry of main counts twice, as the candidate ought to win clearly: a wrong admission
/// costs a place in main, a wrong refusal costs one more miss. The margin's upper bound keeps zipf loads at the optimum
/// that a constant margin has; docs/adr/0006-eviction-policy.md has the measurements behind each constant here.
///
/// Frequency is per entry, not per byte: a large value that is asked for as often as a small one stands as well. Shares
/// are of the charge, which includes a fixed part an entry and so bounds their number too.
///
/// Entry offers `std::atomic<std::uint8_t> uses` (0 at first), `std::uint64_t hash` (well mixed, seeded), `std::size_t
/// charge` (constant while present), and PolicyHook as a base. Guarded by the engine's mutex, `uses` apart. Room is made first:
/// `victim` and `removed` as often as it takes, then `inserted`. Memory beside the entries: the sketch, see there, and
/// 2 KiB.
template <class Entry>
class ClockTinyLfu {
 public:
  static constexpr std::uint8_t kMaxUses = 3;          // a hit counts up to here, then only reads
  static constexpr std::size_t kMostSkipped = 512;     // entries that are not allowed, a call of `victim`
  static constexpr std::size_t kMostSkippedFirst = 64;  // of these, in the window

  void inserted(Entry& entry) noexcept {
    ++insertions_;
    settle_duel_of(entry.hash);
    entry.duel = 0;
    push(window_, entry, kWindow);
    sketch_.fit(size());
    sketch_.add(entry.hash, 1);
    // Uncontested: there was room, or `victim` would have looked at the window's oldest.
    while (window_.entries.size() > 1 && window_.charge > (window_.charge + main_.charge) / kWindowPart) promote(window_.entries.front());
  }

  void removed(Entry& entry) noexcept {
    note_uses(entry);
    if (entry.duel != 0) forget(duels_[entry.duel - 1u]);
    pull(entry);
    sketch_.fit(size());
  }

  /// The entry to evict next; it stays until `removed`. REQUIRES: at least one entry; `allowed(const Entry&)` does not
  /// throw.
  ///
  /// @param allowed  who may be evicted; others are passed over, to be met again a round later
  /// @returns        null when none is allowed, or when kMostSkipped were passed over before one was found
  template <class Allowed>
  Entry* victim(Allowed&& allowed) noexcept {
    std::size_t skips = kMostSkippedFirst;
    Entry* candidate = next(window_, allowed, skips);
    skips = kMostSkipped - kMostSkippedFirst;
    if (candidate == nullptr) return weakest(kAnyLoses, allowed, skips).entry;

    note_uses(*candidate);
    const int frequency = estimate(*candidate);
    const Contender rival = weakest(frequency, allowed, skips);
    if (rival.entry == nullptr) return candidate;
    const int ahead = frequency - rival.frequency;
    const bool close = ahead == margin() || ahead == margin() + 1;
    if (ahead <= margin()) {
      if (close) begin_duel(*rival.entry, candidate->hash, Stayer::rival);
      return candidate;
    }
    promote(*candidate);
    if (close) begin_duel(*candidate, rival.entry->hash, Stayer::candidate);
    return rival.entry;
  }

  /// Bytes beside the entries and the object itself.
  std::size_t memory() const noexcept { return sketch_.memory(); }

 private:
  static constexpr std::size_t kWindowPart = 100;
  static constexpr std::size_t kLookedAt = 4;  // entries of main, a contest
  static constexpr int kAnyLoses = 1000;

  static constexpr int kUnit = 64;  // of margin
  static constexpr int kLeastMargin = -4 * kUnit;
  static constexpr int kMostMargin = 3 * kUnit;

  enum : std::uint8_t { kWindow, kMain };  // PolicyHook::queue

  struct Queue {
    PolicyQueue<Entry> entries;  // next to be looked at first
    std::size_t charge = 0;
  };

  struct Contender {
    Entry* entry = nullptr;
    int frequency = 0;
  };

  enum class Stayer : std::uint8_t { candidate, rival };

  struct Duel {
    std::uint64_t gone = 0;   // the hash of the one evicted
    Entry* stayer = nullptr;  // null: no duel; points back by PolicyHook::duel, which is this one's index + 1
    std::uint64_t begun = 0;  // in insertions
    Stayer who{};
  };
  static constexpr std::size_t kDuels = 64;

  std::size_t size() const noexcept { return window_.entries.size() + main_.entries.size(); }
  int estimate(const Entry& entry) const noexcept { return static_cast<int>(sketch_.estimate(entry.hash)); }
  int margin() const noexcept { return margin_ >> 6; }  // rounded down, as a division would not be

  static void push(Queue& queue, Entry& entry, std::uint8_t which) noexcept {
    entry.queue = which;
    queue.entries.push_back(entry);
    queue.charge += entry.charge;
  }
  void pull(Entry& entry) noexcept {
    Queue& queue = entry.queue == kWindow ? window_ : main_;
    queue.entries.erase(queue.entries.iterator_to(entry));
    queue.charge -= entry.charge;
  }
  void promote(Entry& entry) noexcept {
    pull(entry);
    push(main_, entry, kMain);
  }
  static void pass(Queue& queue) noexcept { queue.entries.splice(queue.entries.end(), queue.entries, queue.entries.begin()); }

  /// Carries the uses since the last look into the sketch. A use that is counted meanwhile may be lost, which is fine.
  void note_uses(Entry& entry) noexcept {
    const unsigned uses = entry.uses.load(std::memory_order_relaxed);
    if (uses == 0) return;
    entry.uses.store(0, std::memory_order_relaxed);
    sketch_.add(entry.hash, uses);
    if (entry.duel != 0) settle(duels_[entry.duel - 1u], true);
  }

  /// The first that is allowed, brought to the queue's front.
  template <class Allowed>
  static Entry* next(Queue& queue, Allowed& allowed, std::size_t& skips) noexcept {
    for (std::size_t left = queue.entries.size(); left > 0; --left) {
      Entry& entry = queue.entries.front();
      if (allowed(static_cast<const Entry&>(entry))) return &entry;
      if (skips == 0) return nullptr;
      --skips;
      pass(queue);
    }
    return nullptr;
  }

  /// The first in main that loses against `frequency`, else the weakest of those looked at.
  template <class Allowed>
  Contender weakest(int frequency, Allowed& allowed, std::size_t& skips) noexcept {
    Contender least;
    for (std::size_t left = std::min(kLookedAt, main_.entries.size()); left > 0; --left) {
      Entry* entry = next(main_, allowed, skips);
      if (entry == nullptr) break;
      note_uses(*entry);
      const int its = estimate(*entry);
      if (least.entry == nullptr || its < least.frequency) least = {entry, its};
      if (frequency - its > margin()) break;
      pass(main_);
    }
    return least;
  }

  // --- the margin

  Duel& duel_for(std::uint64_t gone) noexcept { return duels_[(gone >> 24) % kDuels]; }

  /// One at a time an entry and a slot; one that found no answer while as many entries came as there are gives way.
  void begin_duel(Entry& stayer, std::uint64_t gone, Stayer who) noexcept {
    Duel& duel = duel_for(gone);
    if (stayer.duel != 0) return;
    if (duel.stayer != nullptr && insertions_ - duel.begun < size()) return;
    forget(duel);
    duel = {gone, &stayer, insertions_, who};
    stayer.duel = static_cast<std::uint8_t>(&duel - duels_.data() + 1);
  }

  void settle_duel_of(std::uint64_t returned) noexcept {
    Duel& duel = duel_for(returned);
    if (duel.stayer != nullptr && duel.gone == returned) settle(duel, duel.stayer->uses.load(std::memory_order_relaxed) != 0);
  }

  void settle(Duel& duel, bool stayer_first) noexcept {
    const bool candidate_first = stayer_first == (duel.who == Stayer::candidate);
    margin_ = std::clamp(margin_ + (candidate_first ? -1 : 2), kLeastMargin, kMostMargin);
    forget(duel);
  }

  static void forget(Duel& duel) noexcept {
    if (duel.stayer != nullptr) duel.stayer->duel = 0;
    duel.stayer = nullptr;
  }

  Queue window_;
  Queue main_;
  FrequencySketch sketch_;
  int margin_ = 2 * kUnit;
  std::uint64_t insertions_ = 0;
  std::array<Duel, kDuels> duels_;
};

}  // namespace watchbell::cache::detail
