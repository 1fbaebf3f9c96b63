#include "domains/catalog/module.hpp"

#include "domains/catalog/contract.hpp"
#include "platform/log/log.hpp"

namespace watchbell::catalog {

Module::Module(Runtime& runtime, const notification::Service& notification)
    : runtime_(runtime), service_(runtime.database, runtime.cache, runtime.changes, notification) {}

Result<void> Module::mount() { return runtime_.dispatcher.mount(contract(service_)); }

std::vector<rpc::SignalType> Module::signals() { return {{std::string(kChanged.id), rpc::schema_of<Changed>()}}; }

awaitable<void> Module::start() {
  const auto mended = co_await service_.mend_groups();
  if (!mended) log::warn("notification groups of systems could not be mended", {{"reason", mended.error().message}});
}

}  // namespace watchbell::catalog
