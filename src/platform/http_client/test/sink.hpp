#pragma once

#include <charconv>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "async/event.hpp"
#include "async/loop.hpp"
#include "async/task_scope.hpp"
#include "base/text.hpp"

/// A small HTTP/1.1 server on loopback that answers as a test tells it.
namespace watchbell::http::test {

using tcp = asio::ip::tcp;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

struct SinkRequest {
  std::string head;  // with the request line, without the empty line
  std::string body;
  std::string first_line() const { return head.substr(0, head.find("\r\n")); }
};

struct SinkReply {
  enum class Then { keep, close, hang };
  std::string bytes;
  Then then = Then::keep;
};

inline std::string ok(std::string_view body = "", std::string_view more_headers = "") {
  return fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}", more_headers, body.size(), body);
}

class Sink {
 public:
  using Answer = std::function<SinkReply(const SinkRequest&)>;
  Sink(Executor executor, Answer answer, const char* address = "127.0.0.1")
      : answer_(std::move(answer)),
        acceptor_(executor, tcp::endpoint(asio::ip::make_address(address), 0)),
        changed_(executor),
        scope_(executor, [](std::string_view, std::exception_ptr) {}) {}

  void start() { scope_.spawn("accept", accept()); }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string url(std::string_view path = "/", std::string_view host = "127.0.0.1", std::string_view scheme = "http") const {
    return fmt::format("{}://{}:{}{}", scheme, host, port(), path);
  }
  /// Suspends until as many connections were closed by the peer (or lost).
  awaitable<void> wait_for_closed(std::size_t count) {
    while (closed < count) co_await changed_.wait();
  }
  awaitable<void> wait_for_requests(std::size_t count) {
    while (requests < count) co_await changed_.wait();
  }
  awaitable<void> close() { co_await scope_.stop(); }

  std::size_t accepted = 0;
  std::size_t closed = 0;
  std::size_t requests = 0;
  bool keep_requests = true;
  std::vector<SinkRequest> seen;

  /// Serves one connection of any stream; for TLS too.
  template <class Stream>
  awaitable<void> serve(Stream& stream) {
    std::string buffer;
    std::array<char, 16 * 1024> part;
    while (true) {
      std::size_t head_end = 0;
      std::size_t length = 0;
      while (true) {
        head_end = buffer.find("\r\n\r\n");
        if (head_end != std::string::npos) {
          length = content_length(std::string_view(buffer).substr(0, head_end));
          if (buffer.size() >= head_end + 4 + length) break;
        }
        const std::size_t got = co_await stream.async_read_some(asio::buffer(part), use_awaitable);
        buffer.append(part.data(), got);
      }
      SinkRequest request{buffer.substr(0, head_end), buffer.substr(head_end + 4, length)};
      buffer.erase(0, head_end + 4 + length);
      const SinkReply reply = answer_(request);
      if (keep_requests) seen.push_back(std::move(request));
      ++requests;
      changed_.notify_all();
      co_await asio::async_write(stream, asio::buffer(reply.bytes), use_awaitable);
      if (reply.then == SinkReply::Then::close) co_return;
      // Until the peer goes.
      while (reply.then == SinkReply::Then::hang) co_await stream.async_read_some(asio::buffer(part), use_awaitable);
    }
  }

  template <class Stream>
  awaitable<void> serve_and_count(Stream& stream) {
    struct Count {
      Sink& sink;
      ~Count() {
        ++sink.closed;
        sink.changed_.notify_all();
      }
    } const count{*this};
    ++accepted;
    co_await serve(stream);
  }

 protected:
  virtual awaitable<void> connection(Socket socket) { co_await serve_and_count(socket); }

 public:
  virtual ~Sink() = default;

 private:
  static std::size_t content_length(std::string_view head) {
    const std::string lower = ascii_lower(head);
    const auto at = lower.find("content-length:");
    if (at == std::string::npos) return 0;
    std::size_t length = 0;
    const auto digits = lower.find_first_of("0123456789", at);
    std::from_chars(lower.data() + digits, lower.data() + lower.size(), length);
    return length;
  }
  awaitable<void> accept() {
    while (true) {
      Socket socket = co_await acceptor_.async_accept(use_awaitable);
      socket.set_option(tcp::no_delay(true));
      scope_.spawn("connection", connection(std::move(socket)));
    }
  }

  Answer answer_;
  Acceptor acceptor_;
  async::Event changed_;
  async::TaskScope scope_;
};

}  // namespace watchbell::http::test
