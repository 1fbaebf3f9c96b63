#include "domains/notification/channels/webex.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

WebexAdmin bot() { return {.bot_token = secret<Text<1, 500>>("t0ken"), .api_base_url = {}}; }
WebexUser person() { return {.person_id = Text<1, 300>::of("Y2lzY29")}; }

// developer.webex.com/docs/api/v1/messages/create-a-message
TEST(Webex, N_13_markdown_that_mentions_nobody) {
  Rig<Webex> rig;
  const auto request = rig.request(outgoing(), bot(), person());
  EXPECT_EQ(request.url, "https://webexapis.com/v1/messages");
  EXPECT_EQ(header(request, "Authorization"), "Bearer t0ken");
  const auto body = boost::json::parse(request.body);
  EXPECT_EQ(text(body, "/toPersonId"), "Y2lzY29");
  EXPECT_EQ(text(body, "/markdown"),
            "🚨 **Disk \"full\" &lt;!channel&gt; &amp; \\*50 %\\***\n\n**/var** is full, see [the page](https://a.test/) @\u200beveryone\n\n"
            "[Open](https://w.test/x?a=1&amp;b=2)");
}

// The same page: up to 7,439 bytes.
TEST(Webex, N_13_texts_stay_within_webexs_limit) {
  Rig<Webex> rig;
  for (const char c : {'&', '*', 'x'}) {
    const auto sent = text(rig.body(longest(c), bot(), person()), "/markdown");
    EXPECT_LE(sent.size(), 7439u);
    EXPECT_GT(sent.size(), 7300u);
  }
  auto wide = outgoing();
  wide.message.body.clear();
  for (int i = 0; i < 5000; ++i) wide.message.body += "😀";
  EXPECT_LE(text(rig.body(wide, bot(), person()), "/markdown").size(), 7439u);
}

// developer.webex.com/docs/basics#api-errors: 429 with Retry-After; 400, 401, 403, 404 with a message.
TEST(Webex, N_5_what_each_answer_means) {
  Rig<Webex> rig;
  rig.judges_by_status();
  EXPECT_EQ(rig.verdict(404, R"({"message":"Could not find person","errors":[],"trackingId":"X"})").reason, "the receiver answered 404: Could not find person");
  EXPECT_EQ(rig.missing({}, person()), "The bot token is missing");
}

}  // namespace
}  // namespace watchbell::notification::channels
