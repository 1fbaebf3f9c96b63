#include "domains/notification/test/fixture.hpp"
#include "platform/log/log.hpp"

namespace watchbell::notification {
namespace {

using test::Fixture;
using test::user;

UpdateStrategy strategy(bool enabled, std::string config = {}) {
  UpdateStrategy input{.strategy_id = Text<1, 200>::of("notification-webhook.webhook"), .enabled = {enabled}, .config = {}};
  if (config == "null") input.config = Patch<ConfigJson>::cleared();
  else if (!config.empty()) input.config = Patch<ConfigJson>::set(ConfigJson{.text = std::move(config)});
  return input;
}

/// A refusal as clients see it.
std::string refusal(const Result<void>& result) {
  if (result) return "accepted";
  return std::string(wire_code(result.error().code)) + (result.error().data == nullptr ? "" : " " + result.error().data->json);
}

CO_TEST(ChannelSettings, administrators_see_every_channel_and_how_to_set_it_up) {
  Fixture f(loop);
  const auto views = (co_await f.channel_settings.strategies()).value();
  CO_ASSERT_EQ(views.size(), f.registry.size());
  const std::string shown = rpc::to_json(views[0]);
  EXPECT_EQ(shown.find(R"({"qualifiedId":"notification-webhook.webhook","displayName":"Webhook",)"), 0u) << shown;
  for (const char* part : {R"("ownerPluginId":"notification-webhook")", R"("contactResolution":{"type":"user-config","field":"url"})", R"("requiresUserConfig":true)",
                           R"("requiresOAuthLink":false)", R"("configSchema":{)", R"("timeoutSeconds":{"type":"integer","minimum":1,"maximum":60)", R"("userConfigSchema":{)", R"("enabled":true)"})
    EXPECT_NE(shown.find(part), std::string::npos) << part << " in " << shown;
  EXPECT_EQ(shown.find(R"("config":)"), std::string::npos);
  co_await f.shut();
}

CO_TEST(ChannelSettings, N_9_administrators_settings_are_judged_and_written_together) {
  Fixture f(loop);
  EXPECT_TRUE(co_await f.channel_settings.update_strategy(strategy(false, R"({"timeoutSeconds":5})")));
  // A bad value changes nothing, the switch included.
  EXPECT_EQ(refusal(co_await f.channel_settings.update_strategy(strategy(true, R"({"timeoutSeconds":61})"))),
            R"(BAD_REQUEST {"issues":[{"origin":"number","code":"too_big","maximum":60,"inclusive":true,"path":["config","timeoutSeconds"],"message":"Too big: expected number to be <=60"}]})");
  auto view = (co_await f.channel_settings.strategies()).value()[0];
  EXPECT_FALSE(view.enabled);
  EXPECT_EQ(view.config->text, R"({"timeoutSeconds":5})");
  EXPECT_TRUE(co_await f.channel_settings.update_strategy(strategy(true)));
  view = (co_await f.channel_settings.strategies()).value()[0];
  EXPECT_TRUE(view.enabled);
  EXPECT_EQ(view.config->text, R"({"timeoutSeconds":5})");
  EXPECT_TRUE(co_await f.channel_settings.update_strategy(strategy(true, "null")));
  EXPECT_FALSE((co_await f.channel_settings.strategies()).value()[0].config);
  auto unknown = strategy(true);
  unknown.strategy_id = Text<1, 200>::of("no.such");
  EXPECT_EQ(refusal(co_await f.channel_settings.update_strategy(unknown)), "NOT_FOUND");
  co_await f.shut();
}

CO_TEST(ChannelSettings, N_9_a_secret_that_is_kept_goes_nowhere_else_than_it_was_given_for) {
  Fixture f(loop);
  const auto put = [&f](std::string_view id, std::string config) -> awaitable<std::string> {
    auto input = strategy(true, std::move(config));
    input.strategy_id = Text<1, 200>::of(std::string(id));
    co_return refusal(co_await f.channel_settings.update_strategy(std::move(input)));
  };
  constexpr std::string_view kMail = "notification-smtp.smtp", kTelegram = "notification-telegram.telegram";
  EXPECT_EQ(co_await put(kMail, R"({"host":"mail.test","username":"ann","password":"s3cret","fromAddress":"bell@mail.test"})"), "accepted");
  EXPECT_EQ(co_await put(kMail, R"({"fromName":"Bell"})"), "accepted") << "what sends nothing elsewhere keeps them";
  EXPECT_EQ(co_await put(kMail, R"({"host":"mail.test","port":587})"), "accepted") << "nor does saying the same again";
  for (const char* moved : {R"({"host":"evil.test"})", R"({"port":2525})", R"({"tls":"none"})", R"({"verifyCertificate":false})", R"({"host":"evil.test","password":"x"})",
                            R"({"host":"evil.test","username":"","password":""})"})
    EXPECT_EQ(co_await put(kMail, moved), "BAD_REQUEST") << moved;
  EXPECT_EQ(co_await put(kMail, R"({"host":"other.test","username":"bob","password":"another"})"), "accepted");
  EXPECT_EQ(co_await put(kMail, R"({"host":"open.test","username":null,"password":null})"), "accepted");
  EXPECT_EQ(co_await put(kMail, R"({"host":"open2.test"})"), "accepted") << "there is none that could be seen";
  EXPECT_EQ(co_await put(kTelegram, R"({"botToken":"1:abcdefghijklmnopqrstuvwxyz"})"), "accepted");
  EXPECT_EQ(co_await put(kTelegram, R"({"apiBaseUrl":"https://evil.test"})"), "BAD_REQUEST");
  co_await f.shut();
}

CO_TEST(ChannelSettings, N_9_absent_keeps_and_null_clears) {
  Fixture f(loop);
  const auto view = [&]() -> awaitable<std::string> {
    const auto views = (co_await f.channel_settings.user_channels(user(1))).value();
    co_return (views[0].enabled ? "on " : "off ") + std::string(views[0].is_configured ? "set " : "unset ") + (views[0].user_config ? views[0].user_config->text : "none") +
        (views[0].secrets_set && !views[0].secrets_set->empty() ? " " + views[0].secrets_set->front() : "");
  };
  EXPECT_EQ(co_await view(), "on unset none");
  // The switch alone sets nothing up.
  EXPECT_TRUE(co_await f.set_webhook(user(1), "", false));
  EXPECT_EQ(co_await view(), "off unset none");
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":"https://a.test/","signingSecret":"s3cret"})"));
  EXPECT_EQ(co_await view(), R"(on set {"url":"https://a.test/"} signingSecret)");
  EXPECT_TRUE(co_await f.set_webhook(user(1), "", false));
  EXPECT_EQ(co_await view(), R"(off set {"url":"https://a.test/"} signingSecret)");
  // A new URL keeps the secret; null forgets it.
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":"https://b.test/"})"));
  EXPECT_EQ(co_await view(), R"(on set {"url":"https://b.test/"} signingSecret)");
  const auto secret = co_await f.database->read([&f](sql::Session& session) { return f.channel_settings.user_config(session, *f.registry[0], user(1)).value(); });
  EXPECT_NE(secret->find("s3cret"), std::string::npos);
  EXPECT_EQ((co_await f.one<std::string>("select data from settings_records where record like 'user-pref.%'")).find("s3cret"), std::string::npos);
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"signingSecret":null})"));
  EXPECT_EQ(co_await view(), R"(on set {"url":"https://b.test/"})");
  EXPECT_TRUE(co_await f.set_webhook(user(1), "null"));
  EXPECT_EQ(co_await view(), "on unset none");
  co_await f.shut();
}

CO_TEST(ChannelSettings, N_9_a_users_settings_are_judged_when_they_are_written) {
  Fixture f(loop);
  EXPECT_EQ(refusal(co_await f.set_webhook(user(1), R"({"url":"nonsense"})", false)),
            R"(BAD_REQUEST {"issues":[{"origin":"string","code":"invalid_format","format":"url","path":["userConfig","url"],"message":"Invalid URL"}]})");
  EXPECT_EQ(refusal(co_await f.set_webhook(user(1), "{}")).substr(0, 11), "BAD_REQUEST");
  EXPECT_EQ(refusal(co_await f.set_webhook(user(1), R"({"url":null})")).substr(0, 11), "BAD_REQUEST");
  EXPECT_EQ(co_await f.rows("notification_preferences"), 0);
  EXPECT_EQ(co_await f.rows("settings_records"), 0);
  const auto unknown = co_await f.channel_settings.set_preference(user(1), {.strategy_id = Text<1, 200>::of("no.such"), .enabled = {true}, .user_config = {}});
  EXPECT_EQ(refusal(unknown), "NOT_FOUND");
  co_await f.shut();
}

CO_TEST(ChannelSettings, users_see_the_channels_that_are_on) {
  Fixture f(loop);
  // Those that need nothing of an administrator: webhook and browser push.
  EXPECT_EQ((co_await f.channel_settings.user_channels(user(1)))->size(), 2u);
  EXPECT_TRUE(co_await f.channel_settings.update_strategy(strategy(false)));
  EXPECT_EQ((co_await f.channel_settings.user_channels(user(1)))->size(), 1u);
  // Setting one up that is off is allowed: it is kept for when it is on.
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":"https://a.test/"})"));
  EXPECT_TRUE(co_await f.channel_settings.update_strategy(strategy(true)));
  EXPECT_TRUE((co_await f.channel_settings.user_channels(user(1))).value()[0].is_configured);
  co_await f.shut();
}

CO_TEST(ChannelSettings, N_8_settings_nobody_can_read_stop_no_send) {
  Fixture f(loop);
  co_await f.queue->start();
  const log::Capture capture;
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":"https://a.test/"})"));
  EXPECT_TRUE(co_await f.channel_settings.update_strategy(strategy(true, R"({"timeoutSeconds":5})")));
  co_await f.database->write([](sql::Session& session) { session.execute("update settings_records set data = 'damaged' where record like '%.config'"); });
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  EXPECT_EQ(co_await f.rows("deliveries"), 0);
  EXPECT_TRUE(capture.contains("settings of a channel cannot be read"));
  EXPECT_FALSE((co_await f.channel_settings.strategies()).value()[0].config);
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
