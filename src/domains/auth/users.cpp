#include <algorithm>

#include "base/like.hpp"
#include "domains/auth/events.hpp"
#include "domains/auth/rules.hpp"
#include "domains/auth/service.hpp"
#include "platform/crypto/password_policy.hpp"

/// What people are told about each other, and do to each other's accounts.
namespace watchbell::auth {

namespace {

constexpr std::int64_t kFound = 20;

std::unexpected<Error> no_user(std::string_view id) { return fail(ErrorCode::not_found, "User {} not found", id); }
std::unexpected<Error> taken() { return fail_field(ErrorCode::conflict, "email", "A user with this email exists already"); }

}  // namespace

void Service::drop_user(Change& change, const UserId& user) const {
  // Not his sessions by their rows: one that he begins beside this change, in another transaction, stands in none that this one sees.
  change.invalidates(cache_.family(cache::Family("session")));
  change.announces(signals::rights_changed({user}));
}

awaitable<Result<Listing<UserView>>> Service::users(PageInput page) {
  co_return co_await database_.read([page](sql::Session& session) {
    Listing<UserView> listing;
    if (page.limit || page.offset) listing.total = store::count_users(session);
    auto users = store::users_page(session, listing.total ? page.limit.value_or(20).value() : kListed, page.offset.value_or(0).value());
    std::vector<UserId> ids;
    for (const auto& user : users) ids.push_back(user.id);
    auto roles = store::roles_of_users(session, ids);
    for (auto& user : users)
      listing.items.push_back({.id = user.id, .email = std::move(user.email), .name = std::move(user.name), .roles = std::move(roles[user.id])});
    return listing;
  });
}

awaitable<Result<std::vector<FoundUser>>> Service::search_users(std::string text) {
  co_return co_await database_.read([pattern = like_containing(text)](sql::Session& session) {
    std::vector<FoundUser> found;
    for (auto& user : store::search_users(session, pattern, kFound))
      found.push_back({.id = user.id, .name = std::move(user.name), .email = std::move(user.email)});
    return found;
  });
}

awaitable<Result<Profile>> Service::current_profile(UserId id) {
  co_return co_await database_.read([id](sql::Session& session) -> Result<Profile> {
    auto user = store::find_user(session, id);
    if (!user) return no_user(id.to_string());
    return Profile{
        .id = id, .name = std::move(user->name), .email = std::move(user->email), .has_credential_account = store::find_password(session, id).has_value()};
  });
}

awaitable<Result<UserId>> Service::create_user(Actor actor, CreateUser input) {
  auto name = rules::clean_name(input.name.str());
  if (!name) co_return std::unexpected(std::move(name.error()));
  if (auto judged = crypto::check_password(input.password.str()); !judged) co_return std::unexpected(std::move(judged.error()));
  auto hash = co_await passwords_.hash(std::move(input.password).str());
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  const UserId id = UserId::make(clock_.now());
  AuditEntry entry{.actor = actor.text(), .action = "user.create", .target = "user:" + id.to_string(), .address = actor.address};
  co_return co_await audited(
      std::move(entry), [this, id, name = std::move(*name), email = std::move(input.email), hash = std::move(*hash)](Change& change) -> Result<UserId> {
        if (store::find_user_by_email(change.sql(), email.str())) return taken();
        store::insert_user(change.sql(),
                           {.id = id, .name = name, .email = email.str(), .email_verified = true, .created_at = change.now(), .updated_at = change.now()});
        store::insert_credential(change.sql(), id, hash, change.now());
        store::grant_role(change.sql(), id, kUsersRole);
        change.invalidates(cache_.key(cache::Key("onboarding")));
        return id;
      });
}

awaitable<Result<void>> Service::delete_user(Actor actor, std::string text) {
  const auto id = UserId::parse(text);
  if (!id) co_return no_user(text);
  AuditEntry entry{.actor = actor.text(), .action = "user.delete", .target = "user:" + id->to_string(), .address = actor.address};
  co_return co_await audited(std::move(entry), [this, id = *id](Change& change) -> Result<void> {
    if (!store::find_user(change.sql(), id)) return no_user(id.to_string());
    const bool admin = rules::among(store::roles_of_user(change.sql(), id), kAdminRole);
    if (auto judged = rules::judge_removal(admin, store::administrators_but(change.sql(), id)); !judged) return judged;
    drop_user(change, id);
    store::delete_user(change.sql(), id);
    return change.publishes(events::make(kUserDeleted, {.user_id = id}));
  });
}

awaitable<Result<void>> Service::update_user_roles(Actor actor, UpdateUserRoles input) {
  const auto id = UserId::parse(input.user_id);
  if (!id) co_return no_user(input.user_id);
  std::vector<std::string> roles;
  for (const auto& role : input.roles) roles.push_back(role.str());
  AuditEntry entry{.actor = actor.text(), .action = "user.update_roles", .target = "user:" + id->to_string(), .address = actor.address};
  co_return co_await audited(std::move(entry), [this, id = *id, actor = std::move(actor), roles = std::move(roles)](Change& change) -> Result<void> {
    if (!store::find_user(change.sql(), id)) return no_user(id.to_string());
    if (auto known = judge_roles(change.sql(), roles, {}); !known) return known;
    const auto held = held_by(change.sql(), actor);
    const auto before = store::roles_of_user(change.sql(), id);
    if (auto judged = rules::judge({.of_himself = actor.user == id,
                                    .was_admin = rules::among(before, kAdminRole),
                                    .becomes_admin = rules::among(roles, kAdminRole),
                                    .by_everything = held.holds_everything(),
                                    .other_admins = store::administrators_but(change.sql(), id)});
        !judged)
      return judged;
    if (auto granted = within(held, store::rules_of_roles(change.sql(), roles)); !granted) return granted;
    store::set_roles_of_user(change.sql(), id, roles);
    drop_user(change, id);
    return {};
  });
}

awaitable<Result<void>> Service::update_profile(Actor actor, std::optional<SessionId> session, UpdateCurrentUser input) {
  struct Known {
    User user;
    std::optional<std::string> password;
  };
  std::optional<std::string> name;
  if (input.name) {
    auto clean = rules::clean_name(input.name->str());
    if (!clean) co_return std::unexpected(std::move(clean.error()));
    name = std::move(*clean);
  }
  const UserId id = actor.user.value();
  AuditEntry entry{.actor = actor.text(), .action = "user.update", .target = actor.text(), .address = actor.address};
  auto known = co_await database_.read([id](sql::Session& s) -> Result<Known> {
    auto user = store::find_user(s, id);
    if (!user) return no_user(id.to_string());
    return Known{.user = std::move(*user), .password = store::find_password(s, id)};
  });
  if (!known) co_return std::unexpected(std::move(known.error()));
  // Who holds a session alone must not be able to take the account over.
  Result<void> may = {};
  const bool moves = input.email && input.email->str() != known->user.email;
  if (moves) {
    entry.action = "user.update_email";
    if (!known->password) {
      may = fail_field(ErrorCode::forbidden, "email", "The address of an account without a password is not changed here");
    } else if (!input.current_password) {
      may = fail_field(ErrorCode::bad_request, "currentPassword", "A new address needs the present password");
    } else {
      // Counted as a sign-in is: a session that was stolen must not find the password out.
      auto verified = co_await verify_password(known->user.email, std::move(*input.current_password).str(), actor.address, {});
      if (!verified && verified.error().code != ErrorCode::unauthorized) co_return std::unexpected(std::move(verified.error()));
      if (!verified) may = fail_field(ErrorCode::forbidden, "currentPassword", "The password is not right");
    }
  }
  co_return co_await audited(
      std::move(entry),
      [this, id, moves, may, session, address = actor.address, name = std::move(name), email = std::move(input.email),
       password = std::move(known->password)](Change& change) -> Result<void> {
        if (!may) return may;
        auto user = store::find_user(change.sql(), id);
        if (!user) return no_user(id.to_string());
        const std::string before = user->email;
        if (name) user->name = *name;
        if (moves && email->str() != before) {
          // The password that was shown must be the present one still.
          if (store::find_password(change.sql(), id) != password) return fail(ErrorCode::conflict, "The password was changed meanwhile");
          password_shown(change, *user, address);
          if (store::find_user_by_email(change.sql(), email->str())) return taken();
          user->email = email->str();
          user->email_verified = false;
        }
        user->updated_at = change.now();
        drop_user(change, id);
        store::update_user(change.sql(), *user);
        if (user->email == before) return {};
        store::delete_sessions_but(change.sql(), id, session);
        return change.publishes(events::make(
            kEmailChanged, {.user_id = id, .change = Uuid::make_v7(change.now().millis()), .old_email = Email::make(before).value(), .new_email = *email}));
      });
}

}  // namespace watchbell::auth
