#include "domains/auth/module.hpp"

#include "domains/auth/contract.hpp"
#include "domains/auth/endpoints.hpp"

namespace watchbell::auth {

Module::Module(sql::Database& database, cache::Cache& cache, Changes& changes, crypto::PasswordHasher& passwords, async::TaskScope& scope, const Clock& clock,
               std::string cookie_key, bool https, Service::Options options)
    : service_(database, cache, changes, passwords, scope, clock, CookieSigner(std::move(cookie_key), https), std::move(options)) {}

Result<void> Module::mount(rpc::Dispatcher& dispatcher, rpc::Front& front) {
  mount_endpoints(front, service_);
  return dispatcher.mount(contract(service_));
}

awaitable<Result<void>> Module::sync(const rpc::Dispatcher& dispatcher) {
  std::vector<access::Rule> rules;
  for (const auto& area : dispatcher.areas()) rules.insert(rules.end(), area.rules().begin(), area.rules().end());
  co_return co_await service_.sync(std::move(rules));
}

}  // namespace watchbell::auth
