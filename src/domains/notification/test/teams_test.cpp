#include "domains/notification/channels/teams.hpp"

#include "domains/notification/test/channel_rig.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

TeamsAdmin registration() {
  TeamsAdmin admin;
  admin.client_id = Text<1, 100>::of("app-1");
  admin.client_secret = secret<Text<1, 500>>("s3cret");
  return admin;
}
OAuthLink linked() {
  OAuthLink link;
  link.external_id = Text<1, 300>::of("8b081ef6-4792-4def-b2c9-c363a1bf41d5");
  link.access_token = secret<Text<1, 16'384>>("t0ken");
  return link;
}
boost::json::value card_of(const Outgoing& message) {
  const auto request = Teams::message_request(message, registration(), linked(), "19:x@unq.gbl.spaces");
  return boost::json::parse(text(boost::json::parse(request.body), "/attachments/0/content"));
}

// learn.microsoft.com/graph/api/chat-post
TEST(Teams, asks_for_the_chat_of_its_user) {
  const auto request = Teams::chat_request(registration(), linked());
  EXPECT_EQ(request.url, "https://graph.microsoft.com/v1.0/chats");
  EXPECT_EQ(header(request, "Authorization"), "Bearer t0ken");
  EXPECT_EQ(request.body, R"({"chatType":"oneOnOne","members":[{"@odata.type":"#microsoft.graph.aadUserConversationMember","roles":["owner"],)"
                          R"x("user@odata.bind":"https://graph.microsoft.com/v1.0/users('8b081ef6-4792-4def-b2c9-c363a1bf41d5')"}]})x");
}

// learn.microsoft.com/graph/api/chatmessage-post, "Send a message that includes a card"; adaptivecards.io/explorer
TEST(Teams, N_13_a_card_that_mentions_nobody) {
  auto told = outgoing();
  told.message.body += " <at>everyone</at>";
  const auto request = Teams::message_request(told, registration(), linked(), "19:x@unq.gbl.spaces");
  EXPECT_EQ(request.url, "https://graph.microsoft.com/v1.0/chats/19:x@unq.gbl.spaces/messages");
  const auto body = boost::json::parse(request.body);
  EXPECT_EQ(text(body, "/body/contentType"), "html");
  EXPECT_EQ(text(body, "/body/content"), "<attachment id=\"01900000000070008000000000000001\"></attachment>");
  EXPECT_EQ(text(body, "/attachments/0/id"), "01900000000070008000000000000001");
  EXPECT_EQ(text(body, "/attachments/0/contentType"), "application/vnd.microsoft.card.adaptive");
  EXPECT_EQ(text(body, "/mentions"), "none");
  const auto card = card_of(told);
  EXPECT_EQ(text(card, "/version"), "1.4");
  EXPECT_EQ(text(card, "/msteams"), "none");
  EXPECT_EQ(text(card, "/body/0/text"), "🚨 Disk \"full\" &lt;!channel&gt; &amp; \\*50 %\\*");
  EXPECT_EQ(text(card, "/body/0/color"), "Attention");
  EXPECT_EQ(text(card, "/body/0/wrap"), "true");
  EXPECT_EQ(text(card, "/body/1/text"), "**/var** is full, see [the page](https://a.test/) @\u200beveryone &lt;at&gt;everyone&lt;/at&gt;");
  EXPECT_EQ(text(card, "/actions/0/type"), "Action.OpenUrl");
  EXPECT_EQ(text(card, "/actions/0/url"), "https://w.test/x?a=1&b=2");
}

// adaptivecards.io/explorer/FactSet.html
TEST(Teams, N_13_what_it_is_about_is_a_fact_each) {
  auto told = outgoing();
  told.message.subjects = {{.kind = "catalog.system", .id = "7", .name = "Shop", .url = "https://w.test/s?a=1&b=2", .status = SubjectStatus::unhealthy},
                           {.kind = "catalog.system", .id = "8", .name = "*a* <at>b</at> @everyone", .url = {}, .status = {}}};
  const auto card = card_of(told);
  EXPECT_EQ(text(card, "/body/2/text"), "About");
  EXPECT_EQ(text(card, "/body/3/type"), "FactSet");
  EXPECT_EQ(text(card, "/body/3/facts/0/title"), "🔴");
  EXPECT_EQ(text(card, "/body/3/facts/0/value"), "[Shop](https://w.test/s?a=1&amp;b=2)");
  EXPECT_EQ(text(card, "/body/3/facts/1/title"), "•");
  EXPECT_EQ(text(card, "/body/3/facts/1/value"), "\\*a\\* &lt;at&gt;b&lt;/at&gt; @\u200beveryone");
  for (const char c : {'&', '*', '"', 'x'}) {
    auto many = longest(c);
    for (std::size_t i = 0; i < rules::kSubjectsMax; ++i)
      many.message.subjects.push_back({.kind = "catalog.system", .id = "7", .name = std::string(200, c), .url = "https://w.test/" + std::string(400, 'u'), .status = {}});
    EXPECT_LE(Teams::message_request(many, registration(), linked(), "19:x").body.size(), 28'000u) << c;
    EXPECT_EQ(text(card_of(many), "/body/3/facts/0/title"), "•");
  }
}

// learn.microsoft.com/microsoftteams/limits-specifications-teams: about 28 KB a message.
TEST(Teams, N_13_messages_stay_within_teams_limit) {
  for (const char c : {'&', '*', '"', '\\', 'x'}) {
    const auto request = Teams::message_request(longest(c), registration(), linked(), "19:x");
    EXPECT_LE(request.body.size(), 28'000u) << c;
    EXPECT_GT(request.body.size(), 4'000u) << c;
    EXPECT_FALSE(text(card_of(longest(c)), "/body/1/text").empty());
  }
}

// learn.microsoft.com/graph/errors, learn.microsoft.com/graph/throttling
TEST(Teams, N_5_what_each_answer_means) {
  const auto verdict = [](int status, std::string body = {}, http::Headers headers = {}) {
    http::ClientResponse answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.headers = std::move(headers);
    return Teams::judge_answer(answer, kNow);
  };
  EXPECT_EQ(verdict(201).kind, Kind::delivered);
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_EQ(verdict(status).kind, Kind::retry) << status;
  for (const int status : {301, 302, 400, 403, 404, 413}) {
    EXPECT_EQ(verdict(status).kind, Kind::refused) << status;
    EXPECT_FALSE(verdict(status).unauthorized) << status;
  }
  EXPECT_TRUE(verdict(401).unauthorized);
  EXPECT_EQ(verdict(429, {}, {{"retry-after", "33"}}).retry_after, 33s);
  EXPECT_EQ(verdict(403, R"({"error":{"code":"Forbidden","message":"Missing scope permissions on the request.\r\nX"}})").reason,
            "the receiver answered 403: Missing scope permissions on the request.  X");
}

TEST(Teams, N_9_settings_are_judged_when_they_are_written) {
  Rig<Teams> rig;
  const Teams& teams = rig.channel;
  EXPECT_TRUE(teams.admin_config().validate(R"({"clientId":"a","clientSecret":"b"})"));
  for (const char* bad : {"{}", R"({"clientId":""})", R"({"clientId":"a","tenantId":"x/../y"})", R"({"clientId":"a","tenantId":"a b"})", R"({"clientId":"a","loginBaseUrl":"ftp://x"})"})
    EXPECT_FALSE(teams.admin_config().validate(bad)) << bad;
  EXPECT_FALSE(teams.oauth(R"({"clientId":"a"})")) << "without a secret nobody can connect";
  EXPECT_EQ(teams.oauth(R"({"clientId":"a","clientSecret":"b"})")->token_url, "https://login.microsoftonline.com/common/oauth2/v2.0/token");
  EXPECT_EQ(teams.oauth(R"({"clientId":"a","clientSecret":"b","tenantId":"t","loginBaseUrl":"https://l.test/"})")->authorize_url, "https://l.test/t/oauth2/v2.0/authorize");
}

// learn.microsoft.com/entra/identity-platform/id-token-claims-reference
TEST(Teams, an_id_that_would_break_out_of_its_quotes_is_none) {
  Rig<Teams> rig;
  EXPECT_EQ(rig.channel.external_id(boost::json::object{{"oid", "a-1"}, {"sub", "b"}}), "a-1");
  EXPECT_EQ(rig.channel.external_id(boost::json::object{{"sub", "b_2"}}), "b_2");
  for (const char* bad : {"", "a')/x", "a b", "a/b", "ä"}) EXPECT_FALSE(rig.channel.external_id(boost::json::object{{"oid", bad}})) << bad;
  EXPECT_FALSE(rig.channel.external_id(boost::json::object{{"oid", 7}}));
}

}  // namespace
}  // namespace watchbell::notification::channels
