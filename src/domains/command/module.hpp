#pragma once

#include "domains/command/service.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& command();
}

namespace watchbell::command {

/// Builds command. Loop-only.
class Module {
 public:
  Module(Runtime& runtime, catalog::Service& catalog, access::Identity& identity);

  Result<void> mount();

 private:
  Runtime& runtime_;
  Service service_;
};

}  // namespace watchbell::command
