#include "domains/catalog/test/fixture.hpp"

namespace watchbell::catalog {
namespace {

using test::Fixture;
using test::user;

CO_TEST(CatalogService, C_1_every_read_after_a_change_returned_sees_it) {
  Fixture f(loop);
  co_await f.queue->start();
  EXPECT_EQ(co_await f.listed(), R"({"json":{"systems":[]}})");
  const auto orders = co_await f.make("Orders");
  EXPECT_NE((co_await f.listed()).find("\"Orders\""), std::string::npos);
  EXPECT_NE((co_await f.shown(orders.id)).find("\"Orders\""), std::string::npos);

  EXPECT_TRUE(co_await f.rename(orders.id, "Payments"));
  EXPECT_NE((co_await f.listed()).find("\"Payments\""), std::string::npos);
  EXPECT_NE((co_await f.shown(orders.id)).find("\"Payments\""), std::string::npos);

  EXPECT_EQ(co_await f.catalog.remove(orders.id.to_string()), true);
  EXPECT_EQ(co_await f.listed(), R"({"json":{"systems":[]}})");
  EXPECT_EQ(co_await f.shown(orders.id), R"({"json":null})");
  co_await f.shut();
}

CO_TEST(CatalogService, C_1_an_id_that_was_asked_for_before_it_existed_is_found_once_it_does) {
  Fixture f(loop);
  co_await f.queue->start();
  // The next id cannot be foretold, so a row with a known one stands in for it: gone, asked for, back.
  const auto made = co_await f.make("Orders");
  co_await f.change([&](Change& change) { change.sql().execute("update systems set id = :1", user(9)); });
  EXPECT_EQ(co_await f.shown(made.id), R"({"json":null})");
  co_await f.change([&](Change& change) { change.sql().execute("update systems set id = :1", made.id); });
  EXPECT_EQ(co_await f.shown(made.id), R"({"json":null})");  // kept: nobody said that it changed
  co_await f.make("Payments");                               // any change of the catalog drops what is known about all of it
  EXPECT_NE((co_await f.shown(made.id)).find("\"Orders\""), std::string::npos);
  co_await f.shut();
}

CO_TEST(CatalogService, reads_are_answered_from_memory) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto made = co_await f.make("Orders");
  co_await f.listed();
  co_await f.shown(made.id);
  const auto before = f.loads();
  for (int i = 0; i < 3; ++i) {
    co_await f.listed();
    co_await f.shown(made.id);
    co_await f.catalog.system("no id").wait();
  }
  EXPECT_EQ(f.loads(), before);
  co_await f.shut();
}

CO_TEST(CatalogService, R_16_a_systems_group_is_made_renamed_and_removed_with_it) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto made = co_await f.make("Orders");
  const std::string first = co_await f.group(made.id);
  EXPECT_NE(first.find("Orders"), std::string::npos);
  const std::string group = "catalog.system." + made.id.to_string();
  EXPECT_TRUE(co_await f.service.subscribe(user(1), group));
  EXPECT_NE((*(co_await f.service.subscriptions(user(1)).wait())->bytes).find("Orders"), std::string::npos);

  EXPECT_TRUE(co_await f.rename(made.id, "Payments"));
  EXPECT_NE((co_await f.group(made.id)).find("Payments"), std::string::npos);
  EXPECT_NE((*(co_await f.service.subscriptions(user(1)).wait())->bytes).find("Payments"), std::string::npos);

  EXPECT_EQ(co_await f.catalog.remove(made.id.to_string()), true);
  EXPECT_EQ(co_await f.group(made.id), "none");
  EXPECT_EQ(*(co_await f.service.subscriptions(user(1)).wait())->bytes, R"({"json":[]})");
  EXPECT_EQ(co_await f.rows("notification_subscriptions"), 0);
  co_await f.shut();
}

CO_TEST(CatalogService, groups_that_are_missing_are_made_at_start) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto made = co_await f.make("Orders");
  co_await f.change([&](Change& change) { change.sql().execute("delete from notification_groups"); });
  EXPECT_EQ(co_await f.group(made.id), "none");
  EXPECT_TRUE(co_await f.catalog.mend_groups());
  EXPECT_NE((co_await f.group(made.id)).find("Orders"), std::string::npos);
  co_await f.shut();
}

CO_TEST(CatalogService, R_10_a_taken_name_is_a_conflict_and_changes_nothing) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto orders = co_await f.make("Orders");
  const auto payments = co_await f.make("Payments");
  const auto twice = co_await f.catalog.create({.name = Text<1, 200>::of(" oRDERS "), .description = {}, .metadata = {}});
  CO_ASSERT_TRUE(!twice);
  EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  const auto renamed = co_await f.rename(payments.id, "ORDERS");
  CO_ASSERT_TRUE(!renamed);
  EXPECT_EQ(renamed.error().code, ErrorCode::conflict);
  EXPECT_EQ(co_await f.rows("systems"), 2);
  EXPECT_EQ(co_await f.rows("notification_groups"), 2);
  EXPECT_NE((co_await f.group(payments.id)).find("Payments"), std::string::npos);
  EXPECT_TRUE(co_await f.rename(orders.id, "ORDERS"));  // its own name in other letters
  co_await f.shut();
}

CO_TEST(CatalogService, R_15_absent_keeps_and_null_clears) {
  Fixture f(loop);
  co_await f.queue->start();
  CreateSystem input{.name = Text<1, 200>::of("Orders"), .description = Text<0, 10'000>::of("takes orders"), .metadata = Metadata{.text = R"({"tier":1})"}};
  const auto made = co_await f.catalog.create(std::move(input));
  CO_ASSERT_TRUE(made);
  const auto kept = co_await f.rename(made->id, "Payments");
  CO_ASSERT_TRUE(kept);
  EXPECT_NE(rpc::to_json(*kept).find(R"("description":"takes orders","metadata":{"tier":1})"), std::string::npos);
  UpdateSystem clear{.id = Text<1, 200>::of(made->id.to_string()), .data = {}};
  clear.data.description = Patch<Text<0, 10'000>>::cleared();
  clear.data.metadata = Patch<Metadata>::cleared();
  const auto cleared = co_await f.catalog.update(std::move(clear));
  CO_ASSERT_TRUE(cleared);
  EXPECT_NE(rpc::to_json(*cleared).find("\"name\":\"Payments\",\"description\":null,\"metadata\":null"), std::string::npos);
  co_await f.shut();
}

CO_TEST(CatalogService, R_17_search_shows_what_may_be_read_and_at_most_so_many) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto orders = co_await f.make("Orders");
  auto described = co_await f.catalog.create({.name = Name::of("Payments"), .description = Description::of("takes the money of ORDERS"), .metadata = {}});
  CO_ASSERT_TRUE(described);
  const auto other = co_await f.make("Returns");
  const auto found = [&](std::string text, access::Reach sees, std::size_t limit = 50) -> awaitable<std::string> {
    const auto systems = co_await f.catalog.search(std::move(text), std::move(sees), limit);
    std::string names;
    for (const auto& system : *systems) names += system.name + " ";
    co_return names;
  };
  EXPECT_EQ(co_await found("order", access::Reach::everything()), "Orders Payments ");
  EXPECT_EQ(co_await found("RETURN", access::Reach::everything()), "Returns ");
  EXPECT_EQ(co_await found("", access::Reach::everything()), "Orders Payments Returns ");
  EXPECT_EQ(co_await found("", access::Reach::everything(), 2), "Orders Payments ");
  EXPECT_EQ(co_await found("%", access::Reach::everything()), "");
  EXPECT_EQ(co_await found("order", access::Reach::all_but({orders.id.to_string()})), "Payments ");
  // What is hidden takes no place of what is shown.
  EXPECT_EQ(co_await found("", access::Reach::only({other.id.to_string()}), 1), "Returns ");
  EXPECT_EQ(co_await found("", access::Reach()), "");
  co_await f.shut();
}

CO_TEST(CatalogService, unknown_ids_are_told_apart) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto nobody = SystemId(user(5).uuid());
  for (const std::string& id : {nobody.to_string(), std::string("no id")}) {
    UpdateSystem input{.id = Text<1, 200>::of(id), .data = {}};
    const auto updated = co_await f.catalog.update(std::move(input));
    CO_ASSERT_TRUE(!updated);
    EXPECT_EQ(updated.error().code, ErrorCode::not_found);
    EXPECT_EQ(co_await f.catalog.remove(id), false);
    EXPECT_EQ(*(co_await f.catalog.system(id).wait())->bytes, R"({"json":null})");
  }
  co_await f.shut();
}

CO_TEST(CatalogService, browsers_that_may_see_systems_are_told_of_each_change_after_it_can_be_read) {
  Fixture f(loop);
  co_await f.queue->start();
  f.identity.rules = {"catalog.system.read"};
  const auto page = co_await f.open_page(user(1));
  f.identity.rules = {};
  const auto stranger = co_await f.open_page(user(2));
  const auto made = co_await f.make("Orders");
  EXPECT_TRUE(co_await f.rename(made.id, "Payments"));
  EXPECT_EQ(co_await f.catalog.remove(made.id.to_string()), true);
  EXPECT_EQ(co_await f.catalog.remove(made.id.to_string()), false);  // nothing more to say
  EXPECT_EQ(page->count("catalog.changed"), 3u);
  EXPECT_EQ(page->count(R"("action":"created")"), 1u);
  EXPECT_EQ(page->count(R"("action":"updated")"), 1u);
  EXPECT_EQ(page->count(R"("action":"deleted")"), 1u);
  EXPECT_EQ(stranger->count("catalog.changed"), 0u);
  co_await f.shut();
}

awaitable<void> note(std::vector<std::string>& heard, SystemDeleted event) {
  heard.push_back(event.system_id.str() + " " + (event.system_name ? event.system_name->str() : ""));
  co_return;
}

CO_TEST(CatalogService, other_areas_hear_of_a_removed_system) {
  Fixture f(loop);
  std::vector<std::string> heard;
  EXPECT_TRUE(f.bus->on_work(kSystemDeleted, "test", [&heard](SystemDeleted event) { return note(heard, std::move(event)); }));
  co_await f.queue->start();
  const auto made = co_await f.make("Orders");
  EXPECT_EQ(co_await f.catalog.remove(made.id.to_string()), true);
  co_await f.until([&] { return !heard.empty(); });
  EXPECT_EQ(heard, std::vector<std::string>{made.id.to_string() + " Orders"});
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::catalog
