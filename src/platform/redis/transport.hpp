#pragma once

#include <watchbell/cache/redis/transport.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "async/timer_wheel.hpp"
#include "platform/redis/settings.hpp"
#include "platform/resolver/resolver.hpp"

namespace watchbell::redis {

/// Counts since the start. The greeting of a connection (AUTH, SELECT, CLIENT SETNAME, INFO) is in none of them.
struct Counters {
  std::uint64_t round_trips = 0;      ///< batches written
  std::uint64_t commands = 0;         ///< in them
  std::uint64_t connects = 0;         ///< connections made
  std::uint64_t reconnects = 0;       ///< of these, after the first
  std::uint64_t failed_connects = 0;  ///< tries that ended without one
  std::uint64_t timeouts = 0;         ///< calls that reached their deadline
  std::uint64_t discarded = 0;        ///< replies that came when their caller had gone
};

/// The server's one Redis connection. It is made when first needed; after it was lost it is made again at the next use, at once, then not before 50 ms,
/// doubling to 2 s with jitter, have passed since the last try: calls in between fail at once with that try's error. Calls that find the connection
/// being made wait for it.
///
/// All calls share the connection: what is called in one turn of the loop, or while a write runs, goes out in one write. A call's deadline counts from
/// the call, covers connecting, and is kept to the wheel's tick; one of 0 or less fails at once. Its replies are read and dropped when they come late.
/// When they do not come for Settings::overdue longer, the connection is given up. Cancelling a call throws operation_aborted; commands that were written
/// may be executed all the same.
///
/// Commands must give one reply each: no SUBSCRIBE, MONITOR, CLIENT REPLY, and none that blocks. A pipeline of no commands only compares the run_id.
///
/// Errors (all of system_category but TLS's own, so that comparing with asio::error works):
///   timed_out          the deadline, or connecting took too long, or the server went silent
///   connection_reset   another server than run_id, or the connection was lost: commands may have been executed
///   no_buffer_space    too much is outstanding; nothing was sent
///   message_size       an answer over Settings::replies; EBADMSG: no RESP2. The connection was closed
///   access_denied      AUTH was refused, or the user may not do what the greeting does
///   invalid_argument   no such database; try_again: the server is not ready
///   shut_down          after stop()
///   and whatever looking up and connecting gives: host_not_found, connection_refused, ENOENT of a socket, a TLS error.
///
/// Loop-only: every member is called on executor(), and every coroutine runs there.
class Transport : public cache::redis::Transport {
 public:
  virtual Counters counters() const = 0;
  /// Why there is no connection, or why the last one ended; for a person, with name and place of the server and without secrets. Empty when it never failed.
  virtual const std::string& last_error() const = 0;
};

/// `wheel` and `resolver` must outlive it. stop() must have ended before it is destroyed.
std::unique_ptr<Transport> make_transport(async::TimerWheel& wheel, net::Resolver& resolver, Settings settings);

}  // namespace watchbell::redis
