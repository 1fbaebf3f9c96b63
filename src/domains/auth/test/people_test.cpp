#include "domains/auth/events.hpp"
#include "domains/auth/test/fixture.hpp"

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;
using test::Fixture;

template <class T>
std::string outcome(const Result<T>& result) {
  return result ? "ok" : std::string(wire_code(result.error().code));
}

UpdateUserRoles roles_of(const Actor& user, std::vector<std::string> roles) {
  UpdateUserRoles input{.user_id = Text<1, 100>::of(user.user->to_string()), .roles = {}};
  for (auto& role : roles) input.roles.push_back(Text<1, 100>::of(std::move(role)));
  return input;
}

UpdateRole rules_of(std::string role, std::vector<std::string> rules) {
  UpdateRole input{.id = Text<1, 100>::of(std::move(role)), .name = {}, .description = {}, .access_rules = {}};
  for (auto& rule : rules) input.access_rules.push_back(Text<1, 200>::of(std::move(rule)));
  return input;
}

CreateRole new_role(std::string name, std::vector<std::string> rules) {
  return {.name = Text<1, 100>::of(std::move(name)), .description = {}, .access_rules = rules_of("x", std::move(rules)).access_rules};
}

CreateUser new_user(std::string email, std::string password = "Passw0rd-ann") {
  return {.email = *Email::make(email), .name = Text<1, 200>::of(" Bob "), .password = Text<1, 128>::of(std::move(password))};
}

CO_TEST(Users, are_made_with_a_password_and_role_users) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto bob = co_await f.service->create_user(ann, new_user("Bob@Example.com"));
  CO_ASSERT_TRUE(bob.has_value());
  EXPECT_EQ(outcome(co_await f.service->create_user(ann, new_user("bOB@example.com "))), "CONFLICT");
  EXPECT_EQ(outcome(co_await f.service->create_user(ann, new_user("c@example.com", "alllowercase"))), "BAD_REQUEST");
  const auto users = (co_await f.service->users({})).value();
  CO_ASSERT_EQ(users.items.size(), 2U);
  EXPECT_EQ(users.total, std::nullopt);
  EXPECT_EQ(users.items[1].name, "Bob");
  EXPECT_EQ(users.items[1].email, "bob@example.com");
  EXPECT_EQ(users.items[1].roles, std::vector<std::string>{"users"});
  const auto page = (co_await f.service->users({.limit = 1, .offset = 1})).value();
  CO_ASSERT_EQ(page.items.size(), 1U);
  EXPECT_EQ(page.total, 2);
  EXPECT_EQ(page.items[0].id, *bob);
  const auto found = (co_await f.service->search_users("BO")).value();
  CO_ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].email, "bob@example.com");
  EXPECT_TRUE(co_await f.service->sign_in(*Email::make("BOB@EXAMPLE.COM"), "Passw0rd-ann", true, "x", "x"));
  co_await f.close();
}

CO_TEST(Users, AUTHCHECK_09_administrators_give_no_weak_password) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  for (const char* weak : {"Ab1", "alllowercase1", "ALLUPPERCASE1", "NoDigitsHere", "Passw0rd"})
    EXPECT_EQ(outcome(co_await f.service->create_user(ann, new_user("bob@example.com", weak))), "BAD_REQUEST") << weak;
  EXPECT_EQ((co_await f.service->users({})).value().items.size(), 1U);
  co_await f.close();
}

CO_TEST(Users, AUTHCHECK_11_an_address_is_one_however_it_is_written) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  EXPECT_EQ(outcome(co_await f.service->create_user(ann, new_user(" BoB@Example.COM"))), "ok");
  EXPECT_EQ(outcome(co_await f.service->create_user(ann, new_user("bOB@example.com "))), "CONFLICT");
  EXPECT_EQ(outcome(co_await f.service->create_user(ann, new_user("ANN@EXAMPLE.COM"))), "CONFLICT");
  EXPECT_TRUE(co_await f.service->sign_in(*Email::make("BOB@EXAMPLE.com"), "Passw0rd-ann", true, "x", "x"));
  co_await f.close();
}

CO_TEST(Users, AUTHCHECK_07_who_is_deleted_is_nobody_on_the_next_request) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto bob = co_await f.somebody("bob");
  const std::string first = co_await f.cookie_of("bob");
  const std::string second = co_await f.cookie_of("bob");
  for (const auto& cookie : {first, second}) EXPECT_EQ((co_await f.who(cookie))->kind, access::Principal::Kind::user);
  std::vector<UserId> heard;
  f.bus->on_change(kUserDeleted, [&heard](Change&, const UserDeleted& event) -> Result<void> {
    heard.push_back(event.user_id);
    return {};
  });
  EXPECT_EQ(outcome(co_await f.service->delete_user(ann, bob.user->to_string())), "ok");
  for (const auto& cookie : {first, second}) EXPECT_EQ((co_await f.who(cookie))->kind, access::Principal::Kind::none);
  EXPECT_EQ(heard, std::vector<UserId>{*bob.user});
  EXPECT_EQ(outcome(co_await f.service->delete_user(ann, bob.user->to_string())), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->delete_user(ann, "bob")), "NOT_FOUND");
  co_await f.close();
}

CO_TEST(Users, administrators_are_not_deleted_and_the_last_one_stays) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  EXPECT_EQ(outcome(co_await f.service->delete_user(ann, ann.user->to_string())), "CONFLICT");
  const auto bob = co_await f.somebody("bob", {"admin"});
  EXPECT_EQ(outcome(co_await f.service->delete_user(ann, bob.user->to_string())), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->update_user_roles(ann, roles_of(bob, {"users"}))), "ok");
  EXPECT_EQ(outcome(co_await f.service->delete_user(ann, bob.user->to_string())), "ok");
  EXPECT_EQ(outcome(co_await f.service->update_user_roles({.user = {}, .address = {}}, roles_of(ann, {"users"}))), "CONFLICT") << "not even from the console";
  EXPECT_TRUE((co_await f.who(co_await f.cookie_of("ann")))->rules->holds_everything());
  co_await f.close();
}

CO_TEST(Users, of_two_administrators_who_unmake_each_other_one_stays) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto bob = co_await f.somebody("bob", {"admin"});
  std::vector<std::string> outcomes;
  struct Try {
    static awaitable<void> run(Fixture& fixture, Actor by, Actor whom, std::vector<std::string>& seen) {
      seen.push_back(outcome(co_await fixture.service->update_user_roles(by, roles_of(whom, {"users"}))));
    }
  };
  async::TaskScope scope(loop.executor(), f.on_fault());
  scope.spawn("one", Try::run(f, ann, bob, outcomes));
  scope.spawn("other", Try::run(f, bob, ann, outcomes));
  co_await scope.join();
  std::ranges::sort(outcomes);
  // The second one holds nothing any more when his change takes place.
  EXPECT_EQ(outcomes, (std::vector<std::string>{"FORBIDDEN", "ok"}));
  const auto left = co_await f.database->read([](sql::Session& s) { return store::users_with_role(s, kAdminRole).size(); });
  EXPECT_EQ(left.value(), 1U);
  co_await f.close();
}

CO_TEST(Users, AUTHCHECK_07_who_is_demoted_has_lost_it_on_the_next_request) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const std::string writers = co_await f.role("Writers", {"t.thing.manage"});
  const auto bob = co_await f.somebody("bob", {"users", writers});
  const std::string cookie = co_await f.cookie_of("bob");
  EXPECT_TRUE((co_await f.who(cookie))->rules->holds("t.thing.manage"));
  EXPECT_EQ(outcome(co_await f.service->update_user_roles(ann, roles_of(bob, {"users"}))), "ok");
  EXPECT_FALSE((co_await f.who(cookie))->rules->holds("t.thing.manage"));
  EXPECT_EQ(outcome(co_await f.service->update_user_roles(ann, roles_of(bob, {"users", writers, writers}))), "ok");
  EXPECT_TRUE((co_await f.who(cookie))->rules->holds("t.thing.manage"));
  // The role loses a rule, then is gone.
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of(writers, {"t.thing.read"}))), "ok");
  EXPECT_FALSE((co_await f.who(cookie))->rules->holds("t.thing.manage"));
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of(writers, {"t.thing.manage"}))), "ok");
  EXPECT_TRUE((co_await f.who(cookie))->rules->holds("t.thing.manage"));
  EXPECT_EQ(outcome(co_await f.service->delete_role(ann, writers)), "ok");
  EXPECT_FALSE((co_await f.who(cookie))->rules->holds("t.thing.manage"));
  co_await f.close();
}

CO_TEST(Users, nobody_gives_what_he_does_not_hold) {
  Fixture f(loop);
  co_await f.ready();
  const std::string managers = co_await f.role("User managers", {"auth.users.manage"});
  const std::string writers = co_await f.role("Writers", {"t.thing.manage"});
  const auto bob = co_await f.somebody("bob", {"users", managers});
  const auto cem = co_await f.somebody("cem");
  const auto give = [&](std::vector<std::string> roles) { return f.service->update_user_roles(bob, roles_of(cem, std::move(roles))); };
  EXPECT_EQ(outcome(co_await give({"users", managers})), "ok");
  EXPECT_EQ(outcome(co_await give({"users", writers})), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await give({"admin"})), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await give({"anonymous"})), "BAD_REQUEST");
  EXPECT_EQ(outcome(co_await give({"nobodys"})), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->update_user_roles(bob, roles_of(bob, {"users"}))), "FORBIDDEN") << "one's own";
  EXPECT_EQ(outcome(co_await f.service->update_user_roles(bob, roles_of(co_await f.ann(), {"users"}))), "FORBIDDEN") << "an administrator is unmade by one";
  const auto roles = co_await f.database->read([id = *cem.user](sql::Session& s) { return store::roles_of_user(s, id); });
  EXPECT_TRUE(std::ranges::is_permutation(roles.value(), std::vector<std::string>{"users", managers}));
  // What was refused is written down too.
  const auto rows = co_await f.audited();
  EXPECT_EQ(std::ranges::count(rows, "user.update_roles refused"), 4);
  co_await f.close();
}

CO_TEST(Users, a_new_address_needs_the_password_ends_other_sessions_and_is_told) {
  Fixture f(loop);
  co_await f.ready();
  auto bob = co_await f.somebody("bob");
  const std::string here = co_await f.cookie_of("bob");
  const std::string there = co_await f.cookie_of("bob");
  const SessionId session(*(co_await f.who(here))->session);
  EXPECT_EQ((co_await f.who(there))->email, "bob@example.com");
  std::vector<std::string> told;
  f.bus->on_change(kEmailChanged, [&told](Change&, const EmailChanged& event) -> Result<void> {
    told.push_back(event.old_email.str() + " " + event.new_email.str());
    return {};
  });
  const auto update = [&](std::string email, std::optional<std::string> password) {
    UpdateCurrentUser input{.name = {}, .email = *Email::make(email), .current_password = {}};
    if (password) input.current_password = Text<1, 128>::of(*password);
    return f.service->update_profile(bob, session, std::move(input));
  };
  EXPECT_EQ(outcome(co_await update("bobby@example.com", {})), "BAD_REQUEST");
  EXPECT_EQ(outcome(co_await update("bobby@example.com", "Passw0rd-wrong")), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await update("ANN@example.com", "Passw0rd-ann")), "CONFLICT");
  EXPECT_EQ(outcome(co_await update("Bob@Example.com", {})), "ok") << "the same address";
  EXPECT_EQ((co_await f.who(there))->kind, access::Principal::Kind::user);
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(outcome(co_await update("BOBBY@example.com", "Passw0rd-ann")), "ok");
  EXPECT_EQ(told, std::vector<std::string>{"bob@example.com bobby@example.com"});
  EXPECT_EQ((co_await f.who(there))->kind, access::Principal::Kind::none);
  EXPECT_EQ((co_await f.who(here))->email, "bobby@example.com");
  const auto stored = co_await f.service->profile(*bob.user);
  EXPECT_FALSE(stored->email_verified);
  EXPECT_FALSE(co_await f.service->sign_in(*Email::make("bob@example.com"), "Passw0rd-ann", true, "x", "x"));
  EXPECT_TRUE(co_await f.service->sign_in(*Email::make("bobby@example.com"), "Passw0rd-ann", true, "x", "x"));
  // The name alone asks for nothing.
  EXPECT_EQ(outcome(co_await f.service->update_profile(bob, session, {.name = Text<1, 200>::of(" Bobby "), .email = {}, .current_password = {}})), "ok");
  EXPECT_EQ((co_await f.who(here))->name, "Bobby");
  EXPECT_EQ(outcome(co_await f.service->update_profile(bob, session, {.name = Text<1, 200>::of("  "), .email = {}, .current_password = {}})), "BAD_REQUEST");
  // Without a password there is nothing to show.
  co_await f.database->write([id = *bob.user](sql::Session& s) { s.execute("delete from accounts where user_id = :1", id); });
  EXPECT_EQ(outcome(co_await update("b@example.com", "Passw0rd-ann")), "FORBIDDEN");
  EXPECT_FALSE((co_await f.service->current_profile(*bob.user))->has_credential_account);
  co_await f.close();
}

CO_TEST(Roles, are_listed_with_what_may_be_done_with_them) {
  Fixture f(loop);
  co_await f.ready();
  const auto key = co_await f.service->create_application({.name = "ci", .rules = {"t.thing.read"}}, "console");
  CO_ASSERT_TRUE(key.has_value());
  co_await f.role("aaa", {"t.thing.manage"});
  std::string seen;
  for (const auto& role : (co_await f.service->roles()).value()) {
    seen += role.name + (role.is_system ? " system" : "") + (role.is_assignable ? " assignable" : "");
    seen += " " + std::to_string(role.access_rules.size()) + "\n";
  }
  EXPECT_EQ(seen,
            "Administrators system assignable 5\nAnonymous Users system 1\nApplications system assignable 0\nUsers system assignable 1\n"
            "aaa assignable 1\nkey: ci 1\n");
  std::string rules;
  for (const auto& rule : (co_await f.service->declared_rules()).value()) rules += rule.id + (rule.anonymous_usable ? "!" : "") + " ";
  EXPECT_EQ(rules, "auth.applications.manage auth.roles.update.manage auth.users.manage t.thing.manage t.thing.read! ");
  // The role of a key is nobody else's.
  const auto own = (co_await f.service->roles()).value().back().id;
  EXPECT_EQ(outcome(co_await f.service->update_user_roles(co_await f.ann(), roles_of(co_await f.somebody("bob"), {own}))), "BAD_REQUEST");
  co_await f.close();
}

CO_TEST(Roles, hold_only_rules_there_are_and_their_maker_holds) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto unknown = co_await f.service->create_role(ann, new_role("R", {"t.thing.reed", "t.thing.read"}));
  CO_ASSERT_TRUE(!unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::bad_request);
  EXPECT_EQ(unknown.error().field, "accessRules");
  EXPECT_NE(unknown.error().message.find("t.thing.reed (the nearest known one is t.thing.read)"), std::string::npos);
  EXPECT_EQ(outcome(co_await f.service->create_role(ann, new_role("  ", {}))), "BAD_REQUEST");
  const std::string own = co_await f.role("Role managers", {"auth.roles.update.manage", "t.thing.read"});
  const std::string other = co_await f.role("Others", {"t.thing.read"});
  const auto bob = co_await f.somebody("bob", {own});
  EXPECT_EQ(outcome(co_await f.service->create_role(bob, new_role("R", {"t.thing.manage"}))), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->create_role(bob, new_role("R", {"t.thing.read"}))), "ok");
  EXPECT_EQ(outcome(co_await f.service->update_role(bob, rules_of(other, {"t.thing.manage"}))), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->update_role(bob, rules_of(other, {}))), "ok");
  EXPECT_EQ(outcome(co_await f.service->update_role(bob, rules_of(own, {"t.thing.read"}))), "FORBIDDEN") << "a role he holds";
  auto renamed = rules_of(own, {"auth.roles.update.manage", "t.thing.read"});
  renamed.name = Text<1, 100>::of("Managers");
  renamed.description = Text<0, 500>::of("of roles");
  EXPECT_EQ(outcome(co_await f.service->update_role(bob, renamed)), "ok") << "its name he may change";
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of("admin", {"t.thing.read"}))), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of("nobodys", {}))), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of("anonymous", {"t.thing.read", "t.thing.manage"}))), "BAD_REQUEST")
      << "visitors have no use for it";
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of("anonymous", {}))), "ok");
  EXPECT_FALSE((co_await f.service->anonymous_rules()).value()->holds("t.thing.read")) << "AUTHCHECK_07: on the next request";
  EXPECT_EQ(outcome(co_await f.service->delete_role(bob, own)), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->delete_role(ann, "users")), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->delete_role(ann, "nobodys")), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->delete_role(ann, own)), "ok");
  EXPECT_EQ(outcome(co_await f.service->update_role(bob, rules_of(other, {"t.thing.read"}))), "FORBIDDEN") << "he holds nothing any more";
  co_await f.close();
}

CO_TEST(Roles, AUTHCHECK_05_what_an_administrator_took_away_stays_away_over_restarts) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto users = [&] { return f.database->read([](sql::Session& s) { return store::rules_of_role(s, kUsersRole); }); };
  const std::vector<std::string> none;
  const std::vector<std::string> one{"t.thing.read"};
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of("users", {}))), "ok");
  // A restart; one without the area that declares the rule; and one that has it again.
  EXPECT_TRUE(co_await f.service->sync(Fixture::rules(), {"t.thing.read"}));
  EXPECT_EQ((co_await users()).value(), none);
  EXPECT_TRUE(co_await f.service->sync({{.id = "t.other.read", .description = "d", .is_default = true}}));
  EXPECT_EQ((co_await users()).value(), std::vector<std::string>{"t.other.read"});
  EXPECT_FALSE((co_await f.service->anonymous_rules()).value()->holds("t.thing.read"));
  co_await f.ready();
  EXPECT_EQ((co_await users()).value(), none) << "the vanished rule was disabled, and t.other.read is gone";
  EXPECT_TRUE((co_await f.service->anonymous_rules()).value()->holds("t.thing.read")) << "what nobody took away is back";
  // Given back it is remembered no longer.
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, rules_of("users", one))), "ok");
  EXPECT_TRUE(co_await f.service->sync({}));
  co_await f.ready();
  EXPECT_EQ((co_await users()).value(), one);
  co_await f.close();
}

CO_TEST(Roles, L_4_a_process_of_another_version_beside_it_takes_no_rule_away) {
  Fixture f(loop);
  co_await f.ready();
  const auto users = [&] { return f.database->read([](sql::Session& s) { return store::rules_of_role(s, kUsersRole); }); };
  const auto before = (co_await users()).value();
  CO_ASSERT_TRUE(!before.empty());
  auto with_another = before;
  with_another.push_back("t.other.read");
  std::ranges::sort(with_another);
  EXPECT_TRUE(co_await f.service->sync({{.id = "t.other.read", .description = "d", .is_default = true}}, {}, false));
  EXPECT_EQ((co_await users()).value(), with_another);
  EXPECT_TRUE(co_await f.service->sync(Fixture::rules(), {"t.thing.read"}, false));
  EXPECT_EQ((co_await users()).value(), with_another);
  EXPECT_TRUE(co_await f.service->sync(Fixture::rules(), {"t.thing.read"}));
  EXPECT_EQ((co_await users()).value(), before) << "who is alone tidies up";
  co_await f.close();
}

CO_TEST(Registration, AUTHCHECK_12_nobody_signs_himself_up_before_onboarding_nor_while_it_is_off) {
  Fixture f(loop);
  co_await f.ready();
  const auto may = [&] { return f.database->read([&](sql::Session& s) { return f.service->may_sign_up(s); }); };
  EXPECT_EQ(outcome(co_await may()), "FORBIDDEN");
  const auto ann = co_await f.ann();
  EXPECT_EQ(outcome(co_await may()), "ok");
  EXPECT_TRUE((co_await f.service->registration())->allow_registration);
  EXPECT_EQ(outcome(co_await f.service->set_registration(ann, false)), "ok");
  EXPECT_FALSE((co_await f.service->registration())->allow_registration);
  EXPECT_EQ(outcome(co_await may()), "FORBIDDEN");
  EXPECT_TRUE(co_await f.service->create_user(ann, new_user("bob@example.com"))) << "administrators add users all the same";
  EXPECT_EQ(outcome(co_await f.service->set_registration(ann, true)), "ok");
  EXPECT_EQ(outcome(co_await may()), "ok");
  co_await f.close();
}

CO_TEST(Strategies, the_last_way_to_sign_in_is_not_switched_off) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto set = [&](std::string id, bool enabled) {
    return f.service->update_strategy(ann, {.id = Text<1, 100>::of(std::move(id)), .enabled = {enabled}, .config = {}});
  };
  EXPECT_EQ(outcome(co_await set("credential", true)), "ok");
  EXPECT_EQ(outcome(co_await set("credential", false)), "CONFLICT");
  EXPECT_EQ(outcome(co_await set("github", true)), "NOT_FOUND");
  co_await f.close();
}

CO_TEST(AuditLog, names_who_did_what_to_whom_newest_first) {
  Fixture f(loop);
  co_await f.ready();
  const auto bob = co_await f.somebody("bob");
  f.clock.advance(1s);
  const auto ann = co_await f.ann();
  EXPECT_TRUE(co_await f.service->delete_user(ann, bob.user->to_string()));
  f.clock.advance(1s);
  EXPECT_TRUE(co_await f.service->set_registration(ann, false));
  const auto all = (co_await f.service->audit_log({})).value();
  std::string seen;
  for (const auto& row : all.items)
    seen += row.action + " " + row.actor_name.value_or("-") + " " + row.target_name.value_or("-") + " " + row.address + " " + row.outcome + "\n";
  EXPECT_EQ(seen,
            "registration.close Ann - 127.0.0.1 ok\nuser.delete Ann - 127.0.0.1 ok\nuser.update_roles Ann - 127.0.0.1 ok\nuser.create Ann - 127.0.0.1 ok\n"
            "user.create_admin Ann Ann 127.0.0.1 ok\n");
  EXPECT_EQ(all.total, 5);
  const auto about = (co_await f.service->audit_log({.limit = 1, .target = Text<1, 200>::of("user:" + bob.user->to_string())})).value();
  EXPECT_EQ(about.items.size(), 1U);
  EXPECT_EQ(about.total, 3);
  EXPECT_EQ((co_await f.service->audit_log({.from = f.clock.now()})).value().total, 1);
  EXPECT_EQ((co_await f.service->audit_log({.outcome = AuditOutcome::refused})).value().total, 0);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::auth
