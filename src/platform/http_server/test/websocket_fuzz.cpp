// What a client sends on a websocket: the session ends by itself, hands on only whole text messages within their bound, and hands on the same ones
// however the bytes were split.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "async/loop.hpp"
#include "async/manual_clock.hpp"
#include "base/text.hpp"
#include "platform/http_server/websocket_session.hpp"

namespace {

using namespace watchbell;
using namespace watchbell::http;

void require(bool holds) {
  if (!holds) std::abort();
}

class NoHandler final : public Handler {
 public:
  awaitable<void> handle(const Request&, Response&) override { co_return; }
};

/// Serves one client after another, without a real clock.
class Sessions {
 public:
  Sessions() { clock_.attach(wheel_); }

  /// The messages a session hands on of a stream whose first `behind` bytes came behind the upgrade request, and the rest by the socket.
  std::vector<std::string> hear(std::string_view stream, std::size_t behind) {
    std::vector<std::string> heard;
    // No connection of TCP: the fuzzer's alarm interrupts connect(), and thousands a second use the ports up.
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    Socket client(loop_.executor(), asio::ip::tcp::v4(), ends[0]), server(loop_.executor(), asio::ip::tcp::v4(), ends[1]);
    server.non_blocking(true);
    const auto request = Request::make_for_test("GET", "/ws",
                                                {{"Host", "a"},
                                                 {"Connection", "Upgrade"},
                                                 {"Upgrade", "websocket"},
                                                 {"Sec-WebSocket-Version", "13"},
                                                 {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}});
    behind = std::min(behind, stream.size());
    // The last bytes are in the kernel before the session looks, and then the end: its answers meet a client that still reads.
    asio::write(client, asio::buffer(stream.substr(behind)));
    client.shutdown(asio::socket_base::shutdown_send);
    bool done = false;
    asio::post(loop_.executor(), [&] {
      run_websocket(core_, std::move(server), request, std::string(stream.substr(0, behind)), {},
                    [&heard](std::shared_ptr<WebSocket> socket) { return listen(std::move(socket), heard); });
    });
    int turns = 0;
    loop_.run_until([&] {
      require(++turns < 100'000);
      done = done || core_.members > 0;
      return done && core_.members == 0;
    });
    return heard;
  }
  std::size_t limit() const { return core_.options.websocket.max_message_bytes; }
  std::size_t faults = 0;

 private:
  static awaitable<void> listen(std::shared_ptr<WebSocket> socket, std::vector<std::string>& heard) {
    while (auto message = co_await socket->read()) heard.push_back(std::move(*message));
  }
  Server::Options options() {
    Server::Options chosen;
    chosen.on_fault = [this](std::string_view, std::exception_ptr) { ++faults; };
    return chosen;
  }

  async::Loop loop_;
  async::ManualClock clock_;
  async::TimerWheel wheel_{loop_.executor(), clock_, async::TimerWheel::Drive::manual};
  NoHandler handler_;
  Core core_{loop_.executor(), wheel_, handler_, options()};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Sessions sessions;
  // More would not fit into the kernel's buffers, and is no other case.
  const std::string_view stream(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 32 * 1024));
  const auto behind = sessions.hear(stream, stream.size());
  for (const auto& message : behind) require(message.size() <= sessions.limit() && is_utf8(message));
  require(sessions.hear(stream, 0) == behind);
  require(sessions.hear(stream, size == 0 ? 0 : data[0] % (stream.size() + 1)) == behind);
  require(sessions.faults == 0);
  return 0;
}
