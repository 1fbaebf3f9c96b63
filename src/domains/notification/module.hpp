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

/// Builds notification. Stopped with the runtime's queue and scope, which run its tasks.
class Module {
 public:
  Module(Runtime& runtime, const auth::Service& auth);

  Service& service() noexcept { return service_; }
  /// Mounts the procedures and registers the jobs; before the queue starts.
  Result<void> mount();
  /// Begins to remove what is old.
  awaitable<void> start();
  static std::vector<rpc::SignalType> signals();

 private:
  Runtime& runtime_;
  channels::Registry registry_;
  ChannelSettings channels_;
  Service service_;
  Deliveries deliveries_;
};

}  // namespace watchbell::notification
