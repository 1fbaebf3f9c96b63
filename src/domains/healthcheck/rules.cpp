#include "domains/healthcheck/rules.hpp"

#include <algorithm>

namespace watchbell::healthcheck::rules {
namespace {

Status worse(Status a, Status b) { return a == Status::unhealthy || b == Status::unhealthy ? Status::unhealthy : Status::degraded; }

Status fold_streaks(const ConsecutiveThresholds& thresholds, std::span<const RecentRun> runs) {
  Status status = Status::healthy;
  std::int64_t failures = 0;
  std::int64_t successes = 0;
  for (const auto& run : runs) {
    if (run.status == RunStatus::healthy) {
      failures = 0;
      if (++successes >= thresholds.healthy.min_success_count) status = Status::healthy;
    } else {
      successes = 0;
      ++failures;
      if (failures >= thresholds.unhealthy.min_failure_count) status = Status::unhealthy;
      else if (failures >= thresholds.degraded.min_failure_count) status = worse(status, Status::degraded);
    }
  }
  return status;
}

Status count_window(const WindowThresholds& thresholds, std::span<const RecentRun> runs) {
  const auto window = runs.last(std::min(runs.size(), static_cast<std::size_t>(thresholds.window_size.value())));
  const auto failures = std::ranges::count_if(window, [](const RecentRun& run) { return run.status != RunStatus::healthy; });
  if (failures >= thresholds.unhealthy.min_failure_count) return Status::unhealthy;
  if (failures >= thresholds.degraded.min_failure_count) return Status::degraded;
  return Status::healthy;
}

/// Unknown stands above healthy: what nobody looks at must not read as well.
int severity(Status status) {
  switch (status) {
    case Status::healthy: return 0;
    case Status::unknown: return 1;
    case Status::degraded: return 2;
    case Status::unhealthy: return 3;
  }
  return 1;
}

// A process that has ended is struck off, and its checks taken up, within 5 s.
constexpr std::chrono::seconds kNobodyAtWork{10};

/// FNV-1a over both ids: the same in every process and version, unlike std::hash.
std::uint64_t hash_of(const CheckKey& key) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](const Uuid& id) {
    for (const std::uint8_t byte : id.bytes()) hash = (hash ^ byte) * 0x100000001b3;
  };
  add(key.system_id.uuid());
  add(key.configuration_id.uuid());
  return hash;
}

}  // namespace

Result<void> check(const Thresholds& thresholds) {
  struct Judge {
    static Result<void> order(std::int64_t degraded, std::int64_t unhealthy, std::int64_t most) {
      if (degraded > unhealthy)
        return fail_field(ErrorCode::bad_request, "stateThresholds.degraded.minFailureCount", "degraded must not need more failures ({}) than unhealthy ({})",
                          degraded, unhealthy);
      if (unhealthy > most)
        return fail_field(ErrorCode::bad_request, "stateThresholds.unhealthy.minFailureCount", "unhealthy needs {} failures, but only {} runs are looked at",
                          unhealthy, most);
      return {};
    }
    Result<void> operator()(const ConsecutiveThresholds& t) const {
      constexpr auto most = static_cast<std::int64_t>(kEvaluatedRuns);
      if (t.healthy.min_success_count > most)
        return fail_field(ErrorCode::bad_request, "stateThresholds.healthy.minSuccessCount", "healthy needs {} successes, but only {} runs are looked at",
                          t.healthy.min_success_count.value(), most);
      return order(t.degraded.min_failure_count, t.unhealthy.min_failure_count, most);
    }
    Result<void> operator()(const WindowThresholds& t) const {
      return order(t.degraded.min_failure_count, t.unhealthy.min_failure_count, t.window_size);
    }
  };
  return std::visit(Judge(), thresholds);
}

Status fold(const Thresholds& thresholds, std::span<const RecentRun> runs) {
  if (runs.empty()) return Status::unknown;
  if (const auto* consecutive = std::get_if<ConsecutiveThresholds>(&thresholds)) return fold_streaks(*consecutive, runs);
  return count_window(std::get<WindowThresholds>(thresholds), runs);
}

std::chrono::seconds stale_after(std::chrono::seconds interval) { return std::max<std::chrono::seconds>(5 * interval, std::chrono::minutes(10)); }

Timestamp stale_at(const CheckFacts& check) {
  return (check.runs.empty() ? check.measured_since : std::max(check.measured_since, check.runs.back().timestamp)) + stale_after(check.interval);
}

SystemHealth evaluate(const SystemFacts& facts, Timestamp now) {
  SystemHealth health{.evaluated_at = now};
  std::optional<Status> worst;
  std::optional<Timestamp> stale_since;
  for (const auto& check : facts.checks) {
    CheckStatus& status = health.check_statuses.emplace_back();
    status.configuration_id = check.configuration_id;
    status.configuration_name = check.configuration_name;
    status.runs_considered = static_cast<std::int64_t>(check.runs.size());
    if (!check.runs.empty()) status.last_run_at = check.runs.back().timestamp;
    const auto recent = std::span(check.runs).last(std::min(check.runs.size(), kRecentRuns));
    status.recent_runs.assign(recent.begin(), recent.end());

    const bool stale = now >= stale_at(check);
    status.status = stale ? Status::unknown : fold(check.thresholds, check.runs);
    if (stale) stale_since = std::max(stale_since.value_or(stale_at(check)), stale_at(check));
    if (check.runs.empty() && !stale) continue;
    if (!worst || severity(status.status) > severity(*worst)) worst = status.status;
  }
  health.status = worst.value_or(Status::unknown);
  if (facts.last && facts.last->to == health.status) health.since = facts.last->at;
  else if (health.status == Status::unknown) health.since = stale_since;
  return health;
}

std::optional<Timestamp> next_change(const SystemFacts& facts, Timestamp now) {
  std::optional<Timestamp> next;
  for (const auto& check : facts.checks) {
    const Timestamp at = stale_at(check);
    if (at > now && (!next || at < *next)) next = at;
  }
  return next;
}

std::optional<notification::Importance> importance(Status from, Status to) {
  if (from == to) return std::nullopt;
  switch (to) {
    case Status::unhealthy: return notification::Importance::critical;
    case Status::degraded: return notification::Importance::warning;
    case Status::healthy:
    case Status::unknown:
      if (from == Status::unknown || from == Status::healthy) return std::nullopt;
      return notification::Importance::info;
  }
  return std::nullopt;
}

const CheckStatus* driving_check(const SystemHealth& health, const std::optional<ConfigurationId>& preferred) {
  const CheckStatus* first = nullptr;
  for (const auto& check : health.check_statuses) {
    if (check.status != health.status) continue;
    if (preferred && check.configuration_id == *preferred) return &check;
    if (first == nullptr) first = &check;
  }
  return first;
}

std::chrono::milliseconds jitter(const CheckKey& key, std::chrono::seconds interval) {
  const auto span = std::min<std::chrono::milliseconds>(interval, std::chrono::seconds(30));
  return std::chrono::milliseconds(static_cast<std::int64_t>((hash_of(key) >> 17) % static_cast<std::uint64_t>(span.count())));
}

// By other bits than the jitter, so that the checks of one shard are spread as well.
int shard_of(const CheckKey& key, int shards) { return static_cast<int>((hash_of(key) >> 48) % static_cast<std::uint64_t>(shards)); }

TakeUp take_up(const CheckKey& key, std::chrono::seconds interval, Timestamp changed_at, const std::optional<Timestamp>& last_run, Timestamp now) {
  const bool changed = !last_run || *last_run < changed_at;
  const auto due = changed ? changed_at : *last_run + interval;
  if (now - due >= kNobodyAtWork) return {.changed = false, .in = jitter(key, interval)};
  return {.changed = changed, .in = std::chrono::ceil<std::chrono::milliseconds>(due - now)};
}

}  // namespace watchbell::healthcheck::rules
