#include "domains/catalog/test/fixture.hpp"

namespace watchbell::catalog {
namespace {

using test::Fixture;
using test::user;

auth::UserSummary person(int n) { return {.id = user(n), .email = fmt::format("p{}@example.com", n), .name = fmt::format("Person {}", n)}; }

CO_TEST(CatalogContacts, C_1_every_read_after_a_change_returned_sees_it) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto system = co_await f.make("Orders");
  EXPECT_EQ(co_await f.contacts(system.id), "[]");
  const auto made = co_await f.catalog.add_contact(f.mailbox(system.id, "Team@Example.com"));
  CO_ASSERT_TRUE(made);
  EXPECT_NE((co_await f.contacts(system.id)).find("\"team@example.com\""), std::string::npos);
  const auto id = std::get<MailboxContactView>(*made).id.to_string();
  EXPECT_EQ(co_await f.catalog.remove_contact({.id = IdText::of(id), .system_id = {}}), true);
  EXPECT_EQ(co_await f.catalog.remove_contact({.id = IdText::of(id), .system_id = {}}), false);
  EXPECT_EQ(co_await f.contacts(system.id), "[]");
  EXPECT_TRUE(co_await f.catalog.add_contact(f.mailbox(system.id, "team@example.com")));
  EXPECT_NE(co_await f.contacts(system.id), "[]");
  EXPECT_EQ(co_await f.catalog.remove(system.id.to_string()), true);
  EXPECT_EQ(co_await f.contacts(system.id), "[]");
  EXPECT_EQ(co_await f.rows("system_contacts"), 0);
  EXPECT_EQ(rpc::to_json((co_await f.catalog.contacts("no id")).value()), "[]");
  co_await f.shut();
}

CO_TEST(CatalogContacts, R_14_ten_people_are_one_look_up_and_a_failed_one_leaves_the_list) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto system = co_await f.make("Orders");
  for (int i = 1; i <= 10; ++i) {
    f.people[user(i)] = person(i);
    EXPECT_TRUE(co_await f.catalog.add_contact(f.user_contact(system.id, user(i))));
  }
  f.looked_up = 0;
  EXPECT_NE((co_await f.contacts(system.id)).find("\"userName\":\"Person 7\",\"userEmail\":\"p7@example.com\""), std::string::npos);
  EXPECT_EQ(f.looked_up, 1);
  // Rows are kept, names are not: a new name is seen at once, somebody who is gone has none.
  const auto reads = f.loads();
  f.people[user(7)].name = "Renamed";
  f.people.erase(user(8));
  const auto later = co_await f.contacts(system.id);
  EXPECT_EQ(f.loads(), reads);
  EXPECT_NE(later.find("Renamed"), std::string::npos);
  EXPECT_EQ(later.find("Person 8"), std::string::npos);
  EXPECT_NE(later.find(user(8).to_string()), std::string::npos);
  f.people_broken = true;
  const auto nameless = co_await f.contacts(system.id);
  EXPECT_EQ(nameless.find("userName"), std::string::npos);
  EXPECT_NE(nameless.find(user(7).to_string()), std::string::npos);
  co_await f.shut();
}

CO_TEST(CatalogContacts, R_10_a_system_has_a_user_and_a_mailbox_once) {
  Fixture f(loop);
  co_await f.queue->start();
  f.people[user(1)] = person(1);
  const auto orders = co_await f.make("Orders");
  const auto payments = co_await f.make("Payments");
  for (const auto& input : {f.user_contact(orders.id, user(1)), f.mailbox(orders.id, "team@example.com")}) {
    EXPECT_TRUE(co_await f.catalog.add_contact(input));
    const auto twice = co_await f.catalog.add_contact(input);
    CO_ASSERT_TRUE(!twice);
    EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  }
  EXPECT_TRUE(co_await f.catalog.add_contact(f.user_contact(payments.id, user(1))));
  EXPECT_EQ(co_await f.rows("system_contacts"), 3);
  co_await f.shut();
}

CO_TEST(CatalogContacts, what_does_not_exist_is_not_found) {
  Fixture f(loop);
  co_await f.queue->start();
  f.people[user(1)] = person(1);
  const auto orders = co_await f.make("Orders");
  const auto nowhere = SystemId(user(9).uuid());
  for (const auto& input : {f.user_contact(nowhere, user(1)), f.mailbox(nowhere, "team@example.com"), f.user_contact(orders.id, user(2))}) {
    const auto added = co_await f.catalog.add_contact(input);
    CO_ASSERT_TRUE(!added);
    EXPECT_EQ(added.error().code, ErrorCode::not_found);
  }
  EXPECT_EQ(co_await f.rows("system_contacts"), 0);
  co_await f.shut();
}

CO_TEST(CatalogContacts, R_11_contacts_come_by_age_then_id) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto orders = co_await f.make("Orders");
  for (const char* email : {"c@example.com", "a@example.com", "b@example.com"}) {
    EXPECT_TRUE(co_await f.catalog.add_contact(f.mailbox(orders.id, email)));
    f.clock.advance(std::chrono::seconds(1));
  }
  const auto once = co_await f.contacts(orders.id);
  EXPECT_LT(once.find("c@"), once.find("a@"));
  EXPECT_LT(once.find("a@"), once.find("b@"));
  f.cache.clear();
  EXPECT_EQ(co_await f.contacts(orders.id), once);
  co_await f.shut();
}

CO_TEST(CatalogContacts, somebody_who_is_gone_is_no_contact_any_more) {
  Fixture f(loop);
  co_await f.queue->start();
  f.people[user(1)] = person(1);
  f.people[user(2)] = person(2);
  const auto orders = co_await f.make("Orders");
  const auto payments = co_await f.make("Payments");
  for (const auto& system : {orders.id, payments.id})
    for (const int n : {1, 2}) EXPECT_TRUE(co_await f.catalog.add_contact(f.user_contact(system, user(n))));
  EXPECT_NE((co_await f.contacts(payments.id)).find(user(1).to_string()), std::string::npos);
  co_await f.change([&](Change& change) { f.catalog.forget(change, user(1)); });
  for (const auto& system : {orders.id, payments.id}) {
    EXPECT_EQ((co_await f.contacts(system)).find(user(1).to_string()), std::string::npos);
    EXPECT_NE((co_await f.contacts(system)).find(user(2).to_string()), std::string::npos);
  }
  co_await f.shut();
}

CO_TEST(CatalogContacts, pages_are_told) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto orders = co_await f.make("Orders");
  f.identity.rules = {"catalog.system.read"};
  const auto page = co_await f.open_page(user(1));
  const auto made = co_await f.catalog.add_contact(f.mailbox(orders.id, "team@example.com"));
  CO_ASSERT_TRUE(made);
  EXPECT_EQ(page->count(R"("entity":"system","action":"updated","id":")" + orders.id.to_string()), 1u);
  EXPECT_EQ(page->count("team@"), 0u);
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::catalog
