#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "async/event.hpp"

namespace watchbell::notification {

/// Lets so many tasks at a time through to a host; the others come again when there is room, or wait, first come first served. Keeps nothing about hosts
/// nobody is at. Loop-only. The destructor REQUIRES that nobody waits or holds a pass.
class HostGate {
 public:
  HostGate(Executor executor, std::size_t limit) : executor_(executor), limit_(limit) {}
  ~HostGate();

  class [[nodiscard]] Pass {
   public:
    Pass(HostGate& gate, std::string host) : gate_(&gate), host_(std::move(host)) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), host_(std::move(other.host_)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->leave(host_);
    }

   private:
    HostGate* gate_;
    std::string host_;
  };

  /// A pass, or nothing while the host is full.
  std::optional<Pass> try_enter(std::string host);
  /// How many more a host takes now.
  std::size_t room(std::string_view host) const noexcept;
  /// Called whenever a full or busy host has room for one more.
  void on_room(std::function<void(std::string_view host)> told) { on_room_ = std::move(told); }
  /// Waits for a pass. Cancellation throws, and leaves no trace.
  awaitable<Pass> enter(std::string host);
  std::size_t hosts() const noexcept { return hosts_.size(); }

 private:
  struct Host {
    explicit Host(Executor executor) : free(executor) {}
    std::size_t inside = 0;
    async::Event free;
  };
  void leave(const std::string& host) noexcept;

  Executor executor_;
  std::size_t limit_;
  std::map<std::string, Host, std::less<>> hosts_;
  std::function<void(std::string_view)> on_room_;
};

}  // namespace watchbell::notification
