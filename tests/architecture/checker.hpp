#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace watchbell::architecture {

/// One broken rule: "src/domains/a/service.cpp:12: a domain may include ...".
struct Violation {
  std::string where;
  std::string what;
};

/// Reads every #include and the DEPENDS lists below `root` (the repository) and names each line that breaks the rules of ARCHITECTURE.md:
/// floors include only floors below them; rules and types include neither I/O nor the runtime; third-party libraries that touch the outside stay
/// in platform; a domain includes of another only types, events and service, and only what its DEPENDS names, in the order of the domains;
/// of libs/ only the public headers are included, in tests also what libs/ tests with; signals are emitted in runtime/change alone; coroutines are detached in async alone.
std::vector<Violation> check(const std::filesystem::path& root);

}  // namespace watchbell::architecture
