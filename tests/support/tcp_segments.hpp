#pragma once

#include <cstdint>

namespace watchbell::test {

/// Pieces of data a TCP socket has received so far: as many as the other side made short writes, when it waits for none to be acknowledged.
std::uint64_t tcp_segments_received(int fd) noexcept;

}  // namespace watchbell::test
