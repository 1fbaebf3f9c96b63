#pragma once

#include "domains/catalog/service.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& catalog();
}

namespace watchbell::catalog {

/// Builds the catalog. Loop-only.
class Module {
 public:
  Module(Runtime& runtime, const auth::Service& auth, notification::Service& notification);

  Service& service() noexcept { return service_; }
  Result<void> mount();
  static std::vector<signals::Declared> signals();
  /// Mends the notification groups; a failure is logged and the start goes on.
  awaitable<void> start();

 private:
  Runtime& runtime_;
  Service service_;
};

}  // namespace watchbell::catalog
