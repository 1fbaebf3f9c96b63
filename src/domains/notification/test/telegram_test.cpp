#include "domains/notification/channels/telegram.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

TelegramAdmin bot(std::string token = "123456:AbC-dEf_g") { return {.bot_token = secret<Text<1, 200>>(std::move(token)), .api_base_url = {}}; }
TelegramUser chat() { return {.chat_id = Text<1, 100>::of("-10042")}; }

TEST(Telegram, N_13_html_with_a_button) {
  Rig<Telegram> rig;
  const auto request = rig.request(outgoing(), bot(), chat());
  EXPECT_EQ(request.url, "https://api.telegram.org/bot123456:AbC-dEf_g/sendMessage");
  const auto body = boost::json::parse(request.body);
  EXPECT_EQ(text(body, "/chat_id"), "-10042");
  EXPECT_EQ(text(body, "/parse_mode"), "HTML");
  EXPECT_EQ(text(body, "/text"),
            "🚨 <b>Disk \"full\" &lt;!channel&gt; &amp; *50 %*</b>\n\n<b>/var</b> is full, see <a href=\"https://a.test/\">the page</a> @everyone");
  EXPECT_EQ(text(body, "/reply_markup"), R"({"inline_keyboard":[[{"text":"Open","url":"https://w.test/x?a=1&b=2"}]]})");
  EXPECT_EQ(text(body, "/link_preview_options/is_disabled"), "true");
}

TEST(Telegram, a_link_that_telegram_refuses_in_a_button_stands_in_the_text) {
  Rig<Telegram> rig;
  for (const char* url : {"http://localhost:3000/x", "http://127.0.0.1/x", "http://watchbell/x?a=1&b=2", "http://a.localhost/"}) {
    auto local = outgoing();
    local.message.action->url = url;
    const auto body = rig.body(local, bot(), chat());
    EXPECT_EQ(text(body, "/reply_markup"), "none") << url;
    EXPECT_TRUE(text(body, "/text").ends_with("\n\nOpen: " + markdown::literal(markdown::Format::telegram, url))) << text(body, "/text");
  }
}

// core.telegram.org/bots/api#sendmessage: 1 to 4,096 characters.
TEST(Telegram, N_13_texts_stay_within_telegrams_limit) {
  Rig<Telegram> rig;
  for (const char c : {'&', '<', 'x'}) {
    for (const char* host : {"https://w.test/", "http://localhost/"}) {
      auto message = longest(c);
      message.message.action->url = std::string(host) + std::string(1500, 'u');
      const auto sent = text(rig.body(message, bot(), chat()), "/text");
      EXPECT_LE(utf16_length(sent), 4096u);
      EXPECT_GT(utf16_length(sent), 4000u);
    }
  }
}

// core.telegram.org/bots/api#making-requests and #responseparameters: ok and result, or ok false with error_code, description and, when there were
// too many requests, parameters.retry_after. 401 a wrong token, 403 the user blocked the bot, 400 no such chat.
TEST(Telegram, N_5_what_each_answer_means) {
  Rig<Telegram> rig;
  rig.judges_by_status(R"({"ok":true,"result":{"message_id":7}})");
  EXPECT_EQ(rig.verdict(200, "<html>").kind, Kind::retry) << "something between us and Telegram";
  EXPECT_EQ(rig.verdict(429, R"({"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}})"),
            rules::Verdict::retry("the receiver answered 429: Too Many Requests: retry after 35", 35s));
  EXPECT_EQ(rig.verdict(403, R"({"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"})"),
            rules::Verdict::refused("the receiver answered 403: Forbidden: bot was blocked by the user"));
  EXPECT_LT(rig.verdict(400, R"({"description":")" + std::string(5000, 'x') + "\"}").reason.size(), 300u);
}

TEST(Telegram, N_14_a_token_leads_nowhere_else) {
  Rig<Telegram> rig;
  EXPECT_EQ(rig.missing({}, chat()), "The bot token is missing");
  for (const char* token : {"1/../../x", "1?x", "1 2", "1#"}) EXPECT_EQ(rig.missing(bot(token), chat()), "The bot token is none of Telegram's") << token;
  auto own = bot();
  own.api_base_url = Url::make("http://bots.test:8081/");
  EXPECT_EQ(rig.request(outgoing(), own, chat()).url, "http://bots.test:8081/bot123456:AbC-dEf_g/sendMessage");
}

}  // namespace
}  // namespace watchbell::notification::channels
