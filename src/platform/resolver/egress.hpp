#pragma once

#include <vector>

#include "platform/resolver/address.hpp"

namespace watchbell::net {

/// Who asks for an outgoing connection; decides which addresses are guarded.
enum class EgressPolicy {
  channel,  ///< a URL some user gave for his own notices: neither this machine nor its link; private IPv4 networks are where self-hosted receivers live
  probe,    ///< a target an administrator has checked: loopback and private addresses too
};

/// The rule which addresses may be connected to. Immutable, Thread-safe.
///
/// Never, whoever asks: link-local, the metadata services of clouds (also those outside link-local), "this network" (0.0.0.0/8 and ::), multicast,
/// reserved and broadcast. For a channel neither loopback nor IPv6 unique-local and site-local. An IPv6 address that carries an
/// IPv4 one (mapped, NAT64, 6to4, Teredo, ISATAP) must pass for that one as well.
class Egress {
 public:
  /// @param allow  blocks that may be reached although they are guarded (WATCHBELL_EGRESS_ALLOW), for every policy
  explicit Egress(std::vector<Cidr> allow);
  bool permits(EgressPolicy policy, const Address& address) const;

 private:
  bool permits_itself(EgressPolicy policy, const Address& address) const;
  std::vector<Cidr> allow_;
};

}  // namespace watchbell::net
