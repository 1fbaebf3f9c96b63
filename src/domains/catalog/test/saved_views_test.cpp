#include "domains/catalog/test/fixture.hpp"
#include "runtime/test/held_read.hpp"

namespace watchbell::catalog {
namespace {

using test::Fixture;
using test::user;

awaitable<std::string> shown(Fixture& f) { co_return *(co_await f.catalog.views().wait()).value().bytes; }

CreateView view(std::string name, std::string configuration) {
  return {.name = Name::of(std::move(name)), .description = Description::of("d"), .configuration = {.text = std::move(configuration)}};
}

CO_TEST(CatalogViews, R_15_a_view_reads_back_what_it_was_made_of_and_null_clears) {
  Fixture f(loop);
  co_await f.queue->start();
  EXPECT_EQ(co_await shown(f), R"({"json":[]})");
  const auto made = co_await f.catalog.create_view(view("Mine", R"(["a",{"b":1}])"));
  CO_ASSERT_TRUE(made);
  EXPECT_NE((co_await shown(f)).find(R"("name":"Mine","description":"d","configuration":["a",{"b":1}])"), std::string::npos);
  UpdateView change{.id = IdText::of(made->id.to_string()), .data = {}};
  change.data.description = Patch<Description>::cleared();
  change.data.configuration = Configuration{.text = "null"};
  EXPECT_TRUE(co_await f.catalog.update_view(std::move(change)));
  EXPECT_NE((co_await shown(f)).find(R"("name":"Mine","description":null,"configuration":null)"), std::string::npos);
  UpdateView unknown{.id = IdText::of(user(9).to_string()), .data = {}};
  EXPECT_EQ((co_await f.catalog.update_view(std::move(unknown))).error().code, ErrorCode::not_found);
  EXPECT_EQ(co_await f.catalog.remove_view(user(9).to_string()), false);
  EXPECT_EQ(co_await f.catalog.remove_view("no id"), false);
  EXPECT_EQ(co_await f.catalog.remove_view(made->id.to_string()), true);
  EXPECT_EQ(co_await shown(f), R"({"json":[]})");
  co_await f.shut();
}

CO_TEST(CatalogViews, R_05_a_load_that_a_change_overtook_leaves_no_entry) {
  Fixture f(loop, Fixture::Storage::file);
  watchbell::test::HeldRead held(loop, *f.database);
  co_await f.queue->start();
  co_await held.arm();
  std::string seen = "nothing";
  f.scope.spawn("load", [](Fixture& fixture, std::string& out) -> awaitable<void> { out = co_await shown(fixture); }(f, seen));
  co_await held.entered();
  EXPECT_TRUE(co_await f.catalog.create_view(view("Mine", "[]")));
  held.release();
  co_await f.until([&] { return seen != "nothing"; });
  EXPECT_EQ(seen, R"({"json":[]})");  // its caller began before the change
  EXPECT_NE((co_await shown(f)).find("Mine"), std::string::npos);
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::catalog
