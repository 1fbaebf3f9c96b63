#pragma once

#include <memory>
#include <vector>

#include "app/config/config.hpp"
#include "domains/auth/service.hpp"
#include "platform/sql/migration.hpp"
#include "runtime/rpc/dispatcher.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::app {

/// The domains, in the order of their dependencies: the one place that lists them. Loop-only.
class Modules {
 public:
  Modules(Runtime& runtime, auth::Service& auth, const config::Config& config);
  ~Modules();

  Result<void> mount();
  /// Before jobs run and routes open.
  awaitable<Result<void>> start();
  /// In reverse.
  awaitable<void> stop();
  /// The signals of all domains.
  std::vector<signals::Declared> signals() const;
  /// All migration sets, in the order they run.
  static std::span<const sql::MigrationSet* const> migrations();

 private:
  struct All;
  std::unique_ptr<All> all_;
};

}  // namespace watchbell::app
