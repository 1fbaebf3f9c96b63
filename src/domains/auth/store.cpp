#include "domains/auth/store.hpp"

#include <algorithm>
#include <tuple>

namespace watchbell::auth {

BOOST_DESCRIBE_STRUCT(User, (), (id, name, email, email_verified, created_at, updated_at))
BOOST_DESCRIBE_STRUCT(Session, (), (id, user_id, expires_at, remember, ip_address, user_agent, created_at, updated_at))
BOOST_DESCRIBE_STRUCT(Application, (), (id, name, expires_at, revoked_at, last_used_at, created_at))
BOOST_DESCRIBE_STRUCT(Secret, (), (hash, expires_at))

namespace store {

bool has_users(sql::Session& session) { return session.one<std::int64_t>("select 1 from users limit 1").has_value(); }

void insert_user(sql::Session& session, const User& user) {
  session.execute("insert into users (id, name, email, email_verified, created_at, updated_at) values (:1, :2, :3, :4, :5, :6)", user.id, user.name,
                  user.email, user.email_verified, user.created_at, user.updated_at);
}

std::optional<User> find_user(sql::Session& session, const UserId& user) {
  return session.one<User>("select id, name, email, email_verified, created_at, updated_at from users where id = :1", user);
}

std::optional<User> find_user_by_email(sql::Session& session, const std::string& email) {
  return session.one<User>("select id, name, email, email_verified, created_at, updated_at from users where email = :1", email);
}

std::vector<UserId> existing_users(sql::Session& session, std::span<const UserId> users) {
  return session.all<UserId>("select id from users where id in (select value from json_each(:1)) order by id", sql::List(users));
}

void insert_credential(sql::Session& session, const UserId& user, const std::string& password_hash, Timestamp now) {
  session.execute(
      "insert into accounts (id, user_id, provider_id, account_id, password, created_at, updated_at) values (:1, :2, 'credential', :2, :3, :4, :4)",
      Uuid::make_v7(now.millis()), user, password_hash, now);
}

std::optional<std::string> find_password(sql::Session& session, const UserId& user) {
  return session.one<std::optional<std::string>>("select password from accounts where user_id = :1 and provider_id = 'credential'", user).value_or(std::nullopt);
}

void set_password(sql::Session& session, const UserId& user, const std::string& password_hash, Timestamp now) {
  session.execute("update accounts set password = :2, updated_at = :3 where user_id = :1 and provider_id = 'credential'", user, password_hash, now);
}

void insert_session(sql::Session& session, const Session& row, const std::string& token_hash) {
  session.execute(
      "insert into sessions (id, token_hash, user_id, expires_at, remember, ip_address, user_agent, created_at, updated_at) "
      "values (:1, :2, :3, :4, :5, :6, :7, :8, :9)",
      row.id, token_hash, row.user_id, row.expires_at, row.remember, row.ip_address, row.user_agent, row.created_at, row.updated_at);
}

std::optional<Session> find_session(sql::Session& session, const std::string& token_hash) {
  return session.one<Session>(
      "select id, user_id, expires_at, remember, ip_address, user_agent, created_at, updated_at from sessions where token_hash = :1", token_hash);
}

void extend_session(sql::Session& session, const SessionId& id, Timestamp expires_at, Timestamp now) {
  session.execute("update sessions set expires_at = :2, updated_at = :3 where id = :1", id, expires_at, now);
}

std::int64_t delete_session(sql::Session& session, const std::string& token_hash) {
  return session.execute("delete from sessions where token_hash = :1", token_hash);
}

std::int64_t delete_expired_sessions(sql::Session& session, Timestamp now, std::int64_t limit) {
  return session.execute("delete from sessions where id in (select id from sessions where expires_at <= :1 order by expires_at, id limit :2)", now, limit);
}

void seed_roles(sql::Session& session) {
  using Seed = std::tuple<std::string_view, std::string_view, std::string_view>;
  for (const auto& [id, name, description] : {Seed{kAdminRole, "Administrators", "May do everything"}, Seed{kUsersRole, "Users", "Everybody who signs in"},
                                              Seed{kAnonymousRole, "Anonymous Users", "Visitors who are not signed in"},
                                              Seed{kApplicationsRole, "Applications", "Every API key"}})
    session.execute("insert into roles (id, name, description, is_system) values (:1, :2, :3, :4) on conflict (id) do nothing", id, name, description, true);
}

void grant_role(sql::Session& session, const UserId& user, std::string_view role) {
  session.execute("insert into user_roles (user_id, role_id) values (:1, :2) on conflict (user_id, role_id) do nothing", user, role);
}

bool sync_rules(sql::Session& session, const std::vector<access::Rule>& rules) {
  std::int64_t changed = 0;
  std::vector<std::string> ids;
  for (const auto& rule : rules) {
    ids.push_back(rule.id);
    changed += session.execute(
        "insert into access_rules (id, description) values (:1, :2) on conflict (id) do update set description = excluded.description "
        "where access_rules.description <> excluded.description",
        rule.id, rule.description);
  }
  changed += session.execute("delete from access_rules where id not in (select value from json_each(:1))", sql::List(ids));
  const auto grant = [&](const std::string& rule, std::string_view role) {
    changed += session.execute(
        "insert into role_rules (role_id, rule_id) select :1, :2 where not exists "
        "(select 1 from disabled_default_rules where role_id = :1 and rule_id = :2) on conflict (role_id, rule_id) do nothing",
        role, rule);
  };
  for (const auto& rule : rules) {
    if (rule.is_default) grant(rule.id, kUsersRole);
    if (rule.is_public) grant(rule.id, kAnonymousRole);
  }
  return changed > 0;
}

std::vector<std::string> rules_of_user(sql::Session& session, const UserId& user) {
  return session.all<std::string>(
      "select '*' as rule from user_roles where user_id = :1 and role_id = 'admin' union "
      "select role_rules.rule_id from user_roles join role_rules on role_rules.role_id = user_roles.role_id where user_roles.user_id = :1 order by 1",
      user);
}

std::vector<std::string> rules_of_application(sql::Session& session, const ApplicationId& application) {
  return session.all<std::string>(
      "select '*' as rule from application_roles where application_id = :1 and role_id = 'admin' union "
      "select role_rules.rule_id from application_roles join role_rules on role_rules.role_id = application_roles.role_id "
      "where application_roles.application_id = :1 order by 1",
      application);
}

std::vector<std::string> rules_of_role(sql::Session& session, std::string_view role) {
  return session.all<std::string>("select rule_id from role_rules where role_id = :1 order by rule_id", role);
}

std::vector<std::string> unknown_rules(sql::Session& session, const std::vector<std::string>& rules) {
  return session.all<std::string>(
      "select value from json_each(:1) where value not in (select id from access_rules) order by value", sql::List(rules));
}

void insert_role(sql::Session& session, const std::string& id, const std::string& name, const std::string& description, const std::vector<std::string>& rules) {
  session.execute("insert into roles (id, name, description, is_system) values (:1, :2, :3, :4)", id, name, description, false);
  session.execute("insert into role_rules (role_id, rule_id) select distinct :1, value from json_each(:2)", id, sql::List(rules));
}

std::vector<std::string> all_rules(sql::Session& session) { return session.all<std::string>("select id from access_rules order by id"); }

void insert_application(sql::Session& session, const Application& application, const std::vector<std::string>& roles) {
  session.execute("insert into applications (id, name, description, expires_at, created_at) values (:1, :2, '', :3, :4)", application.id, application.name,
                  application.expires_at, application.created_at);
  session.execute("insert into application_roles (application_id, role_id) select :1, value from json_each(:2)", application.id, sql::List(roles));
}

std::optional<Application> find_application(sql::Session& session, const ApplicationId& id) {
  return session.one<Application>("select id, name, expires_at, revoked_at, last_used_at, created_at from applications where id = :1", id);
}

std::vector<Application> all_applications(sql::Session& session) {
  return session.all<Application>("select id, name, expires_at, revoked_at, last_used_at, created_at from applications order by created_at, id");
}

std::vector<std::pair<ApplicationId, std::string>> rules_of_applications(sql::Session& session) {
  std::vector<std::pair<ApplicationId, std::string>> rules;
  session.each<std::tuple<ApplicationId, std::string>>(
      "select application_id, '*' as rule from application_roles where role_id = 'admin' union "
      "select application_roles.application_id, role_rules.rule_id from application_roles join role_rules on role_rules.role_id = application_roles.role_id "
      "order by 1, 2",
      [&](std::tuple<ApplicationId, std::string>&& row) { rules.emplace_back(std::get<0>(row), std::move(std::get<1>(row))); });
  return rules;
}

void touch_application(sql::Session& session, const ApplicationId& id, Timestamp now) {
  session.execute("update applications set last_used_at = :2 where id = :1", id, now);
}

void revoke_application(sql::Session& session, const ApplicationId& id, Timestamp now) {
  session.execute("update applications set revoked_at = :2 where id = :1 and revoked_at is null", id, now);
  session.execute("delete from application_secrets where application_id = :1", id);
}

void insert_secret(sql::Session& session, const ApplicationId& id, const std::string& hash, Timestamp now) {
  session.execute("insert into application_secrets (application_id, secret_hash, created_at) values (:1, :2, :3)", id, hash, now);
}

void retire_secrets(sql::Session& session, const ApplicationId& id, Timestamp until, Timestamp now) {
  session.execute("delete from application_secrets where application_id = :1 and (expires_at is not null or :2 <= :3)", id, until, now);
  session.execute("update application_secrets set expires_at = :2 where application_id = :1", id, until);
}

std::vector<Secret> secrets_of(sql::Session& session, const ApplicationId& id) {
  return session.all<Secret>("select secret_hash, expires_at from application_secrets where application_id = :1 order by created_at, secret_hash", id);
}

void audit(sql::Session& session, const AuditEntry& entry, Timestamp now) {
  session.execute("insert into audit_log (id, at, actor, action, target, address, outcome) values (:1, :2, :3, :4, :5, :6, :7)", Uuid::make_v7(now.millis()),
                  now, entry.actor, entry.action, entry.target, entry.address, entry.outcome);
}

}  // namespace store
}  // namespace watchbell::auth
