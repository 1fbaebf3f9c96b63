// The request parser: what comes out of a stream of bytes must not depend on how the stream was split, and nothing may crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "platform/http_server/request_reader.hpp"

namespace {

using watchbell::http::Request;
using watchbell::http::RequestReader;

// Small, so that short inputs reach them.
constexpr std::size_t kMaxHeader = 600;
constexpr std::size_t kMaxBody = 6000;

void record(const Request& request, std::string& log) {
  log.append(request.method()).append(" ").append(request.path()).append("?").append(request.query());
  log.append(request.is_upgrade() ? " upgrade" : "").append(request.version() == 11 ? " 1.1\n" : " 1.0\n");
  for (const auto& header : request.headers()) log.append(header.name).append("=").append(header.value).append("\n");
  log.append(request.body()).append("\n--\n");
}

/// Reads the stream in pieces of at most what `next_piece` says.
template <class Pieces>
std::string read_all(std::string_view stream, Pieces next_piece) {
  RequestReader reader(kMaxHeader);
  std::string log;
  while (true) {
    switch (reader.advance()) {
      case RequestReader::Stage::judge: reader.allow_body(kMaxBody); break;
      case RequestReader::Stage::complete:
        record(reader.request(), log);
        log.append(reader.keep_alive() ? "" : "close\n");
        reader.next();
        break;
      case RequestReader::Stage::refused: return log.append(std::to_string(reader.refusal().status)).append(reader.refusal().reason);
      case RequestReader::Stage::head:
      case RequestReader::Stage::body: {
        if (stream.empty()) return log.append("waits");
        const auto room = reader.writable();
        if (room.empty()) std::abort();
        const std::size_t size = std::min({room.size(), stream.size(), next_piece()});
        std::memcpy(room.data(), stream.data(), size);
        reader.received(size);
        stream.remove_prefix(size);
        break;
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t seed = 0;
  std::memcpy(&seed, data, std::min(size, sizeof seed));
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const std::string whole = read_all(stream, [] { return SIZE_MAX; });
  const std::string bytes = read_all(stream, [] { return std::size_t{1}; });
  watchbell::Random random(seed);
  const std::string pieces = read_all(stream, [&] { return std::size_t{1} + random() % 40; });
  if (whole != bytes || whole != pieces) std::abort();
  return 0;
}
