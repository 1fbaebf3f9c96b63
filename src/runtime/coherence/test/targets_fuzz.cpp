// What other processes say is stale, as anybody might say it: it is refused whole, or means the same when it is said again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/coherence/memory.hpp"
#include "runtime/coherence/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static watchbell::coherence::Memory memory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto targets = watchbell::coherence::targets_from(memory, text);
  if (!targets) return 0;
  for (const auto& target : *targets) target.apply();
  const auto again = watchbell::coherence::to_text(*targets);
  const auto same = watchbell::coherence::targets_from(memory, again);
  if (!same || same->size() != targets->size() || watchbell::coherence::to_text(*same) != again) std::abort();
  return 0;
}
