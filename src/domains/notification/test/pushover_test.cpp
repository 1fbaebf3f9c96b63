#include "domains/notification/channels/pushover.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

PushoverAdmin app() { return {.api_token = secret<Text<1, 100>>("apptoken"), .api_base_url = {}}; }
PushoverUser key() { return {.user_key = secret<Text<1, 100>>("userkey")}; }

TEST(Pushover, N_13_plain_text_and_what_is_critical_repeats) {
  Rig<Pushover> rig;
  const auto request = rig.request(outgoing(), app(), key());
  EXPECT_EQ(request.url, "https://api.pushover.net/1/messages.json");
  EXPECT_EQ(
      request.body,
      R"({"token":"apptoken","user":"userkey","title":"Disk \"full\" <!channel> & *50 %*","message":"/var is full, see the page (https://a.test/) @everyone",)"
      R"("priority":2,"timestamp":1767323045,"retry":60,"expire":3600,"url":"https://w.test/x?a=1&b=2","url_title":"Open"})");
  const auto warning = rig.body(outgoing(Importance::warning), app(), key());
  EXPECT_EQ(text(warning, "/priority") + text(warning, "/retry") + text(warning, "/expire"), "1nonenone");
  EXPECT_EQ(text(rig.body(outgoing(Importance::info), app(), key()), "/priority"), "0");
}

// pushover.net/api#limits: message 1,024 characters, title 250, url 512, url_title 100.
TEST(Pushover, N_13_texts_stay_within_pushovers_limits) {
  Rig<Pushover> rig;
  auto message = longest('&');
  const auto body = rig.body(message, app(), key());
  EXPECT_LE(utf16_length(text(body, "/message")), 1024u);
  EXPECT_GT(utf16_length(text(body, "/message")), 1000u);
  EXPECT_LE(utf16_length(text(body, "/title")), 250u);
  EXPECT_EQ(text(body, "/url"), "none") << "a cut link leads nowhere";
  message.message.action->url = "https://w.test/" + std::string(497, 'x');
  EXPECT_EQ(text(rig.body(message, app(), key()), "/url"), message.message.action->url);
  EXPECT_LE(utf16_length(text(rig.body(message, app(), key()), "/url_title")), 100u);
}

// pushover.net/api#response, #friendly: status 1 is taken; 4xx says what is wrong with the request and will be so again; 429 means that the month's
// messages are used up until X-Limit-App-Reset; 5xx is to be tried again.
TEST(Pushover, N_5_what_each_answer_means) {
  Rig<Pushover> rig;
  rig.judges_by_status(R"({"status":1,"request":"647d2300-702c-4b38-8b2f-d56326ae460b"})");
  EXPECT_EQ(rig.verdict(200, R"({"status":0,"errors":["user key is invalid"]})"), rules::Verdict::refused("Pushover did not take it: user key is invalid"));
  EXPECT_EQ(rig.verdict(200, "hello").kind, Kind::retry);
  EXPECT_EQ(rig.verdict(400, R"({"user":"invalid","errors":["user identifier is invalid"],"status":0})").reason,
            "the receiver answered 400: user identifier is invalid");
  EXPECT_EQ(rig.verdict(429, "{}", {{"x-limit-app-reset", std::to_string(kNow.seconds() + 600)}}).retry_after, 600s);
  EXPECT_EQ(rig.verdict(429, "{}", {{"x-limit-app-reset", std::to_string(kNow.seconds() + 2'000'000)}}).retry_after, 24h);
  for (const char* odd : {"soon", "1", ""}) EXPECT_EQ(rig.verdict(429, "{}", {{"x-limit-app-reset", odd}}).retry_after, std::nullopt) << odd;
  EXPECT_EQ(rig.missing({}, key()), "The API token is missing");
  EXPECT_EQ(rig.missing(app(), {}), "The user key is missing");
}

}  // namespace
}  // namespace watchbell::notification::channels
