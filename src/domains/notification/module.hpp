#pragma once

#include <vector>

#include "domains/auth/service.hpp"
#include "domains/notification/channels/channel.hpp"
#include "domains/notification/delivery.hpp"
#include "domains/notification/service.hpp"
#include "platform/sql/migration.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& notification();
}

namespace watchbell::notification {

/// Builds notification. Stopped with the runtime's queue and scope, which run its tasks. Loop-only.
class Module {
 public:
  struct Options {
    std::size_t notify_body_bytes = 8 * 1024 * 1024;
    std::size_t deliveries_at_once = 512;
    std::size_t deliveries_per_host = 64;
  };
  Module(Runtime& runtime, const auth::Service& auth, Options options);

  Service& service() noexcept { return service_; }
  /// Mounts the procedures and registers the jobs; before the queue starts.
  Result<void> mount();
  /// Begins to remove what is old.
  awaitable<void> start();
  static std::vector<rpc::SignalType> signals();

 private:
  Runtime& runtime_;
  Options options_;
  channels::Registry registry_;
  ChannelSettings channels_;
  Service service_;
  Deliveries deliveries_;
};

}  // namespace watchbell::notification
