#include <gtest/gtest.h>

#include "domains/notification/channels/http_verdict.hpp"
#include "domains/notification/channels/standard_webhooks.hpp"
#include "domains/notification/channels/webhook.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "domains/notification/test/fixture.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification::channels {
namespace {

using notification::test::Fixture;
using namespace test;

WebhookUser receiver(std::string secret = {}, std::string previous = {}) {
  WebhookUser user{.url = *Url::make("https://receiver.test/hook"), .signing_secret = {}, .previous_signing_secret = {}};
  if (!secret.empty()) user.signing_secret = test::secret<Text<1, 500>>(std::move(secret));
  if (!previous.empty()) user.previous_signing_secret = test::secret<Text<1, 500>>(std::move(previous));
  return user;
}

TEST(Webhook, N_5_body_and_headers_are_the_public_contract) {
  Rig<Webhook> rig;
  auto message = outgoing();
  message.message = {
      .title = "Disk \"full\"", .body = "**/var**", .importance = Importance::critical, .action = Action{.label = "Open", .url = "https://w.test/x"}};
  const auto request = rig.request(message, {.timeout_seconds = 7}, receiver("s3cret"));
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://receiver.test/hook");
  EXPECT_EQ(request.body, R"({"version":1,"timestamp":"2026-01-02T03:04:05.678Z","type":"notification","title":"Disk \"full\"","body":"**/var**",)"
                          R"("importance":"critical","action":{"label":"Open","url":"https://w.test/x"},"subjects":[]})");
  EXPECT_EQ(header(request, "Content-Type"), "application/json");
  EXPECT_EQ(header(request, "User-Agent"), "Watchbell-Webhook/0.1.0");
  EXPECT_EQ(header(request, "webhook-id"), "01900000-0000-7000-8000-000000000001");
  const std::string at = std::to_string(kNow.seconds());
  EXPECT_EQ(header(request, "webhook-timestamp"), at);
  EXPECT_EQ(header(request, "X-Checkstack-Timestamp"), at);
  EXPECT_EQ(header(request, "X-Checkstack-Signature"), "sha256=" + crypto::hmac_sha256_hex("s3cret", at + "." + request.body));
  EXPECT_EQ(request.total_timeout, 7s);
  EXPECT_EQ(request.policy, net::EgressPolicy::channel);
}

TEST(Webhook, its_type_says_what_is_sent_to_one_alone) {
  Rig<Webhook> rig;
  auto message = outgoing();
  EXPECT_EQ(text(rig.body(message, {}, receiver()), "/type"), "notification");
  message.type = MessageType::transactional;
  EXPECT_EQ(text(rig.body(message, {}, receiver()), "/type"), "transactional");
}

TEST(Webhook, without_a_secret_nothing_is_signed_and_without_an_action_none_is_said) {
  Rig<Webhook> rig;
  auto plain = outgoing();
  plain.message.action.reset();
  plain.message.body.clear();
  const auto request = rig.request(plain, {}, receiver());
  for (const char* name : {"X-Checkstack-Signature", "X-Checkstack-Timestamp", "webhook-signature"}) EXPECT_EQ(header(request, name), "none") << name;
  EXPECT_NE(request.body.find(R"("body":"","importance":"critical","subjects":[])"), std::string::npos);
  EXPECT_EQ(request.total_timeout, 10s);
}

constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

// The vector that libraries of the specification test themselves with.
TEST(StandardWebhooks, N_5_the_known_vector) {
  const auto key = standard_webhooks::key_of(kSecret);
  ASSERT_TRUE(key);
  EXPECT_EQ(standard_webhooks::signature(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp::from_millis(1614265330'999), R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(StandardWebhooks, keys_of_secrets) {
  EXPECT_EQ(standard_webhooks::key_of("any other text"), "any other text");
  const auto encoded = [](std::size_t bytes) { return "whsec_" + crypto::base64_encode(std::string(bytes, '\xfe')); };
  for (const std::size_t good : {24u, 32u, 64u}) EXPECT_EQ(standard_webhooks::key_of(encoded(good)), std::string(good, '\xfe'));
  for (const std::string& bad : {encoded(23), encoded(65), std::string("whsec_"), std::string("whsec_?"), std::string(kSecret) + "="})
    EXPECT_FALSE(standard_webhooks::key_of(bad)) << bad;
}

TEST(StandardWebhooks, N_5_while_a_secret_changes_both_sign) {
  Rig<Webhook> rig;
  const std::string other = "whsec_" + crypto::base64_encode(std::string(32, 'k'));
  const auto signature_by = [&](const http::ClientRequest& request, std::string_view secret) {
    return standard_webhooks::signature(*standard_webhooks::key_of(secret), header(request, "webhook-id"), kNow, request.body);
  };
  const auto one = rig.request(outgoing(), {}, receiver(std::string(kSecret)));
  EXPECT_EQ(header(one, "webhook-signature"), signature_by(one, kSecret));
  const auto both = rig.request(outgoing(), {}, receiver(other, std::string(kSecret)));
  EXPECT_EQ(header(both, "webhook-signature"), signature_by(both, other) + " " + signature_by(both, kSecret));
}

TEST(StandardWebhooks, N_5_a_later_try_has_the_same_id_and_another_signature) {
  Rig<Webhook> rig;
  const auto first = rig.channel.request(outgoing(), {}, receiver(std::string(kSecret)), kNow).value();
  const auto later = rig.channel.request(outgoing(), {}, receiver(std::string(kSecret)), kNow + 1h).value();
  EXPECT_EQ(header(first, "webhook-id"), header(later, "webhook-id"));
  EXPECT_EQ(header(later, "webhook-timestamp"), std::to_string((kNow + 1h).seconds()));
  EXPECT_NE(header(first, "webhook-signature"), header(later, "webhook-signature"));
}

TEST(StandardWebhooks, N_9_a_secret_that_is_none_is_refused_when_it_is_written) {
  Rig<Webhook> rig;
  const auto judge = [&](std::string_view json) {
    const auto judged = rig.channel.user_config().validate(json);
    return judged ? std::string("good") : judged.error().field;
  };
  EXPECT_EQ(judge(R"({"url":"https://a.test/","signingSecret":"plain"})"), "good");
  EXPECT_EQ(judge(R"({"url":"https://a.test/","signingSecret":")" + std::string(kSecret) + "\"}"), "good");
  EXPECT_EQ(judge(R"({"url":"https://a.test/","signingSecret":"whsec_x"})"), "signingSecret");
  EXPECT_EQ(judge(R"({"url":"https://a.test/","signingSecret":"plain","previousSigningSecret":"whsec_x"})"), "previousSigningSecret");
}

TEST(Webhook, N_5_what_each_answer_means) {
  Rig<Webhook> rig;
  rig.judges_by_status();
  for (const int status : {200, 404, 429, 500}) EXPECT_FALSE(rig.verdict(status).gone) << status;
  EXPECT_TRUE(rig.verdict(410).gone);
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
  http::test::Sink sink(loop.executor(),
                        [&](const http::test::SinkRequest&) { return http::test::SinkReply{http::test::ok(), http::test::SinkReply::Then::close}; });
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
