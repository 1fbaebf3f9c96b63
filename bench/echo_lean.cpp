// What the server's own connection loop costs a request without any stage behind it: http::Server with a handler that answers a
// small fixed JSON on the spot. The budget of a cached read is a ratio to this.
//
//     echo_lean PORT
#include <cstdio>
#include <cstdlib>

#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "platform/http_server/server.hpp"

namespace {

using namespace watchbell;

class Echo final : public http::Handler {
 public:
  bool answer_now(const http::Request&, http::Response& response) override {
    response.content_type = "application/json";
    response.body = std::string_view(R"({"json":{"count":3}})");
    return true;
  }
  awaitable<void> handle(const http::Request&, http::Response&) override { co_return; }
};

}  // namespace

int main(int argc, char** argv) {
  const SystemClock clock;
  async::Loop loop;
  async::TimerWheel wheel(loop.executor(), clock);
  Echo echo;
  http::Server::Options options;
  options.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
  http::Server server(loop, wheel, echo, options);
  // Everything of the server happens on the loop.
  asio::post(loop.executor(), [&] {
    const auto port = server.listen();
    if (!port) {
      std::fprintf(stderr, "%s\n", port.error().message.c_str());
      std::exit(1);
    }
    server.start_accepting();
    std::printf("listening on http://127.0.0.1:%d\n", static_cast<int>(*port));
    std::fflush(stdout);
  });
  loop.run();
}
