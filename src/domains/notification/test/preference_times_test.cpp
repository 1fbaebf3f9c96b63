#include <boost/json.hpp>

#include "domains/notification/test/fixture.hpp"

namespace watchbell::notification {
namespace {

using test::Fixture;
using test::user;

struct WithWishes : Fixture {
  using Fixture::Fixture;
  /// What a client sends besides strategy and switch; "accepted", or what is wrong with which member.
  awaitable<std::string> set(std::string members, int of = 1) {
    const auto input = rpc::from_json<SetPreference>(R"({"strategyId":"notification-webhook.webhook","enabled":true)" + members + "}");
    if (!input) co_return "malformed";
    const auto done = co_await channel_settings.set_preference(user(of), *input);
    co_return done ? "accepted" : std::string(wire_code(done.error().code)) + " " + done.error().field;
  }
  /// What the page of his channels shows: "minutes from-to zone".
  awaitable<std::string> shown(int of = 1) {
    const auto views = (co_await channel_settings.user_channels(user(of))).value();
    const auto json = boost::json::parse(rpc::to_json(views.at(0))).as_object();
    std::string text = boost::json::serialize(json.at("digestMinutes"));
    if (const auto* quiet = json.if_contains("quietHours"))
      for (const char* member : {"from", "to", "timeZone"}) text += " " + std::string(quiet->at(member).as_string());
    co_return text;
  }
};

CO_TEST(PreferenceTimes, N_9_absent_keeps_and_null_clears) {
  WithWishes f(loop);
  EXPECT_EQ(co_await f.shown(), "0") << "each message by itself, at any hour";
  EXPECT_EQ(co_await f.set(R"(,"digestMinutes":30,"quietHours":{"from":"22:00","to":"07:00","timeZone":"Europe/Berlin"})"), "accepted");
  EXPECT_EQ(co_await f.shown(), "30 22:00 07:00 Europe/Berlin");
  EXPECT_EQ(co_await f.set(""), "accepted");
  EXPECT_EQ(co_await f.set(R"(,"userConfig":{"url":"https://a.test/"})"), "accepted");
  EXPECT_EQ(co_await f.shown(), "30 22:00 07:00 Europe/Berlin");
  EXPECT_EQ(co_await f.set(R"(,"digestMinutes":null)"), "accepted");
  EXPECT_EQ(co_await f.shown(), "0 22:00 07:00 Europe/Berlin");
  EXPECT_EQ(co_await f.set(R"(,"quietHours":null,"digestMinutes":1440)"), "accepted");
  EXPECT_EQ(co_await f.shown(), "1440");
  EXPECT_EQ(co_await f.shown(2), "0") << "another user's are his own";
  co_await f.shut();
}

CO_TEST(PreferenceTimes, N_16_what_is_out_of_bounds_changes_nothing) {
  WithWishes f(loop);
  EXPECT_EQ(co_await f.set(R"(,"digestMinutes":5,"quietHours":{"from":"12:00","to":"13:00","timeZone":"UTC"})"), "accepted");
  for (const std::string bad : {"1", "4"}) EXPECT_EQ(co_await f.set(",\"digestMinutes\":" + bad), "BAD_REQUEST digestMinutes") << bad;
  for (const std::string bad : {"-1", "1441", "5.5", "\"5\"", "{}"}) EXPECT_EQ(co_await f.set(",\"digestMinutes\":" + bad), "malformed") << bad;
  for (const std::string bad : {R"({"from":"12:00","to":"13:00"})", R"({"from":"9:00","to":"13:00","timeZone":"UTC"})", "[]", "true"})
    EXPECT_EQ(co_await f.set(",\"quietHours\":" + bad), "malformed") << bad;
  const auto hours = [&f](std::string from, std::string to, std::string zone) {
    return f.set(R"(,"digestMinutes":60,"quietHours":{"from":")" + from + R"(","to":")" + to + R"(","timeZone":")" + zone + "\"}");
  };
  EXPECT_EQ(co_await hours("25:00", "13:00", "UTC"), "BAD_REQUEST quietHours.from");
  EXPECT_EQ(co_await hours("12:00", "12:60", "UTC"), "BAD_REQUEST quietHours.to");
  EXPECT_EQ(co_await hours("12:00", "12:00", "UTC"), "BAD_REQUEST quietHours.to");
  EXPECT_EQ(co_await hours("12:00", "13:00", "Mars/Olympus"), "BAD_REQUEST quietHours.timeZone");
  EXPECT_EQ(co_await f.shown(), "5 12:00 13:00 UTC");
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
