// Where the benchmarks of deliveries send to: as little HTTP as a receiver can be, so that what is measured is the sender. Listens on 127.0.0.1 to
// 127.0.0.HOSTS at one port, answers every POST with 204 (after WAIT ms, where given), and keeps per host when each arrived. A host that hangs takes requests
// and answers nothing until it is let go. Its own ceiling is measured with wrk before anything else is (run.mjs).
//
//     sink [HOSTS] [WAIT ms] [HOST that hangs, from 1; 0 for none]
//
// Asked over HTTP on any host: GET /stats (JSON), GET /last (the newest request as it came), GET /forget (begins anew), GET /release (drops what hangs).
// A title "t=MICROSECONDS ..." says when the message was sent, on the clock of this machine: the latency of its arrival is kept.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace std::string_view_literals;

std::int64_t now_micros() { return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// The value of a header of a request's head, which ends in an empty line; nothing when it is not there. Names are looked for as the sender writes them.
std::string_view header(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == std::string_view::npos) return {};
  const auto from = at + name.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

struct Connection {
  int fd = -1;
  std::size_t host = 0;
  std::uint64_t generation = 0;
  std::string in;
  bool hangs = false;
};

struct Seen {
  std::uint64_t posts = 0;
  std::unordered_set<std::string> ids;
  std::uint64_t is_signed = 0;
  std::int64_t first = 0, last = 0;
  std::size_t in_flight = 0, max_in_flight = 0;
  std::vector<std::uint64_t> by_host;
  std::vector<std::size_t> host_in_flight;
  std::size_t max_host_in_flight = 0;
  std::vector<std::int64_t> latencies;  // of hosts that do not hang
  std::string newest;
};

class Sink {
 public:
  Sink(std::size_t hosts, std::int64_t wait_ms, std::size_t hanging) : wait_(wait_ms * 1000), hanging_(hanging), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    forget(hosts);
    std::uint16_t port = 0;
    for (std::size_t host = 0; host < hosts; ++host) port = listen(host, port);
    fmt::print("listening on http://127.0.0.1:{}\n", port);
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<::epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout());
      for (int i = 0; i < count; ++i) {
        const auto fd = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.fd);
        if (fd < listeners_.size() && listeners_[fd] != 0)
          accept(static_cast<int>(fd));
        else if (fd < connections_.size() && connections_[fd])
          serve(*connections_[fd]);
      }
      answer_due();
    }
  }

 private:
  struct Due {
    std::int64_t at;
    int fd;
    std::uint64_t generation;
    std::size_t host;
  };

  [[noreturn]] static void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
  }

  void forget(std::size_t hosts) {
    auto fresh = Seen{};
    fresh.by_host.assign(hosts, 0);
    fresh.host_in_flight = seen_.host_in_flight.empty() ? std::vector<std::size_t>(hosts) : seen_.host_in_flight;
    fresh.in_flight = seen_.in_flight;
    seen_ = std::move(fresh);
  }

  std::uint16_t listen(std::size_t host, std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(host));
    ::socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<::sockaddr*>(&address), size) != 0 || ::listen(fd, 4096) != 0) give_up("listen");
    ::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size);
    const auto index = static_cast<std::size_t>(fd);
    if (listeners_.size() <= index) listeners_.resize(index + 1);
    listeners_[index] = host + 1;
    watch(fd);
    return ntohs(address.sin_port);
  }

  void watch(int fd) const {
    ::epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
  }

  void accept(int listener) {
    for (;;) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) return;
      const int yes = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      const auto index = static_cast<std::size_t>(fd);
      if (connections_.size() <= index) connections_.resize(index + 1);
      connections_[index] = std::make_unique<Connection>();
      auto& connection = *connections_[index];
      connection.fd = fd;
      connection.host = listeners_[static_cast<std::size_t>(listener)] - 1;
      connection.generation = ++generations_;
      connection.hangs = connection.host + 1 == hanging_;
      watch(fd);
    }
  }

  void close(Connection& connection) {
    if (connection.hangs) left(connection.host, pending_of(connection));
    const int fd = connection.fd;
    connections_[static_cast<std::size_t>(fd)].reset();
    ::close(fd);
  }

  static std::size_t pending_of(const Connection& connection) { return connection.in.empty() ? 0 : 1; }

  void serve(Connection& connection) {
    std::array<char, 65536> buffer;
    for (;;) {
      const auto got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
      if (got > 0) {
        connection.in.append(buffer.data(), static_cast<std::size_t>(got));
        if (static_cast<std::size_t>(got) == buffer.size()) continue;
        break;
      }
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
      return close(connection);
    }
    while (take(connection)) {
    }
  }

  /// Takes one request off what came; whether there may be another.
  bool take(Connection& connection) {
    const auto end = connection.in.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string_view head(connection.in.data(), end + 4);
    if (head.starts_with("GET ")) return tell(connection, head.substr(4, head.find(' ', 4) - 4));
    std::size_t length = 0;
    const auto said = header(head, "Content-Length: ");
    std::from_chars(said.data(), said.data() + said.size(), length);
    if (connection.in.size() < head.size() + length) return false;
    note(connection, head, std::string_view(connection.in).substr(head.size(), length));
    if (connection.hangs) return false;  // what came stays as the sign of a request without an answer
    connection.in.erase(0, end + 4 + length);
    if (wait_ == 0)
      answer(connection);
    else
      due_.push_back({now_micros() + wait_, connection.fd, connection.generation, connection.host});
    return wait_ == 0 && !connection.in.empty();
  }

  void note(const Connection& connection, std::string_view head, std::string_view body) {
    const auto at = now_micros();
    if (seen_.posts++ == 0) seen_.first = at;
    seen_.last = at;
    ++seen_.by_host[connection.host];
    seen_.ids.emplace(header(head, "webhook-id: "));
    seen_.is_signed += !header(head, "webhook-signature: ").empty();
    seen_.max_in_flight = std::max(seen_.max_in_flight, ++seen_.in_flight);
    seen_.max_host_in_flight = std::max(seen_.max_host_in_flight, ++seen_.host_in_flight[connection.host]);
    constexpr auto mark = "\"title\":\"t="sv;
    if (const auto found = body.find(mark); found != std::string_view::npos && !connection.hangs) {
      std::int64_t sent = 0;
      const auto* from = body.data() + found + mark.size();
      if (std::from_chars(from, body.data() + body.size(), sent).ec == std::errc()) seen_.latencies.push_back(at - sent);
    }
    seen_.newest.assign(head).append(body);
  }

  void left(std::size_t host, std::size_t count) {
    seen_.in_flight -= count;
    seen_.host_in_flight[host] -= count;
  }

  void answer(Connection& connection) {
    left(connection.host, 1);
    say(connection, "HTTP/1.1 204 No Content\r\n\r\n");
  }

  static void say(const Connection& connection, std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(connection.fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return;
      if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  bool tell(Connection& connection, std::string_view path) {
    std::string body;
    if (path == "/forget")
      forget(seen_.by_host.size());
    else if (path == "/last")
      body = seen_.newest;
    else if (path == "/release")
      release();
    else
      body = stats();
    connection.in.clear();
    say(connection, fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
    return false;
  }

  void release() {
    hanging_ = 0;
    for (auto& each : connections_)
      if (each && each->hangs) close(*each);
  }

  std::string stats() {
    auto& all = seen_.latencies;
    std::ranges::sort(all);
    const auto at = [&](double share) { return all.empty() ? 0 : all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))]; };
    return fmt::format(
        R"({{"posts":{},"distinct":{},"signed":{},"firstUs":{},"lastUs":{},"inFlight":{},"maxInFlight":{},"maxHostInFlight":{},"leastOfAHost":{},"mostOfAHost":{},)"
        R"("latencies":{},"p50Us":{},"p99Us":{},"maxUs":{}}})",
        seen_.posts, seen_.ids.size(), seen_.is_signed, seen_.first, seen_.last, seen_.in_flight, seen_.max_in_flight, seen_.max_host_in_flight,
        std::ranges::min(seen_.by_host), std::ranges::max(seen_.by_host), all.size(), at(0.5), at(0.99), at(1));
  }

  int timeout() const {
    if (due_.empty()) return -1;
    return static_cast<int>(std::max<std::int64_t>(0, (due_.front().at - now_micros() + 999) / 1000));
  }

  void answer_due() {
    const auto now = due_.empty() ? 0 : now_micros();
    while (!due_.empty() && due_.front().at <= now) {
      const auto due = due_.front();
      due_.pop_front();
      auto& connection = connections_[static_cast<std::size_t>(due.fd)];
      if (!connection || connection->generation != due.generation) {
        left(due.host, 1);
        continue;
      }
      answer(*connection);
      while (take(*connection)) {
      }
    }
  }

  std::int64_t wait_;
  std::size_t hanging_;
  int epoll_;
  std::vector<std::size_t> listeners_;  // by descriptor: the host from 1
  std::vector<std::unique_ptr<Connection>> connections_;
  std::uint64_t generations_ = 0;
  std::deque<Due> due_;
  Seen seen_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int at, long fallback) { return argc > at ? std::atol(argv[at]) : fallback; };
  ::rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  Sink(static_cast<std::size_t>(argument(1, 16)), argument(2, 0), static_cast<std::size_t>(argument(3, 0))).run();
}
