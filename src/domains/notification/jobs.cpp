#include "domains/notification/jobs.hpp"

#include "platform/log/log.hpp"

namespace watchbell::notification {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kDispatchesAtOnce = 2;

}  // namespace

Result<void> consume(jobs::Queue& queue, Service& service, Deliveries& deliveries, std::size_t deliveries_at_once) {
  auto dispatches = queue.consume(std::string(kDispatchQueue), "notification", [&service](const jobs::Job& job) { return service.run_dispatch(job); },
                                  {.concurrency = kDispatchesAtOnce});
  if (!dispatches) return dispatches;
  deliveries.on_room([&queue](std::string_view held_for) { return queue.freed(kDeliveryQueue, held_for); });
  return queue.consume(std::string(kDeliveryQueue), "notification", [&deliveries](const jobs::Job& job) { return deliveries.run(job); },
                       {.concurrency = deliveries_at_once, .room = [&deliveries](std::string_view held_for) { return deliveries.room(held_for); }});
}

awaitable<void> keep_house(Deliveries& deliveries, Retention& retention, const jobs::Queue& queue, async::TimerWheel& wheel) {
  // Soon after a start: a process that is restarted every hour does it, too. Not before the queue, which begins after its consumers.
  std::chrono::milliseconds pause = 1min;
  while (true) {
    co_await wheel.sleep(pause);
    if (!queue.healthy()) continue;
    pause = 1h;
    try {
      if (const auto taken = co_await deliveries.take_up(); !taken) log::warn("interrupted deliveries do not go on", {{"reason", taken.error().message}});
      if (const auto asked = co_await retention.begin(); !asked) log::warn("old notifications are not removed", {{"reason", asked.error().message}});
    } catch (const Fault&) {  // the boundary of one round: the next one comes
      log::fault("notification.keep_house", std::current_exception());
    }
  }
}

}  // namespace watchbell::notification
