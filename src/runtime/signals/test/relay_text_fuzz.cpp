// What other processes say of signals, as anybody might say it: a line reads or does not, and one that reads is written as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/signals/relay_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (true) {
    const auto before = text;
    const auto line = watchbell::signals::take_line(text);
    if (!line) {
      if (text != before) std::abort();
      return 0;
    }
    std::string again;
    watchbell::signals::append_line(again, line->kind, line->id, line->users, line->body);
    if (again != before.substr(0, before.size() - text.size())) std::abort();
    if (watchbell::signals::is_payload(line->body) && line->body.find_first_of("{}") == std::string_view::npos && !line->body.empty()) std::abort();
  }
}
