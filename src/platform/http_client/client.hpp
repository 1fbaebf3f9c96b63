#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "platform/resolver/egress.hpp"
#include "platform/resolver/resolver.hpp"

namespace watchbell::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct ClientRequest {
  std::string method = "GET";  ///< a token of up to 16 capital letters, not CONNECT or TRACE
  std::string url;             ///< http or https, at most 8192 bytes, without user name and password; host in ASCII (xn-- for others)
  /// In order; a name may repeat. Names that frame the message or manage the connection (Content-Length, Transfer-Encoding, Connection, ...) are refused.
  Headers headers;
  std::string body;
  std::chrono::milliseconds connect_timeout{5'000};  ///< look-up, connection and TLS together
  std::chrono::milliseconds total_timeout{10'000};   ///< from send() to the last byte
  std::size_t max_response_bytes = 64 * 1024;        ///< of the body
  bool truncate_large = false;                       ///< a larger body is cut there, and is not a failure
  net::EgressPolicy policy = net::EgressPolicy::channel;
  bool verify_tls = true;
  bool fresh_connection = false;  ///< neither uses nor leaves a kept connection, so that every timing is of this request
};

/// What each phase took; absent when there was none (a literal address, a kept connection, plain http) or it did not end.
struct Timings {
  std::optional<double> dns_ms;
  std::optional<double> connect_ms;
  std::optional<double> tls_ms;
  std::optional<double> wait_ms;      ///< from the request's last step of preparation to the first byte of the answer
  std::optional<double> transfer_ms;  ///< from there to the last byte
  double total_ms = 0;                ///< from send() to its answer
};

struct ClientResponse {
  int status = 0;           ///< any status is an answer, redirects too: they are never followed
  std::string status_text;  ///< "Not Found"; often empty
  Headers headers;          ///< of the final head; names in lower case
  std::string body;         ///< as sent: not decompressed
  bool truncated = false;   ///< only with truncate_large
  Timings timings;
  /// The first header of that name (lower case), or nothing.
  std::optional<std::string_view> header(std::string_view name) const;
};

enum class ClientFailure {
  bad_url,          ///< not an http or https URL we send to
  bad_request,      ///< method or header not acceptable
  blocked_address,  ///< the host has an address that Egress guards
  unresolvable,     ///< no such name, name service failed, or too many look-ups wait
  connect_failed,   ///< refused, unreachable
  tls_failed,       ///< handshake or certificate
  timed_out,        ///< connect or total deadline
  too_large,        ///< body or head over its bound
  protocol_error,   ///< connection lost, or what came was not HTTP
  cancelled,        ///< the client was closed
  busy,             ///< max_in_flight reached, or this machine has no socket left
};

/// The enumerator's name.
std::string_view to_string(ClientFailure failure) noexcept;

struct ClientError {
  ClientFailure kind = ClientFailure::protocol_error;
  /// For a person: the phase, host and port. Never path, query, headers or body of either side: those hold secrets.
  std::string message;
  Timings timings;
};

using ClientResult = std::expected<ClientResponse, ClientError>;

/// Outgoing HTTP/1.1 and HTTPS with kept connections, on libcurl's multi interface driven by the loop. Loop-only.
///
/// Names are looked up by the Resolver, never by libcurl. Every address of a host must pass Egress, else nothing is connected; libcurl gets the
/// judged addresses alone, and each one is judged again as its socket is made. Connections are kept apart by policy, so that a kept one
/// was judged by the rule it is used under. Proxy settings, netrc files and cookies are ignored.
///
/// A host's limit of requests at a time is the caller's; so are retries. One exception: a kept connection the peer closed before a byte of
/// the answer came is tried once more on a fresh one.
class Client {
 public:
  struct Options {
    std::size_t max_in_flight = 1024;             ///< beyond it send() answers busy
    std::size_t max_kept_connections = 1024;      ///< a policy; fewer than are in flight to distinct hosts ends keep-alive
    std::chrono::milliseconds keep_idle{60'000};  ///< connections of a policy not used for that long are closed
    std::string user_agent = "Watchbell";         ///< unless the request has one
    std::string ca_file;                          ///< PEM; the system's when empty
  };
  struct Stats {
    std::size_t in_flight = 0;
    std::uint64_t sent = 0;                ///< requests handed to libcurl
    std::uint64_t connections_opened = 0;  ///< sockets made for them
  };

  /// `resolver` and `egress` must outlive the client.
  Client(async::Loop& loop, async::TimerWheel& wheel, net::Resolver& resolver, const net::Egress& egress, Options options);
  /// REQUIRES that nobody awaits send().
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Sends one request and reads the answer. Cancellation throws operation_aborted and drops the connection.
  awaitable<ClientResult> send(ClientRequest request);

  /// Ends every request with `cancelled` (later ones too), waits for them and closes all connections. May be called again.
  awaitable<void> close();

  Stats stats() const;

  /// Lets a test put other addresses in the place of the judged ones, as a fault between judgement and connection would.
  void on_hand_over_for_test(std::function<void(std::vector<net::Address>&)> change);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::http
