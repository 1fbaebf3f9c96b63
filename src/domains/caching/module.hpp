#pragma once

#include "domains/caching/service.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& caching();
}

namespace watchbell::caching {

/// Builds caching. Loop-only.
class Module {
 public:
  Module(Runtime& runtime, MemoryConfig config);

  Result<void> mount();

 private:
  Runtime& runtime_;
  Service service_;
};

}  // namespace watchbell::caching
