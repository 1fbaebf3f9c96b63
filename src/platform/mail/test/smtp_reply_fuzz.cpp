// Whatever a server sends, however it is cut: replies are well-formed and bounded, or the reader is broken for good.
#include <cstddef>
#include <cstdint>

#include "base/assert.hpp"
#include "platform/mail/reply_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using watchbell::mail::ReplyReader;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t step = size == 0 ? 1 : 1 + data[0] % 7;
  ReplyReader reader;
  for (std::size_t at = 0; at < size; at += step) {
    reader.feed(bytes.substr(at, step));
    while (const auto reply = reader.take()) {
      WATCHBELL_ASSERT(!reader.broken());
      WATCHBELL_ASSERT(reply->code >= 200 && reply->code < 600 && reply->text.size() <= 200);
      for (const char c : reply->text) WATCHBELL_ASSERT(c >= 0x20 && c < 0x7f);
    }
  }
  return 0;
}
