#pragma once

#include <string>
#include <vector>

#include "platform/http_server/http.hpp"
#include "runtime/probes/metrics.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::app {

/// Answers GET /metrics on the listener for metrics, and fills the series: it is told what the parts of the runtime do, and asks them for the rest when
/// somebody looks. Those of the cache are filled by probes::CacheMetrics. What can be a label is fixed when it is made: the queues, events and signals
/// that were mounted by then. Loop-only.
class MetricsPage final : public http::Handler {
 public:
  /// @param signals  ids of all that may be emitted
  MetricsPage(Runtime& runtime, probes::Metrics& metrics, const std::vector<std::string>& signals);
  ~MetricsPage();
  MetricsPage(const MetricsPage&) = delete;
  MetricsPage& operator=(const MetricsPage&) = delete;

  awaitable<void> handle(const http::Request& request, http::Response& response) override;
  /// Measures once a second by how much the loop is late. Runs until it is cancelled.
  static awaitable<void> watch_lag(Executor executor, probes::Histogram& lag);

 private:
  void refresh();
  awaitable<void> count_jobs();

  Runtime& runtime_;
  probes::Metrics& metrics_;
  std::vector<std::string> queues_;
};

}  // namespace watchbell::app
