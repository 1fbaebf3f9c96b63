#include "runtime/rpc/admission.hpp"

#include <map>

#include "runtime/rpc/dispatcher.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::rpc {

struct ThingRef {
  Text<1, 50> thing_id;
};
BOOST_DESCRIBE_STRUCT(ThingRef, (), (thing_id))
struct Nested {
  std::optional<ThingRef> data;
  std::optional<Text<1, 5>> name;
};
BOOST_DESCRIBE_STRUCT(Nested, (), (data, name))
struct Many {
  List<Text<1, 50>, 1, 10> ids;
};
BOOST_DESCRIBE_STRUCT(Many, (), (ids))
struct Referring {
  Text<1, 50> kind;
  Text<1, 50> id;
};
BOOST_DESCRIBE_STRUCT(Referring, (), (kind, id))
struct Thing {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Thing, (), (id))
struct Things {
  std::vector<Thing> things;
  std::map<std::string, std::int64_t> counts;
};
BOOST_DESCRIBE_STRUCT(Things, (), (things, counts))
struct Outcome {
  std::vector<std::string> done;
  std::vector<std::string> forbidden;
};
BOOST_DESCRIBE_STRUCT(Outcome, (), (done, forbidden))

namespace {

/// The cookie lists the caller's rules, its first word says what he is: "user a.b.read", "application", "service area".
class CookieIdentity final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    if (credentials.cookie.empty()) co_return access::Principal::nobody();
    std::vector<std::string> words;
    std::string_view rest = credentials.cookie;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(' '), rest.size());
      words.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (words.front() == "service") co_return access::Principal::service(words.size() > 1 ? words[1] : "other");
    access::Principal principal;
    principal.kind = words.front() == "user" ? access::Principal::Kind::user : access::Principal::Kind::application;
    principal.id = Uuid::parse("01000000-0000-7000-8000-000000000001").value();
    principal.rules = std::make_shared<const access::RuleSet>(std::vector<std::string>(words.begin() + 1, words.end()));
    co_return std::make_shared<const access::Principal>(std::move(principal));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(visitors); }
  std::vector<std::string> visitors;
};

/// Grants to everybody who is signed in, and objects hidden from everybody, as teams would have them.
class Teams final : public access::ObjectAccess {
 public:
  awaitable<Result<access::Reach>> reach(access::ObjectQuestion question) override {
    ++asked;
    if (broken) co_return fail(ErrorCode::unavailable, "teams cannot be read");
    std::set<std::string, std::less<>> granted;
    if (question.principal.kind != access::Principal::Kind::none)
      if (const auto it = grants.find(std::string(question.type) + "." + std::string(question.action)); it != grants.end()) granted = it->second;
    if (!question.by_rule) co_return access::Reach::only(granted);
    auto hidden = secret;
    for (const auto& id : granted) hidden.erase(id);
    co_return access::Reach::all_but(hidden);
  }
  std::map<std::string, std::set<std::string, std::less<>>> grants;
  std::set<std::string, std::less<>> secret;
  bool broken = false;
  int asked = 0;
};

Result<Things> three_things() { return Things{.things = {{"a"}, {"b"}, {"c"}}, .counts = {{"a", 1}, {"b", 2}}}; }

struct Fixture {
  CookieIdentity identity;
  Teams teams;
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  Dispatcher dispatcher{identity, pool, teams};
  int handled = 0;

  Fixture() {
    const auto read = [] { return access::everyone().needs("t.thing.read"); };
    const auto manage = [] { return access::authenticated().needs("t.thing.manage"); };
    const auto done = [this](const Caller&, auto&&) -> Result<void> {
      ++handled;
      return {};
    };
    const auto ref = [done](const Caller& c, ThingRef in) { return done(c, in); };
    Area area("t");
    area.objects("thing")
        .objects("box")
        .rule({.id = "t.thing.read", .description = {}})
        .rule({.id = "t.thing.manage", .description = {}})
        .rule({.id = "t.box.manage", .description = {}})
        .query("one", read().of("thingId"), ref)
        .mutation("nested", manage().of("data.thingId"), [done](const Caller& c, Nested in) { return done(c, in); })
        .mutation("bare", manage().of("id"), [done](const Caller& c, BareOrId<Text<1, 50>> in) { return done(c, in); })
        .query("list", read().each("things"), [](const Caller&) { return three_things(); })
        .query("kept", read().each("things"),
               [this](const Caller&) -> Result<Kept<Things>> {
                 if (everything.value == nullptr) everything = kept(*three_things());
                 return everything;
               })
        .query("record", read().each_key("counts"), [](const Caller&) { return three_things(); })
        .query("whole", read().each(""), [](const Caller&) -> Result<std::vector<Thing>> { return three_things()->things; })
        .mutation("many", manage().many("ids"),
                  [](const Caller& c, Many in) -> Result<Outcome> {
                    Outcome outcome{.done = {}, .forbidden = c.forbidden};
                    for (const auto& id : in.ids) outcome.done.push_back(id.str());
                    return outcome;
                  })
        .mutation("create", manage().creates(), [done](const Caller& c) { return done(c, 0); })
        .mutation("createUnder", access::authenticated().needs("t.box.manage").creates_under("t.thing", "ids"),
                  [done](const Caller& c, Many in) { return done(c, in); })
        .query("any", access::authenticated().needs("t.thing.manage").on_type(), [done](const Caller& c) { return done(c, 0); })
        .query("ofParent", access::everyone().needs("t.box.manage").under("t.thing", "read", "ids"), [done](const Caller& c, Many in) { return done(c, in); })
        .query("recordOfParent", access::everyone().needs("t.box.manage").each_key_under("t.thing", "read", "counts"),
               [](const Caller&) { return three_things(); })
        .mutation("refer", manage().referring("kind", "id"), [done](const Caller& c, Referring in) { return done(c, in); })
        .query("shown", access::everyone().needs("t.box.manage").global().shows("t.thing"),
               [](const Caller& c) -> Result<std::string> { return c.sees.holds_everything() ? "all"
                                                                   : c.sees.holds("a")       ? "a"
                                                                                             : "none"; })
        .mutation("scoped", access::service().from({"incident", "health*"}), [done](const Caller& c) { return done(c, 0); });
    EXPECT_TRUE(dispatcher.mount(std::move(area)));
    const auto checked = dispatcher.check();
    EXPECT_TRUE(checked) << checked.error().message;
  }
  Kept<Things> everything;

  awaitable<std::string> call(std::string cookie, std::string procedure, std::string body = "{}") {
    const std::string path = "t/" + procedure;
    const auto answer = co_await dispatcher.call({.method = "POST", .path = path, .body = body, .credentials = {.authorization = {}, .cookie = cookie}});
    const auto* text = std::get_if<std::string>(&answer.body);
    co_return std::to_string(answer.status) + " " + (text ? *text : **std::get_if<1>(&answer.body));
  }
  /// The statuses of one call by: a visitor, a user without rights, one with `rule`, one with `*`.
  awaitable<std::string> statuses(std::string procedure, std::string body, std::string rule) {
    std::string all;
    for (const std::string& cookie : {std::string(), std::string("user"), "user " + rule, std::string("user *")})
      all += (all.empty() ? "" : " ") + (co_await call(cookie, procedure, body)).substr(0, 3);
    co_return all;
  }
};

constexpr const char* kA = R"({"json":{"thingId":"a"}})";
constexpr const char* kB = R"({"json":{"thingId":"b"}})";

TEST(RuleSet, manage_of_a_resource_grants_its_read_and_nothing_beside_it) {
  const access::RuleSet rules({"a.b.manage", "a.bb.read", "a.c", "a.c.manage.x", "a.d.manager", "a.thing", "b.thing.manage"});
  for (const char* held : {"a.b.manage", "a.b.read", "a.bb.read", "b.thing.read", "b.thing.manage"}) EXPECT_TRUE(rules.holds(held)) << held;
  for (const char* missing : {"a.b.write", "a.bb.manage", "a.c.read", "a.d.read", "a.thing.read", "a.read", ".read", "read", "", "a.b", "b.thing", "c.thing.read"})
    EXPECT_FALSE(rules.holds(missing)) << missing;
  EXPECT_FALSE(access::RuleSet().holds("a.b.read"));
  EXPECT_TRUE(access::RuleSet({"*"}).holds("a.b.read"));
}

CO_TEST(Admission, AUTHCHECK_03_an_object_named_by_the_input) {
  Fixture f;
  EXPECT_EQ(co_await f.statuses("one", kA, "t.thing.read"), "403 403 200 200");
  f.teams.grants["t.thing.read"] = {"a"};
  EXPECT_EQ(co_await f.statuses("one", kA, "t.thing.read"), "403 200 200 200");
  EXPECT_EQ(co_await f.statuses("one", kB, "t.thing.read"), "403 403 200 200");
  f.identity.visitors = {"t.thing.read"};
  EXPECT_EQ(co_await f.statuses("one", kB, "t.other.read"), "200 200 200 200");
  // Hidden from all but those with a grant, whatever rules they hold.
  f.teams.secret = {"a", "b"};
  EXPECT_EQ(co_await f.statuses("one", kA, "t.thing.read"), "403 200 200 200");
  EXPECT_EQ(co_await f.statuses("one", kB, "t.thing.read"), "403 403 403 403");
  // Services are not judged by objects.
  EXPECT_EQ((co_await f.call("service other", "one", kB)).substr(0, 3), "200");
}

CO_TEST(Admission, AUTHCHECK_03_an_id_that_cannot_be_told_is_refused_without_the_global_rule) {
  Fixture f;
  f.teams.grants["t.thing.read"] = {"a"};
  f.teams.grants["t.thing.manage"] = {"a"};
  for (const std::string body : {"{}", R"({"json":{}})", R"({"json":{"thingId":""}})", R"({"json":{"thingId":7}})", R"({"json":[]})"})
    EXPECT_EQ(co_await f.statuses("one", body, "t.thing.read"), "403 403 400 400") << body;
  EXPECT_EQ(co_await f.statuses("nested", R"({"json":{}})", "t.thing.manage"), "401 403 200 200");
  EXPECT_EQ(co_await f.statuses("nested", R"({"json":{"data":{"thingId":"a"}}})", "t.thing.manage"), "401 200 200 200");
  // Who may act on the object is told what else is wrong.
  EXPECT_EQ(co_await f.statuses("nested", R"({"json":{"data":{"thingId":"a"},"name":"too long"}})", "t.thing.manage"), "401 400 400 400");
  EXPECT_EQ(co_await f.statuses("bare", R"({"json":"a"})", "t.thing.manage"), "401 200 200 200");
  EXPECT_EQ(co_await f.statuses("bare", R"({"json":{"id":"a"}})", "t.thing.manage"), "401 200 200 200");
  EXPECT_EQ(co_await f.statuses("bare", R"({"json":{"id":"b"}})", "t.thing.manage"), "401 403 200 200");
}

CO_TEST(Admission, AUTHCHECK_03_lists_and_records_keep_what_may_be_seen) {
  Fixture f;
  const std::string all = R"(200 {"json":{"things":[{"id":"a"},{"id":"b"},{"id":"c"}],"counts":{"a":1,"b":2}}})";
  for (const std::string procedure : {"list", "kept"}) {
    EXPECT_EQ(co_await f.call("user t.thing.read", procedure), all);
    EXPECT_EQ(co_await f.call("service other", procedure), all);
    // A visitor gets nothing to see, a user is told what he lacks.
    EXPECT_EQ(co_await f.call("", procedure), R"(200 {"json":{"things":[],"counts":{"a":1,"b":2}}})");
    EXPECT_EQ(
        co_await f.call("user", procedure),
        R"(403 {"json":{"defined":false,"code":"FORBIDDEN","status":403,"message":"Missing access: t.thing.read","data":{"reason":"resource_scope_denied","resourceType":"t.thing","requiredAccess":"read","missingGlobalRule":"t.thing.read","hint":"Ask an administrator for the access rule t.thing.read"}}})");
  }
  EXPECT_EQ(co_await f.call("", "record"), R"(200 {"json":{"things":[{"id":"a"},{"id":"b"},{"id":"c"}],"counts":{}}})");
  EXPECT_EQ((co_await f.call("user", "record")).substr(0, 3), "403");
  EXPECT_EQ(co_await f.call("", "whole"), R"(200 {"json":[]})");
  f.teams.grants["t.thing.read"] = {"b"};
  EXPECT_EQ(co_await f.call("user", "list"), R"(200 {"json":{"things":[{"id":"b"}],"counts":{"a":1,"b":2}}})");
  EXPECT_EQ(co_await f.call("user", "record"), R"(200 {"json":{"things":[{"id":"a"},{"id":"b"},{"id":"c"}],"counts":{"b":2}}})");
  EXPECT_EQ(co_await f.call("user", "whole"), R"(200 {"json":[{"id":"b"}]})");
  f.teams.secret = {"a"};
  EXPECT_EQ(co_await f.call("user *", "whole"), R"(200 {"json":[{"id":"b"},{"id":"c"}]})");
}

CO_TEST(Admission, R_02_what_one_caller_may_not_see_is_still_there_for_the_next) {
  Fixture f;
  f.teams.grants["t.thing.read"] = {"b"};
  const auto before = co_await f.call("user t.thing.read", "kept");
  EXPECT_EQ(co_await f.call("user", "kept"), R"(200 {"json":{"things":[{"id":"b"}],"counts":{"a":1,"b":2}}})");
  EXPECT_EQ(co_await f.call("", "kept"), R"(200 {"json":{"things":[],"counts":{"a":1,"b":2}}})");
  EXPECT_EQ(co_await f.call("user t.thing.read", "kept"), before);
}

CO_TEST(Admission, AUTHCHECK_03_of_many_ids_the_handler_gets_those_allowed) {
  Fixture f;
  const std::string body = R"({"json":{"ids":["a","b","c"]}})";
  EXPECT_EQ((co_await f.statuses("many", body, "t.thing.manage")), "401 403 200 200");
  EXPECT_EQ(co_await f.call("user t.thing.manage", "many", body), R"(200 {"json":{"done":["a","b","c"],"forbidden":[]}})");
  f.teams.grants["t.thing.manage"] = {"b"};
  EXPECT_EQ(co_await f.call("user", "many", body), R"(200 {"json":{"done":["b"],"forbidden":["a","c"]}})");
  EXPECT_EQ((co_await f.call("user", "many", R"({"json":{"ids":["b",7]}})")).substr(0, 3), "403");
  EXPECT_EQ((co_await f.call("user t.thing.manage", "many", R"({"json":{"ids":["b",7]}})")).substr(0, 3), "400");
}

CO_TEST(Admission, AUTHCHECK_03_making_an_object) {
  Fixture f;
  EXPECT_EQ(co_await f.statuses("create", "{}", "t.thing.manage"), "401 403 200 200");
  f.teams.grants["t.thing.manage"] = {"a"};
  EXPECT_EQ(co_await f.statuses("create", "{}", "t.thing.manage"), "401 403 200 200");
  f.teams.grants["t.thing.create"] = {"*"};
  EXPECT_EQ(co_await f.statuses("create", "{}", "t.thing.manage"), "401 200 200 200");
  // Under parents: by the rule of what is made, or by grants on every one of them; not by the parents' rule.
  EXPECT_EQ(co_await f.statuses("createUnder", R"({"json":{"ids":["a"]}})", "t.box.manage"), "401 200 200 200");
  EXPECT_EQ(co_await f.statuses("createUnder", R"({"json":{"ids":["a","b"]}})", "t.thing.manage"), "401 403 403 200");
  EXPECT_EQ(co_await f.statuses("createUnder", R"({"json":{"ids":[]}})", "t.box.manage"), "401 403 400 400");
}

CO_TEST(Admission, AUTHCHECK_03_whoever_may_act_on_some_object_of_the_type) {
  Fixture f;
  EXPECT_EQ(co_await f.statuses("any", "{}", "t.thing.manage"), "401 403 200 200");
  f.teams.grants["t.thing.create"] = {"*"};
  EXPECT_EQ(co_await f.statuses("any", "{}", "t.thing.manage"), "401 200 200 200");
  f.teams.grants = {{"t.thing.manage", {"a"}}};
  EXPECT_EQ(co_await f.statuses("any", "{}", "t.thing.manage"), "401 200 200 200");
}

CO_TEST(Admission, AUTHCHECK_03_judged_by_a_parent) {
  Fixture f;
  const std::string body = R"({"json":{"ids":["a","b"]}})";
  // Both rules, or grants on all parents.
  EXPECT_EQ(co_await f.statuses("ofParent", body, "t.box.manage"), "403 403 403 200");
  EXPECT_EQ(co_await f.statuses("ofParent", body, "t.thing.read"), "403 403 403 200");
  EXPECT_EQ((co_await f.call("user t.box.manage t.thing.read", "ofParent", body)).substr(0, 3), "200");
  f.teams.grants["t.thing.read"] = {"a"};
  EXPECT_EQ(co_await f.statuses("ofParent", body, "t.x.read"), "403 403 403 200");
  EXPECT_EQ(co_await f.statuses("ofParent", R"({"json":{"ids":["a"]}})", "t.x.read"), "403 200 200 200");
  EXPECT_EQ(co_await f.call("user", "recordOfParent"), R"(200 {"json":{"things":[{"id":"a"},{"id":"b"},{"id":"c"}],"counts":{"a":1}}})");
  EXPECT_EQ(co_await f.call("", "recordOfParent"), R"(200 {"json":{"things":[{"id":"a"},{"id":"b"},{"id":"c"}],"counts":{}}})");
}

CO_TEST(Admission, AUTHCHECK_03_type_and_id_from_the_input) {
  Fixture f;
  const std::string body = R"({"json":{"kind":"t.box","id":"a"}})";
  EXPECT_EQ(co_await f.statuses("refer", body, "t.thing.manage"), "401 403 200 200");  // the procedure's own rule opens all
  EXPECT_EQ(co_await f.statuses("refer", body, "t.box.manage"), "401 403 200 200");    // so does that of the type
  f.teams.grants["t.box.manage"] = {"a"};
  EXPECT_EQ(co_await f.statuses("refer", body, "t.x.read"), "401 200 200 200");
  EXPECT_EQ(co_await f.statuses("refer", R"({"json":{"kind":"t.thing","id":"a"}})", "t.x.read"), "401 403 403 200");
  EXPECT_EQ(co_await f.statuses("refer", R"({"json":{"id":"a"}})", "t.x.read"), "401 403 403 400");
}

CO_TEST(Admission, AUTHCHECK_03_when_nobody_can_judge_nothing_is_given) {
  Fixture f;
  f.teams.broken = true;
  EXPECT_EQ(co_await f.statuses("one", kA, "t.thing.read"), "403 403 403 403");
  EXPECT_EQ(co_await f.statuses("bare", R"({"json":"a"})", "t.thing.manage"), "401 403 403 403");
  EXPECT_EQ(co_await f.statuses("many", R"({"json":{"ids":["a"]}})", "t.thing.manage"), "401 403 403 403");
  EXPECT_EQ(co_await f.call("user *", "whole"), R"(200 {"json":[]})");
  EXPECT_EQ(co_await f.call("user *", "shown"), R"(200 {"json":"none"})");
  EXPECT_EQ(f.handled, 0);
}

CO_TEST(Admission, ids_an_answer_names_are_those_its_caller_sees) {
  Fixture f;
  EXPECT_EQ((co_await f.call("", "shown")).substr(0, 3), "403");
  EXPECT_EQ(co_await f.call("user t.box.manage", "shown"), R"(200 {"json":"none"})");
  EXPECT_EQ(co_await f.call("user t.box.manage t.thing.manage", "shown"), R"(200 {"json":"all"})");
  f.teams.grants["t.thing.read"] = {"a"};
  EXPECT_EQ(co_await f.call("user t.box.manage", "shown"), R"(200 {"json":"a"})");
  EXPECT_EQ(co_await f.call("service x", "shown"), R"(200 {"json":"all"})");
}

CO_TEST(Admission, a_procedure_may_be_for_some_services_only) {
  Fixture f;
  EXPECT_EQ((co_await f.call("service incident", "scoped")).substr(0, 3), "200");
  EXPECT_EQ((co_await f.call("service healthcheck", "scoped")).substr(0, 3), "200");
  EXPECT_EQ((co_await f.call("service incidents", "scoped")).substr(0, 3), "403");
  EXPECT_EQ((co_await f.call("user *", "scoped")).substr(0, 3), "403");
  EXPECT_EQ((co_await f.call("", "scoped")).substr(0, 3), "401");
}

CO_TEST(Admission, objects_are_asked_for_only_where_they_are_judged) {
  Fixture f;
  co_await f.call("service incident", "scoped");
  co_await f.call("service other", "one", kA);
  co_await f.call("", "create");  // nobody is refused before
  EXPECT_EQ(f.teams.asked, 0);
  co_await f.call("user *", "one", kA);
  EXPECT_EQ(f.teams.asked, 1);
}

/// The sentence a start with one faulty procedure ends with; "starts" when it does not.
template <class F>
std::string start_with(access::Requirement requirement, F handler, Kind kind = Kind::mutation) {
  CookieIdentity identity;
  async::BlockingPool pool({.name = "test", .threads = 1});
  Dispatcher dispatcher(identity, pool);
  Area area("t");
  area.objects("thing")
      .rule({.id = "t.thing.read", .description = {}})
      .rule({.id = "t.thing.manage", .description = {}})
      .rule({.id = "t.free.read", .description = {}});
  if (kind == Kind::query)
    area.query("x", std::move(requirement), std::move(handler));
  else
    area.mutation("x", std::move(requirement), std::move(handler));
  EXPECT_TRUE(dispatcher.mount(std::move(area)));
  Area other("other");
  other.rule({.id = "other.thing.read", .description = {}});
  EXPECT_TRUE(dispatcher.mount(std::move(other)));
  const auto checked = dispatcher.check();
  return checked ? "starts" : checked.error().message;
}

TEST(Boot, names_the_procedure_and_what_is_wrong_with_it) {
  using access::authenticated;
  using access::everyone;
  const auto nothing = [](const Caller&) -> Result<void> { return {}; };
  const auto things = [](const Caller&) { return three_things(); };
  const auto ref = [](const Caller&, ThingRef) -> Result<void> { return {}; };
  const auto many = [](const Caller&, Many) -> Result<void> { return {}; };
  const auto bytes = [](const Caller&) -> Result<Encoded<Things>> { return encoded(*three_things()); };
  const auto both = [](const Caller&) -> Result<Kept<Things>> { return kept(*three_things()); };
  const auto read = [] { return everyone().needs("t.thing.read"); };

  EXPECT_EQ(start_with(authenticated().needs("t.free.read"), nothing), "starts");
  EXPECT_EQ(start_with(read().global(), nothing), "starts");
  EXPECT_EQ(start_with(read().of("thingId"), ref), "starts");
  EXPECT_EQ(start_with(read().many("ids"), many), "starts");
  EXPECT_EQ(start_with(read().each("things"), things), "starts");
  EXPECT_EQ(start_with(read().each("things"), both), "starts");
  EXPECT_EQ(start_with(read().each_key("counts"), things), "starts");

  EXPECT_EQ(start_with(authenticated().needs("t.gone.read"), nothing), "procedure t.x needs the rule t.gone.read, which its area does not declare");
  EXPECT_EQ(start_with(authenticated().needs("other.thing.read"), nothing), "procedure t.x needs the rule other.thing.read, which its area does not declare");
  EXPECT_EQ(start_with(access::service().or_holding("t.gone.send"), nothing), "procedure t.x needs the rule t.gone.send, which its area does not declare");
  EXPECT_EQ(start_with(read(), nothing), "procedure t.x needs the rule t.thing.read of a type with objects and does not say how they are judged");
  EXPECT_EQ(start_with(read().of("thingId").global(), ref), "procedure t.x says more than once how its objects are judged");
  EXPECT_EQ(start_with(read().of("systemId"), ref), "procedure t.x is judged by 'systemId' of its input, which has no id there");
  EXPECT_EQ(start_with(read().of("thingId"), nothing), "procedure t.x is judged by 'thingId' of its input, which has no id there");
  EXPECT_EQ(start_with(read().many("thingId"), ref), "procedure t.x is judged by 'thingId' of its input, which has no list of ids there");
  EXPECT_EQ(start_with(read().each("counts"), things),
            "procedure t.x filters 'counts' of its answer, which is no list of objects with an id there, or kept as bytes alone");
  EXPECT_EQ(start_with(read().each_key("things"), things),
            "procedure t.x filters 'things' of its answer, which is no record by id there, or kept as bytes alone");
  EXPECT_EQ(start_with(read().each("things"), bytes),
            "procedure t.x filters 'things' of its answer, which is no list of objects with an id there, or kept as bytes alone");
  EXPECT_EQ(start_with(everyone().of("thingId"), ref), "procedure t.x judges objects by one rule, but needs 0");
  EXPECT_EQ(start_with(read().needs("t.free.read").of("thingId"), ref), "procedure t.x judges objects by one rule, but needs 2");
  EXPECT_EQ(start_with(read().under("t.nothing", "read", "thingId"), ref), "procedure t.x names objects of type t.nothing, which no area declares");
  EXPECT_EQ(start_with(read().global().shows("t.nothing"), nothing), "procedure t.x names objects of type t.nothing, which no area declares");
  EXPECT_EQ(start_with(read().referring("kind", "thingId"), ref), "procedure t.x is judged by the type in 'kind' of its input, which has no text there");
  EXPECT_EQ(start_with(access::service().of("thingId"), ref), "procedure t.x is for services, whose objects nobody judges");
  EXPECT_EQ(start_with(access::anonymous().needs("t.free.read"), nothing), "procedure t.x is for anonymous callers, so nobody would judge what it needs");
  EXPECT_EQ(start_with(
                authenticated(), [](const Caller&, Text<1, 5>) -> Result<void> { return {}; }, Kind::query),
            "procedure t.x is GET over REST, but no query string can carry its input: say kOverPost");
  EXPECT_EQ(start_with(authenticated(), [](const Caller&, BareOrId<Text<1, 5>>) -> Result<void> { return {}; }, Kind::query), "starts");
  EXPECT_EQ(start_with(authenticated(), [](const Caller&, std::optional<ThingRef>) -> Result<void> { return {}; }, Kind::query), "starts");
}

}  // namespace
}  // namespace watchbell::rpc
