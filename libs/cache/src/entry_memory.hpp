#pragma once

#include <watchbell/cache/detail/sync.hpp>

#include <cstddef>
#include <memory_resource>
#include <mutex>
#include <new>

// A sanitizer, and the explorer of schedules, find a read of a freed entry only where its memory really is given back.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(WATCHBELL_CACHE_EXPLORE)
#define WATCHBELL_CACHE_ENTRIES_APART
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHBELL_CACHE_ENTRIES_APART
#endif
#endif

namespace watchbell::cache::detail {

/// Where entries stand: side by side, whatever else the program allocates between them. Spread over its heap, 10,000 of
/// them touch more pages than a processor keeps translations for, and a hit costs a seventh more. What was taken is kept
/// for further entries. Thread-safe.
class EntryMemory {
 public:
  /// Blocks begin cache lines. Throws std::bad_alloc.
  void* allocate(std::size_t size) {
#ifdef WATCHBELL_CACHE_ENTRIES_APART
    return ::operator new(size, std::align_val_t(kLine));
#else
    const std::lock_guard lock(mutex_);
    return pool_.allocate(size, kLine);
#endif
  }
  void deallocate(void* block, [[maybe_unused]] std::size_t size) noexcept {
#ifdef WATCHBELL_CACHE_ENTRIES_APART
    ::operator delete(block, std::align_val_t(kLine));
#else
    const std::lock_guard lock(mutex_);
    pool_.deallocate(block, size, kLine);
#endif
  }

 private:
  static constexpr std::size_t kLine = 64;

#ifndef WATCHBELL_CACHE_ENTRIES_APART
  std::mutex mutex_;
  std::pmr::unsynchronized_pool_resource pool_{
      std::pmr::pool_options{.max_blocks_per_chunk = 4096, .largest_required_pool_block = 512}, std::pmr::new_delete_resource()};
#endif
};

}  // namespace watchbell::cache::detail
