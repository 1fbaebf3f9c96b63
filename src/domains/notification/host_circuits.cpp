#include "domains/notification/host_circuits.hpp"

#include <algorithm>

namespace watchbell::notification {

std::expected<HostCircuits::Leave, std::chrono::milliseconds> HostCircuits::ask(std::string host, Monotonic now) {
  const auto it = hosts_.find(host);
  if (it == hosts_.end() || it->second.failures < kOpensAfter) return Leave(*this, std::move(host), false);
  if (now < it->second.until) return std::unexpected(std::chrono::ceil<std::chrono::milliseconds>(it->second.until - now));
  if (it->second.probed) return std::unexpected(kFirstWait);
  it->second.probed = true;
  return Leave(*this, std::move(host), true);
}

void HostCircuits::answered(std::string_view host) {
  if (const auto it = hosts_.find(host); it != hosts_.end()) hosts_.erase(it);
}

void HostCircuits::failed(std::string host, bool probes, Monotonic now) {
  // A bound, not a policy: so many hosts are never down at once but by somebody's will, and a host that is forgotten is asked again.
  if (hosts_.size() >= kMostHosts && !hosts_.contains(host)) hosts_.erase(hosts_.begin());
  auto& at = hosts_[std::move(host)];
  if (probes) at.probed = false;
  // Tries that were on their way when it was found down say nothing new.
  if (!probes && ++at.failures != kOpensAfter) return;
  at.wait = at.wait.count() == 0 ? kFirstWait : std::min(at.wait * 2, kLongestWait);
  at.until = now + at.wait;
}

void HostCircuits::given_back(std::string_view host, bool probes) noexcept {
  if (const auto it = hosts_.find(host); probes && it != hosts_.end()) it->second.probed = false;
}

}  // namespace watchbell::notification
