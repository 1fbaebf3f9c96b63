#include <boost/asio/co_spawn.hpp>

#include "domains/catalog/store.hpp"
#include "domains/catalog/test/fixture.hpp"
#include "runtime/test/held_read.hpp"

namespace watchbell::catalog {
namespace {

using test::Fixture;
using test::user;

CO_TEST(CatalogGroups, C_1_every_read_after_a_change_returned_sees_it) {
  Fixture f(loop);
  co_await f.queue->start();
  EXPECT_EQ(co_await f.grouped(), R"({"json":[]})");
  const auto system = co_await f.make("Orders");
  const auto group = co_await f.make_group("Shop");
  EXPECT_NE((co_await f.grouped()).find("\"Shop\",\"systemIds\":[]"), std::string::npos);
  EXPECT_EQ(*(co_await f.catalog.group_ids(system.id.to_string()).wait())->bytes, R"({"json":{"groupIds":[]}})");

  co_await f.join(group.id, system.id);
  EXPECT_NE((co_await f.grouped()).find("\"systemIds\":[\"" + system.id.to_string() + "\"]"), std::string::npos);
  EXPECT_NE((co_await f.entities()).find("\"systemIds\":[\"" + system.id.to_string() + "\"]"), std::string::npos);
  EXPECT_EQ(*(co_await f.catalog.group_ids(system.id.to_string()).wait())->bytes, R"({"json":{"groupIds":[")" + group.id.to_string() + R"("]}})");

  // A system takes its memberships with it, a group leaves its systems.
  EXPECT_EQ(co_await f.catalog.remove(system.id.to_string()), true);
  EXPECT_NE((co_await f.grouped()).find("\"systemIds\":[]"), std::string::npos);
  EXPECT_EQ(co_await f.rows("systems_groups"), 0);
  const auto other = co_await f.make("Payments");
  co_await f.join(group.id, other.id);
  EXPECT_EQ(co_await f.catalog.remove_group(group.id.to_string()), true);
  EXPECT_EQ(co_await f.grouped(), R"({"json":[]})");
  EXPECT_EQ(co_await f.rows("systems"), 1);
  EXPECT_EQ(co_await f.rows("systems_groups"), 0);
  co_await f.shut();
}

CO_TEST(CatalogGroups, R_04_two_hundred_systems_are_three_statements_and_none_when_warm) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto group = co_await f.make_group("Shop");
  co_await f.change([&](Change& change) {
    for (int i = 0; i < 200; ++i) {
      const System system{.id = SystemId(user(1000 + i).uuid()),
                          .name = fmt::format("System {:03}", i),
                          .description = {},
                          .metadata = {},
                          .created_at = change.now(),
                          .updated_at = change.now()};
      store::insert(change.sql(), system);
      store::add_membership(change.sql(), {.group = group.id, .system = system.id});
    }
  });
  // What the load of getEntities runs, counted by the database itself; what begins and ends its snapshot does not count.
  int statements = 0;
  const auto count = [](unsigned, void* counter, void*, void* text) {
    if (std::string_view(static_cast<const char*>(text)).starts_with("select")) ++*static_cast<int*>(counter);
    return 0;
  };
  static_cast<void>(co_await f.database->read([&](sql::Session& session) {
    sqlite3_trace_v2(static_cast<sqlite3*>(session.connection().native_handle_for_test()), SQLITE_TRACE_STMT, +count, &statements);
  }));
  const auto cold = co_await f.entities();
  EXPECT_NE(cold.find("System 199"), std::string::npos);
  EXPECT_EQ(statements, 3);
  statements = 0;
  EXPECT_EQ(co_await f.entities(), cold);
  EXPECT_EQ(statements, 0);
  co_await f.shut();
}

CO_TEST(CatalogGroups, R_05_a_load_that_a_change_overtook_leaves_no_entry) {
  Fixture f(loop, Fixture::Storage::file);
  watchbell::test::HeldRead held(loop, *f.database);
  co_await f.queue->start();
  co_await held.arm();
  std::string seen = "nothing";
  f.scope.spawn("load", [](Fixture& fixture, std::string& out) -> awaitable<void> { out = co_await fixture.entities(); }(f, seen));
  co_await held.entered();
  co_await f.make_group("Shop");
  held.release();
  co_await f.until([&] { return seen != "nothing"; });
  EXPECT_EQ(seen.find("Shop"), std::string::npos);  // its caller began before the change
  EXPECT_NE((co_await f.entities()).find("Shop"), std::string::npos);
  co_await f.shut();
}

CO_TEST(CatalogGroups, R_10_of_fifty_who_take_one_name_one_gets_it) {
  Fixture f(loop);
  co_await f.queue->start();
  int made = 0;
  int conflicts = 0;
  const auto take = [](Fixture& fixture, bool group, int& good, int& taken) -> awaitable<void> {
    const auto outcome = [&](const auto& result) {
      if (result)
        ++good;
      else if (result.error().code == ErrorCode::conflict)
        ++taken;
    };
    if (group)
      outcome(co_await fixture.catalog.create_group({.name = Name::of("Shop"), .metadata = {}}));
    else
      outcome(co_await fixture.catalog.create({.name = Name::of("Shop"), .description = {}, .metadata = {}}));
  };
  for (const bool group : {false, true}) {
    made = conflicts = 0;
    for (int i = 0; i < 50; ++i) f.scope.spawn("take", take(f, group, made, conflicts));
    co_await f.until([&] { return made + conflicts == 50; });
    EXPECT_EQ(made, 1);
  }
  EXPECT_EQ(co_await f.rows("systems"), 1);
  EXPECT_EQ(co_await f.rows("groups"), 1);
  co_await f.shut();
}

CO_TEST(CatalogGroups, R_11_groups_come_in_their_order_and_their_systems_by_name) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto beta = co_await f.make_group("beta");
  const auto alpha = co_await f.make_group("Alpha");
  const auto gamma = co_await f.make_group("gamma");
  const auto second = co_await f.make("b");
  const auto first = co_await f.make("A");
  co_await f.join(beta.id, second.id);
  co_await f.join(beta.id, first.id);
  const auto order = [&]() -> awaitable<std::string> {
    std::string names;
    const auto all = co_await f.catalog.groups(access::Reach::everything()).wait();
    for (const auto& group : *all->value) names += group.name + " ";
    co_return names;
  };
  EXPECT_EQ(co_await order(), "beta Alpha gamma ");  // as they were made
  EXPECT_NE((co_await f.grouped()).find("[\"" + first.id.to_string() + "\",\"" + second.id.to_string() + "\"]"), std::string::npos);
  const auto put = [&](std::vector<std::string> ids) -> awaitable<Result<bool>> {
    ReorderGroups input;
    for (auto& id : ids) input.ordered_ids.push_back(IdText::of(std::move(id)));
    co_return co_await f.catalog.order_groups(std::move(input));
  };
  EXPECT_EQ(co_await put({gamma.id.to_string(), beta.id.to_string(), alpha.id.to_string()}), true);
  EXPECT_EQ(co_await order(), "gamma beta Alpha ");
  // One twice, in whatever letters, and one that is not there change nothing.
  std::string loud = gamma.id.to_string();
  for (char& c : loud) c = static_cast<char>(std::toupper(c));
  EXPECT_FALSE(co_await put({gamma.id.to_string(), gamma.id.to_string()}));
  if (loud != gamma.id.to_string()) {
    const auto twice = co_await put({gamma.id.to_string(), loud});
    EXPECT_TRUE(!twice || !*twice);
  }
  EXPECT_EQ(co_await put({alpha.id.to_string(), user(9).to_string()}), false);
  EXPECT_EQ(co_await put({alpha.id.to_string(), "no id"}), false);
  EXPECT_EQ(co_await put({}), true);
  EXPECT_EQ(co_await order(), "gamma beta Alpha ");
  // A new one comes last.
  co_await f.make_group("delta");
  EXPECT_EQ(co_await order(), "gamma beta Alpha delta ");
  const auto once = co_await f.grouped();
  f.cache.clear();
  EXPECT_EQ(co_await f.grouped(), once);
  co_await f.shut();
}

CO_TEST(CatalogGroups, R_15_null_clears_and_an_unknown_delete_says_nothing) {
  Fixture f(loop);
  co_await f.queue->start();
  f.identity.rules = {"catalog.system.read"};
  const auto page = co_await f.open_page(user(1));
  const auto made = co_await f.catalog.create_group({.name = Name::of("Shop"), .metadata = Metadata{.text = R"({"a":1})"}});
  CO_ASSERT_TRUE(made);
  UpdateGroup clear{.id = IdText::of(made->id.to_string()), .data = {}};
  clear.data.metadata = Patch<Metadata>::cleared();
  const auto cleared = co_await f.catalog.update_group(std::move(clear), access::Reach::everything());
  CO_ASSERT_TRUE(cleared);
  EXPECT_NE(rpc::to_json(*cleared).find("\"metadata\":null"), std::string::npos);
  EXPECT_NE((co_await f.grouped()).find("\"metadata\":null"), std::string::npos);
  page->heard.clear();
  for (const std::string& id : {user(5).to_string(), std::string("no id")}) EXPECT_EQ(co_await f.catalog.remove_group(id), false);
  EXPECT_EQ(page->count("catalog.changed"), 0u);
  EXPECT_EQ(co_await f.rows("groups"), 1);
  co_await f.shut();
}

CO_TEST(CatalogGroups, R_16_its_notification_group_is_made_renamed_and_removed_with_a_group) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto made = co_await f.make_group("Shop");
  const std::string id = "catalog.group." + made.id.to_string();
  EXPECT_EQ(co_await f.followed(id), "Shop Notifications/Notifications for Shop");
  UpdateGroup rename{.id = IdText::of(made.id.to_string()), .data = {}};
  rename.data.name = Name::of("Store");
  EXPECT_TRUE(co_await f.catalog.update_group(std::move(rename), access::Reach::everything()));
  EXPECT_EQ(co_await f.followed(id), "Store Notifications/Notifications for Store");
  co_await f.change([&](Change& change) { change.sql().execute("delete from notification_groups"); });
  EXPECT_TRUE(co_await f.catalog.mend_groups());
  EXPECT_EQ(co_await f.followed(id), "Store Notifications/Notifications for Store");
  EXPECT_EQ(co_await f.catalog.remove_group(made.id.to_string()), true);
  EXPECT_EQ(co_await f.followed(id), "none");
  co_await f.shut();
}

awaitable<void> note(std::vector<std::string>& heard, GroupDeleted event) {
  heard.push_back(event.group_id.str() + " " + (event.group_name ? event.group_name->str() : ""));
  co_return;
}

CO_TEST(CatalogGroups, browsers_and_other_areas_are_told_of_what_changed) {
  Fixture f(loop);
  std::vector<std::string> heard;
  EXPECT_TRUE(f.bus->on_work(kGroupDeleted, "test", [&heard](GroupDeleted event) { return note(heard, std::move(event)); }));
  co_await f.queue->start();
  f.identity.rules = {"catalog.system.read"};
  const auto page = co_await f.open_page(user(1));
  const auto system = co_await f.make("Orders");
  const auto group = co_await f.make_group("Shop");
  for (int i = 0; i < 2; ++i) co_await f.join(group.id, system.id);  // the second changes nothing
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(co_await f.catalog.remove_from_group(f.membership(group.id, system.id)));
  EXPECT_EQ(co_await f.catalog.remove_group(group.id.to_string()), true);
  // A socket that is told much is written to each 100 ms.
  co_await f.elapse_until([&] { return page->count(R"("entity":"group","action":"deleted")") > 0; });
  EXPECT_EQ(page->count(R"("entity":"group","action":"created")"), 1u);
  EXPECT_EQ(page->count(R"("entity":"membership","action":"updated")"), 2u);
  EXPECT_EQ(page->count(R"("entity":"group","action":"deleted")"), 1u);
  co_await f.until([&] { return !heard.empty(); });
  EXPECT_EQ(heard, std::vector<std::string>{group.id.to_string() + " Shop"});
  co_await f.shut();
}

CO_TEST(CatalogGroups, membership_needs_both) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto system = co_await f.make("Orders");
  const auto group = co_await f.make_group("Shop");
  const auto code = [&](std::string group_id, std::string system_id) -> awaitable<std::string> {
    const auto joined = co_await f.catalog.add_to_group({.group_id = IdText::of(std::move(group_id)), .system_id = IdText::of(std::move(system_id))});
    co_return joined ? "good" : std::string(wire_code(joined.error().code));
  };
  EXPECT_EQ(co_await code(user(9).to_string(), system.id.to_string()), "NOT_FOUND");
  EXPECT_EQ(co_await code(group.id.to_string(), user(9).to_string()), "NOT_FOUND");
  EXPECT_EQ(co_await code("no id", system.id.to_string()), "NOT_FOUND");
  EXPECT_EQ(co_await code(group.id.to_string(), "no id"), "NOT_FOUND");
  EXPECT_EQ(co_await code(group.id.to_string(), system.id.to_string()), "good");
  EXPECT_TRUE(co_await f.catalog.remove_from_group({.group_id = IdText::of("no id"), .system_id = IdText::of("no id")}));
  EXPECT_EQ(co_await f.rows("systems_groups"), 1);
  co_await f.shut();
}

CO_TEST(CatalogGroups, followers_of_a_system_and_of_its_groups_are_told_once) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto system = co_await f.make("Orders");
  const auto group = co_await f.make_group("Shop");
  co_await f.join(group.id, system.id);
  for (const auto& id : {"catalog.system." + system.id.to_string(), "catalog.group." + group.id.to_string()})
    EXPECT_TRUE(co_await f.service.subscribe(user(1), id));
  EXPECT_TRUE(co_await f.service.subscribe(user(2), "catalog.group." + group.id.to_string()));
  const auto tell = [&](std::string id, bool groups) -> awaitable<Result<notification::Notified>> {
    NotifySubscribers input{.system_id = IdText::of(std::move(id)),
                            .title = Text<1, 200>::of("Down"),
                            .body = {Text<0, 10'000>::of("It is")},
                            .action = {},
                            .include_group_subscribers = groups};
    co_return co_await f.catalog.notify_subscribers(access::Principal::service("incident"), std::move(input));
  };
  EXPECT_EQ((co_await tell(system.id.to_string(), false))->notified_count, 1);
  EXPECT_EQ((co_await tell(system.id.to_string(), true))->notified_count, 2);
  EXPECT_EQ(co_await f.rows("notifications"), 3);
  for (const std::string& id : {user(9).to_string(), std::string("no id")}) EXPECT_EQ((co_await tell(id, true)).error().code, ErrorCode::not_found);
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::catalog
