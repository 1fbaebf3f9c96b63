// A settings file of any bytes gives settings or a sentence, never a crash, and what was accepted can be shown again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "app/config/config.hpp"
#include "base/assert.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace watchbell;
  const config::File file{"fuzz.toml", std::string(reinterpret_cast<const char*>(data), size)};
  const auto loaded = config::resolve({}, file);
  if (loaded) {
    // What is shown is a settings file itself, unless a secret was masked in it.
    const std::string shown = config::describe(*loaded);
    if (shown.find("***") == std::string::npos) WATCHBELL_ASSERT(config::resolve({}, config::File{"shown.toml", shown}).has_value());
  } else {
    WATCHBELL_ASSERT(loaded.error().code == ErrorCode::bad_request && !loaded.error().message.empty());
  }
  return 0;
}
