#include <watchbell/cache/detail/epoch.hpp>

#include <mutex>
#include <utility>

// The thread sanitizer does not know the system call.
#if defined(__SANITIZE_THREAD__)
#define WATCHBELL_CACHE_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHBELL_CACHE_TSAN
#endif
#endif
#if defined(__linux__) && __has_include(<linux/membarrier.h>) && !defined(WATCHBELL_CACHE_EXPLORE) && \
    !defined(WATCHBELL_CACHE_TSAN)
#define WATCHBELL_CACHE_MEMBARRIER
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace watchbell::cache::detail::epoch {

#ifndef WATCHBELL_CACHE_EXPLORE
constinit Reader unknown{.epoch{1}};
constinit thread_local Reader* mine = &unknown;
bool writer_fences = false;
#endif

namespace {

#ifdef WATCHBELL_CACHE_MEMBARRIER
bool membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0u, 0) == 0; }
bool can_fence_all_threads() noexcept { return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }
bool fence_all_threads() noexcept { return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED); }
#else
[[maybe_unused]] bool can_fence_all_threads() noexcept { return false; }
[[maybe_unused]] bool fence_all_threads() noexcept { return true; }
#endif

/// Never destroyed: threads may end after the program's static objects have.
struct Registry {
  std::mutex mutex;
  Atomic<Reader*> first{nullptr};
  std::uint32_t count = 0;  // guarded by the mutex
};

Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

Reader& take() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  for (Reader* reader = all.first.load(); reader != nullptr; reader = reader->next.load()) {
    if (reader->taken) continue;
    reader->taken = true;
    return *reader;
  }
  auto* const reader = new Reader;
#ifndef WATCHBELL_CACHE_EXPLORE
  if (all.count == 0) writer_fences = can_fence_all_threads();
#endif
  reader->number = all.count++;
  reader->next.store(all.first.load());
  all.first.store(reader);
  return *reader;
}

#ifndef WATCHBELL_CACHE_EXPLORE
void give_back(Reader& reader) {
  const std::lock_guard lock(registry().mutex);
  reader.taken = false;
}

constinit thread_local bool ending = false;

/// Gives the record back when its thread ends.
struct Tenancy {
  ~Tenancy() {
    ending = true;
    if (reader != nullptr) give_back(*std::exchange(reader, nullptr));
    mine = &unknown;
  }
  Reader* reader = nullptr;
};
thread_local Tenancy tenancy;
#endif

}  // namespace

// 1, since 0 in a reader's record means that it reads nothing.
Atomic<std::uint64_t> now{1};

#ifdef WATCHBELL_CACHE_EXPLORE
Reader& this_reader() {
  auto& mine = explore::this_task_slot();
  if (mine == nullptr) mine = &take();
  return *static_cast<Reader*>(mine);
}
#else
Reader& rent() {
  Reader& reader = take();
  // Whoever reads in the destructor of a thread-local object, after ours, keeps the record for good.
  if (!ending) tenancy.reader = &reader;
  mine = &reader;
  return reader;
}
#endif

namespace {

std::uint64_t oldest_seen() noexcept {
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  for (Reader* reader = registry().first.load(); reader != nullptr; reader = reader->next.load()) {
    const std::uint64_t pinned = reader->epoch.load(std::memory_order_seq_cst);
    if (pinned != 0 && pinned < oldest) oldest = pinned;
  }
  return oldest;
}

}  // namespace

std::uint64_t oldest_pinned(std::uint64_t wanted) noexcept {
  if (!writer_fences) return oldest_seen();
  if (const std::uint64_t oldest = oldest_seen(); oldest <= wanted) return oldest;
  // It cannot fail once it was registered. If it did, nothing would be freed.
  return fence_all_threads() ? oldest_seen() : 0;
}

}  // namespace watchbell::cache::detail::epoch
