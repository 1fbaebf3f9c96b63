#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/backoff.hpp"
#include "base/random.hpp"
#include "platform/sql/connection.hpp"

struct pg_conn;
struct pg_result;

/// What the connection for statements and the one that listens have in common.
namespace watchbell::sql::detail {

struct CloseConnection {
  void operator()(pg_conn* connection) const noexcept;
};
struct FreeResult {
  void operator()(pg_result* result) const noexcept;
};
using PgConnection = std::unique_ptr<pg_conn, CloseConnection>;
using PgResult = std::unique_ptr<pg_result, FreeResult>;

/// The one error map; of no state, that is without an answer of the server, `disconnected`.
Fault::Kind kind_of_sqlstate(std::string_view state) noexcept;

/// What the server said, as far as it repeats no value of a parameter.
std::string words_of(const pg_result* result);

/// A PostgresServer as drivers use it. Thread-safe.
class PostgresAddress final : public PostgresServer {
 public:
  PostgresAddress(std::vector<std::pair<std::string, std::string>> settings, std::string shown, const Clock& clock)
      : settings_(std::move(settings)), shown_(std::move(shown)), clock_(clock) {}
  const std::string& shown() const noexcept override { return shown_; }

  /// Connects, blocking for about `deadline` for each address of the server, with `settings` of the session ("-c NAME=VALUE ..."). The connection is
  /// non-blocking. Throws Fault (disconnected, or other where trying again is of no use).
  PgConnection connect(std::chrono::milliseconds deadline, const std::string& settings) const;
  /// As connect(), but throws the last try's fault while it is too early for another one.
  PgConnection connect_when_due(std::chrono::milliseconds deadline, const std::string& settings);

 private:
  /// Of libpq's words: on one line, without the password.
  std::string cleaned(std::string_view words) const;

  const std::vector<std::pair<std::string, std::string>> settings_;
  const std::string shown_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<Fault> last_;  // while it could not be reached
  Monotonic not_before_;
  std::optional<async::Backoff> backoff_;
  Random random_{0};
};

}  // namespace watchbell::sql::detail
