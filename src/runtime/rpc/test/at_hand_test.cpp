// Procedures whose answer is at hand are answered on the spot; nobody can tell by the answer, and nothing is left out on the way.
#include "tests/support/co_test.hpp"

#include "async/manual_clock.hpp"
#include "runtime/rpc/front.hpp"

namespace watchbell::rpc {
namespace {

using http::Header;

const Uuid kAnn = Uuid::make_v7(1);

/// The cookie "ann" is Ann, and anybody else is nobody; known at once.
class Identities final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    ++asked;
    const auto found = identify_now(credentials);
    co_return found == nullptr ? access::Principal::nobody() : found;
  }
  access::PrincipalPtr identify_now(access::Credentials credentials) override {
    if (credentials.cookie != "ann") return nullptr;
    access::Principal ann;
    ann.kind = access::Principal::Kind::user;
    ann.id = kAnn;
    ann.rules = std::make_shared<const access::RuleSet>(std::vector<std::string>{"area.thing.read"});
    return std::make_shared<const access::Principal>(std::move(ann));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
  int asked = 0;
};

struct Named {
  Text<1, 100> name;
};
BOOST_DESCRIBE_STRUCT(Named, (), (name))

struct Answer {
  int status = 0;
  std::string body;
  std::string headers;
  bool operator==(const Answer&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Answer& answer) { return out << answer.status << ' ' << answer.body << '\n' << answer.headers; }
Answer answer_of(const http::Response& response) { return {.status = response.status, .body = std::string(response.body_view()), .headers = response.extra_headers}; }

using Length = async::ValueTask<Result<Encoded<int>>>;

struct Fixture {
  explicit Fixture(async::Loop& l, limits::RateLimiter::Options limits = {}) : loop(l), limiter(limits, 1) {
    Area area("area");
    area.rule({.id = "area.thing.read"}).rule({.id = "area.thing.manage"});
    area.query("length", access::user().needs("area.thing.read"), [this](const Caller&, Named in) -> Length {
          ++handled;
          if (broken) throw std::runtime_error("broken");
          if (missing) return fail(ErrorCode::not_found, "none of that name");
          if (at_hand) return encoded(static_cast<int>(in.name.str().size()));
          return later(static_cast<int>(in.name.str().size()));
        })
        .query("managed", access::user().needs("area.thing.manage"), [](const Caller&) -> Length { return encoded(1); })
        .query("open", access::anonymous(), [](const Caller&) -> Length { return encoded(2); })
        .mutation("guess", access::anonymous(), [](const Caller&) -> Length { return encoded(3); }, {.tries_secrets = true});
    EXPECT_TRUE(dispatcher.mount(std::move(area)));
    front.emplace(dispatcher, wheel, Front::Options{.base_url = "https://bell.example", .trusted_origins = {"https://bell.example"}, .trusted_proxies = {}, .limiter = &limiter, .on_request = {}});
    front->open();
  }
  static awaitable<Result<Encoded<int>>> later(int value) { co_return encoded(value); }

  /// What is answered on the spot; nothing when the long way is to be gone.
  std::optional<Answer> at_once(std::string path, std::vector<Header> headers, std::string body = R"({"json":{"name":"three"}})", std::string method = "POST") {
    const auto request = http::Request::make_for_test(method, path, std::move(headers), body);
    http::Response response;
    if (!front->answer_now(request, response)) return std::nullopt;
    return answer_of(response);
  }
  /// The answer of the long way alone.
  awaitable<Answer> long_way(std::string path, std::vector<Header> headers, std::string body = R"({"json":{"name":"three"}})") {
    const auto request = http::Request::make_for_test("POST", path, std::move(headers), body);
    http::Response response;
    co_await front->handle(request, response);
    co_return answer_of(response);
  }
  /// The status as a connection would get it.
  awaitable<int> status(std::string path, std::vector<Header> headers, std::string body = R"({"json":{"name":"three"}})") {
    const auto request = http::Request::make_for_test("POST", path, std::move(headers), body);
    http::Response response;
    if (!front->answer_now(request, response)) co_await front->handle(request, response);
    co_return response.status;
  }

  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel{loop.executor(), clock, async::TimerWheel::Drive::manual};
  limits::RateLimiter limiter;
  Identities identity;
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  Dispatcher dispatcher{identity, pool, access::ObjectAccess::by_rules(), &limiter};
  std::optional<Front> front;
  bool at_hand = true;
  bool missing = false;
  bool broken = false;
  int handled = 0;
};

constexpr std::string_view kLength = "/api/area/length";

CO_TEST(AtHand, answers_on_the_spot_are_those_of_the_long_way) {
  Fixture f(loop);
  const Header cookie{"Cookie", "ann"}, id{"X-Correlation-Id", "of-mine"};
  for (const auto& headers : std::vector<std::vector<Header>>{{cookie, id},
                                                              {cookie, id, {"Content-Type", "application/json"}},
                                                              {cookie, id, {"Origin", "https://bell.example"}, {"CONTENT-TYPE", "application/json; charset=utf-8"}},
                                                              {cookie, id, {"Referer", "https://bell.example/inbox"}, {"Via", "1.1 proxy"}}}) {
    for (const std::string path : {"/api/area/length", "/api/area/open", "/api//area/length/"}) {
      const auto at_once = f.at_once(path, headers);
      CO_ASSERT_TRUE(at_once.has_value());
      EXPECT_EQ(*at_once, co_await f.long_way(path, headers)) << path << " " << headers.size();
      EXPECT_EQ(at_once->status, 200);
    }
  }
  EXPECT_EQ(f.at_once("/api/area/length", {cookie})->body, R"({"json":5})");
}

CO_TEST(AtHand, whatever_is_refused_or_fails_goes_the_long_way) {
  Fixture f(loop);
  const Header cookie{"cookie", "ann"};
  const auto both = [&](std::string path, std::vector<Header> headers, std::string body = R"({"json":{"name":"three"}})") -> awaitable<int> {
    EXPECT_FALSE(f.at_once(path, headers, body).has_value()) << path;
    co_return co_await f.status(path, headers, body);
  };
  EXPECT_EQ(co_await both("/api/area/length", {}), 401);
  EXPECT_EQ(co_await both("/api/area/length", {{"cookie", "bob"}}), 401);
  EXPECT_EQ(co_await both("/api/area/managed", {cookie}), 403);
  EXPECT_EQ(co_await both("/api/area/length", {cookie, {"origin", "https://elsewhere.example"}}), 403);
  EXPECT_EQ(co_await both("/api/area/length", {cookie}, "{"), 400);
  EXPECT_EQ(co_await both("/api/area/length", {cookie}, R"({"json":{"name":3}})"), 400);
  EXPECT_EQ(co_await both("/api/area/length", {cookie, {"content-type", "text/plain"}}), 415);
  EXPECT_EQ(co_await both("/api/area/nothing", {cookie}), 404);
  EXPECT_EQ(f.handled, 0);
  f.missing = true;
  EXPECT_EQ(co_await both("/api/area/length", {cookie}), 404);
  f.broken = true;
  EXPECT_EQ(co_await both("/api/area/length", {cookie}), 500);
  EXPECT_FALSE(f.at_once(std::string(kLength), {cookie}, "", "GET").has_value()) << "conditional, and its input stands elsewhere";
  EXPECT_FALSE(f.at_once("/rest/area/length", {cookie}).has_value());
}

CO_TEST(AtHand, a_call_counts_once_whichever_way_it_goes) {
  const limits::RateLimiter::Options few{
      .principal = limits::Rate::per_second(1, 4), .address = limits::Rate::per_second(1, 100), .sign_in = limits::Rate::quota(3, std::chrono::seconds(10))};
  for (const bool at_hand : {true, false}) {
    Fixture f(loop, few);
    f.at_hand = at_hand;
    int passed = 0, guessed = 0;
    for (int i = 0; i < 10; ++i) passed += co_await f.status(std::string(kLength), {{"cookie", "ann"}}) == 200 ? 1 : 0;
    EXPECT_EQ(passed, 4) << at_hand;
    for (int i = 0; i < 10; ++i) guessed += co_await f.status("/api/area/guess", {}, "{}") == 200 ? 1 : 0;
    EXPECT_EQ(guessed, 3) << "secrets are never tried on the spot";
    EXPECT_EQ(f.limiter.refused(limits::RateLimiter::Limit::principal), 6U) << "nor is a refusal counted twice";
    EXPECT_EQ(f.limiter.refused(limits::RateLimiter::Limit::sign_in), 7U);
  }
  Fixture f(loop, {.principal = {}, .address = limits::Rate::per_second(1, 7), .sign_in = {}});
  int passed = 0;
  for (int i = 0; i < 20; ++i) {
    f.at_hand = i % 2 == 0;
    passed += co_await f.status(std::string(kLength), {{"cookie", "ann"}}) == 200 ? 1 : 0;
  }
  EXPECT_EQ(passed, 7);
}

CO_TEST(AtHand, what_is_at_hand_asks_nobody_else) {
  Fixture f(loop);
  EXPECT_TRUE(f.at_once(std::string(kLength), {{"cookie", "ann"}}).has_value());
  EXPECT_EQ(f.identity.asked, 0);
  f.at_hand = false;
  EXPECT_EQ(co_await f.status(std::string(kLength), {{"cookie", "ann"}}), 200);
  EXPECT_EQ(f.identity.asked, 1);
}

CO_TEST(AtHand, who_asks_too_often_hears_so_late_and_loses_his_connection) {
  Fixture f(loop, {.principal = limits::Rate::per_second(1, 1), .address = limits::Rate::per_second(1, 2), .sign_in = {}});
  const auto request = http::Request::make_for_test("POST", kLength, {{"cookie", "ann"}}, R"({"json":{"name":"three"}})");
  const auto ask = [&]() -> awaitable<std::tuple<int, bool, bool>> {
    http::Response response;
    if (!f.front->answer_now(request, response)) co_await f.front->handle(request, response);
    co_return std::tuple(response.status, response.hold.count() > 0, response.close);
  };
  EXPECT_EQ(co_await ask(), std::tuple(200, false, false));
  EXPECT_EQ(co_await ask(), std::tuple(429, false, false)) << "his own limit";
  EXPECT_EQ(co_await ask(), std::tuple(429, true, true)) << "his address's";
}

}  // namespace
}  // namespace watchbell::rpc
