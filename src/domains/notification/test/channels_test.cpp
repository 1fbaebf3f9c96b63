// What holds of every channel there is, over real sockets where it sends.
#include <gtest/gtest.h>

#include <set>

#include "domains/notification/channels/registry.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "domains/notification/test/fixture.hpp"
#include "domains/notification/test/samples.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace std::chrono_literals;
using Kind = rules::Verdict::Kind;
using test::at;
using test::samples;

CO_TEST(Channels, each_has_a_name_of_its_own_and_a_sample_here) {
  notification::test::Fixture f(loop);
  std::set<std::string> ids;
  std::size_t set_up_by_users = 0;
  for (const auto& channel : f.registry) {
    const auto& traits = channel->traits();
    EXPECT_TRUE(ids.insert(channel->id()).second) << channel->id();
    EXPECT_EQ(channel->id().substr(0, channel->id().find('.')), traits.owner_plugin);
    EXPECT_FALSE(traits.display_name.empty() || traits.description.empty() || traits.icon.empty()) << channel->id();
    for (const auto* schema : {&channel->admin_config().schema(), &channel->user_config().schema()})
      for (const auto& member : schema->members) EXPECT_FALSE(member.label.empty()) << channel->id() << " " << member.name;
    if (channel->by_account()) continue;  // asks its users nothing, and has tests of its own
    ++set_up_by_users;
    const auto& members = channel->user_config().schema().members;
    EXPECT_TRUE(std::ranges::any_of(members, [&](const auto& member) { return member.name == traits.contact.field; })) << channel->id();
    EXPECT_FALSE(channel->contact("{}")) << channel->id() << ": a user who has set nothing up";
    EXPECT_TRUE(std::ranges::any_of(samples(), [&](const auto& sample) { return sample.id == channel->id(); })) << channel->id();
  }
  EXPECT_EQ(set_up_by_users, samples().size());
  co_await f.shut();
}

CO_TEST(Channels, N_9_secrets_of_every_channel_are_sealed) {
  notification::test::Fixture f(loop);
  const settings::Sealer sealer(f.keyring);
  for (const auto& sample : samples()) {
    const auto* channel = find(f.registry, sample.id);
    std::vector<std::string> sealed;
    for (const auto& [type, given] : {std::pair(&channel->admin_config(), sample.admin), std::pair(&channel->user_config(), sample.user)}) {
      const settings::RecordKey key{"notification", std::string(sample.id)};
      const std::string clear = at(given, "https://r.test");
      const auto stored = sealer.update(*type, key, clear, std::nullopt);
      CO_ASSERT_TRUE(stored);
      EXPECT_EQ(stored->find("S3CRET"), std::string::npos) << *stored;
      const auto shown = sealer.redact(*type, key, *stored);
      EXPECT_EQ(shown.json.find("S3CRET"), std::string::npos) << shown.json;
      sealed.insert(sealed.end(), shown.secrets_set.begin(), shown.secrets_set.end());
    }
    std::ranges::sort(sealed);
    EXPECT_EQ(sealed, sample.secrets) << sample.id;
  }
  co_await f.shut();
}

CO_TEST(Channels, N_14_every_channel_sends_bounded_requests_and_follows_no_redirect) {
  notification::test::Fixture f(loop);
  std::string answer;
  http::test::Sink sink(loop.executor(), [&](const http::test::SinkRequest&) { return http::test::SinkReply{answer, http::test::SinkReply::Then::close}; });
  sink.start();
  std::string server = sink.url("/");
  server.pop_back();
  for (const auto& sample : samples()) {
    const auto* channel = find(f.registry, sample.id);
    EXPECT_EQ(channel->hosts(at(sample.admin, server), at(sample.user, server)), std::vector<std::string>{rules::host_of(server)}) << sample.id;
    EXPECT_TRUE(channel->contact(at(sample.user, server))) << sample.id;
    const auto send = [&] { return channel->send(test::outgoing(), at(sample.admin, server), at(sample.user, server)); };
    const std::size_t before = sink.requests;
    answer = http::test::ok(sample.delivered);
    EXPECT_EQ((co_await send()).kind, Kind::delivered) << sample.id;
    EXPECT_EQ(sink.seen.at(before).first_line(), "POST " + std::string(sample.path) + " HTTP/1.1");
    answer = "HTTP/1.1 302 Found\r\nLocation: " + server + "/elsewhere\r\nContent-Length: 0\r\n\r\n";
    EXPECT_EQ((co_await send()).kind, Kind::refused) << sample.id;
    answer = "HTTP/1.1 500 No\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'x');
    EXPECT_EQ((co_await send()).kind, Kind::retry) << sample.id;
    EXPECT_EQ(sink.requests, before + sample.requests + 2) << sample.id;
    EXPECT_EQ((co_await channel->send(test::outgoing(), at(sample.admin, "http://127.0.0.1:1"), at(sample.user, "http://127.0.0.1:1"))).kind, Kind::retry)
        << sample.id;
  }
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(Channels, N_14_no_channel_reaches_a_guarded_address) {
  notification::test::Fixture f(loop, "");
  for (const auto& sample : samples()) {
    for (const std::string server : {"http://127.0.0.1:9", "http://169.254.169.254", "http://[::1]"}) {
      const auto verdict = co_await find(f.registry, sample.id)->send(test::outgoing(), at(sample.admin, server), at(sample.user, server));
      EXPECT_EQ(verdict.kind, Kind::refused) << sample.id << " " << server << " " << verdict.reason;
    }
  }
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification::channels
