#pragma once

#include <map>
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
/// By id.
std::vector<UserSummary> find_summaries(sql::Session& session, std::span<const UserId> users);
std::vector<UserId> existing_users(sql::Session& session, std::span<const UserId> users);
/// Those of the users who hold the rule; what every visitor holds, everybody does. By id; two statements.
std::vector<UserId> users_holding(sql::Session& session, std::span<const UserId> users, std::string_view rule);

/// By address, then id.
std::vector<User> users_page(sql::Session& session, std::int64_t limit, std::int64_t offset);
std::int64_t count_users(sql::Session& session);
/// Those whose name or address is like the pattern (rules::containing()); by address, then id.
std::vector<User> search_users(sql::Session& session, const std::string& pattern, std::int64_t limit);
/// Name, address and whether that is verified.
void update_user(sql::Session& session, const User& user);
/// With sessions, accounts and roles; the keys he made stay, made by nobody.
void delete_user(sql::Session& session, const UserId& user);
/// Sorted; a user without roles has no entry.
std::map<UserId, std::vector<std::string>> roles_of_users(sql::Session& session, const std::vector<UserId>& users);
std::vector<std::string> roles_of_user(sql::Session& session, const UserId& user);
/// These and no others. REQUIRES that the roles exist.
void set_roles_of_user(sql::Session& session, const UserId& user, const std::vector<std::string>& roles);
/// How many others hold role `admin`.
std::int64_t administrators_but(sql::Session& session, const UserId& user);
std::vector<UserId> users_with_role(sql::Session& session, std::string_view role);
/// Ends a user's sessions, all or all but one.
void delete_sessions_but(sql::Session& session, const UserId& user, const std::optional<SessionId>& kept);

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
/// Makes the stored rules those declared, gives default and public ones to their roles once. Unless `all` are declared here (a process of another version may
/// declare more), none is removed. Whether anything changed.
bool sync_rules(sql::Session& session, const std::vector<access::Rule>& rules, bool all);
/// The rules of a user's roles; `*` for an administrator. Sorted.
std::vector<std::string> rules_of_user(sql::Session& session, const UserId& user);
std::vector<std::string> rules_of_application(sql::Session& session, const ApplicationId& application);
std::vector<std::string> rules_of_role(sql::Session& session, std::string_view role);
/// Those of `rules` that are not declared.
std::vector<std::string> unknown_rules(sql::Session& session, const std::vector<std::string>& rules);
/// REQUIRES that the rules are declared, and that the application is there when the role is one's own.
void insert_role(sql::Session& session, const Role& role, const std::vector<std::string>& rules);
/// Those seeded first, then by lower-case name, then id.
std::vector<Role> all_roles(sql::Session& session);
std::optional<Role> find_role(sql::Session& session, std::string_view id);
/// Those that exist; by id.
std::vector<Role> find_roles(sql::Session& session, const std::vector<std::string>& ids);
/// Name and description.
void update_role(sql::Session& session, const Role& role);
/// With its rules and whoever held it.
void delete_role(sql::Session& session, std::string_view id);
/// The rules given to each role, sorted; a role without rules has no entry, and `admin` holds more than is written here.
std::map<std::string, std::vector<std::string>> rules_by_role(sql::Session& session);
/// What somebody with these roles may do; `*` for role `admin`. Sorted, distinct.
std::vector<std::string> rules_of_roles(sql::Session& session, const std::vector<std::string>& roles);
/// These and no others. REQUIRES that the rules are declared.
void set_rules_of_role(sql::Session& session, std::string_view role, const std::vector<std::string>& rules);
/// Remembers what an administrator took away from a role that gets rules by default, and forgets what he gave back.
void remember_disabled(sql::Session& session, std::string_view role, const std::vector<std::string>& removed, const std::vector<std::string>& added);

/// All rules declared, sorted.
std::vector<std::string> all_rules(sql::Session& session);
/// The same with their descriptions.
std::vector<std::pair<std::string, std::string>> described_rules(sql::Session& session);

void insert_application(sql::Session& session, const Application& application);
/// These and no others. REQUIRES that the roles exist.
void set_roles_of_application(sql::Session& session, const ApplicationId& application, const std::vector<std::string>& roles);
std::optional<Application> find_application(sql::Session& session, const ApplicationId& id);
/// By age, then id.
std::vector<Application> applications_page(sql::Session& session, std::int64_t limit, std::int64_t offset);
std::int64_t count_applications(sql::Session& session);
/// Of all of them, sorted.
std::vector<ApplicationId> application_ids(sql::Session& session);
/// Sorted; an application without roles has no entry.
std::map<ApplicationId, std::vector<std::string>> roles_of_applications(sql::Session& session, const std::vector<ApplicationId>& applications);
/// The rules of every application, as rules_of_application() gives them; one without rules has no entry.
std::map<ApplicationId, std::vector<std::string>> rules_of_applications(sql::Session& session);
/// Name, description, end and limit.
void update_application(sql::Session& session, const Application& application);
/// With its secrets, and the role that was made for it alone.
void delete_application(sql::Session& session, const ApplicationId& id);
void touch_application(sql::Session& session, const ApplicationId& id, Timestamp now);
/// Notes when, and takes all secrets away. Nothing when it was revoked before.
void revoke_application(sql::Session& session, const ApplicationId& id, Timestamp now);
void insert_secret(sql::Session& session, const ApplicationId& id, const std::string& hash, Timestamp now);
/// Gives the live secret its end; one that has an end already, and any at all when `until` is not after `now`, goes at once.
void retire_secrets(sql::Session& session, const ApplicationId& id, Timestamp until, Timestamp now);
std::vector<Secret> secrets_of(sql::Session& session, const ApplicationId& id);

void audit(sql::Session& session, const AuditEntry& entry, Timestamp now);
/// Newest first; equal instants by id, descending.
std::vector<AuditRow> audit_page(sql::Session& session, const AuditFilter& filter, std::int64_t limit, std::int64_t offset);
std::int64_t count_audit(sql::Session& session, const AuditFilter& filter);
/// The present names of what the audit log refers to ("user:<id>", "role:<id>", "application:<id>"); what is gone has none.
std::map<std::string, std::string> names_of(sql::Session& session, const std::vector<std::string>& references);

}  // namespace watchbell::auth::store
