#include "domains/healthcheck/probes/registry.hpp"

#include <algorithm>
#include <set>

#include <boost/json.hpp>

#include "domains/healthcheck/assertion.hpp"
#include "platform/log/log.hpp"

namespace watchbell::healthcheck {
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxMessage = 500;

std::string serialize_result(const Outcome& outcome, json::object metadata) {
  json::object result;
  result["status"] = boost::describe::enum_to_string(outcome.status, "unhealthy");
  if (outcome.latency_ms) result["latencyMs"] = *outcome.latency_ms;
  if (!outcome.message.empty()) result["message"] = outcome.message;
  result["metadata"] = std::move(metadata);
  return json::serialize(result);
}

/// A message that can be stored whatever a peer put into it.
std::string clip(std::string message) {
  std::erase(message, '\0');
  if (!is_utf8(message)) message = "the answer was not readable";
  if (message.size() > kMaxMessage) message = std::string(utf8_prefix(message, kMaxMessage));
  return message;
}

}  // namespace

Outcome failed(std::string message) {
  Outcome outcome{.message = clip(std::move(message))};
  outcome.result = serialize_result(outcome, {{"connected", false}, {"error", outcome.message}});
  return outcome;
}

namespace probes {
namespace {

/// What one entry came to, in the form it is stored in.
struct Judged {
  json::object stored;
  std::optional<std::string> reason;
  bool answered = false;
};

const CollectorInfo* find_collector(const StrategyInfo& info, std::string_view id) {
  const auto it = std::ranges::find(info.collectors, id, &CollectorInfo::id);
  return it == info.collectors.end() ? nullptr : &*it;
}

Judged judge_collected(const Client& client, const CollectorInfo& collector, const CollectorEntry& entry, Collected collected) {
  Judged judged;
  judged.answered = !collected.error;
  if (collected.error) {
    judged.reason = clip(std::move(*collected.error));
    judged.stored["_collectorError"] = *judged.reason;
  } else {
    json::array outcomes;
    if (entry.assertions) {
      for (const auto& assertion : *entry.assertions) {
        auto failure = failure_of(collected.result, assertion);
        json::object outcome{{"field", assertion.field.str()}, {"operator", assertion.operator_.str()}, {"passed", !failure}};
        if (assertion.json_path) outcome["jsonPath"] = assertion.json_path->str();
        if (failure) {
          failure = clip(std::move(*failure));
          outcome["message"] = *failure;
          if (!judged.reason) judged.reason = std::move(failure);
        }
        outcomes.push_back(std::move(outcome));
      }
    }
    if (!judged.reason) judged.reason = client.demand(entry, collected.result);
    for (const auto& field : collector.ephemeral) collected.result.erase(field);
    judged.stored = std::move(collected.result);
    if (judged.reason) judged.stored["_assertionFailed"] = *judged.reason;
    if (!outcomes.empty()) judged.stored["_assertions"] = std::move(outcomes);
  }
  judged.stored["_collectorId"] = entry.collector_id.str();
  return judged;
}

struct Gathering {
  explicit Gathering(Executor executor) : ended(executor) {}
  async::Event ended;
  std::size_t running = 0;
  std::vector<Judged> judged;
};

/// One collector; isolated from the others: what it throws ends it alone.
awaitable<void> gather(Gathering& all, std::size_t index, Client& client, const CollectorInfo& collector, CollectorEntry entry) {
  struct End {
    Gathering& all;
    ~End() {
      --all.running;
      all.ended.notify_all();
    }
  } const end{all};
  auto collected = co_await client.collect(entry);
  all.judged[index] = judge_collected(client, collector, entry, std::move(collected));
}

void judge_json(const std::string& text, rpc::Issues& issues, const rpc::Path* path, const auto& judge) {
  rpc::Envelope envelope;
  if (!envelope.parse_plain(text)) {
    issues.custom(path, "Invalid input: not JSON");
    return;
  }
  judge(rpc::Input{envelope.value(), &envelope, &issues, path});
}

}  // namespace

void Registry::add(std::unique_ptr<Strategy> strategy) {
  WATCHBELL_ASSERT(find(strategy->info().id) == nullptr);
  strategies_.push_back(std::move(strategy));
}

const Strategy* Registry::find(std::string_view id) const {
  const auto it = std::ranges::find_if(strategies_, [&](const auto& strategy) { return strategy->info().id == id; });
  return it == strategies_.end() ? nullptr : it->get();
}

Result<void> Registry::judge(std::string_view strategy_id, const ConfigJson& config, const std::optional<Collectors>& collectors, Paths paths) const {
  rpc::Issues issues;
  const rpc::Path strategy_path{paths.parent, "strategyId"};
  const rpc::Path config_path{paths.parent, "config"};
  const rpc::Path collectors_path{paths.parent, "collectors"};
  const Strategy* strategy = find(strategy_id);
  if (strategy == nullptr) {
    issues.custom(&strategy_path, fmt::format("There is no strategy \"{}\"", strategy_id));
    return std::unexpected(issues.error());
  }
  judge_json(config.text, issues, &config_path, [&](const rpc::Input& in) { strategy->judge_config(in); });
  if (strategy->info().needs_collector && (!collectors || collectors->empty()))
    issues.custom(&collectors_path, "This strategy needs at least one collector: being reachable alone is not checked");
  std::set<std::string_view> ids;
  std::set<std::string_view> kinds;
  for (std::size_t i = 0; collectors && i < collectors->size(); ++i) {
    const auto& entry = (*collectors)[i];
    const rpc::Path step{&collectors_path, {}, i};
    const rpc::Path id_path{&step, "id"};
    const rpc::Path kind_path{&step, "collectorId"};
    const rpc::Path entry_config{&step, "config"};
    const rpc::Path assertions_path{&step, "assertions"};
    if (!ids.insert(entry.id).second) issues.custom(&id_path, "Another collector has this id");
    const CollectorInfo* info = find_collector(strategy->info(), entry.collector_id);
    if (info == nullptr) {
      issues.custom(&kind_path, fmt::format("Strategy \"{}\" has no collector \"{}\"", strategy_id, entry.collector_id.str()));
      continue;
    }
    if (!kinds.insert(entry.collector_id).second && !info->allow_multiple) issues.custom(&kind_path, "This collector may be used once");
    judge_json(entry.config.text, issues, &entry_config, [&](const rpc::Input& in) { strategy->judge_collector(entry.collector_id, in); });
    for (std::size_t n = 0; entry.assertions && n < entry.assertions->size(); ++n) {
      const rpc::Path assertion_path{&assertions_path, {}, n};
      if (const auto defect = defect_of((*entry.assertions)[n])) issues.custom(&assertion_path, *defect);
    }
  }
  if (!issues.empty()) return std::unexpected(issues.error());
  return {};
}

std::chrono::milliseconds Registry::deadline(const Configuration& configuration) const {
  const Strategy* strategy = find(configuration.strategy_id);
  return strategy == nullptr ? std::chrono::milliseconds(60'000) : strategy->timeout(configuration.config);
}

awaitable<Outcome> Registry::run(std::shared_ptr<const Configuration> configuration) {
  const auto it = std::ranges::find_if(strategies_, [&](const auto& other) { return other->info().id == configuration->strategy_id; });
  if (it == strategies_.end()) co_return failed(fmt::format("there is no strategy \"{}\"", configuration->strategy_id));
  Strategy& strategy = **it;
  static const Collectors none;
  const Collectors& entries = configuration->collectors ? *configuration->collectors : none;
  for (const auto& entry : entries)
    if (find_collector(strategy.info(), entry.collector_id) == nullptr)
      co_return failed(fmt::format("there is no collector \"{}\"", entry.collector_id.str()));
  if (entries.empty() && strategy.info().needs_collector) co_return failed("the check has no collector");

  const auto elapsed_ms = [this, begun = wheel_.clock().monotonic()] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(wheel_.clock().monotonic() - begun + std::chrono::microseconds(500)).count();
  };
  auto client = co_await strategy.connect(configuration->config);
  if (!client) co_return failed(std::move(client.error().message));
  const auto connection_ms = elapsed_ms();

  Gathering all(wheel_.executor());
  all.judged.resize(entries.size());
  async::TaskScope scope(wheel_.executor(), [](std::string_view, std::exception_ptr thrown) { log::fault("healthcheck collector", thrown); });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    all.judged[i].reason = "the collector ended unexpectedly";
    ++all.running;
    scope.spawn("collector", gather(all, i, **client, *find_collector(strategy.info(), entries[i].collector_id), entries[i]));
  }
  // The collectors use this frame: whatever ends the wait, they have ended before it goes.
  std::exception_ptr thrown;
  try {
    while (all.running > 0) co_await all.ended.wait();
  } catch (const boost::system::system_error&) {
    thrown = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await scope.stop();
  if (thrown) std::rethrow_exception(thrown);

  Outcome outcome{.status = RunStatus::healthy};
  json::object stored;
  bool answered = true;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Judged& judged = all.judged[i];
    if (judged.reason && outcome.status == RunStatus::healthy) {
      outcome.status = RunStatus::unhealthy;
      outcome.message = *judged.reason;
    }
    answered = answered && judged.answered;
    stored[entries[i].id.str()] = std::move(judged.stored);
  }
  const auto latency_ms = elapsed_ms();
  if (answered) outcome.latency_ms = latency_ms;
  if (outcome.status == RunStatus::healthy) outcome.message = fmt::format("{} ms", latency_ms);
  outcome.result = serialize_result(outcome, {{"connected", true}, {"connectionTimeMs", connection_ms}, {"collectors", std::move(stored)}});
  co_return outcome;
}

}  // namespace probes
}  // namespace watchbell::healthcheck
