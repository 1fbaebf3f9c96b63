#pragma once

#include "domains/healthcheck/service.hpp"
#include "runtime/events/bus.hpp"
#include "runtime/jobs/queue.hpp"

/// Timed work, and work for others.
namespace watchbell::healthcheck::jobs {

/// Runs a check once: probes it under its deadline, which cancels the work, and stores what came of it. A probe that throws is an unhealthy run. Does nothing
/// when another process is to run it.
awaitable<void> run_check(Service& service, Prober& prober, async::TimerWheel& wheel, std::shared_ptr<const Check> check);

/// Registers the consumer that deletes runs of removed associations, and the work group that hears of deleted systems. Before the queue starts.
Result<void> listen(Service& service, watchbell::jobs::Queue& queue, events::Bus& bus);

/// Deletes what is not kept any more, every hour, for ever.
awaitable<void> purge_hourly(Service& service, async::TimerWheel& wheel);

}  // namespace watchbell::healthcheck::jobs
