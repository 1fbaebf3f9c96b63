#include "domains/notification/push_subscriptions.hpp"

#include <boost/json.hpp>

#include "domains/notification/account_messages.hpp"
#include "domains/notification/channels/web_push.hpp"
#include "domains/notification/test/fixture.hpp"
#include "platform/crypto/encoding.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using http::test::Sink;
using http::test::SinkReply;
using http::test::SinkRequest;
using test::Fixture;
using test::user;

AddPushSubscription browser(const std::string& endpoint) {
  return {.endpoint = *Url::make(endpoint),
          .keys = {.p256dh = Text<1, 200>::of("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
                   .auth = Text<1, 100>::of("BTBZMqHH6r4Tts7J_aSIgg")}};
}

/// The user's channel as pages see it.
awaitable<ChannelView> shown(Fixture& f, UserId of) {
  const auto views = co_await f.channel_settings.user_channels(of);
  EXPECT_TRUE(views);
  for (const auto& view : *views)
    if (view.strategy_id == channels::kWebPush) co_return view;
  ADD_FAILURE() << "the channel is off";
  co_return ChannelView();
}

awaitable<std::vector<std::string>> devices(Fixture& f, UserId of) {
  const auto view = co_await shown(f, of);
  std::vector<std::string> ids;
  if (view.user_config)
    for (const auto& each : boost::json::parse(view.user_config->text).at("devices").as_array()) ids.emplace_back(each.at("id").as_string());
  co_return ids;
}

CO_TEST(PushSubscriptions, the_keys_are_made_at_first_use_and_stay) {
  Fixture f(loop);
  const auto one = co_await f.push_subscriptions.key();
  const auto other = co_await f.push_subscriptions.key();
  CO_ASSERT_TRUE(one && other);
  EXPECT_EQ(one->public_key, other->public_key);
  EXPECT_TRUE(crypto::is_p256_public_key(*crypto::base64url_decode(one->public_key)));
  const auto strategies = co_await f.channel_settings.strategies();
  for (const auto& view : *strategies)
    if (view.qualified_id == channels::kWebPush) {
      EXPECT_TRUE(view.enabled) << "it needs nothing of an administrator";
      EXPECT_EQ(view.secrets_set, (std::vector<std::string>{"privateKey"}));
    }
  co_await f.shut();
}

CO_TEST(PushSubscriptions, N_9_what_could_push_to_a_browser_is_sealed_and_never_answered) {
  Fixture f(loop);
  EXPECT_TRUE(co_await f.push_subscriptions.key());
  EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser("https://push.test/S3CRET")));
  const auto stored = co_await f.joined("select data from settings_records");
  for (const char* secret : {"S3CRET", "BCVxsr7N", "BTBZMqHH"}) EXPECT_EQ(stored.find(secret), std::string::npos) << secret;
  const auto view = co_await shown(f, user(1));
  EXPECT_EQ(view.user_config->text, R"({"devices":[{"id":")" + channels::web_push_device_id("https://push.test/S3CRET") + R"("}]})");
  co_await f.shut();
}

CO_TEST(PushSubscriptions, a_browser_is_added_replaced_and_removed) {
  Fixture f(loop);
  EXPECT_FALSE((co_await shown(f, user(1))).is_configured);
  for (const char* endpoint : {"https://push.test/1", "https://push.test/2", "https://push.test/1"}) EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser(endpoint)));
  const auto id = [](int n) { return channels::web_push_device_id("https://push.test/" + std::to_string(n)); };
  EXPECT_EQ(co_await devices(f, user(1)), (std::vector<std::string>{id(2), id(1)}));
  EXPECT_TRUE((co_await shown(f, user(1))).is_configured);
  EXPECT_TRUE((co_await devices(f, user(2))).empty());
  EXPECT_FALSE((co_await f.push_subscriptions.remove(user(2), {.endpoint = *Url::make("https://push.test/1")}))->success) << "another's";
  EXPECT_TRUE((co_await f.push_subscriptions.remove(user(1), {.endpoint = *Url::make("https://push.test/1")}))->success);
  EXPECT_FALSE((co_await f.push_subscriptions.remove(user(1), {.endpoint = *Url::make("https://push.test/1")}))->success);
  EXPECT_TRUE((co_await f.push_subscriptions.remove(user(1), {.endpoint = *Url::make("https://push.test/2")}))->success);
  EXPECT_FALSE((co_await shown(f, user(1))).is_configured);
  co_await f.shut();
}

CO_TEST(PushSubscriptions, N_16_a_user_has_a_bounded_number_and_the_oldest_goes) {
  Fixture f(loop);
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser("https://push.test/" + std::to_string(i))));
  const auto ids = co_await devices(f, user(1));
  EXPECT_EQ(ids.size(), channels::kPushDevices);
  EXPECT_EQ(ids.front(), channels::web_push_device_id("https://push.test/2"));
  EXPECT_EQ(ids.back(), channels::web_push_device_id("https://push.test/11"));
  co_await f.shut();
}

CO_TEST(PushSubscriptions, no_browser_is_told_what_opens_an_account_and_a_new_password_ends_them_all) {
  Fixture f(loop);
  EXPECT_TRUE(tell_of_accounts(*f.bus, f.service, f.channel_settings, f.transactional, f.clock));
  int pushed = 0;
  Sink sink(loop.executor(), [&](const SinkRequest&) {
    ++pushed;
    return SinkReply{"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", SinkReply::Then::close};
  });
  sink.start();
  co_await f.queue->start();
  EXPECT_TRUE(co_await f.push_subscriptions.key());
  EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser(sink.url("/a"))));
  SendTransactional code;
  code.user_id = Text<1, 200>::of(user(1).to_string());
  code.notification.value.title = Text<1, 200>::of("Your code");
  code.notification.value.body.value = Text<0, 10'000>::of("7");
  const auto sent = co_await f.transactional.send(test::application(1), std::move(code));
  CO_ASSERT_TRUE(sent.has_value());
  for (const auto& one : sent->results) EXPECT_NE(one.strategy_id, channels::kWebPush);
  EXPECT_EQ(pushed, 0);
  const auth::PasswordChanged event{.user_id = user(1), .change = Uuid::make_v7(f.clock.now().millis())};
  co_await f.change([event](Change& c) { return c.publishes(events::make(auth::kPasswordChanged, event)); });
  while (co_await f.rows("notifications") == 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_TRUE((co_await devices(f, user(1))).empty());
  EXPECT_FALSE((co_await shown(f, user(1))).is_configured);
  EXPECT_EQ(pushed, 0) << "not even of that";
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(PushSubscriptions, one_that_a_browser_renewed_stays_with_its_owner) {
  Fixture f(loop);
  EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser("https://push.test/old")));
  auto renewed = browser("https://push.test/new");
  renewed.replaces = *Url::make("https://push.test/old");
  // Whoever is signed in there now.
  const auto strange = co_await f.push_subscriptions.add(user(2), renewed);
  CO_ASSERT_TRUE(!strange);
  EXPECT_EQ(strange.error().code, ErrorCode::not_found);
  EXPECT_TRUE((co_await devices(f, user(2))).empty());
  EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), renewed));
  EXPECT_EQ(co_await devices(f, user(1)), std::vector<std::string>{channels::web_push_device_id("https://push.test/new")});
  EXPECT_FALSE(co_await f.push_subscriptions.add(user(1), renewed)) << "the old one is no more";
  co_await f.shut();
}

CO_TEST(PushSubscriptions, who_made_the_keys_is_noted_once) {
  Fixture f(loop);
  int noted = 0;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(co_await f.push_subscriptions.key([&](Change&) { ++noted; }));
  EXPECT_EQ(noted, 1);
  co_await f.shut();
}

CO_TEST(PushSubscriptions, N_5_a_delivery_has_a_place_at_every_host_of_its_users_browsers) {
  Fixture f(loop);
  Sink here(loop.executor(), [](const SinkRequest&) { return SinkReply{"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", SinkReply::Then::close}; });
  Sink there(
      loop.executor(), [](const SinkRequest&) { return SinkReply{"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", SinkReply::Then::close}; }, "127.0.0.2");
  here.start();
  there.start();
  co_await f.queue->start();
  EXPECT_TRUE(co_await f.push_subscriptions.key());
  const std::vector<std::string> urls{here.url("/1"), here.url("/2"), there.url("/3", "127.0.0.2")};
  for (const auto& url : urls) EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser(url)));
  EXPECT_TRUE(f.pauses.arm("delivery.before_send"));
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  co_await f.until([&] { return f.pauses.paused("delivery.before_send"); });
  for (const auto& url : urls) EXPECT_EQ(f.deliveries.room(rules::host_of(url)), 63u) << url;
  f.pauses.release("delivery.before_send");
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  for (const auto& url : urls) EXPECT_EQ(f.deliveries.room(rules::host_of(url)), 64u) << url;
  EXPECT_EQ(here.requests + there.requests, 3u);
  co_await here.close();
  co_await there.close();
  co_await f.shut();
}

CO_TEST(PushSubscriptions, keys_no_browser_has_are_refused) {
  Fixture f(loop);
  auto wrong = browser("https://push.test/1");
  wrong.keys.auth = Text<1, 100>::of("AAAA");
  const auto added = co_await f.push_subscriptions.add(user(1), std::move(wrong));
  CO_ASSERT_TRUE(!added);
  EXPECT_EQ(added.error().code, ErrorCode::bad_request);
  EXPECT_TRUE((co_await devices(f, user(1))).empty());
  co_await f.shut();
}

CO_TEST(PushSubscriptions, N_5_a_delivery_goes_to_each_browser_once_and_ends_with_those_that_are_gone) {
  Fixture f(loop);
  std::map<std::string, std::vector<int>> answers{{"/a", {201}}, {"/b", {503, 201}}, {"/c", {410}}};
  std::map<std::string, std::size_t> asked;
  Sink sink(loop.executor(), [&](const SinkRequest& request) {
    const auto line = request.first_line();
    const auto path = line.substr(5, line.find(' ', 5) - 5);
    const auto& codes = answers.at(path);
    const int code = codes[std::min(asked[path]++, codes.size() - 1)];
    return SinkReply{fmt::format("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", code), SinkReply::Then::close};
  });
  sink.start();
  co_await f.queue->start();
  EXPECT_TRUE(co_await f.push_subscriptions.key());
  for (const char* path : {"/a", "/b", "/c"}) EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser(sink.url(path))));
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  co_await f.until([&] { return f.queue->statistics().retried == 1 && f.queue->statistics().running == 0; });
  EXPECT_EQ(co_await devices(f, user(1)), (std::vector<std::string>{channels::web_push_device_id(sink.url("/a")), channels::web_push_device_id(sink.url("/b"))}));
  co_await f.until_idle();
  f.clock.advance(7s);
  co_await sink.wait_for_requests(4);
  co_await f.until([&] { return f.queue->statistics().running == 0 && f.queue->statistics().done >= 1; });
  EXPECT_EQ(co_await f.one<std::string>("select state from deliveries"), "delivered");
  EXPECT_EQ(asked["/a"], 1u) << "what it has shown it does not show again";
  EXPECT_EQ(asked["/b"], 2u);
  EXPECT_EQ(asked["/c"], 1u);
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(PushSubscriptions, a_test_of_the_channel_forgets_a_browser_that_is_gone) {
  Fixture f(loop);
  Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", SinkReply::Then::close}; });
  sink.start();
  EXPECT_TRUE(co_await f.push_subscriptions.key());
  EXPECT_TRUE(co_await f.push_subscriptions.add(user(1), browser(sink.url("/a"))));
  EXPECT_FALSE((co_await f.deliveries.test(user(1), std::string(channels::kWebPush), false))->success);
  EXPECT_TRUE((co_await devices(f, user(1))).empty());
  co_await sink.close();
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
