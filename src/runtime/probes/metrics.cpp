#include "runtime/probes/metrics.hpp"

#include "base/assert.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>

namespace watchbell::probes {
namespace {

constexpr std::string_view kPrefix = "watchbell_";

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

void write(prometheus::ClientMetric& out, const Counter& cell) { out.counter.value = static_cast<double>(cell.value()); }
void write(prometheus::ClientMetric& out, const Gauge& cell) { out.gauge.value = cell.value(); }
void write(prometheus::ClientMetric& out, const Histogram& cell) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < cell.counts().size(); ++i) {
    total += cell.counts()[i];
    const double bound = i < cell.bounds().size() ? seconds(cell.bounds()[i]) : std::numeric_limits<double>::infinity();
    out.histogram.bucket.push_back({.cumulative_count = total, .upper_bound = bound});
  }
  out.histogram.sample_count = total;
  out.histogram.sample_sum = seconds(cell.sum());
}

constexpr prometheus::MetricType type_of(const Counter*) { return prometheus::MetricType::Counter; }
constexpr prometheus::MetricType type_of(const Gauge*) { return prometheus::MetricType::Gauge; }
constexpr prometheus::MetricType type_of(const Histogram*) { return prometheus::MetricType::Histogram; }

}  // namespace

template <class Cell>
Cell& Family<Cell>::at(std::initializer_list<std::string_view> values) {
  WATCHBELL_ASSERT(values.size() == labels_.size());
  std::vector<std::string_view> key;
  key.reserve(values.size());
  auto label = labels_.begin();
  for (const std::string_view value : values) {
    const auto known = label->known->find(value);
    key.push_back(known == label->known->end() ? kOther : std::string_view(*known));
    ++label;
  }
  const auto it = cells_.find(key);
  return it != cells_.end() ? it->second : cells_.emplace(std::move(key), make_()).first->second;
}
template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

Registry::Registry() = default;
Registry::~Registry() = default;

template <class Cell>
Family<Cell>& Registry::add(std::deque<Family<Cell>>& families, std::string name, std::string help, std::vector<Label> labels, std::function<Cell()> make) {
  WATCHBELL_ASSERT(names_.insert(name).second);
  Family<Cell>& family = families.emplace_back();
  family.name_ = std::string(kPrefix) + name;
  family.help_ = std::move(help);
  family.make_ = std::move(make);
  for (auto& label : labels) {
    auto known = std::make_shared<Vocabulary>(label.values.begin(), label.values.end());
    if (label.values.empty()) known = vocabularies_.try_emplace(label.name, known).first->second;
    family.labels_.push_back({std::move(label.name), std::move(known)});
  }
  // A series without labels is there from the start, at 0.
  if (labels.empty()) family.one();
  return family;
}

Family<Counter>& Registry::counter(std::string name, std::string help, std::vector<Label> labels) {
  return add<Counter>(counters_, std::move(name), std::move(help), std::move(labels), [] { return Counter(); });
}
Family<Gauge>& Registry::gauge(std::string name, std::string help, std::vector<Label> labels) {
  return add<Gauge>(gauges_, std::move(name), std::move(help), std::move(labels), [] { return Gauge(); });
}
Family<Histogram>& Registry::histogram(std::string name, std::string help, Buckets bounds, std::vector<Label> labels) {
  WATCHBELL_ASSERT(std::ranges::is_sorted(bounds));
  auto shared = std::make_shared<const Buckets>(std::move(bounds));
  return add<Histogram>(histograms_, std::move(name), std::move(help), std::move(labels), [shared] { return Histogram(shared); });
}

void Registry::declare(std::string_view label, std::string_view value) {
  auto it = vocabularies_.find(label);
  if (it == vocabularies_.end()) it = vocabularies_.emplace(std::string(label), std::make_shared<Vocabulary>()).first;
  it->second->emplace(value);
}

std::string Registry::render() {
  WATCHBELL_ASSERT_ON_LOOP();
  for (const auto& refresh : refresh_) refresh();
  std::vector<prometheus::MetricFamily> all;
  const auto collect = [&]<class Cell>(const std::deque<Family<Cell>>& families) {
    for (const auto& family : families) {
      prometheus::MetricFamily& out = all.emplace_back();
      out.name = family.name_;
      out.help = family.help_;
      out.type = type_of(static_cast<const Cell*>(nullptr));
      for (const auto& [values, cell] : family.cells_) {
        prometheus::ClientMetric& metric = out.metric.emplace_back();
        for (std::size_t i = 0; i < values.size(); ++i) metric.label.push_back({.name = family.labels_[i].name, .value = std::string(values[i])});
        write(metric, cell);
      }
    }
  };
  collect(counters_);
  collect(gauges_);
  collect(histograms_);
  std::ranges::sort(all, {}, &prometheus::MetricFamily::name);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, all);
  return std::move(text).str();
}

Buckets request_buckets() {
  using namespace std::chrono_literals;
  return {50us, 100us, 250us, 500us, 1ms, 2500us, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2500ms, 5s, 10s};
}
Buckets queue_buckets() {
  using namespace std::chrono_literals;
  return {10ms, 50ms, 100ms, 500ms, 1s, 5s, 15s, 1min, 5min, 30min, 2h, 12h};
}

Metrics::Metrics() = default;

}  // namespace watchbell::probes
