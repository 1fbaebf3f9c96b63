#pragma once

#include "domains/healthcheck/probes/registry.hpp"
#include "domains/healthcheck/scheduler.hpp"
#include "domains/healthcheck/service.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::catalog {
class Service;
}
namespace watchbell::notification {
class Service;
}
namespace watchbell::migrations {
const sql::MigrationSet& healthcheck();
}

namespace watchbell::healthcheck {

/// Builds health checks. mount() before the queue and the workers start, start() before routes open, stop() before the runtime's parts end. Loop-only.
class Module {
 public:
  struct Options {
    std::size_t probe_concurrency = 64;
    std::size_t response_bytes = 256 * 1024;  ///< what is read of a target's answer
    std::chrono::hours keep_runs{7 * 24};
  };
  Module(Runtime& runtime, const catalog::Service& catalog, const notification::Service& notification, Options options);

  Service& service() noexcept { return service_; }
  /// Mounts the procedures, registers jobs and events.
  Result<void> mount();
  static std::vector<signals::Declared> signals();
  /// Plans what is to run and begins.
  awaitable<Result<void>> start();
  /// Cancels running probes and waits for them.
  awaitable<void> stop();

 private:
  Runtime& runtime_;
  probes::Registry registry_;
  Scheduler scheduler_;
  std::unique_ptr<Share> share_;  // where several processes share the database
  Service service_;
  events::Bus::Subscription on_deleted_;
};

}  // namespace watchbell::healthcheck
