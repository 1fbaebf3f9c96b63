#include <boost/json.hpp>

#include "domains/notification/quiet_hours.hpp"
#include "domains/notification/test/with_sink.hpp"
#include "runtime/jobs/store.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using http::test::SinkRequest;
using test::head;
using test::status;
using test::user;
using test::WithSink;

constexpr std::string_view kWebhook = "notification-webhook.webhook";

/// A receiver, and a user who wants to be told at times of his own.
struct WithTimes : WithSink {
  using WithSink::WithSink;
  awaitable<void> wants(std::int64_t digest_minutes, std::optional<QuietHoursView> quiet = {}) {
    SetPreference input{.strategy_id = Text<1, 200>::of(std::string(kWebhook)), .enabled = {true}, .user_config = {}};
    input.digest_minutes = Patch<DigestMinutes>::set(digest_minutes);
    input.quiet_hours = quiet ? Patch<QuietHoursView>::set(*quiet) : Patch<QuietHoursView>::cleared();
    EXPECT_TRUE(co_await channel_settings.set_preference(user(1), std::move(input)));
  }
  /// Quiet from now on, by a clock that shows UTC.
  QuietHoursView quiet_for(std::chrono::minutes length) {
    const auto minute = (clock.now().seconds() / 60) % 1440;
    const auto text = [](std::int64_t minutes) { return Text<5, 5>::of(clock_text((minutes + 1440) % 1440)); };
    return {.from = text(minute - 1), .to = text(minute + length.count()), .time_zone = Text<1, 64>::of("UTC")};
  }
  awaitable<std::int64_t> send(std::string title, Importance importance = Importance::info) {
    clock.advance(10ms);  // so that what is told later comes later
    NotifyUsers input{.user_ids = {},
                      .title = Text<1, 200>::of(std::move(title)),
                      .body = {Text<0, 10'000>::of("It *is*")},
                      .importance = importance,
                      .action = {},
                      .idempotency_key = {}};
    input.user_ids.push_back(Text<1, 200>::of(user(1).to_string()));
    input.action = ActionInput{.label = Text<1, 120>::of("Look"), .url = Text<1, 2048>::of("/systems/1")};
    co_return (co_await service.notify_users(test::application(1), std::move(input)))->notified_count;
  }
  /// "state attempts" of every delivery, in the order they were told.
  awaitable<std::string> states() { co_return co_await joined("select state || ' ' || attempts from deliveries order by created_at, id", ", "); }
  awaitable<std::string> first() { co_return co_await one<std::string>("select id from deliveries order by created_at, id limit 1"); }
  /// Passes the time until what waits is due.
  awaitable<void> until_due(std::uint64_t done) {
    const auto due = co_await one<Timestamp>("select min(run_at) from jobs");
    clock.advance(due - clock.now() + 20ms, 1s);
    co_await until_settled(done);
  }
  boost::json::object body(std::size_t nth) { return boost::json::parse(sink.seen.at(nth).body).as_object(); }
};

CO_TEST(DeliveryTiming, what_comes_within_a_digests_minutes_is_one_message_and_ends_alike) {
  WithTimes f(loop, {status(204)});
  co_await f.begin();
  co_await f.wants(30);
  co_await f.send("Disk full", Importance::warning);
  co_await f.until_settled(1);
  f.clock.advance(29min, 1s);
  co_await f.send("CPU high");
  co_await f.send("Fan loud");
  co_await f.until_settled(3);
  EXPECT_EQ(f.sink.requests, 0u);
  EXPECT_EQ(co_await f.states(), "pending 0, pending 0, pending 0");
  EXPECT_EQ(co_await f.rows("jobs"), 1);
  f.clock.advance(61s, 1s);
  co_await f.until_settled(4);
  CO_ASSERT_EQ(f.sink.requests, 1u);
  EXPECT_EQ(f.body(0).at("title"), "3 messages: Disk full, CPU high, Fan loud");
  EXPECT_EQ(f.body(0).at("importance"), "warning");
  EXPECT_EQ(f.body(0).at("action").at("url"), "https://watchbell.test/inbox");
  const std::string said(f.body(0).at("body").as_string());
  for (const auto* part : {"**Disk full**", "**CPU high**", "**Fan loud**", "It is", "[Look](<https://watchbell.test/systems/1>)"})
    EXPECT_NE(said.find(part), std::string::npos) << part << " in " << said;
  EXPECT_EQ(head(f.sink.seen[0], "webhook-id"), co_await f.first());
  EXPECT_EQ(co_await f.states(), "delivered 1, delivered 1, delivered 1");
  EXPECT_EQ(co_await f.rows("delivery_attempts where status = 'success'"), 3);
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  // The next window is another message.
  co_await f.send("Disk full");
  co_await f.until_settled(5);
  EXPECT_EQ(f.sink.requests, 1u);
  co_await f.until_due(6);
  CO_ASSERT_EQ(f.sink.requests, 2u);
  EXPECT_EQ(f.body(1).at("title"), "Disk full") << "what came alone goes as it is";
  co_await f.end();
}

CO_TEST(DeliveryTiming, N_5_a_digest_that_fails_is_tried_by_the_schedule_with_the_same_key_and_text) {
  WithTimes f(loop, {status(500), status(200)});
  co_await f.begin();
  co_await f.wants(5);
  co_await f.send("One");
  co_await f.send("Two");
  co_await f.until_settled(2);
  co_await f.until_due(3);
  EXPECT_EQ(co_await f.states(), "pending 1, pending 1");
  EXPECT_EQ(co_await f.rows("delivery_attempts where status = 'failure'"), 2);
  // What comes now begins a digest of its own.
  co_await f.send("Three");
  co_await f.until_settled(4);
  f.clock.advance(7s);
  co_await f.until_settled(5);
  CO_ASSERT_EQ(f.sink.requests, 2u);
  EXPECT_EQ(head(f.sink.seen[0], "webhook-id"), head(f.sink.seen[1], "webhook-id"));
  EXPECT_EQ(f.sink.seen[0].body, f.sink.seen[1].body);
  EXPECT_EQ(co_await f.states(), "delivered 2, delivered 2, pending 0");
  co_await f.end();
}

CO_TEST(DeliveryTiming, what_is_critical_waits_for_nothing) {
  WithTimes f(loop, {status(204)});
  co_await f.begin();
  co_await f.wants(60, f.quiet_for(2h));
  co_await f.send("Info");
  co_await f.send("Down", Importance::critical);
  co_await f.until([&] { return f.sink.requests == 1; });
  EXPECT_EQ(f.body(0).at("title"), "Down");
  co_await f.end();
}

CO_TEST(DeliveryTiming, what_falls_into_quiet_hours_goes_out_at_their_end) {
  WithTimes f(loop, {status(204)});
  co_await f.begin();
  const auto quiet = f.quiet_for(90min);
  co_await f.wants(0, quiet);
  co_await f.send("One");
  co_await f.send("Two");
  co_await f.until_settled(2);
  EXPECT_EQ(co_await f.states(), "pending 0, pending 0");
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 0) << "waiting is no try";
  const auto due = co_await f.one<Timestamp>("select min(run_at) from jobs");
  EXPECT_EQ(due.to_iso().substr(11, 5), quiet.to.str());
  EXPECT_LE(due - co_await f.one<Timestamp>("select min(next_at) from deliveries"), 1ms);
  f.clock.advance(80min, 1min);
  EXPECT_EQ(f.sink.requests, 0u);
  co_await f.until_due(4);
  EXPECT_EQ(f.sink.requests, 2u);
  EXPECT_EQ(co_await f.states(), "delivered 1, delivered 1");
  co_await f.end();
}

CO_TEST(DeliveryTiming, a_repetition_waits_for_the_end_of_quiet_hours_as_well) {
  WithTimes f(loop, {status(500), status(200)});
  co_await f.begin();
  co_await f.send("One");
  co_await f.until_settled(1);
  co_await f.wants(0, f.quiet_for(90min));
  f.clock.advance(7s);
  co_await f.until_settled(2);
  EXPECT_EQ(f.sink.requests, 1u);
  co_await f.until_due(3);
  EXPECT_EQ(co_await f.states(), "delivered 2");
  EXPECT_EQ(head(f.sink.seen.at(0), "webhook-id"), head(f.sink.seen.at(1), "webhook-id"));
  co_await f.end();
}

CO_TEST(DeliveryTiming, a_digest_collects_on_until_quiet_hours_end) {
  WithTimes f(loop, {status(204)});
  co_await f.begin();
  co_await f.wants(30, f.quiet_for(90min));
  co_await f.send("One");
  co_await f.until_settled(1);
  f.clock.advance(31min, 1s);
  co_await f.until_settled(2);
  EXPECT_EQ(f.sink.requests, 0u);
  co_await f.send("Two");
  co_await f.until_settled(3);
  co_await f.until_due(4);
  CO_ASSERT_EQ(f.sink.requests, 1u);
  EXPECT_EQ(f.body(0).at("title"), "2 messages: One, Two");
  EXPECT_EQ(co_await f.states(), "delivered 1, delivered 1");
  co_await f.end();
}

CO_TEST(DeliveryTiming, a_digest_whose_user_switched_the_channel_off_ends_refused_as_a_whole) {
  WithTimes f(loop, {status(204)});
  co_await f.begin();
  co_await f.wants(5);
  co_await f.send("One");
  co_await f.send("Two");
  co_await f.until_settled(2);
  EXPECT_TRUE(co_await f.set_webhook(user(1), "", false));
  co_await f.until_due(3);
  EXPECT_EQ(co_await f.states(), "refused 1, refused 1");
  EXPECT_EQ(co_await f.rows("deliveries where collecting"), 0);
  EXPECT_EQ(f.sink.requests, 0u);
  co_await f.end();
}

CO_TEST(DeliveryTiming, N_5_a_dead_digest_is_begun_anew_as_a_whole_and_under_its_key) {
  WithTimes f(loop, {status(500), status(200)});
  co_await f.begin();
  co_await f.wants(5);
  co_await f.send("One");
  co_await f.send("Two");
  co_await f.until_settled(2);
  co_await f.database->write([](sql::Session& s) { s.execute("update deliveries set attempts = 9"); });
  co_await f.until_due(3);
  EXPECT_EQ(co_await f.states(), "dead 10, dead 10");
  const auto second = DeliveryId::parse(co_await f.one<std::string>("select id from deliveries order by created_at desc, id desc limit 1")).value();
  EXPECT_TRUE(co_await f.dead_letters.replay(second));
  EXPECT_EQ((co_await f.dead_letters.replay(second)).error().code, ErrorCode::conflict);
  co_await f.until_settled(4);
  EXPECT_EQ(co_await f.states(), "delivered 1, delivered 1");
  CO_ASSERT_EQ(f.sink.requests, 2u);
  EXPECT_EQ(head(f.sink.seen[0], "webhook-id"), head(f.sink.seen[1], "webhook-id"));
  EXPECT_EQ(f.sink.seen[0].body, f.sink.seen[1].body);
  co_await f.end();
}

CO_TEST(DeliveryTiming, N_5_one_that_is_begun_anew_joins_no_digest) {
  WithTimes f(loop, {status(500), status(200)});
  co_await f.begin();
  co_await f.send("One");
  co_await f.until_settled(1);
  co_await f.database->write([](sql::Session& s) { s.execute("update deliveries set attempts = 9"); });
  f.clock.advance(7s);
  co_await f.until_settled(2);
  co_await f.database->write([](sql::Session& s) { s.execute("update deliveries set state = 'dead'"); });
  co_await f.wants(5);
  EXPECT_TRUE(co_await f.dead_letters.replay(DeliveryId::parse(co_await f.first()).value()));
  co_await f.until_settled(3);
  CO_ASSERT_EQ(f.sink.requests, 3u);
  EXPECT_EQ(head(f.sink.seen[0], "webhook-id"), head(f.sink.seen[2], "webhook-id"));
  co_await f.end();
}

/// Kills the process while a digest collects, or at a pause point of its first try; what the receiver saw in the end.
awaitable<std::vector<SinkRequest>> die_with_a_digest(async::Loop& loop, std::string point) {
  WithTimes f(loop, {status(200)});
  EXPECT_TRUE(point.empty() || f.pauses.arm(point));
  co_await f.begin();
  co_await f.wants(5);
  co_await f.send("One");
  co_await f.send("Two");
  co_await f.until_settled(2);
  if (!point.empty()) {
    f.clock.advance(5min + 1s, 1s);
    co_await f.until([&] { return f.pauses.paused(point); });
  }
  co_await f.kill();
  // Jobs of joined deliveries are left as well.
  const auto later = DeliveryId::parse(co_await f.one<std::string>("select id from deliveries order by created_at desc, id desc limit 1")).value();
  co_await f.database->write([later, now = f.clock.now()](sql::Session& s) {
    auto job = Deliveries::job(Importance::info);
    job.payload = Deliveries::payload_of(later);
    jobs::store::insert(s, job, "notification", now);
  });
  jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  co_await f.begin_anew(next);
  co_await f.elapse_until([&] { return next.statistics().done == 2; }, 1s);
  EXPECT_EQ(co_await f.states(), "delivered 1, delivered 1");
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 2);
  co_await next.stop(0ms);
  auto seen = f.sink.seen;
  co_await f.end();
  co_return seen;
}

CO_TEST(DeliveryTiming, N_5_a_digest_survives_a_kill_while_it_collects) {
  const auto seen = co_await die_with_a_digest(loop, "");
  CO_ASSERT_EQ(seen.size(), 1u);
  EXPECT_NE(seen[0].body.find("2 messages: One, Two"), std::string::npos);
}

CO_TEST(DeliveryTiming, N_5_a_digest_killed_before_it_was_sent_arrives_once) {
  EXPECT_EQ((co_await die_with_a_digest(loop, "delivery.before_send")).size(), 1u);
}

CO_TEST(DeliveryTiming, N_5_a_digest_killed_before_it_was_recorded_arrives_again_under_the_same_key) {
  const auto seen = co_await die_with_a_digest(loop, "delivery.before_record");
  CO_ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(head(seen[0], "webhook-id"), head(seen[1], "webhook-id"));
  EXPECT_EQ(seen[0].body, seen[1].body);
}

/// The process has died for the fifth time in a row while a job ran; another one begins.
awaitable<void> die_once_more(WithTimes& f, jobs::Queue& next) {
  co_await f.kill();
  co_await f.database->write([](sql::Session& s) { s.execute("update jobs set last_error = :1", jobs::store::interruption(4)); });
  co_await f.begin_anew(next);
  EXPECT_EQ(co_await f.rows("jobs where state = 'failed'"), 1) << "the queue gives it up: it may be what ended the process";
}

CO_TEST(DeliveryTiming, N_5_one_whose_job_was_interrupted_too_often_goes_on_by_the_schedule) {
  WithTimes f(loop, {status(200)});
  EXPECT_TRUE(f.pauses.arm("delivery.before_send"));
  co_await f.begin();
  co_await f.send("One");
  co_await f.until([&] { return f.pauses.paused("delivery.before_send"); });
  jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  co_await die_once_more(f, next);
  f.scope.spawn("keep_house", keep_house(f.deliveries, f.retention, next, f.wheel));
  while (co_await f.states() == "pending 0") {
    f.clock.advance(1s);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  EXPECT_EQ(co_await f.states(), "pending 1");
  EXPECT_EQ(co_await f.one<std::string>("select error_message from delivery_attempts"), "interrupted 5 times in a row: the process ended while it ran");
  EXPECT_EQ(co_await f.rows("jobs where state = 'delayed'"), 1);
  co_await f.elapse_until([&] {
    next.wake();  // as a commit does; here it woke the queue that is no more
    return f.sink.requests == 1 && next.statistics().running == 0;
  });
  EXPECT_EQ(co_await f.states(), "delivered 2");
  co_await next.stop(0ms);
  co_await f.end();
}

CO_TEST(DeliveryTiming, N_5_one_that_was_interrupted_too_often_at_its_last_try_is_dead) {
  WithTimes f(loop, {status(500)});
  co_await f.begin();
  co_await f.send("One");
  co_await f.until_settled(1);
  co_await f.database->write([](sql::Session& s) { s.execute("update deliveries set attempts = 9"); });
  jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  co_await die_once_more(f, next);
  EXPECT_TRUE(co_await f.deliveries.take_up());
  EXPECT_EQ(co_await f.states(), "dead 10");
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  EXPECT_EQ((co_await f.dead_letters.list({})).value().total, 1);
  co_await next.stop(0ms);
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::notification
