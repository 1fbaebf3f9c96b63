#include "domains/healthcheck/store.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "runtime/rpc/codec.hpp"

namespace watchbell::healthcheck::store {
namespace {

/// A value kept as JSON text; what does not fit its type any more is a damaged row.
template <class T>
T read_json(const std::string& text) {
  auto value = rpc::from_json<T>(text);
  if (!value) throw Fault("a stored value does not fit its type");
  return std::move(*value);
}
template <class T>
std::optional<T> read_json(const std::optional<std::string>& text) {
  return text ? std::optional<T>(read_json<T>(*text)) : std::nullopt;
}
template <class T>
std::optional<std::string> write_json(const std::optional<T>& value) {
  return value ? std::optional(rpc::to_json(*value)) : std::nullopt;
}

constexpr std::string_view kConfigurationColumns =
    "c.id, c.name, c.strategy_id, c.config, c.interval_seconds, c.collectors, c.paused, c.revision, c.created_at, c.updated_at";
using ConfigurationRow = std::tuple<ConfigurationId, std::string, std::string, ConfigJson, std::int64_t, std::optional<std::string>, bool, std::int64_t,
                                    Timestamp, Timestamp>;
Configuration to_configuration(ConfigurationRow row) {
  auto& [id, name, strategy, config, interval, collectors, paused, revision, created, updated] = row;
  return {.id = id,
          .name = std::move(name),
          .strategy_id = std::move(strategy),
          .config = std::move(config),
          .interval_seconds = interval,
          .collectors = read_json<Collectors>(collectors),
          .paused = paused,
          .created_at = created,
          .updated_at = updated,
          .revision = revision};
}

// One configuration is shared by all its checks.
using ActiveRow = std::tuple<AssociationId, SystemId, ConfigurationId>;
std::vector<Check> with_configurations(sql::Session& session, const std::vector<ActiveRow>& rows) {
  std::map<ConfigurationId, std::shared_ptr<const Configuration>> known;
  std::vector<Check> checks;
  for (const auto& [association, system, configuration] : rows) {
    auto& shared = known[configuration];
    if (!shared) shared = std::make_shared<const Configuration>(find_configuration(session, configuration).value());
    checks.push_back({.key = {system, configuration}, .association_id = association, .configuration = shared});
  }
  return checks;
}

const std::string kActive =
    "select a.id, a.system_id, a.configuration_id from healthcheck_associations a join healthcheck_configurations c on c.id = a.configuration_id "
    "where a.enabled = :1 and c.paused = :2";

}  // namespace

void insert(sql::Session& session, const Configuration& c) {
  session.execute(
      "insert into healthcheck_configurations (id, name, strategy_id, config, interval_seconds, collectors, paused, revision, created_at, updated_at) "
      "values (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10)",
      c.id, c.name, c.strategy_id, c.config, c.interval_seconds, write_json(c.collectors), c.paused, c.revision, c.created_at, c.updated_at);
}

std::optional<Configuration> find_configuration(sql::Session& session, const ConfigurationId& id) {
  static const std::string text = fmt::format("select {} from healthcheck_configurations c where c.id = :1", kConfigurationColumns);
  auto row = session.one<ConfigurationRow>(text, id);
  if (!row) return std::nullopt;
  return to_configuration(std::move(*row));
}

std::vector<Configuration> list_configurations(sql::Session& session, std::int64_t limit, std::int64_t offset) {
  static const std::string text =
      fmt::format("select {} from healthcheck_configurations c order by c.name, c.id limit :1 offset :2", kConfigurationColumns);
  std::vector<Configuration> all;
  session.each<ConfigurationRow>(text, [&](ConfigurationRow&& row) { all.push_back(to_configuration(std::move(row))); }, limit, offset);
  return all;
}

std::int64_t count_configurations(sql::Session& session) { return session.one<std::int64_t>("select count(*) from healthcheck_configurations").value(); }

void update(sql::Session& session, const Configuration& c) {
  session.execute(
      "update healthcheck_configurations set name = :2, strategy_id = :3, config = :4, interval_seconds = :5, collectors = :6, paused = :7, revision = :8, "
      "updated_at = :9 where id = :1",
      c.id, c.name, c.strategy_id, c.config, c.interval_seconds, write_json(c.collectors), c.paused, c.revision, c.updated_at);
}

void delete_configuration(sql::Session& session, const ConfigurationId& id) {
  session.execute("delete from healthcheck_configurations where id = :1", id);
}

std::optional<Association> find_association(sql::Session& session, const CheckKey& key) {
  using Row = std::tuple<AssociationId, bool, std::optional<std::string>, Timestamp, Timestamp>;
  const auto row = session.one<Row>(
      "select id, enabled, thresholds, measured_since, created_at from healthcheck_associations where system_id = :1 and configuration_id = :2", key.system_id,
      key.configuration_id);
  if (!row) return std::nullopt;
  const auto& [id, enabled, thresholds, since, created] = *row;
  return Association{.id = id, .key = key, .enabled = enabled, .thresholds = read_json<Thresholds>(thresholds), .measured_since = since, .created_at = created};
}

void put(sql::Session& session, const Association& a) {
  session.execute(
      "insert into healthcheck_associations (id, system_id, configuration_id, enabled, thresholds, measured_since, created_at) "
      "values (:1, :2, :3, :4, :5, :6, :7) on conflict (system_id, configuration_id) do update set enabled = excluded.enabled, "
      "thresholds = excluded.thresholds, measured_since = excluded.measured_since",
      a.id, a.key.system_id, a.key.configuration_id, a.enabled, write_json(a.thresholds), a.measured_since, a.created_at);
}

bool delete_association(sql::Session& session, const CheckKey& key) {
  return session.execute("delete from healthcheck_associations where system_id = :1 and configuration_id = :2", key.system_id, key.configuration_id) > 0;
}

std::vector<NamedAssociation> associations_of(sql::Session& session, const SystemId& system) {
  using Row = std::tuple<ConfigurationId, std::string, bool, std::optional<std::string>>;
  std::vector<NamedAssociation> all;
  session.each<Row>(
      "select c.id, c.name, a.enabled, a.thresholds from healthcheck_associations a join healthcheck_configurations c on c.id = a.configuration_id "
      "where a.system_id = :1 order by c.name, c.id",
      [&](Row&& row) {
        auto& [id, name, enabled, thresholds] = row;
        all.push_back({.configuration_id = id, .configuration_name = std::move(name), .enabled = enabled, .thresholds = read_json<Thresholds>(thresholds)});
      },
      system);
  return all;
}

std::vector<SystemId> systems_of(sql::Session& session, const ConfigurationId& configuration) {
  return session.all<SystemId>("select system_id from healthcheck_associations where configuration_id = :1 order by system_id", configuration);
}

void restart_measurement(sql::Session& session, const ConfigurationId& configuration, Timestamp now) {
  session.execute("update healthcheck_associations set measured_since = :2 where configuration_id = :1", configuration, now);
}

void delete_system(sql::Session& session, const SystemId& system) {
  session.execute("delete from healthcheck_associations where system_id = :1", system);
  session.execute("delete from healthcheck_transitions where system_id = :1", system);
}

std::vector<Check> active_checks(sql::Session& session) {
  static const std::string text = kActive + " order by a.system_id, a.configuration_id";
  return with_configurations(session, session.all<ActiveRow>(text, true, false));
}

std::vector<Check> active_checks(sql::Session& session, const ConfigurationId& configuration) {
  static const std::string text = kActive + " and a.configuration_id = :3 order by a.system_id";
  return with_configurations(session, session.all<ActiveRow>(text, true, false, configuration));
}

std::optional<Check> active_check(sql::Session& session, const CheckKey& key) {
  static const std::string text = kActive + " and a.system_id = :3 and a.configuration_id = :4";
  auto checks = with_configurations(session, session.all<ActiveRow>(text, true, false, key.system_id, key.configuration_id));
  if (checks.empty()) return std::nullopt;
  return std::move(checks.front());
}

std::vector<PlannedCheck> planned_checks(sql::Session& session, const Scope& scope) {
  using Row = std::tuple<AssociationId, SystemId, ConfigurationId, Timestamp, std::optional<Timestamp>>;
  const auto text = fmt::format(
      "select a.id, a.system_id, a.configuration_id, a.measured_since, (select max(r.timestamp) from healthcheck_runs r where r.system_id = a.system_id and "
      "r.configuration_id = a.configuration_id and r.timestamp >= a.measured_since) "
      "from healthcheck_associations a join healthcheck_configurations c on c.id = a.configuration_id "
      "where a.enabled = :1 and c.paused = :2 and {} and {} order by a.system_id, a.configuration_id",
      scope.system_id ? "a.system_id = :3" : "cast(:3 as text) is null", scope.configuration_id ? "a.configuration_id = :4" : "cast(:4 as text) is null");
  std::vector<ActiveRow> rows;
  std::vector<PlannedCheck> planned;
  session.each<Row>(
      text,
      [&](Row&& row) {
        const auto& [association, system, configuration, since, last_run] = row;
        rows.emplace_back(association, system, configuration);
        planned.push_back({.check = {}, .changed_at = since, .last_run = last_run});
      },
      true, false, scope.system_id, scope.configuration_id);
  auto checks = with_configurations(session, rows);
  for (std::size_t i = 0; i < planned.size(); ++i) {
    planned[i].check = std::move(checks[i]);
    planned[i].changed_at = std::max(planned[i].changed_at, planned[i].check.configuration->updated_at);
  }
  return planned;
}

bool is_active(sql::Session& session, const Check& check, Timestamp began) {
  static const std::string text = kActive + " and a.id = :3 and c.revision = :4 and a.measured_since <= :5";
  return session.one<ActiveRow>(text, true, false, check.association_id, check.configuration->revision, began).has_value();
}

void insert(sql::Session& session, const Run& r) {
  session.execute(
      "insert into healthcheck_runs (id, system_id, configuration_id, status, timestamp, latency_ms, message, result) values (:1, :2, :3, :4, :5, :6, :7, :8)",
      r.id, r.key.system_id, r.key.configuration_id, r.status, r.timestamp, r.latency_ms, r.message.empty() ? std::nullopt : std::optional(r.message), r.result);
}

RunPage history(sql::Session& session, const RunFilter& filter) {
  // An absent filter leaves its place in the text to a condition that always holds: an index serves each of the forms.
  const auto text = [&](std::string_view columns, std::string_view tail) {
    return fmt::format(
        "select {} from healthcheck_runs r join healthcheck_associations a on a.system_id = r.system_id and a.configuration_id = r.configuration_id and "
        "a.created_at <= r.timestamp where {} and {} and r.timestamp >= :3 and r.timestamp <= :4{}",
        columns, filter.system_id ? "r.system_id = :1" : "cast(:1 as text) is null",
        filter.configuration_id ? "r.configuration_id = :2" : "cast(:2 as text) is null", tail);
  };
  const Timestamp from = filter.from.value_or(Timestamp());
  const Timestamp to = filter.to.value_or(Timestamp::from_micros(INT64_MAX));
  RunPage page;
  page.total = session.one<std::int64_t>(text("count(*)", ""), filter.system_id, filter.configuration_id, from, to).value();
  using Row = std::tuple<RunId, SystemId, ConfigurationId, RunStatus, Timestamp, std::optional<std::int64_t>, std::optional<std::string>>;
  session.each<Row>(
      text("r.id, r.system_id, r.configuration_id, r.status, r.timestamp, r.latency_ms, r.message",
           filter.ascending ? " order by r.timestamp, r.id limit :5 offset :6" : " order by r.timestamp desc, r.id desc limit :5 offset :6"),
      [&](Row&& row) {
        auto& [id, system, configuration, status, timestamp, latency, message] = row;
        page.runs.push_back({.id = id,
                             .key = {system, configuration},
                             .status = status,
                             .timestamp = timestamp,
                             .latency_ms = latency,
                             .message = std::move(message).value_or("")});
      },
      filter.system_id, filter.configuration_id, from, to, filter.limit, filter.offset);
  return page;
}

std::optional<std::string> last_reason(sql::Session& session, const CheckKey& key) {
  return session
      .one<std::optional<std::string>>(
          "select message from healthcheck_runs where system_id = :1 and configuration_id = :2 and status <> :3 order by timestamp desc, id desc limit 1",
          key.system_id, key.configuration_id, RunStatus::healthy)
      .value_or(std::nullopt);
}

std::map<SystemId, SystemFacts> facts(sql::Session& session, std::span<const SystemId> systems) {
  std::map<SystemId, SystemFacts> all;
  for (const auto& system : systems) all[system];
  using Row = std::tuple<SystemId, std::optional<ConfigurationId>, std::optional<std::string>, std::optional<std::int64_t>, std::optional<std::string>,
                         std::optional<Timestamp>, std::optional<Status>, std::optional<Timestamp>, std::optional<std::int64_t>>;
  // One row a counted check, and one for a system without any.
  session.each<Row>(
      "select s.value, c.id, c.name, c.interval_seconds, a.thresholds, a.measured_since, t.to_status, t.at, t.number from json_each(:1) s "
      "left join healthcheck_associations a on a.system_id = s.value and a.enabled = :2 "
      "left join healthcheck_configurations c on c.id = a.configuration_id and c.paused = :3 "
      "left join healthcheck_transitions t on t.system_id = s.value and t.number = "
      "(select max(m.number) from healthcheck_transitions m where m.system_id = s.value) order by s.value, c.name, c.id",
      [&](Row&& row) {
        auto& [system, configuration, name, interval, thresholds, since, to, at, number] = row;
        SystemFacts& facts = all[system];
        if (to) facts.last = LastTransition{.to = *to, .at = *at, .number = *number};
        if (!configuration) return;
        CheckFacts& check = facts.checks.emplace_back();
        check.configuration_id = *configuration;
        check.configuration_name = std::move(*name);
        check.interval = std::chrono::seconds(*interval);
        if (thresholds) check.thresholds = read_json<Thresholds>(*thresholds);
        check.measured_since = *since;
      },
      sql::List(systems), true, false);
  using Newest = std::tuple<SystemId, ConfigurationId, RunStatus, Timestamp, std::optional<std::int64_t>>;
  // Each check's newest runs are read off the index, which takes a fixed order of the join on SQLite, and a lateral one on PostgreSQL: there a limit inside `in` is
  // asked anew for every run there is.
  static const std::string of_sqlite = fmt::format(
      "select a.system_id, a.configuration_id, r.status, r.timestamp, r.latency_ms from json_each(:1) s "
      "cross join healthcheck_associations a on a.system_id = s.value cross join healthcheck_runs r on r.id in "
      "(select n.id from healthcheck_runs n where n.system_id = a.system_id and n.configuration_id = a.configuration_id and n.timestamp >= a.measured_since "
      "order by n.timestamp desc, n.id desc limit {}) where a.enabled = :2 order by a.system_id, a.configuration_id, r.timestamp, r.id",
      kEvaluatedRuns);
  static const std::string of_postgres = fmt::format(
      "select a.system_id, a.configuration_id, r.status, r.timestamp, r.latency_ms from json_each(:1) s "
      "join healthcheck_associations a on a.system_id = s.value cross join lateral "
      "(select n.id, n.status, n.timestamp, n.latency_ms from healthcheck_runs n where n.system_id = a.system_id and n.configuration_id = a.configuration_id "
      "and n.timestamp >= a.measured_since order by n.timestamp desc, n.id desc limit {}) r "
      "where a.enabled = :2 order by a.system_id, a.configuration_id, r.timestamp, r.id",
      kEvaluatedRuns);
  session.each<Newest>(
      session.dialect() == sql::Dialect::postgres ? of_postgres : of_sqlite,
      [&](Newest&& row) {
        const auto& [system, configuration, status, timestamp, latency] = row;
        auto& checks = all[system].checks;
        const auto it = std::ranges::find(checks, configuration, &CheckFacts::configuration_id);
        if (it != checks.end()) it->runs.push_back({.status = status, .timestamp = timestamp, .latency_ms = latency});
      },
      sql::List(systems), true);
  return all;
}

void insert(sql::Session& session, const Transition& t) {
  session.execute(
      "insert into healthcheck_transitions (id, system_id, number, from_status, to_status, at, configuration_id) values (:1, :2, :3, :4, :5, :6, :7)",
      Uuid::make_v7(t.at.millis()), t.system_id, t.number, t.from, t.to, t.at, t.configuration_id);
}

std::vector<Transition> transitions_of(sql::Session& session, const SystemId& system) {
  using Row = std::tuple<std::int64_t, std::optional<Status>, Status, Timestamp, std::optional<ConfigurationId>>;
  std::vector<Transition> all;
  session.each<Row>("select number, from_status, to_status, at, configuration_id from healthcheck_transitions where system_id = :1 order by number",
                    [&](Row&& row) {
                      const auto& [number, from, to, at, configuration] = row;
                      all.push_back({.system_id = system, .number = number, .from = from, .to = to, .at = at, .configuration_id = configuration});
                    },
                    system);
  return all;
}

std::vector<CheckKey> checks_with_runs_before(sql::Session& session, Timestamp before) {
  std::vector<CheckKey> keys;
  using Row = std::tuple<SystemId, ConfigurationId>;
  session.each<Row>(
      "select a.system_id, a.configuration_id from healthcheck_associations a where exists (select 1 from healthcheck_runs r where r.system_id = a.system_id "
      "and r.configuration_id = a.configuration_id and r.timestamp < :1) order by a.system_id, a.configuration_id",
      [&](Row&& row) { keys.push_back({std::get<0>(row), std::get<1>(row)}); }, before);
  return keys;
}

std::int64_t delete_old_runs(sql::Session& session, const CheckKey& key, Timestamp before, std::int64_t limit) {
  static const std::string text = fmt::format(
      "select timestamp from healthcheck_runs where system_id = :1 and configuration_id = :2 order by timestamp desc, id desc limit 1 offset {}",
      kEvaluatedRuns - 1);
  const auto kept = session.one<Timestamp>(text, key.system_id, key.configuration_id);
  if (!kept) return 0;
  return session.execute(
      "delete from healthcheck_runs where id in (select id from healthcheck_runs where system_id = :1 and configuration_id = :2 and timestamp < :3 "
      "order by timestamp, id limit :4)",
      key.system_id, key.configuration_id, std::min(before, *kept), limit);
}

std::int64_t delete_runs(sql::Session& session, const CheckKey& key, Timestamp until, std::int64_t limit) {
  return session.execute(
      "delete from healthcheck_runs where id in (select id from healthcheck_runs where system_id = :1 and configuration_id = :2 and timestamp <= :3 "
      "order by timestamp, id limit :4)",
      key.system_id, key.configuration_id, until, limit);
}

std::int64_t delete_runs_of_system(sql::Session& session, const SystemId& system, std::int64_t limit) {
  return session.execute("delete from healthcheck_runs where id in (select id from healthcheck_runs where system_id = :1 limit :2)", system, limit);
}

std::int64_t delete_old_transitions(sql::Session& session, Timestamp before, std::int64_t limit) {
  return session.execute(
      "delete from healthcheck_transitions where id in (select t.id from healthcheck_transitions t where t.at < :1 and exists (select 1 from "
      "healthcheck_transitions n where n.system_id = t.system_id and n.number > t.number) order by t.at, t.id limit :2)",
      before, limit);
}

}  // namespace watchbell::healthcheck::store
