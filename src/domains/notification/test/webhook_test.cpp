#include <gtest/gtest.h>

#include "domains/notification/channels/http_verdict.hpp"
#include "domains/notification/channels/webhook.hpp"
#include "domains/notification/test/fixture.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification::channels {
namespace {

using test::Fixture;
using namespace std::chrono_literals;
using Kind = rules::Verdict::Kind;

const Timestamp kMade = Timestamp::parse("2026-01-02T03:04:05.678Z").value();

Outgoing outgoing() {
  return {.key = DeliveryId::parse("01900000-0000-7000-8000-000000000001").value(),
          .message = {.title = "Disk \"full\"", .body = "**/var**", .importance = Importance::critical, .action = Action{.label = "Open", .url = "https://w.test/x"}},
          .created_at = kMade};
}

std::string header(const http::ClientRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return "none";
}

TEST(Webhook, N_5_body_and_headers_are_the_public_contract) {
  Webhook::UserConfig user{.url = *Url::make("https://receiver.test/hook"), .signing_secret = Secret<Text<1, 500>>{Text<1, 500>::of("s3cret")}};
  const auto request = Webhook::request(outgoing(), {.timeout_seconds = 7}, user, kMade + 3s);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://receiver.test/hook");
  EXPECT_EQ(request.body,
            R"({"version":1,"timestamp":"2026-01-02T03:04:05.678Z","type":"notification","title":"Disk \"full\"","body":"**/var**",)"
            R"("importance":"critical","action":{"label":"Open","url":"https://w.test/x"},"subjects":[]})");
  EXPECT_EQ(header(request, "Content-Type"), "application/json");
  EXPECT_EQ(header(request, "User-Agent"), "Watchbell-Webhook/0.1.0");
  EXPECT_EQ(header(request, "webhook-id"), "01900000-0000-7000-8000-000000000001");
  const std::string at = std::to_string((kMade + 3s).seconds());
  EXPECT_EQ(header(request, "X-Checkstack-Timestamp"), at);
  EXPECT_EQ(header(request, "X-Checkstack-Signature"), "sha256=" + crypto::hmac_sha256_hex("s3cret", at + "." + request.body));
  EXPECT_EQ(request.total_timeout, 7s);
  EXPECT_EQ(request.policy, net::EgressPolicy::channel);
}

TEST(Webhook, without_a_secret_nothing_is_signed_and_without_an_action_none_is_said) {
  auto plain = outgoing();
  plain.message.action.reset();
  plain.message.body.clear();
  const auto request = Webhook::request(plain, {}, {.url = *Url::make("http://r.test"), .signing_secret = {}}, kMade);
  EXPECT_EQ(header(request, "X-Checkstack-Signature"), "none");
  EXPECT_EQ(header(request, "X-Checkstack-Timestamp"), "none");
  EXPECT_NE(request.body.find(R"("body":"","importance":"critical","subjects":[])"), std::string::npos);
  EXPECT_EQ(request.total_timeout, 10s);
}

TEST(Webhook, N_5_what_each_failure_means) {
  using F = http::ClientFailure;
  const auto kind = [](F failure) { return judge(std::unexpected(http::ClientError{.kind = failure, .message = "m", .timings = {}}), kMade).kind; };
  for (const auto final : {F::bad_url, F::bad_request, F::blocked_address}) EXPECT_EQ(kind(final), Kind::refused) << http::to_string(final);
  for (const auto again : {F::unresolvable, F::connect_failed, F::tls_failed, F::timed_out, F::too_large, F::protocol_error, F::cancelled, F::busy})
    EXPECT_EQ(kind(again), Kind::retry) << http::to_string(again);
}

TEST(Webhook, forms_are_made_from_its_settings) {
  const std::string form = rpc::to_json_schema(settings::type_of<Webhook::UserConfig>().schema());
  EXPECT_NE(form.find(R"("url":{"type":"string","format":"uri")"), std::string::npos) << form;
  EXPECT_NE(form.find(R"("x-secret":true)"), std::string::npos);
  EXPECT_NE(form.find(R"("required":["url"])"), std::string::npos) << form;
}

CO_TEST(Webhook, N_14_one_exchange_of_every_kind) {
  Fixture f(loop);
  std::string answer;
  http::test::Sink sink(loop.executor(), [&](const http::test::SinkRequest&) { return http::test::SinkReply{answer, http::test::SinkReply::Then::close}; });
  sink.start();
  const Webhook webhook(f.bench.client, f.clock);
  const auto post = [&](std::string url) { return webhook.send(outgoing(), "{}", R"({"url":")" + url + "\"}"); };
  answer = http::test::ok();
  EXPECT_EQ((co_await post(sink.url("/hook"))).kind, Kind::delivered);
  EXPECT_EQ(sink.seen.at(0).first_line(), "POST /hook HTTP/1.1");
  answer = http::test::ok(std::string(100'000, 'x'));
  EXPECT_EQ((co_await post(sink.url())).kind, Kind::delivered);
  answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ((co_await post(sink.url())).kind, Kind::refused);
  answer = "HTTP/1.1 429 Too Many\r\nRetry-After: 33\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(co_await post(sink.url()), rules::Verdict::retry("the receiver answered 429", 33s));
  EXPECT_EQ((co_await post("http://127.0.0.1:1/")).kind, Kind::retry);
  EXPECT_EQ((co_await post("http://user:pw@127.0.0.1/")).kind, Kind::refused);
  EXPECT_EQ(sink.requests, 4u);
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(Webhook, N_14_guarded_addresses_are_refused) {
  Fixture f(loop, "");
  http::test::Sink sink(loop.executor(), [&](const http::test::SinkRequest&) { return http::test::SinkReply{http::test::ok(), http::test::SinkReply::Then::close}; });
  sink.start();
  f.bench.name("inside.test", {"127.0.0.1"});
  const Webhook webhook(f.bench.client, f.clock);
  for (const auto& url : {sink.url(), sink.url("/", "inside.test"), std::string("http://169.254.169.254/latest"), std::string("http://[::1]/")}) {
    const auto verdict = co_await webhook.send(outgoing(), "{}", R"({"url":")" + url + "\"}");
    EXPECT_EQ(verdict.kind, Kind::refused) << url << " " << verdict.reason;
  }
  EXPECT_EQ(sink.accepted, 0u);
  co_await sink.close();
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification::channels
