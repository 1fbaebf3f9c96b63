#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchbell {

/// An instant: microseconds since 1970-01-01T00:00:00Z, UTC, from year 0001 to 9999. Immutable value.
class Timestamp {
 public:
  constexpr Timestamp() = default;
  /// @param micros  microseconds since the epoch
  static constexpr Timestamp from_micros(std::int64_t micros) noexcept {
    Timestamp t;
    t.micros_ = micros;
    return t;
  }
  static constexpr Timestamp from_millis(std::int64_t millis) noexcept { return from_micros(millis * 1000); }

  /// Reads an ISO-8601 instant with a zone ("2026-01-02T03:04:05.678Z", "...+02:00"), or a bare date (midnight UTC). Up to nine
  /// fractional digits are read, those past microseconds dropped. Nothing for any other text or an impossible date.
  static std::optional<Timestamp> parse(std::string_view text) noexcept;

  constexpr std::int64_t micros() const noexcept { return micros_; }
  constexpr std::int64_t millis() const noexcept { return micros_ >= 0 ? micros_ / 1000 : -((-micros_ + 999) / 1000); }
  constexpr std::int64_t seconds() const noexcept { return micros_ >= 0 ? micros_ / 1'000'000 : -((-micros_ + 999'999) / 1'000'000); }

  /// "2026-01-02T03:04:05.678Z": UTC, three decimals, always 24 characters.
  std::string to_iso() const;
  /// Writes the 24 characters of to_iso to `out`; no allocation.
  void write_iso(char* out) const noexcept;

  constexpr Timestamp operator+(std::chrono::microseconds d) const noexcept { return from_micros(micros_ + d.count()); }
  constexpr Timestamp operator-(std::chrono::microseconds d) const noexcept { return from_micros(micros_ - d.count()); }
  constexpr std::chrono::microseconds operator-(Timestamp other) const noexcept { return std::chrono::microseconds(micros_ - other.micros_); }
  constexpr auto operator<=>(const Timestamp&) const = default;

 private:
  std::int64_t micros_ = 0;
};

}  // namespace watchbell
