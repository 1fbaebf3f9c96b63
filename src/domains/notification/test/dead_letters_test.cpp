#include "domains/notification/dead_letters.hpp"

#include "domains/notification/test/fixture.hpp"
#include "platform/sql/testing.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using http::test::Sink;
using http::test::SinkReply;
using http::test::SinkRequest;
using test::user;

std::string answer(int status) { return fmt::format("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", status); }

std::string key_of(const SinkRequest& request) {
  const std::string lower = ascii_lower(request.head);
  const auto at = lower.find("\r\nwebhook-id: ");
  return at == std::string::npos ? "none" : request.head.substr(at + 14, 36);
}

/// A user with a webhook whose receiver answers what a test says.
struct WithDead : test::Fixture {
  explicit WithDead(async::Loop& l) : Fixture(l), sink(l.executor(), [this](const SinkRequest&) { return SinkReply{answer(status), SinkReply::Then::close}; }) {
    sink.start();
  }
  /// One delivery that is dead: all its tries but the last are left out.
  awaitable<DeliveryId> die() {
    co_await queue->start();
    EXPECT_TRUE(co_await set_webhook(user(1), R"({"url":")" + sink.url("/hook") + "\"}"));
    EXPECT_EQ(co_await notify({user(1)}), 1);
    co_await tried(1);
    co_await database->write([](sql::Session& s) { s.execute("update deliveries set attempts = 9"); });
    co_await try_again(2);
    co_return DeliveryId::parse(co_await one<std::string>("select id from deliveries")).value();
  }
  awaitable<void> tried(std::int64_t times) {
    while (co_await rows("delivery_attempts") < times || queue->statistics().running > 0) co_await asio::post(loop.executor(), use_awaitable);
    // The queue looks for what is due next; its timer must be armed before a test moves the clock.
    co_await until_idle();
  }
  awaitable<void> try_again(std::int64_t times) {
    const auto due = co_await one<Timestamp>("select run_at from jobs");
    clock.advance(due - clock.now() + 20ms, 1h);
    co_await tried(times);
  }
  awaitable<std::string> state() { co_return co_await one<std::string>("select state || ' ' || attempts || ' ' || coalesce(reason, '') from deliveries"); }
  awaitable<void> end() {
    co_await sink.close();
    co_await shut();
  }
  int status = 500;
  Sink sink;
};

CO_TEST(DeadLetters, N_5_a_replayed_one_arrives_under_the_same_key) {
  WithDead f(loop);
  const auto id = co_await f.die();
  EXPECT_EQ(co_await f.state(), "dead 10 the receiver answered 500");
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  const auto letters = (co_await f.dead_letters.list({})).value();
  CO_ASSERT_EQ(letters.items.size(), 1u);
  EXPECT_EQ(letters.total, 1);
  EXPECT_EQ(letters.items[0].delivery_id, id);
  EXPECT_EQ(letters.items[0].user_name, "User 1");
  EXPECT_EQ(letters.items[0].reason, "the receiver answered 500");
  f.status = 204;
  int noted = 0;
  EXPECT_TRUE(co_await f.dead_letters.replay(id, [&](Change&) { ++noted; }));
  co_await f.tried(3);
  EXPECT_EQ(co_await f.state(), "delivered 1 ");
  EXPECT_EQ(noted, 1);
  CO_ASSERT_EQ(f.sink.seen.size(), 3u);
  EXPECT_EQ(key_of(f.sink.seen[2]), id.to_string());
  EXPECT_EQ(key_of(f.sink.seen[2]), key_of(f.sink.seen[0]));
  EXPECT_EQ(f.sink.seen[2].body, f.sink.seen[0].body);
  EXPECT_EQ((co_await f.dead_letters.list({}))->total, 0);
  co_await f.end();
}

CO_TEST(DeadLetters, N_5_a_replayed_one_has_its_whole_schedule_before_it) {
  WithDead f(loop);
  const auto id = co_await f.die();
  EXPECT_TRUE(co_await f.dead_letters.replay(id));
  co_await f.tried(3);
  EXPECT_EQ(co_await f.state(), "pending 1 the receiver answered 500");
  const auto pause = co_await f.one<Timestamp>("select run_at from jobs") - f.clock.now();
  EXPECT_GE(pause, 5s);
  EXPECT_LE(pause, 6s);
  co_await f.try_again(4);
  EXPECT_EQ(co_await f.state(), "pending 2 the receiver answered 500");
  co_await f.end();
}

CO_TEST(DeadLetters, only_what_is_dead_is_replayed_and_only_once) {
  WithDead f(loop);
  const auto id = co_await f.die();
  int noted = 0;
  const auto replay = [&](DeliveryId of) -> awaitable<std::string> {
    const auto done = co_await f.dead_letters.replay(of, [&](Change&) { ++noted; });
    co_return done ? "done" : done.error().message;
  };
  EXPECT_EQ((co_await replay(DeliveryId::make(f.clock.now()))).substr(0, 20), "There is no delivery");
  EXPECT_EQ(noted, 0);
  EXPECT_EQ(co_await replay(id), "done");
  EXPECT_EQ(co_await replay(id), "This delivery is already on its way");
  EXPECT_EQ(noted, 1);
  EXPECT_LE(co_await f.rows("jobs"), 1);
  co_await f.end();
}

CO_TEST(DeadLetters, a_replay_that_cannot_be_written_down_does_not_happen) {
  WithDead f(loop);
  const auto id = co_await f.die();
  bool failed = false;
  try {
    co_await f.dead_letters.replay(id, [](Change&) { throw Fault("the audit log is full"); });
  } catch (const Fault&) {
    failed = true;
  }
  EXPECT_TRUE(failed);
  EXPECT_EQ(co_await f.state(), "dead 10 the receiver answered 500");
  EXPECT_EQ(co_await f.rows("jobs"), 0);
  co_await f.end();
}

CO_TEST(DeadLetters, attempts_of_one_delivery_of_a_notification_and_of_all) {
  WithDead f(loop);
  const auto id = co_await f.die();
  f.status = 204;
  EXPECT_TRUE(co_await f.set_webhook(user(2), R"({"url":")" + f.sink.url("/hook") + "\"}"));
  EXPECT_EQ(co_await f.notify({user(2)}), 1);
  co_await f.tried(3);
  const auto seen = [&](GetDeliveryAttempts input) -> awaitable<std::string> {
    const auto page = (co_await f.dead_letters.attempts(std::move(input))).value();
    std::string text = std::to_string(page.total) + ":";
    for (const auto& row : page.items) text += row.status == AttemptStatus::success ? " ok" : " " + row.error_message.value();
    co_return text;
  };
  GetDeliveryAttempts all, second{.limit = 1, .offset = 1}, of_delivery, of_notification;
  of_delivery.delivery_id = id;
  of_notification.notification_id = NotificationId::parse(co_await f.one<std::string>("select notification_id from deliveries where state = 'delivered'")).value();
  EXPECT_EQ(co_await seen(all), "3: ok the receiver answered 500 the receiver answered 500");
  EXPECT_EQ(co_await seen(second), "3: the receiver answered 500");
  EXPECT_EQ(co_await seen(of_delivery), "2: the receiver answered 500 the receiver answered 500");
  EXPECT_EQ(co_await seen(of_notification), "1: ok");
  co_await f.end();
}

CO_TEST(DeadLetters, N_14_administrators_are_not_told_the_servers_that_users_set) {
  WithDead f(loop);
  co_await f.die();
  const auto told = [&f](std::string strategy) -> awaitable<std::string> {
    co_await f.database->write([strategy](sql::Session& s) {
      s.execute("update deliveries set reason = 'connecting to db.internal:5432 failed', strategy_id = :1", strategy);
      s.execute("update delivery_attempts set error_message = 'connecting to db.internal:5432 failed', strategy_id = :1", strategy);
    });
    const auto letters = (co_await f.dead_letters.list({})).value();
    const auto attempts = (co_await f.dead_letters.attempts({})).value();
    EXPECT_EQ(letters.items.at(0).reason, attempts.items.at(0).error_message);
    co_return letters.items.at(0).reason.value();
  };
  EXPECT_EQ(co_await told("notification-webhook.webhook"), "The receiver could not be reached, or did not answer as it should");
  EXPECT_EQ(co_await told("notification-smtp.smtp"), "connecting to db.internal:5432 failed") << "it is theirs to mend";
  co_await f.end();
}

TEST(DeadLetters, N_16_pages_have_a_stable_order_and_an_index) {
  sql::testing::FreshSession session(migrations::notification());
  const auto now = Timestamp::from_millis(1'767'225'600'000);
  const Dispatch dispatch{.id = DispatchId::make(now), .sender = "s", .idempotency_key = {}, .body_hash = "h", .message = {.title = "t", .body = "b", .action = {}}, .created_at = now};
  store::insert_dispatch(session, dispatch, {});
  for (int i = 0; i < 8; ++i) {
    const std::vector<store::NewDelivery> one{{.id = DeliveryId::make(now), .notification_id = NotificationId::make(now), .user_id = user(i)}};
    store::insert_deliveries(session, dispatch.id, "s", one, now);
    if (i < 7) store::settle_delivery(session, store::find_delivery(session, one[0].id).value(), DeliveryState::dead, 10, {}, "no", now + (i / 3) * 1s);
  }
  std::vector<std::pair<Timestamp, DeliveryId>> seen;
  for (int offset = 0; offset < 8; offset += 2)
    for (const auto& row : store::dead_letters(session, 2, offset)) seen.emplace_back(row.died_at, row.id);
  EXPECT_EQ(store::count_dead_letters(session), 7);
  ASSERT_EQ(seen.size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::ranges::greater()));
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  if (session.dialect() == sql::Dialect::sqlite) {
    const auto plan = session.one<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>>(
        "explain query plan select id from deliveries where state = 'dead' order by updated_at desc, id desc limit 20");
    EXPECT_NE(std::get<3>(plan.value()).find("deliveries_dead"), std::string::npos) << std::get<3>(plan.value());
  }
}

TEST(NotificationRules, only_dead_deliveries_are_sent_again) {
  Delivery delivery;
  for (const auto state : {DeliveryState::pending, DeliveryState::delivered, DeliveryState::refused}) {
    delivery.state = state;
    EXPECT_EQ(rules::judge_replay(delivery).error().code, ErrorCode::conflict);
  }
  delivery.state = DeliveryState::dead;
  EXPECT_TRUE(rules::judge_replay(delivery));
  delivery.transactional = true;
  EXPECT_EQ(rules::judge_replay(delivery).error().code, ErrorCode::conflict) << "what it said is gone";
}

}  // namespace
}  // namespace watchbell::notification
