#include "domains/healthcheck/service.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "domains/healthcheck/rules.hpp"
#include "domains/healthcheck/signals.hpp"

namespace watchbell::healthcheck {
namespace {

std::unexpected<Error> no_configuration(std::string_view id) { return fail(ErrorCode::not_found, "no health check {}", id); }
std::unexpected<Error> no_system(std::string_view id) { return fail(ErrorCode::not_found, "no system {}", id); }

Scope scope_of(const CheckKey& key) { return {.system_id = key.system_id, .configuration_id = key.configuration_id}; }

/// A change together with what is to run after it.
struct Rescheduled {
  Configuration configuration;
  std::vector<Check> checks;
};

Result<void> enqueue_clean_up(Change& change, const ConfigurationId& configuration, std::vector<SystemId> systems) {
  if (systems.empty()) return {};
  const CleanUp payload{.configuration_id = configuration, .system_ids = std::move(systems), .until_micros = change.now().micros()};
  auto enqueued = change.enqueues({.queue = std::string(kCleanUpQueue),
                                   .payload = rpc::to_json(payload),
                                   .priority = -1,
                                   .dedupe_id = {},
                                   .max_retries = 10,
                                   .correlation_id = {}});
  if (!enqueued) return std::unexpected(std::move(enqueued.error()));
  return {};
}

notification::Subject subject_of(const SystemId& system, const std::string& name, Status status) {
  using enum notification::SubjectStatus;
  notification::Subject subject{.kind = "catalog.system", .id = system.to_string(), .name = name, .url = "/catalog/system/" + system.to_string(), .status = unknown};
  switch (status) {
    case Status::healthy: subject.status = healthy; break;
    case Status::degraded: subject.status = degraded; break;
    case Status::unhealthy: subject.status = unhealthy; break;
    case Status::unknown: break;
  }
  return subject;
}

}  // namespace

Service::Service(sql::Database& database, coherence::Memory& cache, Changes& changes, const Clock& clock, const probes::Registry& registry,
                 Scheduler& scheduler, Systems systems, Notify notify, Options options)
    : database_(database),
      changes_(changes),
      clock_(clock),
      registry_(registry),
      scheduler_(scheduler),
      systems_(std::move(systems)),
      notify_(std::move(notify)),
      options_(options),
      loader_(cache, database, clock, systems_) {}

std::vector<StrategyView> Service::strategies() const {
  std::vector<StrategyView> all;
  for (const auto& strategy : registry_.strategies()) {
    const auto& info = strategy->info();
    all.push_back({.id = info.id, .display_name = info.display_name, .description = info.description, .category = info.category,
                   .config_schema = {.text = info.config_schema}});
  }
  return all;
}

std::vector<CollectorView> Service::collectors(std::string_view strategy_id) const {
  std::vector<CollectorView> all;
  const auto* strategy = registry_.find(strategy_id);
  if (strategy == nullptr) return all;
  for (const auto& info : strategy->info().collectors)
    all.push_back({.id = info.id, .display_name = info.display_name, .description = info.description, .config_schema = {.text = info.config_schema},
                   .result_schema = {.text = info.result_schema}, .allow_multiple = info.allow_multiple});
  return all;
}

awaitable<Result<ConfigurationsView>> Service::configurations(ConfigurationsPage page) {
  co_return co_await database_.read([limit = page.limit ? page.limit->value() : INT64_MAX, offset = page.offset.value()](sql::Session& session) {
    return ConfigurationsView{.configurations = store::list_configurations(session, limit, offset), .total = store::count_configurations(session)};
  });
}

awaitable<Result<Configuration>> Service::create(CreateConfiguration input) {
  if (auto judged = registry_.judge(input.strategy_id, input.config, input.collectors, {}); !judged) co_return std::unexpected(std::move(judged.error()));
  co_return co_await changes_.run([in = std::move(input)](Change& change) {
    const Configuration configuration{.id = ConfigurationId::make(change.now()),
                                      .name = in.name.str(),
                                      .strategy_id = in.strategy_id.str(),
                                      .config = in.config,
                                      .interval_seconds = in.interval_seconds,
                                      .collectors = in.collectors,
                                      .paused = false,
                                      .created_at = change.now(),
                                      .updated_at = change.now()};
    store::insert(change.sql(), configuration);
    change.announces(signals::broadcast(kConfigChanged, ConfigChanged{.configuration_id = configuration.id, .system_id = {}}));
    return configuration;
  });
}

awaitable<Result<Configuration>> Service::update(UpdateConfiguration input) {
  const auto id = ConfigurationId::parse(input.id);
  if (!id) co_return no_configuration(input.id);
  auto done = co_await changes_.run([this, id = *id, in = std::move(input.body)](Change& change) -> Result<Rescheduled> {
    auto found = store::find_configuration(change.sql(), id);
    if (!found) return no_configuration(id.to_string());
    Configuration next = std::move(*found);
    if (in.name) next.name = in.name->str();
    if (in.strategy_id) next.strategy_id = in.strategy_id->str();
    if (in.config) next.config = *in.config;
    if (in.interval_seconds) next.interval_seconds = *in.interval_seconds;
    if (in.collectors) next.collectors = in.collectors;
    const rpc::Path body{nullptr, "body"};
    if (auto judged = registry_.judge(next.strategy_id, next.config, next.collectors, {.parent = &body}); !judged)
      return std::unexpected(std::move(judged.error()));
    ++next.revision;
    next.updated_at = change.now();
    store::update(change.sql(), next);
    change.announces(signals::broadcast(kConfigChanged, ConfigChanged{.configuration_id = id, .system_id = {}}));
    tell(change, {.configuration_id = id});
    if (auto settled = settle_all(change, store::systems_of(change.sql(), id)); !settled) return std::unexpected(std::move(settled.error()));
    return Rescheduled{.configuration = std::move(next), .checks = store::active_checks(change.sql(), id)};
  });
  if (!done) co_return std::unexpected(std::move(done.error()));
  plan({.configuration_id = *id}, [&] { scheduler_.replace(*id, done->checks); });
  co_return std::move(done->configuration);
}

awaitable<Result<void>> Service::remove(std::string id_text) {
  const auto id = ConfigurationId::parse(id_text);
  if (!id) co_return no_configuration(id_text);
  auto done = co_await changes_.run([this, id = *id](Change& change) -> Result<void> {
    if (!store::find_configuration(change.sql(), id)) return no_configuration(id.to_string());
    auto systems = store::systems_of(change.sql(), id);
    store::delete_configuration(change.sql(), id);
    change.announces(signals::broadcast(kConfigChanged, ConfigChanged{.configuration_id = id, .system_id = {}}));
    tell(change, {.configuration_id = id});
    if (auto settled = settle_all(change, systems); !settled) return settled;
    return enqueue_clean_up(change, id, std::move(systems));
  });
  if (done) plan({.configuration_id = *id}, [&] { scheduler_.replace(*id, {}); });
  co_return done;
}

awaitable<Result<void>> Service::set_paused(std::string id_text, bool paused) {
  const auto id = ConfigurationId::parse(id_text);
  if (!id) co_return no_configuration(id_text);
  auto done = co_await changes_.run([this, id = *id, paused](Change& change) -> Result<std::vector<Check>> {
    auto configuration = store::find_configuration(change.sql(), id);
    if (!configuration) return no_configuration(id.to_string());
    if (configuration->paused != paused) {
      configuration->paused = paused;
      configuration->updated_at = change.now();
      ++configuration->revision;
      store::update(change.sql(), *configuration);
      change.announces(signals::broadcast(kConfigChanged, ConfigChanged{.configuration_id = id, .system_id = {}}));
      tell(change, {.configuration_id = id});
      if (!paused) store::restart_measurement(change.sql(), id, change.now());
      if (auto settled = settle_all(change, store::systems_of(change.sql(), id)); !settled) return std::unexpected(std::move(settled.error()));
    }
    return store::active_checks(change.sql(), id);
  });
  if (!done) co_return std::unexpected(std::move(done.error()));
  plan({.configuration_id = *id}, [&] { scheduler_.replace(*id, *done); });
  co_return Result<void>();
}

awaitable<Result<std::vector<AssociationView>>> Service::associations(std::string system_id) {
  const auto id = SystemId::parse(system_id);
  if (!id) co_return std::vector<AssociationView>();
  co_return co_await database_.read([id = *id](sql::Session& session) {
    std::vector<AssociationView> all;
    for (auto& association : store::associations_of(session, id))
      all.push_back({.configuration_id = association.configuration_id,
                     .configuration_name = std::move(association.configuration_name),
                     .enabled = association.enabled,
                     .state_thresholds = std::move(association.thresholds)});
    return all;
  });
}

awaitable<Result<void>> Service::associate(AssociateSystem input) {
  const auto system = SystemId::parse(input.system_id);
  if (!system) co_return no_system(input.system_id);
  if (input.body.state_thresholds && input.body.state_thresholds->has_value())
    if (auto checked = rules::check(**input.body.state_thresholds); !checked) co_return checked;
  const CheckKey key{*system, input.body.configuration_id};
  auto done = co_await changes_.run([this, key, in = std::move(input.body)](Change& change) -> Result<std::optional<Check>> {
    if (!systems_.name(change.sql(), key.system_id)) return no_system(key.system_id.to_string());
    if (!store::find_configuration(change.sql(), key.configuration_id)) return no_configuration(key.configuration_id.to_string());
    auto found = store::find_association(change.sql(), key);
    store::Association association = found.value_or(store::Association{.id = AssociationId::make(change.now()),
                                                                      .key = key,
                                                                      .enabled = false,
                                                                      .thresholds = {},
                                                                      .measured_since = change.now(),
                                                                      .created_at = change.now()});
    if (in.enabled && !association.enabled) association.measured_since = change.now();
    association.enabled = in.enabled;
    if (in.state_thresholds) association.thresholds = *in.state_thresholds;
    store::put(change.sql(), association);
    change.announces(signals::broadcast(kConfigChanged, ConfigChanged{.configuration_id = key.configuration_id, .system_id = key.system_id}));
    tell(change, scope_of(key));
    if (auto settled = settle(change, key.system_id, key.configuration_id, Cause::change); !settled) return std::unexpected(std::move(settled.error()));
    return store::active_check(change.sql(), key);
  });
  if (!done) co_return std::unexpected(std::move(done.error()));
  plan(scope_of(key), [&] {
    if (*done) scheduler_.put(std::move(**done), Scheduler::First::at_once);
    else scheduler_.remove(key);
  });
  co_return Result<void>();
}

awaitable<Result<void>> Service::disassociate(DisassociateSystem input) {
  const auto system = SystemId::parse(input.system_id);
  if (!system) co_return no_system(input.system_id);
  const auto configuration = ConfigurationId::parse(input.config_id);
  if (!configuration) co_return no_configuration(input.config_id);
  const CheckKey key{*system, *configuration};
  auto done = co_await changes_.run([this, key](Change& change) -> Result<void> {
    if (!store::delete_association(change.sql(), key))
      return fail(ErrorCode::not_found, "health check {} is not associated with system {}", key.configuration_id, key.system_id);
    change.announces(signals::broadcast(kConfigChanged, ConfigChanged{.configuration_id = key.configuration_id, .system_id = key.system_id}));
    tell(change, scope_of(key));
    if (auto settled = settle(change, key.system_id, key.configuration_id, Cause::change); !settled) return settled;
    return enqueue_clean_up(change, key.configuration_id, {key.system_id});
  });
  if (done) plan(scope_of(key), [&] { scheduler_.remove(key); });
  co_return done;
}

awaitable<Result<rpc::Encoded<SystemHealth>>> Service::status(std::string system_id) {
  const auto id = SystemId::parse(system_id);
  if (!id) co_return rpc::encoded(SystemHealth{.evaluated_at = clock_.now()});
  co_return co_await loader_.answer(*id);
}

awaitable<Result<StatusesView>> Service::statuses(OfSystems input) {
  StatusesView view;
  std::vector<std::pair<SystemId, std::string>> asked;
  std::set<SystemId> distinct;
  for (auto& text : input.system_ids) {
    const auto id = SystemId::parse(text);
    if (id ? !distinct.insert(*id).second : view.statuses.contains(text.str()))
      co_return fail_field(ErrorCode::bad_request, "systemIds", "systemIds holds {} twice", text.str());
    if (id) asked.emplace_back(*id, text.str());
    else view.statuses[text.str()].evaluated_at = clock_.now();
  }
  std::vector<SystemId> ids;
  for (const auto& [id, text] : asked) ids.push_back(id);
  auto health = co_await loader_.health(std::move(ids));
  if (!health) co_return std::unexpected(std::move(health.error()));
  for (std::size_t i = 0; i < asked.size(); ++i) view.statuses[asked[i].second] = std::move((*health)[i]);
  co_return view;
}

awaitable<Result<HistoryView>> Service::history(HistoryInput input, bool with_reasons) {
  HistoryView view{.runs = {}, .total = 0, .limit = input.limit, .offset = input.offset};
  if (input.start_date && input.end_date && *input.start_date >= *input.end_date)
    co_return fail_field(ErrorCode::bad_request, "startDate", "startDate must be before endDate");
  store::RunFilter filter{.system_id = {},
                          .configuration_id = {},
                          .from = input.start_date,
                          .to = input.end_date,
                          .limit = input.limit,
                          .offset = input.offset,
                          .ascending = input.sort_order.value == SortOrder::asc};
  // An id nobody can have matches nothing.
  if (input.system_id && !(filter.system_id = SystemId::parse(*input.system_id))) co_return view;
  if (input.configuration_id && !(filter.configuration_id = ConfigurationId::parse(*input.configuration_id))) co_return view;
  auto page = co_await database_.read([filter](sql::Session& session) { return store::history(session, filter); });
  if (!page) co_return std::unexpected(std::move(page.error()));
  view.total = page->total;
  for (auto& run : page->runs)
    view.runs.push_back({.id = run.id,
                         .configuration_id = run.key.configuration_id,
                         .system_id = run.key.system_id,
                         .status = run.status,
                         .timestamp = run.timestamp,
                         .latency_ms = run.latency_ms,
                         .message = !with_reasons || run.message.empty() ? std::nullopt : std::optional(std::move(run.message))});
  co_return view;
}

Result<std::optional<workers::Right>> Service::may_begin(const CheckKey& key) const {
  if (options_.share == nullptr) return std::optional<workers::Right>();
  auto right = options_.share->may_begin(key);
  if (!right) return fail(ErrorCode::conflict, "the check is another's to run");
  return right;
}

awaitable<Result<bool>> Service::record(std::shared_ptr<const Check> check, Timestamp began, Outcome outcome, std::optional<workers::Right> right) {
  auto done = co_await changes_.run([this, check, began, right, outcome = std::move(outcome)](Change& change) -> Result<bool> {
    const auto& key = check->key;
    // First of all: who waits for the shard waits no longer than this transaction.
    if (right && !options_.share->confirms(change.sql(), *right)) return fail(ErrorCode::conflict, "the check was given to another process while it ran here");
    if (!store::is_active(change.sql(), *check, began)) return false;
    const auto name = systems_.name(change.sql(), key.system_id);
    if (!name) return false;
    store::insert(change.sql(), store::Run{.id = RunId::make(change.now()),
                                           .key = key,
                                           .status = outcome.status,
                                           .timestamp = began,
                                           .latency_ms = outcome.latency_ms,
                                           .message = outcome.message,
                                           .result = outcome.result});
    change.announces(signals::broadcast(kRunCompleted, RunCompleted{.system_id = key.system_id,
                                                                    .system_name = *name,
                                                                    .configuration_id = key.configuration_id,
                                                                    .configuration_name = check->configuration->name,
                                                                    .status = outcome.status,
                                                                    .latency_ms = outcome.latency_ms}));
    if (auto settled = settle(change, key.system_id, key.configuration_id, Cause::run); !settled) return std::unexpected(std::move(settled.error()));
    return true;
  });
  // Somebody changed it, and may have died before he said so.
  if (done && !*done && options_.share != nullptr) options_.share->changed(scope_of(check->key));
  co_return done;
}

awaitable<Result<void>> Service::schedule_all() {
  watching_since_ = clock_.now();
  auto checks = co_await database_.read([](sql::Session& session) { return store::active_checks(session); });
  if (!checks) co_return std::unexpected(std::move(checks.error()));
  for (auto& check : *checks) scheduler_.put(std::move(check), Scheduler::First::jittered);
  co_return Result<void>();
}

Result<void> Service::drop_system(Change& change, std::string_view system_id) const {
  const auto id = SystemId::parse(system_id);
  if (!id) return {};
  store::delete_system(change.sql(), *id);
  change.invalidates(loader_.key(*id));
  tell(change, {.system_id = *id});
  return {};
}

awaitable<Result<void>> Service::forget_system(std::string system_id) {
  const auto id = SystemId::parse(system_id);
  if (!id) co_return Result<void>();
  plan({.system_id = *id}, [&] { scheduler_.remove_system(*id); });
  co_return co_await delete_in_batches(
      [id = *id](sql::Session& session, std::int64_t limit) { return store::delete_runs_of_system(session, id, limit); });
}

awaitable<Result<void>> Service::delete_runs(CheckKey key, Timestamp until) {
  co_return co_await delete_in_batches([key, until](sql::Session& session, std::int64_t limit) { return store::delete_runs(session, key, until, limit); });
}

awaitable<Result<void>> Service::purge() {
  const Timestamp before = clock_.now() - options_.keep_runs;
  auto keys = co_await database_.read([before](sql::Session& session) { return store::checks_with_runs_before(session, before); });
  if (!keys) co_return std::unexpected(std::move(keys.error()));
  for (const auto& key : *keys) {
    auto done = co_await delete_in_batches(
        [key, before](sql::Session& session, std::int64_t limit) { return store::delete_old_runs(session, key, before, limit); });
    if (!done) co_return done;
  }
  co_return co_await delete_in_batches(
      [before](sql::Session& session, std::int64_t limit) { return store::delete_old_transitions(session, before, limit); });
}

template <class Alone>
void Service::plan(const Scope& what, Alone alone) {
  if (options_.share != nullptr) options_.share->changed(what);
  else alone();
}

void Service::tell(Change& change, const Scope& what) const {
  if (options_.share != nullptr) change.tells(std::string(Share::kKind), Share::told(what));
}

/// A transaction a batch, so that others get the writer in between.
template <class Delete>
awaitable<Result<void>> Service::delete_in_batches(Delete remove) {
  while (true) {
    auto deleted = co_await changes_.run([remove, limit = options_.purge_batch](Change& change) { return remove(change.sql(), limit); });
    if (!deleted) co_return std::unexpected(std::move(deleted.error()));
    if (*deleted < options_.purge_batch) co_return Result<void>();
  }
}

Result<void> Service::settle_all(Change& change, const std::vector<SystemId>& systems) const {
  for (const auto& system : systems)
    if (auto settled = settle(change, system, std::nullopt, Cause::change); !settled) return settled;
  return {};
}

/// Writers come one after the other, so the last stored transition is what everybody was told: whoever finds another status is the only one to say so.
Result<void> Service::settle(Change& change, const SystemId& system, const std::optional<ConfigurationId>& cause_id, Cause cause) const {
  change.invalidates(loader_.key(system));
  const auto name = systems_.name(change.sql(), system);
  if (!name) return {};  // its own removal is on the way
  SystemFacts facts = std::move(store::facts(change.sql(), std::span(&system, 1)).begin()->second);
  // Nobody measured while no process ran. That is for readers to know, and no news about the system: an outage that goes on must not be told twice.
  for (auto& check : facts.checks) check.measured_since = std::max(check.measured_since, watching_since());
  const SystemHealth health = rules::evaluate(facts, change.now());
  const Status from = facts.last ? facts.last->to : Status::unknown;
  if (health.status == from) return {};

  const auto* driving = rules::driving_check(health, cause_id);
  const std::int64_t number = facts.last ? facts.last->number + 1 : 1;
  store::insert(change.sql(), store::Transition{.system_id = system,
                                                .number = number,
                                                .from = facts.last ? std::optional(from) : std::nullopt,
                                                .to = health.status,
                                                .at = change.now(),
                                                .configuration_id = driving != nullptr ? std::optional(driving->configuration_id) : cause_id});
  change.announces(signals::broadcast(kStatusChanged, StatusChanged{.system_id = system, .previous_status = from, .new_status = health.status}));
  const auto importance = rules::importance(from, health.status);
  if (!importance) return {};
  return notify_(change, "catalog.system." + system.to_string(), message(change.sql(), system, *name, health, cause_id, cause, *importance),
                 fmt::format("healthcheck.transition.{}.{}", system, number));
}

notification::Message Service::message(sql::Session& session, const SystemId& system, const std::string& name, const SystemHealth& health,
                                       const std::optional<ConfigurationId>& cause_id, Cause cause, notification::Importance importance) const {
  notification::Message message;
  message.importance = importance;
  // What is told of one system belongs together.
  message.collapse_key = "catalog.system." + system.to_string();
  message.subjects = {subject_of(system, name, health.status)};
  message.action = notification::Action{.label = "Open system", .url = "/catalog/system/" + system.to_string()};
  const auto shown = utf8_prefix(name, 150);
  switch (health.status) {
    case Status::unhealthy:
    case Status::degraded: {
      message.title = fmt::format("{} is {}", shown, health.status == Status::unhealthy ? "unhealthy" : "degraded");
      const auto* driving = rules::driving_check(health, cause_id);
      const auto reason = store::last_reason(session, {system, driving->configuration_id});
      message.body = fmt::format("Check \"{}\" fails{}.", driving->configuration_name, reason ? ": " + *reason : "");
      break;
    }
    case Status::healthy:
      message.title = fmt::format("{} is healthy again", shown);
      message.body = cause == Cause::run ? "All of its checks are healthy." : "Its checks were changed; those that count are healthy.";
      break;
    case Status::unknown:
      message.title = fmt::format("{} is not measured any more", shown);
      message.body = cause == Cause::run ? "Its checks have not run for too long." : "Its checks were changed; none of them counts now.";
      break;
  }
  return message;
}

}  // namespace watchbell::healthcheck
