#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace watchbell::test {

/// A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a unix socket alone, as an unprivileged user when the test runs as root.
/// It does not sync what it writes. It ends with this object, and with the thread that started it, whatever that dies of. Errors are
/// std::runtime_error. Not thread-safe.
class PostgresServer {
 public:
  struct Options {
    std::vector<std::string> settings;  ///< more of its own: "max_connections=20"
  };

  /// Whether WATCHBELL_TEST_SKIP names postgres: then a test that needs it skips itself. Else a missing server is a failure.
  static bool skipped();

  /// Makes the cluster, starts the server and waits until it takes connections; within a minute.
  PostgresServer() : PostgresServer(Options()) {}
  explicit PostgresServer(Options options);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// Of the database that is there from the start; `schema` is what its connections see, and make tables in, once somebody has made it.
  std::string url(const std::string& schema = "public") const;
  /// A URL with a schema that nobody has used yet and that exists.
  std::string fresh_url();
  /// Runs one statement as the superuser, over a connection of its own, and gives the first column of its first row, or nothing.
  std::string ask(const std::string& sql) const;

  pid_t pid() const noexcept { return pid_; }
  /// Ends the sessions and stops, and waits. Nothing when it does not run.
  void stop();
  /// Stops as in a crash, and waits: what was not committed is gone, clients are told nothing that they could count on.
  void crash();
  /// REQUIRES that it does not run. The data is what it was.
  void start();
  void restart() {
    stop();
    start();
  }

 private:
  void end(int signal);

  Options options_;
  std::string folder_;
  pid_t pid_ = 0;
  int schemas_ = 0;
};

}  // namespace watchbell::test
