#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domains/notification/channel_settings.hpp"
#include "platform/crypto/keyring.hpp"
#include "runtime/rpc/front.hpp"

namespace watchbell::notification {

/// Links that switch one channel off for one user, without signing in: whoever holds such a link may do that and nothing else. It is a MAC over user, channel
/// and expiry under a key of its own, so nothing is stored and nothing can be guessed; another master key ends all of them. Loop-only, but for url() and
/// read(), which are Thread-safe.
class LeaveLinks {
 public:
  static constexpr std::chrono::hours kLifetime{24 * 60};
  static constexpr std::string_view kPath = "/notification/leave";

  /// What a link is about.
  struct Subject {
    UserId user;
    std::string strategy_id;
    bool operator==(const Subject&) const = default;
  };

  /// @param base_url  no trailing slash
  LeaveLinks(const crypto::Keyring& keyring, const Clock& clock, ChannelSettings& channels, ExistingUsers existing_users, std::string base_url);

  std::string url(const UserId& user, std::string_view strategy_id) const;
  /// Of a link's token; nothing when it was not made here, or is over.
  std::optional<Subject> read(std::string_view token) const;

  /// GET shows what the link does, with a button, and changes nothing, as programs look into links in mails; POST does it (RFC 8058). What is no link is
  /// a try at a secret, and counts as a failed sign-in does; good ones come by the hundred from the few addresses of a mail provider.
  void mount(rpc::Front& front);
  /// Does what a good link says; whether there still is somebody to do it for. ErrorCode::not_found for a channel that is gone.
  awaitable<Result<bool>> follow(Subject subject) const;

 private:
  awaitable<void> show(rpc::RouteRequest request, http::Response& response) const;
  awaitable<void> leave(rpc::Front& front, rpc::RouteRequest request, http::Response& response) const;
  std::string mac(std::string_view said) const;

  std::string key_;
  const Clock& clock_;
  ChannelSettings& channels_;
  ExistingUsers existing_users_;
  std::string base_url_;
};

}  // namespace watchbell::notification
