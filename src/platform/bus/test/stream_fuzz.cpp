// Frames as anybody might send them: whatever comes, what is put together is bounded and nothing of one sender is another's. The input is cut at bytes 0xFF.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "platform/bus/stream.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  watchbell::bus::Incoming incoming;
  std::size_t taken = 0;
  while (!rest.empty()) {
    const auto end = rest.find('\xFF');
    const auto frame = rest.substr(0, end);
    taken += frame.size();
    const auto heard = incoming.take(frame);
    if (heard.message && (heard.sender.empty() || heard.message->size() > taken)) std::abort();
    if (heard.gap && heard.sender.empty()) std::abort();
    // The same once more says nothing new.
    if (incoming.take(frame).message) std::abort();
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return 0;
}
