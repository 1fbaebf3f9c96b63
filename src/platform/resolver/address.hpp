#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

struct sockaddr;

namespace watchbell::net {

/// An IPv4 or IPv6 address without port and without zone. Immutable value; IPv4 sorts before IPv6.
class Address {
 public:
  /// 0.0.0.0
  constexpr Address() = default;
  static constexpr Address v4(const std::array<std::uint8_t, 4>& bytes) noexcept {
    Address address;
    for (std::size_t i = 0; i < bytes.size(); ++i) address.bytes_[i] = bytes[i];
    return address;
  }
  static constexpr Address v6(const std::array<std::uint8_t, 16>& bytes) noexcept {
    Address address;
    address.is_v6_ = true;
    address.bytes_ = bytes;
    return address;
  }

  /// Reads four decimal numbers with dots, or an IPv6 address without brackets. Nothing for any other text: no zones ("fe80::1%eth0"), no
  /// shortened or octal IPv4 ("127.1", "0177.0.0.1").
  static std::optional<Address> parse(std::string_view text) noexcept;
  /// The address of an AF_INET or AF_INET6 socket address, nothing for other families. REQUIRES that `address` is of its family's size.
  static std::optional<Address> from_sockaddr(const ::sockaddr& address) noexcept;

  constexpr bool is_v4() const noexcept { return !is_v6_; }
  constexpr bool is_v6() const noexcept { return is_v6_; }
  /// 4 or 16 bytes in network order.
  constexpr std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), is_v6_ ? 16u : 4u}; }
  /// The IPv4 address inside ::ffff:a.b.c.d, else the address itself.
  Address unmapped() const noexcept;
  /// The IPv4 addresses an IPv6 address may lead to besides itself: of ::ffff:0:0/96, ::/96 (the obsolete IPv4-compatible form, :: and ::1 apart),
  /// NAT64 64:ff9b::/96 and 64:ff9b:1::/48, 6to4 2002::/16, Teredo 2001::/32 (server and client), ISATAP. Empty for IPv4.
  std::vector<Address> embedded_v4() const;
  /// As people write it: dotted IPv4, compressed IPv6 in lower case (RFC 5952).
  std::string to_string() const;

  constexpr auto operator<=>(const Address&) const noexcept = default;

 private:
  bool is_v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

/// A block of addresses, for example 10.0.0.0/8. Immutable value.
class Cidr {
 public:
  /// 0.0.0.0/0
  constexpr Cidr() = default;
  /// Reads ADDRESS/LENGTH, or a bare address (a block of one). Bits behind the length are dropped (127.0.0.1/8 is 127.0.0.0/8); a block of
  /// IPv4-mapped addresses becomes the IPv4 block.
  static std::optional<Cidr> parse(std::string_view text) noexcept;
  /// Reads a list parted by commas or blanks; at most 256 blocks. bad_request names the first part that is no block.
  static Result<std::vector<Cidr>> parse_list(std::string_view text);

  /// Judges an IPv4-mapped address by the address inside.
  bool contains(const Address& address) const noexcept;
  const Address& network() const noexcept { return network_; }
  unsigned prefix() const noexcept { return prefix_; }
  std::string to_string() const;

  auto operator<=>(const Cidr&) const noexcept = default;

 private:
  Cidr(const Address& network, unsigned prefix) noexcept;
  Address network_;
  unsigned prefix_ = 0;
};

}  // namespace watchbell::net
