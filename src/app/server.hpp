#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/admin.hpp"
#include "app/config/config.hpp"
#include "async/loop.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::settings {
class Store;
}

namespace watchbell::app {

/// How a server is put together beyond its settings; the program leaves all of it at the defaults.
struct ServerOptions {
  /// Areas of tests, mounted beside the real ones.
  std::function<std::vector<rpc::Area>()> extra_areas;
  /// Declares the records of tests.
  std::function<void(settings::Store&)> extra_settings;
  /// Where `listening on ...` and `paused ...` go; standard output by default.
  std::function<void(const std::string& line)> say;
  /// Runs right before the database is brought up to date, on the thread that does it, which it may hold; with the port bound.
  std::function<void(std::uint16_t port)> before_migrating;
};

/// The whole program but its command line: builds every part, starts it, stops it. Tests run it in-process.
///
/// Opening order: address, data folder and its lock, database (looked at before it is opened), migrations, parts, areas. What fails is one sentence and
/// leaves the disk as it was. From the moment the address is bound the probes are answered; other requests wait up to 30 s for the start to be through.
/// Loop-only.
class Server {
 public:
  ~Server();
  /// Binds, answers the probes, and opens everything; what blocks is done on a thread of its own, so that the loop turns.
  static awaitable<Result<std::unique_ptr<Server>>> open(async::Loop& loop, config::Config config, ServerOptions options = {});
  /// The same without an address: for commands when no server runs.
  static Result<std::unique_ptr<Server>> open_offline(async::Loop& loop, const config::Config& config);
  /// All areas on an empty database in memory: what contracts are read off.
  static Result<std::unique_ptr<Server>> open_in_memory(async::Loop& loop);

  /// Synchronises roles and rules, starts the domains and jobs, opens the routes, says where it listens.
  awaitable<Result<void>> start();
  /// Judges the settings, upgrades those of earlier versions, and synchronises roles and rules; nothing else.
  awaitable<Result<void>> prepare();
  /// Readiness down, drain, close sockets, finish requests and jobs, close everything. May be called once.
  awaitable<void> stop();

  /// One administration command (admin.hpp).
  awaitable<std::string> administrate(std::string request);
  /// The answer that refuses an administration request.
  static std::string refusal(std::string_view message);

  /// "http://127.0.0.1:3000"
  std::string address() const;
  std::uint16_t port() const;
  std::string contract_typescript() const;
  std::string contract_openapi() const;
  /// All areas that are mounted.
  const std::vector<rpc::Area>& areas() const;

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// Runs the server until SIGTERM or SIGINT, then stops it within the limits. The exit code.
int serve(const config::Config& config);

}  // namespace watchbell::app
