// Signals between two processes over a real PostgreSQL and its NOTIFY; the promises one by one stand in relay_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "platform/bus/postgres_bus.hpp"
#include "platform/sql/test/postgres_backend.hpp"
#include "runtime/coherence/scope.hpp"
#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::signals {

struct Counted {
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(Counted, (), (version))

namespace {

using namespace std::chrono_literals;
using sql::test::server;
using watchbell::test::FakeIdentity;
using watchbell::test::FakeSocket;
using Payloads = std::vector<std::pair<UserId, std::string>>;

constexpr Definition<Counted> kSaid{"area.said"};
constexpr Definition<Counted> kVersion{"area.version"};

const sql::MigrationSet kThings{.name = "things",
                                .migrations = {{.file = "0001_things.sql", .sql = "create table things (id text not null primary key, version bigint not null);"}}};

struct Node {
  Node(async::Loop& l, const std::string& url, const std::string& channel) : loop(l), wheel(l.executor(), clock) {
    database = open(url, 4);
    coordination = open(url, 3);
    const std::vector<const sql::MigrationSet*> sets{&migrations::runtime(), &kThings};
    if (const auto migrated = database->migrate(sets); !migrated) throw std::runtime_error(migrated.error().message);
    auto made = bus::postgres_bus(wheel, *coordination, {.url = url, .channel = channel}, on_fault);
    if (!made) throw std::runtime_error(made.error().message);
    process_bus = std::move(*made);
    cluster.emplace(wheel, *coordination, *process_bus, memory, on_fault);
    scope_of_things.emplace(memory, *database, "things", 60s);
    hub.emplace(wheel, scope, Hub::Options{});
    relay.emplace(scope, *hub, *cluster);
    relay->declare({kSaid, kVersion});
    hub->reads(kVersion, [this](std::string, std::vector<UserId> users) { return versions(std::move(users)); });
    queue.emplace(wheel, *database, on_fault, jobs::Queue::Options{}, 7);
    bus.emplace(*queue, keyring, scope, on_fault);
    changes.emplace(*database, clock, *queue, *bus, *hub, &*cluster, &*relay);
    cluster->start();
  }
  std::unique_ptr<sql::Database> open(const std::string& url, std::size_t writers) {
    auto opened = sql::Database::open(loop, wheel, {.url = url, .readers = 2, .writers = writers});
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
  awaitable<Result<Payloads>> versions(std::vector<UserId> users) {
    co_return co_await database->read([users = std::move(users)](sql::Session& session) {
      const auto version = session.one<std::int64_t>("select version from things where id = 't'").value_or(0);
      Payloads payloads;
      for (const auto& user : users) payloads.emplace_back(user, rpc::to_json(Counted{version}));
      return payloads;
    });
  }
  awaitable<std::shared_ptr<FakeSocket>> open(UserId user) {
    const auto socket = std::make_shared<FakeSocket>(loop.executor());
    const auto principal = co_await identity.identify({.authorization = {}, .cookie = user.to_string()});
    scope.spawn("socket", hub->serve(socket, *principal, identity, user.to_string(), "10.0.0.1"));
    while (socket->sent.empty()) co_await asio::post(loop.executor(), use_awaitable);
    co_return socket;
  }
  /// One more, and tells so.
  awaitable<void> count(UserId user, std::int64_t number) {
    EXPECT_TRUE(co_await changes->run([this, user, number](Change& c) {
      c.sql().execute("insert into things (id, version) values ('t', 1) on conflict (id) do update set version = things.version + 1");
      c.invalidates(scope_of_things->key(cache::Key("t")));
      c.announces(to_user(kSaid, user, Counted{number}));
      c.announces(to_readers(kVersion, {user}));
    }));
  }
  awaitable<void> close() {
    co_await queue->stop(0ms);
    co_await scope.stop();
    co_await cluster->stop();
    co_await memory.close<Executor>();
    co_await database->close();
    co_await coordination->close();
  }

  async::Loop& loop;
  SystemClock clock;
  async::TimerWheel wheel;
  async::TaskScope::OnFault on_fault = [](std::string_view where, std::exception_ptr) { ADD_FAILURE() << where; };
  FakeIdentity identity;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<sql::Database> coordination;
  std::unique_ptr<bus::Bus> process_bus;
  coherence::Memory memory;
  async::TaskScope scope{loop.executor(), on_fault};
  std::optional<coherence::Cluster> cluster;
  std::optional<coherence::Scope> scope_of_things;
  std::optional<Hub> hub;
  std::optional<Relay> relay;
  crypto::Keyring keyring = crypto::Keyring::make(crypto::Keyring::generate()).value();
  std::optional<jobs::Queue> queue;
  std::optional<events::Bus> bus;
  std::optional<Changes> changes;
};

/// The numbers that a socket heard of a signal, in order.
std::vector<std::int64_t> heard(const FakeSocket& socket, std::string_view signal) {
  std::vector<std::int64_t> all;
  for (std::size_t i = 1; i < socket.sent.size(); ++i) {
    const auto frame = boost::json::parse(socket.sent[i]).as_object();
    if (frame.at("signalId").as_string() == signal) all.push_back(frame.at("payload").at("version").as_int64());
  }
  return all;
}

awaitable<void> count_on(Node& node, UserId user, std::int64_t times, int& ended) {
  for (std::int64_t i = 1; i <= times; ++i) co_await node.count(user, i);
  ++ended;
}

CO_TEST(RelayPostgres, S_7_two_processes_that_change_one_thing_leave_every_socket_with_what_holds_in_the_end) {
  const auto url = server().fresh_url();
  Node a(loop, url, "relay_a"), b(loop, url, "relay_a");
  while (!a.cluster->serves() || !b.cluster->serves()) co_await asio::post(loop.executor(), use_awaitable);
  const UserId ann = UserId::make(a.clock.now());
  const auto here = co_await a.open(ann), there = co_await b.open(ann);
  constexpr std::int64_t kTimes = 60;
  int ended = 0;
  async::TaskScope writers(loop.executor(), a.on_fault);
  writers.spawn("count", count_on(a, ann, kTimes, ended));
  writers.spawn("count", count_on(b, ann, kTimes, ended));
  co_await writers.join();
  EXPECT_EQ(ended, 2);
  const auto all_said = [&](const FakeSocket& socket) { return heard(socket, kSaid.id).size() == 2 * kTimes && heard(socket, kVersion.id).back() == 2 * kTimes; };
  while (!all_said(*here) || !all_said(*there)) co_await asio::post(loop.executor(), use_awaitable);
  for (const auto& socket : {here, there}) {
    const auto versions = heard(*socket, kVersion.id);
    EXPECT_TRUE(std::ranges::is_sorted(versions));
    EXPECT_TRUE(socket->open());
  }
  EXPECT_EQ(a.relay->statistics().lost + b.relay->statistics().lost, 0u);
  co_await a.close();
  co_await b.close();
}

CO_TEST(RelayPostgres, S_1_a_hundred_thousand_users_are_told_over_notify) {
  const auto url = server().fresh_url();
  Node a(loop, url, "relay_b"), b(loop, url, "relay_b");
  while (!a.cluster->serves() || !b.cluster->serves()) co_await asio::post(loop.executor(), use_awaitable);
  std::vector<UserId> users;
  for (int i = 0; i < 100'000; ++i) users.push_back(UserId::make(a.clock.now()));
  const auto first = co_await b.open(users.front()), last = co_await b.open(users.back()), here = co_await a.open(users[7]);
  EXPECT_TRUE(co_await a.changes->run([&](Change& c) {
    c.announces(to_users(kSaid, users, Counted{1}));
    c.announces(rights_changed(users));
    c.announces(to_readers(kVersion, users));
  }));
  const auto all_said = [](const FakeSocket& socket) { return heard(socket, kSaid.id).size() == 1 && heard(socket, kVersion.id).size() == 1; };
  while (!all_said(*first) || !all_said(*last) || !all_said(*here)) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(b.relay->statistics().lost, 0u);
  co_await a.close();
  co_await b.close();
}

}  // namespace
}  // namespace watchbell::signals
