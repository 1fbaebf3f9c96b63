#include "domains/notification/gone_channels.hpp"
#include "domains/notification/test/fixture.hpp"

namespace watchbell::notification {
namespace {

using test::user;

/// A user with a webhook whose receiver answers 410, and a topic of ntfy at one that takes everything.
struct WithGone : test::Fixture {
  explicit WithGone(async::Loop& l)
      : Fixture(l), sink(l.executor(), [](const http::test::SinkRequest& request) {
          const bool hook = request.first_line().starts_with("POST /hook");
          return http::test::SinkReply{hook ? "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n" : http::test::ok("{}"), http::test::SinkReply::Then::close};
        }) {
    EXPECT_TRUE(tell_of_gone_channels(*bus, service, registry));
    sink.start();
  }
  awaitable<void> begin() {
    co_await queue->start();
    EXPECT_TRUE(co_await set_webhook(user(1), R"({"url":")" + sink.url("/hook") + "\"}"));
    // One host, but another channel: the topic's.
    UpdateStrategy on{.strategy_id = Text<1, 200>::of("notification-ntfy.ntfy"), .enabled = {true}, .config = {}};
    on.config = Patch<ConfigJson>::set(ConfigJson{.text = R"({"serverUrl":")" + sink.url("") + "\"}"});
    EXPECT_TRUE(co_await channel_settings.update_strategy(std::move(on)));
    SetPreference topic{.strategy_id = Text<1, 200>::of("notification-ntfy.ntfy"), .enabled = {true}, .user_config = {}};
    topic.user_config = Patch<ConfigJson>::set(ConfigJson{.text = R"({"topic":"mine"})"});
    EXPECT_TRUE(co_await channel_settings.set_preference(user(1), std::move(topic)));
  }
  awaitable<bool> webhook_on() {
    auto preference = co_await database->read([](sql::Session& session) { return store::preference(session, user(1), "notification-webhook.webhook"); });
    co_return preference.value()->enabled;
  }
  awaitable<void> all_done() {
    while (co_await rows("jobs") > 0) co_await asio::post(loop.executor(), use_awaitable);
  }
  std::size_t asked(std::string_view path) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(sink.seen, [&](const auto& request) { return request.first_line() == "POST " + std::string(path) + " HTTP/1.1"; }));
  }
  http::test::Sink sink;
};

CO_TEST(GoneChannels, N_5_a_receiver_that_answers_410_gets_nothing_more_and_its_owner_is_told_elsewhere) {
  WithGone f(loop);
  co_await f.begin();
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  co_await f.all_done();
  EXPECT_FALSE(co_await f.webhook_on());
  EXPECT_EQ(f.asked("/hook"), 1u) << "tried once, and not told of itself";
  EXPECT_EQ(f.asked("/"), 2u) << "the message, and that the webhook is off";
  EXPECT_NE((co_await f.page_of(user(1))).find("Webhook was switched off for you"), std::string::npos);
  EXPECT_EQ(co_await f.notify({user(1)}, "Again"), 1);
  co_await f.all_done();
  EXPECT_EQ(f.asked("/hook"), 1u);
  EXPECT_EQ(co_await f.rows("notifications"), 3) << "told once";
  co_await f.sink.close();
  co_await f.shut();
}

CO_TEST(GoneChannels, a_receiver_that_is_gone_gets_nothing_that_passes_switches_either_until_its_owner_wants_it_again) {
  WithGone f(loop);
  co_await f.begin();
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  co_await f.all_done();
  EXPECT_EQ(f.asked("/hook"), 1u);
  const auto code = [&f]() -> awaitable<std::size_t> {
    SendTransactional input;
    input.user_id = Text<1, 200>::of(user(1).to_string());
    input.notification.value.title = Text<1, 200>::of("Your code");
    input.notification.value.body.value = Text<0, 10'000>::of("7");
    EXPECT_TRUE(co_await f.transactional.send(test::application(1), std::move(input)));
    co_return f.asked("/hook");
  };
  EXPECT_EQ(co_await code(), 1u);
  EXPECT_TRUE(co_await f.set_webhook(user(1), {}, true));
  EXPECT_EQ(co_await code(), 2u);
  co_await f.sink.close();
  co_await f.shut();
}

CO_TEST(GoneChannels, settings_changed_since_the_try_stay_on) {
  WithGone f(loop);
  co_await f.begin();
  EXPECT_TRUE(f.pauses.arm("delivery.before_record"));
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  co_await f.until([&] { return f.pauses.paused("delivery.before_record") && f.asked("/hook") == 1; });
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":"http://127.0.0.1:1/"})"));
  f.pauses.release("delivery.before_record");
  while (co_await f.one<std::int64_t>("select count(*) from deliveries where state = 'pending'") > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_TRUE(co_await f.webhook_on());
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  co_await f.sink.close();
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
