#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace watchbell::cache::detail {

/// How often keys were asked for lately, present or not: a count-min sketch of 4-bit counters that are all halved once
/// enough was counted, as TinyLFU has it (Einziger, Friedman, Manes: TinyLFU, ACM ToS 2017).
///
/// A key's four counters lie in one block of 64 bytes, one in each quarter of it, so that a count or a look-up touches
/// one cache line. Counts are estimates: never under what was added since the last halvings, at most 15, sometimes over
/// because of other keys.
///
/// The table follows the number of present entries, which the caller tells by `fit`: 8 to 16 bytes an entry while it
/// grows, at most 32 after it shrank (or 256 in all, if that is more). A doubled table starts
/// as two copies of the old one, a halved one as the larger of each pair, so no history is lost. Where memory is not to
/// be had the old table stays and only the estimates get coarser; without any table every estimate is 0.
class FrequencySketch {
 public:
  static constexpr unsigned kMost = 15;
  static constexpr std::size_t kCountedPerEntry = 10;  // between halvings; the paper's W/C

  void add(std::uint64_t hash, unsigned times) noexcept {
    if (blocks_ == 0 || times == 0) return;
    times = std::min(times, kMost);
    std::uint64_t* block = block_of(hash);
    const unsigned now = minimum(block, hash);
    const unsigned wanted = std::min(now + times, kMost);
    // Only counters under the new estimate rise (conservative update), which keeps strangers' errors small.
    for (unsigned row = 0; row < kRows; ++row) {
      const Place place = place_of(hash, row);
      std::uint64_t& word = block[place.word];
      const auto count = static_cast<unsigned>((word >> place.shift) & kMost);
      if (count < wanted) word += std::uint64_t{wanted - count} << place.shift;
    }
    counted_ += times;
    if (counted_ >= kCountedPerEntry * entries_) halve();
  }

  unsigned estimate(std::uint64_t hash) const noexcept { return blocks_ == 0 ? 0 : minimum(block_of(hash), hash); }

  /// Tells how many entries are present. O(1) amortised over insertions and removals.
  void fit(std::size_t entries) noexcept {
    entries_ = std::max(entries, kWordsPerBlock);
    if (entries_ > blocks_ * kWordsPerBlock) {
      grow();
    } else if (blocks_ > 1 && entries_ < blocks_ * kWordsPerBlock / 4) {
      shrink();
    }
  }

  std::size_t memory() const noexcept { return blocks_ * kWordsPerBlock * sizeof(std::uint64_t); }

 private:
  static constexpr unsigned kRows = 4;
  static constexpr std::size_t kWordsPerBlock = 8;
  static constexpr std::uint64_t kLowBits = 0x7777'7777'7777'7777;

  struct Place {
    unsigned word;
    unsigned shift;
  };
  /// The block comes from the hash's low bits, the counters in it from the high ones: 5 bits a row, of 32 counters.
  static Place place_of(std::uint64_t hash, unsigned row) noexcept {
    const auto bits = static_cast<unsigned>(hash >> (44 + 5 * row)) & 31;
    return {2 * row + (bits >> 4), (bits & 15) * 4};
  }
  std::uint64_t* block_of(std::uint64_t hash) const noexcept {
    return table_.get() + (static_cast<std::size_t>(hash) & (blocks_ - 1)) * kWordsPerBlock;
  }
  static unsigned minimum(const std::uint64_t* block, std::uint64_t hash) noexcept {
    unsigned least = kMost;
    for (unsigned row = 0; row < kRows; ++row) {
      const Place place = place_of(hash, row);
      least = std::min(least, static_cast<unsigned>((block[place.word] >> place.shift) & kMost));
    }
    return least;
  }

  void halve() noexcept {
    for (std::size_t i = 0; i < blocks_ * kWordsPerBlock; ++i) table_[i] = (table_[i] >> 1) & kLowBits;
    counted_ /= 2;
  }

  static std::unique_ptr<std::uint64_t[]> allocate(std::size_t blocks) noexcept {
    return std::unique_ptr<std::uint64_t[]>(new (std::nothrow) std::uint64_t[blocks * kWordsPerBlock]());
  }

  void grow() noexcept {
    const std::size_t blocks = std::max<std::size_t>(1, blocks_ * 2);
    auto table = allocate(blocks);
    if (!table) return;
    if (blocks_ > 0) {
      const std::size_t words = blocks_ * kWordsPerBlock;
      std::copy_n(table_.get(), words, table.get());
      std::copy_n(table_.get(), words, table.get() + words);
    }
    table_ = std::move(table);
    blocks_ = blocks;
  }

  void shrink() noexcept {
    const std::size_t blocks = blocks_ / 2;
    auto table = allocate(blocks);
    if (!table) return;
    const std::size_t words = blocks * kWordsPerBlock;
    for (std::size_t i = 0; i < words; ++i) table[i] = larger(table_[i], table_[i + words]);
    table_ = std::move(table);
    blocks_ = blocks;
  }

  static std::uint64_t larger(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t both = 0;
    for (unsigned shift = 0; shift < 64; shift += 4) both |= std::max((a >> shift) & kMost, (b >> shift) & kMost) << shift;
    return both;
  }

  std::unique_ptr<std::uint64_t[]> table_;
  std::size_t blocks_ = 0;  // a power of two, or none
  std::size_t entries_ = kWordsPerBlock;
  std::size_t counted_ = 0;  // since the last halving, and half of what was before
};

}  // namespace watchbell::cache::detail
