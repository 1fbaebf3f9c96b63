#pragma once

#include "domains/notification/delivery.hpp"
#include "domains/notification/service.hpp"
#include "runtime/jobs/queue.hpp"

namespace watchbell::notification {

/// Registers who runs dispatches and deliveries; before the queue starts.
Result<void> consume(jobs::Queue& queue, Service& service, Deliveries& deliveries, std::size_t deliveries_at_once);

/// How long attempts, ended deliveries and finished sends are kept.
inline constexpr std::chrono::hours kKept{30 * 24};

/// Removes what is older than kKept, hourly, in small batches with room for others between them. Runs until it is cancelled.
awaitable<void> keep_house(sql::Database& database, async::TimerWheel& wheel);
/// One such round; how many rows went.
awaitable<std::int64_t> purge(sql::Database& database, Timestamp now);

}  // namespace watchbell::notification
