#include <watchbell/cache/codec.hpp>

#include <boost/crc.hpp>

namespace watchbell::cache {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kHeadBytes = 1 + 8;
constexpr std::size_t kChecksumBytes = 4;

void append_fixed(std::string& bytes, std::uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t fixed_at(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

std::uint32_t checksum(std::string_view bytes) noexcept {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

}  // namespace

namespace detail {

std::string frame(std::uint64_t fingerprint, std::string_view payload) {
  std::string bytes;
  bytes.reserve(kHeadBytes + payload.size() + kChecksumBytes);
  bytes.push_back(kFormat);
  append_fixed(bytes, fingerprint, 8);
  bytes.append(payload);
  append_fixed(bytes, checksum(bytes), kChecksumBytes);
  return bytes;
}

std::optional<std::string_view> unframe(std::uint64_t fingerprint, std::string_view bytes) noexcept {
  if (bytes.size() < kHeadBytes + kChecksumBytes || bytes[0] != kFormat) return std::nullopt;
  if (fixed_at(bytes.substr(1, 8)) != fingerprint) return std::nullopt;
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (fixed_at(bytes.substr(body.size())) != checksum(body)) return std::nullopt;
  return body.substr(kHeadBytes);
}

}  // namespace detail

void Writer::number(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) byte(static_cast<unsigned char>((value & 0x7F) | 0x80));
  byte(static_cast<unsigned char>(value));
}

void Writer::fixed(std::uint64_t value, unsigned size) { append_fixed(bytes_, value, size); }

void Writer::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
}

std::optional<unsigned char> Reader::byte() noexcept {
  if (rest_.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  return first;
}

std::optional<std::uint64_t> Reader::number() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto part = byte();
    if (!part) return std::nullopt;
    const std::uint64_t bits = *part & 0x7Fu;
    if (shift == 63 && bits > 1) return std::nullopt;  // beyond 64 bits
    value |= bits << shift;
    if ((*part & 0x80u) == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Reader::fixed(unsigned size) noexcept {
  if (rest_.size() < size) return std::nullopt;
  const std::uint64_t value = fixed_at(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return value;
}

std::optional<std::string_view> Reader::text() noexcept {
  const auto size = number();
  if (!size || *size > rest_.size()) return std::nullopt;
  const std::string_view value = rest_.substr(0, static_cast<std::size_t>(*size));
  rest_.remove_prefix(value.size());
  return value;
}

std::optional<std::size_t> Reader::count() noexcept {
  const auto size = number();
  if (!size || *size > rest_.size()) return std::nullopt;
  return static_cast<std::size_t>(*size);
}

}  // namespace watchbell::cache
