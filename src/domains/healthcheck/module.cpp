#include "domains/healthcheck/module.hpp"

#include "domains/healthcheck/signals.hpp"

#include "domains/catalog/events.hpp"
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

awaitable<void> forget(Share& share, std::string system_id) {
  share.changed({.system_id = SystemId::parse(system_id)});
  co_return;
}

Scheduler::Options scheduling(const Runtime& runtime, std::size_t concurrency) {
  Scheduler::Options options{.concurrency = concurrency};
  if (runtime.workers != nullptr) options.may_begin = [workers = runtime.workers] { return workers->ready().has_value(); };
  return options;
}

std::unique_ptr<Share> share_of(Runtime& runtime, Scheduler& scheduler) {
  if (runtime.workers == nullptr) return nullptr;
  return std::make_unique<Share>(*runtime.workers, runtime.database, scheduler, runtime.wheel, log_fault, Share::Options());
}

}  // namespace

Module::Module(Runtime& runtime, const catalog::Service& catalog, const notification::Service& notification, Options options)
    : runtime_(runtime),
      registry_(runtime.wheel),
      scheduler_(runtime.wheel, log_fault, scheduling(runtime, options.probe_concurrency)),
      share_(share_of(runtime, scheduler_)),
      service_(runtime.database, runtime.cache, runtime.changes, runtime.clock, registry_, scheduler_, systems_of(catalog),
               notify_by(notification), {.keep_runs = options.keep_runs, .share = share_.get()}) {
  // One line a strategy.
  registry_.add(probes::make_http(runtime.http, options.response_bytes));
}

Result<void> Module::mount() {
  if (auto listening = jobs::listen(service_, runtime_.queue, runtime_.bus); !listening) return listening;
  if (share_ && runtime_.cluster != nullptr)
    runtime_.cluster->listen(std::string(Share::kKind), {.heard = [this](std::string_view what) { share_->heard(what); }, .lost = [this] { share_->changed({}); }});
  // What others are told (Service::drop_system) is not said to this process.
  if (share_) on_deleted_ = runtime_.bus.subscribe_broadcast(std::string(catalog::kSystemDeleted.name), [this](const events::Event& event) {
      return forget(*share_, events::read<catalog::SystemDeleted>(event).system_id.str());
    });
  return runtime_.dispatcher.mount(contract(service_));
}

awaitable<Result<void>> Module::start() {
  if (share_) share_->start();
  else if (auto planned = co_await service_.schedule_all(); !planned) co_return planned;
  scheduler_.start([this](std::shared_ptr<const Check> check) { return jobs::run_check(service_, registry_, runtime_.wheel, std::move(check)); });
  runtime_.scope.spawn("healthcheck purge", jobs::purge_hourly(service_, runtime_.wheel));
  co_return Result<void>();
}

awaitable<void> Module::stop() {
  if (share_) co_await share_->stop();
  co_await scheduler_.stop();
}

std::vector<signals::Declared> Module::signals() { return {kConfigChanged, kRunCompleted, kStatusChanged}; }

}  // namespace watchbell::healthcheck
