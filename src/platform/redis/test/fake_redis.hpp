#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "async/event.hpp"
#include "async/task_scope.hpp"
#include "platform/redis/reply_reader.hpp"

namespace watchbell::redis::test {

inline std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

/// A server on loopback that says what a test tells it. It answers greetings by itself; to other commands it says their last word.
class FakeRedis {
 public:
  explicit FakeRedis(Executor executor)
      : executor_(executor),
        acceptor_(executor, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)),
        changed_(executor),
        scope_(executor, [](std::string_view, std::exception_ptr) {}) {
    scope_.spawn("accept", accept());
  }
  std::uint16_t port() const { return port_; }

  std::string run_id = std::string(40, 'a');
  std::string replication_id;
  /// What to say to a command; nothing: the usual.
  std::function<std::optional<std::string>(const Command&)> answer;
  bool silent = false;  ///< answers to all but the greeting are kept for say_kept()
  bool reading = true;  ///< REQUIRES go_on() after it is set again
  std::size_t most_a_write = SIZE_MAX;
  ReplyLimits limits;  ///< of the commands it reads, from the next connection on

  std::size_t accepted = 0;
  std::size_t closed = 0;          ///< connections that ended
  std::vector<Command> greetings;  ///< commands of greetings
  std::vector<Command> seen;       ///< all others

  awaitable<void> wait_for_commands(std::size_t count) {
    while (seen.size() < count) co_await changed_.wait();
  }
  awaitable<void> wait_for_closed(std::size_t count) {
    while (closed < count) co_await changed_.wait();
  }
  awaitable<void> wait_for_greetings(std::size_t count) {
    while (greetings.size() < count) co_await changed_.wait();
  }
  void say(std::string_view bytes) {
    if (!peer_) return;
    peer_->out += bytes;
    peer_->writable.notify_all();
  }
  void say_kept() { say(std::exchange(kept_, {})); }
  void go_on() { changed_.notify_all(); }
  /// Cuts the connection; what was not yet written is lost.
  void hang_up() {
    if (!peer_) return;
    boost::system::error_code ignored;  // the other side may have been faster
    peer_->socket.set_option(asio::socket_base::linger(true, 0), ignored);
    peer_->socket.close(ignored);
  }
  /// Takes no more connections: they are refused.
  void leave() {
    acceptor_.close();
    hang_up();
  }
  void come_back() {
    acceptor_ = Acceptor(executor_, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), port_));
    scope_.spawn("accept", accept());
  }
  awaitable<void> close() {
    leave();
    co_await scope_.stop();
  }

 private:
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  struct Peer {
    Peer(Executor executor, Socket s) : socket(std::move(s)), writable(executor) {}
    Socket socket;
    std::string out;
    async::Event writable;
    bool ended = false;
  };
  static constexpr auto kWithError = asio::as_tuple(use_awaitable);

  awaitable<void> accept() {
    port_ = acceptor_.local_endpoint().port();
    while (acceptor_.is_open()) {
      Socket socket(executor_);
      const auto [error] = co_await acceptor_.async_accept(socket, kWithError);
      if (error) co_return;
      ++accepted;
      peer_ = std::make_shared<Peer>(executor_, std::move(socket));
      kept_.clear();
      scope_.spawn("read", read(peer_));
      scope_.spawn("write", write(peer_));
      changed_.notify_all();
    }
  }
  awaitable<void> read(std::shared_ptr<Peer> peer) {
    ReplyReader commands{limits};
    std::vector<char> buffer(65'536);
    while (true) {
      while (!reading) co_await changed_.wait();
      const auto [error, size] = co_await peer->socket.async_read_some(asio::buffer(buffer), kWithError);
      if (error) break;
      commands.feed({buffer.data(), size});
      for (auto next = commands.next(); next && *next; next = commands.next()) {
        Command command;
        for (auto& word : (*next)->items) command.push_back(std::move(word.text));
        take(*peer, std::move(command));
      }
      peer->writable.notify_all();
      changed_.notify_all();
    }
    ++closed;
    peer->ended = true;
    peer->writable.notify_all();
    changed_.notify_all();
  }
  void take(Peer& peer, Command command) {
    const bool greeting = command[0] == "AUTH" || command[0] == "SELECT" || command[0] == "CLIENT" || command[0] == "INFO";
    std::optional<std::string> said = answer ? answer(command) : std::nullopt;
    if (!said) {
      if (command[0] == "INFO" && command[1] == "replication")
        said = bulk("# Replication\r\nrole:master\r\nmaster_replid:" + replication_id + "\r\n");
      else if (command[0] == "INFO")
        said = bulk("# Server\r\nredis_version:7.0.0\r\nrun_id:" + run_id + "\r\ntcp_port:6379\r\n");
      else
        said = greeting ? "+OK\r\n" : bulk(command.back());
    }
    (silent && !greeting ? kept_ : peer.out) += *said;
    (greeting ? greetings : seen).push_back(std::move(command));
  }
  awaitable<void> write(std::shared_ptr<Peer> peer) {
    while (!peer->ended) {
      if (peer->out.empty()) {
        co_await peer->writable.wait();
        continue;
      }
      const std::string piece = peer->out.substr(0, most_a_write);
      peer->out.erase(0, piece.size());
      const auto [error, size] = co_await asio::async_write(peer->socket, asio::buffer(piece), kWithError);
      if (error) co_return;
    }
  }

  Executor executor_;
  Acceptor acceptor_;
  std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::shared_ptr<Peer> peer_;
  std::string kept_;
  async::Event changed_;
  async::TaskScope scope_;
};

}  // namespace watchbell::redis::test
