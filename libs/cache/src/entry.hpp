#pragma once

#include "families.hpp"
#include "policy/hook.hpp"

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/detail/sync.hpp>
#include <watchbell/cache/key.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <typeinfo>

namespace watchbell::cache::detail {

/// A stored value. Made with its key's bytes behind it, in one block: the first line is the mutex's, the second is what
/// hits read, and in what is left of that the key begins, so that a short one costs no further line. Immutable once it is
/// in the table, apart from what is atomic and from the first line.
struct alignas(64) Entry : PolicyHook {
  static Entry* make(Node& family, std::uint64_t hash, std::string_view key) {
    void* const block = ::operator new(size_of(key.size()), std::align_val_t(alignof(Entry)));
    auto* const entry = ::new (block) Entry(family, hash, static_cast<std::uint32_t>(key.size()));
    std::memcpy(static_cast<char*>(block) + kKeyAt, key.data(), key.size());
    return entry;
  }
  static void destroy(Entry* entry) noexcept {
    entry->~Entry();
    ::operator delete(static_cast<void*>(entry), std::align_val_t(alignof(Entry)));
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  std::string_view key() const noexcept { return {reinterpret_cast<const char*>(this) + kKeyAt, key_size}; }
  Node& scope() const noexcept { return *family->scope_node; }

  std::shared_ptr<const void> value;
  std::size_t charge = 0;
  const std::uint64_t hash;  // of scope and key
  std::uint64_t order = 0;   // number of its insertion; once it is removed, the epoch of that

  alignas(64) Node* const family;  // deepest of the key; held
  std::uint64_t stamp = 0;
  TimePoint expires;
  const void* object = nullptr;  // what `value` points to
  const std::type_info* type = nullptr;
  const std::uint32_t key_size;
  Atomic<std::uint8_t> uses{0};       // hits, as far as the policy counts them
  Atomic<bool> refresh_begun{false};  // a reader has gone to load it anew before it expires
  Atomic<bool> refresh_loads{false};  // and has begun to

 private:
  static constexpr std::size_t kKeyBegins = 17;  // bytes of the key that fit on the second line
  static const std::size_t kKeyAt;
  static std::size_t size_of(std::size_t key_size) noexcept;

  Entry(Node& in_family, std::uint64_t key_hash, std::uint32_t size)
      : hash(key_hash), family(&in_family), key_size(size) {}
  ~Entry() = default;

  [[maybe_unused]] char key_begin_[kKeyBegins];  // reached through kKeyAt, since the key goes on behind
};

inline constexpr std::size_t Entry::kKeyAt = sizeof(Entry) - kKeyBegins;
inline std::size_t Entry::size_of(std::size_t key_size) noexcept {
  return kKeyAt + (key_size < kKeyBegins ? kKeyBegins : key_size);
}

static_assert(sizeof(void*) != 8 || sizeof(Entry) == 128);

}  // namespace watchbell::cache::detail
