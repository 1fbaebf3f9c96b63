#include "memory.hpp"

#include "asan.hpp"

#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#ifdef WATCHBELL_EXPLORE_ASAN

namespace watchbell::cache::explore {
Quarantine::Quarantine() noexcept = default;
Quarantine::~Quarantine() = default;
}  // namespace watchbell::cache::explore

#else

namespace {

/// Freed blocks that are kept, linked through their first word.
struct Kept {
  Kept* next;
};
Kept* kept = nullptr;
bool keeping = false;

void* allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t size = bytes < sizeof(Kept) ? sizeof(Kept) : (bytes + alignment - 1) / alignment * alignment;
  void* const block = alignment <= alignof(std::max_align_t) ? std::malloc(size) : std::aligned_alloc(alignment, size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  if (!keeping) return std::free(block);
  std::memset(block, 0xDD, malloc_usable_size(block));
  static_cast<Kept*>(block)->next = kept;
  kept = static_cast<Kept*>(block);
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t /*bytes*/) noexcept { release(block); }
void operator delete(void* block, std::align_val_t /*alignment*/) noexcept { release(block); }
void operator delete(void* block, std::size_t /*bytes*/, std::align_val_t /*alignment*/) noexcept { release(block); }

namespace watchbell::cache::explore {

Quarantine::Quarantine() noexcept { keeping = true; }

Quarantine::~Quarantine() {
  keeping = false;
  while (kept != nullptr) {
    Kept* const block = kept;
    kept = block->next;
    std::free(block);
  }
}

}  // namespace watchbell::cache::explore

#endif
