#include "domains/auth/store.hpp"

#include <algorithm>
#include <tuple>

namespace watchbell::auth {

BOOST_DESCRIBE_STRUCT(User, (), (id, name, email, email_verified, created_at, updated_at))
BOOST_DESCRIBE_STRUCT(UserSummary, (), (id, email, name))
BOOST_DESCRIBE_STRUCT(Session, (), (id, user_id, expires_at, remember, ip_address, user_agent, created_at, updated_at))
BOOST_DESCRIBE_STRUCT(Role, (), (id, name, description, is_system, application_id))
BOOST_DESCRIBE_STRUCT(Application, (), (id, name, description, created_by, expires_at, revoked_at, last_used_at, created_at, rate_per_second, rate_burst))
BOOST_DESCRIBE_STRUCT(Secret, (), (hash, expires_at))

namespace store {
namespace {

/// The second column of each pair, by its first.
template <class Id>
std::map<Id, std::vector<std::string>> grouped(std::vector<std::tuple<Id, std::string>> pairs) {
  std::map<Id, std::vector<std::string>> groups;
  for (auto& [id, text] : pairs) groups[id].push_back(std::move(text));
  return groups;
}

}  // namespace

bool has_users(sql::Session& session) { return session.one<std::int64_t>("select 1 from users limit 1").has_value(); }

void insert_user(sql::Session& session, const User& user) {
  session.execute("insert into users (id, name, email, email_verified, created_at, updated_at) values (:1, :2, :3, :4, :5, :6)", user.id, user.name, user.email,
                  user.email_verified, user.created_at, user.updated_at);
}

std::optional<User> find_user(sql::Session& session, const UserId& user) {
  return session.one<User>("select id, name, email, email_verified, created_at, updated_at from users where id = :1", user);
}

std::optional<User> find_user_by_email(sql::Session& session, const std::string& email) {
  return session.one<User>("select id, name, email, email_verified, created_at, updated_at from users where email = :1", email);
}

std::vector<UserSummary> find_summaries(sql::Session& session, std::span<const UserId> users) {
  return session.all<UserSummary>("select id, email, name from users where id in (select value from json_each(:1)) order by id", sql::List(users));
}

std::vector<UserId> existing_users(sql::Session& session, std::span<const UserId> users) {
  return session.all<UserId>("select id from users where id in (select value from json_each(:1)) order by id", sql::List(users));
}

std::vector<User> users_page(sql::Session& session, std::int64_t limit, std::int64_t offset) {
  return session.all<User>("select id, name, email, email_verified, created_at, updated_at from users order by email, id limit :1 offset :2", limit, offset);
}

std::int64_t count_users(sql::Session& session) { return session.one<std::int64_t>("select count(*) from users").value_or(0); }

std::vector<User> search_users(sql::Session& session, const std::string& pattern, std::int64_t limit) {
  return session.all<User>(
      "select id, name, email, email_verified, created_at, updated_at from users "
      "where lower(name) like :1 escape '\\' or email like :1 escape '\\' order by email, id limit :2",
      pattern, limit);
}

void update_user(sql::Session& session, const User& user) {
  session.execute("update users set name = :2, email = :3, email_verified = :4, updated_at = :5 where id = :1", user.id, user.name, user.email,
                  user.email_verified, user.updated_at);
}

void delete_user(sql::Session& session, const UserId& user) { session.execute("delete from users where id = :1", user); }

std::map<UserId, std::vector<std::string>> roles_of_users(sql::Session& session, const std::vector<UserId>& users) {
  return grouped(session.all<std::tuple<UserId, std::string>>(
      "select user_id, role_id from user_roles where user_id in (select value from json_each(:1)) order by user_id, role_id", sql::List(users)));
}

std::vector<std::string> roles_of_user(sql::Session& session, const UserId& user) {
  return session.all<std::string>("select role_id from user_roles where user_id = :1 order by role_id", user);
}

void set_roles_of_user(sql::Session& session, const UserId& user, const std::vector<std::string>& roles) {
  session.execute("delete from user_roles where user_id = :1", user);
  session.execute("insert into user_roles (user_id, role_id) select distinct :1, value from json_each(:2)", user, sql::List(roles));
}

std::int64_t administrators_but(sql::Session& session, const UserId& user) {
  return session.one<std::int64_t>("select count(*) from user_roles where role_id = 'admin' and user_id <> :1", user).value_or(0);
}

std::vector<UserId> users_with_role(sql::Session& session, std::string_view role) {
  return session.all<UserId>("select user_id from user_roles where role_id = :1 order by user_id", role);
}

void delete_sessions_but(sql::Session& session, const UserId& user, const std::optional<SessionId>& kept) {
  session.execute("delete from sessions where user_id = :1 and (cast(:2 as text) is null or id <> :2)", user, kept);
}

void insert_credential(sql::Session& session, const UserId& user, const std::string& password_hash, Timestamp now) {
  session.execute("insert into accounts (id, user_id, provider_id, account_id, password, created_at, updated_at) values (:1, :2, 'credential', :2, :3, :4, :4)",
                  Uuid::make_v7(now.millis()), user, password_hash, now);
}

std::optional<std::string> find_password(sql::Session& session, const UserId& user) {
  return session.one<std::optional<std::string>>("select password from accounts where user_id = :1 and provider_id = 'credential'", user)
      .value_or(std::nullopt);
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
  return session.one<Session>("select id, user_id, expires_at, remember, ip_address, user_agent, created_at, updated_at from sessions where token_hash = :1",
                              token_hash);
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
  for (const auto& [id, name, description] :
       {Seed{kAdminRole, "Administrators", "May do everything"}, Seed{kUsersRole, "Users", "Everybody who signs in"},
        Seed{kAnonymousRole, "Anonymous Users", "Visitors who are not signed in"}, Seed{kApplicationsRole, "Applications", "Every API key"}})
    session.execute("insert into roles (id, name, description, is_system) values (:1, :2, :3, :4) on conflict (id) do nothing", id, name, description, true);
}

void grant_role(sql::Session& session, const UserId& user, std::string_view role) {
  session.execute("insert into user_roles (user_id, role_id) values (:1, :2) on conflict (user_id, role_id) do nothing", user, role);
}

bool sync_rules(sql::Session& session, const std::vector<access::Rule>& rules, bool all) {
  std::int64_t changed = 0;
  std::vector<std::string> ids;
  for (const auto& rule : rules) {
    ids.push_back(rule.id);
    changed += session.execute(
        "insert into access_rules (id, description) values (:1, :2) on conflict (id) do update set description = excluded.description "
        "where access_rules.description <> excluded.description",
        rule.id, rule.description);
  }
  if (all) changed += session.execute("delete from access_rules where id not in (select value from json_each(:1))", sql::List(ids));
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
  return session.all<std::string>("select value from json_each(:1) where value not in (select id from access_rules) order by value", sql::List(rules));
}

void insert_role(sql::Session& session, const Role& role, const std::vector<std::string>& rules) {
  session.execute("insert into roles (id, name, description, is_system, application_id) values (:1, :2, :3, :4, :5)", role.id, role.name, role.description,
                  role.is_system, role.application_id);
  set_rules_of_role(session, role.id, rules);
}

std::vector<Role> all_roles(sql::Session& session) {
  return session.all<Role>("select id, name, description, is_system, application_id from roles order by is_system desc, lower(name), id");
}

std::optional<Role> find_role(sql::Session& session, std::string_view id) {
  return session.one<Role>("select id, name, description, is_system, application_id from roles where id = :1", id);
}

std::vector<Role> find_roles(sql::Session& session, const std::vector<std::string>& ids) {
  return session.all<Role>("select id, name, description, is_system, application_id from roles where id in (select value from json_each(:1)) order by id",
                           sql::List(ids));
}

void update_role(sql::Session& session, const Role& role) {
  session.execute("update roles set name = :2, description = :3 where id = :1", role.id, role.name, role.description);
}

void delete_role(sql::Session& session, std::string_view id) { session.execute("delete from roles where id = :1", id); }

std::map<std::string, std::vector<std::string>> rules_by_role(sql::Session& session) {
  return grouped(session.all<std::tuple<std::string, std::string>>("select role_id, rule_id from role_rules order by role_id, rule_id"));
}

std::vector<UserId> users_holding(sql::Session& session, std::span<const UserId> users, std::string_view rule) {
  std::vector<std::string> roles{std::string(kAdminRole)};
  for (auto& [role, held] : rules_by_role(session)) {
    if (!access::RuleSet(std::move(held)).holds(rule)) continue;
    if (role == kAnonymousRole) return existing_users(session, users);
    roles.push_back(role);
  }
  return session.all<UserId>(
      "select distinct user_id from user_roles where role_id in (select value from json_each(:2)) and user_id in (select value from json_each(:1)) order by user_id",
      sql::List(users), sql::List(roles));
}

std::vector<std::string> rules_of_roles(sql::Session& session, const std::vector<std::string>& roles) {
  return session.all<std::string>(
      "select '*' as rule from roles where id = 'admin' and id in (select value from json_each(:1)) union "
      "select rule_id from role_rules where role_id in (select value from json_each(:1)) order by 1",
      sql::List(roles));
}

void set_rules_of_role(sql::Session& session, std::string_view role, const std::vector<std::string>& rules) {
  session.execute("delete from role_rules where role_id = :1", role);
  session.execute("insert into role_rules (role_id, rule_id) select distinct :1, value from json_each(:2)", role, sql::List(rules));
}

void remember_disabled(sql::Session& session, std::string_view role, const std::vector<std::string>& removed, const std::vector<std::string>& added) {
  session.execute(
      "insert into disabled_default_rules (role_id, rule_id) select distinct :1, value from json_each(:2) where true on conflict (role_id, rule_id) do nothing",
      role, sql::List(removed));
  session.execute("delete from disabled_default_rules where role_id = :1 and rule_id in (select value from json_each(:2))", role, sql::List(added));
}

std::vector<std::string> all_rules(sql::Session& session) { return session.all<std::string>("select id from access_rules order by id"); }

std::vector<std::pair<std::string, std::string>> described_rules(sql::Session& session) {
  std::vector<std::pair<std::string, std::string>> rules;
  for (auto& [id, description] : session.all<std::tuple<std::string, std::string>>("select id, description from access_rules order by id"))
    rules.emplace_back(std::move(id), std::move(description));
  return rules;
}

void insert_application(sql::Session& session, const Application& row) {
  session.execute(
      "insert into applications (id, name, description, created_by, expires_at, created_at, rate_per_second, rate_burst) values (:1, :2, :3, :4, :5, :6, :7, "
      ":8)",
      row.id, row.name, row.description, row.created_by, row.expires_at, row.created_at, row.rate_per_second, row.rate_burst);
}

void set_roles_of_application(sql::Session& session, const ApplicationId& application, const std::vector<std::string>& roles) {
  session.execute("delete from application_roles where application_id = :1", application);
  session.execute("insert into application_roles (application_id, role_id) select distinct :1, value from json_each(:2)", application, sql::List(roles));
}

std::optional<Application> find_application(sql::Session& session, const ApplicationId& id) {
  return session.one<Application>(
      "select id, name, description, created_by, expires_at, revoked_at, last_used_at, created_at, rate_per_second, rate_burst from applications where id = :1",
      id);
}

std::vector<Application> applications_page(sql::Session& session, std::int64_t limit, std::int64_t offset) {
  return session.all<Application>(
      "select id, name, description, created_by, expires_at, revoked_at, last_used_at, created_at, rate_per_second, rate_burst from applications "
      "order by created_at, id limit :1 offset :2",
      limit, offset);
}

std::int64_t count_applications(sql::Session& session) { return session.one<std::int64_t>("select count(*) from applications").value_or(0); }

std::vector<ApplicationId> application_ids(sql::Session& session) { return session.all<ApplicationId>("select id from applications order by id"); }

std::map<ApplicationId, std::vector<std::string>> roles_of_applications(sql::Session& session, const std::vector<ApplicationId>& applications) {
  return grouped(session.all<std::tuple<ApplicationId, std::string>>(
      "select application_id, role_id from application_roles where application_id in (select value from json_each(:1)) order by application_id, role_id",
      sql::List(applications)));
}

void update_application(sql::Session& session, const Application& row) {
  session.execute("update applications set name = :2, description = :3, expires_at = :4, rate_per_second = :5, rate_burst = :6 where id = :1", row.id, row.name,
                  row.description, row.expires_at, row.rate_per_second, row.rate_burst);
}

void delete_application(sql::Session& session, const ApplicationId& id) { session.execute("delete from applications where id = :1", id); }

std::map<ApplicationId, std::vector<std::string>> rules_of_applications(sql::Session& session) {
  return grouped(session.all<std::tuple<ApplicationId, std::string>>(
      "select application_id, '*' as rule from application_roles where role_id = 'admin' union "
      "select application_roles.application_id, role_rules.rule_id from application_roles join role_rules on role_rules.role_id = application_roles.role_id "
      "order by 1, 2"));
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

namespace {

constexpr std::string_view kAuditPage =
    "select id, at, actor, action, target, address, outcome from audit_log "
    "where (cast(:1 as text) is null or actor = :1) and (cast(:2 as text) is null or action = :2) and (cast(:3 as text) is null or target = :3) "
    "and (cast(:4 as text) is null or outcome = :4) and (cast(:5 as bigint) is null or at >= :5) and (cast(:6 as bigint) is null or at < :6) "
    "order by at desc, id desc limit :7 offset :8";
constexpr std::string_view kAuditCount =
    "select count(*) from audit_log "
    "where (cast(:1 as text) is null or actor = :1) and (cast(:2 as text) is null or action = :2) and (cast(:3 as text) is null or target = :3) "
    "and (cast(:4 as text) is null or outcome = :4) and (cast(:5 as bigint) is null or at >= :5) and (cast(:6 as bigint) is null or at < :6)";

}  // namespace

std::vector<AuditRow> audit_page(sql::Session& session, const AuditFilter& filter, std::int64_t limit, std::int64_t offset) {
  using Row = std::tuple<AuditId, Timestamp, std::string, std::string, std::string, std::string, std::string>;
  std::vector<AuditRow> rows;
  session.each<Row>(
      kAuditPage,
      [&rows](Row&& row) {
        auto& [id, at, actor, action, target, address, outcome] = row;
        rows.push_back({.id = id,
                        .at = at,
                        .entry = {.actor = std::move(actor),
                                  .action = std::move(action),
                                  .target = std::move(target),
                                  .address = std::move(address),
                                  .outcome = std::move(outcome)}});
      },
      filter.actor, filter.action, filter.target, filter.outcome, filter.from, filter.to, limit, offset);
  return rows;
}

std::int64_t count_audit(sql::Session& session, const AuditFilter& filter) {
  return session.one<std::int64_t>(kAuditCount, filter.actor, filter.action, filter.target, filter.outcome, filter.from, filter.to).value_or(0);
}

std::map<std::string, std::string> names_of(sql::Session& session, const std::vector<std::string>& references) {
  std::map<std::string, std::string> names;
  using Row = std::tuple<std::string, std::string>;
  session.each<Row>(
      "select 'user:' || id, name from users where 'user:' || id in (select value from json_each(:1)) union all "
      "select 'application:' || id, name from applications where 'application:' || id in (select value from json_each(:1)) union all "
      "select 'role:' || id, name from roles where 'role:' || id in (select value from json_each(:1))",
      [&names](Row&& row) { names.emplace(std::move(std::get<0>(row)), std::move(std::get<1>(row))); }, sql::List(references));
  return names;
}

}  // namespace store
}  // namespace watchbell::auth
