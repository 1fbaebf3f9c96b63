#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "domains/notification/delivery.hpp"
#include "domains/notification/views.hpp"

namespace watchbell::notification {

/// The names of those of the users there are; from the domain that keeps them, inside the caller's transaction.
using UserNames = std::function<std::map<UserId, std::string>(sql::Session&, std::span<const UserId>)>;

/// What became of deliveries, and a second chance for those that are dead. For administrators: neither what was said nor where it went is told, nor what a
/// server that a user set said. Loop-only.
class DeadLetters {
 public:
  DeadLetters(sql::Database& database, Changes& changes, const channels::Registry& registry, UserNames user_names)
      : database_(database), changes_(changes), registry_(registry), user_names_(std::move(user_names)) {}

  /// Newest first; page and total are of one snapshot.
  awaitable<Result<AttemptPage>> attempts(GetDeliveryAttempts input);
  /// Those that died last first; page and total are of one snapshot.
  awaitable<Result<DeadLetterPage>> list(GetDeadLetters input);
  /// Writes down who does something, as part of the change that does it.
  using Note = std::function<void(Change&)>;
  /// Begins a dead delivery anew: the same one, so that its receiver sees the same key, with all its tries before it. ErrorCode::not_found;
  /// ErrorCode::conflict for one that is not dead; ErrorCode::unavailable when too much waits.
  awaitable<Result<void>> replay(DeliveryId id, Note note = {});

 private:
  std::optional<std::string> for_administrators(std::string_view strategy_id, std::optional<std::string> reason) const;

  sql::Database& database_;
  Changes& changes_;
  const channels::Registry& registry_;
  UserNames user_names_;
};

}  // namespace watchbell::notification
