#include "domains/notification/quiet_hours.hpp"

#include <stdexcept>

#include <date/tz.h>

namespace watchbell::notification {

namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

const date::time_zone* find_zone(std::string_view name) {
  try {
    return date::locate_zone(name);
  } catch (const std::runtime_error&) {  // the library knows no other way to say that there is none
    return nullptr;
  }
}

std::optional<std::int64_t> minute_of(std::string_view text) {
  const auto digits = [&](std::size_t at) -> std::int64_t {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return digit(text[at]) && digit(text[at + 1]) ? (text[at] - '0') * 10 + (text[at + 1] - '0') : 99;
  };
  if (text.size() != 5 || text[2] != ':' || digits(0) > 23 || digits(3) > 59) return std::nullopt;
  return digits(0) * 60 + digits(3);
}

enum class Pick { first, last };

/// The instant at which the clock of the zone shows a time of a day.
Timestamp instant(const date::time_zone& zone, date::local_days day, std::int64_t minute, Pick pick) {
  const auto local = day + minutes(minute);
  const auto info = zone.get_info(local);
  const auto utc = [&](const date::sys_info& of) { return date::sys_time<microseconds>(local.time_since_epoch() - of.offset); };
  switch (info.result) {
    case date::local_info::nonexistent:
      return Timestamp::from_micros(microseconds(info.first.end.time_since_epoch()).count());
    case date::local_info::ambiguous:
      return Timestamp::from_micros(utc(pick == Pick::first ? info.first : info.second).time_since_epoch().count());
    default:
      return Timestamp::from_micros(utc(info.first).time_since_epoch().count());
  }
}

}  // namespace

Result<QuietHours> quiet_hours(std::string_view from, std::string_view to, std::string_view zone) {
  const auto begin = minute_of(from);
  if (!begin) return fail_field(ErrorCode::bad_request, "quietHours.from", "from must be a time of day as HH:MM");
  const auto end = minute_of(to);
  if (!end) return fail_field(ErrorCode::bad_request, "quietHours.to", "to must be a time of day as HH:MM");
  if (*begin == *end) return fail_field(ErrorCode::bad_request, "quietHours.to", "quiet hours must end at another time than they begin");
  if (find_zone(zone) == nullptr) return fail_field(ErrorCode::bad_request, "quietHours.timeZone", "there is no such time zone");
  return QuietHours{.from = *begin, .to = *end, .zone = std::string(zone)};
}

std::string clock_text(std::int64_t minutes) { return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60); }

std::optional<Timestamp> quiet_until(const QuietHours& hours, Timestamp now) {
  const auto* zone = find_zone(hours.zone);
  if (zone == nullptr) return std::nullopt;
  const auto today = date::floor<date::days>(zone->to_local(date::sys_time<microseconds>(microseconds(now.micros()))));
  const int days_long = hours.to > hours.from ? 0 : 1;
  // Those that began today or yesterday; and tomorrow's, whose beginning may be a time that the clock left out today.
  for (const int ago : {1, 0, -1}) {
    const auto day = today - date::days(ago);
    const auto begin = instant(*zone, day, hours.from, Pick::first);
    const auto end = instant(*zone, day + date::days(days_long), hours.to, Pick::last);
    if (begin <= now && now < end) return end;
  }
  return std::nullopt;
}

}  // namespace watchbell::notification
