#include <gtest/gtest.h>

#include "domains/catalog/module.hpp"
#include "domains/catalog/store.hpp"
#include "platform/sql/testing.hpp"

namespace watchbell::catalog {
namespace {

System make(std::string name, std::int64_t at = 1) {
  const auto now = Timestamp::from_millis(at);
  return {.id = SystemId::make(now), .name = std::move(name), .description = {}, .metadata = "{}", .created_at = now, .updated_at = now};
}

struct CatalogStore : ::testing::Test {
  sql::testing::FreshSession session{migrations::catalog()};
};

TEST_F(CatalogStore, R_10_names_are_unique_without_regard_to_case) {
  EXPECT_TRUE(store::insert(session, make("Payments")));
  EXPECT_FALSE(store::insert(session, make("pAYMENTS")));
  auto other = make("Orders");
  EXPECT_TRUE(store::insert(session, other));
  other.name = "PAYMENTS";
  EXPECT_FALSE(store::update(session, other));
  other.name = "ORDERS";
  EXPECT_TRUE(store::update(session, other));
  // A name given up is free again.
  other.name = "Returns";
  EXPECT_TRUE(store::update(session, other));
  EXPECT_TRUE(store::insert(session, make("orders")));
}

TEST_F(CatalogStore, letters_beyond_ascii_keep_their_case) {
  EXPECT_TRUE(store::insert(session, make("\u00c4pfel")));
  EXPECT_TRUE(store::insert(session, make("\u00e4pfel")));
  EXPECT_FALSE(store::insert(session, make("\u00c4PFEL")));
}

TEST_F(CatalogStore, R_11_systems_come_by_lower_case_name_then_id) {
  for (const char* name : {"b", "C", "a"}) ASSERT_TRUE(store::insert(session, make(name)));
  std::string names;
  for (const auto& system : store::all(session)) names += system.name;
  EXPECT_EQ(names, "abC");
}

TEST_F(CatalogStore, R_18_reads_of_one_system_use_their_indexes) {
  const auto plan = [&](const std::string& select) {
    std::string steps;
    for (const auto& [id, parent, unused, detail] :
         session.all<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>>("explain query plan " + select, "x"))
      steps += detail + "\n";
    return steps;
  };
  const auto uses = [&](const std::string& select, std::string_view index) {
    const auto steps = plan(select);
    EXPECT_NE(steps.find(index), std::string::npos) << steps;
    EXPECT_EQ(steps.find("SCAN"), std::string::npos) << steps;
    EXPECT_EQ(steps.find("TEMP B-TREE"), std::string::npos) << steps;
  };
  uses("select id from system_contacts where system_id = :1 order by created_at, id", "system_contacts_by_system");
  uses("select system_id from system_contacts where user_id = :1", "system_contacts_by_user");
  uses("select system_id from systems_groups where group_id = :1", "systems_groups_by_group");
  uses("select group_id from systems_groups where system_id = :1", "sqlite_autoindex_systems_groups_1");
}

TEST_F(CatalogStore, a_contact_is_a_user_or_a_mailbox) {
  const auto system = make("a");
  ASSERT_TRUE(store::insert(session, system));
  const Contact neither{.id = ContactId::make(system.created_at), .system = system.id, .user = {}, .email = {}, .label = {}, .created_at = system.created_at};
  EXPECT_THROW(store::insert_contact(session, neither), sql::Fault);
  auto both = neither;
  both.user = UserId::make(system.created_at);
  both.email = "a@example.com";
  EXPECT_THROW(store::insert_contact(session, both), sql::Fault);
  both.email.reset();
  EXPECT_TRUE(store::insert_contact(session, both));
}

TEST_F(CatalogStore, what_is_absent_stays_absent) {
  auto system = make("a");
  system.metadata.reset();
  ASSERT_TRUE(store::insert(session, system));
  const auto found = store::find(session, system.id);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->description);
  EXPECT_FALSE(found->metadata);
  EXPECT_TRUE(store::remove(session, system.id));
  EXPECT_FALSE(store::remove(session, system.id));
  EXPECT_FALSE(store::exists(session, system.id));
}

}  // namespace
}  // namespace watchbell::catalog
