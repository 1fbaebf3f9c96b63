#pragma once

#include <string>
#include <vector>

#include "domains/catalog/service.hpp"
#include "domains/command/types.hpp"
#include "runtime/access/objects.hpp"
#include "runtime/access/principal.hpp"

namespace watchbell::command {

/// The use cases of the search box. Loop-only.
class Service {
 public:
  Service(catalog::Service& catalog, access::Identity& identity) : catalog_(catalog), identity_(identity) {}

  /// What the caller may use of all commands.
  awaitable<Result<std::vector<Entry>>> commands(access::PrincipalPtr caller);
  /// Systems he sees and commands he may use that hold the text; at most rules::kMost.
  awaitable<Result<std::vector<Entry>>> search(std::string text, access::Reach systems, access::PrincipalPtr caller);

 private:
  awaitable<Result<std::vector<Entry>>> usable(std::string text, access::PrincipalPtr caller);

  catalog::Service& catalog_;
  access::Identity& identity_;
};

}  // namespace watchbell::command
