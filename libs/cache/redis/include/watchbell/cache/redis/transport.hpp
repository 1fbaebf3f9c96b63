#pragma once

#include <watchbell/cache/clock.hpp>
#include <watchbell/cache/provider.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace watchbell::cache::redis {

/// One command: its name and arguments, of any bytes.
using Command = std::vector<std::string>;

/// One answer of the server.
struct Reply {
  enum class Kind : std::uint8_t { null, text, integer, array, error };

  Kind kind = Kind::null;
  std::string text;          ///< of text, and the message of an error
  std::int64_t integer = 0;  ///< of integer
  std::vector<Reply> items;  ///< of array
};

/// A connection to one Redis server, made when first needed and again after it was lost. Implemented outside of the
/// library, so that a program has one connection code. **Thread-safe**, or used on `executor()` only; the provider
/// calls it there.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Names the server that the connection leads to, in at most 64 letters and digits; connects if need be. A name never
  /// comes back: it differs after a restart, when another server has taken the place, and when one that was demoted
  /// leads again. The `run_id` and the beginning of `master_replid` make one. Servers that change roles must close their
  /// connections, as Sentinel makes them.
  virtual boost::asio::awaitable<Outcome<std::string>> server(Duration deadline) = 0;

  /// Sends the commands in one write and gives their replies in order: one round trip. Batches of several callers
  /// share the connection. Fails with `connection_reset` and sends nothing when the connection leads to another
  /// server than `run_id`; with `timed_out` after the deadline, in which case the commands may still be executed.
  /// An error reply of the server to one command is a Reply of that kind. Never sends a command twice by itself: one
  /// that sets a token must not set it again after the token was dropped.
  virtual boost::asio::awaitable<Outcome<std::vector<Reply>>> pipeline(std::string run_id, std::vector<Command> commands,
                                                                       Duration deadline) = 0;

  /// Closes the connection for good. May be called again.
  virtual boost::asio::awaitable<void> stop() = 0;

  virtual boost::asio::any_io_executor executor() = 0;
};

}  // namespace watchbell::cache::redis
