#include "domains/command/module.hpp"

#include "domains/command/contract.hpp"

namespace watchbell::command {

Module::Module(Runtime& runtime, catalog::Service& catalog, access::Identity& identity) : runtime_(runtime), service_(catalog, identity) {}

Result<void> Module::mount() { return runtime_.dispatcher.mount(contract(service_)); }

}  // namespace watchbell::command
