#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.hpp"

namespace {

/// What the address of a database leaves open, libpq would take from variables PG*. Settings have names of ours alone.
void forget_postgres_settings(char** environment) {
  std::vector<std::string> names;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry(*environment);
    if (entry.starts_with("PG")) names.emplace_back(entry.substr(0, entry.find('=')));
  }
  for (const auto& name : names) ::unsetenv(name.c_str());
}

}  // namespace

int main(int argc, char** argv, char** environment) {
  forget_postgres_settings(environment);  // before there is a thread
  return watchbell::app::main(argc, argv, environment);
}
