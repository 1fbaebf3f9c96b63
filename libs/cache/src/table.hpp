#pragma once

#include "entry.hpp"

#include <watchbell/cache/detail/bytes.hpp>
#include <watchbell/cache/detail/epoch.hpp>
#include <watchbell/cache/detail/sync.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace watchbell::cache::detail {

/// Names an entry that is looked for.
struct Probe {
  const Node* scope;
  std::string_view key;
  std::uint64_t hash;  // of scope and key

  bool names(const Entry& entry) const noexcept { return entry.key() == key && &entry.scope() == scope; }
  /// The key alone, from the entry's hot line; of a large key (PathBytes::small_view) it is always false.
  [[gnu::always_inline]] bool names_at_once(const Entry& entry) const noexcept {
    return entry.small_key_size == key.size() && equal_few(entry.key_begin(), key.data(), key.size());
  }
};

/// The map of entries, read by any thread without a lock while one writer at a time changes it under the engine's mutex.
///
/// An array of groups, a cache line each: seven entries, and for each a byte of its hash, the tag. An entry stands in the
/// group that its hash names, its home, or in the next one that had room. A look-up compares all tags of a group at
/// once, so it takes one line and, nearly always, no branch that cannot be foretold: with one entry a slot, how many
/// slots to pass is a guess at every look-up, and a wrong guess costs as much as the rest.
///
/// A reader that meets a writer may fail to find what is there, never find what is not: it compares the entry itself,
/// and an entry leaves the array before the call that removes it returns. That is enough, because whoever misses asks
/// again under the mutex. So entries are moved freely: removal closes the gap by moving later ones back, growth copies
/// to a larger array, and no reader retries.
class Table {
 public:
  Table() : array_(make(kLeast)) {}
  ~Table() { destroy(array_.load()); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Lock-free. REQUIRES: the thread has pinned, or holds the mutex; under the mutex the answer is exact.
  Entry* find(const Probe& probe) const noexcept {
    return walk(probe.hash, [&probe](const Entry& entry) { return probe.names(entry); });
  }

  /// The same for a key of at most PathBytes::kSmall bytes, and nothing for any other, the first guess in the place where it is called. What it finds is
  /// of another scope in the rare case that two scopes have the key and their hashes equal.
  [[gnu::always_inline]] Entry* find_at_once(const Probe& probe) const noexcept {
    const Array& array = *array_.load(std::memory_order_seq_cst);
    const Group& home = array.home(probe.hash);
    const std::uint64_t found = equal_bytes_of(home.tags.load(std::memory_order_acquire), tag_of(probe.hash));
    if (found != 0) [[likely]] {
      Entry* const entry = home.entries[position(found)].load(std::memory_order_seq_cst);
      if (entry != nullptr && probe.names_at_once(*entry)) [[likely]] return entry;
    }
    return find_small(probe.key.data(), probe.key.size(), probe.hash);
  }

  /// Makes sure that the next `insert` needs no memory. An array that was outgrown is handed to `retired`, to be freed
  /// once no reader looks at it.
  template <class Retired>
  void reserve_one(Retired&& retired) {
    const std::size_t groups = array_.load(std::memory_order_relaxed)->mask + 1;
    const std::size_t capacity = groups * kGroup;
    // Fuller groups would send every tenth look-up on to the next one.
    if ((size_ + 1) * 8 > capacity * 5) {
      resize(groups * 2, retired);
    } else if (groups > kLeast && size_ * 8 < capacity) {
      resize(groups / 2, retired);
    }
  }

  /// REQUIRES: `reserve_one`, and that no entry of this name is there.
  void insert(Entry& entry) noexcept {
    place(*array_.load(std::memory_order_relaxed), entry);
    ++size_;
  }

  /// REQUIRES: the entry is there.
  void erase(const Entry& entry) noexcept {
    Array& array = *array_.load(std::memory_order_relaxed);
    const std::size_t mask = array.mask;
    std::size_t at = array.home_of(entry.hash);
    std::size_t slot = array.groups()[at].find(&entry);
    for (; slot == kGroup; slot = array.groups()[at].find(&entry)) at = (at + 1) & mask;
    // Knuth, The Art of Computer Programming 6.4, algorithm R: whatever went past a group because it was full must still
    // be found there, so the gap in a full group is closed from the groups behind it.
    bool was_full = array.groups()[at].is_full();
    for (std::size_t from = at; was_full && (from = (from + 1) & mask) != at;) {
      Group& source = array.groups()[from];
      const bool source_full = source.is_full();
      for (std::size_t candidate = 0; candidate < kGroup; ++candidate) {
        Entry* const moved = source.entries[candidate].load(std::memory_order_relaxed);
        if (moved == nullptr || ((from - array.home_of(moved->hash)) & mask) < ((from - at) & mask)) continue;
        array.groups()[at].set(slot, moved, tag_of(moved->hash));
        at = from;
        slot = candidate;
        break;
      }
      was_full = source_full;
    }
    array.groups()[at].set(slot, nullptr, 0);
    --size_;
  }

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return (array_.load(std::memory_order_relaxed)->mask + 1) * kGroup; }
  /// The entry in a slot, for those who walk over all; null where there is none.
  Entry* at(std::size_t slot) const noexcept {
    const Group& group = array_.load(std::memory_order_relaxed)->groups()[slot / kGroup];
    return group.entries[slot % kGroup].load(std::memory_order_relaxed);
  }

  /// Memory of a slot at the emptiest, rounded up, and of the arrays that overlap while it grows.
  static constexpr std::size_t kBytesPerEntry = 96;

 private:
  static constexpr std::size_t kGroup = 7;

  // Bytes of a word that equal a tag are marked by their highest bit. One that equals all but the lowest bit may be
  // marked too when it follows one that equals: the entry itself decides.
  static constexpr std::uint64_t kEach = 0x0001'0101'0101'0101;
  static std::uint64_t equal_bytes_of(std::uint64_t tags, std::uint64_t tag) noexcept {
    const std::uint64_t differing = tags ^ (tag * kEach);
    return (differing - kEach) & ~differing & (kEach << 7);
  }
  static std::size_t position(std::uint64_t marks) noexcept {
    return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
  }
  /// The highest bit is set in every tag and in no other byte.
  static std::uint64_t tag_of(std::uint64_t hash) noexcept { return hash >> 57 | 0x80; }
  static bool is_full(std::uint64_t tags) noexcept { return (tags & (kEach << 7)) == kEach << 7; }

 public:
  struct alignas(64) Group {
    Atomic<std::uint64_t> tags{0};
    Atomic<Entry*> entries[kGroup] = {};

    bool is_full() const noexcept { return Table::is_full(tags.load(std::memory_order_relaxed)); }
    /// The slot of an entry, or of none; `kGroup` when there is no such slot.
    std::size_t find(const Entry* entry) const noexcept {
      std::size_t slot = 0;
      while (slot < kGroup && entries[slot].load(std::memory_order_relaxed) != entry) ++slot;
      return slot;
    }
    void set(std::size_t slot, Entry* entry, std::uint64_t tag) noexcept {
      entries[slot].store(entry, std::memory_order_seq_cst);
      const std::uint64_t others = tags.load(std::memory_order_relaxed) & ~(std::uint64_t{0xFF} << (8 * slot));
      tags.store(others | tag << (8 * slot), std::memory_order_release);
    }
  };
  struct Array {
    explicit Array(std::size_t groups) : mask(groups - 1), memory(new Group[groups]), home_mask(mask * sizeof(Group)) {}
    Group* groups() const noexcept { return memory.get(); }
    [[gnu::always_inline]] const Group& home(std::uint64_t hash) const noexcept {
      return *reinterpret_cast<const Group*>(reinterpret_cast<const char*>(memory.get()) + (hash & home_mask));
    }
    std::size_t home_of(std::uint64_t hash) const noexcept { return (hash & home_mask) / sizeof(Group); }

    const std::size_t mask;
    const std::unique_ptr<Group[]> memory;
    const std::uint64_t home_mask;  // of the bits of a hash that are the offset of its home
    std::uint64_t epoch = 0;  // once retired
    std::unique_ptr<Array> next_retired;
  };

 private:
  static constexpr std::size_t kLeast = 2;  // groups

  // By value, so that the caller's probe needs no memory.
  [[gnu::noinline]] Entry* find_small(const char* key, std::size_t size, std::uint64_t hash) const noexcept {
    const Probe probe{nullptr, {key, size}, hash};
    return walk(hash, [&probe](const Entry& entry) { return probe.names_at_once(entry); });
  }

  template <class Names>
  Entry* walk(std::uint64_t hash, Names names) const noexcept {
    const Array& array = *array_.load(std::memory_order_seq_cst);
    const std::uint64_t tag = tag_of(hash);
    for (std::size_t looked = 0, at = array.home_of(hash); looked <= array.mask; ++looked, at = (at + 1) & array.mask) {
      const Group& group = array.groups()[at];
      const std::uint64_t tags = group.tags.load(std::memory_order_acquire);
      for (std::uint64_t found = equal_bytes_of(tags, tag); found != 0; found &= found - 1) {
        Entry* const entry = group.entries[position(found)].load(std::memory_order_seq_cst);
        if (entry != nullptr && names(*entry)) return entry;
      }
      if (!is_full(tags)) return nullptr;
    }
    return nullptr;
  }

  static Array* make(std::size_t groups) { return new Array(groups); }
  static void destroy(Array* array) noexcept { delete array; }

  static void place(Array& array, Entry& entry) noexcept {
    std::size_t at = array.home_of(entry.hash);
    while (array.groups()[at].is_full()) at = (at + 1) & array.mask;
    Group& group = array.groups()[at];
    group.set(group.find(nullptr), &entry, tag_of(entry.hash));
  }

  template <class Retired>
  void resize(std::size_t groups, Retired&& retired) {
    Array* const old = array_.load(std::memory_order_relaxed);
    Array* const array = make(groups);
    for (std::size_t slot = 0; slot < (old->mask + 1) * kGroup; ++slot)
      if (Entry* const entry = at(slot)) place(*array, *entry);
    array_.store(array, std::memory_order_seq_cst);
    retired(std::unique_ptr<Array>(old));
  }

  // On lines apart, so that stores do not disturb readers.
  alignas(64) Atomic<Array*> array_;
  alignas(64) std::size_t size_ = 0;  // guarded by the engine's mutex
};

}  // namespace watchbell::cache::detail
