#pragma once

#include <memory>

#include "domains/auth/service.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& auth();
}

namespace watchbell::auth {

/// Builds auth. The service is the identity of every request, so this module is made before the dispatcher answers anything. Loop-only.
class Module {
 public:
  /// @param cookie_key  derived from the master key; @param https  whether the base URL is
  Module(sql::Database& database, coherence::Memory& cache, Changes& changes, settings::Store& settings, crypto::PasswordHasher& passwords, const crypto::Keyring& keyring, async::TaskScope& scope,
         const Clock& clock, std::string cookie_key, bool https, Service::Options options);

  Service& service() noexcept { return service_; }
  /// Mounts the procedures and the session endpoints, declares the settings record and registers the jobs; before the queue starts.
  Result<void> mount(rpc::Dispatcher& dispatcher, rpc::Front& front, jobs::Queue& queue);
  /// Makes roles and rules what the areas declare; unless this process is `alone`, none is removed. After the last mount, before routes open.
  awaitable<Result<void>> sync(const rpc::Dispatcher& dispatcher, bool alone);

 private:
  settings::Store& settings_;
  Service service_;
};

}  // namespace watchbell::auth
