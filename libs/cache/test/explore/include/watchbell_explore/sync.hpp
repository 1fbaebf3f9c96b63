#pragma once

// What detail/sync.hpp gives to the engine in the build that explores interleavings: every operation is a step of the
// deterministic scheduler, and whatever is used after it was freed is noticed.

#include <watchbell_explore/scheduler.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <type_traits>

namespace watchbell::cache::detail {

struct Entry;
enum class Refresh : std::uint8_t;
struct Reader;

/// A stand-in for std::atomic, of the same size.
///
/// What only the holder of the engine's lock writes, he reads without a step: nobody can change it meanwhile, so
/// whoever could be let in there is as well let in at his next step. That it is so is checked with every write. Of the
/// list of readers nothing is a step: it is complete before the tasks start.
template <class T>
class Atomic {
 public:
  constexpr Atomic() noexcept = default;
  constexpr Atomic(T value) noexcept : value_(value) {}  // NOLINT(google-explicit-constructor)
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order = std::memory_order_seq_cst) const noexcept {
    if (!(is_guarded() && explore::holds_lock())) step(explore::Action::load);
    return checked();
  }
  void store(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
    write(explore::Action::store);
    value_ = value;
  }
  T exchange(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
    write(explore::Action::exchange);
    const T before = value_;
    value_ = value;
    return before;
  }
  bool compare_exchange_strong(T& expected, T value) noexcept {
    write(explore::Action::exchange);
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = value;
    return true;
  }
  T fetch_add(T more, std::memory_order = std::memory_order_seq_cst) noexcept {
    write(explore::Action::add);
    const T before = value_;
    value_ = static_cast<T>(before + more);
    return before;
  }

 private:
  static constexpr const char* what() noexcept {
    if constexpr (std::is_same_v<T, Entry*>) return "slot of the table";
    if constexpr (std::is_same_v<T, Refresh>) return "refresh";
    if constexpr (std::is_same_v<T, std::uint8_t>) return "uses";
    if constexpr (std::is_pointer_v<T>) return "table";
    return "generation or hash";
  }
  void step(explore::Action action) const {
    if constexpr (!std::is_same_v<T, Reader*>) explore::step(action, this, what());
  }
  /// One byte says how often an entry was read or that it is refreshed, which readers write.
  bool is_guarded() const noexcept {
    return sizeof(T) > 1 && !std::is_same_v<T, Reader*> && !explore::is_unguarded(this);
  }
  void write(explore::Action action) const {
    if (explore::in_task() && !explore::holds_lock() && is_guarded())
      explore::fail("what the lock guards is written without it");
    step(action);
    static_cast<void>(checked());
  }
  /// Freed memory is filled with 0xDD (memory.cpp), which no value of the engine's is made of.
  T checked() const {
    unsigned char freed[sizeof(T)];
    std::memset(freed, 0xDD, sizeof freed);
    if (std::memcmp(&value_, freed, sizeof freed) == 0) explore::fail("memory is used after it was freed");
    return value_;
  }

  T value_{};
};

class Mutex {
 public:
  void lock() {
    explore::step(explore::Action::lock, this, "mutex", &Mutex::is_free);
    if (held_) explore::fail("a mutex is locked that is held");
    held_ = true;
    explore::locked();
  }
  /// No step: whatever could be done before it can as well be done after it.
  void unlock() {
    held_ = false;
    explore::unlocked();
  }

 private:
  static bool is_free(const void* self) noexcept { return !static_cast<const Mutex*>(self)->held_; }

  bool held_ = false;
};

/// Set once, waited for by one thread.
class Signal {
 public:
  void set() {
    explore::step(explore::Action::store, this, "signal");
    set_ = true;
  }
  void wait() { explore::step(explore::Action::wait, this, "signal", &Signal::is_set); }
  /// Time is the scheduler's: it decides whether it comes first.
  template <class TimePoint>
  bool wait_until(TimePoint /*time*/) {
    return explore::step_until(this, "signal", &Signal::is_set);
  }

 private:
  static bool is_set(const void* self) noexcept { return static_cast<const Signal*>(self)->set_; }

  bool set_ = false;
};

/// Names the calling task, as it names the calling thread elsewhere.
inline const void* this_plain_thread() noexcept { return explore::this_task(); }

}  // namespace watchbell::cache::detail
