#include "domains/notification/channels/backstage.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace test;

BackstageAdmin backend() { return {.base_url = Url::make("https://backstage.test/"), .token = secret<Text<1, 2000>>("t0ken")}; }
BackstageUser entity(std::string ref) { return {.entity_ref = Text<1, 300>::of(std::move(ref))}; }

// backstage.io/docs/notifications/usage: POST /api/notifications/notifications with recipients and payload.
TEST(Backstage, N_13_a_payload_of_plain_text) {
  Rig<Backstage> rig;
  const auto request = rig.request(outgoing(), backend(), entity("group:default/ops"));
  EXPECT_EQ(request.url, "https://backstage.test/api/notifications/notifications");
  EXPECT_EQ(header(request, "Authorization"), "Bearer t0ken");
  EXPECT_EQ(request.body,
            R"({"recipients":{"type":"entity","entityRef":"group:default/ops"},"payload":{"title":"Disk \"full\" <!channel> & *50 %*","severity":"critical",)"
            R"("topic":"notification","description":"/var is full, see the page (https://a.test/) @everyone","link":"https://w.test/x?a=1&b=2"}})");
  EXPECT_EQ(text(rig.body(outgoing(Importance::warning), backend(), entity("x")), "/payload/severity"), "high");
  EXPECT_EQ(text(rig.body(outgoing(Importance::info), backend(), entity("x")), "/payload/severity"), "normal");
}

TEST(Backstage, its_topic_says_what_is_sent_to_one_alone) {
  Rig<Backstage> rig;
  auto message = outgoing();
  message.type = MessageType::transactional;
  EXPECT_EQ(text(rig.body(message, backend(), entity("x")), "/payload/topic"), "transactional");
}

TEST(Backstage, an_entity_without_a_kind_gets_the_prefix) {
  Rig<Backstage> rig;
  EXPECT_EQ(text(rig.body(outgoing(), backend(), entity("jane")), "/recipients/entityRef"), "user:default/jane");
  auto other = backend();
  other.default_entity_prefix = Text<0, 200>::of("user:staff/");
  EXPECT_EQ(text(rig.body(outgoing(), other, entity("jane")), "/recipients/entityRef"), "user:staff/jane");
}

TEST(Backstage, N_5_what_each_answer_means) {
  Rig<Backstage> rig;
  rig.judges_by_status();
  EXPECT_EQ(rig.missing({}, entity("x")), "The address of Backstage is missing");
  auto open = backend();
  open.token.reset();
  EXPECT_EQ(rig.missing(open, entity("x")), "The token is missing");
  EXPECT_EQ(rig.missing(backend(), {}), "The entity is missing");
}

}  // namespace
}  // namespace watchbell::notification::channels
