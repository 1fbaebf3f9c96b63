#include "domains/theme/module.hpp"

#include "domains/auth/events.hpp"
#include "domains/theme/contract.hpp"

namespace watchbell::theme {

Module::Module(Runtime& runtime) : runtime_(runtime), service_(runtime.database, runtime.cache, runtime.changes) {}

Result<void> Module::mount() {
  runtime_.bus.on_change(auth::kUserDeleted, [this](Change& change, const auth::UserDeleted& event) -> Result<void> {
    service_.forget(change, event.user_id);
    return {};
  });
  return runtime_.dispatcher.mount(contract(service_));
}

}  // namespace watchbell::theme
