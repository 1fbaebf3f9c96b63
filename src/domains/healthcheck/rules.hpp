#pragma once

#include <chrono>
#include <optional>
#include <span>

#include "base/result.hpp"
#include "domains/healthcheck/types.hpp"
#include "domains/notification/types.hpp"

namespace watchbell::healthcheck::rules {

/// Whether thresholds can be met: degraded <= unhealthy <= the runs they look at (the window, else kEvaluatedRuns). ErrorCode::bad_request.
Result<void> check(const Thresholds& thresholds);

/// The status runs add up to, oldest first, from healthy. Degraded runs count as failures.
///
/// Consecutive: a streak of failures makes it degraded, then unhealthy, and never better; a streak of min_success_count successes makes it healthy,
/// a shorter one keeps what it was. Window: failures among the newest window_size.
/// @returns  healthy, degraded or unhealthy; unknown without runs
Status fold(const Thresholds& thresholds, std::span<const RecentRun> runs);

/// After this long without a run a check's status is not known any more: five intervals, at least ten minutes.
std::chrono::seconds stale_after(std::chrono::seconds interval);
/// The instant from which the check counts as not measured, unless a run comes.
Timestamp stale_at(const CheckFacts& check);

/// The status of a system at `now`. The worst counted check wins: unhealthy, degraded, stale, healthy. A check that has not run yet and is not
/// overdue says nothing; when no check says anything, or there is none, the system is unknown.
SystemHealth evaluate(const SystemFacts& facts, Timestamp now);
/// The next instant after `now` at which evaluate() answers something else without any run, or nothing.
std::optional<Timestamp> next_change(const SystemFacts& facts, Timestamp now);

/// How important people find that a system went from one status to another; nothing = nobody is told. Leaving unknown for healthy is no news;
/// a failing system that is not measured any more is.
std::optional<notification::Importance> importance(Status from, Status to);

/// The check that makes the system what it is: of the worst ones the given one, else the first.
const CheckStatus* driving_check(const SystemHealth& health, const std::optional<ConfigurationId>& preferred);

/// A share of the cadence that is the same for a check in every process: 0 to min(interval, 30 s).
std::chrono::milliseconds jitter(const CheckKey& key, std::chrono::seconds interval);

/// Of `shards` the one that a check belongs to: the same in every process and version.
int shard_of(const CheckKey& key, int shards);

/// How a process takes up a check.
struct TakeUp {
  bool changed = false;              ///< a person changed it, and it has not run since: now (Scheduler::First::at_once)
  std::chrono::milliseconds in{0};   ///< else its next run, from now; over when negative
};
/// An interval after its last run that counts, so that none is missed or comes twice whoever ran that one. What has been due for so long that nobody can have
/// been at work comes after its jitter, as at boot.
/// @param changed_at  when a person changed it last
TakeUp take_up(const CheckKey& key, std::chrono::seconds interval, Timestamp changed_at, const std::optional<Timestamp>& last_run, Timestamp now);

}  // namespace watchbell::healthcheck::rules
