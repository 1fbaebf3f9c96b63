#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "platform/resolver/resolver.hpp"

namespace watchbell::mail {

enum class Tls {
  none,      ///< plain text; with a user name nothing is sent
  starttls,  ///< begun in plain text and secured before anything is said; a server that does not offer it gets nothing
  implicit,  ///< secured from the first byte
};
BOOST_DESCRIBE_ENUM(Tls, none, starttls, implicit)

/// A server that takes mails, and how it is spoken to.
struct SmtpServer {
  std::string host;  ///< a name in ASCII or an address
  std::uint16_t port = 587;
  Tls tls = Tls::starttls;
  bool verify_tls = true;
  std::string username;  ///< empty: no login
  std::string password;
  std::string helo;                                  ///< the name we go by, in ASCII; empty: this machine's
  std::chrono::milliseconds connect_timeout{15'000};  ///< look-up, connection, TLS and login together
  std::chrono::milliseconds total_timeout{60'000};    ///< from the server's turn to take this mail to its last answer
  bool operator==(const SmtpServer&) const = default;
  /// "mail.example.com:587"
  std::string place() const;
};

/// One mail to one mailbox. `content` as compose() gives it; lines that begin with a dot are taken care of.
struct Envelope {
  std::string from;
  std::string to;
  std::string content;
};

enum class SmtpFailure {
  bad_request,     ///< settings or addresses not acceptable; nothing was sent
  unresolvable,    ///< no such name, or name service failed
  connect_failed,  ///< refused, unreachable, or the server would not begin
  tls_failed,      ///< not offered, handshake, certificate
  login_refused,   ///< by the server, or it wants one
  timed_out,       ///< connect or total deadline
  protocol_error,  ///< connection lost, or what came was not SMTP
  temporary,       ///< 4yz to this mail
  permanent,       ///< 5yz to this mail
  cancelled,       ///< the client was closed
  busy,            ///< max_in_flight reached
};

struct SmtpError {
  SmtpFailure kind = SmtpFailure::protocol_error;
  /// For a person: phase, host, port and what the server said; never a password.
  std::string message;
};

/// What the server said when it took the mail.
using SmtpResult = std::expected<std::string, SmtpError>;

/// Hands mails to an SMTP server over kept connections. Loop-only.
///
/// libcurl connects, secures and logs in, on its multi interface driven by the loop (CURLOPT_CONNECT_ONLY); the mail itself is said here, over
/// curl_easy_send: libcurl's own transfer waits inside of itself for the answer to a mail and to QUIT, which would stop the loop for that long.
///
/// The host is an administrator's word and is not judged by Egress, which guards what users give. Names are looked up by the Resolver. Proxy
/// settings and netrc files are ignored. A connection serves one mail at a time and is kept for the next one to the same server under the same
/// settings. Retries are the caller's.
class SmtpClient {
 public:
  struct Options {
    std::size_t max_in_flight = 256;              ///< beyond it send() answers busy
    std::size_t max_per_server = 10;              ///< connections with a mail to one server; the others wait, as servers turn away whoever comes with many
    std::size_t max_kept = 16;                    ///< connections without a mail
    std::chrono::milliseconds keep_idle{20'000};  ///< and for how long; servers close after one to five minutes
    std::string ca_file;                          ///< PEM; the system's when empty
  };
  struct Stats {
    std::size_t in_flight = 0;
    std::uint64_t connections_opened = 0;
  };

  /// `resolver` must outlive the client.
  SmtpClient(async::Loop& loop, async::TimerWheel& wheel, net::Resolver& resolver, Options options);
  /// REQUIRES that nobody awaits send().
  ~SmtpClient();
  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  /// Sends one mail. Cancellation throws operation_aborted and drops the connection. A failure after the mail's last byte and before the answer leaves
  /// open whether it was taken: send it again under the same Message-ID.
  awaitable<SmtpResult> send(SmtpServer server, Envelope mail);
  /// Connects, secures, logs in and names the sender as for a mail, and sends none: what an administrator set is so far right, or the error says what is not.
  awaitable<SmtpResult> greet(SmtpServer server, std::string from);

  /// Ends every send() with `cancelled` (later ones too), waits for them and closes all connections. May be called again.
  awaitable<void> close();

  Stats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::mail
