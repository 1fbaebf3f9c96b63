// The replies of a server: what comes out of a stream must not depend on how it was split, and whatever comes ends every call at most once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <list>

#include <boost/asio/error.hpp>

#include "base/random.hpp"
#include "platform/redis/pipeline.hpp"
#include "platform/redis/test/replies.hpp"

namespace {

using namespace watchbell;
using namespace watchbell::redis;

// Small, so that short inputs reach them.
constexpr ReplyLimits kLimits{.max_text_bytes = 200, .max_items = 20, .max_depth = 5, .max_call_bytes = 5000};

class Waiter final : public Call {
 public:
  explicit Waiter(std::size_t commands) : Call(encode(std::vector<Command>(commands, Command{"X"})), commands, Monotonic{}) {}
  bool ended = false;

 private:
  void on_finished() noexcept override {
    if (ended || !outcome || (*outcome && (**outcome).size() != commands())) std::abort();
    ended = true;
  }
};

/// Replies and how they ended. Whether a length is called too large or no number at all may depend on how much of it was there.
template <class Pieces>
std::string read(std::string_view stream, Pieces next_piece) {
  std::string log = redis::test::read_all(stream, kLimits, next_piece);
  if (log.ends_with("too large")) log.replace(log.size() - 9, 9, "broken");
  return log;
}

/// Calls come and go while the bytes arrive.
void play(std::string_view stream, Random random) {
  Pipeline pipeline{kLimits};
  std::list<Waiter> waiters;
  while (!stream.empty()) {
    for (auto n = random() % 3; n > 0; --n) pipeline.submit(waiters.emplace_back(1 + random() % 3));
    if (random() % 2 == 0 && pipeline.has_output()) static_cast<void>(pipeline.take_output());
    if (random() % 4 == 0 && !waiters.empty()) waiters.erase(std::next(waiters.begin(), static_cast<std::ptrdiff_t>(random() % waiters.size())));
    const auto piece = stream.substr(0, 1 + random() % 40);
    stream.remove_prefix(piece.size());
    if (pipeline.receive(piece)) break;
  }
  pipeline.fail(boost::asio::error::connection_reset);
  for (const auto& waiter : waiters)
    if (!waiter.ended) std::abort();
  if (pipeline.outstanding() != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t seed = 0;
  std::memcpy(&seed, data, std::min(size, sizeof seed));
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const std::string whole = read(stream, [] { return SIZE_MAX; });
  const std::string bytes = read(stream, [] { return std::size_t{1}; });
  Random random(seed);
  const std::string pieces = read(stream, [&] { return std::size_t{1} + random() % 40; });
  if (whole != bytes || whole != pieces) std::abort();
  play(stream, random);
  return 0;
}
