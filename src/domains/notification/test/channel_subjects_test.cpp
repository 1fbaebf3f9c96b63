// What a message is about, in every channel's words: within its limits, as text, and calling nobody.
#include <array>

#include "domains/notification/channels/backstage.hpp"
#include "domains/notification/channels/discord.hpp"
#include "domains/notification/channels/gotify.hpp"
#include "domains/notification/channels/ntfy.hpp"
#include "domains/notification/channels/pushover.hpp"
#include "domains/notification/channels/slack.hpp"
#include "domains/notification/channels/smtp.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "domains/notification/channels/telegram.hpp"
#include "domains/notification/channels/web_push.hpp"
#include "domains/notification/channels/webex.hpp"
#include "domains/notification/channels/webhook.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;
using markdown::Format;
using markdown::Limit;

constexpr std::array kFormats{Format::plain, Format::slack, Format::telegram, Format::discord, Format::webex};

Subject subject(std::string name, std::optional<std::string> url = {}, std::optional<SubjectStatus> status = {}) {
  return {.kind = "catalog.system", .id = "7", .name = std::move(name), .url = std::move(url), .status = status};
}

/// A message about a system that has all there may be, and about one with nothing but a name, which tries to be markup and to call everybody.
Outgoing about_two() {
  auto out = outgoing();
  out.message.body = "It is full.";
  out.message.action.reset();
  out.message.subjects = {subject("Shop", "https://w.test/s?a=1&b=2", SubjectStatus::unhealthy), subject("*a* <b> @everyone\n<!channel>")};
  return out;
}

/// As many as may be, with names and URLs as long as they may be.
Outgoing about_many(std::string_view name, std::size_t url = 300) {
  auto out = longest('&');
  std::string full;
  while (full.size() + name.size() <= 200) full += name;
  for (std::size_t i = 0; i < rules::kSubjectsMax; ++i) out.message.subjects.push_back(subject(full, "https://w.test/" + std::string(url, 'u'), SubjectStatus::degraded));
  return out;
}

TEST(SubjectLines, N_13_each_has_its_mark_its_name_and_where_it_leads) {
  const std::vector<Subject> all{subject("A", "https://w.test/a", SubjectStatus::healthy), subject("B", {}, SubjectStatus::degraded),
                                 subject("C", {}, SubjectStatus::unhealthy), subject("D", {}, SubjectStatus::unknown), subject("E")};
  EXPECT_EQ(subject_lines(Format::plain, all), "🟢 A (https://w.test/a)\n🟡 B\n🔴 C\n⚪ D\n• E");
  EXPECT_EQ(subject_lines(Format::slack, all), "🟢 <https://w.test/a|A>\n🟡 B\n🔴 C\n⚪ D\n• E");
  EXPECT_EQ(subject_lines(Format::telegram, all), "🟢 <a href=\"https://w.test/a\">A</a>\n🟡 B\n🔴 C\n⚪ D\n• E");
  EXPECT_EQ(subject_lines(Format::discord, all), "🟢 [A](https://w.test/a)\n🟡 B\n🔴 C\n⚪ D\n• E");
  EXPECT_EQ(subject_lines(Format::webex, all), "- 🟢 [A](https://w.test/a)\n- 🟡 B\n- 🔴 C\n- ⚪ D\n- • E");
  EXPECT_EQ(subject_lines(Format::plain, {}), "");
}

TEST(SubjectLines, N_13_what_does_not_fit_is_counted) {
  const std::vector<Subject> three{subject("One"), subject("Two"), subject("Three")};
  EXPECT_EQ(subject_lines(Format::plain, three, {.max = 23}), "• One\n• Two\n• Three") << "19 units, and room for more";
  EXPECT_EQ(subject_lines(Format::plain, three, {.max = 19}), "• One\n• Two\n• Three");
  EXPECT_EQ(subject_lines(Format::plain, three, {.max = 18}), "• One\n… and 2 more");
  EXPECT_EQ(subject_lines(Format::plain, three, {.max = 17}), "");
  // A cut link leads nowhere; the name is worth more than the link.
  EXPECT_EQ(subject_lines(Format::plain, {subject("Shop", "https://w.test/")}, {.max = 10}), "• Shop");
  for (const auto format : kFormats) {
    for (const auto unit : {Limit::Unit::bytes, Limit::Unit::utf16}) {
      for (const std::string_view name : {"x", "&", "*", "😀", "@everyone "}) {
        for (const std::size_t max : {1u, 40u, 400u, 1024u, 3000u}) {
          const auto lines = subject_lines(format, about_many(name).message.subjects, {.max = max, .unit = unit});
          EXPECT_LE(markdown::length(lines, unit), max) << name;
          EXPECT_TRUE(is_utf8(lines));
          if (max == 3000) EXPECT_TRUE(lines.find("… and ") != std::string::npos && lines.ends_with(" more")) << lines;
        }
      }
    }
  }
}

TEST(SubjectLines, the_body_gives_way_by_half_at_most) {
  const auto message = about_many("x").message;
  for (const auto format : kFormats) {
    const auto text = body_of(format, message, {.max = 2000});
    const auto at = text.find(kAbout);
    ASSERT_NE(at, std::string::npos);
    EXPECT_LE(markdown::length(text, Limit::Unit::utf16), 2000u);
    EXPECT_GT(markdown::length(text.substr(0, at), Limit::Unit::utf16), 900u);
    EXPECT_GT(markdown::length(text.substr(at), Limit::Unit::utf16), 400u);
  }
  auto bare = message;
  bare.subjects.clear();
  EXPECT_EQ(body_of(Format::plain, bare, {.max = 99}), markdown::render(Format::plain, bare.body, {.max = 99}));
  bare.body.clear();
  EXPECT_EQ(body_of(Format::plain, bare), "");
  bare.subjects = {subject("Shop")};
  EXPECT_EQ(body_of(Format::plain, bare), "About:\n• Shop");
}

TEST(Webhook, N_5_subjects_are_part_of_the_public_contract) {
  Rig<Webhook> rig;
  const WebhookUser user{.url = *Url::make("https://receiver.test/hook"), .signing_secret = {}, .previous_signing_secret = {}};
  EXPECT_EQ(text(rig.body(about_two(), {}, user), "/subjects"),
            R"([{"kind":"catalog.system","id":"7","name":"Shop","url":"https://w.test/s?a=1&b=2","status":"unhealthy"},)"
            R"({"kind":"catalog.system","id":"7","name":"*a* <b> @everyone\n<!channel>"}])");
}

// docs.slack.dev/reference/block-kit: a divider, then a section of at most 3,000 characters.
TEST(Slack, N_13_subjects_stand_below_a_divider) {
  Rig<Slack> rig;
  const SlackUser user{.webhook_url = secret<Url>("https://hooks.slack.test/x")};
  auto out = about_two();
  out.message.action = Action{.label = "Open", .url = "https://w.test/"};
  const auto body = rig.body(out, {}, user);
  EXPECT_EQ(text(body, "/blocks/1/text/text"), "It is full.");
  EXPECT_EQ(text(body, "/blocks/2"), R"({"type":"divider"})");
  EXPECT_EQ(text(body, "/blocks/3/text/text"), "🔴 <https://w.test/s?a=1&amp;b=2|Shop>\n• *a* &lt;b&gt; @\u200beveryone &lt;!channel&gt;");
  EXPECT_EQ(text(body, "/blocks/3/text/verbatim"), "true");
  EXPECT_EQ(text(body, "/blocks/4/type"), "actions");
  for (const std::string_view name : {"&", "😀"}) EXPECT_LE(utf16_length(text(rig.body(about_many(name), {}, user), "/blocks/3/text/text")), 3000u);
}

// docs.discord.com/developers/resources/message#embed-object-embed-limits: a field's value 1,024, all of an embed 6,000.
TEST(Discord, N_13_subjects_are_a_field_before_the_link) {
  Rig<Discord> rig;
  const DiscordUser user{.webhook_url = secret<Url>("https://discord.test/x")};
  auto out = about_two();
  out.message.action = Action{.label = "Open", .url = "https://w.test/"};
  const auto body = rig.body(out, {}, user);
  EXPECT_EQ(text(body, "/embeds/0/fields/0/name"), "About");
  EXPECT_EQ(text(body, "/embeds/0/fields/0/value"), "🔴 [Shop](https://w.test/s?a=1&b=2)\n• \\*a\\* \\<b\\> @\u200beveryone \\<!channel\\>");
  EXPECT_EQ(text(body, "/embeds/0/fields/1/name"), "Open");
  for (const std::string_view name : {"*", "x", "😀"}) {
    auto many = about_many(name);
    many.message.action->url = "https://w.test/" + std::string(900, 'x');
    const auto embed = rig.body(many, {}, user).at("embeds").at(0);
    EXPECT_LE(utf16_length(text(embed, "/fields/0/value")), 1024u);
    std::size_t all = 0;
    for (const char* path : {"/title", "/description", "/fields/0/name", "/fields/0/value", "/fields/1/name", "/fields/1/value"}) {
      EXPECT_NE(text(embed, path), "none") << path;
      all += utf16_length(text(embed, path));
    }
    EXPECT_LE(all, 6000u);
    EXPECT_GT(all, 5000u);
  }
}

TEST(Telegram, N_13_subjects_follow_the_body) {
  Rig<Telegram> rig;
  const TelegramAdmin admin{.bot_token = secret<Text<1, 200>>("1:x"), .api_base_url = {}};
  const TelegramUser user{.chat_id = Text<1, 100>::of("7")};
  EXPECT_EQ(text(rig.body(about_two(), admin, user), "/text"),
            "🚨 <b>Disk \"full\" &lt;!channel&gt; &amp; *50 %*</b>\n\nIt is full.\n\n<b>About</b>\n"
            "🔴 <a href=\"https://w.test/s?a=1&amp;b=2\">Shop</a>\n• *a* &lt;b&gt; @everyone &lt;!channel&gt;");
  for (const std::string_view name : {"&", "x", "😀"}) {
    const auto sent = text(rig.body(about_many(name), admin, user), "/text");
    EXPECT_LE(utf16_length(sent), 4096u);
    EXPECT_EQ(sent.rfind('<') > sent.rfind('>'), false) << "cut inside markup: " << sent;
  }
}

TEST(Webex, N_13_subjects_are_a_list_under_the_body) {
  Rig<Webex> rig;
  const WebexAdmin admin{.bot_token = secret<Text<1, 500>>("t"), .api_base_url = {}};
  const WebexUser user{.person_id = Text<1, 300>::of("p")};
  EXPECT_EQ(text(rig.body(about_two(), admin, user), "/markdown"),
            "🚨 **Disk \"full\" &lt;!channel&gt; &amp; \\*50 %\\***\n\nIt is full.\n\n**About**\n"
            "- 🔴 [Shop](https://w.test/s?a=1&amp;b=2)\n- • \\*a\\* &lt;b&gt; @\u200beveryone &lt;!channel&gt;");
  for (const std::string_view name : {"&", "x", "😀"}) EXPECT_LE(text(rig.body(about_many(name), admin, user), "/markdown").size(), 7439u);
}

TEST(Gotify, N_13_subjects_follow_the_body) {
  Rig<Gotify> rig;
  const GotifyAdmin admin{.server_url = *Url::make("https://gotify.test/")};
  const GotifyUser user{.app_token = secret<Text<1, 200>>("A")};
  EXPECT_EQ(text(rig.body(about_two(), admin, user), "/message"),
            "It is full.\n\nAbout:\n🔴 Shop (https://w.test/s?a=1&b=2)\n• *a* <b> @everyone <!channel>");
  auto bare = about_two();
  bare.message.body.clear();
  EXPECT_TRUE(text(rig.body(bare, admin, user), "/message").starts_with("About:\n🔴 Shop ")) << "the title is no twin of itself";
  const auto all = text(rig.body(about_many("x"), admin, user), "/message");
  EXPECT_EQ(all.find(" more"), std::string::npos) << "nothing is left out where there is no limit";
}

TEST(Ntfy, N_13_subjects_follow_the_body_within_the_limit) {
  Rig<Ntfy> rig;
  const NtfyUser user{.topic = Text<1, 64>::of("t")};
  EXPECT_EQ(text(rig.body(about_two(), {}, user), "/message"), "It is full.\n\nAbout:\n🔴 Shop (https://w.test/s?a=1&b=2)\n• *a* <b> @everyone <!channel>");
  for (const std::string_view name : {"x", "😀"}) {
    const auto sent = text(rig.body(about_many(name), {}, user), "/message");
    EXPECT_LE(sent.size(), 4096u);
    EXPECT_NE(sent.find("\n… and "), std::string::npos);
  }
}

TEST(Pushover, N_13_subjects_follow_the_body_within_the_limit) {
  Rig<Pushover> rig;
  const PushoverAdmin admin{.api_token = secret<Text<1, 100>>("a"), .api_base_url = {}};
  const PushoverUser user{.user_key = secret<Text<1, 100>>("u")};
  const auto body = rig.body(about_two(), admin, user);
  EXPECT_EQ(text(body, "/message"), "It is full.\n\nAbout:\n🔴 Shop (https://w.test/s?a=1&b=2)\n• *a* <b> @everyone <!channel>");
  EXPECT_EQ(text(body, "/html"), "none") << "so nothing in it is markup";
  for (const std::string_view name : {"x", "😀"}) EXPECT_LE(utf16_length(text(rig.body(about_many(name), admin, user), "/message")), 1024u);
}

TEST(Backstage, N_13_subjects_are_appended_to_the_description) {
  Rig<Backstage> rig;
  const BackstageAdmin admin{.base_url = Url::make("https://backstage.test/"), .token = secret<Text<1, 2000>>("t")};
  const BackstageUser user{.entity_ref = Text<1, 300>::of("jane")};
  EXPECT_EQ(text(rig.body(about_two(), admin, user), "/payload/description"),
            "It is full.\n\nAbout:\n🔴 Shop (https://w.test/s?a=1&b=2)\n• *a* <b> @everyone <!channel>");
}

SmtpAdmin mail_server() {
  SmtpAdmin admin;
  admin.host = Text<1, 253>::of("mail.test");
  admin.from_address = *Email::make("bell@w.test");
  return admin;
}

TEST(Smtp, N_13_subjects_are_cards_and_a_list_in_the_text) {
  auto out = about_two();
  out.recipient = {.email = "ada@w.test", .name = "Ada"};
  out.message.subjects[0].url = "https://w.test/?a=\"><script>";
  const auto made = Smtp::message(out, mail_server());
  EXPECT_NE(made.html.find(R"(border-left:4px solid #ef4444"><tr><td style="padding:8px 12px;color:#374151;font-size:14px">🔴 )"
                           R"(<a href="https://w.test/?a=&quot;&gt;&lt;script&gt;" style="color:#1d4ed8">Shop</a> <span style="color:#6b7280">unhealthy</span></td>)"),
            std::string::npos)
      << made.html;
  EXPECT_NE(made.html.find(">• *a* &lt;b&gt; @everyone &lt;!channel&gt;</td>"), std::string::npos) << made.html;
  EXPECT_EQ(made.html.find("<script"), std::string::npos);
  EXPECT_TRUE(made.text.starts_with("It is full.\n\nAbout:\n🔴 Shop (https://w.test/?a=")) << made.text;
  EXPECT_TRUE(mail::compose(made));
}

WebPushAdmin push_keys() { return {.private_key = secret<Text<1, 64>>("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), .contact = {}}; }

PushDevice browser(std::string auth) {
  return {.id = Text<1, 64>::of("a"),
          .endpoint = {*Url::make("https://push.test/1")},
          .p256dh = {Text<1, 200>::of("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")},
          .auth = {Text<1, 100>::of(std::move(auth))}};
}

struct PushRig {
  async::Loop loop;
  http::test::Bench bench{loop};
  SystemClock clock;
  WebPush channel{bench.client, clock, "https://w.test"};
  std::string topic(const Outgoing& out, const PushDevice& device) {
    const auto made = channel.request(out, WebPush::payload(out), push_keys(), device, kNow);
    EXPECT_TRUE(made) << made.error();
    return made ? header(*made, "Topic") : "";
  }
};

TEST(WebPush, N_13_subjects_are_in_the_text_where_size_allows) {
  EXPECT_EQ(text(boost::json::parse(WebPush::payload(about_two())), "/body"), "It is full.\n\nAbout:\n🔴 Shop (https://w.test/s?a=1&b=2)\n• *a* <b> @everyone <!channel>");
  for (const std::string_view name : {"x", "\"", "😀"}) EXPECT_LE(WebPush::payload(about_many(name)).size(), 3993u);
}

// RFC 8030, 5.4: a Topic is at most 32 characters of base64url.
TEST(WebPush, what_belongs_together_has_one_topic_that_tells_the_push_service_nothing) {
  PushRig rig;
  const auto ada = browser("BTBZMqHH6r4Tts7J_aSIgg"), eve = browser("AAAAAAAAAAAAAAAAAAAAAA");
  auto first = outgoing();
  first.message.collapse_key = "catalog.system.7";
  auto second = first;
  second.key = DeliveryId::parse("01900000-0000-7000-8000-000000000002").value();
  const auto topic = rig.topic(first, ada);
  EXPECT_EQ(topic.size(), 32u);
  EXPECT_TRUE(crypto::base64url_decode(topic));
  EXPECT_EQ(rig.topic(second, ada), topic);
  EXPECT_NE(rig.topic(first, eve), topic) << "nor does it tell that two users are told of one thing";
  second.message.collapse_key = "catalog.system.8";
  EXPECT_NE(rig.topic(second, ada), topic);
  second.message.collapse_key.reset();
  EXPECT_EQ(rig.topic(second, ada), crypto::base64url_encode(std::string_view(reinterpret_cast<const char*>(second.key.uuid().bytes().data()), 16)));
}

}  // namespace
}  // namespace watchbell::notification::channels
