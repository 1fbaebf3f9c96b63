#pragma once

#include "entry_memory.hpp"
#include "families.hpp"
#include "policy/hook.hpp"

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/sync.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/lent.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <typeinfo>

namespace watchbell::cache::detail {

/// Of a value that ends soon: whether a reader has gone to load it anew, and has begun to.
enum class Refresh : std::uint8_t { none, asked, loads };

/// A stored value. Made with its key's bytes behind it, in one block: the first line is what only the holder of the mutex
/// reads, and those who meet a long key; the second is what hits read, and in what is left of that the key begins, so that
/// a short one costs no further line. Immutable once it is in the table, apart from what is atomic and from the first line.
struct alignas(64) EntryRest : PolicyHook {
  std::uint32_t key_size = 0;
  std::shared_ptr<const void> value;
  std::size_t charge = 0;
  std::uint64_t hash = 0;   // of scope and key
  std::uint64_t order = 0;  // number of its insertion; once it is removed, the epoch of that
};
static_assert(sizeof(void*) != 8 || sizeof(EntryRest) == 64);

struct Entry : EntryRest, Lendable {
  static Entry* make(EntryMemory& memory, Node& family, std::uint64_t hash, std::string_view key) {
    void* const block = memory.allocate(size_of(key.size()));
    auto* const entry = ::new (block) Entry(family, hash, static_cast<std::uint32_t>(key.size()));
    std::memcpy(static_cast<char*>(block) + kKeyAt, key.data(), key.size());
    return entry;
  }
  static void destroy(EntryMemory& memory, Entry* entry) noexcept {
    const std::size_t size = size_of(entry->key_size);
    entry->~Entry();
    memory.deallocate(entry, size);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  std::string_view key() const noexcept { return {key_begin(), small_key_size == kLarge ? key_size : small_key_size}; }
  const char* key_begin() const noexcept { return reinterpret_cast<const char*>(this) + kKeyAt; }
  Node& scope() const noexcept { return *family->scope_node; }

  /// Says nothing, and equals the size of no small key nor what a large one says instead.
  static constexpr std::uint8_t kLarge = PathBytes::kIsLarge - 1;

  Node* const family;  // deepest of the key; held
  std::uint64_t stamp = 0;
  TimePoint expires;
  const std::type_info* type = nullptr;
  const std::uint8_t small_key_size;  // kLarge: see key_size
  Atomic<std::uint8_t> uses{0};       // hits, as far as the policy counts them
  Atomic<Refresh> refresh{Refresh::none};

 private:
  static constexpr std::size_t kKeyBegins = 21;  // bytes of the key that fit on the second line
  static const std::size_t kKeyAt;
  static std::size_t size_of(std::size_t key_size) noexcept;

  Entry(Node& in_family, std::uint64_t key_hash, std::uint32_t size)
      : family(&in_family), small_key_size(size <= PathBytes::kSmall ? static_cast<std::uint8_t>(size) : kLarge) {
    hash = key_hash;
    key_size = size;
  }
  ~Entry() = default;

  [[maybe_unused]] char key_begin_[kKeyBegins];  // reached through kKeyAt, since the key goes on behind
};

inline constexpr std::size_t Entry::kKeyAt = sizeof(Entry) - kKeyBegins;
inline std::size_t Entry::size_of(std::size_t key_size) noexcept {
  return kKeyAt + (key_size < kKeyBegins ? kKeyBegins : key_size);
}

static_assert(sizeof(void*) != 8 || sizeof(Entry) == 128);

}  // namespace watchbell::cache::detail
