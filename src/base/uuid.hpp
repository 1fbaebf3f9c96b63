#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace watchbell {

/// A UUID of RFC 9562: 16 bytes in network order. Immutable value.
class Uuid {
 public:
  constexpr Uuid() = default;
  explicit constexpr Uuid(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

  /// Reads 8-4-4-4-12 hexadecimal digits in any case, any RFC 9562 version 1 to 8 with its variant, and the nil and max UUIDs.
  static std::optional<Uuid> parse(std::string_view text) noexcept;

  /// A version 7 UUID: 48 bits of milliseconds, 74 random bits (a monotonic counter in the first 12, so that ids made in one
  /// millisecond by one process ascend). The randomness is the system's. Thread-safe.
  static Uuid make_v7(std::int64_t unix_millis);

  constexpr const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  constexpr bool is_nil() const noexcept { return bytes_ == std::array<std::uint8_t, 16>{}; }
  /// 36 characters, lower case.
  std::string to_string() const;

  constexpr auto operator<=>(const Uuid&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace watchbell

template <>
struct std::hash<watchbell::Uuid> {
  std::size_t operator()(const watchbell::Uuid& id) const noexcept {
    std::size_t value = 0;
    // The low half is random in versions 4 and 7.
    for (std::size_t i = 8; i < 16; ++i) value = value << 8 | id.bytes()[i];
    return value;
  }
};

template <>
struct fmt::formatter<watchbell::Uuid> : fmt::formatter<std::string> {
  auto format(const watchbell::Uuid& id, fmt::format_context& out) const { return fmt::formatter<std::string>::format(id.to_string(), out); }
};
