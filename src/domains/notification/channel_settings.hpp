#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domains/notification/channels/channel.hpp"
#include "domains/notification/views.hpp"
#include "runtime/change/change.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::notification {

/// Which of these users there are; from the domain that keeps them, inside the caller's transaction.
using ExistingUsers = std::function<std::vector<UserId>(sql::Session&, std::span<const UserId>)>;

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
  /// Writes down who does something, as part of the change that does it.
  using Note = std::function<void(Change&)>;
  /// All or nothing. ErrorCode::not_found for an unknown strategy, ErrorCode::bad_request with issues below `config`.
  awaitable<Result<void>> update_strategy(UpdateStrategy input, Note note = {});

  // Users.
  /// The channels that are on, as the user has set them.
  awaitable<Result<std::vector<ChannelView>>> user_channels(UserId user);
  /// ErrorCode::not_found for an unknown strategy, ErrorCode::bad_request with issues below `userConfig`.
  awaitable<Result<void>> set_preference(UserId user, SetPreference input);
  /// Switches a channel off for a user and leaves what he set of it. Whether there is such a user: of others no row is made.
  /// ErrorCode::not_found for an unknown strategy.
  awaitable<Result<bool>> switch_off(UserId user, std::string strategy_id, ExistingUsers existing_users);
  /// Forgets what the user set of a channel, secrets too and for good; whether he wants it stays. Nothing happens when he had set nothing.
  /// ErrorCode::not_found for an unknown strategy.
  awaitable<Result<void>> unlink(UserId user, std::string strategy_id);

  // For sends and deliveries.
  /// Channels a send goes out over: switched on and with settings that can be used. One that cannot be read is logged and does not stop the others.
  std::vector<const channels::Channel*> usable(sql::Session& session) const;
  bool enabled(sql::Session& session, const channels::Channel& channel) const;
  /// In the clear. Absent settings count as empty ones; nothing when those are not valid. Throws settings::Unreadable.
  std::optional<std::string> admin_config(sql::Session& session, const channels::Channel& channel) const;
  /// In the clear; nothing unless they name a contact, or the channel goes by the account. Throws settings::Unreadable.
  std::optional<std::string> user_config(sql::Session& session, const channels::Channel& channel, const UserId& user) const;

  // For what the server itself sets, inside a change. In the clear.
  /// Absent keeps what is stored.
  Result<void> write_admin_config(Change& change, const channels::Channel& channel, std::string_view json) const;
  /// Replaces what is stored.
  /// @param enabled  the user's switch; nothing leaves it as it is
  Result<void> write_user_config(Change& change, const channels::Channel& channel, const UserId& user, std::string_view json, std::optional<bool> enabled) const;
  /// The same when nothing of what is stored may outlast it, secrets neither.
  Result<void> replace_user_config(Change& change, const channels::Channel& channel, const UserId& user, std::string_view json, std::optional<bool> enabled) const;
  /// What the user set is gone, secrets too; whether he wants the channel stays. Whether he had set it up.
  bool forget(Change& change, const channels::Channel& channel, const UserId& user) const;
  /// Forgets targets of a user that are no more. Nothing happens to an unknown channel.
  Result<void> forget_targets(Change& change, std::string_view strategy_id, const UserId& user, const std::vector<std::string>& targets) const;

 private:
  Result<void> update(Change& change, const channels::Channel& channel, const UpdateStrategy& input) const;
  Result<void> update(Change& change, const channels::Channel& channel, const UserId& user, const SetPreference& input) const;
  /// Forgets what users gave for where the channel sent before, and has them told.
  Result<void> forget_all(Change& change, const channels::Channel& channel) const;

  sql::Database& database_;
  Changes& changes_;
  const settings::Store& settings_;
  const channels::Registry& registry_;
};

}  // namespace watchbell::notification
