// Counts what the program holds on the heap, by replacing the global operators of this test program.
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <string>

namespace {

std::atomic<long> live_bytes = 0;
std::atomic<long> allocations = 0;

void* counted_or_null(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) noexcept {
  void* memory = nullptr;
  if (posix_memalign(&memory, std::max(alignment, sizeof(void*)), std::max<std::size_t>(size, 1)) != 0) return nullptr;
  live_bytes += static_cast<long>(malloc_usable_size(memory));
  ++allocations;
  return memory;
}

void* counted(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
  void* const memory = counted_or_null(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void uncounted(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= static_cast<long>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// All forms: one that is left out takes its memory elsewhere, uncounted, and gives it back here.
void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted_or_null(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted_or_null(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete[](void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { uncounted(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { uncounted(memory); }
void operator delete(void* memory, std::size_t) noexcept { uncounted(memory); }
void operator delete[](void* memory, std::size_t) noexcept { uncounted(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { uncounted(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { uncounted(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { uncounted(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { uncounted(memory); }

namespace watchbell::cache::test {
namespace {

TEST(Allocation, C_9_a_million_distinct_invalidations_leave_memory_flat) {
  World world;
  const Key live("family", "live");
  world.text(live);
  const auto nodes = world.engine.snapshot().families;
  const long before = live_bytes;
  for (int i = 0; i < 1'000'000; ++i) {
    world.scope.invalidate(Key("family", i));
    world.scope.invalidate_prefix(Family("other", i));
  }
  EXPECT_EQ(live_bytes, before);
  EXPECT_EQ(world.engine.snapshot().families, nodes);
  EXPECT_NE(world.scope.find<std::string>(live), nullptr);  // live entries stay
}

TEST(Allocation, C_9_loads_that_were_invalidated_while_they_ran_leave_nothing_behind) {
  World world;
  const auto round = [&](int i) {
    const auto gate = world.source.hold();
    const Key key("family", i, "load");
    world.read(key);
    world.scope.invalidate_prefix(Family("family", i));
    gate->open();
    drain(world.loop);
  };
  for (int i = 0; i < 1000; ++i) round(i);  // tables, timer queues and the loop's own stores reach their size
  const long before = live_bytes;
  for (int i = 1000; i < 20'000; ++i) round(i);
  EXPECT_LT(live_bytes - before, 64 * 1024);
  EXPECT_EQ(world.engine.snapshot().families, 1u);
}

TEST(Allocation, a_hit_and_a_miss_of_find_and_an_invalidation_allocate_nothing) {
  World world;
  const Key key("inbox", "0190-a-rather-long-user-id", "unread");
  const Key unknown("inbox", "0190-another-long-user-id", "unread");
  const Family family("inbox", "0190-a-rather-long-user-id");
  world.text(key);
  const long before = allocations;
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(world.scope.find<std::string>(key), nullptr);
    EXPECT_EQ(world.scope.find<std::string>(unknown), nullptr);
  }
  world.scope.invalidate(unknown);
  world.scope.invalidate_prefix(family);
  EXPECT_EQ(allocations, before);
}

TEST(Allocation, C_28_what_entries_really_hold_is_not_more_than_what_they_are_charged) {
  World world;
  drain(world.loop);
  for (int i = 0; i < 100; ++i) world.text(Key("warm", i));  // whatever grows once
  world.engine.clear();
  const long before = live_bytes;
  world.source.value = std::string(200, 'v');
  for (int i = 0; i < 5000; ++i) world.text(Key("family", i, std::string(40, 's'), "leaf", i));
  const auto seen = world.engine.snapshot();
  EXPECT_EQ(seen.entries, 5000u);
  EXPECT_LE(live_bytes - before, static_cast<long>(seen.bytes));
}

}  // namespace
}  // namespace watchbell::cache::test
