#include "domains/notification/transactional.hpp"

#include <boost/json.hpp>

#include "domains/notification/account_messages.hpp"
#include "domains/notification/test/with_sink.hpp"
#include "domains/notification/users.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using http::test::SinkRequest;
using test::head;
using test::status;
using test::user;
using test::WithSink;

struct WithCodes : WithSink {
  using WithSink::WithSink;
  static SendTransactional to(UserId of, std::string key = {}, std::string body = "Your code is 4711") {
    SendTransactional input;
    input.user_id = Text<1, 200>::of(of.to_string());
    input.notification.value.title = Text<1, 200>::of("Sign in");
    input.notification.value.body.value = Text<0, 10'000>::of(std::move(body));
    if (!key.empty()) input.idempotency_key = Text<1, 200>::of(std::move(key));
    return input;
  }
  /// "delivered: channel yes|reason ..."
  awaitable<std::string> send(SendTransactional input, int sender = 1) {
    const auto sent = co_await transactional.send(test::application(sender), std::move(input));
    if (!sent) co_return std::string(wire_code(sent.error().code));
    std::string text = fmt::format("{}:", sent->delivered_count);
    for (const auto& result : sent->results)
      text += " " + result.strategy_id.substr(result.strategy_id.rfind('.') + 1) + " " + (result.success ? "yes" : *result.error);
    co_return text;
  }
  /// Whether any row of notification, or a job, holds the text as it is.
  awaitable<bool> lies_in_clear(std::string text) {
    const auto found = co_await database->read([text](sql::Session& s) {
      std::int64_t rows = 0;
      for (const char* query :
           {"select count(*) from (select title || body || body_hash || coalesce(action_url, '') || coalesce(sealed, '') as t from dispatches) d where replace(t, :1, '') <> t",
            "select count(*) from delivery_attempts where replace(error_message, :1, '') <> error_message",
            "select count(*) from jobs where replace(payload, :1, '') <> payload"})
        rows += s.one<std::int64_t>(query, text).value();
      return rows;
    });
    co_return found.value() > 0;
  }
  /// The process dies while a try stands at the pause point, and another one begins.
  awaitable<void> die_at(std::string point, jobs::Queue& next) {
    co_await until([&] { return pauses.paused(point); });
    co_await kill();
    co_await begin_anew(next);
  }
};

CO_TEST(Transactional, N_5_is_answered_by_what_the_first_tries_came_to) {
  WithCodes f(loop, {status(204), status(503), status(400)});
  co_await f.begin();
  EXPECT_TRUE(co_await f.set_webhook(user(1), {}, false)) << "her switch does not matter";
  EXPECT_EQ(co_await f.send(f.to(user(1))), "1: webhook yes");
  EXPECT_EQ(co_await f.send(f.to(user(1))), "0: webhook the receiver answered 503");
  EXPECT_EQ(co_await f.send(f.to(user(1))), "0: webhook the receiver answered 400");
  EXPECT_EQ(co_await f.send(f.to(user(2))), "0: webhook The user has not set the channel up");
  EXPECT_EQ(co_await f.rows("notifications"), 0);
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 3) << "its tries are recorded";
  for (const auto& request : f.sink.seen) EXPECT_EQ(boost::json::parse(request.body).at("type"), "transactional");
  co_await f.end();
}

CO_TEST(Transactional, N_5_one_that_was_not_taken_comes_again_by_the_schedule_under_its_key) {
  WithCodes f(loop, {status(503), status(204)});
  co_await f.begin();
  EXPECT_EQ(co_await f.send(f.to(user(1))), "0: webhook the receiver answered 503");
  co_await f.until_settled(1);
  f.clock.advance(7s);
  co_await f.until_settled(2);
  CO_ASSERT_EQ(f.sink.requests, 2u);
  EXPECT_EQ(head(f.sink.seen[0], "webhook-id"), head(f.sink.seen[1], "webhook-id"));
  EXPECT_EQ(co_await f.state(), "delivered 2 ");
  co_await f.end();
}

/// Sends, dies at the pause point, begins anew; what the receiver saw.
awaitable<std::vector<SinkRequest>> die_with_a_code(async::Loop& loop, std::string point) {
  WithCodes f(loop, {status(204)});
  EXPECT_TRUE(f.pauses.arm(point));
  co_await f.begin();
  f.scope.spawn("send", [](WithCodes& with) -> awaitable<void> { co_await with.send(with.to(user(1))); }(f));
  co_await f.until([&] { return f.pauses.paused(point); });
  EXPECT_FALSE(co_await f.lies_in_clear("4711"));
  EXPECT_EQ(co_await f.rows("dispatches where sealed is not null"), 1);
  jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  f.clock.advance(Transactional::kPatience, 1s);  // whoever waited for it is gone with the process
  co_await f.die_at(point, next);
  co_await f.until([&] { return next.statistics().done == 1; });
  EXPECT_EQ(co_await f.state(), "delivered 1 ");
  EXPECT_EQ(co_await f.rows("dispatches where sealed is not null"), 0) << "erased once it has ended";
  co_await next.stop(0ms);
  auto seen = f.sink.seen;
  co_await f.end();
  co_return seen;
}

CO_TEST(Transactional, N_5_killed_before_it_was_sent_it_arrives_once) {
  const auto seen = co_await die_with_a_code(loop, "delivery.before_send");
  CO_ASSERT_EQ(seen.size(), 1u);
  EXPECT_NE(seen[0].body.find("4711"), std::string::npos);
}

CO_TEST(Transactional, N_5_killed_before_it_was_recorded_it_arrives_again_under_the_same_key) {
  const auto seen = co_await die_with_a_code(loop, "delivery.before_record");
  CO_ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(head(seen[0], "webhook-id"), head(seen[1], "webhook-id"));
}

CO_TEST(Transactional, N_5_a_key_sends_once_within_a_day_and_answers_the_same) {
  WithCodes f(loop, {status(503), status(204)});
  co_await f.begin();
  const std::string first = co_await f.send(f.to(user(1), "k"));
  EXPECT_EQ(first, "0: webhook the receiver answered 503");
  co_await f.until_settled(1);
  f.clock.advance(7s);
  co_await f.until_settled(2);
  EXPECT_EQ(co_await f.send(f.to(user(1), "k")), first);
  EXPECT_EQ(f.sink.requests, 2u) << "nothing was sent for it";
  // Another body, another user and another procedure are conflicts; another sender's key is another one.
  EXPECT_EQ(co_await f.send(f.to(user(1), "k", "Your code is 4712")), "CONFLICT");
  EXPECT_EQ(co_await f.send(f.to(user(2), "k")), "CONFLICT");
  EXPECT_EQ(co_await f.notify({user(1)}, "Disk full", "k"), -1);
  EXPECT_EQ(co_await f.send(f.to(user(1), "k"), 2), "1: webhook yes");
  f.clock.advance(25h, 1h);
  EXPECT_EQ(co_await f.send(f.to(user(1), "k")), "1: webhook yes");
  EXPECT_EQ(f.sink.requests, 4u);
  co_await f.end();
}

CO_TEST(Transactional, N_5_a_repetition_that_comes_while_the_first_is_on_its_way_waits_for_it) {
  WithCodes f(loop, {status(204)});
  EXPECT_TRUE(f.pauses.arm("delivery.before_send"));
  co_await f.begin();
  std::vector<std::string> answers;
  const auto ask = [](WithCodes& with, std::vector<std::string>& heard) -> awaitable<void> { heard.push_back(co_await with.send(with.to(user(1), "k"))); };
  f.scope.spawn("first", ask(f, answers));
  co_await f.until([&] { return f.pauses.paused("delivery.before_send"); });
  f.scope.spawn("second", ask(f, answers));
  co_await f.until_idle();
  EXPECT_TRUE(answers.empty());
  f.pauses.release("delivery.before_send");
  co_await f.until([&] { return answers.size() == 2; });
  EXPECT_EQ(answers, (std::vector<std::string>{"1: webhook yes", "1: webhook yes"}));
  EXPECT_EQ(f.sink.requests, 1u);
  co_await f.end();
}

CO_TEST(Transactional, nobody_waits_for_ever) {
  WithCodes f(loop, {status(204)});
  EXPECT_TRUE(f.pauses.arm("delivery.before_send"));
  co_await f.begin();
  std::string answer;
  f.scope.spawn("send", [](WithCodes& with, std::string& heard) -> awaitable<void> { heard = co_await with.send(with.to(user(1))); }(f, answer));
  co_await f.until([&] { return f.pauses.paused("delivery.before_send"); });
  co_await f.elapse_until([&] { return !answer.empty(); });
  EXPECT_EQ(answer, "0: webhook It is on its way: the first try has not ended yet");
  f.pauses.release("delivery.before_send");
  co_await f.until_settled(1);
  EXPECT_EQ(f.sink.requests, 1u);
  co_await f.end();
}

CO_TEST(Transactional, what_it_says_goes_when_it_has_ended_in_whatever_way) {
  WithCodes f(loop, {status(503)});
  co_await f.begin();
  co_await f.send(f.to(user(1)));
  co_await f.until_settled(1);
  EXPECT_EQ(co_await f.rows("dispatches where sealed is not null"), 1);
  EXPECT_FALSE(co_await f.lies_in_clear("4711"));
  co_await f.database->write([](sql::Session& s) { s.execute("update deliveries set attempts = 9"); });
  f.clock.advance(7s);
  co_await f.until_settled(2);
  EXPECT_EQ(co_await f.state(), "dead 10 the receiver answered 503");
  EXPECT_EQ(co_await f.rows("dispatches where sealed is not null"), 0);
  const auto replayed = co_await f.dead_letters.replay(DeliveryId::parse(co_await f.one<std::string>("select id from deliveries")).value());
  CO_ASSERT_TRUE(!replayed);
  EXPECT_EQ(replayed.error().code, ErrorCode::conflict);
  EXPECT_EQ(replayed.error().message, "What it said is no longer kept");
  co_await f.end();
}

CO_TEST(Transactional, what_it_says_goes_with_its_user) {
  WithCodes f(loop, {status(503)});
  EXPECT_TRUE(follow_users(*f.bus, *f.changes, f.settings, f.service));
  co_await f.begin();
  co_await f.send(f.to(user(1)));
  co_await f.until_settled(1);
  f.gone.insert(user(1));
  co_await f.change([](Change& change) { return change.publishes(events::make(auth::kUserDeleted, auth::UserDeleted{.user_id = user(1)})); });
  while (co_await f.rows("deliveries") > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(co_await f.rows("dispatches where sealed is not null"), 0);
  EXPECT_EQ(co_await f.send(f.to(user(1))), "0: none There is no such user");
  co_await f.end();
}

CO_TEST(Transactional, quiet_hours_and_digests_do_not_hold_it_up) {
  WithCodes f(loop, {status(204)});
  co_await f.begin();
  SetPreference input{.strategy_id = Text<1, 200>::of("notification-webhook.webhook"), .enabled = {true}, .user_config = {}};
  input.digest_minutes = Patch<DigestMinutes>::set(60);
  input.quiet_hours = Patch<QuietHoursView>::set({.from = Text<5, 5>::of("00:01"), .to = Text<5, 5>::of("00:00"), .time_zone = Text<1, 64>::of("UTC")});
  EXPECT_TRUE(co_await f.channel_settings.set_preference(user(1), std::move(input)));
  f.clock.advance(2h, 1h);
  EXPECT_EQ(co_await f.send(f.to(user(1))), "1: webhook yes");
  co_await f.end();
}

CO_TEST(Transactional, another_master_key_seals_what_is_on_its_way_anew) {
  WithCodes f(loop, {status(503)});
  co_await f.begin();
  co_await f.send(f.to(user(1)));
  co_await f.until_settled(1);
  const auto run = [&f](const crypto::Keyring& keyring) -> awaitable<std::string> {
    const auto done = co_await f.database->write([&keyring](sql::Session& s) { return Transactional::reencrypt(s, keyring); });
    co_return fmt::format("{} {} {} {}", done->scanned, done->reencrypted, done->skipped, done->failed.size());
  };
  EXPECT_EQ(co_await run(f.keyring), "1 0 1 0");
  EXPECT_EQ(co_await run(*crypto::Keyring::make(crypto::Keyring::generate())), "1 0 0 1") << "what does not open is told and left";
  co_await f.end();
}

CO_TEST(AccountMessages, a_link_that_is_over_between_two_tries_is_not_sent_again) {
  WithCodes f(loop, {status(503), status(204)});
  EXPECT_TRUE(tell_of_accounts(*f.bus, f.service, f.channel_settings, f.transactional, f.clock));
  co_await f.begin();
  auth::PasswordResetRequested event{.user_id = user(1), .request = Uuid::make_v7(f.clock.now().millis()), .expires_at = f.clock.now() + 4s, .token = {}};
  event.token.value = Text<1, 128>::of("t0ken");
  co_await f.change([event](Change& c) { return c.publishes(events::make(auth::kPasswordResetRequested, event)); });
  co_await f.until([&] { return f.sink.requests == 1; });
  EXPECT_FALSE(co_await f.lies_in_clear("t0ken"));
  co_await f.elapse_until([&] { return f.queue->statistics().done == 2; });
  EXPECT_EQ(co_await f.state(), "refused 2 It is too late: it would be of no use any more");
  EXPECT_EQ(f.sink.requests, 1u);
  EXPECT_EQ(co_await f.rows("dispatches where sealed is not null"), 0);
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::notification
