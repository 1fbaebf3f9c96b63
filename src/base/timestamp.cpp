#include "base/timestamp.hpp"

namespace watchbell {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

void put(char*& out, unsigned value, int digits) noexcept {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out += digits;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool number(int digits, int& value) noexcept {
    if (text_.size() - at_ < static_cast<std::size_t>(digits)) return false;
    value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = text_[at_ + static_cast<std::size_t>(i)];
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    at_ += static_cast<std::size_t>(digits);
    return true;
  }
  bool take(char c) noexcept {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool digit(int& value) noexcept { return number(1, value); }
  bool done() const noexcept { return at_ == text_.size(); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Timestamp> Timestamp::parse(std::string_view text) noexcept {
  Reader in(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!in.number(4, year) || !in.take('-') || !in.number(2, month) || !in.take('-') || !in.number(2, day)) return std::nullopt;
  const auto date = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::day(static_cast<unsigned>(day));
  if (!date.ok() || year < 1) return std::nullopt;
  std::int64_t micros = 0;
  std::int64_t offset_minutes = 0;
  if (!in.done()) {
    if (!in.take('T') && !in.take('t') && !in.take(' ')) return std::nullopt;
    if (!in.number(2, hour) || !in.take(':') || !in.number(2, minute)) return std::nullopt;
    if (in.take(':')) {
      if (!in.number(2, second)) return std::nullopt;
      if (in.take('.')) {
        int digit = 0;
        int count = 0;
        std::int64_t scale = 100'000;
        while (count < 9 && in.digit(digit)) {
          micros += digit * scale;
          scale /= 10;
          ++count;
        }
        if (count == 0) return std::nullopt;
      }
    }
    if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
    if (!in.take('Z') && !in.take('z')) {
      int sign = 0;
      if (in.take('+')) sign = 1;
      else if (in.take('-')) sign = -1;
      else return std::nullopt;
      int zone_hours = 0, zone_minutes = 0;
      if (!in.number(2, zone_hours)) return std::nullopt;
      in.take(':');
      if (!in.number(2, zone_minutes) || zone_hours > 23 || zone_minutes > 59) return std::nullopt;
      offset_minutes = sign * (zone_hours * 60 + zone_minutes);
    }
    if (!in.done()) return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  micros += days * kMicrosPerDay + ((static_cast<std::int64_t>(hour) * 60 + minute - offset_minutes) * 60 + second) * 1'000'000;
  // A zone can carry a date at the edge out of the years 0001 to 9999.
  if (micros < -62'135'596'800'000'000 || micros > 253'402'300'799'999'999) return std::nullopt;
  return from_micros(micros);
}

void Timestamp::write_iso(char* out) const noexcept {
  const auto point = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(millis()));
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(day);
  const auto ms = static_cast<unsigned>((point - day).count());
  put(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *out++ = '-';
  put(out, static_cast<unsigned>(date.month()), 2);
  *out++ = '-';
  put(out, static_cast<unsigned>(date.day()), 2);
  *out++ = 'T';
  put(out, ms / 3'600'000, 2);
  *out++ = ':';
  put(out, ms / 60'000 % 60, 2);
  *out++ = ':';
  put(out, ms / 1000 % 60, 2);
  *out++ = '.';
  put(out, ms % 1000, 3);
  *out++ = 'Z';
}

std::string Timestamp::to_iso() const {
  std::string text(24, '\0');
  write_iso(text.data());
  return text;
}

}  // namespace watchbell
