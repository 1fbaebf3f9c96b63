// Signals between two processes over a real PostgreSQL and its NOTIFY; the promises one by one stand in relay_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "runtime/coherence/test/postgres_process.hpp"
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

struct Node : coherence::test::PostgresProcess {
  Node(async::Loop& l, const std::string& url, const std::string& channel) : PostgresProcess(l, url, channel, 4) {
    hub.emplace(wheel, scope, Hub::Options{});
    relay.emplace(scope, *hub, *cluster);
    relay->declare({kSaid, kVersion});
    hub->reads(kVersion, [this](std::string, std::vector<UserId> users) { return versions(std::move(users)); });
    queue.emplace(wheel, *database, on_fault, jobs::Queue::Options{}, 7);
    bus.emplace(*queue, keyring, scope, on_fault);
    changes.emplace(*database, clock, *queue, *bus, *hub, &*cluster, &*relay);
    cluster->start();
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
      c.invalidates(things->key(cache::Key("t")));
      c.announces(to_user(kSaid, user, Counted{number}));
      c.announces(to_readers(kVersion, {user}));
    }));
  }
  awaitable<void> close() {
    co_await queue->stop(0ms);
    co_await scope.stop();
    co_await PostgresProcess::close();
  }

  FakeIdentity identity;
  async::TaskScope scope{loop.executor(), on_fault};
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
  co_await a.joined();
  co_await b.joined();
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
  co_await a.joined();
  co_await b.joined();
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
