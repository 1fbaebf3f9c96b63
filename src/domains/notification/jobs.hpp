#pragma once

#include "domains/notification/delivery.hpp"
#include "domains/notification/retention.hpp"
#include "domains/notification/service.hpp"
#include "runtime/jobs/queue.hpp"

namespace watchbell::notification {

/// Registers who runs dispatches and deliveries; before the queue starts.
Result<void> consume(jobs::Queue& queue, Service& service, Deliveries& deliveries, std::size_t deliveries_at_once);

/// Sees to it, a minute after the queue began and then hourly, that deliveries go on whose jobs were given up, and that what is old is removed. Runs until
/// it is cancelled.
awaitable<void> keep_house(Deliveries& deliveries, Retention& retention, const jobs::Queue& queue, async::TimerWheel& wheel);

}  // namespace watchbell::notification
