#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "async/event.hpp"
#include "async/task_scope.hpp"

namespace watchbell::redis::test {

/// Stands on loopback between a client and a server on a unix socket, and does what networks do. Loop-only.
class FaultProxy {
 public:
  enum class Mode {
    pass,
    hold,     ///< what the client sends is kept, and passed on when the mode changes, if the connection still stands
    reset,    ///< a connection that the client sends something over is reset
    garbage,  ///< the client is answered, with what is no answer
  };

  FaultProxy(Executor executor, std::string server)
      : executor_(executor),
        server_(std::move(server)),
        acceptor_(executor, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)),
        port_(acceptor_.local_endpoint().port()),
        changed_(executor),
        scope_(executor, [](std::string_view, std::exception_ptr) {}) {
    scope_.spawn("accept", accept());
  }
  std::uint16_t port() const noexcept { return port_; }

  void set(Mode mode) {
    mode_ = mode;
    changed_.notify_all();
  }
  /// Bytes of the client that it keeps.
  std::size_t held() const noexcept { return held_; }
  /// Cuts all connections and refuses new ones.
  void refuse() {
    acceptor_.close();
    for (auto& peer : peers_) reset(*peer);
    peers_.clear();
  }
  void accept_again() {
    acceptor_ = Acceptor(executor_, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), port_));
    scope_.spawn("accept", accept());
  }
  awaitable<void> close() {
    refuse();
    co_await scope_.stop();
  }

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  using Client = asio::basic_stream_socket<asio::ip::tcp, Executor>;
  using Server = asio::basic_stream_socket<asio::local::stream_protocol, Executor>;
  struct Peer {
    Peer(Executor executor, Client socket) : client(std::move(socket)), server(executor) {}
    Client client;
    Server server;
  };
  static constexpr auto kWithError = asio::as_tuple(use_awaitable);

  static void reset(Peer& peer) {
    boost::system::error_code ignored;  // it may have gone already
    peer.client.set_option(asio::socket_base::linger(true, 0), ignored);
    peer.client.close(ignored);
    peer.server.close(ignored);
  }

  awaitable<void> accept() {
    while (acceptor_.is_open()) {
      Client socket(executor_);
      const auto [error] = co_await acceptor_.async_accept(socket, kWithError);
      if (error) co_return;
      auto peer = std::make_shared<Peer>(executor_, std::move(socket));
      boost::system::error_code refused;
      peer->server.connect(asio::local::stream_protocol::endpoint(server_), refused);
      if (refused) continue;
      peers_.push_back(peer);
      scope_.spawn("requests", requests(peer));
      scope_.spawn("answers", answers(peer));
    }
  }

  awaitable<void> requests(std::shared_ptr<Peer> peer) {
    std::array<char, 65'536> buffer;
    while (true) {
      const auto [error, size] = co_await peer->client.async_read_some(asio::buffer(buffer), kWithError);
      if (error) break;
      held_ += size;
      while (mode_ == Mode::hold) co_await changed_.wait();
      held_ -= size;
      if (mode_ == Mode::reset) break;
      if (mode_ == Mode::garbage) {
        using namespace std::string_view_literals;
        static constexpr auto kGarbage = "HTTP/1.1 400 Bad Request\r\n\0\xff\r\n"sv;
        co_await asio::async_write(peer->client, asio::buffer(kGarbage), kWithError);
        continue;
      }
      const auto [failed, written] = co_await asio::async_write(peer->server, asio::buffer(buffer.data(), size), kWithError);
      if (failed) break;
    }
    reset(*peer);
  }

  awaitable<void> answers(std::shared_ptr<Peer> peer) {
    std::array<char, 65'536> buffer;
    while (true) {
      const auto [error, size] = co_await peer->server.async_read_some(asio::buffer(buffer), kWithError);
      if (error) break;
      const auto [failed, written] = co_await asio::async_write(peer->client, asio::buffer(buffer.data(), size), kWithError);
      if (failed) break;
    }
    reset(*peer);
  }

  Executor executor_;
  std::string server_;
  Acceptor acceptor_;
  std::uint16_t port_;
  Mode mode_ = Mode::pass;
  std::size_t held_ = 0;
  std::vector<std::shared_ptr<Peer>> peers_;
  async::Event changed_;
  async::TaskScope scope_;
};

}  // namespace watchbell::redis::test
