#include "platform/http_server/core.hpp"

#include <array>
#include <cstdio>

#include "base/timestamp.hpp"

namespace watchbell::http {

Core::Core(Executor executor, async::TimerWheel& timer_wheel, Handler& request_handler, Server::Options server_options)
    : wheel(timer_wheel),
      handler(request_handler),
      options(std::move(server_options)),
      tasks(executor, [this](std::string_view task, std::exception_ptr fault) { report(task, fault); }),
      ended(executor) {}

Core::Member::~Member() {
  unlink();
  --core_.members;
  core_.ended.notify_all();
  if (core_.on_room) core_.on_room();
}

void Core::report(std::string_view what, std::exception_ptr fault) const {
  if (options.on_fault) options.on_fault(what, fault);
}

std::string_view Core::date_line(Monotonic at) {
  if (at < date_until_) return date_;
  static constexpr std::array kDays{"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};  // from 1970-01-01 on
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Timestamp wall = wheel.clock().now();
  const std::chrono::sys_seconds second{std::chrono::seconds(wall.seconds())};
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(second - day);
  const auto weekday = ((day.time_since_epoch().count() % 7) + 7) % 7;
  date_ = fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n", kDays[static_cast<std::size_t>(weekday)],
                      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                      time.hours().count(), time.minutes().count(), time.seconds().count());
  // Good until the wall clock's second is over.
  date_until_ = at + std::chrono::microseconds((wall.seconds() + 1) * 1'000'000 - wall.micros());
  return date_;
}

}  // namespace watchbell::http
