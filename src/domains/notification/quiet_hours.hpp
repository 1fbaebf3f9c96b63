#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/timestamp.hpp"
#include "domains/notification/types.hpp"

/// Hours in which a user wants no message but a critical one, by the clock on his wall. Pure but for the zones, which are those of the system (tzdata):
/// they are read from its files at first use, so these functions are for pool threads. Thread-safe.
namespace watchbell::notification {

/// From "HH:MM" to "HH:MM" in a zone of the IANA database ("Europe/Berlin"); over midnight when the end is the earlier one.
/// ErrorCode::bad_request, naming the member below `quietHours`, for other texts, for an end that is the beginning, and for a zone nobody knows.
Result<QuietHours> quiet_hours(std::string_view from, std::string_view to, std::string_view zone);
/// "HH:MM" of minutes after midnight.
std::string clock_text(std::int64_t minutes);

/// When the quiet hours end that `now` falls into; nothing outside of them. They are as long as the clock says, and never shorter: a time that the clock
/// shows twice begins them the first time and ends them the second; one that it leaves out is the instant it jumps over it. Nothing for a zone that the
/// system does not know any more: better told in the night than never.
std::optional<Timestamp> quiet_until(const QuietHours& hours, Timestamp now);

}  // namespace watchbell::notification
