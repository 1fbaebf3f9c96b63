#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bounded.hpp"
#include "base/id.hpp"
#include "base/timestamp.hpp"

namespace watchbell::auth {

using SessionId = Id<struct SessionTag>;
using AuditId = Id<struct AuditTag>;

inline constexpr std::string_view kAdminRole = "admin";
inline constexpr std::string_view kUsersRole = "users";
inline constexpr std::string_view kAnonymousRole = "anonymous";
inline constexpr std::string_view kApplicationsRole = "applications";

/// The settings record, in area "auth", of whether people may make themselves an account.
inline constexpr std::string_view kRegistrationRecord = "platform.registration";

/// A user as other domains need him.
struct UserSummary {
  UserId id;
  std::string email;
  std::string name;
};

struct User {
  UserId id;
  std::string name;
  std::string email;
  bool email_verified = false;
  Timestamp created_at;
  Timestamp updated_at;
};

struct Session {
  SessionId id;
  UserId user_id;
  Timestamp expires_at;
  bool remember = true;
  std::string ip_address;
  std::string user_agent;
  Timestamp created_at;
  Timestamp updated_at;
};

/// A named set of rules.
struct Role {
  std::string id;
  std::string name;
  std::string description;
  bool is_system = false;                       ///< seeded; never deleted
  std::optional<ApplicationId> application_id;  ///< made for this API key alone: nobody else gets it, and it goes with the key
};

/// An API key. It opens nothing from `expires_at` on, nor once it is revoked.
struct Application {
  ApplicationId id;
  std::string name;
  std::string description = {};
  std::optional<UserId> created_by = {};  ///< nobody once that user is gone, and for keys of the console
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> revoked_at;
  std::optional<Timestamp> last_used_at;
  Timestamp created_at;
  /// Both or neither: a limit of its own in place of the one for every principal.
  std::optional<std::int64_t> rate_per_second = {};
  std::optional<std::int64_t> rate_burst = {};
};

/// A secret of an application, as it is kept; of two the older one has an end.
struct Secret {
  std::string hash;
  std::optional<Timestamp> expires_at;
};

/// Who asks for a change, and from where: for the audit log, and for what he may hand on. The console when there is no user.
struct Actor {
  std::optional<UserId> user;
  std::string address;
  /// As the audit log names him.
  std::string text() const { return user ? "user:" + user->to_string() : "console"; }
};

/// Who did what to whom, for the audit log. `actor` and `target` are "user:<id>", "application:<id>", "role:<id>" or "console".
struct AuditEntry {
  std::string actor;
  std::string action;
  std::string target;
  std::string address;
  std::string outcome = "ok";  ///< or "refused"
};

/// A row of the audit log.
struct AuditRow {
  AuditId id;
  Timestamp at;
  AuditEntry entry;
};

/// Which rows of the audit log are asked for; what is absent does not matter.
struct AuditFilter {
  std::optional<std::string> actor = {};
  std::optional<std::string> action = {};
  std::optional<std::string> target = {};
  std::optional<std::string> outcome = {};
  std::optional<Timestamp> from = {};  ///< not before
  std::optional<Timestamp> to = {};    ///< before
};

}  // namespace watchbell::auth
