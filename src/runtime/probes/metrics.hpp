#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/loop.hpp"

namespace watchbell::probes {

/// The numbers behind a series. Plain integers of the loop thread: counting costs an addition, reading them is render()'s business. Loop-only.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    WATCHBELL_ASSERT_ON_LOOP();
    value_ += n;
  }
  /// Of what its owner counts himself, as a total that only grows: adds what is new in it.
  void follow(std::uint64_t total) {
    if (total > value_) add(total - value_);
  }
  std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 0;
};

/// A number that goes up and down. Loop-only.
class Gauge {
 public:
  void set(double value) {
    WATCHBELL_ASSERT_ON_LOOP();
    value_ = value;
  }
  void add(double by) {
    WATCHBELL_ASSERT_ON_LOOP();
    value_ += by;
  }
  double value() const noexcept { return value_; }

 private:
  double value_ = 0;
};

/// Upper bounds of a histogram's buckets, each inclusive, ascending; the last bucket is open.
using Buckets = std::vector<std::chrono::nanoseconds>;

/// How many durations fell into each bucket, and their sum. Loop-only.
class Histogram {
 public:
  explicit Histogram(std::shared_ptr<const Buckets> bounds) : bounds_(std::move(bounds)), counts_(bounds_->size() + 1) {}
  void observe(std::chrono::nanoseconds duration) {
    WATCHBELL_ASSERT_ON_LOOP();
    ++counts_[static_cast<std::size_t>(std::ranges::lower_bound(*bounds_, duration) - bounds_->begin())];
    sum_ += duration;
  }
  const Buckets& bounds() const noexcept { return *bounds_; }
  /// A bucket each, not summed up; one more than bounds().
  const std::vector<std::uint64_t>& counts() const noexcept { return counts_; }
  std::chrono::nanoseconds sum() const noexcept { return sum_; }

 private:
  std::shared_ptr<const Buckets> bounds_;
  std::vector<std::uint64_t> counts_;
  std::chrono::nanoseconds sum_{0};
};

/// A label and the values it can have. With none given here its values are those declared for the label's name (Registry::declare).
struct Label {
  std::string name;
  std::vector<std::string> values = {};
};

/// The value that stands for all values not declared.
inline constexpr std::string_view kOther = "other";

/// The series of one name. Label values come from the vocabulary that code declared; any other value counts as "other", so that no input can
/// make a series of its own. Loop-only.
template <class Cell>
class Family {
 public:
  /// The cell of these label values, in the order of the labels; made when first asked for. Stays where it is: a hot path asks once and keeps it.
  /// Costs two look-ups a label otherwise.
  Cell& at(std::initializer_list<std::string_view> values);
  /// Of a family without labels.
  Cell& one() { return at({}); }

 private:
  friend class Registry;
  using Vocabulary = std::set<std::string, std::less<>>;
  struct Values {
    std::string name;
    std::shared_ptr<const Vocabulary> known;
  };
  std::string name_;
  std::string help_;
  std::vector<Values> labels_;
  std::function<Cell()> make_;
  std::map<std::vector<std::string_view>, Cell> cells_;  // the views are of the vocabularies, which only grow
};

/// Metric families, and their text form for Prometheus. Loop-only, but for declaring at start.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// @param name  without the prefix "watchbell_"; declaring a name twice is our bug and asserted
  /// @param help  what it counts, one sentence
  Family<Counter>& counter(std::string name, std::string help, std::vector<Label> labels = {});
  Family<Gauge>& gauge(std::string name, std::string help, std::vector<Label> labels = {});
  Family<Histogram>& histogram(std::string name, std::string help, Buckets bounds, std::vector<Label> labels = {});

  /// Adds a value to the vocabulary of a label: declare("scope", "catalog.systems"). Called by code that knows its names, never with what a
  /// peer sent.
  void declare(std::string_view label, std::string_view value);

  /// Runs before each render(): sets gauges that are cheaper to ask for than to keep.
  void before_render(std::function<void()> refresh) { refresh_.push_back(std::move(refresh)); }
  /// The text exposition format 0.0.4, families ordered by name, series by label values.
  std::string render();

 private:
  template <class Cell>
  Family<Cell>& add(std::deque<Family<Cell>>& families, std::string name, std::string help, std::vector<Label> labels, std::function<Cell()> make);
  using Vocabulary = std::set<std::string, std::less<>>;

  std::map<std::string, std::shared_ptr<Vocabulary>, std::less<>> vocabularies_;
  std::set<std::string, std::less<>> names_;
  std::deque<Family<Counter>> counters_;
  std::deque<Family<Gauge>> gauges_;
  std::deque<Family<Histogram>> histograms_;
  std::vector<std::function<void()>> refresh_;
};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// From 50 us to 10 s: requests, loads, calls.
Buckets request_buckets();
/// From 10 ms to 12 h: what waits in queues.
Buckets queue_buckets();

/// The series of the server. Labels without values here take declared ones: scope, op, signal, queue, hook, route.
struct Metrics {
  Metrics();

  Registry registry;

  Family<Counter>& cache_requests_total = registry.counter("cache_requests_total", "Reads through the cache.", {{"scope"}, {"result", {"hit", "miss", "joined", "bypass"}}});
  Family<Histogram>& cache_loader_seconds = registry.histogram("cache_loader_seconds", "Time loaders take.", request_buckets(), {{"scope"}});
  Family<Counter>& cache_fill_discarded_total =
      registry.counter("cache_fill_discarded_total", "Loaded values that were not kept.", {{"scope"}, {"reason", {"invalidated", "superseded", "error"}}});
  Family<Counter>& cache_invalidations_total =
      registry.counter("cache_invalidations_total", "Invalidations.", {{"scope"}, {"kind", {"key", "family"}}, {"result", {"applied", "queued"}}});
  Family<Gauge>& cache_invalidation_backlog = registry.gauge("cache_invalidation_backlog", "Invalidations that wait to be applied.");
  Family<Gauge>& cache_invalidation_lag_seconds = registry.gauge("cache_invalidation_lag_seconds", "Age of the oldest invalidation that waits.");
  Family<Counter>& cache_provider_errors_total = registry.counter("cache_provider_errors_total", "Failed calls of the shared cache.", {{"op"}});
  Family<Histogram>& cache_provider_seconds = registry.histogram("cache_provider_seconds", "Time calls of the shared cache take.", request_buckets(), {{"op"}});
  Family<Gauge>& cache_entries = registry.gauge("cache_entries", "Entries in the cache.", {{"scope"}});
  Family<Gauge>& cache_bytes = registry.gauge("cache_bytes", "Bytes in the cache.", {{"scope"}});
  Family<Counter>& cache_evictions_total = registry.counter("cache_evictions_total", "Entries that made room for others.", {{"scope"}});
  Family<Counter>& signals_emitted_total = registry.counter("signals_emitted_total", "Signals sent out by the server.", {{"signal"}});
  Family<Counter>& signals_delivered_total = registry.counter("signals_delivered_total", "Signals handed to a socket.", {{"signal"}});
  Family<Counter>& signals_dropped_total =
      registry.counter("signals_dropped_total", "Signals a socket did not get.", {{"signal"}, {"reason", {"overflow", "closed", "forbidden"}}});
  Family<Gauge>& ws_connections = registry.gauge("ws_connections", "Open websockets.", {{"kind", {"user", "anonymous"}}});
  Family<Gauge>& queue_jobs = registry.gauge("queue_jobs", "Jobs in the database.", {{"queue"}, {"state", {"waiting", "delayed", "running", "failed"}}});
  Family<Histogram>& queue_wait_seconds =
      registry.histogram("queue_wait_seconds", "Time from when a job was due to its run.", queue_buckets(), {{"queue"}, {"status", {"done", "retry", "failed"}}});
  Family<Histogram>& queue_run_seconds =
      registry.histogram("queue_run_seconds", "Time a run of a job takes.", request_buckets(), {{"queue"}, {"status", {"done", "retry", "failed"}}});
  Family<Counter>& queue_attempts_total = registry.counter("queue_attempts_total", "Runs of jobs.", {{"queue"}, {"status", {"done", "retry", "failed"}}});
  Family<Counter>& hook_deliveries_total = registry.counter(
      "hook_deliveries_total", "Events handed to who listens.", {{"hook"}, {"mode", {"durable", "broadcast", "local"}}, {"result", {"ok", "error"}}});
  Family<Histogram>& http_request_seconds = registry.histogram("http_request_seconds", "Time from a request's head to its answer.", request_buckets(), {{"route"}});
  Family<Counter>& http_refused_total = registry.counter("http_refused_total", "Requests refused by a rate limit.", {{"limit", {"principal", "address", "sign_in"}}});
  Family<Gauge>& db_pool_connections = registry.gauge("db_pool_connections", "Database sessions.", {{"state", {"idle", "busy", "waiting"}}});
  Family<Histogram>& runtime_lag_seconds = registry.histogram("runtime_lag_seconds", "By how much the event loop was late.", request_buckets());
};

}  // namespace watchbell::probes
