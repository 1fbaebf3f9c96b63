#include <watchbell/cache/detail/assert.hpp>
#include <watchbell/cache/detail/bytes.hpp>
#include <watchbell/cache/key.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>

namespace watchbell::cache {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio
constexpr std::uint64_t kOdd2 = 0xD6E8FEB86659FD93u;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// 0: not drawn yet. Drawn by the first hash, which may be made before this file's own objects would be.
constinit std::atomic<std::uint64_t> process_seed{0};

[[gnu::noinline]] void draw_seed() noexcept {
#ifdef WATCHBELL_CACHE_EXPLORE
  process_seed.store(kOdd2);  // a schedule must give the same run in every process
#else
  std::random_device device;
  std::uint64_t none = 0;
  process_seed.compare_exchange_strong(none, (static_cast<std::uint64_t>(device()) << 32) | device() | 1);
#endif
}

/// The path that was encoded so; nothing for bytes that no list of segments has. Each list has one encoding only.
std::optional<detail::PathBytes> decode_path(std::string_view encoded) {
  detail::PathBytes path;
  for (std::string_view rest = encoded; !rest.empty();) {
    std::uint64_t mark = 0;
    unsigned shift = 0;
    std::size_t head = 0;
    while (true) {
      if (head == rest.size() || shift > 28) return std::nullopt;  // more than any segment could have
      const auto byte = static_cast<unsigned char>(rest[head++]);
      mark |= static_cast<std::uint64_t>(byte & 0x7Fu) << shift;
      if ((byte & 0x80u) == 0) {
        if (byte == 0 && head > 1) return std::nullopt;  // longer than it need be
        break;
      }
      shift += 7;
    }
    rest.remove_prefix(head);
    const std::uint64_t length = mark < 2 ? 0 : mark - 2;
    if (length > rest.size()) return std::nullopt;
    path.append(mark, rest.substr(0, static_cast<std::size_t>(length)));
    rest.remove_prefix(static_cast<std::size_t>(length));
  }
  return path;
}

}  // namespace

namespace detail {

std::uint64_t hash_segment(std::uint64_t before, std::uint64_t mark, const char* at, std::size_t size) noexcept {
  const std::uint64_t seed = process_seed.load(std::memory_order_relaxed);
  if (seed == 0) [[unlikely]] {
    draw_seed();
    return hash_segment(before, mark, at, size);
  }
  std::uint64_t state = fold(before ^ seed, mark ^ kOdd1);
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  // The last step of each length overlaps the one before it, which the mark, with the length in it, makes good.
  if (size > 16) {
    const char* const last = at + size - 16;
    for (; at < last; at += 16)
      state = fold(word_at<std::uint64_t>(at) ^ seed, word_at<std::uint64_t>(at + 8) ^ state) + kOdd2;
    low = word_at<std::uint64_t>(last);
    high = word_at<std::uint64_t>(last + 8);
  } else if (size >= 8) {
    low = word_at<std::uint64_t>(at);
    high = word_at<std::uint64_t>(at + size - 8);
  } else if (size >= 4) {
    low = word_at<std::uint32_t>(at);
    high = word_at<std::uint32_t>(at + size - 4);
  } else if (size > 0) {
    low = static_cast<unsigned char>(at[0]);
    high = static_cast<std::uint64_t>(static_cast<unsigned char>(at[size / 2])) << 8 |
           static_cast<unsigned char>(at[size - 1]);
  }
  return fold(fold(low ^ seed ^ kOdd2, high ^ state) ^ kOdd2, seed ^ kOdd1);
}

void PathBytes::append_slowly(std::uint64_t mark, std::string_view text) {
  char bytes[10];
  std::size_t count = 0;
  std::uint64_t rest = mark;
  for (; rest >= 0x80; rest >>= 7) bytes[count++] = static_cast<char>((rest & 0x7F) | 0x80);
  bytes[count++] = static_cast<char>(rest);
  Large held = grown(count + text.size());
  std::memcpy(held.data + held.size, bytes, count);
  if (!text.empty()) std::memcpy(held.data + held.size + count, text.data(), text.size());
  held.size += static_cast<std::uint32_t>(count + text.size());
  set_large(held);
}

PathBytes::Large PathBytes::grown(std::size_t more) {
  const std::string_view present = view();
  const std::size_t needed = present.size() + more;
  if (needed > std::numeric_limits<std::uint32_t>::max() / 2) throw std::length_error("a key longer than 2 GiB");
  const std::size_t capacity = is_large() ? large().capacity : 0;
  if (needed <= capacity) return large();
  const Large larger{new char[2 * needed], static_cast<std::uint32_t>(2 * needed),
                     static_cast<std::uint32_t>(present.size())};
  std::memcpy(larger.data, present.data(), present.size());
  release();
  return larger;
}

void PathBytes::copy(const PathBytes& other) {
  hash_ = other.hash_;
  if (!other.is_large()) [[likely]] {
    std::memcpy(small_, other.small_, sizeof small_);
    small_size_ = other.small_size_;
    return;
  }
  const std::string_view bytes = other.view();
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const Large held{new char[size], size, size};
  std::memcpy(held.data, bytes.data(), size);
  set_large(held);
}

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "watchbell_cache: %s (%s:%d)\n", what, file, line);
  std::abort();
}

std::string_view SegmentReader::next() noexcept {
  const char* const begin = rest_.data();
  static_cast<void>(next_text());
  return {begin, static_cast<std::size_t>(rest_.data() - begin)};
}

std::string_view SegmentReader::next_text() noexcept {
  std::size_t head = 0;
  std::uint64_t mark = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_[head++]);
    mark |= static_cast<std::uint64_t>(byte & 0x7Fu) << shift;
    if ((byte & 0x80u) == 0) break;
  }
  const auto length = mark < 2 ? std::size_t{0} : static_cast<std::size_t>(mark - 2);
  const std::string_view text = rest_.substr(head, length);
  rest_.remove_prefix(head + length);
  return text;
}

}  // namespace detail

void Segment::append_to(detail::PathBytes& encoded) const {
  if (kind_ == Kind::absent || kind_ == Kind::null) {
    encoded.append(kind_ == Kind::absent ? 0 : 1, {});
    return;
  }
  encoded.append_text(kind_ == Kind::number ? std::string_view(digits_, digit_count_) : view_);
}

std::optional<Key> Key::decode(std::string_view encoded) {
  if (encoded.empty()) return std::nullopt;
  auto path = decode_path(encoded);
  if (!path) return std::nullopt;
  return Key(Encoded{std::move(*path)});
}

std::optional<Family> Family::decode(std::string_view encoded) {
  auto path = decode_path(encoded);
  if (!path) return std::nullopt;
  return Family(Encoded{std::move(*path)});
}

Key KeyBuilder::key() const {
  WATCHBELL_CACHE_ASSERT(encoded_.size() != 0, "a key needs at least one segment");
  return Key(Key::Encoded{encoded_});
}

}  // namespace watchbell::cache
