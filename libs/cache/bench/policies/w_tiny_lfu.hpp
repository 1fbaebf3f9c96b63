#pragma once

#include "policy/frequency_sketch.hpp"
#include "policy/hook.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace watchbell::cache::detail {

/// W-TinyLFU (Einziger, Friedman, Manes, ToS 2017), with the parameters of the paper: an LRU window of 1 %, a main of
/// segmented LRU with 80 % protected, and admission by a sketch that counts every access. With `kClimbs` the window's
/// share follows the hit ratio as in Einziger et al., Adaptive Software Cache Management, Middleware 2018: steps of 1/16
/// that turn when the ratio falls, decay, and start anew when it jumps. A rival for the simulator: it needs list moves and a
/// sketch update on every hit.
template <class Entry, bool kClimbs>
class WTinyLfuOf {
 public:
  static constexpr std::uint8_t kMaxUses = 1;

  void inserted(Entry& entry) noexcept {
    sketch_.fit(entries() + 1);
    sketch_.add(entry.hash, 1);
    enqueue(kWindow, entry);
    while (queues_[kWindow].size() > 1 && charges_[kWindow] > window_target()) move(kProbation, queues_[kWindow].front());
    ++requests_;
    if (kClimbs) climb();
  }
  void touched(Entry& entry) noexcept {
    sketch_.add(entry.hash, 1);
    if (entry.queue == kProbation) {
      move(kProtected, entry);
      while (charges_[kProtected] > (charge() - window_target()) / 10 * 8) move(kProbation, queues_[kProtected].front());
    } else {
      move(entry.queue, entry);
    }
    ++requests_;
    ++hits_;
    if (kClimbs) climb();
  }
  void removed(Entry& entry) noexcept { dequeue(entry); }

  template <class Allowed>
  Entry* victim(Allowed&&) noexcept {
    const int from = !queues_[kProbation].empty() ? kProbation : kProtected;
    if (queues_[from].empty()) return &queues_[kWindow].front();
    Entry& old = queues_[from].front();
    if (queues_[kWindow].empty()) return &old;
    Entry& candidate = queues_[kWindow].front();
    if (!admits(candidate, old)) return &candidate;
    move(kProbation, candidate);
    return &old;
  }

 private:
  enum : std::uint8_t { kWindow, kProbation, kProtected };

  void enqueue(std::uint8_t which, Entry& entry) noexcept {
    entry.queue = which;
    charges_[which] += entry.charge;
    queues_[which].push_back(entry);
  }
  void dequeue(Entry& entry) noexcept {
    charges_[entry.queue] -= entry.charge;
    queues_[entry.queue].erase(queues_[entry.queue].iterator_to(entry));
  }
  void move(std::uint8_t to, Entry& entry) noexcept {
    dequeue(entry);
    enqueue(to, entry);
  }
  std::size_t entries() const noexcept { return queues_[0].size() + queues_[1].size() + queues_[2].size(); }
  std::size_t charge() const noexcept { return charges_[0] + charges_[1] + charges_[2]; }
  std::size_t window_target() const noexcept { return static_cast<std::size_t>(static_cast<double>(charge()) * share_); }

  bool admits(const Entry& candidate, const Entry& old) noexcept {
    const unsigned mine = sketch_.estimate(candidate.hash);
    const unsigned its = sketch_.estimate(old.hash);
    if (mine > its) return true;
    if (mine < 6) return false;  // a little chance against hash flooding, as Caffeine gives it
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return (random_ >> 57) == 0;
  }

  void climb() noexcept {
    if (requests_ < 10 * entries() || requests_ < 100) return;
    const double ratio = static_cast<double>(hits_) / static_cast<double>(requests_);
    const double change = ratio - last_ratio_;
    if (change < 0) step_ = -step_;
    share_ = std::clamp(share_ + step_, 0.002, 0.8);
    step_ = std::abs(change) >= 0.05 ? (step_ < 0 ? -kStep : kStep) : step_ * 0.98;
    last_ratio_ = ratio;
    requests_ = hits_ = 0;
    while (queues_[kWindow].size() > 1 && charges_[kWindow] > window_target()) move(kProbation, queues_[kWindow].front());
    while (!queues_[kProbation].empty() && charges_[kWindow] < window_target()) move(kWindow, queues_[kProbation].front());
  }

  static constexpr double kStep = 0.0625;

  PolicyQueue<Entry> queues_[3];  // least recently used first
  std::size_t charges_[3] = {};
  FrequencySketch sketch_;
  std::uint64_t random_ = 1;
  double share_ = 0.01;
  double step_ = -kStep;
  double last_ratio_ = 0;
  std::size_t requests_ = 0;
  std::size_t hits_ = 0;
};

template <class Entry>
using WTinyLfu = WTinyLfuOf<Entry, false>;
template <class Entry>
using ClimbingWTinyLfu = WTinyLfuOf<Entry, true>;

}  // namespace watchbell::cache::detail
