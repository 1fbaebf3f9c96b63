#include "domains/notification/jobs.hpp"

#include "domains/notification/store.hpp"
#include "platform/log/log.hpp"

namespace watchbell::notification {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kDispatchesAtOnce = 2;
constexpr std::int64_t kBatch = 1000;
constexpr int kBatches = 100;  // a round; the rest waits for the next one

}  // namespace

Result<void> consume(jobs::Queue& queue, Service& service, Deliveries& deliveries, std::size_t deliveries_at_once) {
  auto dispatches = queue.consume(std::string(kDispatchQueue), "notification", [&service](const jobs::Job& job) { return service.run_dispatch(job); },
                                  {.concurrency = kDispatchesAtOnce});
  if (!dispatches) return dispatches;
  deliveries.on_room([&queue](std::string_view host) { queue.freed(kDeliveryQueue, host); });
  return queue.consume(std::string(kDeliveryQueue), "notification", [&deliveries](const jobs::Job& job) { return deliveries.run(job); },
                       {.concurrency = deliveries_at_once, .room = [&deliveries](std::string_view host) { return deliveries.room(host); }});
}

awaitable<std::int64_t> purge(sql::Database& database, Timestamp now) {
  std::int64_t total = 0;
  for (int i = 0; i < kBatches; ++i) {
    const auto removed = co_await database.write([before = now - kKept](sql::Session& session) { return store::purge(session, before, kBatch); });
    if (!removed || *removed == 0) break;
    total += *removed;
  }
  co_return total;
}

awaitable<void> keep_house(sql::Database& database, async::TimerWheel& wheel) {
  while (true) {
    co_await wheel.sleep(1h);
    try {
      if (const auto removed = co_await purge(database, wheel.clock().now()); removed > 0) log::info("old deliveries removed", {{"rows", removed}});
    } catch (const Fault&) {  // the boundary of one round: the next one comes
      log::fault("notification.keep_house", std::current_exception());
    }
  }
}

}  // namespace watchbell::notification
