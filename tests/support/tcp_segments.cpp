#include "tests/support/tcp_segments.hpp"

// The C library's own <netinet/tcp.h>, which Asio includes, knows a shorter tcp_info; the two do not go together.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace watchbell::test {

std::uint64_t tcp_segments_received(int fd) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_data_segs_in : 0;
}

}  // namespace watchbell::test
