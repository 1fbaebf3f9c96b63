#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "domains/auth/types.hpp"
#include "platform/sql/session.hpp"
#include "runtime/access/rules.hpp"

/// The rows of auth, as plain functions over a session.
namespace watchbell::auth::store {

bool has_users(sql::Session& session);
void insert_user(sql::Session& session, const User& user);
std::optional<User> find_user(sql::Session& session, const UserId& user);
std::optional<User> find_user_by_email(sql::Session& session, const std::string& email);
std::vector<UserId> existing_users(sql::Session& session, std::span<const UserId> users);

void insert_credential(sql::Session& session, const UserId& user, const std::string& password_hash, Timestamp now);
std::optional<std::string> find_password(sql::Session& session, const UserId& user);
void set_password(sql::Session& session, const UserId& user, const std::string& password_hash, Timestamp now);

void insert_session(sql::Session& session, const Session& row, const std::string& token_hash);
std::optional<Session> find_session(sql::Session& session, const std::string& token_hash);
void extend_session(sql::Session& session, const SessionId& id, Timestamp expires_at, Timestamp now);
/// The rows removed: 0 or 1.
std::int64_t delete_session(sql::Session& session, const std::string& token_hash);
std::int64_t delete_expired_sessions(sql::Session& session, Timestamp now, std::int64_t limit);

void seed_roles(sql::Session& session);
void grant_role(sql::Session& session, const UserId& user, std::string_view role);
/// Makes the stored rules those declared, gives default and public ones to their roles once. Whether anything changed.
bool sync_rules(sql::Session& session, const std::vector<access::Rule>& rules);
/// The rules of a user's roles; `*` for an administrator. Sorted.
std::vector<std::string> rules_of_user(sql::Session& session, const UserId& user);
std::vector<std::string> rules_of_application(sql::Session& session, const ApplicationId& application);
std::vector<std::string> rules_of_role(sql::Session& session, std::string_view role);
/// Those of `rules` that are not declared.
std::vector<std::string> unknown_rules(sql::Session& session, const std::vector<std::string>& rules);
void insert_role(sql::Session& session, const std::string& id, const std::string& name, const std::string& description, const std::vector<std::string>& rules);

/// All rules declared, sorted.
std::vector<std::string> all_rules(sql::Session& session);

void insert_application(sql::Session& session, const Application& application, const std::vector<std::string>& roles);
std::optional<Application> find_application(sql::Session& session, const ApplicationId& id);
/// By age, then id.
std::vector<Application> all_applications(sql::Session& session);
/// The rules of every application, as rules_of_application() gives them; sorted.
std::vector<std::pair<ApplicationId, std::string>> rules_of_applications(sql::Session& session);
void touch_application(sql::Session& session, const ApplicationId& id, Timestamp now);
/// Notes when, and takes all secrets away. Nothing when it was revoked before.
void revoke_application(sql::Session& session, const ApplicationId& id, Timestamp now);
void insert_secret(sql::Session& session, const ApplicationId& id, const std::string& hash, Timestamp now);
/// Gives the live secret its end; one that has an end already, and any at all when `until` is not after `now`, goes at once.
void retire_secrets(sql::Session& session, const ApplicationId& id, Timestamp until, Timestamp now);
std::vector<Secret> secrets_of(sql::Session& session, const ApplicationId& id);

void audit(sql::Session& session, const AuditEntry& entry, Timestamp now);

}  // namespace watchbell::auth::store
