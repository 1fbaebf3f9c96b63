#pragma once

#include <watchbell/cache/detail/epoch.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace watchbell::cache {

namespace detail {

struct Entry;

/// An entry that cannot be freed for as long as this lives. Empty when there is none.
class Loan {
 public:
  Loan() noexcept = default;
  /// Takes over a pin of `reader`.
  Loan(const Entry& entry, const void* object, Reader& reader) noexcept
      : entry_(&entry), object_(object), reader_(&reader) {}
  Loan(Loan&& other) noexcept
      : entry_(std::exchange(other.entry_, nullptr)), object_(other.object_), reader_(other.reader_) {}
  Loan& operator=(Loan&& other) noexcept {
    Loan taken(std::move(other));
    std::swap(entry_, taken.entry_);
    std::swap(object_, taken.object_);
    std::swap(reader_, taken.reader_);
    return *this;
  }
  ~Loan() {
    if (entry_ != nullptr) epoch::unpin(*reader_);
  }

  bool holds() const noexcept { return entry_ != nullptr; }
  const void* object() const noexcept { return object_; }
  std::shared_ptr<const void> share() const noexcept;

 private:
  const Entry* entry_ = nullptr;
  const void* object_ = nullptr;
  Reader* reader_ = nullptr;
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
