// What do ten thousand idle websockets cost a server, and how soon do they all hear a broadcast? Prints JSON, a line a result: memory a socket; then rounds of
// ten broadcasts a second (p99 from emission to the last byte read, to be under 200 ms in the best round) and of a hundred (frames a write and writes a socket
// and second, to be ten each; none closed).
//
//     sockets [SOCKETS] [ROUNDS] [SECONDS]
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "tests/support/crowd.hpp"

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  const auto argument = [&](int at, int fallback) { return argc > at ? std::atoi(argv[at]) : fallback; };
  const int sockets = argument(1, 10'000), rounds = argument(2, 5), seconds = argument(3, 3);
  watchbell::test::Crowd crowd({.sockets = static_cast<std::size_t>(sockets)});
  const auto empty = crowd.server_rss();
  crowd.open();
  const auto full = crowd.server_rss();
  fmt::print("{{\"row\":\"memory\",\"sockets\":{},\"bytesBefore\":{},\"bytesAfter\":{},\"bytesPerSocket\":{}}}\n", sockets, empty, full,
             (full - empty) / static_cast<std::size_t>(sockets));
  std::fflush(stdout);
  const auto report = [&](const char* row, int per_second, std::chrono::microseconds every) {
    for (int round = 0; round < rounds; ++round) {
      const auto r = crowd.broadcast(per_second * seconds, every);
      fmt::print(
          "{{\"row\":\"{}\",\"round\":{},\"frames\":{},\"p50Ms\":{:.1f},\"p99Ms\":{:.1f},\"maxMs\":{:.1f},\"framesPerWrite\":{:.2f},"
          "\"writesPerSocketAndSecond\":{:.2f},\"closed\":{},\"gaps\":{},\"serverCpuShare\":{:.2f}}}\n",
          row, round, r.frames, r.p50_ms, r.p99_ms, r.max_ms, static_cast<double>(r.frames) / static_cast<double>(r.writes),
          static_cast<double>(r.writes) / sockets / seconds, r.closed, r.gaps, r.server_cpu_seconds / seconds);
      std::fflush(stdout);
    }
  };
  report("ten a second", 10, 100ms);
  report("a hundred a second", 100, 10ms);
  const auto after = crowd.server_rss();
  fmt::print("{{\"row\":\"memory after\",\"bytesAfter\":{},\"bytesPerSocket\":{}}}\n", after, (after - empty) / static_cast<std::size_t>(sockets));
}
