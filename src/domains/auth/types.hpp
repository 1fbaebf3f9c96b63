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

inline constexpr std::string_view kAdminRole = "admin";
inline constexpr std::string_view kUsersRole = "users";
inline constexpr std::string_view kAnonymousRole = "anonymous";
inline constexpr std::string_view kApplicationsRole = "applications";

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

/// An API key. It opens nothing from `expires_at` on, nor once it is revoked.
struct Application {
  ApplicationId id;
  std::string name;
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> revoked_at;
  std::optional<Timestamp> last_used_at;
  Timestamp created_at;
};

/// A secret of an application, as it is kept; of two the older one has an end.
struct Secret {
  std::string hash;
  std::optional<Timestamp> expires_at;
};

/// Who did what to whom, for the audit log. `actor` and `target` are "user:<id>", "application:<id>", "role:<id>" or "console".
struct AuditEntry {
  std::string actor;
  std::string action;
  std::string target;
  std::string address;
  std::string outcome = "ok";
};

}  // namespace watchbell::auth
