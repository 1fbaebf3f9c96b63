// Messages: whatever is written in one, no form of it holds markup that was not meant, calls everybody, or is too long.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "platform/markdown/test/checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::size_t max = size == 0 ? 0 : data[0];
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto why = watchbell::markdown::test::judge_all(text, max);
  if (!why.empty()) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::abort();
  }
  return 0;
}
