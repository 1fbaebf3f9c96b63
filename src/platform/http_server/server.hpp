#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "base/result.hpp"
#include "platform/http_server/http.hpp"

namespace watchbell::http {

/// An HTTP/1.1 server on the loop: keep-alive, pipelined requests answered in order, websockets on the same port. Before a handler sees
/// it, a bad request is answered 400, 408, 413, 431, 503 or 505 with {"error":"..."} and `Connection: close`. Design in connection.hpp.
/// Loop-only.
class Server {
 public:
  struct WebSocketLimits {
    std::size_t max_message_bytes = 4 * 1024;  ///< of a frame or message received; more closes with 1009
    std::size_t max_backlog_messages = 256;    ///< not yet written; more closes with 1013
    std::size_t max_backlog_bytes = 1024 * 1024;
    std::chrono::milliseconds ping_interval = std::chrono::seconds(25);
    std::chrono::milliseconds pong_timeout = std::chrono::seconds(60);  ///< nothing heard for so long: cut
    std::chrono::milliseconds close_timeout = std::chrono::seconds(5);  ///< for the peer's part of the closing handshake
  };
  struct Options {
    std::string host = "127.0.0.1";  ///< an IP address or "localhost"
    std::uint16_t port = 0;          ///< 0 picks a free one
    std::size_t max_header_bytes = 32 * 1024;
    std::size_t max_connections = 24 * 1024;  ///< websockets included; more wait in the kernel's queue
    /// Of all bodies that are being read or handled and did not fit behind their heads; a body that would go over it is answered 503.
    std::size_t max_buffered_bytes = 256 * 1024 * 1024;
    std::chrono::milliseconds header_timeout = std::chrono::seconds(10);  ///< from accept or a head's first byte to its last
    std::chrono::milliseconds body_timeout = std::chrono::seconds(30);    ///< from a head's last byte to the body's last
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);    ///< between requests of a connection
    std::chrono::milliseconds write_timeout = std::chrono::seconds(30);   ///< without any progress in writing
    std::chrono::milliseconds linger_timeout = std::chrono::seconds(2);   ///< for a client to read the last answer and close
    WebSocketLimits websocket;
    /// Told of faults that left a handler, and of an accept that fails; `what` says where, without data of the request. Must not throw.
    std::function<void(std::string_view what, std::exception_ptr fault)> on_fault;
  };

  /// The loop, the wheel and the handler must outlive the server.
  Server(async::Loop& loop, async::TimerWheel& wheel, Handler& handler, Options options);
  /// REQUIRES that stop() has ended, unless nothing was accepted.
  ~Server();

  /// Binds and listens, without accepting yet. The error is one sentence that names the address and the reason.
  /// @returns the port bound
  Result<std::uint16_t> listen();
  /// The port bound; 0 before listen().
  std::uint16_t port() const noexcept;
  void start_accepting();
  /// Closes the listener; connections the kernel has already completed are taken in first.
  void stop_accepting();
  /// Stops accepting, closes idle connections and websockets (1001), lets running requests finish with `Connection: close`; whatever is
  /// left after `grace` is cut and its handlers are cancelled. Returns when nothing of the server runs any more.
  awaitable<void> stop(std::chrono::milliseconds grace);

  /// Open connections, websockets included.
  std::size_t connections() const noexcept;
  std::size_t websockets() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::http
