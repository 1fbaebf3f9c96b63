#include <gtest/gtest.h>

#include "base/like.hpp"
#include "domains/auth/module.hpp"
#include "domains/auth/store.hpp"
#include "platform/sql/testing.hpp"

namespace watchbell::auth {
namespace {

Timestamp at(std::int64_t millis) { return Timestamp::from_millis(millis); }

struct AuthStore : ::testing::Test {
  AuthStore() { store::seed_roles(session); }
  UserId user(std::string name) {
    const UserId id = UserId::make(at(1));
    store::insert_user(session, {.id = id, .name = name, .email = name + "@example.com", .email_verified = true, .created_at = at(1), .updated_at = at(1)});
    return id;
  }
  std::int64_t rows(std::string_view sql) { return session.one<std::int64_t>(sql).value(); }
  sql::testing::FreshSession session{migrations::auth()};
};

TEST_F(AuthStore, what_the_audit_log_holds_stays_as_it_was) {
  store::audit(session, {.actor = "console", .action = "a", .target = "t", .address = ""}, at(1));
  EXPECT_THROW(session.execute("update audit_log set outcome = 'refused'"), Fault);
  EXPECT_THROW(session.execute("delete from audit_log"), Fault);
  EXPECT_EQ(store::audit_page(session, {}, 10, 0).at(0).entry.outcome, "ok");
}

TEST_F(AuthStore, R_11_the_audit_log_comes_newest_first_and_in_pages_without_gaps) {
  for (int i = 0; i < 10; ++i) store::audit(session, {.actor = i % 2 == 0 ? "a" : "b", .action = i < 5 ? "x" : "y", .target = "t", .address = ""}, at(i / 3));
  std::vector<AuditId> seen;
  for (int offset = 0; offset < 10; offset += 3)
    for (const auto& row : store::audit_page(session, {}, 3, offset)) seen.push_back(row.id);
  EXPECT_EQ(seen.size(), 10U);
  const auto all = store::audit_page(session, {}, 100, 0);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].id, seen[i]);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GT(std::pair(all[i - 1].at, all[i - 1].id), std::pair(all[i].at, all[i].id));
  EXPECT_EQ(store::count_audit(session, {}), 10);
  EXPECT_EQ(store::count_audit(session, {.actor = "a"}), 5);
  EXPECT_EQ(store::count_audit(session, {.actor = "a", .action = "x"}), 3);
  EXPECT_EQ(store::count_audit(session, {.target = "nothing"}), 0);
  EXPECT_EQ(store::count_audit(session, {.outcome = "refused"}), 0);
  EXPECT_EQ(store::count_audit(session, {.from = at(1), .to = at(3)}), 6) << "from is within, to is not";
}

TEST_F(AuthStore, R_12_who_sees_objects_is_told_by_his_roles_as_they_are) {
  store::sync_rules(session, {{.id = "catalog.system.read", .description = "r"}, {.id = "catalog.system.manage", .description = "m"}, {.id = "slo.x.read", .description = "x"}}, true);
  const auto ann = user("ann"), bob = user("bob"), cem = user("cem"), dan = user("dan");
  store::grant_role(session, ann, kAdminRole);
  store::insert_role(session, {.id = "editors", .name = "Editors", .description = "", .is_system = false}, {"catalog.system.manage"});
  store::grant_role(session, bob, "editors");
  store::grant_role(session, cem, kUsersRole);
  const std::vector<UserId> all{ann, bob, cem, dan, UserId::make(at(5))};
  const auto seeing = [&] {
    std::string names;
    const auto found = store::users_holding(session, all, "catalog.system.read");
    for (const auto& [id, name] : {std::pair(ann, 'a'), std::pair(bob, 'b'), std::pair(cem, 'c'), std::pair(dan, 'd')})
      if (std::ranges::find(found, id) != found.end()) names += name;
    return names;
  };
  EXPECT_EQ(seeing(), "ab") << "everything, and by managing";
  store::set_rules_of_role(session, kUsersRole, {"catalog.system.read"});
  EXPECT_EQ(seeing(), "abc");
  store::set_rules_of_role(session, kUsersRole, {"slo.x.read"});
  EXPECT_EQ(seeing(), "ab");
  store::set_rules_of_role(session, kAnonymousRole, {"catalog.system.read"});
  EXPECT_EQ(seeing(), "abcd") << "what is open to visitors is hidden from nobody";
}

TEST_F(AuthStore, AUTHCHECK_06_a_user_goes_with_all_that_is_his_and_leaves_his_keys) {
  const auto ann = user("ann");
  const auto bob = user("bob");
  for (const auto& id : {ann, bob}) {
    store::insert_credential(session, id, "hash", at(1));
    store::grant_role(session, id, kUsersRole);
    store::insert_session(
        session,
        {.id = SessionId::make(at(1)), .user_id = id, .expires_at = at(9), .ip_address = "", .user_agent = "", .created_at = at(1), .updated_at = at(1)},
        id.to_string());
  }
  const auto key = ApplicationId::make(at(1));
  store::insert_application(session, {.id = key, .name = "ci", .created_by = ann, .created_at = at(1)});
  store::delete_user(session, ann);
  EXPECT_FALSE(store::find_user(session, ann));
  for (const char* table : {"accounts", "sessions", "user_roles"}) EXPECT_EQ(rows(std::string("select count(*) from ") + table), 1) << table;
  EXPECT_EQ(store::find_application(session, key)->created_by, std::nullopt);
}

TEST_F(AuthStore, AUTHCHECK_06_a_role_goes_from_whoever_held_it) {
  const auto ann = user("ann");
  session.execute("insert into access_rules (id, description) values ('a.b.read', '')");
  store::insert_role(session, {.id = "r", .name = "R", .description = ""}, {"a.b.read"});
  store::grant_role(session, ann, "r");
  const auto key = ApplicationId::make(at(1));
  store::insert_application(session, {.id = key, .name = "ci", .created_at = at(1)});
  store::set_roles_of_application(session, key, {"r"});
  EXPECT_EQ(store::rules_of_application(session, key), std::vector<std::string>{"a.b.read"});
  store::delete_role(session, "r");
  EXPECT_EQ(store::rules_of_user(session, ann), std::vector<std::string>{});
  EXPECT_EQ(store::rules_of_application(session, key), std::vector<std::string>{});
  for (const char* table : {"role_rules", "user_roles", "application_roles"}) EXPECT_EQ(rows(std::string("select count(*) from ") + table), 0) << table;
}

TEST_F(AuthStore, AUTHCHECK_06_an_api_key_goes_with_the_role_that_was_made_for_it) {
  const auto key = ApplicationId::make(at(1));
  store::insert_application(session, {.id = key, .name = "ci", .created_at = at(1)});
  store::insert_role(session, {.id = "own", .name = "key: ci", .description = "", .application_id = key}, {});
  store::set_roles_of_application(session, key, {"own", "users"});
  store::insert_secret(session, key, "hash", at(1));
  store::delete_application(session, key);
  EXPECT_FALSE(store::find_role(session, "own"));
  EXPECT_TRUE(store::find_role(session, "users"));
  for (const char* table : {"applications", "application_roles", "application_secrets"})
    EXPECT_EQ(rows(std::string("select count(*) from ") + table), 0) << table;
}

TEST_F(AuthStore, R_11_users_come_by_address_and_in_pages) {
  for (const char* name : {"cem", "ann", "bob"}) user(name);
  const auto names = [&](std::int64_t limit, std::int64_t offset) {
    std::string all;
    for (const auto& found : store::users_page(session, limit, offset)) all += found.name + " ";
    return all;
  };
  EXPECT_EQ(names(10, 0), "ann bob cem ");
  EXPECT_EQ(names(2, 0) + names(2, 2), "ann bob cem ");
  EXPECT_EQ(store::count_users(session), 3);
}

TEST_F(AuthStore, users_are_found_by_what_their_name_or_address_holds) {
  user("ann");
  user("Bob_B");
  user("bobxb");
  const auto found = [&](std::string_view text) { return store::search_users(session, like_containing(text), 20).size(); };
  EXPECT_EQ(found("ANN"), 1U);
  EXPECT_EQ(found("bob"), 2U);
  EXPECT_EQ(found("b_b"), 1U) << "a sign of the pattern language is a letter like others";
  EXPECT_EQ(found("%"), 0U);
  EXPECT_EQ(found("\\"), 0U);
  EXPECT_EQ(found("example.com"), 3U);
  EXPECT_EQ(store::search_users(session, like_containing(""), 2).size(), 2U);
}

TEST(AuthMigrations, the_role_of_an_older_key_becomes_its_own) {
  sql::MigrationSet first = migrations::auth();
  std::erase_if(first.migrations, [](const sql::Migration& script) { return !script.file.starts_with("0001"); });
  sql::testing::FreshSession session(first);
  store::seed_roles(session);
  session.execute("insert into applications (id, name, description, created_at) values ('0190a7c8-1111-7111-8111-111111111111', 'ci', '', 1)");
  for (const char* role : {"own", "shared"})
    session.execute("insert into roles (id, name, description, is_system) values (:1, :2, '', false)", role, role == std::string("own") ? "key: ci" : "Shared");
  session.execute(
      "insert into application_roles (application_id, role_id) select '0190a7c8-1111-7111-8111-111111111111', id from roles where id in ('own', 'shared')");
  session.execute(
      "insert into audit_log (id, at, actor, action, target, address, outcome) values ('0190a7c8-1111-7111-8111-111111111112', 1, 'console', 'a', 't', '', "
      "'ok')");
  const std::vector<const sql::MigrationSet*> sets{&migrations::auth()};
  const auto migrated = sql::migrate(session, sets, at(2));
  ASSERT_TRUE(migrated) << migrated.error().message;
  EXPECT_EQ(store::find_role(session, "own")->application_id, ApplicationId::parse("0190a7c8-1111-7111-8111-111111111111"));
  EXPECT_EQ(store::find_role(session, "shared")->application_id, std::nullopt);
  EXPECT_EQ(store::find_role(session, "users")->application_id, std::nullopt);
  EXPECT_EQ(store::count_audit(session, {}), 1);
}

}  // namespace
}  // namespace watchbell::auth
