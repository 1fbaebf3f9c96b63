// What the front does about clients that ask too often, come through proxies, or come from other sites' pages; and what its answers tell browsers.
#include "tests/support/co_test.hpp"

#include "async/manual_clock.hpp"
#include "runtime/rpc/front.hpp"

namespace watchbell::rpc {
namespace {

using namespace std::chrono_literals;
using http::Header;

const Uuid kUser = Uuid::make_v7(1), kApplication = Uuid::make_v7(1);

/// Cookies name a user, `Bearer key` an application.
class Identities final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    access::Principal principal;
    if (credentials.authorization == "Bearer key") {
      principal.kind = access::Principal::Kind::application;
      principal.id = kApplication;
      principal.rate_limit = access::RateLimit{.per_second = 1, .burst = 2};
    } else if (!credentials.cookie.empty()) {
      principal.kind = access::Principal::Kind::user;
      principal.id = kUser;
    }
    co_return std::make_shared<const access::Principal>(std::move(principal));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
};

awaitable<void> fine(http::Response& response) {
  answer_json(response, 200, "{}");
  co_return;
}

struct Answer {
  int status = 0;
  std::string body;
  std::string headers;
  std::chrono::milliseconds hold{0};
  std::optional<std::string> header(std::string_view name) const {
    const auto at = ("\r\n" + headers).find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return std::nullopt;
    const auto from = at + name.size() + 2;
    return headers.substr(from, headers.find("\r\n", from) - from);
  }
};

/// A front with a procedure of each kind, a page, and routes of sessions.
struct Fixture {
  explicit Fixture(async::Loop& l, Front::Options options = {}, limits::RateLimiter::Options limits = {}) : loop(l), limiter(limits, 1) {
    options.limiter = &limiter;
    if (options.base_url.empty()) options.base_url = "https://bell.example";
    options.trusted_origins.push_back(origin_of(options.base_url));
    front.emplace(dispatcher, wheel, std::move(options));
    Area area("area");
    area.query("visit", access::anonymous(), [](const Caller&) { return true; })
        .mutation("guess", access::anonymous(), [](const Caller&) { return true; }, {.tries_secrets = true})
        .mutation("write", access::authenticated(), [](const Caller&) { return true; });
    EXPECT_TRUE(dispatcher.mount(std::move(area)));
    const auto answer = [](const RouteRequest&, http::Response& response) { return fine(response); };
    for (const char* path : {"/api/auth/sign-in/email", "/api/auth/sign-up/email", "/api/auth/sign-out"}) front->route("POST", path, answer);
    for (const char* path : {"/healthz", "/api/config"}) front->route("GET", path, answer);
    front->guard("/api/auth/sign-in/");
    front->guard("/api/auth/sign-up/");
    front->fallback([](const RouteRequest&, http::Response& response) {
      response.extra_headers += "Cache-Control: no-cache\r\n";
      return fine(response);
    });
    front->open();
  }
  awaitable<Answer> ask(std::string method, std::string path, std::vector<Header> headers = {}, std::string peer = "10.0.0.1") {
    const auto request = http::Request::make_for_test(method, path, std::move(headers), {}, peer);
    http::Response response;
    if (!front->answer_now(request, response)) co_await front->handle(request, response);
    co_return Answer{.status = response.status, .body = std::string(response.body_view()), .headers = response.extra_headers, .hold = response.hold};
  }
  /// How many of so many requests were let through.
  awaitable<int> let(int tries, std::string path, std::vector<Header> headers = {}, std::string peer = "10.0.0.1") {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += (co_await ask("POST", path, headers, peer)).status == 200 ? 1 : 0;
    co_return count;
  }

  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel{loop.executor(), clock, async::TimerWheel::Drive::manual};
  limits::RateLimiter limiter;
  Identities identity;
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  Dispatcher dispatcher{identity, pool, access::ObjectAccess::by_rules(), &limiter};
  std::optional<Front> front;
};

const limits::RateLimiter::Options kFew{
    .principal = limits::Rate::per_second(1, 4), .address = limits::Rate::per_second(1, 10), .sign_in = limits::Rate::quota(3, 10s)};

Front::Options behind(std::vector<std::string_view> proxies) {
  Front::Options options;
  for (const auto proxy : proxies) options.trusted_proxies.push_back(net::Cidr::parse(proxy).value());
  return options;
}

CO_TEST(FrontLimits, an_address_that_asks_too_often_is_told_when_to_come_again) {
  Fixture f(loop, {}, kFew);
  EXPECT_EQ(co_await f.let(30, "/api/area/visit"), 10);
  const auto procedure = co_await f.ask("POST", "/api/area/visit");
  EXPECT_EQ(procedure.status, 429);
  EXPECT_EQ(procedure.body, R"({"json":{"defined":false,"code":"TOO_MANY_REQUESTS","status":429,"message":"Too many requests. Please try again later."}})");
  EXPECT_EQ(procedure.header("Retry-After"), "1");
  EXPECT_EQ(procedure.header("Cache-Control"), "private, no-cache");
  const auto session = co_await f.ask("POST", "/api/auth/sign-out");
  EXPECT_EQ(session.status, 429);
  EXPECT_EQ(session.body, R"({"message":"Too many requests. Please try again later."})");
  EXPECT_EQ(session.header("Retry-After"), "1");
  EXPECT_EQ(session.header("X-Retry-After"), "1");
  EXPECT_EQ(session.header("Cache-Control"), "no-store");
  const auto page = co_await f.ask("GET", "/systems");
  EXPECT_EQ(page.status, 429);
  EXPECT_EQ(page.body, R"({"error":"Too Many Requests"})");
  EXPECT_EQ((co_await f.ask("OPTIONS", "/api/area/visit")).status, 429);
  EXPECT_EQ((co_await f.ask("GET", "/healthz")).status, 200) << "who watches over us is not kept out";
  EXPECT_EQ((co_await f.ask("POST", "/api/area/visit", {}, "10.0.0.2")).status, 200);
  f.clock.advance(1s);
  EXPECT_EQ((co_await f.ask("POST", "/api/area/visit")).status, 200);
}

CO_TEST(FrontLimits, a_principal_is_limited_whatever_address_he_comes_from) {
  Fixture f(loop, {}, kFew);
  int user = 0, key = 0;
  for (int i = 0; i < 10; ++i) {
    const auto address = "10.1.0." + std::to_string(i);
    user += (co_await f.ask("POST", "/api/area/write", {{"cookie", "ann"}}, address)).status == 200 ? 1 : 0;
    key += (co_await f.ask("POST", "/api/area/write", {{"authorization", "Bearer key"}}, address)).status == 200 ? 1 : 0;
  }
  EXPECT_EQ(user, 4);
  EXPECT_EQ(key, 2);
  const auto refused = co_await f.ask("POST", "/api/area/write", {{"cookie", "ann"}});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Retry-After"), "1");
}

CO_TEST(FrontLimits, doors_count_apart_and_reads_not_at_all) {
  Fixture f(loop, {}, kFew);
  EXPECT_EQ(co_await f.let(4, "/api/auth/sign-in/email"), 3);
  EXPECT_EQ(co_await f.let(4, "/api/auth/sign-up/email"), 3);
  f.clock.advance(20s);
  EXPECT_EQ(co_await f.let(5, "/api/area/guess"), 3);
  EXPECT_EQ(co_await f.let(1, "/api//area/guess/"), 0) << "the same door by another spelling";
  f.clock.advance(20s);
  EXPECT_EQ(co_await f.let(4, "/api/auth/sign-in/email"), 3);
  const auto refused = co_await f.ask("POST", "/api/auth/sign-in/email");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("X-Retry-After"), "4");
  EXPECT_EQ((co_await f.ask("POST", "/api/auth/sign-out")).status, 200);
}

CO_TEST(FrontLimits, AUTHCHECK_10_a_forged_or_missing_forwarding_header_does_not_evade_limits) {
  {
    Fixture f(loop, {}, kFew);
    int let = 0;
    for (int i = 0; i < 30; ++i) {
      const std::string claimed = "203.0.113." + std::to_string(i);
      std::vector<Header> headers;
      if (i % 3 != 0) headers.push_back({i % 3 == 1 ? "X-Forwarded-For" : "X-Real-IP", claimed});
      let += (co_await f.ask("POST", "/api/auth/sign-in/email", headers)).status == 200 ? 1 : 0;
    }
    EXPECT_EQ(let, 3) << "a client that no proxy of ours vouches for is its socket's address";
  }
  {
    Fixture f(loop, behind({"10.0.0.0/8"}), kFew);
    int let = 0;
    for (int i = 0; i < 30; ++i) {
      // The proxy appends what it sees; what stands before is the client's own.
      const std::string list = "203.0.113." + std::to_string(i) + ", 198.51.100.7";
      let += (co_await f.ask("POST", "/api/auth/sign-in/email", {{"X-Forwarded-For", list}})).status == 200 ? 1 : 0;
    }
    EXPECT_EQ(let, 3);
    EXPECT_EQ((co_await f.ask("POST", "/api/auth/sign-in/email", {{"X-Forwarded-For", "198.51.100.8"}})).status, 200)
        << "another client of the same proxy has tries of his own";
  }
}

CO_TEST(FrontAddress, AUTHCHECK_10_proxies_are_believed_from_the_right) {
  struct Case {
    std::vector<std::string_view> lines;  // of X-Forwarded-For
    std::string_view peer;
    std::string_view client;
  };
  const std::vector<Case> cases{
      {{}, "10.0.0.1", "10.0.0.1"},
      {{"203.0.113.5"}, "192.0.2.1", "192.0.2.1"},
      {{"203.0.113.5"}, "10.0.0.1", "203.0.113.5"},
      {{"203.0.113.5, 10.0.0.9"}, "10.0.0.1", "203.0.113.5"},
      {{"1.1.1.1, 203.0.113.5, 10.0.0.9"}, "10.0.0.1", "203.0.113.5"},
      {{"1.1.1.1", "203.0.113.5"}, "10.0.0.1", "203.0.113.5"},
      {{"10.0.0.7"}, "10.0.0.1", "10.0.0.7"},
      {{"evil"}, "10.0.0.1", "10.0.0.1"},
      {{"evil, 10.0.0.9"}, "10.0.0.1", "10.0.0.9"},
      {{""}, "10.0.0.1", "10.0.0.1"},
      {{"203.0.113.5,"}, "10.0.0.1", "10.0.0.1"},
      {{"2001:db8::1"}, "fd00::1", "2001:db8::1"},
  };
  std::string seen;
  Fixture f(loop, behind({"10.0.0.0/8", "fd00::/8"}));
  f.front->route("POST", "/api/whoami", [&seen](const RouteRequest& request, http::Response& response) {
    seen = request.address;
    return fine(response);
  });
  for (const auto& [lines, peer, client] : cases) {
    std::vector<Header> headers;
    for (const auto line : lines) headers.push_back({"x-forwarded-for", line});
    co_await f.ask("POST", "/api/whoami", headers, std::string(peer));
    EXPECT_EQ(seen, client) << (lines.empty() ? "" : lines.front());
  }
}

CO_TEST(FrontOrigin, a_cookie_does_nothing_for_another_sites_page) {
  Fixture f(loop);
  struct Case {
    std::string method;
    std::vector<Header> headers;
    int status;
  };
  const Header cookie{"cookie", "ann"}, bearer{"authorization", "Bearer key"};
  const std::vector<Case> cases{
      {"POST", {cookie}, 200},
      {"POST", {cookie, {"origin", "https://bell.example"}}, 200},
      {"POST", {cookie, {"origin", "HTTPS://BELL.EXAMPLE:443"}}, 200},
      {"POST", {cookie, {"referer", "https://bell.example/systems?x=1"}}, 200},
      {"POST", {cookie, {"origin", "https://evil.example"}}, 403},
      {"POST", {cookie, {"origin", "https://bell.example.evil.example"}}, 403},
      {"POST", {cookie, {"origin", "https://evil.example/https://bell.example"}}, 403},
      {"POST", {cookie, {"origin", "http://bell.example"}}, 403},
      {"POST", {cookie, {"origin", "https://bell.example:8443"}}, 403},
      {"POST", {cookie, {"origin", "null"}}, 403},
      {"POST", {cookie, {"origin", ""}}, 403},
      {"POST", {cookie, {"origin", "null"}, {"referer", "https://bell.example/"}}, 403},
      {"POST", {cookie, {"referer", "https://evil.example/"}}, 403},
      {"POST", {cookie, {"referer", "https://bell.example@evil.example/"}}, 403},
      {"POST", {bearer, {"origin", "https://evil.example"}}, 200},
  };
  for (const auto& [method, headers, status] : cases) {
    const auto answer = co_await f.ask(method, "/api/area/write", headers);
    EXPECT_EQ(answer.status, status) << headers.back().name << " " << headers.back().value;
    if (status == 403) EXPECT_TRUE(answer.body.starts_with(R"({"json":{"defined":false,"code":"FORBIDDEN","status":403,)")) << answer.body;
  }
  for (const char* method : {"GET", "HEAD"}) EXPECT_EQ((co_await f.ask(method, "/api/area/visit", {cookie, {"origin", "https://evil.example"}})).status, 200);
}

CO_TEST(FrontHeaders, api_answers_are_nobodys_to_keep_to_frame_or_to_guess_at) {
  Fixture f(loop);
  for (const auto& [method, path] :
       {std::pair("POST", "/api/area/write"), std::pair("POST", "/api/area/visit"), std::pair("GET", "/api/config"), std::pair("GET", "/api/nothing"),
        std::pair("PUT", "/api/config"), std::pair("DELETE", "/api/area/visit"), std::pair("GET", "/rest/nothing")}) {
    const auto answer = co_await f.ask(method, path);
    EXPECT_EQ(answer.header("Cache-Control"), "private, no-cache") << path;
    EXPECT_TRUE(answer.header("Vary").value_or("").starts_with("Cookie, Authorization")) << path;
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(answer.header("X-Frame-Options"), "DENY") << path;
    EXPECT_EQ(answer.header("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'") << path;
    EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer") << path;
    EXPECT_EQ(answer.header("Strict-Transport-Security"), "max-age=31536000; includeSubDomains") << path;
  }
  EXPECT_EQ((co_await f.ask("POST", "/api/auth/sign-out")).header("Cache-Control"), "no-store");
  const auto page = co_await f.ask("GET", "/systems");
  EXPECT_EQ(page.header("Strict-Transport-Security"), "max-age=31536000; includeSubDomains");
  EXPECT_EQ(page.header("Cache-Control"), "no-cache") << "as whoever serves it says";
  Fixture plain(loop, {.base_url = "http://127.0.0.1:3000"});
  EXPECT_FALSE((co_await plain.ask("POST", "/api/area/visit")).header("Strict-Transport-Security")) << "a browser would insist on https from then on";
}

CO_TEST(FrontHeaders, other_origins_than_ours_are_told_nothing) {
  Fixture f(loop);
  const auto own = co_await f.ask("OPTIONS", "/api/area/write", {{"origin", "https://bell.example"}, {"access-control-request-method", "POST"}});
  EXPECT_EQ(own.status, 204);
  EXPECT_EQ(own.header("Access-Control-Allow-Origin"), "https://bell.example");
  EXPECT_EQ(own.header("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(own.header("Access-Control-Allow-Methods"), "POST,GET,PUT,PATCH,DELETE,OPTIONS");
  EXPECT_EQ(own.header("Access-Control-Allow-Headers"), "Content-Type, Authorization, x-correlation-id");
  EXPECT_EQ(own.header("Access-Control-Expose-Headers"), "Content-Length, x-correlation-id");
  EXPECT_EQ(own.header("Access-Control-Max-Age"), "600");
  for (const char* origin : {"https://evil.example", "null", "http://localhost:5173"}) {
    for (const char* method : {"OPTIONS", "POST"}) {
      const auto answer = co_await f.ask(method, "/api/area/visit", {{"origin", origin}});
      EXPECT_EQ(answer.headers.find("Access-Control-"), std::string::npos) << origin << answer.headers;
      EXPECT_NE(answer.headers.find("Vary: Origin\r\n"), std::string::npos) << origin;
    }
  }
}

}  // namespace
}  // namespace watchbell::rpc
