#pragma once

#include <watchbell/cache/detail/epoch.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace watchbell::cache {

namespace detail {

/// What a loan reads of its entry.
struct Lendable {
  const void* object = nullptr;
};

/// What a look-up found, in two registers: an entry and the pin that keeps it, or neither.
struct Found {
  const Lendable* entry;
  Reader* reader;
};

/// An entry that cannot be freed for as long as this lives. Empty when there is none.
class Loan {
 public:
  Loan() noexcept = default;
  /// Takes over the pin.
  explicit Loan(Found found) noexcept : found_(found) {}
  Loan(Loan&& other) noexcept : found_(std::exchange(other.found_, Found{})) {}
  Loan& operator=(Loan&& other) noexcept {
    Loan taken(std::move(other));
    std::swap(found_, taken.found_);
    return *this;
  }
  ~Loan() {
    if (found_.entry != nullptr) epoch::unpin(*found_.reader);
  }

  bool holds() const noexcept { return found_.entry != nullptr; }
  const void* object() const noexcept { return found_.entry->object; }
  std::shared_ptr<const void> share() const noexcept;

 private:
  Found found_{};
};

}  // namespace detail

/// A value of the cache, lent: it can be read for as long as this object lives, whatever is invalidated, replaced or
/// evicted meanwhile. Costs no reference count, so any number of threads may be lent one value without disturbing each
/// other.
///
/// For the calling thread and the present moment only: keep it in a local variable, do not hold one across a
/// suspension, never hand it to another thread, and let it go before its scope. Whatever is removed from any cache of
/// the process waits for its memory to be freed until no loan from before is left. Use `share()` for what is to stay.
template <class T>
class Lent {
 public:
  Lent() noexcept = default;
  explicit Lent(detail::Loan loan) noexcept : loan_(std::move(loan)) {}

  explicit operator bool() const noexcept { return loan_.holds(); }
  /// REQUIRES of the next three: there is a value.
  const T& operator*() const noexcept { return *static_cast<const T*>(loan_.object()); }
  const T* operator->() const noexcept { return static_cast<const T*>(loan_.object()); }
  /// A share in the value, which may be kept and passed on; null when there is none. Costs an atomic increment of a
  /// count that all who share the value use.
  std::shared_ptr<const T> share() const noexcept { return std::static_pointer_cast<const T>(loan_.share()); }

  friend bool operator==(const Lent& lent, std::nullptr_t) noexcept { return !lent; }

 private:
  detail::Loan loan_;
};

}  // namespace watchbell::cache
