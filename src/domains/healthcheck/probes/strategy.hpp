#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "domains/healthcheck/types.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell::healthcheck::probes {

/// What a collector is, for those who choose one.
struct CollectorInfo {
  std::string id;            ///< "<plugin>.<collector>"
  std::string display_name;
  std::string description;
  std::string config_schema; ///< JSON Schema
  std::string result_schema;
  bool allow_multiple = false;
  std::vector<std::string> ephemeral;  ///< fields that are asserted on and never stored
};

struct StrategyInfo {
  std::string id;  ///< "<plugin>.<strategy>"
  std::string display_name;
  std::string description;
  std::string category;
  std::string config_schema;
  bool needs_collector = false;  ///< whether being connected alone says nothing
  std::vector<CollectorInfo> collectors;
};

/// What a collector brought back. With an error it failed, and the result may be empty.
struct Collected {
  boost::json::object result;
  std::optional<std::string> error;
};

/// A transport connected to its target, for one run. Loop-only; destroyed before the strategy.
class Client {
 public:
  virtual ~Client() = default;
  /// Runs one collector. Cancellation drops the work. Several may run at a time.
  virtual awaitable<Collected> collect(CollectorEntry entry) = 0;
  /// What the collector demands besides its assertions, or why it is not met.
  virtual std::optional<std::string> demand(const CollectorEntry& entry, const boost::json::object& result) const = 0;
};

/// A way to reach a target. What it says about itself and its configs is Immutable and may be asked on any thread.
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual const StrategyInfo& info() const = 0;
  /// Reports what is wrong with a config of the strategy, or of one of its collectors.
  virtual void judge_config(const rpc::Input& config) const = 0;
  virtual void judge_collector(std::string_view collector_id, const rpc::Input& config) const = 0;
  /// How long a whole run may take.
  virtual std::chrono::milliseconds timeout(const ConfigJson& config) const = 0;
  /// An error is why there is no connection, for a person. Loop-only.
  virtual awaitable<Result<std::unique_ptr<Client>>> connect(ConfigJson config) = 0;
};

}  // namespace watchbell::healthcheck::probes
