#pragma once

#include <watchbell/cache/detail/sync.hpp>

#include <atomic>
#include <cstdint>
#include <limits>

namespace watchbell::cache::detail {

/// What a thread says of its reading. On a cache line of its own; given to another thread when its own has ended.
struct alignas(64) Reader {
  Atomic<std::uint64_t> epoch{0};  // 0: reads nothing
  std::uint32_t nested = 0;        // pins of this thread beside the first; its own business
  std::uint32_t number = 0;        // of this record, from 0 on
  Atomic<Reader*> next{nullptr};   // of all records ever made
  bool taken = true;               // guarded by the registry's mutex
};

/// Epoch-based reclamation (Fraser, "Practical lock freedom", 2004, section 5.2.3), one for the process.
///
/// A reader pins before it loads a pointer that a writer may take away, and unpins when it has done with it. A writer
/// takes the pointer away, draws an epoch by `retire`, and may free what it points to when `oldest_pinned()` is above
/// that. Either the reader finds the pointer gone or the writer finds the reader. For that the reader's store must be
/// seen before its loads are made, which takes a fence on one of the two sides. It is the writer's where the system lets
/// it fence every thread of the process (Linux: membarrier): a fence on each read costs little itself, but keeps the
/// processor from beginning the next read while the memory of this one arrives. Elsewhere the reader's store is
/// sequentially consistent.
namespace epoch {

[[gnu::visibility("hidden")]] extern Atomic<std::uint64_t> now;

#if defined(WATCHBELL_CACHE_EXPLORE)
Reader& this_reader();
inline constexpr bool writer_fences = false;
inline void prepare() {}
#else
// Hidden: reached without the detour that a symbol of another module takes.
[[gnu::visibility("hidden")]] extern constinit thread_local Reader* mine;
/// What `mine` is before a thread has read: pinned for ever, so that the look at whether a pin is the first of its thread
/// finds it too. Nobody changes it.
[[gnu::visibility("hidden")]] extern constinit Reader unknown;
Reader& rent();
/// The calling thread's record, made if need be. May allocate the first time; never fails otherwise.
inline Reader& this_reader() { return mine != &unknown ? *mine : rent(); }
/// Set as the first record is made, and so before any thread pins; constant from then on.
[[gnu::visibility("hidden")]] extern bool writer_fences;
/// To be called before anything is retired, and before any thread may read what this one makes.
inline void prepare() { static_cast<void>(this_reader()); }
#endif

/// Pins a record that is not pinned.
inline void begin_pin(Reader& reader) noexcept {
  const std::uint64_t present = now.load(std::memory_order_acquire);
  if (writer_fences) [[likely]] {
    reader.epoch.store(present, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    reader.epoch.store(present, std::memory_order_seq_cst);
  }
}

/// @returns what must be given to `unpin` on the same thread. May be nested.
inline Reader& pin() {
  Reader& reader = this_reader();
  if (reader.epoch.load(std::memory_order_relaxed) != 0) [[unlikely]] ++reader.nested;
  else begin_pin(reader);
  return reader;
}

/// The same for a thread that has read before and pins nothing now; null for any other.
inline Reader* pin_first() noexcept {
#if defined(WATCHBELL_CACHE_EXPLORE)
  Reader* const reader = &this_reader();
#else
  Reader* const reader = mine;
#endif
  if (reader->epoch.load(std::memory_order_relaxed) != 0) [[unlikely]] return nullptr;
  begin_pin(*reader);
  return reader;
}

inline void unpin(Reader& reader) noexcept {
  if (reader.nested != 0) [[unlikely]] --reader.nested;
  else reader.epoch.store(0, std::memory_order_release);
}

/// To be called after a pointer was taken away: what it led to may be freed once `oldest_pinned()` is above this.
inline std::uint64_t retire() noexcept { return now.fetch_add(1, std::memory_order_seq_cst); }

/// The lowest epoch that a reader has pinned. O(threads that ever read at the same time).
/// @param wanted  the caller has no use for an epoch that is not above this: saves the fence where it is plain without
std::uint64_t oldest_pinned(std::uint64_t wanted) noexcept;

}  // namespace epoch
}  // namespace watchbell::cache::detail
