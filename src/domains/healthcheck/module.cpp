#include "domains/healthcheck/module.hpp"

#include "domains/healthcheck/signals.hpp"

#include "domains/catalog/service.hpp"
#include "domains/healthcheck/contract.hpp"
#include "domains/healthcheck/jobs.hpp"
#include "domains/healthcheck/probes/http.hpp"
#include "domains/notification/service.hpp"
#include "platform/log/log.hpp"

namespace watchbell::healthcheck {
namespace {

Systems systems_of(const catalog::Service& catalog) {
  return {.name = [&catalog](sql::Session& session, const SystemId& id) -> std::optional<std::string> {
            auto system = catalog.find(session, id);
            if (!system) return std::nullopt;
            return std::move(system->name);
          },
          .all_ids = [&catalog](sql::Session& session) { return catalog.all_ids(session); }};
}

Notify notify_by(const notification::Service& notification) {
  return [&notification](Change& change, std::string group, notification::Message message, std::string key) {
    return notification.notify_groups_later(change, {std::move(group)}, std::move(message), std::move(key));
  };
}

void log_fault(std::string_view task, std::exception_ptr thrown) { log::fault(task, thrown); }

}  // namespace

Module::Module(Runtime& runtime, const catalog::Service& catalog, const notification::Service& notification, Options options)
    : runtime_(runtime),
      registry_(runtime.wheel),
      scheduler_(runtime.wheel, log_fault, {.concurrency = options.probe_concurrency}),
      service_(runtime.database, runtime.cache, runtime.changes, runtime.clock, registry_, scheduler_, systems_of(catalog),
               notify_by(notification), {.keep_runs = options.keep_runs}) {
  // One line a strategy.
  registry_.add(probes::make_http(runtime.http, options.response_bytes));
}

Result<void> Module::mount() {
  if (auto listening = jobs::listen(service_, runtime_.queue, runtime_.bus); !listening) return listening;
  return runtime_.dispatcher.mount(contract(service_));
}

awaitable<Result<void>> Module::start() {
  if (auto planned = co_await service_.schedule_all(); !planned) co_return planned;
  scheduler_.start([this](std::shared_ptr<const Check> check) { return jobs::run_check(service_, registry_, runtime_.wheel, std::move(check)); });
  runtime_.scope.spawn("healthcheck purge", jobs::purge_hourly(service_, runtime_.wheel));
  co_return Result<void>();
}

awaitable<void> Module::stop() { co_await scheduler_.stop(); }

std::vector<rpc::SignalType> Module::signals() {
  return {{std::string(kConfigChanged.id), rpc::schema_of<ConfigChanged>()}, {std::string(kRunCompleted.id), rpc::schema_of<RunCompleted>()}, {std::string(kStatusChanged.id), rpc::schema_of<StatusChanged>()}};
}

}  // namespace watchbell::healthcheck
