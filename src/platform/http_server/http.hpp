#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "async/awaitable.hpp"
#include "base/clock.hpp"

namespace watchbell::http {

/// One header line as received, without the white space around the value.
struct Header {
  std::string_view name;
  std::string_view value;
  /// Whether it has this name, whatever the case. O(length of the name).
  /// @param lower_case_name  ASCII, lower case
  bool is_named(std::string_view lower_case_name) const noexcept;
};

/// A request whose head and body were read in full. All views point into the connection's buffers and stay valid until the answer is
/// written, across suspensions of Handler::handle too. What comes here was judged before: a well-formed head of HTTP/1.0 or 1.1,
/// at most one Host, one unambiguous length, no folded lines, no control characters. Loop-only.
class Request {
 public:
  std::string_view method() const noexcept { return method_; }
  /// As received, still percent-encoded: "/path?query", or "*", or an absolute URL from a client that takes us for a proxy.
  std::string_view target() const noexcept { return target_; }
  /// The path of the target up to '?', still percent-encoded. Begins with '/' unless the target is "*" or an authority.
  std::string_view path() const noexcept { return path_; }
  /// What follows the first '?', still percent-encoded; empty without one.
  std::string_view query() const noexcept { return query_; }
  /// The value of the first header of that name. O(headers), no allocation.
  /// @param lower_case_name  ASCII, lower case
  std::optional<std::string_view> header(std::string_view lower_case_name) const noexcept;
  /// In the order received; repeated names stand repeated.
  std::span<const Header> headers() const noexcept { return headers_; }
  /// Decoded of its chunks. Empty while Handler::body_limit is asked.
  std::string_view body() const noexcept { return body_; }
  /// Address of the socket's other end as text, without port; "127.0.0.1" also for "::ffff:127.0.0.1".
  std::string_view peer_address() const noexcept { return peer_; }
  /// When its handler was asked, so that those behind it need not look at the clock again; the epoch of the clock for a request without a connection.
  Monotonic began() const noexcept { return began_; }
  /// Whether this is a GET of HTTP/1.1 that asks for a websocket.
  bool is_upgrade() const noexcept { return upgrade_; }
  /// 10 or 11.
  int version() const noexcept { return version_; }

  /// A request without a connection, for tests of handlers. All arguments must outlive it.
  static Request make_for_test(std::string_view method, std::string_view target, std::vector<Header> headers = {},
                               std::string_view body = {}, std::string_view peer_address = "127.0.0.1");

 private:
  friend class RequestReader;
  friend class HeadParser;
  void split_target() noexcept;
  bool names_websocket() const noexcept;

  std::string_view method_;
  std::string_view target_;
  std::string_view path_;
  std::string_view query_;
  std::string_view body_;
  std::string_view peer_;
  Monotonic began_{};
  std::vector<Header> headers_;
  int version_ = 11;
  bool upgrade_ = false;
};

/// The bytes of an answer: owned, shared with a cache, or of static storage.
using Body = std::variant<std::string, std::shared_ptr<const std::string>, std::string_view>;

/// A websocket that was accepted. Whatever is open when the server stops is closed with 1001. Loop-only.
class WebSocket {
 public:
  virtual ~WebSocket();

  /// The next text message; nothing once either side closed. Binary messages close with 1003, too large ones with 1009, broken frames
  /// with 1002 or 1007. At most one caller waits at a time. Cancellation throws operation_aborted.
  virtual awaitable<std::optional<std::string>> read() = 0;
  /// Queues a text message (valid UTF-8) and returns at once; messages queued in one turn of the loop leave in one write. A backlog over
  /// the limit drops what is queued and closes with 1013. After a close nothing is sent.
  virtual void send(std::shared_ptr<const std::string> text) = 0;
  /// The same for a message in two parts, but nothing is written before flush() or another write of this socket: what is held until then leaves in
  /// one write.
  virtual void hold(std::string_view begin, std::string_view rest) = 0;
  /// Writes what is held, at the end of the turn.
  virtual void flush() = 0;
  /// Begins the closing handshake; messages queued before still go out first. The first call counts. A peer that does not
  /// answer is cut after 5 s.
  /// @param reason  at most 123 bytes; longer is cut
  virtual void close(std::uint16_t code, std::string reason = {}) = 0;
  /// False from the moment either side began to close.
  virtual bool open() const noexcept = 0;
  virtual std::string_view peer_address() const noexcept = 0;
};

/// What a handler answers. The object belongs to the connection and is reused: text() gives a string that keeps its capacity, so that
/// an answer built there makes no allocation.
struct Response {
  int status = 200;
  std::string_view content_type;  ///< static storage; empty: no such header
  std::string extra_headers;      ///< complete lines "name: value\r\n"; fill it through add()
  Body body = std::string_view();
  /// Set on a request with is_upgrade() to accept it: 101, then this runs in the connection's scope and the socket is closed with 1000
  /// when it returns (1011 when a fault leaves it). On any other request the answer is 426.
  std::function<awaitable<void>(std::shared_ptr<WebSocket>)> upgrade;
  bool close = false;  ///< end the connection after this answer
  /// How long the answer is kept back, so that a client who is refused cannot come again at once. Nothing more is read from him meanwhile.
  std::chrono::milliseconds hold{0};

  /// Appends a header line. False, and nothing appended, when name or value hold what could break out of a line (CR, LF, NUL).
  bool add(std::string_view name, std::string_view value);
  /// An empty string that becomes the body, with the capacity of an earlier answer.
  std::string& text();
  std::string_view body_view() const noexcept;
  /// As newly made, but keeps capacities that are worth keeping.
  void reset() noexcept;
};

/// Answers requests; one for the whole server. Loop-only.
class Handler {
 public:
  static constexpr std::size_t kDefaultBodyLimit = 1024 * 1024;
  virtual ~Handler();

  /// The largest body this request may carry, in bytes; asked when the head was read and a body follows. More is answered 413.
  virtual std::size_t body_limit(const Request& head);
  /// The fast way: fills the answer on the spot and returns true, without a coroutine frame. False: handle() is called, with a fresh answer.
  virtual bool answer_now(const Request& request, Response& response);
  /// Fills the answer. Both references live until it is written. A fault that leaves either function is reported to Options::on_fault and
  /// answered with a plain 500 {"error":"Internal Server Error"}. Cancelled only when a stop's grace is over.
  virtual awaitable<void> handle(const Request& request, Response& response) = 0;
};

}  // namespace watchbell::http
