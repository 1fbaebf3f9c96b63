#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace watchbell::test {

/// A real redis-server for tests: in a temporary folder, on a unix socket and, when asked, on a free port of 127.0.0.1. It keeps nothing on disk. It
/// ends with this object, and with the thread that started it, whatever that dies of. Errors are std::runtime_error. Not thread-safe.
class RedisServer {
 public:
  struct Options {
    bool tcp = false;
    /// TLS on the port, with a certificate for redis.test and 127.0.0.1 made by openssl.
    bool tls = false;
    std::vector<std::string> users;      ///< ACL rules: "app on >secret ~* +@all". The default user stays open to all.
    std::vector<std::string> arguments;  ///< more of redis-server's own: {"--maxmemory", "10mb"}
  };

  /// Whether WATCHBELL_TEST_SKIP names redis: then a test that needs it skips itself. Else a missing server is a failure.
  static bool skipped();

  /// Starts the server and waits until it takes connections.
  RedisServer() : RedisServer(Options()) {}
  explicit RedisServer(Options options);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  const std::string& unix_path() const noexcept { return unix_path_; }
  std::string unix_url() const { return "unix://" + unix_path_; }
  /// Of tcp or tls; the same after a restart.
  std::uint16_t port() const noexcept { return port_; }
  /// Of tls: PEM of the authority that signed the certificate.
  std::string ca_file() const { return folder_ + "/ca.pem"; }
  pid_t pid() const noexcept { return pid_; }

  /// Asks it to end, and waits. Nothing when it does not run.
  void stop();
  /// Ends it at once (SIGKILL), and waits.
  void kill();
  /// REQUIRES that it does not run. The new server has a new run_id and no data.
  void start();
  void restart() {
    kill();
    start();
  }
  /// Holds all of it, as a hung machine would; returns once it stands still.
  void freeze();
  /// Nothing when it runs.
  void thaw();
  /// Removes all keys.
  void flush();
  /// Runs one command, as the default user over a connection of its own, and gives the first line of its answer as it came ("+OK", ":3", "-ERR ..."); of a
  /// text its content.
  std::string command(const std::vector<std::string>& words) const;

 private:
  void launch();
  void make_certificates() const;
  void wait_for(int signal, int flags);

  Options options_;
  std::string folder_;
  std::string unix_path_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  bool frozen_ = false;
};

}  // namespace watchbell::test
