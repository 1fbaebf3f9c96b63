#include "base/uuid.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>

#include <sys/random.h>

#include "base/uuid_text.hpp"

namespace watchbell {
namespace {

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void fill_random(std::uint8_t* out, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::getrandom(out, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out += got;
    size -= static_cast<std::size_t>(got);
  }
}

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) noexcept {
  if (text.size() != 36) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < 36;) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return std::nullopt;
      ++i;
      continue;
    }
    const int high = hex(text[i]);
    const int low = hex(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[at++] = static_cast<std::uint8_t>(high << 4 | low);
    i += 2;
  }
  const Uuid id(bytes);
  std::array<std::uint8_t, 16> max;
  max.fill(0xff);
  if (id.is_nil() || bytes == max) return id;
  const int version = bytes[6] >> 4;
  if (version < 1 || version > 8 || (bytes[8] & 0xc0) != 0x80) return std::nullopt;
  return id;
}

Uuid Uuid::make_v7(std::int64_t unix_millis) {
  // RFC 9562, 6.2 method 1: a counter in rand_a keeps ids of one millisecond in order; it starts at a random value below 2^11 so that
  // it has room, and an overflow borrows the next millisecond.
  static std::mutex mutex;
  static std::int64_t last_millis = 0;
  static unsigned counter = 0;
  // The system is asked for the randomness of many ids at once: a call to it costs more than all the rest of an id.
  constexpr std::size_t kRandom = 10;
  static std::array<std::uint8_t, 64 * kRandom> random;
  static std::size_t used = random.size();

  std::array<std::uint8_t, 16> bytes{};
  std::int64_t millis = unix_millis;
  unsigned rand_a = 0;
  {
    const std::lock_guard lock(mutex);
    if (used == random.size()) {
      fill_random(random.data(), random.size());
      used = 0;
    }
    std::copy_n(random.data() + used, kRandom, bytes.data() + 6);
    used += kRandom;
    if (millis > last_millis) {
      counter = static_cast<unsigned>(bytes[6] << 8 | bytes[7]) & 0x7ff;
      last_millis = millis;
    } else if (++counter > 0xfff) {
      counter = 0;
      ++last_millis;
    }
    millis = last_millis;
    rand_a = counter;
  }
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  bytes[6] = static_cast<std::uint8_t>(0x70 | rand_a >> 8);
  bytes[7] = static_cast<std::uint8_t>(rand_a);
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  return Uuid(bytes);
}

std::string Uuid::to_string() const { return std::string(std::string_view(UuidText(*this))); }

}  // namespace watchbell
