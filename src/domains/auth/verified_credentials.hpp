#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace watchbell::auth {

/// Credentials whose signature or secret was seen to be good, each with what follows from its text alone (the key its session is cached under, the hash of its
/// secret), so that who comes again costs no second HMAC and no second hash. Whether the session or the key still holds is asked at each request, of the
/// cache: there is nothing here that could grow stale. Only good ones get in, so nobody fills it with made-up ones; two that meet in one place take turns.
/// As many bytes as the texts of 2,048 credentials at most. Loop-only.
template <class T>
class VerifiedCredentials {
 public:
  /// What follows from the text, or null when it was not seen or was overtaken. One hash and one comparison in constant time; no allocation.
  const T* find(std::string_view text) const {
    const Slot* const slot = slots_[place(text)].get();
    return slot != nullptr && constant_time_equal(slot->text, text) ? &slot->follows : nullptr;
  }
  /// Text longer than any credential of ours is not kept.
  void put(std::string_view text, T follows) {
    constexpr std::size_t kLongest = 256;
    if (text.size() <= kLongest) slots_[place(text)] = std::make_unique<const Slot>(std::string(text), std::move(follows));
  }

 private:
  struct Slot {
    std::string text;
    T follows;
  };
  static constexpr std::size_t kSlots = 2048;
  static std::size_t place(std::string_view text) { return std::hash<std::string_view>()(text) % kSlots; }

  std::vector<std::unique_ptr<const Slot>> slots_ = std::vector<std::unique_ptr<const Slot>>(kSlots);
};

}  // namespace watchbell::auth
