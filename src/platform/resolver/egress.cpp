#include "platform/resolver/egress.hpp"

#include <algorithm>
#include <initializer_list>

#include "base/assert.hpp"

namespace watchbell::net {
namespace {

std::vector<Cidr> blocks(std::initializer_list<std::string_view> texts) {
  std::vector<Cidr> list;
  for (const auto text : texts) {
    const auto block = Cidr::parse(text);
    WATCHBELL_ASSERT(block.has_value());
    list.push_back(*block);
  }
  return list;
}

const std::vector<Cidr>& guarded_for_all() {
  static const std::vector<Cidr> list = blocks({
      "0.0.0.0/8",           // Linux connects 0.0.0.0 to this machine
      "169.254.0.0/16",      // link-local, most metadata services
      "100.100.100.200/32",  // Alibaba metadata, inside the shared range
      "168.63.129.16/32",    // Azure's platform address
      "192.0.0.192/32",      // Oracle's older metadata address
      "224.0.0.0/4",         // multicast
      "240.0.0.0/4",         // reserved and 255.255.255.255
      "::/128",              // as 0.0.0.0
      "fe80::/10",           // link-local
      "fd00:ec2::/32",       // Amazon metadata and its neighbours
      "fd20:ce::254/128",    // Google metadata
      "fd00:42::42/128",     // Scaleway metadata
      "ff00::/8",            // multicast
  });
  return list;
}

const std::vector<Cidr>& guarded_for_channels() {
  static const std::vector<Cidr> list = blocks({"127.0.0.0/8", "::1/128", "fc00::/7", "fec0::/10"});
  return list;
}

bool any_contains(const std::vector<Cidr>& list, const Address& address) {
  return std::ranges::any_of(list, [&](const Cidr& block) { return block.contains(address); });
}

}  // namespace

Egress::Egress(std::vector<Cidr> allow) : allow_(std::move(allow)) {}

bool Egress::permits_itself(EgressPolicy policy, const Address& address) const {
  if (any_contains(allow_, address)) return true;
  if (any_contains(guarded_for_all(), address)) return false;
  return policy == EgressPolicy::probe || !any_contains(guarded_for_channels(), address);
}

bool Egress::permits(EgressPolicy policy, const Address& address) const {
  if (!permits_itself(policy, address)) return false;
  return std::ranges::all_of(address.embedded_v4(), [&](const Address& inner) { return permits_itself(policy, inner); });
}

}  // namespace watchbell::net
