#include "domains/notification/channels/gotify.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

const GotifyAdmin kServer{.server_url = *Url::make("https://gotify.test/push/")};
GotifyUser app() { return {.app_token = secret<Text<1, 200>>("A.b_c")}; }

// gotify.net/docs/pushmsg and /msgextras: title, message, priority, extras; the token in X-Gotify-Key.
TEST(Gotify, N_13_plain_text_with_a_priority) {
  Rig<Gotify> rig;
  const auto request = rig.request(outgoing(), kServer, app());
  EXPECT_EQ(request.url, "https://gotify.test/push/message") << "no token in what proxies log";
  EXPECT_EQ(header(request, "X-Gotify-Key"), "A.b_c");
  const auto body = boost::json::parse(request.body);
  EXPECT_EQ(text(body, "/title"), outgoing().message.title);
  EXPECT_EQ(text(body, "/message"), "/var is full, see the page (https://a.test/) @everyone");
  EXPECT_EQ(text(body, "/extras/client::notification/click/url"), "https://w.test/x?a=1&b=2");
  EXPECT_EQ(text(body, "/priority"), "10");
  EXPECT_EQ(text(rig.body(outgoing(Importance::warning), kServer, app()), "/priority"), "7");
  EXPECT_EQ(text(rig.body(outgoing(Importance::info), kServer, app()), "/priority"), "5");
}

TEST(Gotify, without_a_body_the_title_is_the_message) {
  Rig<Gotify> rig;
  auto bare = outgoing();
  bare.message.body.clear();
  bare.message.action.reset();
  const auto body = rig.body(bare, kServer, app());
  EXPECT_EQ(text(body, "/message"), bare.message.title);
  EXPECT_EQ(text(body, "/extras"), "none");
}

// gotify.net/api-docs, POST /message: 200; 400, 401, 403.
TEST(Gotify, N_5_what_each_answer_means) {
  Rig<Gotify> rig;
  rig.judges_by_status();
  EXPECT_EQ(rig.missing(kServer, {}), "The application token is missing");
}

}  // namespace
}  // namespace watchbell::notification::channels
