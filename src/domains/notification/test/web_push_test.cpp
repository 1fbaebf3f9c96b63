#include "domains/notification/channels/web_push.hpp"

#include "domains/notification/test/channel_rig.hpp"
#include "platform/crypto/encoding.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;
using http::test::SinkReply;
using http::test::SinkRequest;

WebPushAdmin admin() { return {.private_key = secret<Text<1, 64>>("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), .contact = {}}; }

PushDevice device(std::string id, std::string endpoint) {
  return {.id = Text<1, 64>::of(std::move(id)),
          .endpoint = {*Url::make(endpoint)},
          .p256dh = {Text<1, 200>::of("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")},
          .auth = {Text<1, 100>::of("BTBZMqHH6r4Tts7J_aSIgg")}};
}

std::string admin_json() { return R"({"privateKey":"q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"})"; }

struct Push {
  explicit Push(async::Loop& loop) : bench(loop) {}
  http::test::Bench bench;
  SystemClock clock;
  WebPush channel{bench.client, clock, "https://bell.test"};
};

// RFC 8030, sections 5.2 to 5.4: TTL is required, Urgency and Topic are of a fixed form.
TEST(WebPush, a_request_says_how_long_it_is_worth_and_how_urgent_it_is) {
  async::Loop loop;
  Push push(loop);
  const auto made = push.channel.request(outgoing(), "{}", admin(), device("a", "https://push.test/p/1"), kNow);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->method, "POST");
  EXPECT_EQ(made->url, "https://push.test/p/1");
  EXPECT_EQ(made->policy, net::EgressPolicy::channel);
  EXPECT_EQ(header(*made, "TTL"), "86400");
  EXPECT_EQ(header(*made, "Urgency"), "high");
  EXPECT_EQ(header(*made, "Content-Encoding"), "aes128gcm");
  EXPECT_EQ(header(*made, "Topic"), crypto::base64url_encode(crypto::hex_decode("01900000000070008000000000000001").value()));
  EXPECT_LE(header(*made, "Topic").size(), 32u);
  EXPECT_TRUE(header(*made, "Authorization").starts_with("vapid t="));
  EXPECT_EQ(header(*push.channel.request(outgoing(Importance::info), "{}", admin(), device("a", "https://push.test/p/1"), kNow), "Urgency"), "normal");
  EXPECT_NE(push.channel.request(outgoing(), "{}", admin(), device("a", "https://push.test/p/1"), kNow)->body, made->body) << "salt and key are drawn anew";
}

TEST(WebPush, what_is_missing_is_named) {
  async::Loop loop;
  Push push(loop);
  EXPECT_FALSE(push.channel.request(outgoing(), "{}", {}, device("a", "https://push.test/p/1"), kNow));
  auto broken = device("a", "https://push.test/p/1");
  broken.auth = {Text<1, 100>::of("x")};
  EXPECT_FALSE(push.channel.request(outgoing(), "{}", admin(), broken, kNow));
  EXPECT_FALSE((WebPushUser{.devices = {broken}}.judge()));
  EXPECT_FALSE((WebPushAdmin{.private_key = secret<Text<1, 64>>("x"), .contact = {}}.judge()));
  EXPECT_FALSE((WebPushAdmin{.private_key = {}, .contact = Text<1, 200>::of("ops@w.test")}.judge()));
  EXPECT_TRUE((WebPushAdmin{.private_key = {}, .contact = Text<1, 200>::of("mailto:ops@w.test")}.judge()));
}

TEST(WebPush, N_13_a_payload_is_plain_text_and_fits_into_one_push) {
  const auto made = boost::json::parse(WebPush::payload(outgoing()));
  EXPECT_EQ(text(made, "/id"), "01900000-0000-7000-8000-000000000001");
  EXPECT_EQ(text(made, "/title"), "Disk \"full\" <!channel> & *50 %*");
  EXPECT_EQ(text(made, "/body"), "/var is full, see the page (https://a.test/) @everyone");
  EXPECT_EQ(text(made, "/url"), "https://w.test/x?a=1&b=2");
  EXPECT_EQ(text(made, "/importance"), "critical");
  EXPECT_EQ(text(made, "/topic"), "none");
  auto again = outgoing();
  again.message.collapse_key = "incident.incident.7";
  EXPECT_EQ(text(boost::json::parse(WebPush::payload(again)), "/topic"), "incident.incident.7") << "news of the same thing take its place";
  for (const char c : {'"', '&', '\\', 'x'}) {
    const auto longest_one = WebPush::payload(longest(c));
    EXPECT_LE(longest_one.size(), web_push::kPlaintextMax) << c;
    EXPECT_NE(text(boost::json::parse(longest_one), "/url"), "none") << c;
  }
  // A link that takes the room of everything else is left out.
  auto wide = outgoing();
  wide.message.action->url = "https://w.test/";
  while (wide.message.action->url.size() < 6000) wide.message.action->url += "ü";
  const auto without = WebPush::payload(wide);
  EXPECT_LE(without.size(), web_push::kPlaintextMax);
  EXPECT_EQ(text(boost::json::parse(without), "/url"), "none");
}

std::string status(int code, std::string more = {}) { return fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: 0\r\n\r\n", code, more); }

/// A push service with one subscription a path: what each answers.
struct Service {
  explicit Service(async::Loop& loop)
      : push(loop), sink(loop.executor(), [this](const SinkRequest& request) {
          const auto line = request.first_line();
          return SinkReply{answers.at(line.substr(5, line.find(' ', 5) - 5)), SinkReply::Then::close};
        }) {
    sink.start();
  }
  std::string user(std::initializer_list<const char*> ids) {
    WebPushUser made;
    for (const auto* id : ids) made.devices.push_back(device(id, sink.url("/" + std::string(id))));
    return clear_json(made);
  }
  std::size_t asked(std::string_view path) {
    return static_cast<std::size_t>(std::ranges::count_if(sink.seen, [&](const SinkRequest& r) { return r.first_line() == "POST " + std::string(path) + " HTTP/1.1"; }));
  }
  awaitable<void> end() {
    co_await sink.close();
    co_await push.bench.close();
  }
  Push push;
  std::map<std::string, std::string> answers;
  http::test::Sink sink;
};

CO_TEST(WebPush, N_5_each_browser_is_pushed_to_and_what_took_it_is_left_out_of_the_next_try) {
  Service s(loop);
  s.answers = {{"/a", status(201)}, {"/b", status(503, "Retry-After: 9\r\n")}, {"/c", status(429, "Retry-After: 30\r\n")}, {"/d", status(410)}, {"/e", status(404)}, {"/f", status(413)}};
  const auto user = s.user({"a", "b", "c", "d", "e", "f"});
  const auto first = co_await s.push.channel.send(outgoing(), admin_json(), user);
  EXPECT_EQ(first.kind, Kind::retry);
  EXPECT_EQ(first.retry_after, 30s) << "the longest that was asked for";
  EXPECT_EQ(first.reached, std::vector<std::string>{"a"});
  EXPECT_EQ(first.ended, (std::vector<std::string>{"d", "e"}));
  s.answers["/b"] = s.answers["/c"] = status(201);
  auto again = outgoing();
  again.reached = first.reached;
  const auto second = co_await s.push.channel.send(again, admin_json(), s.push.channel.without(user, first.ended));
  EXPECT_EQ(second.kind, Kind::delivered) << second.reason;
  EXPECT_EQ(second.reached, (std::vector<std::string>{"b", "c"}));
  EXPECT_TRUE(second.ended.empty());
  EXPECT_EQ(s.asked("/a"), 1u);
  EXPECT_EQ(s.asked("/d"), 1u);
  co_await s.end();
}

// RFC 8030: 201; 404, 410 ended (7.3); 413 too large (7.2); 429 too many (8.4). Others by the status alone.
CO_TEST(WebPush, N_5_what_each_answer_means) {
  Service s(loop);
  for (const auto& [code, kind] : std::initializer_list<std::pair<int, Kind>>{{200, Kind::delivered}, {201, Kind::delivered}, {202, Kind::delivered}, {400, Kind::refused},
                                                                              {401, Kind::refused},   {403, Kind::refused},   {404, Kind::refused},   {410, Kind::refused},
                                                                              {413, Kind::refused},   {302, Kind::refused},   {429, Kind::retry},     {500, Kind::retry},
                                                                              {502, Kind::retry},     {503, Kind::retry}}) {
    s.answers["/a"] = status(code);
    const auto verdict = co_await s.push.channel.send(outgoing(), admin_json(), s.user({"a"}));
    EXPECT_EQ(verdict.kind, kind) << code;
    EXPECT_EQ(verdict.ended.size(), code == 404 || code == 410 ? 1u : 0u) << code;
    EXPECT_EQ(verdict.reached.size(), kind == Kind::delivered ? 1u : 0u) << code;
  }
  EXPECT_EQ((co_await s.push.channel.send(outgoing(), admin_json(), s.user({}))).kind, Kind::refused);
  auto over = outgoing();
  over.reached = {"a"};
  EXPECT_EQ((co_await s.push.channel.send(over, admin_json(), s.user({}))).kind, Kind::delivered) << "who took it is gone since";
  co_await s.end();
}

}  // namespace
}  // namespace watchbell::notification::channels
