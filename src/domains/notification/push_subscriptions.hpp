#pragma once

#include "domains/notification/channel_settings.hpp"

namespace watchbell::notification {

namespace channels {
struct WebPushUser;
}

/// The browsers that users have subscribed to pushes, and the key they subscribe with. Loop-only.
class PushSubscriptions {
 public:
  PushSubscriptions(sql::Database& database, Changes& changes, const ChannelSettings& channels) : database_(database), changes_(changes), channels_(channels) {}

  /// Writes down who does something, as part of the change that does it.
  using Note = std::function<void(Change&)>;
  /// The server's public key; makes the pair when there is none yet, which is when somebody is noted.
  awaitable<Result<PushKey>> key(Note note = {});
  /// Adds a browser, or replaces what is known of it, and switches the channel on for the user. The oldest goes when there are too many.
  /// One that takes the place of another is added only where that other one is: a browser may renew its own while somebody else is signed in.
  /// ErrorCode::bad_request for keys that no browser has, ErrorCode::not_found for another one that is not the user's.
  awaitable<Result<void>> add(UserId user, AddPushSubscription input);
  /// Whether there was such a browser.
  awaitable<Result<Success>> remove(UserId user, RemovePushSubscription input);

 private:
  const channels::Channel& channel() const;
  channels::WebPushUser read(sql::Session& session, const UserId& user) const;

  sql::Database& database_;
  Changes& changes_;
  const ChannelSettings& channels_;
};

}  // namespace watchbell::notification
