#include <algorithm>
#include <iterator>

#include <fmt/ranges.h>

#include "domains/auth/rules.hpp"
#include "domains/auth/service.hpp"

/// Roles, and what may be handed on.
namespace watchbell::auth {

namespace {

std::unexpected<Error> no_role(std::string_view id) { return fail(ErrorCode::not_found, "Role {} not found", id); }

std::vector<std::string> plain(const RuleIds& ids) {
  std::vector<std::string> list;
  for (const auto& id : ids) list.push_back(id.str());
  std::ranges::sort(list);
  list.erase(std::ranges::unique(list).begin(), list.end());
  return list;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

}  // namespace

access::RuleSet Service::held_by(sql::Session& session, const Actor& actor) {
  return access::RuleSet(actor.user ? store::rules_of_user(session, *actor.user) : std::vector<std::string>{"*"});
}

Result<void> Service::within(const access::RuleSet& held, const std::vector<std::string>& rules) {
  std::vector<std::string> beyond;
  std::ranges::copy_if(rules, std::back_inserter(beyond), [&held](const std::string& rule) { return !held.holds(rule); });
  if (beyond.empty()) return {};
  return fail(ErrorCode::forbidden, "Nobody hands on what he does not hold himself: {}", joined(beyond));
}

Result<void> Service::judge_rules(sql::Session& session, const std::vector<std::string>& rules, std::string_view field) {
  const auto unknown = store::unknown_rules(session, rules);
  if (unknown.empty()) return {};
  const auto known = store::all_rules(session);
  std::vector<std::string> list;
  for (const auto& rule : unknown) list.push_back(fmt::format("{} (the nearest known one is {})", rule, rules::nearest(rule, known)));
  return fail_field(ErrorCode::bad_request, std::string(field), "no such access rule: {}", joined(list));
}

Result<void> Service::judge_roles(sql::Session& session, const std::vector<std::string>& roles, const std::optional<ApplicationId>& own) {
  const auto found = store::find_roles(session, roles);
  for (const auto& role : roles) {
    const auto it = std::ranges::find(found, role, &Role::id);
    if (it == found.end()) return no_role(role);
    if (role == kAnonymousRole) return fail_field(ErrorCode::bad_request, "roles", "Role {} is that of visitors, and nobody else's", role);
    if (it->application_id && it->application_id != own)
      return fail_field(ErrorCode::bad_request, "roles", "Role {} is that of one API key, and nobody else's", it->name);
  }
  return {};
}

void Service::drop_rights(Change& change, std::vector<UserId> users) const {
  change.invalidates(cache_.family(cache::Family("session")));
  change.invalidates(cache_.family(cache::Family("application")));
  change.invalidates(cache_.family(cache::Family("role")));
  if (!users.empty()) change.announces(signals::rights_changed(std::move(users)));
}

awaitable<Result<std::vector<RoleView>>> Service::roles() {
  co_return co_await database_.read([](sql::Session& session) {
    auto rules = store::rules_by_role(session);
    // Whoever holds this role holds what is declared, today and later.
    rules[std::string(kAdminRole)] = store::all_rules(session);
    std::vector<RoleView> list;
    for (auto& role : store::all_roles(session)) {
      RoleView view{.id = role.id,
                    .name = std::move(role.name),
                    .description = std::move(role.description),
                    .access_rules = std::move(rules[role.id]),
                    .is_system = role.is_system,
                    .is_assignable = role.id != kAnonymousRole && !role.application_id};
      list.push_back(std::move(view));
    }
    return list;
  });
}

awaitable<Result<std::vector<RuleView>>> Service::declared_rules() {
  auto rules = co_await database_.read([](sql::Session& session) { return store::described_rules(session); });
  if (!rules) co_return std::unexpected(std::move(rules.error()));
  std::vector<RuleView> list;
  for (auto& [id, description] : *rules) {
    const bool usable = visitors_use_.contains(id);
    list.push_back({.id = std::move(id), .description = std::move(description), .anonymous_usable = usable});
  }
  co_return list;
}

awaitable<Result<void>> Service::create_role(Actor actor, CreateRole input) {
  auto name = rules::clean_name(input.name.str());
  if (!name) co_return std::unexpected(std::move(name.error()));
  Role role{.id = Uuid::make_v7(clock_.now().millis()).to_string(), .name = std::move(*name), .description = {}};
  if (input.description) role.description = input.description->str();
  AuditEntry entry{.actor = actor.text(), .action = "role.create", .target = "role:" + role.id, .address = actor.address};
  co_return co_await audited(std::move(entry),
                             [actor = std::move(actor), role = std::move(role), rules = plain(input.access_rules)](Change& change) -> Result<void> {
                               if (auto known = judge_rules(change.sql(), rules, "accessRules"); !known) return known;
                               if (auto own = within(held_by(change.sql(), actor), rules); !own) return own;
                               store::insert_role(change.sql(), role, rules);
                               return {};
                             });
}

awaitable<Result<void>> Service::update_role(Actor actor, UpdateRole input) {
  std::optional<std::string> name;
  if (input.name) {
    auto clean = rules::clean_name(input.name->str());
    if (!clean) co_return std::unexpected(std::move(clean.error()));
    name = std::move(*clean);
  }
  AuditEntry entry{.actor = actor.text(), .action = "role.update", .target = "role:" + input.id.str(), .address = actor.address};
  co_return co_await audited(std::move(entry),
                             [this, actor = std::move(actor), name = std::move(name), input = std::move(input)](Change& change) -> Result<void> {
                               auto role = store::find_role(change.sql(), input.id);
                               if (!role) return no_role(input.id);
                               if (name) role->name = *name;
                               if (input.description) role->description = input.description->str();
                               store::update_role(change.sql(), *role);
                               const auto rules = plain(input.access_rules);
                               const bool of_admin = role->id == kAdminRole;
                               const auto before = of_admin ? store::all_rules(change.sql()) : store::rules_of_role(change.sql(), role->id);
                               if (rules == before) return {};
                               const auto held = held_by(change.sql(), actor);
                               const bool own = actor.user && rules::among(store::roles_of_user(change.sql(), *actor.user), role->id);
                               if (auto judged = rules::judge_rules_change(of_admin, own, held.holds_everything()); !judged) return judged;
                               if (auto known = judge_rules(change.sql(), rules, "accessRules"); !known) return known;
                               if (auto granted = within(held, rules); !granted) return granted;
                               const auto added = rules::added(before, rules);
                               if (role->id == kAnonymousRole) {
                                 for (const auto& rule : added)
                                   if (!visitors_use_.contains(rule))
                                     return fail_field(ErrorCode::bad_request, "accessRules", "No procedure that visitors may call asks for {}", rule);
                               }
                               store::set_rules_of_role(change.sql(), role->id, rules);
                               if (role->id == kUsersRole || role->id == kAnonymousRole)
                                 store::remember_disabled(change.sql(), role->id, rules::added(rules, before), added);
                               drop_rights(change, store::users_with_role(change.sql(), role->id));
                               return {};
                             });
}

awaitable<Result<void>> Service::delete_role(Actor actor, std::string id) {
  AuditEntry entry{.actor = actor.text(), .action = "role.delete", .target = "role:" + id, .address = actor.address};
  co_return co_await audited(std::move(entry), [this, actor = std::move(actor), id](Change& change) -> Result<void> {
    const auto role = store::find_role(change.sql(), id);
    if (!role) return no_role(id);
    if (role->is_system) return fail(ErrorCode::forbidden, "Role {} is one of those that stay", role->name);
    const auto users = store::users_with_role(change.sql(), id);
    if (actor.user && rules::among(users, *actor.user) && !held_by(change.sql(), actor).holds_everything())
      return fail(ErrorCode::forbidden, "Nobody deletes a role he holds himself");
    store::delete_role(change.sql(), id);
    drop_rights(change, users);
    return {};
  });
}

}  // namespace watchbell::auth
