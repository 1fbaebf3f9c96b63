#pragma once

#include "base/bounded.hpp"
#include "base/id.hpp"
#include "runtime/events/bus.hpp"

/// What auth tells other domains.
namespace watchbell::auth {

/// A user is gone. Work groups remove what belonged to him.
struct UserDeleted {
  UserId user_id;
};
BOOST_DESCRIBE_STRUCT(UserDeleted, (), (user_id))
inline constexpr events::Definition<UserDeleted> kUserDeleted{"auth.user.deleted"};

/// A user gave himself another mail address.
struct EmailChanged {
  UserId user_id;
  Uuid change;  ///< the same whenever this is told again
  Email old_email;
  Email new_email;
};
BOOST_DESCRIBE_STRUCT(EmailChanged, (), (user_id, change, old_email, new_email))
inline constexpr events::Definition<EmailChanged> kEmailChanged{"auth.user.email_changed"};

/// Somebody asked for a new password for an account that there is. The token opens it until `expires_at`: it goes to the user alone.
struct PasswordResetRequested {
  UserId user_id;
  Uuid request;  ///< the same whenever this is told again
  Timestamp expires_at;
  watchbell::Secret<Text<1, 128>> token;
};
BOOST_DESCRIBE_STRUCT(PasswordResetRequested, (), (user_id, request, expires_at, token))
inline constexpr events::Definition<PasswordResetRequested> kPasswordResetRequested{"auth.password_reset_requested"};

/// A user has another password; all sessions but the one that changed it have ended.
struct PasswordChanged {
  UserId user_id;
  Uuid change;  ///< the same whenever this is told again
};
BOOST_DESCRIBE_STRUCT(PasswordChanged, (), (user_id, change))
inline constexpr events::Definition<PasswordChanged> kPasswordChanged{"auth.password_changed"};

}  // namespace watchbell::auth
