#include "entry.hpp"

#include <boost/crc.hpp>

#include <cstdint>

namespace watchbell::cache::redis::detail {
namespace {

void append_number(std::string& bytes, std::uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t number_at(std::string_view bytes, std::size_t offset, unsigned size) noexcept {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
  return value;
}

std::uint32_t checksum(std::string_view bytes) noexcept {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

}  // namespace

std::string encode_entry(std::string_view path, std::string_view tokens, std::string_view value) {
  std::string body;
  body.reserve(4 + path.size() + 2 + tokens.size() + value.size());
  append_number(body, path.size(), 4);
  body.append(path);
  append_number(body, tokens.size() / kTokenBytes, 2);
  body.append(tokens);
  body.append(value);
  std::string bytes(1, kEntryFormat);
  bytes.reserve(5 + body.size());
  append_number(bytes, checksum(body), 4);
  bytes.append(body);
  return bytes;
}

std::optional<std::string_view> decode_entry(std::string_view bytes, std::string_view path, std::size_t families,
                                             std::size_t max_value_bytes) noexcept {
  const std::size_t overhead = entry_overhead(path, families);
  if (bytes.size() < overhead || bytes.size() - overhead > max_value_bytes || bytes[0] != kEntryFormat)
    return std::nullopt;
  if (number_at(bytes, 5, 4) != path.size() || bytes.substr(kPathOffset, path.size()) != path) return std::nullopt;
  if (number_at(bytes, kPathOffset + path.size(), 2) != families) return std::nullopt;
  if (number_at(bytes, 1, 4) != checksum(bytes.substr(5))) return std::nullopt;
  return bytes.substr(overhead);
}

}  // namespace watchbell::cache::redis::detail
