#include "domains/catalog/test/fixture.hpp"

namespace watchbell::catalog {
namespace {

using test::Calls;

CO_TEST(CatalogContract, R_01_without_rights_no_mutation_runs) {
  Calls f(loop);
  co_await f.queue->start();
  const auto system = co_await f.make("Orders");
  const std::string id = system.id.to_string();
  const auto before = f.database->counters().writes;
  int mutations = 0;
  for (const auto& procedure : f.dispatcher.areas()[0].procedures()) {
    if (procedure->kind() != rpc::Kind::mutation) continue;
    ++mutations;
    // Nothing given, what a member without rights would send, and everything that could name an object.
    for (const std::string& body : {std::string("{}"), std::string(R"({"json":{}})"), "{\"json\":\"" + id + "\"}",
                                    R"({"json":{"id":")" + id + R"(","systemId":")" + id + R"(","groupId":")" + id +
                                        R"(","name":"x","data":{},"type":"mailbox","email":"a@b.io","configuration":{},"orderedIds":[]}})"}) {
      EXPECT_EQ((co_await f.call_as("", procedure->name(), body)).substr(0, 3), "401") << procedure->name() << body;
      EXPECT_EQ((co_await f.call(procedure->name(), body)).substr(0, 3), "403") << procedure->name() << body;
    }
  }
  EXPECT_EQ(mutations, 15);
  EXPECT_EQ(f.database->counters().writes, before);
  co_await f.shut();
}

CO_TEST(CatalogContract, R_03_nothing_empty_and_unknown_members_are_one_entry) {
  Calls f(loop);
  co_await f.queue->start();
  f.identity.rules = {"*"};
  const auto before = f.loads();
  for (const char* procedure : {"getSystems", "getGroups", "getEntities"})
    for (const char* body : {"", "{}", R"({"json":{}})", R"({"json":{"limit":3}})", R"({"json":null,"meta":[[3]]})"})
      EXPECT_EQ((co_await f.call(procedure, body)).substr(0, 3), "200") << body;
  EXPECT_EQ(f.loads(), before + 3);
  co_await f.shut();
}

CO_TEST(CatalogContract, R_12_nobody_is_told_of_a_system_he_may_not_see) {
  Calls f(loop);
  co_await f.queue->start();
  const auto open = co_await f.make("Open");
  const auto hidden = co_await f.make("Hidden");
  const auto group = co_await f.make_group("Shop");
  co_await f.join(group.id, open.id);
  co_await f.join(group.id, hidden.id);
  co_await f.catalog.add_contact(f.mailbox(hidden.id, "team@example.com"));
  f.identity.rules = {"catalog.system.read", "catalog.group.manage"};
  f.identity.anonymous = {"catalog.system.read", "catalog.group.read"};
  const auto everything = co_await f.call("getEntities", "{}");
  EXPECT_NE(everything.find(hidden.id.to_string()), std::string::npos);
  f.objects.seen = access::Reach::all_but({hidden.id.to_string()});
  for (const std::string& cookie : {std::string(), test::user(1).to_string()}) {
    for (const char* procedure : {"getEntities", "getSystems", "getGroups"}) {
      const auto answer = co_await f.call_as(cookie, procedure, "{}");
      EXPECT_EQ(answer.substr(0, 3), "200") << procedure;
      EXPECT_EQ(answer.find(hidden.id.to_string()), std::string::npos) << answer;
      EXPECT_EQ(answer.find("Hidden"), std::string::npos) << answer;
      EXPECT_NE(answer.find(open.id.to_string()), std::string::npos) << answer;
    }
    EXPECT_EQ((co_await f.call_as(cookie, "getSystem", R"({"json":{"systemId":")" + hidden.id.to_string() + "\"}}")).substr(0, 3), "403");
  }
  EXPECT_EQ((co_await f.call("updateGroup", R"({"json":{"id":")" + group.id.to_string() + R"(","data":{}}})")).find(hidden.id.to_string()), std::string::npos);
  EXPECT_EQ((co_await f.call("getSystemContacts", R"({"json":{"systemId":")" + hidden.id.to_string() + "\"}}")).substr(0, 3), "403");
  // What was kept is everybody's still (R-02).
  f.objects.seen.reset();
  EXPECT_EQ(co_await f.call("getEntities", "{}"), everything);
  co_await f.shut();
}

CO_TEST(CatalogContract, R_13_visitors_get_no_contacts) {
  Calls f(loop);
  co_await f.queue->start();
  const auto system = co_await f.make("Orders");
  co_await f.catalog.add_contact(f.mailbox(system.id, "team@example.com"));
  f.identity.anonymous = {"*"};
  f.identity.rules = {"catalog.system.read"};
  const std::string body = R"({"json":{"systemId":")" + system.id.to_string() + "\"}}";
  EXPECT_EQ((co_await f.call_as("", "getSystemContacts", body)).substr(0, 3), "401");
  EXPECT_NE((co_await f.call("getSystemContacts", body)).find("team@example.com"), std::string::npos);
  for (const char* procedure : {"getEntities", "getSystems", "getGroups"})
    EXPECT_EQ((co_await f.call_as("", procedure, "{}")).find("team@"), std::string::npos);
  co_await f.shut();
}

CO_TEST(CatalogContract, groups_contacts_and_views_over_the_wire) {
  Calls f(loop);
  co_await f.queue->start();
  f.identity.rules = {"*"};
  f.people[test::user(5)] = {.id = test::user(5), .email = "cora@example.com", .name = "Cora"};
  const auto system = (co_await f.make("Orders")).id.to_string();
  EXPECT_EQ((co_await f.call("createGroup", R"({"json":{"name":"Shop","metadata":{"color":"red"}}})")).substr(0, 3), "200");
  const auto group = co_await f.one<std::string>("select id from groups");
  const std::string both = R"({"json":{"groupId":")" + group + R"(","systemId":")" + system + "\"}}";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(co_await f.call("addSystemToGroup", both), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(
      co_await f.call("getGroups", "{}"),
      R"(200 {"json":[{"id":")" + group + R"(","name":"Shop","systemIds":[")" + system +
          R"("],"metadata":{"color":"red"},"sortOrder":0,"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"}],"meta":[[1,0,"createdAt"],[1,0,"updatedAt"]]})");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(co_await f.call("removeSystemFromGroup", both), R"(200 {"json":{"success":true}})");
  EXPECT_EQ((co_await f.call("addSystemToGroup", R"({"json":{"groupId":")" + group + R"(","systemId":"00000000-0000-4000-8000-000000000000"}})")).substr(0, 3),
            "404");
  EXPECT_EQ((co_await f.call("updateGroup", R"({"json":{"id":"00000000-0000-4000-8000-000000000000","data":{"name":"x"}}})")).substr(0, 3), "404");

  const auto contact = co_await f.call(
      "addSystemContact", R"({"json":{"systemId":")" + system + R"(","type":"user","userId":")" + test::user(5).to_string() + R"(","label":"owner"}})");
  EXPECT_NE(contact.find(R"("label":"owner","createdAt":"2026-01-01T00:00:00.000Z","userId":")" + test::user(5).to_string() +
                         R"(","userName":"Cora","userEmail":"cora@example.com"})"),
            std::string::npos)
      << contact;
  EXPECT_NE(contact.find(R"("type":"user")"), std::string::npos);
  const auto id = co_await f.one<std::string>("select id from system_contacts");
  // Both names must match; the bare id of early clients is for those whose rule opens every system.
  EXPECT_EQ(co_await f.call("removeSystemContact", R"({"json":{"id":")" + id + R"(","systemId":"00000000-0000-4000-8000-000000000000"}})"),
            R"(200 {"json":{"success":false}})");
  f.objects.seen = access::Reach::only({system});
  f.identity.rules = {};
  EXPECT_EQ((co_await f.call("removeSystemContact", "{\"json\":\"" + id + "\"}")).substr(0, 3), "403");
  EXPECT_EQ((co_await f.call("removeSystemContact", R"({"json":{"id":")" + id + "\"}}")).substr(0, 3), "403");
  f.objects.seen.reset();
  f.identity.rules = {"*"};
  EXPECT_EQ(co_await f.call("removeSystemContact", "{\"json\":\"" + id + "\"}"), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(co_await f.call("removeSystemContact", R"({"json":{"id":")" + id + R"(","systemId":")" + system + "\"}}"), R"(200 {"json":{"success":false}})");

  EXPECT_EQ((co_await f.call("createView", R"({"json":{"name":"Mine","description":"d","configuration":[")" + group + "\"]}}")).substr(0, 3), "200");
  const auto view = co_await f.one<std::string>("select id from views");
  EXPECT_EQ(co_await f.call("getViews", "{}"),
            R"(200 {"json":[{"id":")" + view + R"(","name":"Mine","description":"d","configuration":[")" + group +
                R"("],"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"}],"meta":[[1,0,"createdAt"],[1,0,"updatedAt"]]})");
  EXPECT_EQ(co_await f.call("deleteView", "{\"json\":\"" + view + "\"}"), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(co_await f.call("deleteGroup", "{\"json\":\"" + group + "\"}"), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(co_await f.call("deleteGroup", "{\"json\":\"" + group + "\"}"), R"(200 {"json":{"success":false}})");
  co_await f.shut();
}

CO_TEST(CatalogContract, a_system_over_the_wire) {
  Calls f(loop);
  co_await f.queue->start();
  f.identity.rules = {"*"};
  const std::string made = co_await f.call("createSystem", R"({"json":{"name":" Orders ","description":"takes orders","metadata":{"tier":1}}})");
  const std::string id = co_await f.one<std::string>("select id from systems");
  const std::string body =
      R"({"id":")" + id +
      R"(","name":"Orders","description":"takes orders","metadata":{"tier":1},"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"})";
  EXPECT_EQ(made, R"(200 {"json":)" + body + R"(,"meta":[[1,"createdAt"],[1,"updatedAt"]]})");
  EXPECT_EQ(co_await f.call("getSystems", "{}"),
            R"(200 {"json":{"systems":[)" + body + R"(]},"meta":[[1,"systems",0,"createdAt"],[1,"systems",0,"updatedAt"]]})");
  EXPECT_EQ(co_await f.call("getSystem", R"({"json":{"systemId":")" + id + "\"}}"), made);
  EXPECT_NE((co_await f.call("updateSystem", R"({"json":{"id":")" + id + R"(","data":{"name":"Payments","description":null}}})"))
                .find(R"("name":"Payments","description":null,"metadata":{"tier":1})"),
            std::string::npos);
  EXPECT_EQ(co_await f.call("deleteSystem", "{\"json\":\"" + id + "\"}"), R"(200 {"json":{"success":true}})");
  EXPECT_EQ(co_await f.call("deleteSystem", R"({"json":{"id":")" + id + "\"}}"), R"(200 {"json":{"success":false}})");  // the later form of the input
  EXPECT_EQ(co_await f.call("getSystem", R"({"json":{"systemId":")" + id + "\"}}"), R"(200 {"json":null})");
  co_await f.shut();
}

CO_TEST(CatalogContract, R_09_bad_input_is_refused_and_nothing_is_stored) {
  Calls f(loop);
  co_await f.queue->start();
  f.identity.rules = {"*"};
  const auto of_length = [](std::size_t n) { return R"({"json":{"name":")" + std::string(n, 'x') + "\"}}"; };
  std::string deep = "1";
  for (int i = 0; i < 8; ++i) deep = "{\"a\":" + deep + "}";
  const std::string bad[] = {R"({"json":{}})",
                             R"({"json":{"name":""}})",
                             R"({"json":{"name":"   "}})",
                             R"({"json":{"name":7}})",
                             of_length(201),
                             R"({"json":{"name":"a","description":7}})",
                             R"({"json":{"name":"a","description":")" + std::string(10'001, 'x') + "\"}}",
                             R"({"json":{"name":"a","metadata":[]}})",
                             R"({"json":{"name":"a","metadata":{"big":")" + std::string(33'000, 'x') + "\"}}}",
                             R"({"json":{"name":"a","metadata":)" + deep + "}}",
                             R"({"json":{"name":"a\u0000b"}})",
                             R"({"json":{"name":"a","metadata":{"n":"1"}},"meta":[[0,"metadata","n"]]})"};
  for (const auto& body : bad) EXPECT_EQ((co_await f.call("createSystem", body)).substr(0, 3), "400") << body.substr(0, 80);
  EXPECT_EQ(co_await f.rows("systems"), 0);
  EXPECT_EQ((co_await f.call("createSystem", of_length(200))).substr(0, 3), "200");
  EXPECT_EQ((co_await f.call("createSystem", of_length(200))).substr(0, 3), "409");
  EXPECT_EQ((co_await f.call("updateSystem", R"({"json":{"id":"00000000-0000-4000-8000-000000000000","data":{"name":"b"}}})")).substr(0, 3), "404");
  const auto system = co_await f.one<std::string>("select id from systems");
  const auto contact = [&](std::string rest) { return R"({"json":{"systemId":")" + system + "\"," + rest + "}}"; };
  const std::pair<const char*, std::string> more[] = {
      {"createGroup", R"({"json":{"name":" "}})"},
      {"createGroup", of_length(201)},
      {"updateGroup", R"({"json":{"id":"x","data":{"name":""}}})"},
      {"reorderGroups", R"({"json":{"orderedIds":["a","a"]}})"},
      {"addSystemContact", contact(R"("type":"user")")},
      {"addSystemContact", contact(R"("type":"mailbox")")},
      {"addSystemContact", contact(R"("type":"pager")")},
      {"addSystemContact", contact(R"("type":"mailbox","email":"x")")},
      {"addSystemContact", contact(R"("type":"mailbox","email":"javascript:x")")},
      {"addSystemContact", contact(R"("type":"mailbox","email":"a@b.io","label":")" + std::string(121, 'x') + "\"")},
      {"addSystemContact", contact(R"("type":"mailbox","email":")" + std::string(250, 'a') + "@b.io\"")},
      {"createView", R"({"json":{"name":"v"}})"},
      {"createView", R"({"json":{"name":"","configuration":[]}})"},
      {"createView", R"({"json":{"name":"v","configuration":")" + std::string(33'000, 'x') + "\"}}"},
      {"getSystemContacts", R"({"json":{"systemId":""}})"}};
  for (const auto& [procedure, body] : more) EXPECT_EQ((co_await f.call(procedure, body)).substr(0, 3), "400") << procedure << body.substr(0, 80);
  for (const char* table : {"groups", "system_contacts", "views"}) EXPECT_EQ(co_await f.rows(table), 0);
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::catalog
