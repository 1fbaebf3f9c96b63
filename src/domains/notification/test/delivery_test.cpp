#include <boost/json.hpp>

#include "domains/notification/account_messages.hpp"
#include "domains/notification/test/with_sink.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using http::test::Sink;
using http::test::SinkReply;
using http::test::SinkRequest;
using test::Fixture;
using test::head;
using test::status;
using test::user;
using test::WithSink;

CO_TEST(Delivery, N_5_a_signed_notification_arrives_once) {
  WithSink f(loop, {status(204)});
  co_await f.begin("s3cret");
  EXPECT_EQ(co_await f.notify({user(1), user(2)}), 2);
  co_await f.until_settled(1);
  CO_ASSERT_EQ(f.sink.requests, 1u);
  const auto& request = f.sink.seen[0];
  EXPECT_EQ(request.first_line(), "POST /hook HTTP/1.1");
  EXPECT_EQ(head(request, "X-Checkstack-Signature"),
            "sha256=" + crypto::hmac_sha256_hex("s3cret", head(request, "X-Checkstack-Timestamp") + "." + request.body));
  EXPECT_EQ(head(request, "webhook-id"), co_await f.one<std::string>("select id from deliveries"));
  EXPECT_EQ(head(request, "Content-Type"), "application/json");
  const auto body = boost::json::parse(request.body).as_object();
  EXPECT_EQ(body.at("title"), "Disk full");
  EXPECT_EQ(body.at("type"), "notification");
  EXPECT_EQ(body.at("version"), 1);
  EXPECT_EQ(co_await f.state(), "delivered 1 ");
  EXPECT_EQ(co_await f.attempts(), "success");
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  co_await f.end();
}

CO_TEST(Delivery, N_5_a_failing_receiver_is_tried_by_the_schedule_under_one_key) {
  WithSink f(loop, {status(500), status(503), status(200)});
  co_await f.begin();
  co_await f.notify({user(1)});
  co_await f.until_settled(1);
  EXPECT_EQ(co_await f.state(), "pending 1 the receiver answered 500");
  const auto waits = [&]() -> awaitable<std::int64_t> {
    const auto due = co_await f.one<Timestamp>("select run_at from jobs");
    EXPECT_LE(due - co_await f.one<Timestamp>("select next_at from deliveries"), 1ms);
    co_return (due - f.clock.now()).count() / 1000;
  };
  const auto first = co_await waits();
  EXPECT_GE(first, 5000);
  EXPECT_LT(first, 6001);
  f.clock.advance(std::chrono::milliseconds(first + 20));
  co_await f.until_settled(2);
  EXPECT_EQ(co_await f.state(), "pending 2 the receiver answered 503");
  const auto second = co_await waits();
  EXPECT_GE(second, 300'000);
  EXPECT_LT(second, 360'001);
  f.clock.advance(std::chrono::milliseconds(second + 20), 1s);
  co_await f.until_settled(3);
  EXPECT_EQ(co_await f.state(), "delivered 3 ");
  EXPECT_EQ(co_await f.attempts(), "failure failure success");
  CO_ASSERT_EQ(f.sink.requests, 3u);
  EXPECT_EQ(head(f.sink.seen[0], "webhook-id"), head(f.sink.seen[2], "webhook-id"));
  EXPECT_EQ(f.sink.seen[0].body, f.sink.seen[2].body);
  co_await f.end();
}

CO_TEST(Delivery, N_5_retry_after_is_honoured) {
  WithSink f(loop, {status(429, "Retry-After: 3600\r\n"), status(200)});
  co_await f.begin();
  co_await f.notify({user(1)});
  co_await f.until_settled(1);
  EXPECT_EQ(co_await f.one<Timestamp>("select run_at from jobs"), f.clock.now() + 1h);
  f.clock.advance(59min, 1s);
  EXPECT_EQ(f.sink.requests, 1u);
  f.clock.advance(61s, 1s);
  co_await f.until_settled(2);
  EXPECT_EQ(co_await f.state(), "delivered 2 ");
  co_await f.end();
}

CO_TEST(Delivery, N_5_what_was_sent_while_the_disk_was_full_is_not_sent_again) {
  WithSink f(loop, {status(204)});
  co_await f.begin();
  f.pauses.arm("delivery.before_record");
  co_await f.notify({user(1)});
  co_await f.until([&] { return f.pauses.paused("delivery.before_record"); });
  // An attempt takes some pages more than there are, the first time it is written.
  EXPECT_TRUE(co_await f.database->write([](sql::Session& session) {
    session.execute("create table ballast (stuff blob)");
    session.execute("create trigger ballast after insert on delivery_attempts begin insert into ballast values (zeroblob(100000)); end");
    session.execute("pragma max_page_count = 1");
  }));
  f.pauses.release("delivery.before_record");
  for (int i = 0; i < 50; ++i) co_await f.rows("jobs");
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 0);
  EXPECT_TRUE(co_await f.database->write([](sql::Session& session) { session.execute("pragma max_page_count = 1000000"); }));
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(f.sink.requests, 1u);
  EXPECT_EQ(co_await f.state(), "delivered 1 ");
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 1);
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  co_await f.end();
}

CO_TEST(Delivery, N_5_a_refusal_is_final) {
  WithSink f(loop, {status(400)});
  co_await f.begin();
  co_await f.notify({user(1)});
  co_await f.until_settled(1);
  EXPECT_EQ(co_await f.state(), "refused 1 the receiver answered 400");
  EXPECT_EQ(co_await f.attempts(), "failure");
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  co_await f.end();
}

CO_TEST(Delivery, N_5_after_the_last_try_it_is_dead) {
  WithSink f(loop, {status(500)});
  co_await f.begin();
  co_await f.notify({user(1)});
  for (int tried = 1; tried <= rules::kTries; ++tried) {
    co_await f.until_settled(static_cast<std::uint64_t>(tried));
    if (tried == rules::kTries) break;
    const auto due = co_await f.one<Timestamp>("select run_at from jobs");
    f.clock.advance(due - f.clock.now() + 20ms, 1h);
  }
  EXPECT_EQ(co_await f.state(), "dead 10 the receiver answered 500");
  EXPECT_EQ(f.sink.requests, 10u);
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 10);
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  co_await f.end();
}

CO_TEST(Delivery, N_14_a_guarded_address_is_refused) {
  WithSink f(loop, {status(200)}, "");
  co_await f.begin();
  co_await f.notify({user(1)});
  co_await f.until_settled(1);
  EXPECT_EQ((co_await f.state()).substr(0, 9), "refused 1");
  EXPECT_EQ(f.sink.accepted, 0u);
  co_await f.end();
}

CO_TEST(Delivery, only_those_who_want_it_and_set_it_up_get_one) {
  WithSink f(loop, {status(200)});
  co_await f.begin();
  EXPECT_TRUE(co_await f.set_webhook(user(2), R"({"url":"https://off.test/"})", false));
  EXPECT_TRUE(co_await f.set_webhook(user(3), "", true));
  EXPECT_EQ(co_await f.notify({user(1), user(2), user(3), user(4)}), 4);
  EXPECT_EQ(co_await f.rows("deliveries"), 1);
  co_await f.until_settled(1);
  // The channel as a whole is off: nothing is enqueued.
  EXPECT_TRUE(co_await f.channel_settings.update_strategy({.strategy_id = Text<1, 200>::of("notification-webhook.webhook"), .enabled = {false}, .config = {}}));
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  EXPECT_EQ(co_await f.rows("deliveries"), 1);
  co_await f.end();
}

CO_TEST(Delivery, what_has_no_way_out_any_more_ends_with_its_reason) {
  struct Case {
    std::string reason;
    std::function<awaitable<void>(WithSink&)> meanwhile;
  };
  const std::vector<Case> cases{
      {"The user has switched the channel off", [](WithSink& f) -> awaitable<void> { EXPECT_TRUE(co_await f.set_webhook(user(1), "", false)); }},
      {"The user has not set the channel up", [](WithSink& f) -> awaitable<void> { EXPECT_TRUE(co_await f.set_webhook(user(1), "null")); }},
      {"The channel is switched off",
       [](WithSink& f) -> awaitable<void> {
         EXPECT_TRUE(
             co_await f.channel_settings.update_strategy({.strategy_id = Text<1, 200>::of("notification-webhook.webhook"), .enabled = {false}, .config = {}}));
       }},
      {"The user no longer exists",
       [](WithSink& f) -> awaitable<void> {
         f.gone.insert(user(1));
         co_return;
       }},
      {"The settings of the channel cannot be read",
       [](WithSink& f) -> awaitable<void> {
         co_await f.database->write([](sql::Session& s) { s.execute("update settings_records set data = 'damaged' where record like 'user-pref.%'"); });
       }},
      {"There is no such channel",
       [](WithSink& f) -> awaitable<void> {
         co_await f.database->write([](sql::Session& s) { s.execute("update deliveries set strategy_id = 'gone.gone'"); });
       }},
  };
  for (const auto& [reason, meanwhile] : cases) {
    WithSink f(loop, {status(500), status(200)});
    co_await f.begin();
    co_await f.notify({user(1)});
    co_await f.until_settled(1);
    co_await meanwhile(f);
    f.clock.advance(7s);
    co_await f.until_settled(2);
    EXPECT_EQ(co_await f.state(), "refused 2 " + reason);
    EXPECT_EQ(co_await f.attempts(), "failure failure");
    EXPECT_EQ(f.sink.requests, 1u);
    co_await f.end();
  }
}

CO_TEST(Delivery, an_inbox_row_deleted_meanwhile_does_not_stop_it) {
  WithSink f(loop, {status(500), status(200)});
  co_await f.begin();
  co_await f.notify({user(1)});
  co_await f.until_settled(1);
  const auto id = NotificationId::parse(co_await f.one<std::string>("select id from notifications")).value();
  EXPECT_TRUE(co_await f.service.remove(user(1), id));
  f.clock.advance(7s);
  co_await f.until_settled(2);
  EXPECT_EQ(co_await f.state(), "delivered 2 ");
  co_await f.end();
}

/// The process dies while a delivery stands at the pause point; what the next one does.
awaitable<std::vector<SinkRequest>> die_at(async::Loop& loop, std::string point) {
  WithSink f(loop, {status(200)});
  EXPECT_TRUE(f.pauses.arm(point));
  co_await f.begin();
  co_await f.notify({user(1)});
  co_await f.until([&] { return f.pauses.paused(point); });
  co_await f.kill();
  jobs::Queue next(f.wheel, *f.database, f.on_fault(), {}, 8);
  co_await f.begin_anew(next);
  co_await f.until([&] { return next.statistics().done == 1; });
  EXPECT_EQ(co_await f.state(), "delivered 1 ");
  EXPECT_EQ(co_await f.attempts(), "success");
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  co_await next.stop(0ms);
  auto seen = f.sink.seen;
  co_await f.end();
  co_return seen;
}

CO_TEST(Delivery, N_5_killed_before_it_was_sent_it_arrives_once) {
  const auto seen = co_await die_at(loop, "delivery.before_send");
  EXPECT_EQ(seen.size(), 1u);
}

CO_TEST(Delivery, N_5_killed_before_it_was_recorded_it_arrives_again_under_the_same_key) {
  const auto seen = co_await die_at(loop, "delivery.before_record");
  CO_ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(head(seen[0], "webhook-id"), head(seen[1], "webhook-id"));
}

CO_TEST(Delivery, jobs_that_name_nothing_or_something_settled_end_quietly) {
  WithSink f(loop, {status(200)});
  co_await f.begin();
  jobs::Job job;
  job.payload = "{}";
  EXPECT_EQ((co_await f.deliveries.run(job)).kind, jobs::Outcome::Kind::give_up);
  job.payload = Deliveries::payload_of(DeliveryId::make(f.clock.now()));
  EXPECT_EQ((co_await f.deliveries.run(job)).kind, jobs::Outcome::Kind::done);
  co_await f.notify({user(1)});
  co_await f.until_settled(1);
  job.payload = Deliveries::payload_of(DeliveryId::parse(co_await f.one<std::string>("select id from deliveries")).value());
  EXPECT_EQ((co_await f.deliveries.run(job)).kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(f.sink.requests, 1u);
  co_await f.end();
}

CO_TEST(Delivery, N_5_a_host_that_does_not_answer_delays_no_other) {
  Fixture f(loop, "127.0.0.0/8", nullptr, Fixture::Storage::memory, {.at_once = 4, .per_host = 2});
  co_await f.queue->start();
  Sink slow(loop.executor(), [](const SinkRequest&) { return SinkReply{"", SinkReply::Then::hang}; });
  Sink quick(loop.executor(), [](const SinkRequest&) { return SinkReply{status(204), SinkReply::Then::close}; }, "127.0.0.2");
  slow.start();
  quick.start();
  std::vector<UserId> many;
  for (int i = 1; i <= 20; ++i) {
    many.push_back(user(i));
    EXPECT_TRUE(co_await f.set_webhook(user(i), R"({"url":")" + slow.url("/hook") + "\"}"));
  }
  EXPECT_TRUE(co_await f.set_webhook(user(21), R"({"url":")" + quick.url("/hook", "127.0.0.2") + "\"}"));
  EXPECT_EQ(co_await f.notify(many), 20);
  EXPECT_EQ(co_await f.notify({user(21)}, "To another"), 1);
  co_await quick.wait_for_requests(1);
  EXPECT_LE(slow.requests, 2u);
  EXPECT_EQ(co_await f.rows("delivery_attempts where status = 'failure'"), 0);
  co_await slow.close();
  co_await quick.close();
  co_await f.shut();
}

CO_TEST(Delivery, a_host_that_is_down_is_left_alone_which_costs_no_tries) {
  WithSink f(loop, {status(204)});
  co_await f.begin();
  EXPECT_TRUE(co_await f.set_webhook(user(2), R"({"url":"http://down.invalid/hook"})"));
  for (int i = 0; i < HostCircuits::kOpensAfter; ++i) {
    EXPECT_EQ(co_await f.notify({user(2)}), 1);
    co_await f.until_settled(static_cast<std::uint64_t>(i) + 1);
  }
  EXPECT_EQ(co_await f.rows("delivery_attempts"), HostCircuits::kOpensAfter);
  // The next is not tried, and others are.
  EXPECT_EQ(co_await f.notify({user(1), user(2)}), 2);
  co_await f.until_settled(HostCircuits::kOpensAfter + 2);
  EXPECT_EQ(f.sink.requests, 1u);
  EXPECT_EQ(co_await f.rows("deliveries where state = 'pending' and attempts = 0"), 1);
  EXPECT_EQ(co_await f.rows("jobs where last_error like '%is left alone for the moment'"), 1);
  // When the wait is over it finds out whether the host is back.
  f.clock.advance(HostCircuits::kFirstWait * 3 / 2 + 20ms);
  co_await f.until_settled(HostCircuits::kOpensAfter + 3);
  EXPECT_EQ(co_await f.rows("delivery_attempts where status = 'failure'"), HostCircuits::kOpensAfter + 1);
  EXPECT_EQ(co_await f.rows("deliveries where state = 'pending' and attempts = 0"), 0);
  co_await f.end();
}

CO_TEST(Delivery, a_host_gets_only_so_many_requests_at_a_time) {
  HostGate gate(loop.executor(), 2);
  int inside = 0, most = 0, through = 0;
  bool open = false;
  async::Event go(loop.executor());
  struct Visit {
    static awaitable<void> run(HostGate& g, std::string host, int& i, int& m, int& t, bool& o, async::Event& e) {
      const auto pass = co_await g.enter(host);
      m = std::max(m, ++i);
      while (!o) co_await e.wait();
      --i;
      ++t;
    }
  };
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  for (int i = 0; i < 7; ++i) scope.spawn("a", Visit::run(gate, "a.test", inside, most, through, open, go));
  while (inside < 2) co_await asio::post(loop.executor(), use_awaitable);
  // Another host is not held up.
  int other = 0, other_most = 0, other_through = 0;
  bool at_once = true;
  scope.spawn("b", Visit::run(gate, "b.test", other, other_most, other_through, at_once, go));
  while (other_through < 1) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(gate.hosts(), 1u);
  open = true;
  go.notify_all();
  co_await scope.join();
  EXPECT_EQ(most, 2);
  EXPECT_EQ(through, 7);
  EXPECT_EQ(gate.hosts(), 0u);
  // Whoever is cancelled while waiting leaves no trace.
  open = false;
  for (int i = 0; i < 4; ++i) scope.spawn("a", Visit::run(gate, "a.test", inside, most, through, open, go));
  while (inside < 2) co_await asio::post(loop.executor(), use_awaitable);
  co_await scope.stop();
  EXPECT_EQ(gate.hosts(), 0u);
}

CO_TEST(TestSend, says_what_is_in_the_way) {
  WithSink f(loop, {status(200), status(500), status(200)});
  co_await f.queue->start();
  const auto test = [&](std::string id = "notification-webhook.webhook") -> awaitable<std::string> {
    const auto result = (co_await f.deliveries.test(user(1), id, false)).value();
    co_return (result.success ? "yes" : "no") + (result.error ? " " + *result.error : "");
  };
  EXPECT_EQ(co_await test("no.such"), "no There is no such channel");
  EXPECT_EQ(co_await test(), "no The user has not set the channel up");
  // The user's own switch does not matter.
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":")" + f.sink.url() + "\"}", false));
  EXPECT_EQ(co_await test(), "yes");
  const auto body = boost::json::parse(f.sink.seen.at(0).body).as_object();
  EXPECT_EQ(body.at("type"), "notification");
  EXPECT_EQ(body.at("importance"), "info");
  EXPECT_EQ(body.at("action").at("url"), "https://watchbell.test/notification/settings");
  EXPECT_EQ(co_await test(), "no the receiver answered 500");
  EXPECT_EQ(f.sink.requests, 2u);
  for (const char* table : {"notifications", "deliveries", "delivery_attempts", "dispatches"}) EXPECT_EQ(co_await f.rows(table), 0) << table;
  f.gone.insert(user(1));
  EXPECT_EQ(co_await test(), "no The user no longer exists");
  EXPECT_TRUE(co_await f.channel_settings.update_strategy({.strategy_id = Text<1, 200>::of("notification-webhook.webhook"), .enabled = {false}, .config = {}}));
  EXPECT_EQ(co_await test(), "no The channel is switched off");
  co_await f.end();
}

CO_TEST(Housekeeping, N_15_old_attempts_go_by_themselves) {
  WithSink f(loop, {status(200)});
  co_await f.begin();
  co_await f.notify({user(1)});
  co_await f.until_settled(1);
  EXPECT_EQ((co_await f.retention.run()).kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 1);
  f.scope.spawn("keep_house", keep_house(f.deliveries, f.retention, *f.queue, f.wheel));
  co_await asio::post(loop.executor(), use_awaitable);
  f.clock.advance(61s, 61s);
  co_await f.until_settled(2);
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 1) << "asked soon after the start, when nothing was old";
  f.clock.advance(kKept, 1h);
  f.clock.advance(2h, 1h);
  while (co_await f.rows("dispatches") > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(co_await f.rows("delivery_attempts"), 0);
  EXPECT_EQ(co_await f.rows("deliveries"), 0);
  EXPECT_EQ(co_await f.rows("notifications"), 1) << "inboxes keep what they hold until an administrator says otherwise";
  co_await f.end();
}

CO_TEST(Housekeeping, waits_for_a_queue_that_begins_late) {
  Fixture f(loop);
  f.scope.spawn("keep_house", keep_house(f.deliveries, f.retention, *f.queue, f.wheel));
  co_await asio::post(loop.executor(), use_awaitable);
  f.clock.advance(2h, 1min);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await f.rows("jobs"), 0);
  co_await f.queue->start();
  co_await f.elapse_until([&] { return f.queue->statistics().done == 1; }, 10s);
  co_await f.shut();
}

/// The domain, told of accounts, with a receiver.
struct WithAccounts : WithSink {
  explicit WithAccounts(async::Loop& l, std::vector<std::string> replies) : WithSink(l, std::move(replies)) {
    EXPECT_TRUE(tell_of_accounts(*bus, service, channel_settings, transactional, clock));
  }
  awaitable<void> ask_for_link(std::chrono::microseconds life = 1h) {
    auth::PasswordResetRequested event{.user_id = user(1), .request = Uuid::make_v7(clock.now().millis()), .expires_at = clock.now() + life, .token = {}};
    event.token.value = Text<1, 128>::of("t0ken");
    co_await change([event](Change& c) { return c.publishes(events::make(auth::kPasswordResetRequested, event)); });
  }
};

CO_TEST(AccountMessages, a_link_to_a_new_password_goes_straight_out_and_leaves_no_inbox_row) {
  WithAccounts f(loop, {status(204)});
  co_await f.begin();
  // Whoever switched a channel off for messages still needs the way back.
  EXPECT_TRUE(co_await f.set_webhook(user(1), {}, false));
  co_await f.ask_for_link();
  co_await f.until_settled(2);
  CO_ASSERT_EQ(f.sink.requests, 1u);
  const auto body = boost::json::parse(f.sink.seen[0].body).as_object();
  EXPECT_EQ(body.at("type"), "transactional");
  const std::string url(body.at("action").as_object().at("url").as_string());
  EXPECT_TRUE(url.starts_with("http") && url.ends_with("/auth/reset-password?token=t0ken")) << url;
  for (const std::string table : {"notifications", "jobs", "dispatches where sealed is not null or title || body <> '' or action_url is not null"})
    EXPECT_EQ(co_await f.rows(table), 0) << table;
  EXPECT_EQ(co_await f.state(), "delivered 1 ");
  co_await f.end();
}

CO_TEST(AccountMessages, a_link_that_no_channel_took_is_sent_again_under_its_key) {
  WithAccounts f(loop, {status(503), status(204)});
  co_await f.begin();
  co_await f.ask_for_link();
  co_await f.elapse_until([&] { return f.sink.requests == 2 && f.queue->statistics().running == 0; });
  EXPECT_EQ(head(f.sink.seen[0], "webhook-id"), head(f.sink.seen[1], "webhook-id"));
  co_await f.end();
}

CO_TEST(AccountMessages, a_link_that_opens_nothing_any_more_is_not_sent) {
  WithAccounts f(loop, {status(204)});
  co_await f.begin();
  co_await f.ask_for_link(0s);
  co_await f.until_settled(1);
  EXPECT_EQ(f.sink.requests, 0u);
  co_await f.end();
}

CO_TEST(AccountMessages, who_has_another_password_is_told_once) {
  WithAccounts f(loop, {status(204)});
  co_await f.begin();
  const auth::PasswordChanged event{.user_id = user(1), .change = Uuid::make_v7(f.clock.now().millis())};
  for (int i = 0; i < 2; ++i) co_await f.change([event](Change& c) { return c.publishes(events::make(auth::kPasswordChanged, event)); });
  co_await f.until_settled(3);
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  EXPECT_NE((co_await f.page_of(user(1))).find("Your password was changed"), std::string::npos);
  EXPECT_EQ(f.sink.requests, 1u);
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::notification
