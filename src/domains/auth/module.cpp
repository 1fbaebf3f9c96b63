#include "domains/auth/module.hpp"

#include "domains/auth/contract.hpp"
#include "domains/auth/endpoints.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::auth {

Module::Module(sql::Database& database, coherence::Memory& cache, Changes& changes, settings::Store& settings, crypto::PasswordHasher& passwords, const crypto::Keyring& keyring,
               async::TaskScope& scope, const Clock& clock, std::string cookie_key, bool https, Service::Options options)
    : settings_(settings),
      service_(database, cache, changes, settings, passwords, keyring, scope, clock, CookieSigner(std::move(cookie_key), https), std::move(options)) {}

Result<void> Module::mount(rpc::Dispatcher& dispatcher, rpc::Front& front, jobs::Queue& queue) {
  settings_.declare("auth", [](std::string_view record) { return record == kRegistrationRecord ? &settings::type_of<Registration>() : nullptr; });
  mount_endpoints(front, service_);
  auto resets = queue.consume(std::string(kPasswordResetQueue), "auth", [this](const jobs::Job& job) { return service_.run_password_reset(job); },
                              {.remains = [](std::string_view) { return std::string(); }});  // an address somebody typed is nobody's to see
  if (!resets) return resets;
  return dispatcher.mount(contract(service_));
}

awaitable<Result<void>> Module::sync(const rpc::Dispatcher& dispatcher, bool alone) {
  std::vector<access::Rule> rules;
  for (const auto& area : dispatcher.areas()) rules.insert(rules.end(), area.rules().begin(), area.rules().end());
  std::set<std::string> visitors_use;
  for (const auto& area : dispatcher.areas())
    for (const auto& procedure : area.procedures())
      if (procedure->access().type == access::UserType::public_) visitors_use.insert(procedure->access().rules.begin(), procedure->access().rules.end());
  co_return co_await service_.sync(std::move(rules), std::move(visitors_use), alone);
}

}  // namespace watchbell::auth
