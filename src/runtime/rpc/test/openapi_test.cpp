#include "tests/support/co_test.hpp"

#include <set>

#include "runtime/rpc/json_text.hpp"
#include "runtime/rpc/openapi.hpp"

namespace watchbell::rpc {

struct DocsFilter {
  std::optional<Text<1, 20>> name;
};
BOOST_DESCRIBE_STRUCT(DocsFilter, (), (name))

struct DocsPage {
  Integer<1, 100> limit = 20;
  std::optional<DocsFilter> filter;
  std::optional<List<Uuid, 1, 5>> ids;
};
BOOST_DESCRIBE_STRUCT(DocsPage, (), (limit, filter, ids))

struct DocsChange {
  Text<1, 200> name;
  Patch<Text<0, 100>> note;
  std::optional<Secret<Text<1, 50>>> token;
  std::optional<Text<1, 200>> idempotency_key;
  std::optional<Timestamp> at;
};
BOOST_DESCRIBE_STRUCT(DocsChange, (), (name, note, token, idempotency_key, at))

struct DocsView {
  Uuid id;
  bool unread = false;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(DocsView, (), (id, unread, note))

struct DocsFree {
  Json<1000, 4> metadata;
};
BOOST_DESCRIBE_STRUCT(DocsFree, (), (metadata))

namespace {

namespace json = boost::json;

std::vector<Area> areas() {
  Area area("t");
  area.rule({.id = "t.thing.read"})
      .query("list", access::everyone().needs("t.thing.read"), [](const Caller&, DocsPage) -> Result<std::vector<DocsView>> { return std::vector<DocsView>(); })
      .mutation("updateThing", access::user(), [](const Caller&, DocsChange) -> Result<void> { return {}; })
      .mutation("send", access::service().or_holding("t.thing.send"), [](const Caller&) -> Result<void> { return {}; })
      .mutation("internal", access::service(), [](const Caller&) -> Result<void> { return {}; })
      .query("open", access::anonymous(), [](const Caller&) -> Result<std::string> { return "hi"; });
  return {area};
}

json::value document(const std::function<bool(const Procedure&)>& shown = {}) {
  const auto text = openapi(areas(), "https://bell.example", shown);
  auto read = parse_json(text, 64);
  EXPECT_TRUE(read) << text;
  return read.value_or(nullptr);
}

/// The value at a JSON pointer, as text; "absent" when there is none.
std::string at(const json::value& root, std::string_view pointer) {
  boost::system::error_code error;
  const auto* found = root.find_pointer(pointer, error);
  return found == nullptr ? "absent" : json::serialize(*found);
}

TEST(OpenApi, says_what_it_is_and_where) {
  const auto root = document();
  EXPECT_EQ(at(root, "/openapi"), R"("3.1.1")");
  EXPECT_EQ(at(root, "/info"), R"({"title":"Watchbell","version":"1.0.0"})");
  EXPECT_EQ(at(root, "/servers"), R"([{"url":"https://bell.example"}])");
  EXPECT_EQ(at(root, "/components/securitySchemes/session/name"), R"("__Secure-better-auth.session_token")");
  EXPECT_EQ(at(root, "/components/securitySchemes/apiKey/scheme"), R"("bearer")");
}

TEST(OpenApi, a_query_has_parameters_with_the_bounds_of_their_types) {
  const auto root = document();
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1list/get/operationId"), R"("t.list")");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1list/get/parameters/0"), R"({"name":"limit","in":"query","schema":{"type":"integer","minimum":1,"maximum":100}})");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1list/get/parameters/1/style"), R"("deepObject")");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1list/get/parameters/2/schema"),
            R"({"type":"array","items":{"type":"string","format":"uuid"},"minItems":1,"maxItems":5})");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1list/get/requestBody"), "absent");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1list/get/x-orpc-meta"), R"({"userType":"public","accessRules":["t.thing.read"]})");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1list/get/security"), R"([{},{"session":[]},{"apiKey":[]}])");
  EXPECT_EQ(
      at(root, "/paths/~1rest~1t~1list/get/responses/200/content/application~1json/schema"),
      R"({"type":"array","items":{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"unread":{"type":"boolean"},"note":{"type":"string"}},"required":["id","unread"]}})");
}

TEST(OpenApi, G_1_a_mutation_has_a_body_and_secrets_are_written_only) {
  const auto root = document();
  EXPECT_EQ(
      at(root, "/paths/~1rest~1t~1updateThing/patch/requestBody/content/application~1json/schema"),
      R"({"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":200},"note":{"anyOf":[{"type":"string","maxLength":100},{"type":"null"}]},)"
      R"("token":{"type":"string","minLength":1,"maxLength":50,"writeOnly":true},"idempotencyKey":{"type":"string","minLength":1,"maxLength":200},)"
      R"("at":{"type":"string","format":"date-time"}},"required":["name"]})");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1updateThing/patch/parameters/0/in"), R"("header")");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1updateThing/patch/responses/200"), R"({"description":"Done"})");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1updateThing/patch/security"), R"([{"session":[]}])");
}

TEST(OpenApi, bounds_of_free_json_and_early_forms_are_told) {
  EXPECT_EQ(to_contract_schema(*schema_of<DocsFree>(), Direction::input),
            R"({"type":"object","properties":{"metadata":{"type":"object","additionalProperties":{},"x-max-bytes":1000}},"required":["metadata"]})");
  EXPECT_EQ(to_contract_schema(*schema_of<BareOrId<Uuid>>(), Direction::input),
            R"({"anyOf":[{"type":"object","properties":{"id":{"type":"string","format":"uuid"}},"required":["id"]},{"type":"string","format":"uuid","deprecated":true}]})");
}

TEST(OpenApi, procedures_of_services_alone_are_not_told_of) {
  const auto root = document();
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1internal"), "absent");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1send/post/x-orpc-meta"), R"({"userType":"service","accessRules":["t.thing.send"]})");
  EXPECT_EQ(at(root, "/paths/~1rest~1t~1open/get/security"), "[]");
  const auto some = document([](const Procedure& procedure) { return procedure.name() == "open"; });
  EXPECT_EQ(some.at("paths").as_object().size(), 1U);
}

}  // namespace
}  // namespace watchbell::rpc
