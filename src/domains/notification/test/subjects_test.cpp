// What a message is about and what it belongs to: bounds, rows, inbox, and what readers learn of its way out.
#include "domains/notification/test/fixture.hpp"
#include "platform/sql/testing.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using http::test::Sink;
using http::test::SinkReply;
using http::test::SinkRequest;
using test::application;
using test::Fixture;
using test::user;

const Timestamp kNow = Timestamp::from_millis(1'767'225'600'000);

Subject shop() { return {.kind = "catalog.system", .id = "7", .name = "Shop", .url = "/catalog/system/7", .status = SubjectStatus::unhealthy}; }
Subject bare() { return {.kind = "ci.build", .id = "42", .name = "Build \"42\"", .url = {}, .status = {}}; }

std::string field_of(const Result<void>& judged) { return judged ? "good" : judged.error().field; }

TEST(NotificationRules, subjects_are_of_a_kind_and_lead_to_the_web_or_to_this_site) {
  const auto kind = [](std::string text) {
    auto subject = shop();
    subject.kind = std::move(text);
    return field_of(rules::judge_subjects({bare(), subject}));
  };
  for (const char* good : {"catalog.system", "ci.build", "a.b", "build-bot.deploy_2"}) EXPECT_EQ(kind(good), "good") << good;
  for (const char* bad : {"", "catalog", ".system", "catalog.", "Catalog.system", "catalog.System", "catalog.system.x", "catalog system", "1.x", "ä.x", "a.b\n"})
    EXPECT_EQ(kind(bad), "subjects.1.kind") << bad;
  for (const char* bad : {"javascript:alert(1)", "//evil.example", "", "/a b"}) {
    auto subject = shop();
    subject.url = bad;
    EXPECT_EQ(field_of(rules::judge_subjects({subject})), "subjects.0.url") << bad;
  }
}

TEST(NotificationRules, N_16_subjects_and_collapse_keys_have_bounds) {
  EXPECT_EQ(field_of(rules::judge_subjects(std::vector(rules::kSubjectsMax, shop()))), "good");
  EXPECT_EQ(field_of(rules::judge_subjects(std::vector(rules::kSubjectsMax + 1, shop()))), "subjects");
  // Every recipient has a copy.
  auto wide = shop();
  wide.url = "/" + std::string(2047, 'x');
  EXPECT_EQ(field_of(rules::judge_subjects(std::vector(15, wide))), "good");
  EXPECT_EQ(field_of(rules::judge_subjects(std::vector(16, wide))), "subjects");
  for (const char* good : {"catalog.system.7", "any text ✓ \"quoted\""}) EXPECT_TRUE(rules::judge_collapse_key(good)) << good;
  for (const std::string bad : {"a\nb", "\t", "a\x7f", "a\u0085"}) EXPECT_EQ(field_of(rules::judge_collapse_key(bad)), "collapseKey") << bad;
}

TEST(NotificationRules, of_our_own_senders_subjects_only_good_ones_are_kept) {
  auto named = shop();
  named.name = std::string(300, 'n');
  auto astray = shop();
  astray.url = "javascript:x";
  auto unkind = shop();
  unkind.kind = "Shop";
  auto nobody = shop();
  nobody.id.clear();
  const auto kept = rules::clamped({.title = "t", .body = "b", .action = {}, .subjects = {named, astray, bare(), unkind, nobody}, .collapse_key = "a\nb"});
  ASSERT_EQ(kept.subjects.size(), 2u);
  EXPECT_EQ(kept.subjects[0].name, std::string(200, 'n'));
  EXPECT_EQ(kept.subjects[1], bare());
  EXPECT_FALSE(kept.collapse_key);
  EXPECT_EQ(rules::clamped({.title = "t", .body = "b", .action = {}, .subjects = std::vector(60, shop())}).subjects.size(), rules::kSubjectsMax);
  const Message fine{.title = "t", .body = "b", .action = {}, .subjects = {shop(), bare()}, .collapse_key = "catalog.system.7"};
  EXPECT_EQ(rules::clamped(fine), fine);
}

TEST(NotificationRules, a_reader_is_told_no_server_and_no_words_of_one) {
  EXPECT_EQ(rules::reason_for_reader("The user has not set the channel up"), "The user has not set the channel up");
  EXPECT_EQ(rules::reason_for_reader("the receiver answered 404"), "the receiver answered 404");
  EXPECT_EQ(rules::reason_for_reader("the receiver answered 400: chat 10.0.0.8 not found"), "the receiver answered 400");
  EXPECT_EQ(rules::reason_for_reader("the receiver answered 302; redirects are not followed"), "the receiver answered 302");
  for (const char* told : {"could not connect to mail.inner.test:587: refused", "mail.inner.test refused the login", "the receiver answered x", "the receiver answered 5",
                           "The user has not set the channel up at mail.inner.test", "hooks.inner.test is 169.254.169.254, a guarded address", ""})
    EXPECT_EQ(rules::reason_for_reader(told), "The receiver could not be reached, or did not answer as it should") << told;
}

/// One notification of the user.
NotificationId put(sql::Session& session, UserId of, Timestamp at, std::optional<std::string> key, std::vector<Subject> subjects = {}) {
  const Dispatch dispatch{.id = DispatchId::make(at),
                          .sender = "service:t",
                          .idempotency_key = {},
                          .body_hash = "h",
                          .message = {.title = "t", .body = "b", .action = {}, .subjects = std::move(subjects), .collapse_key = std::move(key)},
                          .created_at = at};
  store::insert_dispatch(session, dispatch, {});
  EXPECT_EQ(store::find_dispatch(session, dispatch.id)->message, dispatch.message);
  const std::vector<store::InboxRow> rows{{.id = NotificationId::make(at), .user_id = of}};
  store::insert_notifications(session, dispatch, {}, rows);
  const std::vector<store::NewDelivery> one{{.id = DeliveryId::make(at), .notification_id = rows[0].id, .user_id = of}};
  store::insert_deliveries(session, dispatch.id, "s", one, at);
  EXPECT_EQ(store::find_delivery(session, one[0].id)->message, dispatch.message);
  return rows[0].id;
}

TEST(NotificationStore, subjects_and_collapse_key_read_back_as_they_were_written) {
  sql::testing::FreshSession session(migrations::notification());
  put(session, user(1), kNow, "catalog.system.7", {shop(), bare()});
  put(session, user(1), kNow + 1s, {});
  const auto rows = store::page(session, user(1), false, 5, 0);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows[0].collapse_key);
  EXPECT_TRUE(rows[0].subjects.empty());
  EXPECT_EQ(rows[1].collapse_key, "catalog.system.7");
  EXPECT_EQ(rows[1].subjects, (std::vector{shop(), bare()}));
  EXPECT_EQ(session.one<std::int64_t>("select count(*) from notifications where subjects is null and collapse_key is null"), 1) << "nothing is kept of none";
}

TEST(NotificationStore, rows_of_a_database_that_knew_no_subjects_have_none) {
  auto before = migrations::notification();
  before.migrations.resize(3);
  sql::testing::FreshSession session(before);
  const auto dispatch = DispatchId::make(kNow), delivery = DispatchId::make(kNow), row = DispatchId::make(kNow);
  session.execute(
      "insert into dispatches (id, sender, body_hash, title, body, importance, group_ids, state, notified_count, created_at) "
      "values (:1, 's', 'h', 't', 'b', 'info', '[\"catalog.system.7\"]', 'done', 1, :2)",
      dispatch, kNow);
  session.execute(
      "insert into notifications (id, user_id, title, body, importance, is_read, dispatch_id, created_at) values (:1, :2, 't', 'b', 'info', false, :3, :4)", row,
      user(1), dispatch, kNow);
  session.execute(
      "insert into deliveries (id, dispatch_id, notification_id, user_id, strategy_id, state, attempts, next_at, created_at, updated_at) "
      "values (:1, :2, :3, :4, 's', 'pending', 0, :5, :5, :5)",
      delivery, dispatch, row, user(1), kNow);
  const std::array<const sql::MigrationSet*, 1> now{&migrations::notification()};
  const auto migrated = sql::migrate(session, now, kNow);
  ASSERT_TRUE(migrated) << migrated.error().message;
  const auto rows = store::page(session, user(1), false, 5, 0);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(rows[0].subjects.empty() && !rows[0].collapse_key);
  EXPECT_EQ(store::find_dispatch(session, dispatch)->message, (Message{.title = "t", .body = "b", .action = {}}));
  EXPECT_EQ(store::find_delivery(session, DeliveryId(delivery.uuid()))->thread, "catalog.system.7") << "what waits goes on";
}

TEST(NotificationStore, N_16_rows_of_one_key_have_a_stable_order_and_an_index) {
  sql::testing::FreshSession session(migrations::notification());
  for (int i = 0; i < 7; ++i) put(session, user(1), kNow + (i / 3) * 1s, "k");
  put(session, user(1), kNow, "other");
  put(session, user(1), kNow, {});
  put(session, user(2), kNow, "k");
  std::vector<std::pair<Timestamp, NotificationId>> seen;
  for (int offset = 0; offset < 8; offset += 2)
    for (const auto& row : store::page(session, user(1), false, 2, offset, "k")) seen.emplace_back(row.created_at, row.id);
  ASSERT_EQ(seen.size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::ranges::greater()));
  EXPECT_EQ(store::count(session, user(1), false, "k"), 7);
  EXPECT_EQ(store::mark_read(session, user(1), seen[0].second), 1);
  EXPECT_EQ(store::count(session, user(1), true, "k"), 6);
  EXPECT_EQ(store::page(session, user(1), true, 9, 0, "k").size(), 6u);
  if (session.dialect() == sql::Dialect::sqlite) {
    const auto plan = session.one<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>>(
        "explain query plan select id from notifications where user_id = 'u' and collapse_key = 'k' order by created_at desc, id desc limit 20");
    EXPECT_NE(std::get<3>(plan.value()).find("notifications_collapse"), std::string::npos) << std::get<3>(plan.value());
  }
}

TEST(NotificationStore, ways_out_are_those_of_ones_own_notifications) {
  sql::testing::FreshSession session(migrations::notification());
  const auto mine = put(session, user(1), kNow, {}), removed = put(session, user(1), kNow, {}), other = put(session, user(2), kNow, {});
  EXPECT_TRUE(store::remove(session, user(1), removed));
  const auto seen = store::passages(session, user(1), {other, removed, mine, NotificationId::make(kNow)});
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].notification_id, mine);
  EXPECT_EQ(seen[0].strategy_id, "s");
  EXPECT_EQ(seen[0].state, DeliveryState::pending);
  EXPECT_EQ(seen[0].updated_at, kNow);
}

NotifyUsers about(std::vector<UserId> users, std::string title, std::optional<std::string> key, bool with_subject = true) {
  NotifyUsers input{.user_ids = {}, .title = Text<1, 200>::of(std::move(title)), .body = {}, .action = {}, .idempotency_key = {}};
  for (const auto& one : users) input.user_ids.push_back(Text<1, 200>::of(one.to_string()));
  if (key) input.collapse_key = Text<1, 200>::of(*key);
  if (with_subject) {
    input.subjects.emplace().push_back({.kind = Text<1, 100>::of("catalog.system"),
                                        .id = Text<1, 200>::of("7"),
                                        .name = Text<1, 200>::of("Shop"),
                                        .url = Text<1, 2048>::of("/catalog/system/7"),
                                        .status = SubjectStatus::unhealthy});
  }
  return input;
}

CO_TEST(Subjects, rows_of_the_inbox_carry_what_was_sent_and_the_unread_count_counts_rows) {
  Fixture f(loop);
  co_await f.queue->start();
  for (const char* title : {"down", "up"}) EXPECT_TRUE(co_await f.service.notify_users(application(1), about({user(1)}, title, "catalog.system.7")));
  EXPECT_TRUE(co_await f.service.notify_users(application(1), about({user(1)}, "alone", {}, false)));
  EXPECT_EQ(co_await f.unread(user(1)), R"({"json":{"count":3}})");
  const auto page = co_await f.page_of(user(1));
  const std::string carried =
      R"("collapseKey":"catalog.system.7","subjects":[{"kind":"catalog.system","id":"7","name":"Shop","url":"/catalog/system/7","status":"unhealthy"}],"createdAt")";
  const auto first = page.find(carried);
  EXPECT_NE(first, std::string::npos) << page;
  EXPECT_NE(page.find(carried, first + 1), std::string::npos) << page;
  EXPECT_NE(page.find(R"("title":"alone","body":"","importance":"info","isRead":false,"createdAt")"), std::string::npos) << page;
  co_await f.shut();
}

CO_TEST(Subjects, N_3_a_page_of_one_key_is_dropped_like_every_other) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto of = [&](const char* key) { return f.page_of(user(1), {.collapse_key = Text<1, 200>::of(key)}); };
  EXPECT_TRUE(co_await f.service.notify_users(application(1), about({user(1)}, "down", "k")));
  EXPECT_NE((co_await of("k")).find(R"("total":1)"), std::string::npos);
  EXPECT_NE((co_await of("other")).find(R"("total":0)"), std::string::npos);
  const auto loads = f.cache.snapshot().loads;
  co_await of("k");
  EXPECT_EQ(f.cache.snapshot().loads, loads);
  EXPECT_TRUE(co_await f.service.notify_users(application(1), about({user(1)}, "up", "k")));
  EXPECT_NE((co_await of("k")).find(R"("total":2)"), std::string::npos);
  co_await f.shut();
}

CO_TEST(Subjects, an_idempotency_key_tells_bodies_apart_by_them) {
  Fixture f(loop);
  co_await f.queue->start();
  const auto send = [&](NotifyUsers input) -> awaitable<bool> {
    input.idempotency_key = Text<1, 200>::of("once");
    co_return (co_await f.service.notify_users(application(1), std::move(input))).has_value();
  };
  EXPECT_TRUE(co_await send(about({user(1)}, "t", "k")));
  EXPECT_TRUE(co_await send(about({user(1)}, "t", "k")));
  EXPECT_FALSE(co_await send(about({user(1)}, "t", "other")));
  EXPECT_FALSE(co_await send(about({user(1)}, "t", {})));
  EXPECT_FALSE(co_await send(about({user(1)}, "t", "k", false)));
  auto renamed = about({user(1)}, "t", "k");
  renamed.subjects->front().name = Text<1, 200>::of("Web shop");
  EXPECT_FALSE(co_await send(renamed));
  EXPECT_EQ(co_await f.rows("notifications"), 1);
  co_await f.shut();
}

CO_TEST(Subjects, of_another_domain_reach_the_inbox_of_followers) {
  Fixture f(loop);
  co_await f.queue->start();
  co_await f.change([&f](Change& change) { return f.service.put_group(change, {.id = "catalog.system.7", .name = "Shop", .description = "", .owner = "catalog"}); });
  EXPECT_TRUE(co_await f.service.subscribe(user(1), "catalog.system.7"));
  const Message message{.title = "down", .body = "", .action = {}, .subjects = {shop()}, .collapse_key = "catalog.system.7"};
  co_await f.change([&f, message](Change& change) { return f.service.notify_groups_later(change, {"catalog.system.7"}, message); });
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  const auto rows = co_await f.database->read([](sql::Session& session) { return store::page(session, user(1), false, 9, 0); });
  CO_ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->at(0).subjects, message.subjects);
  EXPECT_EQ(rows->at(0).collapse_key, message.collapse_key);
  co_await f.shut();
}

CO_TEST(Subjects, urls_of_this_site_are_whole_ones_for_receivers) {
  Fixture f(loop);
  co_await f.queue->start();
  Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", SinkReply::Then::close}; });
  sink.start();
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":")" + sink.url("/hook") + "\"}"));
  EXPECT_TRUE(co_await f.service.notify_users(application(1), about({user(1)}, "down", "catalog.system.7")));
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  CO_ASSERT_EQ(sink.seen.size(), 1u);
  EXPECT_NE(sink.seen[0].body.find(
                R"("subjects":[{"kind":"catalog.system","id":"7","name":"Shop","url":"https://watchbell.test/catalog/system/7","status":"unhealthy"}])"),
            std::string::npos)
      << sink.seen[0].body;
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(Subjects, a_push_that_comes_late_takes_no_place_of_what_overtook_it) {
  Fixture f(loop);
  co_await f.queue->start();
  int status = 503;
  std::vector<std::string> topics;
  Sink sink(loop.executor(), [&](const SinkRequest& request) {
    const auto at = ascii_lower(request.head).find("\r\ntopic: ");
    topics.push_back(at == std::string::npos ? "none" : request.head.substr(at + 9, request.head.find("\r\n", at + 2) - at - 9));
    return SinkReply{fmt::format("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", status), SinkReply::Then::close};
  });
  sink.start();
  EXPECT_TRUE(co_await f.push_subscriptions.key());
  EXPECT_TRUE(co_await f.push_subscriptions.add(
      user(1), {.endpoint = *Url::make(sink.url("/1")),
                .keys = {.p256dh = Text<1, 200>::of("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
                         .auth = Text<1, 100>::of("BTBZMqHH6r4Tts7J_aSIgg")}}));
  const auto tried = [&](std::int64_t times) -> awaitable<void> {
    while (co_await f.rows("delivery_attempts") < times || f.queue->statistics().running > 0) co_await asio::post(loop.executor(), use_awaitable);
    // The queue looks for what is due next; its timer must be armed before the clock is moved.
    co_await f.until_idle();
  };
  EXPECT_TRUE(co_await f.service.notify_users(application(1), about({user(1)}, "down", "k")));
  co_await tried(1);
  status = 201;
  EXPECT_TRUE(co_await f.service.notify_users(application(1), about({user(1)}, "up", "k")));
  co_await tried(2);
  f.clock.advance(co_await f.one<Timestamp>("select run_at from jobs") - f.clock.now() + 20ms, 1h);
  co_await tried(3);
  CO_ASSERT_EQ(topics.size(), 3u);
  EXPECT_EQ(topics[0], topics[1]) << "the newer one takes the place of the older one";
  EXPECT_NE(topics[2], topics[1]) << "but not the other way round";
  co_await sink.close();
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
