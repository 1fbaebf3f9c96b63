#include "domains/healthcheck/rules.hpp"

#include <gtest/gtest.h>

#include <array>

namespace watchbell::healthcheck {
namespace {

using namespace std::chrono_literals;
using notification::Importance;

constexpr Timestamp kNow = Timestamp::from_millis(1'767'225'600'000);

/// 'U' a run that was healthy, 'D' one that was not, 'd' one that was degraded; a second apart, the last one now.
std::vector<RecentRun> runs(std::string_view line) {
  std::vector<RecentRun> all;
  for (std::size_t i = 0; i < line.size(); ++i)
    all.push_back({.status = line[i] == 'U' ? RunStatus::healthy : line[i] == 'd' ? RunStatus::degraded : RunStatus::unhealthy,
                   .timestamp = kNow - std::chrono::seconds(line.size() - 1 - i),
                   .latency_ms = {}});
  return all;
}
char sign(Status status) {
  switch (status) {
    case Status::healthy: return '.';
    case Status::degraded: return '!';
    case Status::unhealthy: return 'X';
    case Status::unknown: return '?';
  }
  return ' ';
}
/// The status after each run.
std::string states(std::string_view line, const Thresholds& thresholds) {
  std::string out;
  for (std::size_t n = 1; n <= line.size(); ++n) out += sign(rules::fold(thresholds, runs(line.substr(0, n))));
  return out;
}
Thresholds consecutive(std::int64_t healthy, std::int64_t degraded, std::int64_t unhealthy) {
  return ConsecutiveThresholds{.healthy = {healthy}, .degraded = {degraded}, .unhealthy = {unhealthy}};
}
Thresholds window(std::int64_t size, std::int64_t degraded, std::int64_t unhealthy) {
  return WindowThresholds{.window_size = size, .degraded = {degraded}, .unhealthy = {unhealthy}};
}

TEST(HealthFold, HC_5_defaults_give_what_the_rule_says) { EXPECT_EQ(states("DDDDDD", Thresholds()), ".!!!XX"); }

TEST(HealthFold, HC_5_consecutive_timelines) {
  struct Line {
    Thresholds thresholds;
    std::string_view runs;
    std::string_view states;
  };
  const Line lines[] = {
      {Thresholds(), "UUDDDU", "...!!."},
      {Thresholds(), "DUDUDUDU", "........"},
      {Thresholds(), "dddddd", ".!!!XX"},
      {Thresholds(), "DDDDDUDDDDD", ".!!!X..!!!X"},
      {consecutive(1, 1, 1), "UDUD", ".X.X"},
      {consecutive(1, 2, 2), "UDDDU", "..XX."},
      // Recovery takes as many successes as it says, in a row; a failure starts the count anew.
      {consecutive(3, 2, 4), "DDUUU", ".!!!."},
      {consecutive(3, 2, 4), "DDDDUUDUUU", ".!!XXXXXX."},
      // Fewer failures than unhealthy needs never make an unhealthy check look better.
      {consecutive(3, 2, 4), "DDDDUDDUD", ".!!XXXXXX"},
      {consecutive(2, 1, 3), "DUDUU", "!!!!."},
  };
  for (const auto& line : lines) EXPECT_EQ(states(line.runs, line.thresholds), line.states) << line.runs;
}

TEST(HealthFold, HC_5_window_timelines) {
  EXPECT_EQ(states("DDDDDDDDDD", window(10, 3, 7)), "..!!!!XXXX");
  EXPECT_EQ(states("DUDUDUUUUU", window(5, 2, 3)), "..!!X!!...");
  EXPECT_EQ(states("DDDUUU", window(3, 1, 3)), "!!X!!.");
}

TEST(HealthFold, HC_6_without_runs_nothing_is_known) { EXPECT_EQ(rules::fold(Thresholds(), {}), Status::unknown); }

TEST(HealthThresholds, must_be_ones_that_can_be_met) {
  EXPECT_TRUE(rules::check(Thresholds()));
  EXPECT_TRUE(rules::check(consecutive(1, 2, 2)));
  EXPECT_TRUE(rules::check(consecutive(100, 100, 100)));
  EXPECT_TRUE(rules::check(window(3, 3, 3)));
  for (const auto& bad : {consecutive(1, 3, 2), consecutive(101, 2, 5), consecutive(1, 2, 101), window(10, 4, 3), window(5, 3, 6)}) {
    const auto checked = rules::check(bad);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::bad_request);
    EXPECT_TRUE(checked.error().field.starts_with("stateThresholds."));
  }
}

CheckFacts check_of(std::string_view line, std::chrono::seconds interval = 60s, Timestamp end = kNow) {
  CheckFacts check;
  check.configuration_id = ConfigurationId::make(kNow);
  check.configuration_name = std::string(line);
  check.interval = interval;
  check.thresholds = consecutive(1, 2, 3);
  check.measured_since = end - 1h;
  check.runs = runs(line);
  for (auto& run : check.runs) run.timestamp = run.timestamp - (kNow - end);
  return check;
}
SystemFacts system_of(std::vector<CheckFacts> checks, std::optional<LastTransition> last = {}) {
  return {.known = true, .checks = std::move(checks), .last = last};
}

TEST(SystemStatus, HC_6_the_worst_check_wins_and_nothing_is_unknown) {
  EXPECT_EQ(rules::evaluate({}, kNow).status, Status::unknown);
  EXPECT_TRUE(rules::evaluate({}, kNow).check_statuses.empty());
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU"), check_of("UU")}), kNow).status, Status::healthy);
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU"), check_of("DD")}), kNow).status, Status::degraded);
  EXPECT_EQ(rules::evaluate(system_of({check_of("DDD"), check_of("DD")}), kNow).status, Status::unhealthy);
}

TEST(SystemStatus, HC_6_a_check_that_is_about_to_run_first_says_nothing) {
  auto fresh = check_of("");
  fresh.measured_since = kNow;
  EXPECT_EQ(rules::evaluate(system_of({fresh}), kNow).status, Status::unknown);
  const auto health = rules::evaluate(system_of({check_of("UU"), fresh}), kNow);
  EXPECT_EQ(health.status, Status::healthy);
  EXPECT_EQ(health.check_statuses[1].status, Status::unknown);
  EXPECT_EQ(health.check_statuses[1].last_run_at, std::nullopt);
  // One that never comes is no good sign either.
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU", 1h), fresh}), kNow + 10min).status, Status::unknown);
}

TEST(SystemStatus, HC_7_a_silent_check_is_unknown_and_reads_no_better) {
  EXPECT_EQ(rules::stale_after(1s), 10min);
  EXPECT_EQ(rules::stale_after(120s), 10min);
  EXPECT_EQ(rules::stale_after(300s), 25min);
  const auto facts = system_of({check_of("DDD", 60s)});
  EXPECT_EQ(rules::evaluate(facts, kNow + 10min - 1us).status, Status::unhealthy);
  EXPECT_EQ(rules::evaluate(facts, kNow + 10min).status, Status::unknown);
  // Beside a healthy check it does not vanish, beside a failing one it does not hide it.
  EXPECT_EQ(rules::evaluate(system_of({check_of("DDD", 60s), check_of("UU", 1h)}), kNow + 10min).status, Status::unknown);
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU", 60s), check_of("DD", 1h)}), kNow + 10min).status, Status::degraded);
  // An hourly check goes on for five hours.
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU", 1h)}), kNow + 5h - 1us).status, Status::healthy);
}

TEST(SystemStatus, C_16_tells_when_time_alone_changes_it) {
  const auto facts = system_of({check_of("UU", 60s), check_of("UU", 1h)});
  EXPECT_EQ(rules::next_change(facts, kNow), kNow + 10min);
  EXPECT_EQ(rules::next_change(facts, kNow + 10min), kNow + 5h);
  EXPECT_EQ(rules::next_change(facts, kNow + 5h), std::nullopt);
  EXPECT_EQ(rules::next_change({}, kNow), std::nullopt);
}

TEST(SystemStatus, tells_since_when) {
  const Timestamp before = kNow - 1h;
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU")}, LastTransition{Status::healthy, before, 3}), kNow).since, before);
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU")}, LastTransition{Status::degraded, before, 3}), kNow).since, std::nullopt);
  // What time alone did began when the last check fell silent.
  EXPECT_EQ(rules::evaluate(system_of({check_of("UU")}, LastTransition{Status::healthy, before, 3}), kNow + 20min).since, kNow + 10min);
}

TEST(SystemStatus, carries_the_newest_forty_runs_oldest_first) {
  const auto health = rules::evaluate(system_of({check_of(std::string(59, 'U') + "D")}), kNow);
  const auto& check = health.check_statuses.at(0);
  EXPECT_EQ(check.runs_considered, 60);
  EXPECT_EQ(check.last_run_at, kNow);
  ASSERT_EQ(check.recent_runs.size(), kRecentRuns);
  EXPECT_EQ(check.recent_runs.back().status, RunStatus::unhealthy);
  EXPECT_LT(check.recent_runs.front().timestamp, check.recent_runs.back().timestamp);
}

TEST(SystemStatus, who_is_told_of_what) {
  struct Row {
    Status from;
    Status to;
    std::optional<Importance> importance;
  };
  using enum Status;
  const Row rows[] = {{healthy, degraded, Importance::warning},  {healthy, unhealthy, Importance::critical}, {degraded, unhealthy, Importance::critical},
                      {unhealthy, degraded, Importance::warning}, {unhealthy, healthy, Importance::info},     {degraded, healthy, Importance::info},
                      {unknown, healthy, {}},                     {unknown, degraded, Importance::warning},   {unknown, unhealthy, Importance::critical},
                      {healthy, unknown, {}},                     {unhealthy, unknown, Importance::info},     {degraded, unknown, Importance::info},
                      {healthy, healthy, {}},                     {unhealthy, unhealthy, {}}};
  for (const auto& row : rows) EXPECT_EQ(rules::importance(row.from, row.to), row.importance) << sign(row.from) << sign(row.to);
}

TEST(SystemStatus, the_driving_check_is_a_worst_one) {
  const auto health = rules::evaluate(system_of({check_of("UU"), check_of("DDD"), check_of("DDDD")}), kNow);
  const auto& third = health.check_statuses[2];
  EXPECT_EQ(rules::driving_check(health, {})->configuration_name, "DDD");
  EXPECT_EQ(rules::driving_check(health, third.configuration_id)->configuration_name, "DDDD");
  EXPECT_EQ(rules::driving_check(health, health.check_statuses[0].configuration_id)->configuration_name, "DDD");
  EXPECT_EQ(rules::driving_check(rules::evaluate({}, kNow), {}), nullptr);
}

TEST(ShardOf, is_the_same_in_every_process_and_version_and_spread) {
  const CheckKey key{SystemId::parse("0194ab00-0000-7000-8000-000000000001").value(), ConfigurationId::parse("0194ab00-0000-7000-8000-000000000002").value()};
  EXPECT_EQ(rules::shard_of(key, 32), 8);
  std::array<int, 32> count{};
  for (int i = 0; i < 3200; ++i) ++count.at(static_cast<std::size_t>(rules::shard_of({SystemId::make(kNow), ConfigurationId::make(kNow)}, 32)));
  for (const auto n : count) {
    EXPECT_GE(n, 50);
    EXPECT_LE(n, 160);
  }
}

TEST(TakeUp, Q_11_an_interval_after_the_last_run_and_at_once_when_that_is_over) {
  const CheckKey key{SystemId::make(kNow), ConfigurationId::make(kNow)};
  const auto in = [&](std::optional<Timestamp> last, Timestamp changed = kNow - 24h) { return rules::take_up(key, 60s, changed, last, kNow); };
  EXPECT_EQ(in(kNow - 10s).in, 50s);
  EXPECT_EQ(in(kNow - 60s).in, 0s);
  EXPECT_EQ(in(kNow - 64s).in, -4s) << "in step with what it was";
  EXPECT_FALSE(in(kNow - 64s).changed);
  // Nobody can have been at work for so long.
  EXPECT_EQ(in(kNow - 70s).in, rules::jitter(key, 60s));
  EXPECT_EQ(in(kNow - 3h).in, rules::jitter(key, 60s));
  EXPECT_EQ(in(std::nullopt).in, rules::jitter(key, 60s));
  // A change, and no run since: its own process may have ended before it ran it.
  EXPECT_TRUE(in(std::nullopt, kNow - 3s).changed);
  EXPECT_TRUE(in(kNow - 10s, kNow - 3s).changed);
  EXPECT_FALSE(in(kNow - 2s, kNow - 3s).changed);
  EXPECT_EQ(in(kNow - 2s, kNow - 3s).in, 58s);
}

TEST(Jitter, is_stable_spread_and_bounded) {
  std::array<int, 10> tenths{};
  for (int i = 0; i < 1000; ++i) {
    const CheckKey key{SystemId::make(kNow), ConfigurationId::make(kNow)};
    const auto jitter = rules::jitter(key, 60s);
    EXPECT_EQ(jitter, rules::jitter(key, 60s));
    EXPECT_GE(jitter, 0ms);
    EXPECT_LT(jitter, 30s);
    EXPECT_LT(rules::jitter(key, 1s), 1s);
    ++tenths[static_cast<std::size_t>(jitter / 3s)];
  }
  for (const int n : tenths) EXPECT_GT(n, 40);
}

}  // namespace
}  // namespace watchbell::healthcheck
