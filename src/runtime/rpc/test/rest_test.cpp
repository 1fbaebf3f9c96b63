#include "tests/support/co_test.hpp"

#include "runtime/rpc/dispatcher.hpp"
#include "runtime/rpc/etag.hpp"
#include "runtime/rpc/rest.hpp"

namespace watchbell::rpc {

enum class RestOrder { newest, oldest };
BOOST_DESCRIBE_ENUM(RestOrder, newest, oldest)

struct RestFilter {
  std::optional<Text<1, 20>> name;
  std::optional<List<Integer<0, 9>, 0, 5>> levels;
};
BOOST_DESCRIBE_STRUCT(RestFilter, (), (name, levels))

struct RestSearch {
  Integer<1, 100> limit = 20;
  std::optional<Number<-10, 10>> factor;
  bool unread = false;
  RestOrder order = RestOrder::newest;
  std::optional<List<Text<1, 10>, 1, 3>> ids;
  std::optional<Set<Integer<0, 9>, 5>> marks;
  std::optional<BigInt> big;
  std::optional<Timestamp> since;
  std::optional<RestFilter> filter;
  std::optional<List<RestFilter, 0, 3>> filters;
  std::optional<Nullable<Integer<0, 9>>> level;
  std::optional<Json<200, 4>> free;
};
BOOST_DESCRIBE_STRUCT(RestSearch, (), (limit, factor, unread, order, ids, marks, big, since, filter, filters, level, free))

struct RestSend {
  Text<1, 50> title;
  std::optional<Text<1, 50>> idempotency_key;
};
BOOST_DESCRIBE_STRUCT(RestSend, (), (title, idempotency_key))

struct RestStrict {
  static constexpr bool kStrict = true;
  Text<1, 50> title;
};
BOOST_DESCRIBE_STRUCT(RestStrict, (), (title))

struct RestAnswer {
  Timestamp at;
  BigInt count;
  std::vector<Timestamp> list;
};
BOOST_DESCRIBE_STRUCT(RestAnswer, (), (at, count, list))

namespace {

std::string json_of(std::string_view query) {
  const auto json = query_to_json(query, *schema_of<RestSearch>());
  return json ? *json : "refused";
}

TEST(RestQuery, values_take_the_declared_type) {
  EXPECT_EQ(json_of(""), "");
  EXPECT_EQ(json_of("limit=7&factor=-0.5&order=oldest"), R"({"limit":7,"factor":-0.5,"order":"oldest"})");
  for (const char* yes : {"true", "on", "TRUE", "On"}) EXPECT_EQ(json_of(std::string("unread=") + yes), R"({"unread":true})") << yes;
  for (const char* no : {"false", "off", "False"}) EXPECT_EQ(json_of(std::string("unread=") + no), R"({"unread":false})") << no;
  EXPECT_EQ(json_of("level=3"), R"({"level":3})");
  EXPECT_EQ(json_of("since=2026-01-01T00%3A00%3A00.000Z&big=12345678901234567890"), R"({"since":"2026-01-01T00:00:00.000Z","big":"12345678901234567890"})");
}

TEST(RestQuery, what_does_not_read_as_the_declared_type_stays_text) {
  for (const char* text : {"", "x", "1x", "01", "0x1", "1.", ".5", "NaN", "Infinity", "-", "1e", " 1"}) {
    std::string quoted;
    append_json_string(quoted, text);
    EXPECT_EQ(json_of("limit=" + std::string(text)), "{\"limit\":" + quoted + "}") << text;
  }
  EXPECT_EQ(json_of("limit=%2B1"), R"({"limit":"+1"})");
  EXPECT_EQ(json_of("unread=1"), R"({"unread":"1"})");
  EXPECT_EQ(json_of("limit"), R"({"limit":""})");
}

TEST(RestQuery, lists_come_in_every_notation) {
  constexpr std::string_view kTwo = R"({"ids":["a","b"]})";
  EXPECT_EQ(json_of("ids[0]=a&ids[1]=b"), kTwo);
  EXPECT_EQ(json_of("ids[1]=b&ids[0]=a"), kTwo);
  EXPECT_EQ(json_of("ids[]=a&ids[]=b"), kTwo);
  EXPECT_EQ(json_of("ids=a&ids=b"), kTwo);
  EXPECT_EQ(json_of("ids%5B0%5D=a&ids%5B1%5D=b"), kTwo);
  EXPECT_EQ(json_of("ids=a"), R"({"ids":["a"]})") << "a lone value stands for a list of one";
  EXPECT_EQ(json_of("marks=3&marks=4"), R"({"marks":[3,4]})");
  EXPECT_EQ(json_of("filter[levels]=3"), R"({"filter":{"levels":[3]}})");
  EXPECT_EQ(json_of("filters[0][name]=a&filters[1][name]=b"), R"({"filters":[{"name":"a"},{"name":"b"}]})");
  EXPECT_EQ(json_of("filters[][name]=a&filters[][levels][]=1"), R"({"filters":[{"name":"a","levels":[1]}]})");
}

TEST(RestQuery, absurd_indexes_are_names) {
  EXPECT_EQ(json_of("ids[99999]=a"), R"({"ids":{"99999":"a"}})");
  EXPECT_EQ(json_of("ids[0]=a&ids[2]=b"), R"({"ids":{"0":"a","2":"b"}})");
  EXPECT_EQ(json_of("ids[18446744073709551616]=a"), R"({"ids":{"18446744073709551616":"a"}})");
  EXPECT_EQ(json_of("ids[-1]=a"), R"({"ids":{"-1":"a"}})");
  EXPECT_EQ(json_of("ids[00]=a"), R"({"ids":{"00":"a"}})");
}

TEST(RestQuery, names_that_are_odd_stay_names) {
  EXPECT_EQ(json_of("a[b=1"), R"({"a[b":"1"})");
  EXPECT_EQ(json_of("[a]=1"), R"({"[a]":"1"})");
  EXPECT_EQ(json_of("a[b]c=1"), R"({"a[b]c":"1"})");
  EXPECT_EQ(json_of("__proto__[x]=1&constructor=2"), R"({"__proto__":{"x":"1"},"constructor":"2"})");
  EXPECT_EQ(json_of("a%22b=%22"), R"({"a\"b":"\""})");
}

TEST(RestQuery, what_fits_no_schema_is_there_to_be_refused) {
  EXPECT_EQ(json_of("limit=1&limit=2"), R"({"limit":["1","2"]})");
  EXPECT_EQ(json_of("limit[x]=1"), R"({"limit":{"x":"1"}})");
  EXPECT_EQ(json_of("filter=1"), R"({"filter":"1"})");
  EXPECT_EQ(json_of("filter=1&filter=2"), R"({"filter":["1","2"]})");
}

TEST(RestQuery, depth_and_size_are_bounded) {
  std::string deep = "free";
  for (int i = 0; i < 15; ++i) deep += "[a]";
  EXPECT_NE(json_of(deep + "=1"), "refused");
  EXPECT_EQ(json_of(deep + "[a]=1"), "refused");
  // What a head can hold, in its most expensive forms, is read in a moment and never grows much.
  std::string many;
  while (many.size() < 32 * 1024) many += "ids[]&";
  EXPECT_LT(json_of(many).size(), many.size());
  many.clear();
  for (int i = 0; many.size() < 32 * 1024; ++i) many += "k" + std::to_string(i) + "[" + std::to_string(i) + "]&";
  EXPECT_LT(json_of(many).size(), 2 * many.size());
}

TEST(RestAnswer, is_the_value_in_the_envelope) {
  EXPECT_EQ(value_of_envelope("{}"), "");
  EXPECT_EQ(value_of_envelope(R"({"json":null})"), "null");
  EXPECT_EQ(value_of_envelope(R"({"json":5})"), "5");
  EXPECT_EQ(value_of_envelope(R"({"json":"a,\"}","meta":[[1]]})"), R"("a,\"}")");
  EXPECT_EQ(value_of_envelope(R"({"json":{"a":[1,"]"],"b":{}},"meta":[[1,"a"]]})"), R"({"a":[1,"]"],"b":{}})");
}

TEST(RestError, stands_at_top_level_or_as_problem_details) {
  Error error{.code = ErrorCode::not_found, .message = "no \"x\""};
  EXPECT_EQ(rest_error(error), R"({"defined":false,"code":"NOT_FOUND","status":404,"message":"no \"x\""})");
  EXPECT_EQ(problem_details(error), R"({"type":"about:blank","title":"Not found","status":404,"detail":"no \"x\"","code":"NOT_FOUND"})");
  error.data = std::make_shared<const ErrorData>(ErrorData{.json = R"({"a":1})", .meta = {}});
  EXPECT_TRUE(rest_error(error).ends_with(R"("data":{"a":1}})"));
  EXPECT_TRUE(problem_details(error).ends_with(R"("data":{"a":1}})"));
}

TEST(RestError, problem_details_are_for_who_names_them) {
  EXPECT_TRUE(accepts_problem("application/problem+json"));
  EXPECT_TRUE(accepts_problem("application/json, Application/Problem+JSON;q=0.5"));
  for (const char* accept : {"", "*/*", "application/*", "application/json", "application/problem+json;q=0", "application/problem+json; q=0.000", ",;,"})
    EXPECT_FALSE(accepts_problem(accept)) << accept;
}

TEST(ETag, follows_the_bytes_and_is_found_in_lists) {
  const std::string tag = etag_of("a");
  EXPECT_NE(tag, etag_of("b"));
  EXPECT_EQ(tag, etag_of("a"));
  EXPECT_TRUE(names_etag(tag, tag));
  EXPECT_TRUE(names_etag("W/" + tag, tag));
  EXPECT_TRUE(names_etag("\"x\", \"a,b\" ,W/" + tag, tag));
  EXPECT_TRUE(names_etag(" * ", tag));
  for (const std::string& header : {std::string(), std::string("x"), std::string("\""), std::string("W/"), tag.substr(1), "\"x\" " + tag, std::string(",,,")})
    EXPECT_FALSE(names_etag(header, tag)) << header;
}

class Anyone final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials) override { co_return access::Principal::nobody(); }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
};

struct Fixture {
  Anyone identity;
  async::BlockingPool pool{{.name = "test", .threads = 1}};
  Dispatcher dispatcher{identity, pool};
  Encoded<RestAnswer> kept = encoded(answer());

  static RestAnswer answer() { return {.at = Timestamp(), .count = BigInt{"12345678901234567890"}, .list = {Timestamp()}}; }

  Fixture() {
    Area area("t");
    area.query("search", access::anonymous(), [](const Caller&, RestSearch in) -> Result<Integer<1, 100>> { return in.limit; })
        .query("getBulkThings", access::anonymous(), [](const Caller&, List<Text<1, 5>, 0, 5> in) -> Result<int> { return static_cast<int>(in.size()); })
        .query("listPage", access::anonymous(), [](const Caller&, std::optional<RestFilter> in) -> Result<bool> { return in.has_value(); })
        .query("answer", access::anonymous(), [](const Caller&) -> Result<RestAnswer> { return answer(); })
        .query("kept", access::anonymous(), [this](const Caller&) -> Result<Encoded<RestAnswer>> { return kept; })
        .query("keptVoid", access::anonymous(), [](const Caller&) -> Result<void> { return {}; })
        .mutation("createThing", access::anonymous(), [](const Caller&, RestSend in) -> Result<RestSend> { return in; })
        .mutation("updateThing", access::anonymous(), [](const Caller&, RestStrict) -> Result<void> { return {}; })
        .mutation("deleteThing", access::anonymous(), [](const Caller&, BareOrId<Text<1, 10>> in) -> Result<std::string> { return in.value.str(); })
        .mutation("removeThing", access::anonymous(), [](const Caller&) -> Result<void> { return fail(ErrorCode::not_found, "Thing {} not found", 1); })
        .mutation("replaceThing", access::anonymous(), [](const Caller&) -> Result<void> { return {}; }, kOverPut);
    EXPECT_TRUE(dispatcher.mount(std::move(area)));
    EXPECT_TRUE(dispatcher.check());
  }
  awaitable<std::string> call(CallRequest request) {
    request.wire = Wire::rest;
    auto answer = co_await dispatcher.call(request);
    const auto* text = std::get_if<std::string>(&answer.body);
    co_return std::to_string(answer.status) + " " + (answer.content_type.empty() ? "(none) " : "") + (text ? *text : **std::get_if<1>(&answer.body));
  }
};

CO_TEST(Rest, verbs_follow_the_convention_or_the_word_on_the_line) {
  Fixture f;
  for (const auto& [name, verb] : std::vector<std::pair<std::string, std::string>>{{"search", "GET, HEAD"},
                                                                                   {"getBulkThings", "POST"},
                                                                                   {"createThing", "POST"},
                                                                                   {"updateThing", "PATCH"},
                                                                                   {"deleteThing", "DELETE"},
                                                                                   {"removeThing", "DELETE"},
                                                                                   {"replaceThing", "PUT"}}) {
    const std::string path = "t/" + name;
    const auto answer = co_await f.dispatcher.call({.wire = Wire::rest, .method = "TRACE", .path = path});
    EXPECT_EQ(answer.status, 405) << name;
    EXPECT_EQ(answer.allow, verb) << name;
  }
  EXPECT_EQ(co_await f.call({.method = "POST", .path = "t/search", .body = "{}"}),
            R"(405 {"defined":false,"code":"METHOD_NOT_SUPPORTED","status":405,"message":"Method Not Supported"})");
  EXPECT_EQ(co_await f.call({.method = "PUT", .path = "t/replaceThing/"}), "200 (none) ");
  // Over RPC POST always works, the declared verb too, and no other.
  const auto rpc = [&](std::string_view method) -> awaitable<int> {
    co_return (co_await f.dispatcher.call({.method = method, .path = "t/replaceThing"})).status;
  };
  EXPECT_EQ(co_await rpc("POST"), 200);
  EXPECT_EQ(co_await rpc("PUT"), 200);
  EXPECT_EQ(co_await rpc("PATCH"), 405);
  EXPECT_EQ(co_await rpc("GET"), 405);
}

CO_TEST(Rest, inputs_come_from_the_query_or_the_body) {
  Fixture f;
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/search", .query = "limit=7"}), "200 7");
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/search"}), "200 20");
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/search", .query = "limit=7&limitless=1&big=5&since=2026-01-01T00:00:00Z&marks=1&ids=a"}), "200 7");
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/listPage"}), "200 false");
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/listPage", .query = "name=a"}), "200 true");
  EXPECT_EQ(co_await f.call({.method = "POST", .path = "t/getBulkThings", .body = R"(["a","b"])"}), "200 2");
  EXPECT_EQ(co_await f.call({.method = "DELETE", .path = "t/deleteThing", .content_type = "application/json", .body = R"("u1")"}), R"(200 "u1")");
  EXPECT_EQ(co_await f.call({.method = "DELETE", .path = "t/deleteThing", .body = R"({"id":"u1"})"}), R"(200 "u1")");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/createThing", .content_type = "text/plain", .body = "{}"})).substr(0, 3), "415");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/createThing", .body = "{"})).substr(0, 3), "400");
  EXPECT_EQ((co_await f.call({.method = "GET", .path = "t/search", .query = "ids=%ff"})).substr(0, 3), "400");
  EXPECT_EQ(
      co_await f.call({.method = "GET", .path = "t/search", .query = "limit=101&ids[0]=a&ids[1]="}),
      R"(400 {"defined":false,"code":"BAD_REQUEST","status":400,"message":"Input validation failed","data":{"issues":[{"origin":"number","code":"too_big","maximum":100,"inclusive":true,"path":["limit"],"message":"Too big: expected number to be <=100"},{"origin":"string","code":"too_small","minimum":1,"inclusive":true,"path":["ids",1],"message":"Too small: expected string to have >=1 characters"}]}})");
}

CO_TEST(Rest, answers_are_plain_values) {
  Fixture f;
  constexpr std::string_view kPlain = R"(200 {"at":"1970-01-01T00:00:00.000Z","count":"12345678901234567890","list":["1970-01-01T00:00:00.000Z"]})";
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/answer"}), kPlain);
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/kept"}), kPlain);
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/keptVoid"}), "200 (none) ");
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/keptVoid", .query = "utm=%ff"}), "200 (none) ") << "asks for nothing, so nothing is read";
  EXPECT_EQ(co_await f.call({.method = "DELETE", .path = "t/removeThing"}),
            R"(404 {"defined":false,"code":"NOT_FOUND","status":404,"message":"Thing 1 not found"})");
  const auto problem = co_await f.dispatcher.call({.wire = Wire::rest, .method = "DELETE", .path = "t/removeThing", .accept = "application/problem+json, */*"});
  EXPECT_EQ(problem.content_type, kProblemType);
  EXPECT_EQ(std::get<std::string>(problem.body), R"({"type":"about:blank","title":"Not found","status":404,"detail":"Thing 1 not found","code":"NOT_FOUND"})");
}

CO_TEST(Rest, the_idempotency_key_may_stand_in_a_header) {
  Fixture f;
  const auto send = [&](std::string_view body) { return f.call({.method = "POST", .path = "t/createThing", .body = body, .idempotency_key = "k1"}); };
  EXPECT_EQ(co_await send(R"({"title":"a"})"), R"(200 {"title":"a","idempotencyKey":"k1"})");
  EXPECT_EQ(co_await send("\xef\xbb\xbf { \"title\":\"a\"}"), R"(200 {"title":"a","idempotencyKey":"k1"})");
  EXPECT_EQ(co_await send(R"({"title":"a","idempotencyKey":"own"})"), R"(200 {"title":"a","idempotencyKey":"own"})");
  EXPECT_EQ((co_await send("{}")).substr(0, 3), "400");
  EXPECT_EQ((co_await send("[1]")).substr(0, 3), "400");
  EXPECT_EQ((co_await send("")).substr(0, 3), "400");
  // Where no input has the member, the header means nothing.
  EXPECT_EQ(co_await f.call({.method = "PATCH", .path = "t/updateThing", .body = R"({"title":"a"})", .idempotency_key = "k1"}), "200 (none) ");
}

CO_TEST(Rest, strict_structs_name_the_strangers) {
  Fixture f;
  EXPECT_EQ(
      co_await f.call({.method = "PATCH", .path = "t/updateThing", .body = R"({"title":"a","b":1,"__proto__":{}})"}),
      R"(400 {"defined":false,"code":"BAD_REQUEST","status":400,"message":"Input validation failed","data":{"issues":[{"code":"unrecognized_keys","keys":["b","__proto__"],"path":[],"message":"Unrecognized keys: \"b\", \"__proto__\""}]}})");
}

CO_TEST(Cached, reads_carry_a_tag_and_are_not_sent_twice) {
  Fixture f;
  for (const auto wire : {Wire::rpc, Wire::rest}) {
    const auto first = co_await f.dispatcher.call({.wire = wire, .method = "GET", .path = "t/kept"});
    EXPECT_EQ(first.status, 200);
    CO_ASSERT_TRUE(!first.etag.empty());
    for (const char* method : {"GET", "HEAD"}) {
      const std::string tags = "\"other\", W/" + first.etag;
      const auto again = co_await f.dispatcher.call({.wire = wire, .method = method, .path = "t/kept", .if_none_match = tags});
      EXPECT_EQ(again.status, 304);
      EXPECT_EQ(again.etag, first.etag);
      EXPECT_TRUE(std::get<std::string>(again.body).empty());
    }
    const auto other = co_await f.dispatcher.call({.wire = wire, .method = "GET", .path = "t/kept", .if_none_match = "\"other\""});
    EXPECT_EQ(other.status, 200);
    // What the cache does not keep has no tag.
    EXPECT_TRUE((co_await f.dispatcher.call({.wire = wire, .method = "GET", .path = "t/answer", .if_none_match = "*"})).etag.empty());
  }
  const auto post = co_await f.dispatcher.call({.method = "POST", .path = "t/kept", .if_none_match = "*"});
  EXPECT_EQ(post.status, 200);
  EXPECT_TRUE(post.etag.empty());
}

TEST(Dispatcher, refuses_to_start_with_a_get_no_query_string_can_carry) {
  Anyone identity;
  async::BlockingPool pool({.name = "test", .threads = 1});
  const auto checked = [&](ProcedureOptions options) {
    Dispatcher dispatcher(identity, pool);
    Area area("a");
    area.query("byId", access::anonymous(), [](const Caller&, Text<1, 5>) -> Result<void> { return {}; }, options);
    EXPECT_TRUE(dispatcher.mount(std::move(area)));
    return dispatcher.check().has_value();
  };
  EXPECT_FALSE(checked({}));
  EXPECT_TRUE(checked(kOverPost));
}

}  // namespace
}  // namespace watchbell::rpc
