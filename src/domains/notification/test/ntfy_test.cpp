#include "domains/notification/channels/ntfy.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

NtfyUser topic() { return {.topic = Text<1, 64>::of("wb-7f3a")}; }

// docs.ntfy.sh/publish/#publish-as-json
TEST(Ntfy, N_13_plain_text_with_a_priority) {
  Rig<Ntfy> rig;
  const auto request = rig.request(outgoing(), {}, topic());
  EXPECT_EQ(request.url, "https://ntfy.sh/");
  EXPECT_EQ(header(request, "Authorization"), "none");
  EXPECT_EQ(request.body,
            R"({"topic":"wb-7f3a","title":"Disk \"full\" <!channel> & *50 %*","message":"/var is full, see the page (https://a.test/) @everyone","priority":5,)"
            R"("tags":["rotating_light"],"click":"https://w.test/x?a=1&b=2","actions":[{"action":"view","label":"Open","url":"https://w.test/x?a=1&b=2"}]})");
  EXPECT_EQ(text(rig.body(outgoing(Importance::warning), {}, topic()), "/priority"), "4");
  EXPECT_EQ(text(rig.body(outgoing(Importance::info), {}, topic()), "/priority"), "3");
}

TEST(Ntfy, a_server_of_ones_own_may_ask_for_a_token) {
  Rig<Ntfy> rig;
  const NtfyAdmin own{.server_url = *Url::make("http://push.test:8080"), .token = secret<Text<1, 200>>("tk_x")};
  const auto request = rig.request(outgoing(), own, topic());
  EXPECT_EQ(request.url, "http://push.test:8080/");
  EXPECT_EQ(header(request, "Authorization"), "Bearer tk_x");
}

// docs.ntfy.sh/publish/#limitations: 4,096 bytes.
TEST(Ntfy, N_13_texts_stay_within_ntfys_limit) {
  Rig<Ntfy> rig;
  auto wide = outgoing();
  wide.message.body.clear();
  for (int i = 0; i < 5000; ++i) wide.message.body += "😀";
  const auto sent = text(rig.body(wide, {}, topic()), "/message");
  EXPECT_LE(sent.size(), 4096u);
  EXPECT_GT(sent.size(), 4000u);
  EXPECT_TRUE(is_utf8(sent));
}

// docs.ntfy.sh/publish: 200; 400 a wrong topic, 401 and 403 no right to it, 413 too large; 429 too many; 507 no room.
TEST(Ntfy, N_5_what_each_answer_means) {
  Rig<Ntfy> rig;
  rig.judges_by_status();
  EXPECT_EQ(rig.verdict(507).kind, Kind::retry);
}

}  // namespace
}  // namespace watchbell::notification::channels
