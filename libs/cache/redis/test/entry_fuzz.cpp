// What is read from Redis under an entry's name: nothing may crash, a value is never longer than its bound, and only
// bytes that we would write ourselves are an entry.
#include "entry.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace watchbell::cache::redis::detail;
  constexpr std::size_t kMaxValue = 64;
  if (size < 2) return 0;
  const std::size_t families = 1 + data[0] % 4;
  const std::string path(data[1] % 8, 'p');
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);

  const auto check = [&](std::string_view bytes) {
    const auto value = decode_entry(bytes, path, families, kMaxValue);
    if (!value) return false;
    const std::string_view tokens = bytes.substr(tokens_offset(path), families * kTokenBytes);
    if (value->size() > kMaxValue || encode_entry(path, tokens, *value) != bytes) std::abort();
    return true;
  };
  check(rest);
  // Under a right checksum, so that the fields behind it are reached: the input gives tokens and value.
  if (rest.size() < families * kTokenBytes) return 0;
  const std::string whole = encode_entry(path, rest.substr(0, families * kTokenBytes), rest.substr(families * kTokenBytes));
  const bool fits = rest.size() - families * kTokenBytes <= kMaxValue;
  if (check(whole) != fits) std::abort();
  if (check(std::string_view(whole).substr(0, whole.size() - 1)) || check(whole + 'x')) std::abort();
  return 0;
}
