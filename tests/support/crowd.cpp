#include "tests/support/crowd.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "platform/http_server/server.hpp"
#include "runtime/rpc/front.hpp"
#include "runtime/signals/endpoint.hpp"
#include "runtime/signals/hub.hpp"
#include "tests/support/tcp_segments.hpp"

namespace watchbell::test {
namespace {

using SteadyTimer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

constexpr std::string_view kOrigin = "http://crowd.example";
constexpr std::chrono::seconds kPatience{60};

[[noreturn]] void fail_with(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::int64_t steady_now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

/// A user a cookie, as sessions are.
class Users final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    std::uint64_t number = 0;
    const auto text = credentials.cookie.substr(std::min(credentials.cookie.size(), credentials.cookie.rfind('=') + 1));
    std::from_chars(text.data(), text.data() + text.size(), number);
    access::Principal principal;
    principal.kind = access::Principal::Kind::user;
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data() + 8, &number, sizeof number);
    principal.id = Uuid(bytes);
    principal.name = "Somebody " + std::to_string(number);
    principal.email = "somebody-" + std::to_string(number) + "@example.com";
    co_return std::make_shared<const access::Principal>(std::move(principal));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
};

/// The server's process: says its port, then obeys lines "COUNT EVERY_US BYTES" until its input ends.
awaitable<void> serve(async::Loop& loop, int in, int out) {
  const SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) {});
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  Users users;
  rpc::Dispatcher dispatcher(users, pool);
  rpc::Front front(dispatcher, wheel, {.base_url = std::string(kOrigin), .trusted_origins = {std::string(kOrigin)}, .trusted_proxies = {}, .on_request = {}});
  signals::Hub hub(wheel, scope, {});
  signals::mount(front, hub, users);
  front.open();
  http::Server server(loop, wheel, front, {});
  const auto port = server.listen();
  if (!port) throw std::runtime_error(port.error().message);
  server.start_accepting();
  const auto greeting = std::to_string(*port) + "\n";
  if (::write(out, greeting.data(), greeting.size()) < 0) fail_with("write");

  asio::posix::basic_stream_descriptor<Executor> commands(loop.executor(), in);
  std::string text;
  while (true) {
    boost::system::error_code ended;
    const auto size = co_await asio::async_read_until(commands, asio::dynamic_buffer(text), '\n', asio::redirect_error(use_awaitable, ended));
    if (ended) break;
    long count = 0, every = 0, bytes = 0;
    if (std::sscanf(text.c_str(), "%ld %ld %ld", &count, &every, &bytes) != 3) break;
    text.erase(0, size);
    SteadyTimer timer(loop.executor());
    auto next = std::chrono::steady_clock::now();
    for (long i = 0; i < count; ++i) {
      std::string payload = "{\"at\":" + std::to_string(steady_now()) + ",\"text\":\"";
      payload.append(static_cast<std::size_t>(bytes), 'x').append("\"}");
      hub.emit({.id = "crowd.tick", .audience = {}, .payload = std::move(payload), .to_all = true, .users = {}});
      next += std::chrono::microseconds(every);
      timer.expires_at(next);
      co_await timer.async_wait(use_awaitable);
    }
  }
  co_await server.stop(std::chrono::milliseconds(100));
  co_await scope.stop();
}

[[noreturn]] void run_server(int in, int out) {
  raise_file_limit();
  int code = 1;
  try {
    async::Loop loop;
    bool done = false;
    asio::co_spawn(loop.executor(), serve(loop, in, out), [&](std::exception_ptr fault) {
      code = fault ? 1 : 0;
      done = true;
    });
    loop.run_until([&] { return done; });
  } catch (...) {  // the boundary of the process: its exit code says so
  }
  std::_Exit(code);
}

std::optional<std::int64_t> number_after(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  std::int64_t number = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Crowd::Crowd(Options options) : options_(options) {
  raise_file_limit();
  int there[2], back[2];
  if (::pipe(there) != 0 || ::pipe(back) != 0) fail_with("pipe");
  server_ = ::fork();
  if (server_ < 0) fail_with("fork");
  if (server_ == 0) {
    ::close(there[1]);
    ::close(back[0]);
    run_server(there[0], back[1]);
  }
  ::close(there[0]);
  ::close(back[1]);
  to_server_ = there[1];
  from_server_ = back[0];
  port_ = static_cast<std::uint16_t>(std::stoi(line()));
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) fail_with("epoll_create1");
}

Crowd::~Crowd() {
  for (const auto& client : clients_)
    if (client.fd >= 0) ::close(client.fd);
  if (epoll_ >= 0) ::close(epoll_);
  ::close(to_server_);  // the server ends by that
  ::close(from_server_);
  if (server_ > 0) ::waitpid(server_, nullptr, 0);
}

void Crowd::say(const std::string& text) const {
  if (::write(to_server_, text.data(), text.size()) < 0) fail_with("write");
}

std::string Crowd::line() const {
  std::string text;
  char c = 0;
  while (::read(from_server_, &c, 1) == 1 && c != '\n') text += c;
  if (text.empty()) throw std::runtime_error("the server of the crowd ended");
  return text;
}

void Crowd::open() {
  clients_.reserve(options_.sockets);
  for (std::size_t i = 0; i < options_.sockets; ++i) {
    auto& client = clients_.emplace_back();
    client.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client.fd < 0) fail_with("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(client.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail_with("connect");
    const std::string request =
        "GET /api/signals/ws HTTP/1.1\r\nHost: crowd.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: " +
        std::string(kOrigin) +
        "\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n"
        "Cookie: better-auth.session_token=0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef0123456789a%3D; n=" +
        std::to_string(i) + "\r\n\r\n";
    if (::write(client.fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) fail_with("write");
    std::string answer;
    std::array<char, 2048> some;
    while (answer.find("\"heartbeatMs\":25000}") == std::string::npos) {
      const auto size = ::read(client.fd, some.data(), some.size());
      if (size <= 0) throw std::runtime_error("socket " + std::to_string(i) + " was refused: " + answer);
      answer.append(some.data(), static_cast<std::size_t>(size));
    }
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event) != 0) fail_with("epoll_ctl");
  }
}

std::size_t Crowd::server_rss() const {
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(server_) + "/status").c_str(), "r");
  if (file == nullptr) fail_with("status of the server");
  std::array<char, 256> row;
  long kib = 0;
  while (std::fgets(row.data(), row.size(), file) != nullptr)
    if (std::sscanf(row.data(), "RssAnon: %ld kB", &kib) == 1) break;
  std::fclose(file);
  return static_cast<std::size_t>(kib) * 1024;
}

double Crowd::server_cpu() const {
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(server_) + "/stat").c_str(), "r");
  if (file == nullptr) fail_with("stat of the server");
  long user = 0, system = 0;
  const int found = std::fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
  std::fclose(file);
  return found == 2 ? static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK)) : 0;
}

template <class Hear>
bool Crowd::read(Client& client, Hear&& hear) {
  static std::array<char, 64 * 1024> some;
  const auto size = ::recv(client.fd, some.data(), some.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (size <= 0) return false;
  client.in.append(some.data(), static_cast<std::size_t>(size));
  std::string_view rest = client.in;
  while (rest.size() >= 2) {
    std::size_t length = static_cast<unsigned char>(rest[1]);
    std::size_t head = 2;
    if (length == 126 && rest.size() >= 4) {
      length = static_cast<std::size_t>(static_cast<unsigned char>(rest[2])) << 8 | static_cast<unsigned char>(rest[3]);
      head = 4;
    }
    if (rest.size() < head + length) break;
    const auto payload = rest.substr(head, length);
    const int opcode = rest[0] & 0x0f;
    rest.remove_prefix(head + length);
    if (opcode == 8) return false;
    if (opcode == 9) {
      constexpr std::array<char, 6> kPong{'\x8a', '\x80', 0, 0, 0, 0};
      if (::write(client.fd, kPong.data(), kPong.size()) < 0) return false;
      continue;
    }
    hear(static_cast<std::uint64_t>(number_after(payload, "\"seq\":").value_or(0)), number_after(payload, "\"at\":").value_or(0));
  }
  client.in.erase(0, client.in.size() - rest.size());
  return true;
}

CrowdRound Crowd::broadcast(int signals, std::chrono::microseconds every) {
  CrowdRound round;
  const auto total = [this] {
    std::uint64_t all = 0;
    for (const auto& client : clients_)
      if (client.fd >= 0) all += tcp_segments_received(client.fd);
    return all;
  };
  std::size_t open = 0;
  for (auto& client : clients_) open += client.fd >= 0 ? 1 : 0;
  const std::uint64_t each = static_cast<std::uint64_t>(signals);
  std::uint64_t expected = open * each;
  std::vector<std::uint64_t> begun(clients_.size());
  for (std::size_t i = 0; i < clients_.size(); ++i) begun[i] = clients_[i].seq;
  std::vector<float> waits;
  waits.reserve(expected);
  const auto writes = total();
  const double cpu = server_cpu();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  say(std::to_string(signals) + " " + std::to_string(every.count()) + " " + std::to_string(options_.payload_bytes) + "\n");
  std::array<epoll_event, 512> events;
  while (round.frames < expected) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("the crowd waited in vain: " + std::to_string(round.frames) + " of " + std::to_string(expected));
    const int ready = ::epoll_wait(epoll_, events.data(), events.size(), 1000);
    const auto now = steady_now();
    for (int i = 0; i < ready; ++i) {
      const auto number_of_client = events[static_cast<std::size_t>(i)].data.u64;
      auto& client = clients_[number_of_client];
      const bool alive = read(client, [&](std::uint64_t number, std::int64_t at) {
        ++round.frames;
        if (number != ++client.seq) ++round.gaps;
        waits.push_back(static_cast<float>(static_cast<double>(now - at) / 1e6));
      });
      if (alive) continue;
      ++round.closed;
      expected -= each - (client.seq - begun[number_of_client]);
      ::close(client.fd);
      client.fd = -1;
    }
  }
  round.server_cpu_seconds = server_cpu() - cpu;
  round.writes = total() - writes;
  std::ranges::sort(waits);
  const auto at = [&](double share) {
    return waits.empty()
               ? 0.0
               : static_cast<double>(waits[std::min(waits.size() - 1, static_cast<std::size_t>(std::ceil(share * static_cast<double>(waits.size()))))]);
  };
  round.p50_ms = at(0.5);
  round.p99_ms = at(0.99);
  round.max_ms = waits.empty() ? 0 : static_cast<double>(waits.back());
  return round;
}

}  // namespace watchbell::test
