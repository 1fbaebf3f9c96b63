#pragma once

#include <memory>
#include <span>
#include <vector>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "domains/healthcheck/probes/strategy.hpp"

namespace watchbell::healthcheck {

/// Runs a configuration once. Tests hand in their own. Loop-only.
class Prober {
 public:
  virtual ~Prober() = default;
  /// How long run() may take before it is cancelled. Thread-safe.
  virtual std::chrono::milliseconds deadline(const Configuration& configuration) const = 0;
  /// Cancellation drops the work.
  virtual awaitable<Outcome> run(std::shared_ptr<const Configuration> configuration) = 0;
};

namespace probes {

/// All strategies. Immutable once made, but for run(), which is Loop-only.
class Registry final : public Prober {
 public:
  explicit Registry(async::TimerWheel& wheel) : wheel_(wheel) {}
  /// REQUIRES an id that no other has.
  void add(std::unique_ptr<Strategy> strategy);

  std::span<const std::unique_ptr<Strategy>> strategies() const noexcept { return strategies_; }
  const Strategy* find(std::string_view id) const;

  /// Where the parts of a configuration stand in the input it came with, for the issues.
  struct Paths {
    const rpc::Path* parent = nullptr;  ///< of the members strategyId, config, collectors
  };
  /// Everything wrong with a configuration that is to be stored: strategy and collectors must exist, configs fit their schemas, entries have
  /// ids of their own, assertions can be met. ErrorCode::bad_request with issues.
  Result<void> judge(std::string_view strategy_id, const ConfigJson& config, const std::optional<Collectors>& collectors, Paths paths) const;

  std::chrono::milliseconds deadline(const Configuration& configuration) const override;
  /// Connects, runs all collectors at the same time, judges their assertions. A strategy or collector nobody knows is an unhealthy outcome.
  awaitable<Outcome> run(std::shared_ptr<const Configuration> configuration) override;

 private:
  async::TimerWheel& wheel_;
  std::vector<std::unique_ptr<Strategy>> strategies_;
};

}  // namespace probes

/// The outcome of a run that has no result of its own: not connected, out of time, or ended by a fault.
Outcome failed(std::string message);

}  // namespace watchbell::healthcheck
