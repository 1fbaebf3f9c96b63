#include <boost/json.hpp>

#include "runtime/test/runtime_fixture.hpp"
#include "tests/support/ticking_clock.hpp"

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

/// Visitors, each from an address of its own.
std::vector<std::shared_ptr<FakeSocket>> open_visitors(Fixture& f, Hub& hub, int count) {
  std::vector<std::shared_ptr<FakeSocket>> sockets;
  for (int i = 0; i < count; ++i) {
    sockets.push_back(std::make_shared<FakeSocket>(f.loop.executor()));
    f.scope.spawn("socket", hub.serve(sockets.back(), access::Principal::nobody(), f.identity, {}, std::to_string(i)));
  }
  return sockets;
}

/// The frames behind the greeting as "text/seq", to compare with what was emitted.
std::string heard(const FakeSocket& socket) {
  std::string all;
  for (std::size_t i = 1; i < socket.sent.size(); ++i) {
    const auto frame = boost::json::parse(socket.sent[i]).as_object();
    all += std::string(frame.at("payload").at("text").as_string()) + "/" + std::to_string(frame.at("seq").as_int64()) + " ";
  }
  return all;
}

int flushes(const std::vector<std::shared_ptr<FakeSocket>>& sockets) {
  int all = 0;
  for (const auto& socket : sockets) all += socket->flushes;
  return all;
}

CO_TEST(Signals, S_3_twenty_thousand_sockets_are_written_to_in_slices) {
  Fixture f(loop);
  const auto per_turn = static_cast<int>(Hub::Options().sockets_per_turn);
  const auto sockets = open_visitors(f, *f.hub, 19'999);
  f.hub->emit(broadcast(kPublic, Note{"a"}));
  EXPECT_EQ(flushes(sockets), per_turn) << "the emitter gets away after a slice";
  EXPECT_EQ(sockets.front()->flushes, 1);
  // What comes while that is under way stands behind it, and is for those who are here now.
  sockets[10'000]->close(1000, "");  // leaves before its turn
  f.hub->emit(broadcast(kPublic, Note{"b"}));
  const auto late = std::make_shared<FakeSocket>(loop.executor());
  f.scope.spawn("socket", f.hub->serve(late, access::Principal::nobody(), f.identity, {}, "late"));
  f.hub->emit(broadcast(kPublic, Note{"c"}));
  EXPECT_EQ(flushes(sockets), per_turn);
  int written = flushes(sockets), turns = 0;
  while (f.hub->statistics().emitted < 3) {
    co_await asio::post(loop.executor(), use_awaitable);
    const int now = flushes(sockets);
    CO_ASSERT_TRUE(now - written <= per_turn);
    written = now;
    ++turns;
  }
  EXPECT_GE(turns, 19'999 / per_turn - 1);
  for (std::size_t i = 0; i < sockets.size(); ++i)
    if (i != 10'000) CO_ASSERT_EQ(heard(*sockets[i]), "a/1 b/2 c/3 ");
  EXPECT_EQ(heard(*sockets[10'000]), "");
  EXPECT_EQ(heard(*late), "c/1 ");
  co_await f.until([&] { return late->flushes == 1; });
  // With nothing left to wait for, emission is at once again.
  co_await f.until([&] { return flushes(sockets) == 19'998 + per_turn; });
  co_await asio::post(loop.executor(), use_awaitable);
  f.clock.advance(1s);
  f.hub->emit(broadcast(kPublic, Note{"d"}));
  EXPECT_EQ(flushes(sockets), 19'998 + 2 * per_turn);
  EXPECT_EQ(heard(*sockets[per_turn]), "a/1 b/2 c/3 d/4 ") << "whose last write is the longest ago";
  co_await f.close();
}

CO_TEST(Signals, frames_of_a_busy_socket_are_joined_into_a_write_each_100_ms) {
  Fixture f(loop);
  const auto socket = co_await f.open({});
  for (int i = 0; i < 100; ++i) {  // a hundred a second
    f.hub->emit(broadcast(kPublic, Note{"x"}));
    f.clock.advance(10ms);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  EXPECT_GE(socket->flushes, 10);
  EXPECT_LE(socket->flushes, 13) << "one each 100 ms, and the burst";
  f.clock.advance(110ms);
  co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(socket->sent.size(), 101u) << "the greeting, and every frame";
  const int before = socket->flushes;
  f.clock.advance(1s);
  EXPECT_EQ(socket->flushes, before) << "with nothing to write nothing is written";
  EXPECT_TRUE(socket->open());
  co_await f.close();
}

CO_TEST(Signals, ten_signals_a_second_are_written_at_once_however_they_are_spaced) {
  Fixture f(loop);
  const auto socket = co_await f.open({});
  int emitted = 0;
  for (const auto gap : {100ms, 90ms, 110ms, 80ms, 120ms, 60ms, 140ms, 100ms, 10ms, 190ms, 100ms}) {
    f.hub->emit(broadcast(kPublic, Note{"x"}));
    EXPECT_EQ(socket->flushes, ++emitted);
    f.clock.advance(gap);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  co_await f.close();
}

CO_TEST(Signals, S_3_many_signals_to_users_take_a_slice_of_a_turn) {
  Fixture f(loop);
  watchbell::test::TickingClock clock;
  async::TimerWheel wheel(loop.executor(), clock, async::TimerWheel::Drive::manual);
  auto hub = std::make_unique<Hub>(wheel, f.scope, Hub::Options{});
  const UserId ann = UserId::make(f.clock.now());
  const auto socket = std::make_shared<FakeSocket>(loop.executor());
  const auto principal = co_await f.identity.identify({.authorization = {}, .cookie = ann.to_string()});
  f.scope.spawn("socket", hub->serve(socket, *principal, f.identity, ann.to_string(), "x"));
  co_await f.until([&] { return socket->sent.size() == 1; });
  constexpr std::uint64_t kPerTurn = 200;  // 100 us at 10 us for every 16, and the last 16
  Signals many;
  for (int i = 1; i <= 20'000; ++i) many.add(to_user(kPrivate, ann, Note{std::to_string(i)}));
  hub->emit(hub->place(), std::move(many));
  EXPECT_LE(hub->statistics().delivered, kPerTurn);
  // One signal to many who are not here, among them twice somebody who is.
  std::vector<UserId> users;
  for (int i = 0; i < 20'000; ++i) users.push_back(UserId::make(f.clock.now()));
  users.front() = users.back() = ann;
  hub->emit(to_users(kPrivate, std::move(users), Note{"last"}));
  std::uint64_t turns = 0;
  while (hub->statistics().emitted < 20'001) {
    const auto before = hub->statistics().delivered;
    co_await asio::post(loop.executor(), use_awaitable);
    CO_ASSERT_TRUE(hub->statistics().delivered - before <= kPerTurn);
    ++turns;
  }
  EXPECT_GE(turns, 2 * 20'000 / kPerTurn);
  CO_ASSERT_EQ(socket->sent.size(), 20'002u);
  for (std::size_t i = 1; i <= 20'000; ++i) CO_ASSERT_TRUE(socket->sent[i].ends_with(",\"seq\":" + std::to_string(i) + "}"));
  EXPECT_NE(socket->sent[20'000].find("\"text\":\"20000\""), std::string::npos);
  EXPECT_NE(socket->sent[20'001].find("\"text\":\"last\""), std::string::npos);
  co_await f.close();
}

CO_TEST(Signals, S_4_signals_leave_in_the_order_of_their_places) {
  Fixture f(loop);
  const auto socket = co_await f.open({});
  auto first = f.hub->place();
  {
    const auto never = f.hub->place();
    f.hub->emit(broadcast(kPublic, Note{"2"}));
    EXPECT_EQ(heard(*socket), "");
  }
  EXPECT_EQ(heard(*socket), "") << "the first place is still taken";
  Signals signals;
  signals.add(broadcast(kPublic, Note{"1a"}));
  signals.add(broadcast(kPublic, Note{"1b"}));
  f.hub->emit(std::move(first), std::move(signals));
  EXPECT_EQ(heard(*socket), "1a/1 1b/2 2/3 ");
  auto kept = f.hub->place();
  f.hub->emit(broadcast(kPublic, Note{"never"}));
  co_await f.close();
  f.hub.reset();  // before the place that waits
}

CO_TEST(Signals, S_9_when_too_much_waits_it_is_forgotten_and_every_socket_refetches) {
  Fixture f(loop);
  const watchbell::test::TickingClock clock;  // a turn has time for 176 frames
  async::TimerWheel wheel(loop.executor(), clock, async::TimerWheel::Drive::manual);
  auto hub = std::make_unique<Hub>(wheel, f.scope, Hub::Options{.pending_bytes_max = 100'000});
  const auto sockets = open_visitors(f, *hub, 200);
  const std::string text(1000, 'x');
  for (int i = 0; i < 500; ++i) hub->emit(broadcast(kPublic, Note{text}));
  const auto fresh = std::make_shared<FakeSocket>(loop.executor());
  f.scope.spawn("socket", hub->serve(fresh, access::Principal::nobody(), f.identity, {}, "fresh"));
  hub->emit(broadcast(kPublic, Note{"after"}));
  co_await f.until([&] { return heard(*fresh) == "after/1 "; });
  for (const auto& socket : sockets) CO_ASSERT_EQ(socket->close_code, 1013);
  EXPECT_TRUE(fresh->open());
  const auto statistics = hub->statistics();
  EXPECT_EQ(statistics.emitted + statistics.forgotten, 501u);
  EXPECT_GT(statistics.forgotten, 200u);
  co_await f.close();
}

CO_TEST(Signals, a_stop_with_signals_that_wait_is_clean) {
  Fixture f(loop);
  const auto sockets = open_visitors(f, *f.hub, 200);
  f.hub->emit(broadcast(kPublic, Note{"a"}));
  f.hub->emit(broadcast(kPublic, Note{"b"}));
  EXPECT_LT(flushes(sockets), 200);
  co_await f.close();
  EXPECT_LT(flushes(sockets), 200);
  f.hub->emit(broadcast(kPublic, Note{"c"}));  // after the stop: harmless
  f.hub.reset();
  co_await asio::post(loop.executor(), use_awaitable);
}

CO_TEST(Signals, frames_are_counted_as_sockets_took_them) {
  Fixture f(loop);
  /// Has room for one frame and the greeting.
  class Small final : public FakeSocket {
   public:
    using FakeSocket::FakeSocket;
    void send(std::shared_ptr<const std::string> text) override {
      if (sent.size() == 2) close(1013, "too slow");
      else FakeSocket::send(std::move(text));
    }
  };
  const auto socket = std::make_shared<Small>(loop.executor());
  f.scope.spawn("socket", f.hub->serve(socket, access::Principal::nobody(), f.identity, {}, "x"));
  for (int i = 0; i < 4; ++i) f.hub->emit(broadcast(kPublic, Note{"x"}));
  const auto statistics = f.hub->statistics();
  EXPECT_EQ(statistics.emitted, 4u);
  EXPECT_EQ(statistics.delivered, 1u);
  EXPECT_EQ(statistics.dropped, 3u);
  EXPECT_EQ(statistics.dropped_overflow, 1u);
  EXPECT_EQ(statistics.dropped_closed, 2u);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::signals
