#include "domains/notification/delivery_rates.hpp"

#include <gtest/gtest.h>

#include <deque>

#include <boost/json.hpp>

#include "domains/notification/test/samples.hpp"
#include "domains/notification/test/with_sink.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using http::test::SinkRequest;
using limits::Rate;
using test::head;
using test::status;
using test::user;
using test::WithSink;
using Bucket = DeliveryRates::Bucket;

/// Deliveries, a queue that keeps those that are held, and a clock moved by hand.
struct Rig {
  struct Parcel {
    int id = 0;
    int priority = 0;
    std::vector<Bucket> buckets;
    std::string held_for{};
    bool away = false;  ///< there is no way out for it any more
    int visits = 0;
  };
  struct Sent {
    int id;
    std::chrono::milliseconds at;
  };
  explicit Rig(async::Loop& loop) : wheel(loop.executor(), clock, async::TimerWheel::Drive::manual), rates(wheel, {}) {
    clock.attach(wheel);
    rates.on_call([this](std::string_view line) { return call(std::string(line)); });
  }
  bool call(const std::string& line) {
    auto& waiting = held[line];
    if (waiting.empty()) return false;
    const auto first = std::ranges::min_element(waiting, {}, [](const Parcel& parcel) { return std::pair(-parcel.priority, parcel.id); });
    ready.push_back(std::move(*first));
    waiting.erase(first);
    return true;
  }
  void run() {
    while (!ready.empty()) {
      auto parcel = std::move(ready.front());
      ready.pop_front();
      ++parcel.visits;
      most_visits = std::max(most_visits, parcel.visits);
      auto visit = rates.visit(parcel.held_for);
      if (parcel.away) continue;
      if (const auto taken = visit.take(parcel.buckets)) {
        sent.push_back({parcel.id, std::chrono::duration_cast<std::chrono::milliseconds>(clock.monotonic() - began)});
        continue;
      } else {
        parcel.held_for = taken.error().line;
      }
      const std::string line = parcel.held_for;
      held[line].push_back(std::move(parcel));
      if (rates.room(line) > 0) call(line);
    }
  }
  void put(int id, std::vector<Bucket> buckets, int priority = 0) { ready.push_back({.id = id, .priority = priority, .buckets = std::move(buckets)}); }
  void pass(std::chrono::milliseconds time) {
    for (auto left = time; left > 0ms; left -= 10ms) {
      clock.advance(10ms);
      run();
    }
  }
  std::string ids() const {
    std::string text;
    for (const auto& one : sent) text += std::to_string(one.id) + " ";
    return text;
  }
  async::ManualClock clock;
  Monotonic began = clock.monotonic();
  async::TimerWheel wheel;
  DeliveryRates rates;
  std::deque<Parcel> ready;
  std::map<std::string, std::vector<Parcel>> held;
  std::vector<Sent> sent;
  int most_visits = 0;
};

constexpr Bucket kChat{.key = {1, 1}, .rate = Rate::per_second(1, 1)};
constexpr Bucket kBot{.key = {2, 2}, .rate = Rate::per_second(10, 2)};
Bucket chat(std::uint64_t n) { return {.key = {1, 100 + n}, .rate = kChat.rate}; }

CO_TEST(DeliveryRates, N_5_those_over_a_rate_go_out_one_by_one_in_their_order) {
  Rig r(loop);
  for (int i = 1; i <= 5; ++i) r.put(i, {kChat});
  r.run();
  EXPECT_EQ(r.ids(), "1 ");
  r.pass(980ms);
  EXPECT_EQ(r.ids(), "1 ");
  r.pass(40ms);
  EXPECT_EQ(r.ids(), "1 2 ");
  r.pass(2s + 40ms);
  EXPECT_EQ(r.ids(), "1 2 3 4 ");
  r.pass(1s + 20ms);
  EXPECT_EQ(r.ids(), "1 2 3 4 5 ");
  EXPECT_EQ(r.rates.lines(), 0u) << "nothing is kept of a rate that nobody waits for";
  EXPECT_EQ(r.most_visits, 2) << "each comes once more, when it is called";
  r.put(6, {kChat});
  r.run();
  EXPECT_EQ(r.ids(), "1 2 3 4 5 ") << "the token of this second is gone";
  co_return;
}

CO_TEST(DeliveryRates, N_5_the_urgent_go_first_and_nobody_overtakes_who_waits) {
  Rig r(loop);
  for (int i = 1; i <= 4; ++i) r.put(i, {kChat});
  r.run();
  r.put(7, {kChat}, 5);
  r.put(8, {kChat}, 10);
  r.put(9, {kChat});
  r.run();
  EXPECT_EQ(r.ids(), "1 ");
  r.pass(6s + 200ms);
  EXPECT_EQ(r.ids(), "1 8 7 2 3 4 9 ");
  co_return;
}

CO_TEST(DeliveryRates, N_5_ten_thousand_that_wait_are_one_line_and_come_as_there_are_tokens) {
  Rig r(loop);
  for (int i = 0; i < 10'000; ++i) r.put(i, {kBot});
  r.run();
  EXPECT_EQ(r.sent.size(), 2u);
  EXPECT_EQ(r.rates.lines(), 1u);
  r.pass(60s);
  EXPECT_NEAR(static_cast<double>(r.sent.size()), 602.0, 1.0);
  EXPECT_EQ(r.most_visits, 2);
  EXPECT_TRUE(std::ranges::is_sorted(r.sent, {}, &Rig::Sent::id));
  co_return;
}

CO_TEST(DeliveryRates, ten_thousand_rates_are_waited_for_and_no_more) {
  Rig r(loop);
  constexpr std::uint64_t kMany = DeliveryRates::kMostLines + 1000;
  for (int round = 0; round < 2; ++round)
    for (std::uint64_t n = 0; n < kMany; ++n) r.put(round, {chat(n)});
  r.run();
  EXPECT_EQ(r.rates.lines(), DeliveryRates::kMostLines);
  // Those beyond come again by themselves, each at a time of its own.
  auto visit = r.rates.visit({});
  const auto taken = visit.take(r.held.at("").front().buckets);
  CO_ASSERT_TRUE(!taken);
  EXPECT_EQ(taken.error().line, "");
  EXPECT_EQ(taken.error().time, 1s);
  r.pass(1s + 40ms);
  EXPECT_EQ(r.rates.lines(), 0u);
}

CO_TEST(DeliveryRates, a_token_is_taken_of_every_bucket_or_of_none) {
  Rig r(loop);
  r.put(1, {kChat, kBot});
  r.put(2, {kChat, kBot});  // waits for its chat, and keeps the bot's token from nobody
  r.put(3, {chat(3), kBot});
  r.run();
  EXPECT_EQ(r.ids(), "1 3 ");
  r.put(4, {chat(4), kBot});
  r.run();
  EXPECT_EQ(r.ids(), "1 3 ");
  r.pass(120ms);
  EXPECT_EQ(r.ids(), "1 3 4 ");
  r.pass(1s);
  EXPECT_EQ(r.ids(), "1 3 4 2 ");
  co_return;
}

CO_TEST(DeliveryRates, N_5_who_waits_for_two_rates_keeps_both_and_comes_through) {
  Rig r(loop);
  // Forty to each of twenty chats: a chat takes its forty in forty seconds, and the bot all of them in eighty.
  for (int i = 0; i < 800; ++i) r.put(i, {chat(static_cast<std::uint64_t>(i % 20)), kBot});
  r.run();
  r.pass(20s);
  r.put(1000, {chat(7), kBot}, 10);
  r.put(1001, {chat(99), kBot}, 10);
  r.run();
  r.pass(1500ms);
  for (const int urgent : {1000, 1001}) EXPECT_EQ(std::ranges::count(r.sent, urgent, &Rig::Sent::id), 1) << urgent;
  r.pass(70s);
  EXPECT_EQ(r.sent.size(), 802u) << "at the rate of the bot, the whole time";
  std::map<int, std::chrono::milliseconds> last;
  for (std::size_t i = 0; i < r.sent.size(); ++i) {
    if (i >= 12) EXPECT_GE(r.sent[i].at - r.sent[i - 12].at, 1s) << "twelve in a second: two at once and ten";
    const int of = r.sent[i].id == 1000 ? 7 : r.sent[i].id == 1001 ? 99 : r.sent[i].id % 20;
    if (const auto before = last.find(of); before != last.end()) EXPECT_GE(r.sent[i].at - before->second, 1s) << "chat " << of;
    last[of] = r.sent[i].at;
  }
  EXPECT_LE(r.most_visits, 10) << "none is sent to and fro";
  EXPECT_EQ(r.rates.lines(), 0u);
  co_return;
}

CO_TEST(DeliveryRates, who_was_called_and_goes_away_leaves_the_token_to_the_next) {
  Rig r(loop);
  for (int i = 1; i <= 3; ++i) r.put(i, {kChat});
  r.run();
  for (auto& [line, waiting] : r.held)
    for (auto& parcel : waiting) parcel.away = parcel.id == 2;
  r.pass(1s + 20ms);
  EXPECT_EQ(r.ids(), "1 ");
  r.pass(1s + 20ms);
  EXPECT_EQ(r.ids(), "1 3 ");
  EXPECT_EQ(r.rates.lines(), 0u);
  co_return;
}

CO_TEST(DeliveryRates, who_was_called_before_he_was_held_is_not_forgotten) {
  Rig r(loop);
  const std::vector<Bucket> buckets{kChat};
  EXPECT_TRUE(r.rates.visit({}).take(buckets));
  const auto refused = r.rates.visit({}).take(buckets);
  CO_ASSERT_TRUE(!refused);
  // His turn comes while that he is held is still being written.
  r.pass(1s + 20ms);
  EXPECT_EQ(r.rates.room(refused.error().line), 1u);
  EXPECT_EQ(r.rates.room(refused.error().line), 0u);
  EXPECT_TRUE(r.rates.visit(refused.error().line).take(buckets));
}

CO_TEST(DeliveryRates, who_does_not_come_is_not_waited_for) {
  Rig r(loop);
  for (int i = 1; i <= 3; ++i) r.put(i, {kChat});
  r.run();
  r.rates.on_call([](std::string_view) { return true; });
  r.clock.advance(1s + 20ms);
  r.rates.on_call([&r](std::string_view line) { return r.call(std::string(line)); });
  r.pass(DeliveryRates::kComesWithin - 1s);
  EXPECT_EQ(r.ids(), "1 ") << "one is on his way";
  r.pass(3s);
  EXPECT_EQ(r.ids(), "1 2 3 ");
  co_return;
}

constexpr std::string_view kSlack = "notification-slack.slack";

/// The domain with Slack switched on, and users whose webhooks are at the receiver.
struct WithSlack : WithSink {
  explicit WithSlack(async::Loop& l, test::Places places = {}) : WithSink(l, {status(200)}, "127.0.0.0/8", places) {}
  awaitable<void> begin_slack(int users = 1) {
    co_await queue->start();
    EXPECT_TRUE(co_await channel_settings.update_strategy({.strategy_id = Text<1, 200>::of(std::string(kSlack)), .enabled = {true}, .config = {}}));
    for (int i = 1; i <= users; ++i)
      EXPECT_TRUE(co_await set_channel(std::string(kSlack), user(i), R"({"webhookUrl":")" + sink.url("/S3CRET" + std::to_string(i)) + "\"}"));
  }
  awaitable<void> send(std::string title, Importance importance = Importance::info, int to = 1) {
    clock.advance(1ms);
    NotifyUsers input{.user_ids = {},
                      .title = Text<1, 200>::of(std::move(title)),
                      .body = {Text<0, 10'000>::of("")},
                      .importance = importance,
                      .action = {},
                      .idempotency_key = {}};
    input.user_ids.push_back(Text<1, 200>::of(user(to).to_string()));
    EXPECT_TRUE(co_await service.notify_users(test::application(1), std::move(input)));
  }
  /// Until everything that can run now has.
  awaitable<void> rest() {
    for (int i = 0; i < 20; ++i) {
      co_await until([&] { return queue->statistics().running == 0; });
      co_await until_idle();
    }
  }
  std::string said() const {
    std::string titles;
    for (const auto& request : sink.seen) {
      const std::string text(boost::json::parse(request.body).at("text").as_string());
      titles += text.substr(text.rfind(' ') + 1);
    }
    return titles;
  }
};

CO_TEST(DeliveryRates, N_5_a_provider_gets_no_more_than_it_takes_and_waiting_costs_no_try) {
  WithSlack f(loop);
  co_await f.begin_slack();
  for (const char* title : {"A", "B", "C", "D", "E"}) co_await f.send(title);
  co_await f.rest();
  EXPECT_EQ(f.said(), "ABC");
  EXPECT_EQ(co_await f.rows("jobs where state = 'held' and attempts = 0"), 2);
  EXPECT_EQ(co_await f.rows("deliveries where state = 'pending' and attempts = 0"), 2);
  f.clock.advance(1s + 20ms);
  co_await f.rest();
  EXPECT_EQ(f.said(), "ABCD");
  f.clock.advance(1s + 20ms);
  co_await f.rest();
  EXPECT_EQ(f.said(), "ABCDE");
  EXPECT_EQ(co_await f.rows("deliveries where state = 'delivered' and attempts = 1"), 5);
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 5);
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  co_await f.end();
}

CO_TEST(DeliveryRates, N_5_what_waits_for_its_rate_keeps_no_place_from_others) {
  WithSlack f(loop, {.at_once = 2, .per_host = 64});
  co_await f.begin_slack(2);
  for (int i = 0; i < 12; ++i) co_await f.send("A");
  co_await f.send("B", Importance::info, 2);
  co_await f.rest();
  EXPECT_EQ(f.said(), "AAAB");
  co_await f.end();
}

CO_TEST(DeliveryRates, N_5_what_is_critical_and_what_somebody_waits_for_go_before_the_rest) {
  WithSlack f(loop);
  co_await f.begin_slack();
  for (const char* title : {"A", "B", "C", "D", "E"}) co_await f.send(title);
  co_await f.rest();
  co_await f.send("X", Importance::critical);
  SendTransactional code;
  code.user_id = Text<1, 200>::of(user(1).to_string());
  code.notification.value.title = Text<1, 200>::of("T");
  std::string answer;
  f.scope.spawn("code", [](WithSlack& with, SendTransactional input, std::string& heard) -> awaitable<void> {
    const auto sent = co_await with.transactional.send(test::application(1), std::move(input));
    heard = std::to_string(sent->delivered_count);
  }(f, code, answer));
  co_await f.rest();
  EXPECT_EQ(f.said(), "ABC") << "no urgency makes the provider take more";
  for (int i = 0; i < 4; ++i) {
    f.clock.advance(1s + 20ms);
    co_await f.rest();
  }
  EXPECT_EQ(f.said(), "ABCTXDE");
  co_await f.until([&] { return !answer.empty(); });
  EXPECT_EQ(answer, "1");
  co_await f.end();
}

CO_TEST(DeliveryRates, N_9_nothing_of_a_secret_is_in_what_a_job_waits_for) {
  WithSlack f(loop);
  co_await f.begin_slack();
  for (int i = 0; i < 4; ++i) co_await f.send("A");
  co_await f.rest();
  const auto held_for = co_await f.one<std::string>("select held_for from jobs where state = 'held'");
  EXPECT_TRUE(DeliveryRates::is_line(held_for)) << held_for;
  EXPECT_EQ(held_for.size(), 37u);
  EXPECT_EQ(held_for.find("S3CRET"), std::string::npos);
  // Nor what anybody could try secrets against: another process calls it otherwise.
  const DeliveryRates one(f.wheel, {}), another(f.wheel, {});
  const auto key = [&](const DeliveryRates& rates) {
    return rates.buckets(*channels::find(f.registry, kSlack), "{}", R"({"webhookUrl":"https://hooks.slack.com/S3CRET"})", {}).front().key.high;
  };
  EXPECT_EQ(key(one), key(one));
  EXPECT_NE(key(one), key(another));
  EXPECT_EQ(co_await f.rows("jobs where payload like '%S3CRET%' or last_error like '%S3CRET%'"), 0);
  co_await f.end();
}

CO_TEST(DeliveryRates, N_5_what_waits_for_its_rate_survives_a_kill_and_keeps_its_key) {
  WithSlack f(loop);
  co_await f.begin_slack();
  for (const char* title : {"A", "B", "C", "D", "E"}) co_await f.send(title);
  co_await f.rest();
  co_await f.queue->stop(0ms);
  Deliveries again = f.new_deliveries();
  {
    jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
    EXPECT_TRUE(consume(next, f.service, again, 512));
    co_await next.start();
    co_await f.elapse_until([&] { return next.statistics().done == 2; });
    co_await next.stop(0ms);
  }
  EXPECT_EQ(f.said(), "ABCDE");
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 5);
  co_await f.end();
}

CO_TEST(DeliveryRates, N_5_a_thousand_that_wait_are_looked_at_once_each_as_they_are_let_go) {
  WithSlack f(loop, {.at_once = 512, .per_host = 64, .rates = {.per_channel = Rate::per_second(1, 1)}});
  co_await f.queue->start();
  std::vector<UserId> users;
  for (int i = 1; i <= 1000; ++i) {
    users.push_back(user(i));
    EXPECT_TRUE(co_await f.set_webhook(user(i), R"({"url":")" + f.sink.url("/hook") + "\"}"));
  }
  EXPECT_EQ(co_await f.notify(users), 1000);
  co_await f.until([&] { return f.sink.requests == 1; });
  while (co_await f.rows("jobs where state = 'held'") < 999) co_await asio::post(loop.executor(), use_awaitable);
  co_await f.rest();
  std::map<std::string, int, std::less<>> writes;
  f.queue->before_write_for_test([&](std::string_view what) { ++writes[std::string(what)]; });
  for (int i = 0; i < 3; ++i) {
    f.clock.advance(1s + 20ms);
    co_await f.rest();
  }
  EXPECT_EQ(f.sink.requests, 4u);
  EXPECT_EQ(writes["record"], 0) << "none was held once more";
  EXPECT_LE(writes["claim"], 12);
  EXPECT_EQ(co_await f.rows("jobs where state = 'held'"), 996);
  co_await f.end();
}

CO_TEST(DeliveryRates, an_operators_rate_of_hosts_holds_for_each_host_by_itself) {
  WithSlack f(loop, {.at_once = 512, .per_host = 64, .rates = {.per_host = Rate::per_second(1, 2)}});
  http::test::Sink other(
      loop.executor(), [](const SinkRequest&) { return http::test::SinkReply{status(204), http::test::SinkReply::Then::close}; }, "127.0.0.2");
  other.start();
  co_await f.queue->start();
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":")" + f.sink.url("/hook") + "\"}"));
  EXPECT_TRUE(co_await f.set_webhook(user(2), R"({"url":")" + other.url("/hook", "127.0.0.2") + "\"}"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await f.notify({user(1), user(2)}), 2);
  EXPECT_EQ(co_await f.notify({user(2)}), 1);
  co_await f.rest();
  EXPECT_EQ(f.sink.requests, 2u);
  EXPECT_EQ(other.requests, 2u);
  EXPECT_EQ(co_await f.rows("jobs where state = 'held'"), 3);
  f.clock.advance(1s + 20ms);
  co_await f.rest();
  EXPECT_EQ(f.sink.requests, 3u);
  EXPECT_EQ(other.requests, 3u);
  co_await other.close();
  co_await f.end();
}

CO_TEST(TestSend, says_when_the_provider_takes_no_more) {
  WithSlack f(loop);
  co_await f.begin_slack();
  const auto test = [&]() -> awaitable<std::string> {
    const auto result = (co_await f.deliveries.test(user(1), std::string(kSlack), false)).value();
    co_return result.success ? "yes" : *result.error;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await test(), "yes");
  EXPECT_EQ(co_await test(), "The channel takes no more messages for 1 s");
  EXPECT_EQ(f.sink.requests, 3u);
  co_await f.end();
}

/// What each provider's documentation lets through at once, and in the minute from then on; of each thing it counts by.
CO_TEST(DeliveryRates, N_5_what_providers_document_holds_by_what_they_count_by) {
  test::Fixture f(loop);
  const auto drawn = [&](std::string_view id, std::string_view admin, std::string_view own) {
    std::string text;
    for (const auto& allowance : channels::find(f.registry, id)->allowances(admin, own))
      text += fmt::format("{}: {} then {} a minute; ", allowance.of, allowance.rate.burst, std::chrono::seconds(60) / allowance.rate.every);
    return text;
  };
  EXPECT_EQ(drawn("notification-slack.slack", "{}", R"({"webhookUrl":"https://hooks.slack.com/a"})"), "https://hooks.slack.com/a: 3 then 60 a minute; ");
  EXPECT_EQ(drawn("notification-discord.discord", "{}", R"({"webhookUrl":"https://discord.com/api/webhooks/1/x?thread_id=7"})"),
            "https://discord.com/api/webhooks/1/x: 3 then 27 a minute; discord.com: 10 then 2400 a minute; ");
  EXPECT_EQ(drawn("notification-telegram.telegram", R"({"botToken":"1:x"})", R"({"chatId":"7"})"), "1:x 7: 1 then 60 a minute; 1:x: 5 then 1500 a minute; ");
  for (const char* group : {"-100", "@news"})
    EXPECT_EQ(drawn("notification-telegram.telegram", R"({"botToken":"1:x"})", std::string(R"({"chatId":")") + group + "\"}"),
              std::string("1:x ") + group + ": 2 then 18 a minute; 1:x: 5 then 1500 a minute; ");
  EXPECT_EQ(drawn("notification-teams.teams", R"({"clientId":"a","clientSecret":"s","tenantId":"t"})", "{}"), "a t: 4 then 960 a minute; ");
  EXPECT_EQ(drawn("notification-ntfy.ntfy", "{}", R"({"topic":"t"})"), "ntfy.sh: 60 then 12 a minute; ");
  EXPECT_EQ(drawn("notification-ntfy.ntfy", R"({"token":"x"})", R"({"topic":"t"})"), "") << "an account has limits of its own";
  EXPECT_EQ(drawn("notification-ntfy.ntfy", R"({"serverUrl":"https://ntfy.example.com"})", R"({"topic":"t"})"), "");
  for (const std::string_view none : {"notification-webhook.webhook", "notification-webpush.webpush", "notification-gotify.gotify",
                                      "notification-pushover.pushover", "notification-webex.webex", "notification-backstage.backstage"}) {
    const auto sample = std::ranges::find(channels::test::samples(), none, &channels::test::Sample::id);
    EXPECT_EQ(drawn(none, channels::test::at(sample->admin, "https://r.test"), channels::test::at(sample->user, "https://r.test")), "") << none;
  }
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
