#include "domains/healthcheck/jobs.hpp"

#include "async/timeout.hpp"
#include "domains/catalog/events.hpp"
#include "platform/log/log.hpp"

namespace watchbell::healthcheck::jobs {
namespace {

using watchbell::jobs::Job;

awaitable<watchbell::jobs::Outcome> clean_up(Service& service, std::string payload) {
  const auto job = rpc::from_json<CleanUp>(payload);
  if (!job) co_return watchbell::jobs::Outcome::give_up("the payload does not fit its type");
  for (const auto& system : job->system_ids) {
    const CheckKey key{system, job->configuration_id};
    if (auto done = co_await service.delete_runs(key, Timestamp::from_micros(job->until_micros)); !done)
      co_return watchbell::jobs::Outcome::retry(std::move(done.error().message));
  }
  co_return watchbell::jobs::Outcome::done();
}

awaitable<void> forget(Service& service, std::string system_id) {
  if (auto done = co_await service.forget_system(std::move(system_id)); !done) throw Fault(done.error().message);
}

/// What the prober threw, as an outcome; cancellation is none.
awaitable<Result<Outcome>> probe(Prober& prober, async::TimerWheel& wheel, std::shared_ptr<const Configuration> configuration) {
  const auto limit = prober.deadline(*configuration);
  try {
    co_return co_await async::with_timeout(wheel, prober.run(configuration), limit);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    log::fault("healthcheck probe", std::current_exception());
  } catch (const std::exception&) {
    log::fault("healthcheck probe", std::current_exception());
  }
  co_return failed("the check ended unexpectedly");
}

}  // namespace

awaitable<void> run_check(Service& service, Prober& prober, async::TimerWheel& wheel, std::shared_ptr<const Check> check) {
  const auto right = service.may_begin(check->key);
  if (!right) co_return;
  const Timestamp began = wheel.clock().now();
  auto outcome = co_await probe(prober, wheel, check->configuration);
  // The only error is the deadline's.
  if (!outcome) outcome = failed(outcome.error().message);
  const auto recorded = co_await service.record(check, began, std::move(*outcome), *right);
  if (!recorded)
    log::warn("a run was not stored", {{"configuration", check->key.configuration_id.to_string()},
                                       {"system", check->key.system_id.to_string()},
                                       {"reason", recorded.error().message}});
}

Result<void> listen(Service& service, watchbell::jobs::Queue& queue, events::Bus& bus) {
  if (auto consumed = queue.consume(std::string(kCleanUpQueue), "healthcheck", [&service](const Job& job) { return clean_up(service, job.payload); },
                                    {.concurrency = 1});
      !consumed)
    return consumed;
  bus.on_change(catalog::kSystemDeleted, [&service](Change& change, const catalog::SystemDeleted& event) { return service.drop_system(change, event.system_id.str()); });
  return bus.on_work(catalog::kSystemDeleted, "system-cleanup",
                     [&service](catalog::SystemDeleted event) { return forget(service, event.system_id.str()); });
}

awaitable<void> purge_hourly(Service& service, async::TimerWheel& wheel) {
  while (true) {
    co_await wheel.sleep(std::chrono::hours(1));
    try {
      if (const auto purged = co_await service.purge(); !purged) log::warn("old runs were not deleted", {{"reason", purged.error().message}});
    } catch (const Fault&) {  // the next hour tries again
      log::fault("healthcheck purge", std::current_exception());
    }
  }
}

}  // namespace watchbell::healthcheck::jobs
