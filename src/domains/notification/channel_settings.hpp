#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domains/notification/channels/channel.hpp"
#include "domains/notification/views.hpp"
#include "runtime/change/change.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::notification {

/// What administrators and users set of channels: whether they are on, and with which settings. Settings are records of the settings store
/// (`strategy.<id>.meta`, `strategy.<id>.config`, `user-pref.<user>.<id>`), so that their secrets are sealed; whether a user wants a channel and has
/// set it up is a row of ours, so that a send finds all its recipients' wishes by one statement. Loop-only, but for the functions that take a session.
class ChannelSettings {
 public:
  ChannelSettings(sql::Database& database, Changes& changes, const settings::Store& settings, const channels::Registry& registry)
      : database_(database), changes_(changes), settings_(settings), registry_(registry) {}

  const channels::Registry& registry() const noexcept { return registry_; }
  /// What a record of ours is; null for those of channels that are gone.
  const settings::RecordType* type_of(std::string_view record) const;

  // Administrators.
  awaitable<Result<std::vector<StrategyView>>> strategies();
  /// All or nothing. ErrorCode::not_found for an unknown strategy, ErrorCode::bad_request with issues below `config`.
  awaitable<Result<void>> update_strategy(UpdateStrategy input);

  // Users.
  /// The channels that are on, as the user has set them.
  awaitable<Result<std::vector<ChannelView>>> user_channels(UserId user);
  /// ErrorCode::not_found for an unknown strategy, ErrorCode::bad_request with issues below `userConfig`.
  awaitable<Result<void>> set_preference(UserId user, SetPreference input);

  // For sends and deliveries.
  /// Channels a send goes out over: switched on and with settings that can be used. One that cannot be read is logged and does not stop the others.
  std::vector<const channels::Channel*> usable(sql::Session& session) const;
  bool enabled(sql::Session& session, const channels::Channel& channel) const;
  /// In the clear. Absent settings count as empty ones; nothing when those are not valid. Throws settings::Unreadable.
  std::optional<std::string> admin_config(sql::Session& session, const channels::Channel& channel) const;
  /// In the clear; nothing unless they name a contact. Throws settings::Unreadable.
  std::optional<std::string> user_config(sql::Session& session, const channels::Channel& channel, const UserId& user) const;

 private:
  Result<void> update(Change& change, const channels::Channel& channel, const UpdateStrategy& input) const;
  Result<void> update(Change& change, const channels::Channel& channel, const UserId& user, const SetPreference& input) const;

  sql::Database& database_;
  Changes& changes_;
  const settings::Store& settings_;
  const channels::Registry& registry_;
};

}  // namespace watchbell::notification
