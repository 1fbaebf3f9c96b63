#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "async/event.hpp"
#include "async/loop.hpp"
#include "async/task_scope.hpp"

/// A small SMTP server on loopback that answers as a test tells it.
namespace watchbell::mail::test {

using tcp = asio::ip::tcp;

struct Reaction {
  enum class Then { keep, close, reset, hang };
  std::string bytes;
  Then then = Then::keep;
};

class SmtpSink {
 public:
  /// What is answered to a command: "CONNECT" for the greeting, "." for the end of a mail, else the line as it came.
  using Answer = std::function<Reaction(const std::string& command)>;
  explicit SmtpSink(Executor executor, Answer answer = {})
      : answer_(std::move(answer)),
        acceptor_(executor, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)),
        changed_(executor),
        scope_(executor, [](std::string_view, std::exception_ptr) {}) {}

  void start() { scope_.spawn("accept", accept()); }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  awaitable<void> close() { co_await scope_.stop(); }
  /// Suspends until as many connections were closed by the peer (or lost).
  awaitable<void> wait_for_closed(std::size_t count) {
    while (closed < count) co_await changed_.wait();
  }
  awaitable<void> wait_for_commands(std::size_t count) {
    while (commands.size() < count) co_await changed_.wait();
  }

  static Reaction obliging(const std::string& command) {
    if (command == "CONNECT") return {"220 sink ESMTP\r\n"};
    if (command.starts_with("EHLO")) return {"250-sink greets you\r\n250 8BITMIME\r\n"};
    if (command == "DATA") return {"354 go on\r\n"};
    if (command == ".") return {"250 2.0.0 taken as 4711\r\n"};
    if (command == "QUIT") return {"221 bye\r\n", Reaction::Then::close};
    return {"250 fine\r\n"};
  }

  std::size_t accepted = 0;
  std::size_t closed = 0;
  std::vector<std::string> commands;
  std::vector<std::string> mails;  ///< as sent, dots and all, without the line that ends them

 private:
  using Peer = asio::basic_stream_socket<tcp, Executor>;
  awaitable<void> accept() {
    while (true) {
      Peer socket = co_await acceptor_.async_accept(use_awaitable);
      scope_.spawn("connection", serve(std::move(socket)));
    }
  }
  awaitable<void> serve(Peer socket) {
    struct Count {
      SmtpSink& sink;
      ~Count() {
        ++sink.closed;
        sink.changed_.notify_all();
      }
    } const count{*this};
    ++accepted;
    std::string buffer;
    std::array<char, 16 * 1024> part;
    std::string command = "CONNECT";
    bool in_data = false;
    while (true) {
      commands.push_back(command);
      changed_.notify_all();
      const Reaction reaction = answer_ ? answer_(command) : obliging(command);
      if (!reaction.bytes.empty()) co_await asio::async_write(socket, asio::buffer(reaction.bytes), use_awaitable);
      if (reaction.then == Reaction::Then::close) co_return;
      if (reaction.then == Reaction::Then::reset) {
        socket.set_option(tcp::socket::linger(true, 0));
        co_return;
      }
      while (reaction.then == Reaction::Then::hang) co_await socket.async_read_some(asio::buffer(part), use_awaitable);
      in_data = reaction.bytes.starts_with("354");
      const std::string end = in_data ? "\r\n.\r\n" : "\r\n";
      std::size_t at = 0;
      while ((at = buffer.find(end)) == std::string::npos) {
        const std::size_t got = co_await socket.async_read_some(asio::buffer(part), use_awaitable);
        buffer.append(part.data(), got);
      }
      command = in_data ? "." : buffer.substr(0, at);
      if (in_data) mails.push_back(buffer.substr(0, at + 2));
      buffer.erase(0, at + end.size());
    }
  }

  Answer answer_;
  asio::basic_socket_acceptor<tcp, Executor> acceptor_;
  async::Event changed_;
  async::TaskScope scope_;
};

}  // namespace watchbell::mail::test
