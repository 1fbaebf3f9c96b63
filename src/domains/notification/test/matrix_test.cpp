// The matrix of what changes what: every mutation of the contract, and whatever else changes rows, against every read that is cached. After the change
// returned each reader, over his own connection, is answered what a server with an empty cache answers; and so is a page that asks on any signal of it.
#include <gtest/gtest.h>

#include "domains/notification/gone_channels.hpp"
#include "domains/notification/lapsed_channels.hpp"
#include "domains/notification/test/fixture.hpp"
#include "domains/notification/users.hpp"
#include "runtime/rpc/dispatcher.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using test::user;

const std::string kWebhookId = "notification-webhook.webhook";

/// A cookie is a user's id, who holds everything; "Bearer" is an application that does.
class Callers final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    access::Principal principal;
    principal.kind = credentials.authorization.empty() ? access::Principal::Kind::user : access::Principal::Kind::application;
    principal.id = credentials.authorization.empty() ? *Uuid::parse(credentials.cookie) : user(77).uuid();
    principal.rules = std::make_shared<const access::RuleSet>(std::vector<std::string>{"*"});
    co_return std::make_shared<const access::Principal>(std::move(principal));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
};

/// A way in over a cache of its own; all else is the fixture's.
struct Door {
  Door(test::Fixture& f, coherence::Memory& cache)
      : service(*f.database, cache, *f.changes, f.scope, f.channel_settings, f.existing(), f.viewers()) {
    mount(f, service);
  }
  explicit Door(test::Fixture& f, Service& served) : service(*f.database, f.cache, *f.changes, f.scope, f.channel_settings, f.existing(), f.viewers()) {
    mount(f, served);
  }
  void mount(test::Fixture& f, Service& served) {
    EXPECT_TRUE(dispatcher.mount(contract(served, f.channel_settings, f.push_subscriptions, f.links, f.deliveries, f.transactional, f.retention, f.dead_letters, 8 << 20,
                                          [](Change&, const auth::AuditEntry&) {})));
    rpc::Area catalog("catalog");
    catalog.objects("system");
    EXPECT_TRUE(dispatcher.mount(std::move(catalog)));
  }
  awaitable<std::string> call(std::string procedure, std::string input, std::string cookie, std::string authorization = {}) {
    const std::string path = "notification/" + procedure, body = R"({"json":)" + input + "}";
    auto answer = co_await dispatcher.call({.method = "POST", .path = path, .body = body, .credentials = {.authorization = authorization, .cookie = cookie}});
    const auto* text = std::get_if<std::string>(&answer.body);
    co_return std::to_string(answer.status) + " " + (text != nullptr ? *text : *std::get<1>(answer.body));
  }
  Callers who;
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  Service service;
  rpc::Dispatcher dispatcher{who, pool};
};

/// A read that is cached. `kind` is what the rows below speak of: unread count, inbox, the rows of one collapse key, subscriptions.
struct Read {
  char kind;
  std::string procedure;
  std::string input;
};
const std::vector<Read>& reads() {
  static const std::vector<Read> all{{'u', "getUnreadCount", "null"},
                                     {'n', "getNotifications", "{}"},
                                     {'n', "getNotifications", R"({"unreadOnly":true})"},
                                     {'n', "getNotifications", R"({"limit":2,"offset":1})"},
                                     {'k', "getNotifications", R"({"collapseKey":"ci.nightly"})"},
                                     {'s', "getSubscriptions", "null"}};
  return all;
}

/// Two users with a page open each, and what they have.
struct Matrix : test::Fixture {
  explicit Matrix(async::Loop& l) : Fixture(l, Storage::file), door(*this, service) {
    EXPECT_TRUE(follow_users(*bus, *changes, settings, service));
    EXPECT_TRUE(tell_of_gone_channels(*bus, service, registry));
    EXPECT_TRUE(tell_of_lapsed_channels(*bus, service, registry));
  }
  static std::string id(int n) { return user(n).to_string(); }
  awaitable<void> must(std::string procedure, std::string input, int by) {
    const auto answer = co_await door.call(procedure, input, by == 77 ? "" : id(by), by == 77 ? "Bearer" : "");
    EXPECT_EQ(answer.substr(0, 3), "200") << procedure << " " << answer;
  }
  awaitable<void> all_done() {
    while (co_await rows("jobs") > 0) co_await asio::post(loop.executor(), use_awaitable);
  }
  awaitable<void> furnish() {
    co_await queue->start();
    const std::string both = R"(["01000000-0000-7000-8000-000000000001","01000000-0000-7000-8000-000000000002"])";
    co_await must("notifyUsers", R"({"userIds":)" + both + R"(,"title":"Old","body":"","collapseKey":"ci.nightly"})", 77);
    clock.advance(40 * 24h, 24h);
    co_await all_done();
    for (const char* title : {"One", "Two"}) {
      co_await must("notifyUsers", R"({"userIds":)" + both + R"(,"title":")" + title + R"(","body":"","collapseKey":"ci.nightly"})", 77);
      clock.advance(1s, 1s);
    }
    co_await change([this](Change& c) { return service.put_group(c, {.id = "catalog.system.1", .name = "Shop", .description = "d", .owner = "catalog"}); });
    co_await must("createGroup", R"({"groupId":"deploys","name":"Deploys","description":"","ownerPlugin":"ci"})", 77);
    for (const int of : {1, 2}) co_await must("subscribe", R"({"groupId":"ci.deploys"})", of);
    co_await must("subscribe", R"({"groupId":"catalog.system.1"})", 2);
    co_await all_done();
    pages = {co_await open_page(user(1)), co_await open_page(user(2))};
  }
  /// What both are answered to each read, as "<user> <read>" -> answer.
  static awaitable<std::map<std::string, std::string>> answers(Door& at, std::vector<int> of) {
    std::map<std::string, std::string> all;
    for (const int reader : of)
      for (const auto& read : reads()) all[fmt::format("{} {} {} {}", reader, read.kind, read.procedure, read.input)] = co_await at.call(read.procedure, read.input, id(reader));
    co_return all;
  }
  /// The same of a server that has nothing cached.
  awaitable<std::map<std::string, std::string>> truth() {
    coherence::Memory empty;
    std::map<std::string, std::string> all;
    {
      Door cold(*this, empty);
      all = co_await answers(cold, {1, 2});
    }
    co_await empty.close<Executor>();
    co_return all;
  }
  Door door;
  std::vector<std::shared_ptr<test::Page>> pages;
};

/// What happens, what changes by it ("1n": the inbox of user 1), and how many signals each of the two gets.
struct Row {
  std::string what;  ///< a mutation's name, or words for what no procedure does
  std::function<awaitable<void>(Matrix&)> happens;
  std::set<std::string> changes;
  std::array<std::size_t, 2> signals{0, 0};
};

Row calling(std::string procedure, std::string input, int by, std::set<std::string> changes = {}, std::array<std::size_t, 2> signals = {0, 0}) {
  return {procedure, [=](Matrix& m) { return m.must(procedure, input, by); }, std::move(changes), signals};
}
/// Whoever is refused changes nothing either.
Row refused(std::string procedure, std::string input, int by) {
  struct Call {
    static awaitable<void> run(Matrix& m, std::string name, std::string given, int who) {
      const auto answer = co_await m.door.call(name, given, Matrix::id(who));
      EXPECT_NE(answer.substr(0, 3), "200") << name;
    }
  };
  return {procedure, [=](Matrix& m) { return Call::run(m, procedure, input, by); }, {}, {0, 0}};
}
/// A change of ours, and whatever jobs it brings about.
template <class F>
Row changing(std::string what, F change, std::set<std::string> changes, std::array<std::size_t, 2> signals = {0, 0}) {
  struct Run {
    static awaitable<void> run(Matrix& m, F f) {
      co_await m.change([&m, f](Change& c) { return f(m, c); });
      co_await m.all_done();
    }
  };
  return {std::move(what), [change](Matrix& m) { return Run::run(m, change); }, std::move(changes), signals};
}

awaitable<void> delete_newest(Matrix& m) {
  const auto id = co_await m.one<std::string>("select id from notifications where user_id = '" + Matrix::id(1) + "' order by created_at desc, id desc limit 1");
  co_await m.must("deleteNotification", R"({"notificationId":")" + id + "\"}", 1);
}
awaitable<void> purge(Matrix& m) {
  co_await m.must("setRetentionSettings", R"({"enabled":true,"retentionDays":30})", 1);
  co_await m.all_done();
}
awaitable<void> replay(Matrix& m) {
  const auto dead = DeliveryId::make(m.clock.now());
  const auto dispatch = DispatchId::parse(co_await m.one<std::string>("select id from dispatches order by created_at desc limit 1")).value();
  const auto of = NotificationId::parse(co_await m.one<std::string>("select id from notifications where user_id = '" + Matrix::id(2) + "' order by created_at desc limit 1")).value();
  co_await m.database->write([&m, dead, dispatch, of](sql::Session& s) {
    const std::vector<store::NewDelivery> one{{.id = dead, .notification_id = of, .user_id = user(2)}};
    store::insert_deliveries(s, dispatch, kWebhookId, one, m.clock.now());
    store::settle_delivery(s, store::find_delivery(s, dead).value(), DeliveryState::dead, 10, {}, "the receiver answered 500", m.clock.now());
  });
  co_await m.must("replayDelivery", R"({"deliveryId":")" + dead.to_string() + "\"}", 1);
}

const std::vector<Row>& rows() {
  const std::string hook = R"("strategyId":"notification-webhook.webhook")";
  static const std::vector<Row> all{
      calling("markAsRead", "{}", 1, {"1u", "1n", "1k"}, {2, 0}),
      {"deleteNotification", delete_newest, {"1u", "1n", "1k"}, {1, 0}},
      calling("subscribe", R"({"groupId":"catalog.system.1"})", 1, {"1s"}),
      calling("unsubscribe", R"({"groupId":"ci.deploys"})", 1, {"1s"}),
      calling("createGroup", R"({"groupId":"deploys","name":"Deployments","description":"","ownerPlugin":"ci"})", 77, {"1s", "2s"}),
      calling("deleteGroup", R"({"groupId":"ci.deploys","ownerPlugin":"ci"})", 77, {"1s", "2s"}),
      calling("notifyUsers", R"({"userIds":["01000000-0000-7000-8000-000000000001","01000000-0000-7000-8000-000000000002"],"title":"t","body":"","collapseKey":"ci.nightly"})", 77,
              {"1u", "1n", "1k", "2u", "2n", "2k"}, {2, 2}),
      calling("notifyGroups", R"({"groupIds":["catalog.system.1"],"title":"t","body":""})", 77, {"2u", "2n"}, {0, 2}),
      {"setRetentionSettings", purge, {"1u", "1n", "1k", "2u", "2n", "2k"}, {1, 1}},
      calling("sendTransactional", R"({"userId":"01000000-0000-7000-8000-000000000002","notification":{"title":"t","body":""}})", 77),
      {"replayDelivery", replay, {}, {0, 0}},
      calling("updateDeliveryStrategy", "{" + hook + R"(,"enabled":false})", 1),
      calling("setUserDeliveryPreference", "{" + hook + R"(,"enabled":true,"userConfig":{"url":"https://a.test/"}})", 1),
      calling("getPushKey", "null", 1),
      calling("addPushSubscription",
              R"({"endpoint":"https://push.test/a","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}})", 1),
      calling("removePushSubscription", R"({"endpoint":"https://push.test/a"})", 1),
      refused("getDeliveryOAuthUrl", R"({"strategyId":"notification-teams.teams"})", 1),
      calling("unlinkDeliveryChannel", "{" + hook + "}", 1),
      calling("sendTestNotification", "{" + hook + "}", 1),
      // What no procedure of this area does.
      changing("a domain renames its group",
               [](Matrix& m, Change& c) { return m.service.put_group(c, {.id = "catalog.system.1", .name = "Web shop", .description = "d", .owner = "catalog"}); }, {"2s"}),
      changing("a domain removes its group", [](Matrix& m, Change& c) { return m.service.remove_group(c, "catalog.system.1"); }, {"2s"}),
      changing("a domain tells its followers", [](Matrix& m, Change& c) { return m.service.notify_groups_later(c, {"catalog.system.1"}, {.title = "t", .body = "b", .action = {}}); },
               {"2u", "2n"}, {0, 2}),
      changing("a user is deleted", [](Matrix&, Change& c) { return c.publishes(events::make(auth::kUserDeleted, auth::UserDeleted{.user_id = user(2)})); }, {"2u", "2n", "2k", "2s"}),
      changing("an address changes",
               [](Matrix&, Change& c) {
                 return c.publishes(events::make(auth::kEmailChanged, auth::EmailChanged{.user_id = user(1), .change = Uuid::make_v7(1), .old_email = *Email::make("a@b.co"), .new_email = *Email::make("c@d.co")}));
               },
               {"1u", "1n"}, {2, 0}),
      changing("a receiver is gone",
               [](Matrix&, Change& c) { return c.publishes(events::make(kChannelGone, {.user_id = user(1), .strategy_id = Text<1, 200>::of(kWebhookId), .change = Uuid::make_v7(2)})); },
               {"1u", "1n"}, {2, 0}),
      changing("a link has ended", [](Matrix& m, Change& c) { return tell_later(c, *m.registry[0], {user(1), user(2)}, Lapse::link_ended); }, {"1u", "1n", "2u", "2n"}, {2, 2})};
  return all;
}

using Answers = std::map<std::string, std::string>;
awaitable<void> refetch(Matrix& m, int reader, std::vector<Answers>& into) { into.push_back(co_await Matrix::answers(m.door, {reader})); }

awaitable<void> judge(async::Loop& loop, const Row& row) {
  Matrix m(loop);
  co_await m.furnish();
  const auto warm = co_await Matrix::answers(m.door, {1, 2});
  EXPECT_EQ(co_await Matrix::answers(m.door, {1, 2}), warm);
  std::array<std::vector<Answers>, 2> refetched;
  for (const int reader : {1, 2})
    m.pages[static_cast<std::size_t>(reader) - 1]->on_frame = [&m, &refetched, reader](const std::string&) {
      m.scope.spawn("refetch", refetch(m, reader, refetched[static_cast<std::size_t>(reader) - 1]));
    };
  co_await row.happens(m);
  const auto after = co_await Matrix::answers(m.door, {1, 2});
  co_await m.until([&] { return refetched[0].size() >= row.signals[0] && refetched[1].size() >= row.signals[1]; });
  co_await m.all_done();
  const auto truth = co_await m.truth();
  for (const auto& [read, answer] : truth) {
    EXPECT_EQ(after.at(read), answer) << read << ": not fresh after the change returned";
    const bool changes = row.changes.contains(read.substr(0, 1) + read.substr(2, 1));
    if (changes) EXPECT_NE(warm.at(read), answer) << read << ": nothing changed, so nothing is shown";
    else EXPECT_EQ(warm.at(read), answer) << read;
  }
  for (const std::size_t reader : {0u, 1u}) {
    EXPECT_EQ(m.pages[reader]->heard.size(), row.signals[reader]) << "signals to user " << reader + 1;
    for (const auto& page : refetched[reader])
      for (const auto& [read, answer] : page) EXPECT_EQ(answer, truth.at(read)) << read << ": asked on a signal";
  }
  co_await m.shut();
}

CO_TEST(NotificationMatrix, the_24_procedures_of_the_recorded_wire_are_there) {
  Matrix m(loop);
  const std::set<std::string> queries{"getNotifications",     "getUnreadCount",      "getGroups",           "getSubscriptions",     "getRetentionSchema",
                                      "getRetentionSettings", "getGroupSubscribers", "getDeliveryStrategies", "getUserDeliveryChannels"};
  const std::set<std::string> mutations{"markAsRead",  "deleteNotification", "subscribe",  "unsubscribe", "setRetentionSettings",
                                        "createGroup", "deleteGroup",        "notifyUsers", "notifyGroups", "sendTransactional",
                                        "updateDeliveryStrategy", "setUserDeliveryPreference", "getDeliveryOAuthUrl", "unlinkDeliveryChannel", "sendTestNotification"};
  EXPECT_EQ(queries.size() + mutations.size(), 24u);
  std::size_t found = 0;
  for (const auto& procedure : m.door.dispatcher.areas()[0].procedures()) {
    const bool query = procedure->kind() == rpc::Kind::query;
    if (queries.contains(procedure->name()) || mutations.contains(procedure->name())) ++found;
    EXPECT_FALSE(query ? mutations.contains(procedure->name()) : queries.contains(procedure->name())) << procedure->name();
  }
  EXPECT_EQ(found, 24u);
  co_await m.shut();
}

CO_TEST(NotificationMatrix, every_mutation_has_a_row_and_every_cached_read_a_column) {
  Matrix m(loop);
  co_await m.furnish();
  std::set<std::string> judged;
  for (const auto& row : rows()) judged.insert(row.what);
  std::set<std::string> read;
  for (const auto& one : reads()) read.insert(one.procedure);
  for (const auto& procedure : m.door.dispatcher.areas()[0].procedures()) {
    if (procedure->kind() == rpc::Kind::mutation) {
      EXPECT_TRUE(judged.contains(procedure->name())) << procedure->name() << " needs a row: what does it change of what is cached?";
      continue;
    }
    const auto loads = m.cache.snapshot().loads;
    co_await m.door.call(procedure->name(), procedure->input_optional() ? "null" : "{}", Matrix::id(3));
    EXPECT_EQ(m.cache.snapshot().loads > loads, read.contains(procedure->name())) << procedure->name() << " needs a column, or keeps nothing";
  }
  co_await m.shut();
}

/// A test a row.
class EveryChange : public testing::TestWithParam<std::size_t> {};
TEST_P(EveryChange, N_3_is_seen_by_every_cached_read_of_everybody_once_it_returned_and_before_any_signal) {
  async::Loop loop;
  EXPECT_TRUE(watchbell::test::run_on(loop, judge(loop, rows()[GetParam()]), 60s)) << "timed out";
}
INSTANTIATE_TEST_SUITE_P(NotificationMatrix, EveryChange, testing::Range<std::size_t>(0, rows().size()), [](const auto& info) {
  std::string name = rows()[info.param].what;
  std::ranges::replace(name, ' ', '_');
  return name;
});

}  // namespace
}  // namespace watchbell::notification
