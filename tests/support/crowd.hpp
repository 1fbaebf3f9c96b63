#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace watchbell::test {

/// What a crowd of websockets saw of the signals of one round.
struct CrowdRound {
  std::uint64_t frames = 0;  ///< signals received, all sockets together
  std::uint64_t writes = 0;  ///< pieces they came in, likewise
  std::uint64_t gaps = 0;    ///< a sequence number that did not follow the one before
  std::uint64_t closed = 0;  ///< sockets the server closed
  double p50_ms = 0;         ///< from emission to the last byte read
  double p99_ms = 0;
  double max_ms = 0;
  double server_cpu_seconds = 0;  ///< what the server used in that time
};

/// Many idle websockets against the real parts of a server: HTTP server, front, signal endpoint and hub, with users that each have their own session. The
/// server runs in a process of its own, so that its memory is its alone; this process holds the clients, which do nothing but read.
class Crowd {
 public:
  struct Options {
    std::size_t sockets = 1000;
    std::size_t payload_bytes = 100;
  };
  /// Starts the server; opens no socket yet.
  explicit Crowd(Options options);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// Opens all sockets and waits until each was greeted.
  void open();
  /// Anonymous memory of the server, bytes.
  std::size_t server_rss() const;
  /// Has so many signals broadcast at that distance, and reads until every socket has all of them or is closed.
  CrowdRound broadcast(int signals, std::chrono::microseconds every);

 private:
  struct Client {
    int fd = -1;
    std::uint64_t seq = 0;
    std::string in;
  };
  void say(const std::string& line) const;
  std::string line() const;
  /// Reads what is there; each signal is handed to `hear` with its seq and instant of emission.
  template <class Hear>
  bool read(Client& client, Hear&& hear);
  double server_cpu() const;

  Options options_;
  pid_t server_ = -1;
  int to_server_ = -1;
  int from_server_ = -1;
  int epoll_ = -1;
  std::uint16_t port_ = 0;
  std::vector<Client> clients_;
};

}  // namespace watchbell::test
