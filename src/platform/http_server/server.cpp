#include "platform/http_server/server.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/this_coro.hpp>

#include "platform/http_server/connection.hpp"
#include "platform/http_server/core.hpp"

namespace watchbell::http {
namespace {

using boost::system::error_code;

// How long accepting rests after an error such as too many open files: trying again at once would spin, since the
// connection that could not be taken stays in the kernel's queue.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string text_of(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

/// A reason for a person; the system's words for anything unusual.
std::string reason_of(const error_code& error) {
  if (error == asio::error::address_in_use) return "the port is already in use by another program";
  if (error == asio::error::access_denied) return "this user may not listen on that port";
  if (error == boost::system::errc::address_not_available) return "this machine has no such address";
  return error.message();
}

}  // namespace

struct Server::Impl {
  Impl(async::Loop& loop, async::TimerWheel& wheel, Handler& handler, Options options)
      : core(loop.executor(), wheel, handler, std::move(options)), acceptor(loop.executor()), retry([this] { accept(); }) {
    core.on_room = [this] {
      if (waiting_for_room) accept();
    };
  }

  bool full() const { return core.members >= core.options.max_connections; }

  void accept() {
    waiting_for_room = false;
    if (!accepting || pending) return;
    if (full()) {
      waiting_for_room = true;
      return;
    }
    pending = true;
    acceptor.async_accept(peer, [this, alive = std::weak_ptr<int>(life)](error_code error, Socket socket) {
      if (alive.expired()) return;
      pending = false;
      core.ended.notify_all();
      // One that was taken in while the listener closed counts as accepted.
      if (!error) admit(std::move(socket));
      if (!accepting) return;
      if (error) return on_accept_error(error);
      failing = false;
      accept();
    });
  }

  void on_accept_error(error_code error) {
    // A client that is gone again, or trouble of its network (accept(2)), is not ours.
    if (error == asio::error::connection_aborted || error == boost::system::errc::protocol_error) return accept();
    if (!std::exchange(failing, true))
      core.report("http accept", std::make_exception_ptr(boost::system::system_error(error, "cannot accept a connection")));
    core.wheel.arm(retry, kAcceptPause);
  }

  void admit(Socket socket) {
    try {
      const Connection::Ptr connection(new Connection(core, std::move(socket), text_of(peer.address())));
      connection->start();
      if (core.cutting) connection->cut();
      else if (core.stopping) connection->stop();
    } catch (...) {  // boundary: no memory for this connection; the others carry on
      core.report("http accept", std::current_exception());
    }
  }

  void stop_accepting() {
    if (!acceptor.is_open()) return;
    error_code error;
    if (accepting) {
      // Clients the kernel has accepted believe in us: closing the listener would reset them.
      acceptor.non_blocking(true, error);
      while (!error && !full()) {
        Socket socket(acceptor.get_executor());
        acceptor.accept(socket, peer, error);
        if (!error) admit(std::move(socket));
      }
    }
    accepting = false;
    waiting_for_room = false;
    retry.cancel();
    acceptor.close(error);
  }

  /// Calls f on all members there are; f may end any of them.
  template <class F>
  static void for_each(Core::Members& members, F f) {
    // What f does to one member never destroys another: an object goes when its last operation completes, on the loop.
    for (auto it = members.begin(); it != members.end();) f(*it++);
  }

  awaitable<void> stop(std::chrono::milliseconds grace) {
    // Whoever cancels the stop still has to wait: what is joined here uses what the caller destroys next.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    core.stopping = true;
    stop_accepting();
    for_each(core.connections, [](Core::Member& member) { member.stop(); });
    for_each(core.sockets, [](Core::Member& member) { member.stop(); });
    bool late = false;
    async::Timer deadline([&] {
      late = true;
      core.ended.notify_all();
    });
    core.wheel.arm(deadline, grace);
    while ((core.members > 0 || pending) && !late) co_await core.ended.wait();
    deadline.cancel();
    for_each(core.connections, [](Core::Member& member) { member.cut(); });
    for_each(core.sockets, [](Core::Member& member) { member.cut(); });
    core.cutting = true;
    co_await core.tasks.stop();
    while (core.members > 0 || pending) co_await core.ended.wait();
  }

  Core core;
  asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor;
  asio::ip::tcp::endpoint peer;
  async::Timer retry;
  std::shared_ptr<int> life = std::make_shared<int>();
  bool accepting = false;
  bool pending = false;           // an async_accept is under way
  bool waiting_for_room = false;  // max_connections is reached
  bool failing = false;           // the last accept failed; told once
};

Server::Server(async::Loop& loop, async::TimerWheel& wheel, Handler& handler, Options options)
    : impl_(std::make_unique<Impl>(loop, wheel, handler, std::move(options))) {}

Server::~Server() { WATCHBELL_ASSERT(impl_->core.members == 0); }

Result<std::uint16_t> Server::listen() {
  WATCHBELL_ASSERT_ON_LOOP();
  const Options& options = impl_->core.options;
  const bool bracketed = options.host.size() > 2 && options.host.front() == '[' && options.host.back() == ']';
  const std::string host = bracketed ? options.host.substr(1, options.host.size() - 2) : options.host;
  error_code error;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) return fail(ErrorCode::bad_request, "cannot listen on {}:{}: the host must be an IP address or localhost", options.host, options.port);
  const asio::ip::tcp::endpoint endpoint(address, options.port);
  auto& acceptor = impl_->acceptor;
  const auto check = [&] { return !error; };
  if ((acceptor.open(endpoint.protocol(), error), check()) &&
      // A restart must not wait for the last process's connections to time out. On Linux this lets nobody share the port.
      (acceptor.set_option(asio::socket_base::reuse_address(true), error), check()) && (acceptor.bind(endpoint, error), check()) &&
      (acceptor.listen(asio::socket_base::max_listen_connections, error), check())) {
    return acceptor.local_endpoint().port();
  }
  error_code ignored;
  acceptor.close(ignored);
  return fail(ErrorCode::unavailable, "cannot listen on {}{}{}:{}: {}", address.is_v6() ? "[" : "", host, address.is_v6() ? "]" : "", options.port,
              reason_of(error));
}

std::uint16_t Server::port() const noexcept {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

void Server::start_accepting() {
  WATCHBELL_ASSERT_ON_LOOP();
  WATCHBELL_ASSERT(impl_->acceptor.is_open());
  impl_->accepting = true;
  impl_->accept();
}

void Server::stop_accepting() {
  WATCHBELL_ASSERT_ON_LOOP();
  impl_->stop_accepting();
}

awaitable<void> Server::stop(std::chrono::milliseconds grace) { return impl_->stop(grace); }

std::size_t Server::connections() const noexcept { return impl_->core.members; }

std::size_t Server::websockets() const noexcept { return impl_->core.websockets; }

}  // namespace watchbell::http
