#pragma once

#include "domains/theme/service.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& theme();
}

namespace watchbell::theme {

/// Builds theme. Loop-only.
class Module {
 public:
  explicit Module(Runtime& runtime);

  Result<void> mount();

 private:
  Runtime& runtime_;
  Service service_;
};

}  // namespace watchbell::theme
