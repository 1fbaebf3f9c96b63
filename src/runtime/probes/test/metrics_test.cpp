#include "tests/support/co_test.hpp"

#include <set>

#include "runtime/probes/metrics.hpp"

namespace watchbell::probes {
namespace {

using namespace std::chrono_literals;

std::size_t lines_with(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

CO_TEST(Metrics, counters_gauges_and_histograms_are_written_as_prometheus_reads_them) {
  Registry registry;
  auto& requests = registry.counter("requests_total", "Requests.", {{"route"}, {"result", {"ok", "error"}}});
  auto& open = registry.gauge("open", "Open \"things\".");
  auto& seconds = registry.histogram("seconds", "Time.", {10ms, 100ms});
  registry.declare("route", "b\"x");
  registry.declare("route", "a");
  Counter& hot = requests.at({"b\"x", "ok"});
  hot.add();
  hot.add(2);
  requests.at({"a", "error"}).add();
  open.one().set(4);
  open.one().add(-1.5);
  for (const auto duration : {1ms, 10ms, 11ms, 100ms, 5000ms}) seconds.one().observe(duration);
  EXPECT_EQ(registry.render(),
            "# HELP watchbell_open Open \"things\".\n# TYPE watchbell_open gauge\nwatchbell_open 2.5\n"
            "# HELP watchbell_requests_total Requests.\n# TYPE watchbell_requests_total counter\n"
            "watchbell_requests_total{route=\"a\",result=\"error\"} 1\n"
            "watchbell_requests_total{route=\"b\\\"x\",result=\"ok\"} 3\n"
            "# HELP watchbell_seconds Time.\n# TYPE watchbell_seconds histogram\n"
            "watchbell_seconds_count 5\nwatchbell_seconds_sum 5.122\n"
            "watchbell_seconds_bucket{le=\"0.01\"} 2\nwatchbell_seconds_bucket{le=\"0.1\"} 4\nwatchbell_seconds_bucket{le=\"+Inf\"} 5\n");
  EXPECT_EQ(&requests.at({"b\"x", "ok"}), &hot) << "cells stay where they are";
  co_return;
}

CO_TEST(Metrics, L_5_input_cannot_make_series) {
  Metrics metrics;
  metrics.registry.declare("route", "/api/catalog/getSystems");
  metrics.registry.declare("scope", "catalog.systems");
  for (int i = 0; i < 10'000; ++i) {
    metrics.http_request_seconds.at({"/api/" + std::to_string(i)}).observe(1ms);
    metrics.cache_requests_total.at({"scope" + std::to_string(i), i % 2 == 0 ? "hit" : "forged\n"}).add();
    metrics.cache_requests_total.at({"catalog.systems", "hit"}).add();
  }
  metrics.http_request_seconds.at({"/api/catalog/getSystems"}).observe(1ms);
  const std::string text = metrics.registry.render();
  EXPECT_EQ(lines_with(text, "watchbell_http_request_seconds_count{"), 2u);
  EXPECT_NE(text.find("watchbell_http_request_seconds_count{route=\"other\"} 10000\n"), std::string::npos);
  EXPECT_EQ(lines_with(text, "\nwatchbell_cache_requests_total{"), 3u);
  EXPECT_NE(text.find("watchbell_cache_requests_total{scope=\"other\",result=\"hit\"} 5000\n"), std::string::npos);
  EXPECT_NE(text.find("watchbell_cache_requests_total{scope=\"other\",result=\"other\"} 5000\n"), std::string::npos);
  EXPECT_NE(text.find("watchbell_cache_requests_total{scope=\"catalog.systems\",result=\"hit\"} 10000\n"), std::string::npos);
  EXPECT_EQ(text.find("forged"), std::string::npos);
  co_return;
}

CO_TEST(Metrics, a_vocabulary_may_grow_before_and_after_its_families) {
  Registry registry;
  registry.declare("queue", "early");
  auto& runs = registry.counter("runs_total", "Runs.", {{"queue"}});
  auto& waits = registry.counter("waits_total", "Waits.", {{"queue"}});
  runs.at({"late"}).add();
  registry.declare("queue", "late");
  registry.declare("queue", "late");
  runs.at({"late"}).add();
  runs.at({"early"}).add();
  waits.at({"late"}).add();
  const std::string text = registry.render();
  EXPECT_NE(text.find("watchbell_runs_total{queue=\"early\"} 1\nwatchbell_runs_total{queue=\"late\"} 1\nwatchbell_runs_total{queue=\"other\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("watchbell_waits_total{queue=\"late\"} 1\n"), std::string::npos);
  co_return;
}

CO_TEST(Metrics, gauges_can_be_asked_for_when_they_are_read) {
  Metrics metrics;
  int asked = 0;
  metrics.registry.before_render([&] { metrics.db_pool_connections.at({"busy"}).set(++asked); });
  metrics.registry.render();
  EXPECT_NE(metrics.registry.render().find("watchbell_db_pool_connections{state=\"busy\"} 2\n"), std::string::npos);
  co_return;
}

CO_TEST(Metrics, every_series_of_the_server_is_there_from_the_start) {
  Metrics metrics;
  const std::string text = metrics.registry.render();
  for (const char* name : {"cache_requests_total counter", "cache_loader_seconds histogram", "cache_fill_discarded_total counter", "cache_invalidations_total counter",
                           "cache_invalidation_backlog gauge", "cache_invalidation_lag_seconds gauge", "cache_provider_errors_total counter",
                           "cache_provider_seconds histogram", "cache_entries gauge", "cache_bytes gauge", "cache_evictions_total counter",
                           "signals_emitted_total counter", "signals_delivered_total counter", "signals_dropped_total counter", "ws_connections gauge",
                           "queue_jobs gauge", "queue_wait_seconds histogram", "queue_run_seconds histogram", "queue_attempts_total counter",
                           "hook_deliveries_total counter", "http_request_seconds histogram", "db_pool_connections gauge", "runtime_lag_seconds histogram"})
    EXPECT_NE(text.find(std::string("# TYPE watchbell_") + name + "\n"), std::string::npos) << name;
  EXPECT_NE(text.find("\nwatchbell_cache_invalidation_backlog 0\n"), std::string::npos);
  co_return;
}

TEST(MetricsDeathTest, a_name_declared_twice_and_a_wrong_number_of_labels_are_our_bug) {
  Registry registry;
  auto& one = registry.counter("x", "x", {{"a", {"b"}}});
  EXPECT_DEATH(registry.gauge("x", "x"), "names_");
  EXPECT_DEATH(one.at({}), "labels_");
}

}  // namespace
}  // namespace watchbell::probes
