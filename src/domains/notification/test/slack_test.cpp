#include "domains/notification/channels/slack.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

SlackUser webhook(std::string url = "https://hooks.slack.test/services/T/B/x") { return {.webhook_url = secret<Url>(std::move(url))}; }

TEST(Slack, N_13_blocks_escape_what_slack_reads_as_markup) {
  Rig<Slack> rig;
  const auto request = rig.request(outgoing(Importance::warning), {}, webhook());
  EXPECT_EQ(request.method + " " + request.url, "POST https://hooks.slack.test/services/T/B/x");
  EXPECT_EQ(header(request, "Content-Type"), "application/json");
  EXPECT_EQ(request.policy, net::EgressPolicy::channel);
  const auto body = boost::json::parse(request.body);
  EXPECT_EQ(text(body, "/text"), "⚠️ Disk \"full\" &lt;!channel&gt; &amp; *50 %*");
  EXPECT_EQ(text(body, "/blocks/0/text/text"), "⚠️ *Disk \"full\" &lt;!channel&gt; &amp; *50 %**");
  EXPECT_EQ(text(body, "/blocks/1/text/text"), "*/var* is full, see <https://a.test/|the page> @\u200beveryone");
  EXPECT_EQ(text(body, "/blocks/1/text/verbatim"), "true") << "or Slack looks for names in plain text";
  EXPECT_EQ(text(body, "/blocks/2"), R"({"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Open","emoji":true},)"
                                     R"("url":"https://w.test/x?a=1&b=2","action_id":"notification_action"}]})");
  EXPECT_EQ(text(body, "/attachments"), R"([{"color":"#f59e0b"}])");
}

TEST(Slack, without_body_and_action_there_is_only_a_title) {
  Rig<Slack> rig;
  auto bare = outgoing(Importance::info);
  bare.message.body.clear();
  bare.message.action.reset();
  const auto body = rig.body(bare, {}, webhook());
  EXPECT_EQ(body.at("blocks").as_array().size(), 1u);
  EXPECT_EQ(text(body, "/attachments/0/color"), "#3b82f6");
}

// docs.slack.dev/reference/block-kit: 3,000 characters a section, 75 a button's text.
TEST(Slack, N_13_texts_stay_within_slacks_limits) {
  Rig<Slack> rig;
  for (const char c : {'&', '<', 'x'}) {
    const auto body = rig.body(longest(c), {}, webhook());
    for (const char* path : {"/blocks/0/text/text", "/blocks/1/text/text"}) EXPECT_LE(utf16_length(text(body, path)), 3000u) << path;
    EXPECT_GT(utf16_length(text(body, "/blocks/1/text/text")), 2900u);
    EXPECT_TRUE(text(body, "/blocks/1/text/text").ends_with("…"));
    EXPECT_LE(utf16_length(text(body, "/blocks/2/elements/0/text/text")), 75u);
  }
}

// docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: 200 "ok"; 400 invalid_payload, 403 action_prohibited, 404 no_service, 410
// channel_is_archived; 429 with Retry-After; 500 rollup_error.
TEST(Slack, N_5_what_each_answer_means) {
  Rig<Slack> rig;
  rig.judges_by_status("ok");
  EXPECT_EQ(rig.verdict(404, "no_service").reason, "the receiver answered 404") << "what a URL of the user's answers is not shown";
  EXPECT_EQ(rig.missing({}, {}), "The webhook URL is missing");
}

}  // namespace
}  // namespace watchbell::notification::channels
