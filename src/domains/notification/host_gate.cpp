#include "domains/notification/host_gate.hpp"

#include "async/loop.hpp"

namespace watchbell::notification {

HostGate::~HostGate() { WATCHBELL_ASSERT(hosts_.empty()); }

awaitable<HostGate::Pass> HostGate::enter(std::string host) {
  WATCHBELL_ASSERT_ON_LOOP();
  Host& at = hosts_.try_emplace(host, executor_).first->second;
  // leave() hands its place over: whoever is resumed here is inside already. While somebody waits the host is full, so its node stays.
  if (at.inside == limit_) co_await at.free.wait();
  else ++at.inside;
  co_return Pass(*this, std::move(host));
}

std::optional<HostGate::Pass> HostGate::try_enter(std::string host) {
  WATCHBELL_ASSERT_ON_LOOP();
  Host& at = hosts_.try_emplace(host, executor_).first->second;
  if (at.inside == limit_) return std::nullopt;
  ++at.inside;
  return Pass(*this, std::move(host));
}

std::size_t HostGate::room(std::string_view host) const noexcept {
  const auto it = hosts_.find(host);
  return it == hosts_.end() ? limit_ : limit_ - it->second.inside;
}

void HostGate::leave(const std::string& host) noexcept {
  const auto it = hosts_.find(host);
  if (it->second.free.notify_one()) return;
  if (--it->second.inside == 0) hosts_.erase(it);
  if (on_room_) on_room_(host);
}

}  // namespace watchbell::notification
