#include "app/admin.hpp"

#include "app/descriptor.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "async/timeout.hpp"

namespace watchbell::app {
namespace {

constexpr std::size_t kMaxLine = 64 * 1024;
constexpr std::size_t kMaxAnswer = 64 * 1024 * 1024;
using Protocol = asio::local::stream_protocol;
using Socket = asio::basic_stream_socket<Protocol, Executor>;

awaitable<void> talk(Socket socket, AdminHandler handler) {
  std::string line;
  boost::system::error_code error;
  const std::size_t size = co_await asio::async_read_until(socket, asio::dynamic_buffer(line, kMaxLine), '\n', asio::redirect_error(use_awaitable, error));
  if (error) co_return;  // nothing was asked
  line.resize(size - 1);
  std::string answer = co_await handler(std::move(line));
  answer += '\n';
  co_await asio::async_write(socket, asio::buffer(answer), use_awaitable);
}

awaitable<void> within(async::TimerWheel& wheel, Socket socket, AdminHandler handler) {
  co_await async::with_timeout(wheel, talk(std::move(socket), std::move(handler)), std::chrono::seconds(60));
}

}  // namespace

struct AdminSocket::State {
  State(async::Loop& loop, async::TimerWheel& w, async::TaskScope& s, std::string p, AdminHandler h)
      : wheel(w), scope(s), path(std::move(p)), handler(std::move(h)), acceptor(loop.executor()) {}
  async::TimerWheel& wheel;
  async::TaskScope& scope;
  std::string path;
  AdminHandler handler;
  asio::basic_socket_acceptor<Protocol, Executor> acceptor;

  static awaitable<void> serve(std::shared_ptr<State> self) {
    while (self->acceptor.is_open()) {
      Socket socket(self->acceptor.get_executor());
      boost::system::error_code error;
      co_await self->acceptor.async_accept(socket, asio::redirect_error(use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      // Out of descriptors or an operator who went away: the next one is still welcome.
      if (error) co_await self->wheel.sleep(std::chrono::milliseconds(200));
      else self->scope.spawn("admin", within(self->wheel, std::move(socket), self->handler));
    }
  }
};

AdminSocket::AdminSocket(async::Loop& loop, async::TimerWheel& wheel, async::TaskScope& scope, std::string path, AdminHandler handler)
    : state_(std::make_shared<State>(loop, wheel, scope, std::move(path), std::move(handler))) {}

AdminSocket::~AdminSocket() { close(); }

Result<void> AdminSocket::open() {
  ::unlink(state_->path.c_str());
  boost::system::error_code error;
  state_->acceptor.open(Protocol(), error);
  // The mode has to be right from the first moment, not after a chmod.
  const mode_t before = ::umask(0177);
  if (!error) state_->acceptor.bind(Protocol::endpoint(state_->path), error);
  ::umask(before);
  if (!error) state_->acceptor.listen(16, error);
  if (error) return fail(ErrorCode::unavailable, "cannot open the administration socket: {}", error.message());
  state_->scope.spawn("admin.accept", State::serve(state_));
  return {};
}

void AdminSocket::close() {
  if (!state_->acceptor.is_open()) return;
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  ::unlink(state_->path.c_str());
}

Result<std::string> ask_admin(const std::string& socket_path, const std::string& request, std::chrono::milliseconds patience) {
  // Plain calls: a socket's own timeouts bound also the connect to a server whose backlog is full, which Asio can neither bound nor poll.
  const auto gone = [](std::string_view why) { return fail(ErrorCode::unavailable, "no server answers on the administration socket: {}", why); };
  const auto silent = [&] {
    return fail(ErrorCode::timeout, "the server has not answered for {} s: look whether it hangs, and whether it has done what was asked",
                std::chrono::duration_cast<std::chrono::seconds>(patience).count());
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return gone(std::strerror(ENAMETOOLONG));
  socket_path.copy(address.sun_path, socket_path.size());
  const Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (socket.fd < 0) return gone(std::strerror(errno));
  const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  if (::setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 || ::setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
    return gone(std::strerror(errno));
  if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return silent();
    return gone(std::strerror(errno));
  }
  const std::string line = request + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t some = ::send(socket.fd, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0 && errno == EAGAIN) return silent();
    if (some < 0) return gone(std::strerror(errno));  // it read no whole line
    sent += static_cast<std::size_t>(some);
  }
  std::string answer;
  char buffer[4096];
  while (answer.size() <= kMaxAnswer) {
    const ssize_t some = ::recv(socket.fd, buffer, sizeof buffer, 0);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0 && errno == EAGAIN) return silent();
    // The kernel says "reset" of a connection that was closed with something unread in it, and "end" of one that was read.
    if (some < 0 && errno == ECONNRESET && answer.empty()) return gone(std::strerror(errno));
    if (some <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(some));
    if (answer.ends_with('\n')) {
      answer.pop_back();
      return answer;
    }
  }
  return fail(ErrorCode::internal, "the server ended before it answered: look whether it has done what was asked");
}

}  // namespace watchbell::app
