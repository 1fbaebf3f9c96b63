#include <watchbell/cache/detail/assert.hpp>
#include <watchbell/cache/key.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

namespace watchbell::cache {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio
constexpr std::uint64_t kOdd2 = 0xD6E8FEB86659FD93u;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word(const char* from, std::size_t size) noexcept {
  std::uint64_t value = 0;
  if (size != 0) std::memcpy(&value, from, size);  // an empty view may point nowhere
  return value;
}

std::uint64_t process_seed() noexcept {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
  }();
  return seed;
}

}  // namespace

namespace detail {

std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  std::uint64_t state = process_seed() ^ fold(bytes.size() ^ kOdd1, kOdd2);
  const std::uint64_t secret = state ^ kOdd1;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 16; at += 16, left -= 16) state = fold(word(at, 8) ^ secret, word(at + 8, 8) ^ state) + kOdd2;
  const std::uint64_t low = word(at, left < 8 ? left : 8);
  const std::uint64_t high = left > 8 ? word(at + 8, left - 8) : 0;
  return fold(fold(low ^ secret, high ^ state) ^ kOdd2, secret ^ kOdd1);
}

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "watchbell_cache: %s (%s:%d)\n", what, file, line);
  std::abort();
}

std::string_view SegmentReader::next() noexcept {
  std::size_t head = 0;
  std::uint64_t mark = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_[head++]);
    mark |= static_cast<std::uint64_t>(byte & 0x7Fu) << shift;
    if ((byte & 0x80u) == 0) break;
  }
  const std::size_t size = head + (mark < 2 ? 0 : static_cast<std::size_t>(mark - 2));
  const std::string_view segment = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return segment;
}

}  // namespace detail

void Segment::append_to(std::string& encoded) const {
  if (kind_ == Kind::absent || kind_ == Kind::null) {
    encoded.push_back(kind_ == Kind::absent ? '\0' : '\1');
    return;
  }
  const std::string_view text = kind_ == Kind::number ? std::string_view(digits_, digit_count_) : view_;
  std::uint64_t mark = static_cast<std::uint64_t>(text.size()) + 2;
  for (; mark >= 0x80; mark >>= 7) encoded.push_back(static_cast<char>((mark & 0x7F) | 0x80));
  encoded.push_back(static_cast<char>(mark));
  encoded.append(text);
}

Key KeyBuilder::key() const {
  WATCHBELL_CACHE_ASSERT(!encoded_.empty(), "a key needs at least one segment");
  return Key(Key::Encoded{encoded_});
}

}  // namespace watchbell::cache
