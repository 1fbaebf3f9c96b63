#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::signals {

struct Note {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text))

namespace {

using namespace std::chrono_literals;
using test::FakeSocket;
using test::RuntimeFixture;

constexpr Definition<Note> kPrivate{"area.note"};
constexpr Definition<Note> kPublic{"area.public", {Audience::Kind::public_, {}}};
constexpr Definition<Note> kForHolders{"area.secret", {Audience::Kind::holders, "area.thing.read"}};

struct Fixture : RuntimeFixture {
  using RuntimeFixture::RuntimeFixture;
  /// Opens a socket of a user, or an anonymous one.
  awaitable<std::shared_ptr<FakeSocket>> open(std::optional<UserId> user) {
    const auto socket = std::make_shared<FakeSocket>(loop.executor());
    const std::string cookie = user ? user->to_string() : std::string();
    const auto principal = co_await identity.identify({.authorization = {}, .cookie = cookie});
    scope.spawn("socket", hub->serve(socket, *principal, identity, cookie, "10.0.0.1"));
    co_await until([&] { return !socket->sent.empty(); });
    co_return socket;
  }
};

CO_TEST(Signals, the_first_frame_says_who_is_connected) {
  Fixture f(loop);
  const UserId ann = UserId::make(f.clock.now());
  EXPECT_EQ((co_await f.open(ann))->sent[0], R"({"type":"connected","userId":")" + ann.to_string() + R"(","heartbeatMs":25000})");
  EXPECT_EQ((co_await f.open({}))->sent[0], R"({"type":"connected","userId":"anonymous","heartbeatMs":25000})");
  EXPECT_TRUE(f.hub->online(ann));
  co_await f.close();
  EXPECT_FALSE(f.hub->online(ann));
}

CO_TEST(Signals, S_2_private_signals_reach_their_user_alone_and_visitors_get_public_ones_only) {
  Fixture f(loop);
  const UserId ann = UserId::make(f.clock.now()), bob = UserId::make(f.clock.now());
  const auto a1 = co_await f.open(ann), a2 = co_await f.open(ann), b = co_await f.open(bob), visitor = co_await f.open({});
  f.hub->emit(to_users(kPrivate, {ann, ann}, Note{"hi"}));
  EXPECT_EQ(a1->sent.size(), 2u);
  EXPECT_EQ(a2->sent.size(), 2u);
  EXPECT_EQ(b->sent.size(), 1u);
  EXPECT_EQ(visitor->sent.size(), 1u);
  EXPECT_EQ(a1->sent[1], R"({"type":"signal","signalId":"area.note","pluginId":"area","payload":{"text":"hi"},"timestamp":"2026-01-01T00:00:00.000Z","seq":1})");
  f.hub->emit(broadcast(kPrivate, Note{"all"}));
  EXPECT_EQ(b->sent.size(), 2u);
  EXPECT_EQ(visitor->sent.size(), 1u);
  f.hub->emit(broadcast(kPublic, Note{"pub"}));
  EXPECT_EQ(visitor->sent.size(), 2u);
  f.hub->emit(broadcast(kForHolders, Note{"x"}));
  EXPECT_EQ(b->sent.size(), 3u);
  f.identity.rules = {"area.thing.manage"};
  const auto holder = co_await f.open(bob);
  f.hub->emit(broadcast(kForHolders, Note{"x"}));
  EXPECT_EQ(holder->sent.size(), 2u);
  EXPECT_EQ(b->sent.size(), 3u);
  co_await f.close();
}

CO_TEST(Signals, S_4_frames_arrive_in_order_with_a_sequence_without_gaps) {
  Fixture f(loop);
  const UserId ann = UserId::make(f.clock.now());
  const auto socket = co_await f.open(ann);
  for (int i = 1; i <= 100; ++i) f.hub->emit(to_user(kPrivate, ann, Note{std::to_string(i)}));
  CO_ASSERT_EQ(socket->sent.size(), 101u);
  for (std::size_t i = 1; i <= 100; ++i) {
    EXPECT_NE(socket->sent[i].find("\"text\":\"" + std::to_string(i) + "\""), std::string::npos);
    EXPECT_NE(socket->sent[i].find("\"seq\":" + std::to_string(i) + "}"), std::string::npos);
  }
  co_await f.close();
}

CO_TEST(Signals, S_5_a_session_that_ended_closes_its_sockets) {
  Fixture f(loop);
  const UserId ann = UserId::make(f.clock.now()), bob = UserId::make(f.clock.now());
  const auto told = co_await f.open(ann), found = co_await f.open(bob);
  f.identity.gone = {ann.uuid(), bob.uuid()};
  f.hub->emit(rights_changed({ann}));
  co_await f.until([&] { return !told->open(); });
  EXPECT_EQ(told->close_code, 4401);
  EXPECT_TRUE(found->open());
  f.clock.advance(61s);
  co_await f.until([&] { return !found->open(); });
  EXPECT_EQ(found->close_code, 4401);
  co_await f.close();
}

CO_TEST(Signals, S_5_a_session_that_expires_closes_its_sockets_when_it_does) {
  Fixture f(loop);
  const UserId ann = UserId::make(f.clock.now());
  f.identity.expires_at = f.clock.now() + 20s;
  const auto socket = co_await f.open(ann);
  f.clock.advance(19s);
  f.identity.gone = {ann.uuid()};  // nobody is told: it just ends
  for (int turn = 0; turn < 20; ++turn) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_TRUE(socket->open());
  f.clock.advance(3s);
  for (int turn = 0; turn < 20 && socket->open(); ++turn) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_FALSE(socket->open()) << "it would outlive its session until the next minute";
  EXPECT_EQ(socket->close_code, 4401);
  co_await f.close();
}

CO_TEST(Signals, S_5_lost_rules_stop_signals_to_holders) {
  Fixture f(loop);
  f.identity.rules = {"area.thing.read"};
  const UserId ann = UserId::make(f.clock.now());
  const auto socket = co_await f.open(ann);
  f.hub->emit(broadcast(kForHolders, Note{"1"}));
  EXPECT_EQ(socket->sent.size(), 2u);
  f.identity.rules.clear();
  f.hub->emit(rights_changed({ann}));
  for (int i = 0; i < 10; ++i) co_await asio::post(loop.executor(), use_awaitable);
  f.hub->emit(broadcast(kForHolders, Note{"2"}));
  EXPECT_EQ(socket->sent.size(), 2u);
  EXPECT_TRUE(socket->open());
  co_await f.close();
}

CO_TEST(Signals, clients_may_ping_and_are_bounded) {
  Fixture f(loop);
  const auto socket = co_await f.open({});
  socket->receive(R"({"type":"ping"})");
  socket->receive(R"({"type":"other"})");
  socket->receive("{");
  co_await f.until([&] { return socket->sent.size() == 3; });
  EXPECT_EQ(socket->sent[1], R"({"type":"pong"})");
  EXPECT_EQ(socket->sent[2], R"({"type":"error","message":"Malformed frame"})");
  for (int i = 0; i < 4; ++i) socket->receive("[]");
  co_await f.until([&] { return !socket->open(); });
  EXPECT_EQ(socket->close_code, 1008);
  const auto loud = co_await f.open({});
  for (int i = 0; i < 21; ++i) loud->receive(R"({"type":"other"})");
  co_await f.until([&] { return !loud->open(); });
  EXPECT_EQ(loud->close_code, 1008);
  co_await f.close();
}

CO_TEST(Signals, sockets_are_counted_and_refused_beyond_their_limits) {
  Fixture f(loop);
  const UserId ann = UserId::make(f.clock.now());
  access::Principal user;
  user.kind = access::Principal::Kind::user;
  user.id = ann.uuid();
  std::vector<std::shared_ptr<FakeSocket>> sockets;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(f.hub->admits(user, "10.0.0.1"), 200);
    sockets.push_back(co_await f.open(ann));
  }
  EXPECT_EQ(f.hub->admits(user, "10.0.0.1"), 429);
  for (int i = 0; i < 50; ++i) sockets.push_back(co_await f.open({}));
  EXPECT_EQ(f.hub->admits(access::Principal{}, "10.0.0.1"), 429);
  EXPECT_EQ(f.hub->admits(access::Principal{}, "10.0.0.2"), 200);
  sockets[0]->close(1000, "");
  co_await f.until([&] { return f.hub->admits(user, "10.0.0.1") == 200; });
  co_await f.close();
  EXPECT_EQ(f.hub->statistics().user_sockets + f.hub->statistics().anonymous_sockets, 0u);
}

CO_TEST(Signals, S_9_nothing_is_kept_and_large_payloads_are_cut) {
  Fixture f(loop);
  for (int i = 0; i < 10000; ++i) f.hub->emit(broadcast(kPublic, Note{"x"}));
  const auto socket = co_await f.open({});
  EXPECT_EQ(socket->sent.size(), 1u);
  f.hub->emit(broadcast(kPublic, Note{std::string(40'000, 'x')}));
  EXPECT_NE(socket->sent[1].find(R"("payload":{},"truncated":true)"), std::string::npos);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::signals
