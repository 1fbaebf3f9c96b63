// How long do reads take that come at a fixed rate, whatever the server is busy with? One kept connection; each read is due at its own time, and its latency
// counts from then, so that a stall is felt by every read that fell into it; but not how late this program itself woke up for a read, when no earlier one held it
// up: that is the machine's doing. Prints "DUE LATENCY" of each, in microseconds of this machine's clock.
//
//     steady_reader PORT PATH RATE SECONDS COOKIE...      the reads take the cookies in turn
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "async/short_slices.hpp"

namespace {

using Clock = std::chrono::system_clock;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) give_up("connect");
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

/// Sends a request and reads its answer to the end.
void ask(int fd, const std::string& request) {
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) give_up("send");
  std::string in;
  std::array<char, 8192> buffer;
  for (;;) {
    const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) give_up("recv");
    in.append(buffer.data(), static_cast<std::size_t>(got));
    const auto end = in.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    constexpr std::string_view name = "Content-Length: ";
    std::size_t length = 0;
    if (const auto at = in.find(name); at < end) std::from_chars(in.data() + at + name.size(), in.data() + end, length);
    if (in.size() < end + 4 + length) continue;
    if (!in.starts_with("HTTP/1.1 200")) {
      std::fprintf(stderr, "%s\n", in.c_str());
      std::exit(1);
    }
    return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fputs("usage: steady_reader PORT PATH RATE SECONDS COOKIE...\n", stderr);
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const int rate = std::atoi(argv[3]);
  const auto count = static_cast<std::size_t>(rate * std::atof(argv[4]));
  std::vector<std::string> requests;
  for (int i = 5; i < argc; ++i)
    requests.push_back(
        fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nCookie: {}\r\nOrigin: http://127.0.0.1:{}\r\nContent-Length: "
                    "2\r\n\r\n{{}}",
                    argv[2], port, argv[i], port));
  watchbell::async::ask_for_short_slices();  // readers are elsewhere: what ours waits for a core is not the server's
  const int fd = connect_to(port);
  std::vector<std::pair<std::int64_t, std::int64_t>> reads;
  reads.reserve(count);
  const auto began = Clock::now();
  const auto micros = [](auto span) { return std::chrono::duration_cast<std::chrono::microseconds>(span).count(); };
  for (std::size_t i = 0; i < count; ++i) {
    const auto due = began + std::chrono::microseconds(static_cast<std::int64_t>(i) * 1'000'000 / rate);
    const bool held_up = Clock::now() > due;
    std::this_thread::sleep_until(due);
    const auto from = held_up ? due : Clock::now();
    ask(fd, requests[i % requests.size()]);
    reads.emplace_back(micros(due.time_since_epoch()), micros(Clock::now() - from));
  }
  for (const auto& [due, latency] : reads) std::printf("%lld %lld\n", static_cast<long long>(due), static_cast<long long>(latency));
  ::close(fd);
}
