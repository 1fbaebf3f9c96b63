#pragma once

#include <string>
#include <vector>

#include "app/config/config.hpp"

namespace watchbell::app {

/// One thing that was looked at.
struct Finding {
  enum class Kind {
    fine,
    careful,  ///< works, and somebody should know
    wrong,
  };
  std::string about;  ///< "database"
  Kind kind = Kind::fine;
  std::string text;
  /// "database: ok (SQLite 3.40.1, 12 MB, 3 migrations to run)", "clock: careful: ...", "mail: could not connect to ...".
  std::string line() const;
};

/// Looks whether what the settings name is there and can be used: database, master key, Redis, mail server, clock. Each takes three seconds at most, and
/// nothing is changed. A server may run on the same settings. Blocks.
std::vector<Finding> look_around(const config::Config& config);

/// `watchbell config check`, once the settings themselves were judged: a line a finding on standard output. The exit code: 1 when something is wrong.
int check(const config::Config& config);

}  // namespace watchbell::app
