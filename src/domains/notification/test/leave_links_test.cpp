#include "domains/notification/leave_links.hpp"

#include "domains/notification/test/fixture.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using test::user;

constexpr std::string_view kSmtp = "notification-smtp.smtp";

struct WithLinks : test::Fixture {
  explicit WithLinks(async::Loop& l) : Fixture(l) {}
  std::string token(int of) const {
    const auto url = links.url(user(of), kSmtp);
    return url.substr(url.find('=') + 1);
  }
  LeaveLinks links{keyring, clock, channel_settings, existing(), "https://w.test"};
};

CO_TEST(LeaveLinks, a_link_says_who_and_what_until_it_is_over) {
  WithLinks f(loop);
  EXPECT_TRUE(f.links.url(user(1), kSmtp).starts_with("https://w.test/notification/leave?token="));
  const auto token = f.token(1);
  EXPECT_EQ(f.links.read(token), (LeaveLinks::Subject{.user = user(1), .strategy_id = std::string(kSmtp)}));
  f.clock.advance(LeaveLinks::kLifetime - 1s, 24h);
  EXPECT_TRUE(f.links.read(token));
  f.clock.advance(1s);
  EXPECT_FALSE(f.links.read(token));
  co_await f.shut();
}

CO_TEST(LeaveLinks, no_other_text_is_a_link) {
  WithLinks f(loop);
  const auto token = f.token(1);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(f.links.read(other)) << other;
    EXPECT_FALSE(f.links.read(token.substr(0, i)));
  }
  const auto other = f.token(2);
  EXPECT_FALSE(f.links.read(user(2).to_string() + token.substr(36)));
  EXPECT_FALSE(f.links.read(token.substr(0, token.rfind('.')) + other.substr(other.rfind('.'))));
  for (const std::string& text : {std::string(), std::string("."), std::string(1000, '.'), std::string(1000, 'a')}) EXPECT_FALSE(f.links.read(text));
  const LeaveLinks strangers(*crypto::Keyring::make(crypto::Keyring::generate()), f.clock, f.channel_settings, f.existing(), "https://w.test");
  EXPECT_FALSE(strangers.read(token));
  co_await f.shut();
}

CO_TEST(LeaveLinks, a_link_switches_one_channel_off_and_makes_nothing_of_who_is_gone) {
  WithLinks f(loop);
  f.gone.insert(user(2));
  EXPECT_EQ(co_await f.links.follow({.user = user(1), .strategy_id = std::string(kSmtp)}), true);
  EXPECT_EQ(co_await f.links.follow({.user = user(2), .strategy_id = std::string(kSmtp)}), false);
  EXPECT_EQ((co_await f.links.follow({.user = user(1), .strategy_id = "no.such"})).error().code, ErrorCode::not_found);
  EXPECT_EQ(co_await f.rows("notification_preferences"), 1) << "his own alone";
  EXPECT_EQ(co_await f.rows("notification_preferences where not enabled"), 1);
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
