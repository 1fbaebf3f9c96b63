#include "domains/caching/module.hpp"

#include "domains/caching/contract.hpp"

namespace watchbell::caching {

Module::Module(Runtime& runtime, MemoryConfig config) : runtime_(runtime), service_(runtime.cache, runtime.clock, config) {}

Result<void> Module::mount() { return runtime_.dispatcher.mount(contract(service_)); }

}  // namespace watchbell::caching
