#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"

namespace watchbell::notification {

/// Which hosts are left alone for the moment. A host that nobody could reach kOpensAfter times in a row is taken to be down: for a second nobody asks it, then one
/// finds out whether it is back, and each time it is not the wait is twice as long, up to a minute. So a host that hangs holds few places of deliveries whose
/// receivers answer, and costs its own deliveries no tries. A host that answers, whatever it says, is not down. Knows only hosts that fail, at most kMostHosts of them. Loop-only.
class HostCircuits {
 public:
  static constexpr int kOpensAfter = 10;
  static constexpr std::chrono::milliseconds kFirstWait{1'000};
  static constexpr std::chrono::milliseconds kLongestWait{60'000};
  static constexpr std::size_t kMostHosts = 10'000;

  /// Leave to ask a host; its holder says what came of it. One that ends without a word, as a cancelled try does, changes nothing.
  class [[nodiscard]] Leave {
   public:
    Leave(HostCircuits& circuits, std::string host, bool probes) : circuits_(&circuits), host_(std::move(host)), probes_(probes) {}
    Leave(Leave&& other) noexcept : circuits_(std::exchange(other.circuits_, nullptr)), host_(std::move(other.host_)), probes_(other.probes_) {}
    Leave& operator=(Leave&&) = delete;
    ~Leave() {
      if (circuits_ != nullptr) circuits_->given_back(host_, probes_);
    }
    /// The host answered.
    void answered() { std::exchange(circuits_, nullptr)->answered(host_); }
    /// Nobody could be reached there.
    void failed(Monotonic now) { std::exchange(circuits_, nullptr)->failed(std::move(host_), probes_, now); }

   private:
    HostCircuits* circuits_;
    std::string host_;
    bool probes_;
  };

  /// Or, while the host is left alone, how long that lasts at least.
  std::expected<Leave, std::chrono::milliseconds> ask(std::string host, Monotonic now);
  /// Hosts that failed lately.
  std::size_t hosts() const noexcept { return hosts_.size(); }

 private:
  struct Host {
    int failures = 0;  ///< in a row
    bool probed = false;
    std::chrono::milliseconds wait{0};  ///< the last one; 0: not left alone yet
    Monotonic until{};
  };
  void answered(std::string_view host);
  void failed(std::string host, bool probes, Monotonic now);
  void given_back(std::string_view host, bool probes) noexcept;

  std::map<std::string, Host, std::less<>> hosts_;
};

}  // namespace watchbell::notification
