#include "platform/resolver/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace watchbell::net {
namespace {

constexpr std::size_t kMaxBlocks = 256;

template <std::size_t N>
bool starts_with(std::span<const std::uint8_t> bytes, const std::array<std::uint8_t, N>& prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

Address v4_at(std::span<const std::uint8_t> bytes, std::size_t at, std::uint8_t flip = 0) {
  std::array<std::uint8_t, 4> four{};
  for (std::size_t i = 0; i < four.size(); ++i) four[i] = static_cast<std::uint8_t>(bytes[at + i] ^ flip);
  return Address::v4(four);
}

/// What inet_pton(3) takes for IPv4: four decimal numbers up to 255 without leading zeros. Read here, as every request's sender is.
std::optional<std::array<std::uint8_t, 4>> four_numbers(std::string_view text) noexcept {
  std::array<std::uint8_t, 4> four{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < four.size(); ++i) {
    if (i > 0 && (at == text.size() || text[at++] != '.')) return std::nullopt;
    const std::size_t begin = at;
    unsigned value = 0;
    for (; at < text.size() && at < begin + 3 && text[at] >= '0' && text[at] <= '9'; ++at) value = value * 10 + static_cast<unsigned>(text[at] - '0');
    if (at == begin || value > 255 || (text[begin] == '0' && at > begin + 1)) return std::nullopt;
    four[i] = static_cast<std::uint8_t>(value);
  }
  if (at != text.size()) return std::nullopt;
  return four;
}

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 12> kCompatible{};
constexpr std::array<std::uint8_t, 12> kNat64{0x00, 0x64, 0xff, 0x9b};
constexpr std::array<std::uint8_t, 6> kLocalNat64{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
constexpr std::array<std::uint8_t, 2> k6to4{0x20, 0x02};
constexpr std::array<std::uint8_t, 4> kTeredo{0x20, 0x01, 0x00, 0x00};

}  // namespace

std::optional<Address> Address::parse(std::string_view text) noexcept {
  if (const auto four = four_numbers(text)) return v4(*four);
  char copy[INET6_ADDRSTRLEN + 1];
  if (text.empty() || text.size() >= sizeof copy || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  std::array<std::uint8_t, 16> sixteen{};
  if (::inet_pton(AF_INET6, copy, sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

std::optional<Address> Address::from_sockaddr(const ::sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    ::sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    std::array<std::uint8_t, 4> four{};
    std::memcpy(four.data(), &in.sin_addr, four.size());
    return v4(four);
  }
  if (address.sa_family == AF_INET6) {
    ::sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    std::array<std::uint8_t, 16> sixteen{};
    std::memcpy(sixteen.data(), &in.sin6_addr, sixteen.size());
    return v6(sixteen);
  }
  return std::nullopt;
}

Address Address::unmapped() const noexcept { return is_v6_ && starts_with(bytes(), kMapped) ? v4_at(bytes(), 12) : *this; }

std::vector<Address> Address::embedded_v4() const {
  std::vector<Address> inner;
  if (is_v4()) return inner;
  const auto all = bytes();
  if (starts_with(all, kMapped) || starts_with(all, kNat64)) inner.push_back(v4_at(all, 12));
  // :: and ::1 are themselves, not 0.0.0.0 and 0.0.0.1.
  if (starts_with(all, kCompatible) && (all[12] != 0 || all[13] != 0 || all[14] != 0 || all[15] > 1)) inner.push_back(v4_at(all, 12));
  if (starts_with(all, kLocalNat64)) {
    // RFC 6052 places the address by the prefix length its operator chose: /48 splits it around byte 8, /64 begins behind it, /96 ends it.
    inner.push_back(v4({all[6], all[7], all[9], all[10]}));
    inner.push_back(v4_at(all, 9));
    inner.push_back(v4_at(all, 12));
  }
  if (starts_with(all, k6to4)) inner.push_back(v4_at(all, 2));
  if (starts_with(all, kTeredo)) {
    inner.push_back(v4_at(all, 4));
    inner.push_back(v4_at(all, 12, 0xff));
  }
  // ISATAP (RFC 5214) stands in the interface part, behind any prefix.
  if ((all[8] & 0xfd) == 0 && all[9] == 0 && all[10] == 0x5e && all[11] == 0xfe) inner.push_back(v4_at(all, 12));
  return inner;
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(is_v6_ ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof text);
  return text;
}

Cidr::Cidr(const Address& network, unsigned prefix) noexcept : prefix_(prefix) {
  std::array<std::uint8_t, 16> masked{};
  const auto bytes = network.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned kept = prefix > 8 * i ? std::min<unsigned>(8, prefix - static_cast<unsigned>(8 * i)) : 0;
    masked[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00u >> kept));
  }
  network_ = network.is_v6() ? Address::v6(masked) : Address::v4({masked[0], masked[1], masked[2], masked[3]});
}

std::optional<Cidr> Cidr::parse(std::string_view text) noexcept {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned bits = address->is_v6() ? 128 : 32;
  unsigned prefix = bits;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || prefix > bits) return std::nullopt;
  }
  if (const Address inner = address->unmapped(); inner != *address && prefix >= 96) return Cidr(inner, prefix - 96);
  return Cidr(*address, prefix);
}

Result<std::vector<Cidr>> Cidr::parse_list(std::string_view text) {
  std::vector<Cidr> blocks;
  while (true) {
    const auto begin = text.find_first_not_of(", \t");
    if (begin == std::string_view::npos) return blocks;
    text.remove_prefix(begin);
    const auto part = text.substr(0, text.find_first_of(", \t"));
    const auto block = parse(part);
    if (!block) return fail(ErrorCode::bad_request, "'{}' is not a block of addresses such as 10.0.0.0/8 or fd00::/8", part);
    if (blocks.size() == kMaxBlocks) return fail(ErrorCode::bad_request, "more than {} blocks of addresses", kMaxBlocks);
    blocks.push_back(*block);
    text.remove_prefix(part.size());
  }
}

bool Cidr::contains(const Address& address) const noexcept {
  const Address judged = address.unmapped();
  if (judged.is_v6() != network_.is_v6()) return false;
  return Cidr(judged, prefix_).network_ == network_;
}

std::string Cidr::to_string() const { return fmt::format("{}/{}", network_.to_string(), prefix_); }

}  // namespace watchbell::net
