#include "domains/notification/channels/discord.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

DiscordUser webhook() { return {.webhook_url = secret<Url>("https://discord.test/api/webhooks/1/x")}; }

TEST(Discord, N_13_an_embed_that_mentions_nobody) {
  Rig<Discord> rig;
  const auto request = rig.request(outgoing(), {}, webhook());
  EXPECT_EQ(request.url, "https://discord.test/api/webhooks/1/x");
  const auto body = boost::json::parse(request.body);
  EXPECT_EQ(text(body, "/allowed_mentions"), R"({"parse":[]})");
  EXPECT_EQ(text(body, "/embeds/0/title"), "🚨 Disk \"full\" \\<!channel\\> & \\*50 %\\*");
  EXPECT_EQ(text(body, "/embeds/0/description"), "**/var** is full, see [the page](https://a.test/) @\u200beveryone");
  EXPECT_EQ(text(body, "/embeds/0/color"), "15680580");
  EXPECT_EQ(text(body, "/embeds/0/timestamp"), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(text(body, "/embeds/0/fields"), R"x([{"name":"Open","value":"[Click here](https://w.test/x?a=1&b=2)","inline":false}])x");
  EXPECT_EQ(text(rig.body(outgoing(Importance::info), {}, webhook()), "/embeds/0/color"), "3900150");
  EXPECT_EQ(text(rig.body(outgoing(Importance::warning), {}, webhook()), "/embeds/0/color"), "16096779");
}

TEST(Discord, without_body_and_action_there_is_only_a_title) {
  Rig<Discord> rig;
  auto bare = outgoing();
  bare.message.body.clear();
  bare.message.action.reset();
  const auto body = rig.body(bare, {}, webhook());
  EXPECT_EQ(text(body, "/embeds/0/description") + text(body, "/embeds/0/fields"), "nonenone");
}

// docs.discord.com/developers/resources/message#embed-object-embed-limits
TEST(Discord, N_13_texts_stay_within_discords_limits) {
  Rig<Discord> rig;
  for (const char c : {'*', '_', 'x'}) {
    const auto body = rig.body(longest(c), {}, webhook());
    EXPECT_LE(utf16_length(text(body, "/embeds/0/title")), 256u);
    EXPECT_LE(utf16_length(text(body, "/embeds/0/description")), 4096u);
    EXPECT_GT(utf16_length(text(body, "/embeds/0/description")), 4000u);
    EXPECT_EQ(text(body, "/embeds/0/fields"), "none") << "a link of 2,048 characters does not fit, and a cut one leads nowhere";
  }
}

// docs.discord.com/developers/resources/webhook#execute-webhook: 204; 401, 403, 404 (10015 unknown webhook); .../topics/rate-limits: 429 with
// Retry-After and, in the body, retry_after in seconds with decimals.
TEST(Discord, N_5_what_each_answer_means) {
  Rig<Discord> rig;
  rig.judges_by_status();
  EXPECT_EQ(rig.verdict(429, R"({"message":"You are being rate limited.","retry_after":64.57,"global":false})").retry_after, 65s);
  EXPECT_EQ(rig.verdict(429, R"({"retry_after":64.57})", {{"retry-after", "12"}}).retry_after, 12s);
  EXPECT_EQ(rig.verdict(429, R"({"retry_after":1e300})").retry_after, 24h);
  for (const char* odd : {"", "{", R"({"retry_after":"soon"})", R"({"retry_after":-1})", "[]"})
    EXPECT_EQ(rig.verdict(429, odd).retry_after, std::nullopt) << odd;
  EXPECT_EQ(rig.missing({}, {}), "The webhook URL is missing");
}

}  // namespace
}  // namespace watchbell::notification::channels
