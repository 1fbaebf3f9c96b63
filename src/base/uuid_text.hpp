#pragma once

#include <array>
#include <string_view>

#include "base/id.hpp"

namespace watchbell {

/// The 36 characters of a UUID, as Uuid::to_string gives them, without memory of their own: for a key or a header of the moment. Immutable value.
class UuidText {
 public:
  explicit UuidText(const Uuid& id) noexcept {
    static constexpr char kDigits[] = "0123456789abcdef";
    char* out = text_.data();
    const auto& bytes = id.bytes();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
      *out++ = kDigits[bytes[i] >> 4];
      *out++ = kDigits[bytes[i] & 15];
    }
  }
  template <class Tag>
  explicit UuidText(const Id<Tag>& id) noexcept : UuidText(id.uuid()) {}

  operator std::string_view() const noexcept { return {text_.data(), text_.size()}; }  // NOLINT(google-explicit-constructor): it is one

 private:
  std::array<char, 36> text_;
};

}  // namespace watchbell
