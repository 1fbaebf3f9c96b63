#include "domains/notification/quiet_hours.hpp"

#include <date/tz.h>
#include <gtest/gtest.h>

namespace watchbell::notification {
namespace {

QuietHours hours(std::string_view from, std::string_view to, std::string_view zone) {
  auto made = quiet_hours(from, to, zone);
  EXPECT_TRUE(made) << made.error().message;
  return made.value_or(QuietHours());
}

/// When quiet ends that the instant falls into, to the minute; "told" outside of it.
std::string until(const QuietHours& quiet, std::string_view now) {
  const auto end = quiet_until(quiet, Timestamp::parse(now).value());
  return end ? end->to_iso().substr(0, 16) : "told";
}

TEST(QuietHours, what_is_no_quiet_is_refused_by_name) {
  const auto refused = [](std::string_view from, std::string_view to, std::string_view zone) {
    const auto made = quiet_hours(from, to, zone);
    return made ? "nothing" : (made.error().code == ErrorCode::bad_request ? made.error().field : "another code");
  };
  EXPECT_EQ(refused("22:00", "07:00", "Europe/Berlin"), "nothing");
  EXPECT_EQ(refused("00:00", "23:59", "UTC"), "nothing");
  for (const auto* bad : {"", "7:00", "24:00", "12:60", "12-00", "12:00:00", " 7:00", "-1:00", "0x:00", "1２:00"}) {
    EXPECT_EQ(refused(bad, "07:00", "UTC"), "quietHours.from") << bad;
    EXPECT_EQ(refused("07:00", bad, "UTC"), "quietHours.to") << bad;
  }
  EXPECT_EQ(refused("07:00", "07:00", "UTC"), "quietHours.to");
  for (const auto* bad : {"", "Europe/Nowhere", "europe/berlin", "../../../etc/passwd", "/etc/localtime", "Europe/Berlin\n", "posix/UTC", "+02:00"})
    EXPECT_EQ(refused("22:00", "07:00", bad), "quietHours.timeZone") << bad;
}

TEST(QuietHours, of_one_day_hold_their_beginning_and_not_their_end) {
  const auto noon = hours("12:00", "13:30", "UTC");
  EXPECT_EQ(until(noon, "2026-03-01T11:59:59.999Z"), "told");
  EXPECT_EQ(until(noon, "2026-03-01T12:00:00Z"), "2026-03-01T13:30");
  EXPECT_EQ(until(noon, "2026-03-01T13:29:59.999Z"), "2026-03-01T13:30");
  EXPECT_EQ(until(noon, "2026-03-01T13:30:00Z"), "told");
}

TEST(QuietHours, over_midnight_end_the_next_day) {
  const auto night = hours("22:00", "07:00", "America/New_York");  // UTC-5 in winter
  EXPECT_EQ(until(night, "2026-01-15T02:59:00Z"), "told");
  EXPECT_EQ(until(night, "2026-01-15T03:00:00Z"), "2026-01-15T12:00");
  EXPECT_EQ(until(night, "2026-01-15T05:00:00Z"), "2026-01-15T12:00") << "midnight there";
  EXPECT_EQ(until(night, "2026-01-15T11:59:59Z"), "2026-01-15T12:00");
  EXPECT_EQ(until(night, "2026-01-15T12:00:00Z"), "told");
  EXPECT_EQ(until(hours("00:01", "00:00", "UTC"), "2026-01-15T00:00:30Z"), "told") << "all but one minute";
  EXPECT_EQ(until(hours("00:01", "00:00", "UTC"), "2026-01-15T00:01:00Z"), "2026-01-16T00:00");
}

// Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00Z.
TEST(QuietHours, a_night_without_an_hour_is_shorter) {
  const auto night = hours("22:00", "07:00", "Europe/Berlin");
  EXPECT_EQ(until(night, "2026-03-28T21:00:00Z"), "2026-03-29T05:00") << "22:00 at UTC+1 to 07:00 at UTC+2";
  EXPECT_EQ(until(night, "2026-03-29T05:00:00Z"), "told");
}

TEST(QuietHours, a_time_that_the_clock_leaves_out_is_when_it_jumps) {
  const auto to = hours("22:00", "02:30", "Europe/Berlin");
  EXPECT_EQ(until(to, "2026-03-29T00:59:59Z"), "2026-03-29T01:00");
  EXPECT_EQ(until(to, "2026-03-29T01:00:00Z"), "told");
  const auto from = hours("02:30", "05:00", "Europe/Berlin");
  EXPECT_EQ(until(from, "2026-03-29T00:59:59Z"), "told");
  EXPECT_EQ(until(from, "2026-03-29T01:00:00Z"), "2026-03-29T03:00");
  const auto within = hours("02:10", "02:50", "Europe/Berlin");
  for (const auto* now : {"2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z"}) EXPECT_EQ(until(within, now), "told") << now;
}

// Berlin, 25 October 2026: 03:00 becomes 02:00 at 01:00Z.
TEST(QuietHours, a_time_that_the_clock_shows_twice_begins_first_and_ends_last) {
  const auto to = hours("22:00", "02:30", "Europe/Berlin");
  EXPECT_EQ(until(to, "2026-10-25T00:29:00Z"), "2026-10-25T01:30");
  EXPECT_EQ(until(to, "2026-10-25T00:45:00Z"), "2026-10-25T01:30") << "02:45, before the clock is put back";
  EXPECT_EQ(until(to, "2026-10-25T01:30:00Z"), "told");
  const auto from = hours("02:30", "05:00", "Europe/Berlin");
  EXPECT_EQ(until(from, "2026-10-25T00:29:59Z"), "told");
  EXPECT_EQ(until(from, "2026-10-25T00:30:00Z"), "2026-10-25T04:00");
  EXPECT_EQ(until(from, "2026-10-25T01:10:00Z"), "2026-10-25T04:00") << "02:10 again: it has begun";
}

// Samoa went over the date line: after 29 December 2011 came the 31st, at 10:00Z.
TEST(QuietHours, a_day_that_the_calendar_leaves_out_has_none) {
  const auto noon = hours("11:00", "13:00", "Pacific/Apia");
  EXPECT_EQ(until(noon, "2011-12-29T22:00:00Z"), "2011-12-29T23:00") << "12:00 on the 29th at UTC-10";
  EXPECT_EQ(until(noon, "2011-12-30T10:00:00Z"), "told") << "midnight of the 31st";
  EXPECT_EQ(until(noon, "2011-12-30T22:00:00Z"), "2011-12-30T23:00") << "12:00 on the 31st at UTC+14";
  const auto night = hours("22:00", "07:00", "Pacific/Apia");
  EXPECT_EQ(until(night, "2011-12-30T09:00:00Z"), "2011-12-30T10:00") << "they were to end on a day that never came";
}

/// What the clock on the wall says is quiet is so at least: every quarter of an hour of a year, in zones of all kinds.
TEST(QuietHours, agree_with_the_clock_all_year) {
  for (const auto* zone : {"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "America/Santiago"}) {
    const auto quiet = hours("22:30", "06:15", zone);
    const auto begin = Timestamp::parse("2026-01-01").value();
    const auto* clock = date::locate_zone(zone);
    int told = 0;
    for (int quarter = 0; quarter < 365 * 96; ++quarter) {
      const auto now = begin + std::chrono::minutes(15 * quarter);
      const auto local = clock->to_local(date::sys_time<std::chrono::microseconds>(std::chrono::microseconds(now.micros())));
      const auto shown = local - date::floor<date::days>(local);
      const auto end = quiet_until(quiet, now);
      if (shown >= std::chrono::minutes(22 * 60 + 30) || shown < std::chrono::minutes(6 * 60 + 15)) ASSERT_TRUE(end) << zone << " " << now.to_iso();
      if (!end) {
        ++told;
        continue;
      }
      ASSERT_GT(*end, now) << zone;
      ASSERT_LE(*end - now, std::chrono::hours(9)) << zone << " " << now.to_iso();
      ASSERT_FALSE(quiet_until(quiet, *end)) << zone << " " << now.to_iso();
    }
    ASSERT_GT(told, 365 * 64) << zone << ": sixteen hours of a day, and a quarter";
  }
}

TEST(QuietHours, a_zone_that_is_no_more_keeps_nobody_from_being_told) {
  EXPECT_EQ(until({.from = 0, .to = 1439, .zone = "Europe/Nowhere"}, "2026-01-15T12:00:00Z"), "told");
}

TEST(QuietHours, are_shown_as_they_were_given) {
  EXPECT_EQ(clock_text(0), "00:00");
  EXPECT_EQ(clock_text(7 * 60 + 5), "07:05");
  EXPECT_EQ(clock_text(1439), "23:59");
}

}  // namespace
}  // namespace watchbell::notification
