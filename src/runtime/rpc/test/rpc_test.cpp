#include "tests/support/co_test.hpp"

#include <bit>
#include <cmath>
#include <random>

#include "runtime/rpc/dispatcher.hpp"
#include "runtime/rpc/json_text.hpp"

namespace watchbell::rpc {

enum class Colour { red, dark_blue };
BOOST_DESCRIBE_ENUM(Colour, red, dark_blue)

struct Inner {
  Text<1, 5> first_name;
  std::optional<Integer<0, 10>> age;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (first_name, age))

struct Everything {
  Integer<1, 100> limit = 20;
  bool unread_only = false;
  Required<bool> enabled;
  Text<1, 10> name;
  std::optional<Email> mail;
  Colour colour = Colour::red;
  List<Inner, 0, 3> list;
  Patch<Text<0, 20>> description;
  Json<100, 4> metadata;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (limit, unread_only, enabled, name, mail, colour, list, description, metadata))

struct Echo {
  std::optional<Timestamp> d;
  Set<Timestamp, 10> s;
  Map<Text<1, 10>, BigInt, 10> m;
};
BOOST_DESCRIBE_STRUCT(Echo, (), (d, s, m))

struct Consecutive {
  static constexpr std::string_view kTagName = "mode", kTag = "consecutive";
  Integer<1, 100> count = 2;
};
BOOST_DESCRIBE_STRUCT(Consecutive, (), (count))
struct Window {
  static constexpr std::string_view kTagName = "mode", kTag = "window";
  Integer<3, 100> window_size = 10;
};
BOOST_DESCRIBE_STRUCT(Window, (), (window_size))
struct Thresholds {
  std::variant<Consecutive, Window> thresholds;
};
BOOST_DESCRIBE_STRUCT(Thresholds, (), (thresholds))

struct WithSecret {
  Text<1, 10> url;
  std::optional<Secret<Text<0, 50>>> signing_secret;
};
BOOST_DESCRIBE_STRUCT(WithSecret, (), (url, signing_secret))

namespace {

template <class T>
Result<T> read(std::string_view body) {
  detail::Decoded<T> decoded;
  detail::decode<T>(body, decoded);
  if (!decoded.parsed) return std::unexpected(decoded.parsed.error());
  if (!decoded.issues.empty()) return std::unexpected(decoded.issues.error());
  return std::move(decoded.value);
}
template <class T>
std::string issues(std::string_view body) {
  auto result = read<T>(body);
  if (result) return "none";
  return result.error().data ? result.error().data->json : result.error().message.substr(0, 9);
}

constexpr std::string_view kGood = R"({"json":{"enabled":true,"name":"n","list":[{"firstName":"a"}],"metadata":{"a":[1,2.5,"x"]}}})";

TEST(Codec, reads_what_is_given_and_keeps_defaults) {
  const auto value = read<Everything>(kGood);
  ASSERT_TRUE(value) << value.error().data->json;
  EXPECT_EQ(value->limit, 20);
  EXPECT_TRUE(value->enabled);
  EXPECT_EQ(value->list[0].first_name.str(), "a");
  EXPECT_TRUE(value->description.keeps());
  EXPECT_EQ(value->metadata.text, R"({"a":[1,2.5,"x"]})");
}

TEST(Codec, patch_tells_absent_null_and_value_apart) {
  struct Case {
    const char* text;
    int state;
  };
  for (const auto& [text, state] : {Case{R"({"json":{"enabled":true,"name":"n","list":[],"metadata":{},"description":null}})", 1},
                                    Case{R"({"json":{"enabled":true,"name":"n","list":[],"metadata":{},"description":"x"}})", 2},
                                    Case{R"({"json":{"enabled":true,"name":"n","list":[],"metadata":{},"description":null},"meta":[[3,"description"]]})", 0}}) {
    const auto value = read<Everything>(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(value->description.clears() ? 1 : value->description.sets() ? 2 : 0, state) << text;
  }
}

TEST(Codec, issues_have_the_known_members_in_the_known_order) {
  EXPECT_EQ(issues<Inner>("{}"),
            R"({"issues":[{"expected":"object","code":"invalid_type","path":[],"message":"Invalid input: expected object, received undefined"}]})");
  EXPECT_EQ(
      issues<Inner>(R"({"json":{"firstName":""}})"),
      R"({"issues":[{"origin":"string","code":"too_small","minimum":1,"inclusive":true,"path":["firstName"],"message":"Too small: expected string to have >=1 characters"}]})");
  EXPECT_EQ(issues<Inner>(R"({"json":{"firstName":"a","age":11}})"),
            R"({"issues":[{"origin":"number","code":"too_big","maximum":10,"inclusive":true,"path":["age"],"message":"Too big: expected number to be <=10"}]})");
  EXPECT_NE(issues<Inner>(R"({"json":{"firstName":"a","age":1.5}})").find(R"("expected":"int","format":"safeint","code":"invalid_type")"), std::string::npos);
  EXPECT_NE(issues<Inner>(R"({"json":{"firstName":"a","age":null},"meta":[[2,"age"]]})").find(R"("received":"NaN")"), std::string::npos);
  EXPECT_NE(issues<Thresholds>(R"({"json":{"thresholds":{"mode":"x"}}})").find(R"("discriminator":"mode","options":["consecutive","window"])"), std::string::npos);
  EXPECT_NE(issues<Everything>(R"({"json":{"colour":"pink"}})").find(R"({"code":"invalid_value","values":["red","dark_blue"],"path":["colour"])"), std::string::npos);
}

TEST(Codec, plain_json_tells_types_by_the_schema_alone) {
  const auto value = from_json<Echo>(R"({"d":"1970-01-01T00:00:00.000Z","s":["1970-01-01T00:00:00.000Z"],"m":[["a","1"]]})");
  ASSERT_TRUE(value) << value.error().data->json;
  EXPECT_EQ(to_json(*value), R"({"d":"1970-01-01T00:00:00.000Z","s":["1970-01-01T00:00:00.000Z"],"m":[["a","1"]]})");
  const auto bad = from_json<Echo>(R"({"s":{},"m":[["a","1"],["b"],5,["c","x"]]})");
  ASSERT_FALSE(bad);
  for (const char* part : {R"("expected":"set","code":"invalid_type","path":["s"])", R"("expected":"tuple","code":"invalid_type","path":["m",1])",
                           R"("expected":"tuple","code":"invalid_type","path":["m",2])", R"("expected":"bigint","code":"invalid_type","path":["m",3,1])"})
    EXPECT_NE(bad.error().data->json.find(part), std::string::npos) << part << bad.error().data->json;
}

TEST(Codec, set_and_map_do_not_pass_as_objects) {
  EXPECT_NE(issues<Inner>(R"({"json":[1],"meta":[[6]]})").find("received Set"), std::string::npos);
  EXPECT_NE(issues<Inner>(R"({"json":[["firstName","a"]],"meta":[[7]]})").find("received Map"), std::string::npos);
}

TEST(Codec, free_json_refuses_special_types_infinities_and_size) {
  const auto with = [](const char* metadata, const char* meta) {
    return issues<Everything>(std::string(R"({"json":{"enabled":true,"name":"n","list":[],"metadata":)") + metadata + "},\"meta\":" + meta + "}");
  };
  EXPECT_EQ(with(R"({"a":1})", "[]"), "none");
  EXPECT_NE(with(R"({"a":"1"})", R"([[0,"metadata","a"]])"), "none");
  EXPECT_NE(with(R"({"a":1e400})", "[]"), "none");
  EXPECT_NE(with(R"({"a":[[[[1]]]]})", "[]"), "none");
  EXPECT_NE(with(R"([])", "[]").find(R"("expected":"record","code":"invalid_type","path":["metadata"])"), std::string::npos);
  EXPECT_NE(with((R"({"a":")" + std::string(200, 'x') + "\"}").c_str(), "[]"), "none");
  EXPECT_NE(with(R"({"a":"\u0000"})", "[]"), "none");
}

TEST(Codec, dates_sets_maps_and_bigints_round_trip) {
  const std::string_view text =
      R"({"json":{"d":"1970-01-01T00:00:00.000Z","s":["1970-01-01T00:00:00.000Z"],"m":[["a","1"]]},"meta":[[1,"d"],[1,"s",0],[6,"s"],[0,"m",0,1],[7,"m"]]})";
  const auto value = read<Echo>(text);
  ASSERT_TRUE(value) << value.error().data->json;
  EXPECT_EQ(to_envelope(*value), text);
  EXPECT_NE(issues<Echo>(R"({"json":{"d":"1970-01-01T00:00:00.000Z","s":[],"m":[]},"meta":[[6,"s"],[7,"m"]]})").find("expected date, received string"), std::string::npos);
}

TEST(Codec, unions_write_and_read_their_discriminator) {
  const auto value = read<Thresholds>(R"({"json":{"thresholds":{"mode":"window","windowSize":5}}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(to_envelope(*value), R"({"json":{"thresholds":{"mode":"window","windowSize":5}}})");
}

TEST(Codec, G_1_secrets_are_read_and_never_written) {
  const auto value = read<WithSecret>(R"({"json":{"url":"u","signingSecret":"s3cret"}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->signing_secret->value.str(), "s3cret");
  EXPECT_EQ(to_json(*value), R"({"url":"u"})");
  EXPECT_NE(to_json_schema(*schema_of<WithSecret>()).find(R"("x-secret":true)"), std::string::npos);
}

TEST(Envelope, AUTHCHECK_13_meta_paths_create_nothing) {
  EXPECT_EQ(issues<Inner>(R"({"json":{},"meta":[[1,"__proto__","x"]]})"), "Malformed");
  for (const char* text : {"not json", "null", "{", R"({"json":{},"meta":5})", R"({"json":{"a":1},"meta":[[1,"a","b"]]})", R"({"json":{"a":"x5"},"meta":[[0,"a"]]})",
                           R"({"json":{"a":1},"meta":[[]]})", R"({"json":{"a":1},"meta":[["1","a"]]})", R"({"json":[[1]],"meta":[[6],[1,0]]})", R"({"json":[1],"meta":[[7]]})"})
    EXPECT_EQ(issues<Inner>(text), "Malformed") << text;
  EXPECT_EQ(issues<Inner>(R"({"json":{"firstName":"a"},"meta":[[77,"firstName"]]})"), "none");
}

TEST(Envelope, depth_is_bounded) {
  const auto nested = [](int depth) { return "{\"json\":{\"firstName\":\"a\",\"x\":" + std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']') + "}}"; };
  EXPECT_EQ(issues<Inner>(nested(60)), "none");
  EXPECT_EQ(issues<Inner>(nested(1000)), "Malformed");
}

TEST(Envelope, meta_is_bounded) {
  const auto entries = [](std::size_t count) {
    std::string body = R"({"json":{"firstName":"a"},"meta":[)";
    for (std::size_t i = 0; i < count; ++i) body += i == 0 ? R"([77,"firstName"])" : R"(,[77,"firstName"])";
    return body + "]}";
  };
  EXPECT_EQ(issues<Inner>(entries(kMaxMeta)), "none");
  EXPECT_EQ(issues<Inner>(entries(kMaxMeta + 1)), "Malformed");

  const auto digits = [](std::size_t count) { return R"({"json":{"firstName":"a","x":")" + std::string(count, '9') + R"("},"meta":[[0,"x"]]})"; };
  EXPECT_EQ(issues<Inner>(digits(4096)), "none");
  EXPECT_EQ(issues<Inner>(digits(4097)), "Malformed");

  const auto deep = [](std::size_t depth) {
    std::string body = R"({"json":{"firstName":"a","x":)" + std::string(60, '[') + "1" + std::string(60, ']') + R"(},"meta":[[77,"x")";
    for (std::size_t i = 0; i < depth; ++i) body += ",0";
    return body + "]]}";
  };
  EXPECT_EQ(issues<Inner>(deep(60)), "none");
  EXPECT_EQ(issues<Inner>(deep(61)), "Malformed") << "leads nowhere";
  EXPECT_EQ(issues<Inner>(deep(100)), "Malformed");
}

TEST(Envelope, what_holds_no_input_is_none) {
  for (const char* body : {"", " ", "{}", "[1]", "5", "\"x\"", R"({"data":1})", R"({"meta":[]})"})
    EXPECT_NE(issues<Inner>(body).find("received undefined"), std::string::npos) << body;
}

TEST(Envelope, a_byte_order_mark_and_duplicate_members_are_taken) {
  EXPECT_EQ(issues<Inner>("\xef\xbb\xbf{\"json\":{\"firstName\":\"a\"}}"), "none");
  EXPECT_EQ(issues<Inner>(R"({"json":5,"json":{"firstName":"a"}})"), "none");
}

TEST(Writer, numbers_and_strings_look_as_browsers_write_them) {
  const auto number = [](double value) {
    std::string out;
    append_json_number(out, value);
    return out;
  };
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(1e20), "100000000000000000000");
  EXPECT_EQ(number(-0.0), "0");
  EXPECT_EQ(number(5), "5");
  std::string text;
  append_json_string(text, "a\"\\\n\x01\xc3\xa4");
  EXPECT_EQ(text, "\"a\\\"\\\\\\n\\u0001\xc3\xa4\"");
  EXPECT_EQ(to_envelope(Timestamp()), R"({"json":"1970-01-01T00:00:00.000Z","meta":[[1]]})");
}

TEST(JsonText, a_number_reads_back_as_the_one_that_was_written) {
  std::mt19937_64 random(20261129);
  for (int i = 0; i < 20'000; ++i) {
    const double number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    std::string text;
    append_json_number(text, number);
    const auto read = parse_json(text);
    ASSERT_TRUE(read) << text;
    ASSERT_EQ(read->to_number<double>(), number) << text;
  }
  EXPECT_EQ(parse_json("-1.5e3")->get_double(), -1500.0);
  EXPECT_EQ(parse_json("7.2057594037927933e16")->get_double(), 72057594037927936.0);  // halfway cases go to the even neighbour
  EXPECT_EQ(parse_json("1e-400")->get_double(), 0.0);
  EXPECT_TRUE(std::isinf(parse_json("1e400")->get_double()));
}

TEST(JsonText, what_is_no_json_is_refused) {
  for (const char* text : {"", "{", "1 2", "[1,]", "nul", "'a'", "01", "+1", ".5", "1.", "NaN", "\"\\x\"", "\"\xff\""}) EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_TRUE(parse_json("[[[]]]", 3));
  EXPECT_FALSE(parse_json("[[[]]]", 2));
}

TEST(TypeScript, follows_the_schema) {
  EXPECT_EQ(to_typescript(*schema_of<Everything>(), Direction::input),
            "{ limit?: number; unreadOnly?: boolean; enabled: boolean; name: string; mail?: string; colour?: \"red\" | \"dark_blue\"; list: Array<{ firstName: string; age?: number; }>; "
            "description?: string | null; metadata: Record<string, unknown>; }");
  EXPECT_EQ(to_typescript(*schema_of<Thresholds>(), Direction::output),
            "{ thresholds: { mode: \"consecutive\"; count: number; } | { mode: \"window\"; windowSize: number; }; }");
}

class FakeIdentity final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    if (credentials.authorization.starts_with("Bearer bad")) co_return fail(ErrorCode::unauthorized, "Invalid credentials");
    if (credentials.cookie.empty()) co_return access::Principal::nobody();
    access::Principal user;
    user.kind = access::Principal::Kind::user;
    user.rules = std::make_shared<const access::RuleSet>(std::vector<std::string>{std::string(credentials.cookie)});
    co_return std::make_shared<const access::Principal>(std::move(user));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(std::vector<std::string>{"t.open.read"}); }
};

struct Fixture {
  FakeIdentity identity;
  async::BlockingPool pool{{.name = "test", .threads = 1}};
  Dispatcher dispatcher{identity, pool};
  int calls = 0;
  Fixture() {
    Area area("t");
    area.rule({.id = "t.open.read"}).rule({.id = "t.thing.read"}).rule({.id = "t.thing.manage"});
    area.query("echo", access::authenticated().needs("t.thing.read"), [this](const Caller&, Inner in) -> Result<Inner> {
          ++calls;
          return in;
        })
        .query("open", access::everyone().needs("t.open.read"), [](const Caller&) -> Result<std::string> { return "hi"; })
        .mutation("change", access::user(), [](const Caller&) -> Result<void> { return {}; })
        .mutation("refuse", access::anonymous(), [](const Caller&) -> Result<void> {
          Error error{.code = ErrorCode::forbidden, .message = "m"};
          error.data = error_data(Consecutive{});
          return std::unexpected(error);
        })
        .query("dated", access::anonymous(), [](const Caller&) -> Result<void> {
          Error error{.code = ErrorCode::forbidden, .message = "m"};
          Writer out;
          bool first = true;
          out.begin_object();
          out.begin_member(first, "when");
          out.date(Timestamp());
          out.end_member();
          out.end_object();
          error.data = std::make_shared<const ErrorData>(ErrorData{out.json, out.meta});
          return std::unexpected(error);
        });
    EXPECT_TRUE(dispatcher.mount(std::move(area)));
    EXPECT_TRUE(dispatcher.check());
  }
  awaitable<std::string> call(CallRequest request) {
    auto answer = co_await dispatcher.call(request);
    const auto* text = std::get_if<std::string>(&answer.body);
    co_return std::to_string(answer.status) + " " + (text ? *text : **std::get_if<1>(&answer.body));
  }
};

CO_TEST(Dispatcher, runs_the_stages_in_order) {
  Fixture f;
  EXPECT_EQ(co_await f.call({.method = "POST", .path = "t/nope", .body = "{}"}), R"(404 {"error":"Not Found"})");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/echo", .body = "{"})).substr(0, 3), "400");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/echo", .body = R"({"json":{}})"})).substr(0, 3), "401");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/echo", .body = R"({"json":{}})", .credentials = {.cookie = "t.other.read"}})),
            R"(403 {"json":{"defined":false,"code":"FORBIDDEN","status":403,"message":"Missing access: t.thing.read"}})");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/echo", .body = R"({"json":{}})", .credentials = {.cookie = "t.thing.read"}})).substr(0, 3), "400");
  EXPECT_EQ(f.calls, 0);
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "/t/echo/", .body = R"({"json":{"firstName":"a"}})", .credentials = {.cookie = "t.thing.manage"}})),
            R"(200 {"json":{"firstName":"a"}})");
  EXPECT_EQ(co_await f.call({.method = "POST", .path = "t/open"}), R"(200 {"json":"hi"})");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/open", .credentials = {.authorization = "Bearer bad"}})).substr(0, 3), "401");
  EXPECT_EQ(co_await f.call({.method = "POST", .path = "t/change", .credentials = {.cookie = "x"}}), "200 {}");
}

CO_TEST(Dispatcher, methods_and_content_types_are_judged) {
  Fixture f;
  const auto get = co_await f.dispatcher.call({.method = "GET", .path = "t/change"});
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.allow, "POST");
  const auto put = co_await f.dispatcher.call({.method = "PUT", .path = "t/echo"});
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.allow, "GET, HEAD, POST");
  EXPECT_EQ((co_await f.call({.method = "GET", .path = "t/echo", .query = "data=1&data=%7B%22json%22%3A%7B%22firstName%22%3A%22a%22%7D%7D", .credentials = {.cookie = "*"}})),
            R"(200 {"json":{"firstName":"a"}})");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/open", .content_type = "text/plain", .body = "{}"})).substr(0, 3), "415");
  EXPECT_EQ((co_await f.call({.method = "POST", .path = "t/open", .content_type = "Application/JSON; charset=utf-8", .body = "{}"})).substr(0, 3), "200");
}

CO_TEST(Dispatcher, error_data_carries_its_dates) {
  Fixture f;
  EXPECT_EQ(co_await f.call({.method = "GET", .path = "t/dated"}),
            R"(403 {"json":{"defined":false,"code":"FORBIDDEN","status":403,"message":"m","data":{"when":"1970-01-01T00:00:00.000Z"}},"meta":[[1,"data","when"]]})");
  EXPECT_EQ(co_await f.call({.method = "POST", .path = "t/refuse"}),
            R"(403 {"json":{"defined":false,"code":"FORBIDDEN","status":403,"message":"m","data":{"mode":"consecutive","count":2}}})");
}

TEST(Dispatcher, refuses_undeclared_rules_and_doubled_names) {
  FakeIdentity identity;
  async::BlockingPool pool({.name = "test", .threads = 1});
  Dispatcher dispatcher(identity, pool);
  Area area("a");
  area.query("x", access::user().needs("a.b.read"), [](const Caller&) -> Result<void> { return {}; });
  EXPECT_TRUE(dispatcher.mount(area));
  EXPECT_FALSE(dispatcher.check());
  EXPECT_FALSE(dispatcher.mount(area));
}

TEST(Authorize, table_of_types_and_principals) {
  using access::authorize;
  const access::RuleSet none;
  access::Principal nobody, user, application, service;
  user.kind = access::Principal::Kind::user;
  application.kind = access::Principal::Kind::application;
  service.kind = access::Principal::Kind::service;
  const auto verdict = [&](const access::Requirement& r) {
    std::string out;
    for (const auto* p : {&nobody, &user, &application, &service}) {
      const auto result = authorize(r, *p, none);
      out += result ? '.' : result.error().code == ErrorCode::unauthorized ? 'u' : 'f';
    }
    return out;
  };
  EXPECT_EQ(verdict(access::anonymous().needs("a.b.read")), "....");
  EXPECT_EQ(verdict(access::everyone()), "....");
  EXPECT_EQ(verdict(access::everyone().needs("a.b.read")), "fff.");
  EXPECT_EQ(verdict(access::authenticated()), "u...");
  EXPECT_EQ(verdict(access::authenticated().needs("a.b.read")), "uff.");
  EXPECT_EQ(verdict(access::user()), "u.ff");
  EXPECT_EQ(verdict(access::service()), "uff.");
  user.rules = std::make_shared<const access::RuleSet>(std::vector<std::string>{"a.b.send"});
  application.rules = user.rules;
  EXPECT_EQ(verdict(access::service().or_holding("a.b.send")), "u...");
  user.rules = std::make_shared<const access::RuleSet>(std::vector<std::string>{"a.b.manage"});
  EXPECT_EQ(verdict(access::service().or_holding("a.b.send")), "uf..");
  EXPECT_EQ(verdict(access::authenticated().needs("a.b.read")), "u.f.");
  EXPECT_TRUE(authorize(access::everyone().needs("a.b.read"), nobody, access::RuleSet({"a.b.read"})));
}

}  // namespace
}  // namespace watchbell::rpc
