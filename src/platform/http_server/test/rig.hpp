#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include "async/manual_clock.hpp"
#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/text.hpp"
#include "platform/http_server/server.hpp"
#include "tests/support/co_test.hpp"

/// A server on a free port of loopback with a handler made of functions, a clock that stands still, and raw clients on the same loop.
namespace watchbell::http::test {

using namespace std::chrono_literals;
using boost::system::error_code;

class FunctionHandler final : public Handler {
 public:
  std::function<std::size_t(const Request&)> limit = [](const Request&) { return kDefaultBodyLimit; };
  std::function<bool(const Request&, Response&)> now = [](const Request&, Response&) { return false; };
  std::function<awaitable<void>(const Request&, Response&)> later;
  int answered_now = 0;
  int handled = 0;

  std::size_t body_limit(const Request& request) override { return limit(request); }
  bool answer_now(const Request& request, Response& response) override {
    if (!now(request, response)) return false;
    ++answered_now;
    return true;
  }
  awaitable<void> handle(const Request& request, Response& response) override {
    ++handled;
    co_await later(request, response);
  }
};

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
  std::optional<std::string> header(std::string_view lower_name) const {
    std::string_view rest = head;
    while (!rest.empty()) {
      const auto end = rest.find("\r\n");
      const auto line = rest.substr(0, end);
      const auto colon = line.find(": ");
      if (colon != std::string_view::npos && ascii_lower(line.substr(0, colon)) == lower_name) return std::string(line.substr(colon + 2));
      rest = end == std::string_view::npos ? "" : rest.substr(end + 2);
    }
    return std::nullopt;
  }
};

class Client {
 public:
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
  explicit Client(async::Loop& loop) : socket_(loop.executor()) {}

  awaitable<void> connect(std::uint16_t port) {
    co_await socket_.async_connect({asio::ip::address_v4::loopback(), port}, use_awaitable);
    socket_.set_option(asio::ip::tcp::no_delay(true));
  }
  awaitable<void> send(std::string text) { co_await asio::async_write(socket_, asio::buffer(text), use_awaitable); }
  /// At most the bytes the kernel takes at once; nothing when the other side is gone.
  awaitable<void> try_send(std::string text) {
    error_code ignored;
    co_await asio::async_write(socket_, asio::buffer(text), asio::redirect_error(use_awaitable, ignored));
  }
  /// One answer; status 0 when the connection ended first.
  awaitable<Answer> answer(bool head_only = false) {
    Answer answer;
    std::size_t end;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos)
      if (!co_await more()) co_return answer;
    answer.head = in_.substr(0, end + 2);
    in_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    const auto length = answer.header("content-length");
    const std::size_t size = head_only || !length ? 0 : static_cast<std::size_t>(std::atoll(length->c_str()));
    while (in_.size() < size)
      if (!co_await more()) co_return Answer{};
    answer.body = in_.substr(0, size);
    in_.erase(0, size);
    co_return answer;
  }
  /// `size` raw bytes; fewer when the connection ended first.
  awaitable<std::string> take(std::size_t size) {
    while (in_.size() < size)
      if (!co_await more()) break;
    std::string taken = in_.substr(0, size);
    in_.erase(0, taken.size());
    co_return taken;
  }
  /// Whether nothing but an orderly end comes.
  awaitable<bool> ends() {
    while (co_await more()) {
    }
    co_return in_.empty() && end_ == asio::error::eof;
  }
  /// Reads to the end, however it comes.
  awaitable<std::string> all() {
    while (co_await more()) {
    }
    co_return std::exchange(in_, {});
  }
  void finish() { socket_.shutdown(asio::socket_base::shutdown_send); }
  void reset() {
    socket_.set_option(asio::socket_base::linger(true, 0));
    socket_.close();
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }
  Socket& socket() { return socket_; }

 private:
  awaitable<bool> more() {
    std::array<char, 16 * 1024> piece;
    const std::size_t size = co_await socket_.async_read_some(asio::buffer(piece), asio::redirect_error(use_awaitable, end_));
    in_.append(piece.data(), size);
    co_return !end_;
  }
  Socket socket_;
  std::string in_;
  error_code end_;
};

struct Rig {
  explicit Rig(async::Loop& on) : loop(on), wheel(on.executor(), clock, async::TimerWheel::Drive::manual), scope(on.executor(), [](auto, std::exception_ptr fault) { std::rethrow_exception(fault); }) {
    clock.attach(wheel);
    options.on_fault = [this](std::string_view what, std::exception_ptr) { faults.emplace_back(what); };
    handler.later = [](const Request& request, Response& response) -> awaitable<void> {
      response.content_type = "text/plain";
      response.text().append(request.method()).append(" ").append(request.target()).append(" ").append(request.body());
      co_return;
    };
  }
  void start() {
    server.emplace(loop, wheel, handler, options);
    const auto bound = server->listen();
    ASSERT_TRUE(bound.has_value()) << bound.error().message;
    port = *bound;
    server->start_accepting();
  }
  /// A connected client that the server has accepted.
  awaitable<std::unique_ptr<Client>> client() {
    auto made = std::make_unique<Client>(loop);
    co_await made->connect(port);
    co_await settle();  // the kernel has completed it; each turn of the loop looks for what is ready
    co_return made;
  }
  /// Runs the loop until `condition` holds; the test's deadline bounds it.
  awaitable<void> until(std::function<bool()> condition) {
    while (!condition()) co_await asio::post(loop.executor(), use_awaitable);
  }
  /// Lets what is ready run.
  awaitable<void> settle() {
    for (int i = 0; i < 30; ++i) co_await asio::post(loop.executor(), use_awaitable);
  }
  /// Moves the clock until `condition` holds.
  awaitable<void> pass_until(std::function<bool()> condition) {
    while (!condition()) {
      clock.advance(100ms);
      co_await settle();
    }
  }
  awaitable<void> stop() {
    if (!server) co_return;
    stopped = false;
    scope.spawn("stop", stop_server(*this));
    co_await pass_until([this] { return stopped; });
    co_await scope.join();
  }

  static awaitable<void> stop_server(Rig& rig) {
    co_await rig.server->stop(rig.grace);
    rig.stopped = true;
  }

  /// Makes something that handlers use and that must outlive the server.
  template <class T>
  T& keep() {
    auto made = std::make_shared<T>(*this);
    kept.push_back(made);
    return *made;
  }

  std::vector<std::shared_ptr<void>> kept;
  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel;
  FunctionHandler handler;
  Server::Options options;
  std::vector<std::string> faults;
  std::chrono::milliseconds grace = 10s;
  bool stopped = false;
  std::uint16_t port = 0;
  async::TaskScope scope;
  std::optional<Server> server;
};

inline std::string get(std::string_view path, std::string_view lines = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}

inline std::string post(std::string_view path, std::string_view body, std::string_view lines = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace watchbell::http::test

/// A CO_TEST with a Rig named `rig` that is stopped at the end, however the body ends.
#define HTTP_TEST(suite, name)                                                                       \
  static ::watchbell::awaitable<void> suite##_##name##_rigged(::watchbell::http::test::Rig& rig);    \
  CO_TEST(suite, name) {                                                                             \
    ::watchbell::http::test::Rig rig(loop);                                                          \
    std::exception_ptr fault;                                                                        \
    try {                                                                                            \
      co_await suite##_##name##_rigged(rig);                                                         \
    } catch (...) {                                                                                  \
      fault = std::current_exception();                                                              \
    }                                                                                                \
    co_await rig.stop();                                                                             \
    if (fault) std::rethrow_exception(fault);                                                        \
  }                                                                                                  \
  static ::watchbell::awaitable<void> suite##_##name##_rigged(::watchbell::http::test::Rig& rig)
