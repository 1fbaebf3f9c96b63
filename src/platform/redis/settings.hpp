#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace watchbell::redis {

/// What a server's answers may take. More than that is no answer but an attack or a mistake: the connection is closed.
struct ReplyLimits {
  std::size_t max_text_bytes = 8 * 1024 * 1024;   ///< of one text
  std::size_t max_items = 100'000;                ///< of one array
  std::size_t max_depth = 7;                      ///< arrays inside each other, 1 to 7
  std::size_t max_call_bytes = 64 * 1024 * 1024;  ///< memory of all replies to one call
};

/// Which Redis server, as whom, and within which bounds.
struct Settings {
  std::string host;  ///< a name or a literal address without brackets; empty with a unix_path
  std::uint16_t port = 6379;
  std::string unix_path;  ///< of a local socket, at most 107 bytes; rules out TLS
  std::string username;   ///< of the ACL; empty: the default user
  std::string password;   ///< empty: no AUTH. Never part of a message.
  std::uint32_t database = 0;
  bool tls = false;                       ///< TLS 1.2 or newer; the certificate must be valid for `host`
  std::string ca_file;                    ///< PEM; the system's authorities when empty
  std::string name = "redis";             ///< how messages call this server
  std::string client_name = "watchbell";  ///< CLIENT SETNAME: what the server's administrator sees; printable ASCII without blanks

  std::chrono::milliseconds connect_timeout{2000};  ///< look-up, connection, TLS and greeting together
  std::chrono::milliseconds overdue{1000};          ///< a reply that late after its call's deadline ends the connection
  std::size_t max_outstanding = 10'000;             ///< commands waiting or unanswered; more are refused
  std::size_t max_queued_bytes = 64 * 1024 * 1024;  ///< of commands not yet written; more are refused
  ReplyLimits replies;

  /// "host:port", "[address]:port" or the path: for messages.
  std::string place() const;
};

/// Reads redis://[user:password@]host[:port][/database], rediss:// (the same over TLS) and unix://[user:password@]/path[?db=N], with
/// percent-encoding in user, password and path; an empty user means the default one. bad_request says what is wrong, never with user or password.
Result<Settings> parse_url(std::string_view url);

}  // namespace watchbell::redis
