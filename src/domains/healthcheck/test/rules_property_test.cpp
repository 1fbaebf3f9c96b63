#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "domains/healthcheck/rules.hpp"

namespace watchbell::healthcheck {
namespace {

constexpr Timestamp kNow = Timestamp::from_millis(1'767'225'600'000);

std::vector<RecentRun> runs_of(const std::vector<bool>& up) {
  std::vector<RecentRun> runs;
  for (std::size_t i = 0; i < up.size(); ++i)
    runs.push_back({.status = up[i] ? RunStatus::healthy : RunStatus::unhealthy,
                    .timestamp = kNow - std::chrono::seconds(up.size() - i),
                    .latency_ms = {}});
  return runs;
}

Thresholds any_thresholds() {
  const bool consecutive = *rc::gen::arbitrary<bool>();
  if (consecutive) {
    const auto unhealthy = *rc::gen::inRange<std::int64_t>(1, 9);
    return ConsecutiveThresholds{.healthy = {*rc::gen::inRange<std::int64_t>(1, 6)}, .degraded = {*rc::gen::inRange<std::int64_t>(1, unhealthy + 1)},
                                 .unhealthy = {unhealthy}};
  }
  const auto size = *rc::gen::inRange<std::int64_t>(3, 30);
  const auto unhealthy = *rc::gen::inRange<std::int64_t>(1, size + 1);
  return WindowThresholds{.window_size = size, .degraded = {*rc::gen::inRange<std::int64_t>(1, unhealthy + 1)}, .unhealthy = {unhealthy}};
}

int rank(Status status) { return status == Status::healthy ? 0 : status == Status::degraded ? 1 : 2; }

RC_GTEST_PROP(HealthFoldProperty, HC_5_thresholds_that_pass_can_be_met, ()) {
  const auto thresholds = any_thresholds();
  RC_ASSERT(rules::check(thresholds).has_value());
  RC_ASSERT(rules::fold(thresholds, runs_of(std::vector<bool>(kEvaluatedRuns, false))) == Status::unhealthy);
  RC_ASSERT(rules::fold(thresholds, runs_of(std::vector<bool>(kEvaluatedRuns, true))) == Status::healthy);
}

RC_GTEST_PROP(HealthFoldProperty, HC_5_one_more_failure_never_reads_better_and_one_more_success_never_worse, (std::vector<bool> up)) {
  // In a window a run leaves when one comes, and may take its failure with it; so only while it fills.
  const auto thresholds = any_thresholds();
  if (const auto* window = std::get_if<WindowThresholds>(&thresholds)) RC_PRE(up.size() < static_cast<std::size_t>(window->window_size.value()));
  RC_PRE(!up.empty());
  const int before = rank(rules::fold(thresholds, runs_of(up)));
  up.push_back(false);
  RC_ASSERT(rank(rules::fold(thresholds, runs_of(up))) >= before);
  up.back() = true;
  RC_ASSERT(rank(rules::fold(thresholds, runs_of(up))) <= before);
}

RC_GTEST_PROP(HealthFoldProperty, HC_5_enough_successes_always_heal, (std::vector<bool> up)) {
  const auto healthy = *rc::gen::inRange<std::int64_t>(1, 6);
  const Thresholds thresholds = ConsecutiveThresholds{.healthy = {healthy}, .degraded = {2}, .unhealthy = {3}};
  up.insert(up.end(), static_cast<std::size_t>(healthy), true);
  RC_ASSERT(rules::fold(thresholds, runs_of(up)) == Status::healthy);
}

RC_GTEST_PROP(SystemStatusProperty, HC_7_is_never_better_than_a_failing_check_and_changes_only_when_told, (std::vector<std::vector<bool>> checks)) {
  SystemFacts facts;
  for (const auto& up : checks) {
    auto& check = facts.checks.emplace_back();
    check.configuration_id = ConfigurationId::make(kNow);
    check.interval = std::chrono::seconds(*rc::gen::inRange(1, 1000));
    check.measured_since = kNow - std::chrono::hours(1);
    check.thresholds = any_thresholds();
    check.runs = runs_of(up);
  }
  const auto at = kNow + std::chrono::seconds(*rc::gen::inRange(0, 10'000));
  const auto health = rules::evaluate(facts, at);
  for (const auto& check : health.check_statuses) {
    if (check.status == Status::unhealthy) RC_ASSERT(health.status == Status::unhealthy);
    if (check.status == Status::degraded) RC_ASSERT(health.status == Status::unhealthy || health.status == Status::degraded);
  }
  if (facts.checks.empty()) RC_ASSERT(health.status == Status::unknown);
  const auto next = rules::next_change(facts, at);
  const auto just_before = next ? *next - std::chrono::microseconds(1) : at + std::chrono::hours(24);
  RC_ASSERT(rules::evaluate(facts, just_before).status == health.status);
}

}  // namespace
}  // namespace watchbell::healthcheck
