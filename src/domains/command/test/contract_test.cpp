#include "domains/command/contract.hpp"

#include "domains/catalog/test/fixture.hpp"

namespace watchbell::command {
namespace {

using catalog::test::user;

struct Calls : catalog::test::Fixture {
  explicit Calls(async::Loop& l) : Fixture(l) {
    EXPECT_TRUE(dispatcher.mount(catalog::contract(catalog)));
    EXPECT_TRUE(dispatcher.mount(contract(search)));
    const auto checked = dispatcher.check();
    EXPECT_TRUE(checked) << checked.error().message;
  }
  awaitable<std::string> call(std::string cookie, std::string procedure, std::string body) {
    const std::string path = "command/" + procedure;
    const auto answer = co_await dispatcher.call({.method = "POST", .path = path, .body = body, .credentials = {.authorization = {}, .cookie = cookie}});
    co_return std::to_string(answer.status) + " " + std::get<std::string>(answer.body);
  }
  std::string ann = user(1).to_string();
  catalog::test::Objects objects;
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  rpc::Dispatcher dispatcher{identity, pool, objects};
  Service search{catalog, identity};
};

CO_TEST(Command, R_17_search_never_shows_an_unreadable_system_and_at_most_fifty) {
  Calls f(loop);
  co_await f.queue->start();
  const auto orders = (co_await f.make("Orders")).id.to_string();
  const auto secret = (co_await f.make("Order secrets")).id.to_string();
  const std::string both = R"({"json":{"query":"oRDER"}})";
  EXPECT_EQ(co_await f.call(f.ann, "search", both), R"(200 {"json":[]})");  // no right, and no refusal: there is just nothing to find
  EXPECT_EQ(co_await f.call("", "search", both), R"(200 {"json":[]})");
  f.identity.anonymous = {"catalog.system.read"};
  f.objects.seen = access::Reach::all_but({secret});
  const std::string one = R"(200 {"json":[{"id":"catalog.)" + orders +
                          R"(","type":"entity","title":"Orders","iconName":"Activity","category":"Systems","route":"/catalog/system/)" + orders + R"("}]})";
  EXPECT_EQ(co_await f.call("", "search", both), one);
  EXPECT_EQ(co_await f.call(f.ann, "search", both), one);
  f.objects.seen.reset();
  EXPECT_NE((co_await f.call(f.ann, "search", both)).find(secret), std::string::npos);

  for (int i = 0; i < 60; ++i) co_await f.make("Order " + std::to_string(i));
  f.identity.rules = {"*"};
  const auto many = co_await f.call(f.ann, "search", R"({"json":{"query":""}})");
  std::size_t entries = 0;
  for (auto at = many.find("\"title\""); at != std::string::npos; at = many.find("\"title\"", at + 1)) ++entries;
  EXPECT_EQ(entries, 50u);
  co_await f.shut();
}

CO_TEST(Command, commands_are_for_those_who_may_use_them) {
  Calls f(loop);
  co_await f.queue->start();
  EXPECT_EQ(co_await f.call(f.ann, "getCommands", "{}"), R"(200 {"json":[]})");
  f.identity.rules = {"catalog.system.manage"};
  EXPECT_NE((co_await f.call(f.ann, "getCommands", "{}")).find(R"("title":"Manage Systems")"), std::string::npos);
  EXPECT_NE((co_await f.call(f.ann, "search", R"({"json":{"query":"manage"}})")).find(R"("type":"command","title":"Manage Systems")"), std::string::npos);
  EXPECT_EQ(co_await f.call("", "getCommands", "{}"), R"(200 {"json":[]})");
  for (const std::string& body : {std::string("{}"), std::string(R"({"json":{"query":7}})"), R"({"json":{"query":")" + std::string(201, 'x') + "\"}}"})
    EXPECT_EQ((co_await f.call(f.ann, "search", body)).substr(0, 3), "400");
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::command
