// A request answered on the spot makes no allocation. Counted in the loop's thread, while a client in another thread asks.
#include <cstdlib>
#include <new>
#include <thread>

#include "async/event.hpp"
#include "base/clock.hpp"
#include "rig.hpp"

namespace {
thread_local std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace watchbell::http::test {
namespace {

TEST(Server, answer_on_the_spot_allocates_nothing) {
  constexpr int kWarmUp = 10;
  constexpr int kRequests = 200;
  const SystemClock clock;
  async::Loop loop;
  async::TimerWheel wheel(loop.executor(), clock);
  FunctionHandler handler;
  std::size_t before = 0;
  std::size_t after = 0;
  async::Event all_asked(loop.executor());
  handler.now = [&](const Request& request, Response& response) {
    if (handler.answered_now == kWarmUp) before = allocations;
    after = allocations;
    if (handler.answered_now == kRequests - 1) all_asked.notify_all();
    response.content_type = "application/json";
    response.add("cache-control", "private, no-cache");
    response.text().append(R"({"json":{"path":")").append(request.path()).append(R"(","cookie":")").append(request.header("cookie").value_or("")).append("\"}}");
    return true;
  };
  Server server(loop, wheel, handler, {});
  bool done = false;
  std::thread client;
  ASSERT_TRUE(watchbell::test::run_on(loop, [](Server& to, async::Event& asked, std::thread& asking, bool& stopped) -> awaitable<void> {
    const auto port = to.listen();
    EXPECT_TRUE(port.has_value());
    to.start_accepting();
    asking = std::thread([at = *port] {
      asio::io_context context;
      asio::ip::tcp::socket socket(context);
      socket.connect({asio::ip::address_v4::loopback(), at});
      const std::string request = post("/api/area/procedure", R"({"json":{}})", "Cookie: session=0123456789abcdef0123456789abcdef\r\nAccept: */*\r\n");
      std::array<char, 4096> answer;
      for (int i = 0; i < kRequests; ++i) {
        asio::write(socket, asio::buffer(request));
        socket.read_some(asio::buffer(answer));
      }
    });
    co_await asked.wait();  // the loop does nothing but answer: turns of the test's own would allocate now and then
    co_await to.stop(std::chrono::seconds(1));
    stopped = true;
  }(server, all_asked, client, done)));
  client.join();
  EXPECT_TRUE(done);
  EXPECT_EQ(handler.answered_now, kRequests);
  EXPECT_EQ(after, before) << "allocations between request " << kWarmUp << " and " << kRequests;
}

}  // namespace
}  // namespace watchbell::http::test
