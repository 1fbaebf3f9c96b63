#pragma once

#include <array>
#include <cstring>
#include <string_view>

#include "base/id.hpp"

namespace watchbell {

/// The 36 characters of a UUID, as Uuid::to_string gives them, without memory of their own: for a key or a header of the moment. Immutable value.
class UuidText {
 public:
  explicit UuidText(const Uuid& id) noexcept {
    const auto& bytes = id.bytes();
    const auto put = [&](std::size_t from, std::size_t to, char* out) {
      for (std::size_t i = from; i < to; ++i, out += 2) std::memcpy(out, kPairs[bytes[i]].data(), 2);
    };
    put(0, 4, text_.data());
    put(4, 6, text_.data() + 9);
    put(6, 8, text_.data() + 14);
    put(8, 10, text_.data() + 19);
    put(10, 16, text_.data() + 24);
    for (const std::size_t dash : {8u, 13u, 18u, 23u}) text_[dash] = '-';
  }
  template <class Tag>
  explicit UuidText(const Id<Tag>& id) noexcept : UuidText(id.uuid()) {}

  operator std::string_view() const noexcept { return {text_.data(), text_.size()}; }  // NOLINT(google-explicit-constructor): it is one

 private:
  /// The two digits of each byte: a look-up a byte, as an id is written for every request.
  static constexpr auto kPairs = [] {
    constexpr char kDigits[] = "0123456789abcdef";
    std::array<std::array<char, 2>, 256> pairs{};
    for (std::size_t byte = 0; byte < 256; ++byte) pairs[byte] = {kDigits[byte >> 4], kDigits[byte & 15]};
    return pairs;
  }();
  std::array<char, 36> text_;
};

}  // namespace watchbell
