// Signals between processes of one cluster on one loop, a clock moved by hand and a database of one connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "platform/crypto/encoding.hpp"
#include "runtime/coherence/test/world.hpp"
#include "runtime/test/runtime_fixture.hpp"
#include "tests/support/ticking_clock.hpp"

namespace watchbell::signals {

struct Note {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text))

struct Version {
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(Version, (), (version))

namespace {

using namespace std::chrono_literals;
using coherence::test::Process;
using coherence::test::Running;
using coherence::test::World;
using watchbell::test::FakeIdentity;
using watchbell::test::FakeSocket;
using Payloads = std::vector<std::pair<UserId, std::string>>;

constexpr Definition<Note> kPrivate{"area.note"};
constexpr Definition<Note> kPublic{"area.public", {Audience::Kind::public_, {}}};
constexpr Definition<Note> kForHolders{"area.secret", {Audience::Kind::holders, "area.thing.read"}};
constexpr Definition<Version> kVersion{"area.version"};
constexpr Definition<Note> kNewer{"area.newer"};  // of a version that others do not have

/// A socket that acts on each signal, as a page does.
class Page final : public FakeSocket {
 public:
  using FakeSocket::FakeSocket;
  void hold(std::string_view begin, std::string_view rest) override {
    FakeSocket::hold(begin, rest);
    if (on_signal) on_signal();
  }
  std::function<void()> on_signal;
};

/// The signals that a page heard, as "text/seq ".
std::string heard(const FakeSocket& socket) {
  std::string all;
  for (std::size_t i = 1; i < socket.sent.size(); ++i) {
    const auto frame = boost::json::parse(socket.sent[i]).as_object();
    const auto& payload = frame.at("payload").as_object();
    const auto* const text = payload.if_contains("text");
    all += text != nullptr ? std::string(text->as_string()) : payload.contains("version") ? "v" + std::to_string(payload.at("version").as_int64()) : "-";
    all += "/" + std::to_string(frame.at("seq").as_int64()) + " ";
  }
  return all;
}

/// A process with sockets: what a server has between its database and its pages.
struct Node {
  explicit Node(World& w, Hub::Options hub_options = {}, Relay::Options relay_options = {}, async::TimerWheel* hub_wheel = nullptr)
      : world(w), process(w), hub(hub_wheel != nullptr ? *hub_wheel : process.wheel, scope, hub_options), relay(scope, hub, *process.cluster, relay_options) {
    relay.declare({kPrivate, kPublic, kForHolders, kVersion});
    hub.reads(kVersion, [this](std::string reference, std::vector<UserId> users) { return versions(std::move(reference), std::move(users)); });
  }
  awaitable<void> start() { co_await process.start(); }
  awaitable<void> close() {
    co_await queue.stop(0ms);
    co_await scope.stop();
    co_await process.close();
  }
  awaitable<std::shared_ptr<Page>> open(std::optional<UserId> user) {
    const auto page = std::make_shared<Page>(world.loop.executor());
    const std::string cookie = user ? user->to_string() : std::string();
    const auto principal = co_await identity.identify({.authorization = {}, .cookie = cookie});
    scope.spawn("socket", hub.serve(page, *principal, identity, cookie, "10.0.0.1"));
    co_await world.until([&] { return !page->sent.empty(); });
    co_return page;
  }
  template <class F>
  awaitable<void> change(F f) {
    EXPECT_TRUE(co_await changes.run(std::move(f)));
  }
  awaitable<void> say(Signal signal) {
    co_await change([signal](Change& c) { c.announces(signal); });
  }
  /// A change that others have to drop something for.
  awaitable<void> write(std::int64_t version, Signal signal) {
    co_await change([this, version, signal](Change& c) {
      put(c, version);
      c.invalidates(process.scope->key(cache::Key("t")));
      c.announces(signal);
    });
  }
  static void put(Change& c, std::int64_t version) {
    c.sql().execute("insert into things (id, version) values ('t', :1) on conflict (id) do update set version = excluded.version", version);
  }
  awaitable<Result<Payloads>> versions(std::string reference, std::vector<UserId> users) {
    ++reads;
    references.insert(std::move(reference));
    if (failing > 0) {
      --failing;
      co_return fail(ErrorCode::unavailable, "not now");
    }
    co_return co_await world.database->read([users = std::move(users)](sql::Session& session) {
      Payloads payloads;
      for (const auto& user : users)
        payloads.emplace_back(user, rpc::to_json(Version{session.one<std::int64_t>("select version from things where id = 't'").value_or(0)}));
      return payloads;
    });
  }

  World& world;
  Process process;
  FakeIdentity identity;
  std::vector<std::string> faults;
  async::TaskScope::OnFault on_fault = [this](std::string_view where, std::exception_ptr) { faults.emplace_back(where); };
  async::TaskScope scope{world.loop.executor(), on_fault};
  Hub hub;
  Relay relay;
  crypto::Keyring keyring = crypto::Keyring::make(crypto::Keyring::generate()).value();
  jobs::Queue queue{process.wheel, *world.database, on_fault, jobs::Queue::Options{}, 7};
  events::Bus bus{queue, keyring, scope, on_fault};
  Changes changes{*world.database, world.clock, queue, bus, hub, &*process.cluster, &relay};
  int reads = 0;
  int failing = 0;
  std::set<std::string> references;
};

awaitable<void> end(World& world, Node& a, Node& b) {
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Relay, S_1_a_signal_is_heard_once_by_every_socket_of_every_process_that_may_hear_it) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  b.identity.rules = {"area.thing.read"};
  const UserId ann = UserId::make(world.clock.now()), bob = UserId::make(world.clock.now());
  const auto ann_a = co_await a.open(ann), ann_b = co_await b.open(ann), bob_b = co_await b.open(bob), visitor_a = co_await a.open({}), visitor_b = co_await b.open({});
  const auto began = world.clock.monotonic();
  co_await a.change([ann](Change& c) {
    c.announces(to_users(kPrivate, {ann, ann}, Note{"hers"}));
    c.announces(broadcast(kPublic, Note{"all"}));
    c.announces(broadcast(kForHolders, Note{"holders"}));
  });
  co_await world.elapse_until([&] { return heard(*bob_b) == "all/1 holders/2 " && heard(*visitor_a) == "all/1 "; });
  EXPECT_LE(world.clock.monotonic() - began, 200ms);
  EXPECT_EQ(heard(*ann_a), "hers/1 all/2 ");
  EXPECT_EQ(heard(*ann_b), "hers/1 all/2 holders/3 ") << "by the rights that she has there";
  EXPECT_EQ(heard(*visitor_b), "all/1 ");
  // From a process without sockets, and both ways.
  co_await b.say(to_user(kPrivate, ann, Note{"back"}));
  co_await world.elapse_until([&] { return heard(*ann_a) == "hers/1 all/2 back/3 "; });
  EXPECT_EQ(heard(*ann_b), "hers/1 all/2 holders/3 back/4 ");
  EXPECT_TRUE(a.faults.empty() && b.faults.empty());
  co_await end(world, a, b);
}

CO_TEST(Relay, S_1_a_hundred_thousand_users_are_told_in_texts_of_bounded_size_and_each_hears_it_once) {
  World world(loop);
  std::vector<std::size_t> sizes;
  Process ear(world);
  ear.cluster->listen("signals", {.heard = [&](std::string_view text) { sizes.push_back(text.size()); }, .lost = [] {}});
  co_await ear.start();
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  std::vector<UserId> users;
  for (int i = 0; i < 100'000; ++i) users.push_back(UserId::make(world.clock.now()));
  const auto first = co_await b.open(users.front()), middle = co_await b.open(users[51'234]), last = co_await b.open(users.back()), here = co_await a.open(users[5]);
  const auto stranger = co_await b.open(UserId::make(world.clock.now()));
  users.push_back(users.front());
  co_await a.say(to_users(kPrivate, users, Note{std::string(3000, 'x')}));
  co_await world.until([&] { return first->sent.size() == 2 && middle->sent.size() == 2 && last->sent.size() == 2 && here->sent.size() == 2; });
  co_await a.say(to_users(kPrivate, users, Note{"end"}));
  co_await world.until([&] { return last->sent.size() == 3 && first->sent.size() == 3; });
  EXPECT_EQ(stranger->sent.size(), 1u);
  EXPECT_GT(sizes.size(), 40u);
  EXPECT_LE(std::ranges::max(sizes), 80u * 1024) << "what is full is sent before the next line";
  co_await ear.close();
  co_await end(world, a, b);
}

CO_TEST(Relay, S_3_a_long_list_is_told_and_heard_a_slice_a_turn) {
  World world(loop);
  const watchbell::test::TickingClock clock;
  async::TimerWheel wheel(loop.executor(), clock, async::TimerWheel::Drive::manual);
  Node a(world, {}, {}, &wheel), b(world, {}, {}, &wheel);
  co_await a.start();
  co_await b.start();
  std::vector<UserId> users;
  for (int i = 0; i < 20'000; ++i) users.push_back(UserId::make(world.clock.now()));
  const auto page = co_await b.open(users.back());
  a.relay.emit([&] {
    Signals signals;
    signals.add(to_users(kPrivate, users, Note{"x"}));
    return signals;
  }());
  EXPECT_LE(a.relay.statistics().told, 1u) << "the emitter gets away after a slice";
  std::uint64_t turns = 0;
  while (page->sent.size() < 2) {
    const auto before = a.relay.statistics().told;
    co_await asio::post(loop.executor(), use_awaitable);
    CO_ASSERT_TRUE(a.relay.statistics().told <= before + 1);
    ++turns;
  }
  EXPECT_GE(turns, 20'000 / kMostOfLine);
  co_await end(world, a, b);
}

CO_TEST(Relay, S_4_signals_of_one_process_arrive_in_the_order_of_their_emission) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto page = co_await b.open(ann);
  std::string all;
  for (int i = 1; i <= 300; ++i) {
    a.relay.emit([&] {
      Signals signals;
      // Long and short ones, so that some come in several frames of the bus.
      signals.add(to_user(kPrivate, ann, Note{std::to_string(i) + std::string(i % 7 == 0 ? 20'000 : 0, 'x')}));
      return signals;
    }());
    all += std::to_string(i) + std::string(i % 7 == 0 ? 20'000 : 0, 'x') + "/" + std::to_string(i) + " ";
  }
  co_await world.until([&] { return page->sent.size() == 301; });
  EXPECT_TRUE(heard(*page) == all);
  EXPECT_EQ(b.relay.statistics().lost, 0u);
  co_await end(world, a, b);
}

CO_TEST(Relay, S_4_a_change_that_waits_for_a_process_that_stands_still_holds_up_no_other_signal) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto page = co_await a.open(ann);
  b.process.freeze();
  const Running slow(world, a.write(1, to_user(kPrivate, ann, Note{"slow"})));
  co_await world.until([&] { return a.process.cluster->statistics().waited_for == 1; });
  co_await a.say(to_user(kPrivate, ann, Note{"quick"}));
  EXPECT_EQ(heard(*page), "quick/1 ");
  EXPECT_FALSE(slow.over());
  co_await world.elapse_until([&] { return slow.over(); });
  EXPECT_EQ(heard(*page), "quick/1 slow/2 ");
  b.process.thaw();
  co_await world.elapse_until([&] { return b.process.cluster->serves(); });
  co_await end(world, a, b);
}

CO_TEST(Relay, S_4_after_a_gap_every_socket_that_was_open_refetches) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto here = co_await a.open(ann), there = co_await b.open(ann), visitor = co_await b.open({});
  co_await a.say(to_user(kPrivate, ann, Note{"first"}));
  co_await world.until([&] { return heard(*there) == "first/1 "; });
  b.process.bus.deaf = true;
  co_await a.say(to_user(kPrivate, ann, Note{"lost"}));
  for (int i = 0; i < 10; ++i) co_await asio::post(loop.executor(), use_awaitable);
  b.process.bus.deaf = false;
  EXPECT_TRUE(there->open());
  co_await a.say(to_user(kPrivate, ann, Note{"heard"}));
  co_await world.until([&] { return !there->open() && !visitor->open(); });
  EXPECT_EQ(there->close_code, 1012);
  EXPECT_EQ(visitor->close_code, 1012);
  EXPECT_EQ(heard(*here), "first/1 lost/2 heard/3 ") << "who missed nothing stays";
  // Who opens afterwards reads newer.
  const auto after = co_await b.open(ann);
  co_await a.say(to_user(kPrivate, ann, Note{"next"}));
  co_await world.until([&] { return heard(*after) == "next/1 "; });
  // The same when the bus was away.
  b.process.bus.disconnect();
  co_await a.say(to_user(kPrivate, ann, Note{"away"}));
  for (int i = 0; i < 10; ++i) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_TRUE(after->open()) << "it could not read anything anew of what it missed: that begins when the bus is back";
  b.process.bus.connect();
  co_await world.until([&] { return !after->open(); });
  EXPECT_EQ(after->close_code, 1012);
  co_await end(world, a, b);
}

CO_TEST(Relay, S_4_when_a_process_died_in_the_middle_of_a_change_the_others_sockets_refetch) {
  World world(loop);
  Node b(world);
  co_await b.start();
  const auto page = co_await b.open(UserId::make(world.clock.now()));
  {
    Process a(world);
    co_await a.start();
    co_await a.close();
    const auto text = coherence::to_text({a.scope->key(cache::Key("t"))});
    static_cast<void>(co_await world.database->write([&, now = world.clock.now()](sql::Session& session) { return a.cluster->record(session, text, now); }));
  }
  const auto began = world.clock.boot();
  co_await world.elapse_until([&] { return !page->open(); });
  EXPECT_LE(world.clock.boot() - began, 2s) << "its signals will never come";
  EXPECT_EQ(page->close_code, 1012);
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Relay, S_5_a_session_that_ended_in_one_process_closes_its_sockets_in_another_at_once) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now()), bob = UserId::make(world.clock.now());
  const auto hers = co_await b.open(ann), his = co_await b.open(bob);
  b.identity.gone = {ann.uuid(), bob.uuid()};
  const auto began = world.clock.monotonic();
  co_await a.write(1, rights_changed({ann}));
  co_await world.until([&] { return !hers->open(); });
  EXPECT_EQ(hers->close_code, 4401);
  EXPECT_EQ(world.clock.monotonic(), began);
  EXPECT_TRUE(his->open()) << "of whom nothing was said: at the next minute";
  // Rights that were lost: what follows is not for her any more.
  b.identity.gone.clear();
  b.identity.rules = {"area.thing.read"};
  const auto again = co_await b.open(ann);
  co_await a.say(broadcast(kForHolders, Note{"1"}));
  co_await world.elapse_until([&] { return heard(*again) == "1/1 "; });
  b.identity.rules.clear();
  co_await a.write(2, rights_changed({ann}));
  for (int i = 0; i < 20; ++i) co_await asio::post(loop.executor(), use_awaitable);
  co_await a.say(broadcast(kForHolders, Note{"2"}));
  co_await a.say(to_user(kPrivate, ann, Note{"3"}));
  co_await world.elapse_until([&] { return again->sent.size() == 3; });
  EXPECT_EQ(heard(*again), "1/1 3/2 ");
  co_await end(world, a, b);
}

awaitable<void> refetch(Node& node, std::vector<std::int64_t>& into) { into.push_back(co_await node.process.read()); }

CO_TEST(Relay, S_7_who_refetches_on_a_signal_of_another_process_sees_the_change) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto page = co_await b.open(ann);
  EXPECT_EQ(co_await b.process.read(), 0);
  EXPECT_TRUE(b.process.keeps());
  std::vector<std::int64_t> read;
  page->on_signal = [&] { b.scope.spawn("refetch", refetch(b, read)); };
  for (std::int64_t version = 1; version <= 20; ++version) {
    co_await a.write(version, to_user(kPrivate, ann, Note{"x"}));
    co_await world.until([&] { return read.size() == static_cast<std::size_t>(version); });
    CO_ASSERT_EQ(read.back(), version);
    CO_ASSERT_TRUE(b.process.keeps());
  }
  co_await end(world, a, b);
}

CO_TEST(Relay, S_7_a_state_is_heard_last_as_it_is_however_late_the_signal_of_an_earlier_change_comes) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto here = co_await a.open(ann), there = co_await b.open(ann);
  const auto change = [ann](std::int64_t version) {
    return [ann, version](Change& c) {
      Node::put(c, version);
      c.announces(to_readers(kVersion, {ann}));
    };
  };
  b.process.bus.freeze();
  co_await a.change(change(1));
  co_await world.until([&] { return heard(*here) == "v1/1 "; });
  EXPECT_EQ(heard(*there), "") << "is on its way";
  co_await b.change(change(2));
  co_await world.until([&] { return heard(*there) == "v2/1 " && heard(*here) == "v1/1 v2/2 "; });
  b.process.bus.thaw();
  co_await world.until([&] { return there->sent.size() == 3; });
  EXPECT_EQ(heard(*there), "v2/1 v2/2 ") << "the signal of the first change, with what holds by now";
  EXPECT_EQ(b.references, std::set<std::string>{""});
  co_await end(world, a, b);
}

CO_TEST(Relay, a_state_is_read_for_those_who_are_here_once_for_many_signals_and_again_when_it_failed) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now()), bob = UserId::make(world.clock.now()), away = UserId::make(world.clock.now());
  const auto hers = co_await b.open(ann), his = co_await b.open(bob);
  co_await a.say(to_readers(kVersion, {away}));
  co_await a.say(to_readers(kVersion, {ann, bob, away}, "send:1.2-a_b"));
  co_await world.until([&] { return hers->sent.size() == 2 && his->sent.size() == 2; });
  EXPECT_EQ(b.reads, 1);
  EXPECT_EQ(a.reads, 0) << "nobody is there";
  EXPECT_EQ(b.references, std::set<std::string>{"send:1.2-a_b"});
  // The first of them is read at once, those behind it together.
  Signals many;
  for (int i = 0; i < 50; ++i) many.add(to_readers(kVersion, {ann}));
  b.hub.emit(b.hub.place(), std::move(many));
  co_await world.until([&] { return hers->sent.size() == 4; });
  for (int i = 0; i < 20; ++i) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(hers->sent.size(), 4u);
  EXPECT_EQ(b.reads, 3);
  b.failing = 3;
  co_await a.say(to_readers(kVersion, {bob}));
  co_await world.elapse_until([&] { return his->sent.size() == 3; });
  EXPECT_EQ(b.reads, 7);
  // Who has gone is not waited for.
  b.failing = 1000;
  co_await a.say(to_readers(kVersion, {bob}));
  co_await world.elapse_until([&] { return b.reads > 8; });
  his->close(1000, "");
  co_await world.until([&] { return !b.hub.online(bob); });
  co_await world.elapse(2s);
  const int before = b.reads;
  co_await world.elapse(5s);
  EXPECT_EQ(b.reads, before);
  co_await end(world, a, b);
}

/// What another process might say, in a message of its own.
struct Stranger {
  void say(Node& to, std::string text) { to.process.bus.publish(fmt::format("stranger {} 1 1\ntell signals\n{}", ++number, text)); }
  int number = 0;
};

CO_TEST(Relay, S_2_who_may_hear_a_signal_is_what_the_process_that_says_it_declares) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto hers = co_await b.open(ann), visitor = co_await b.open({});
  b.identity.rules = {"area.thing.read"};
  const auto holder = co_await b.open(UserId::make(world.clock.now()));
  Stranger stranger;
  stranger.say(b, "all area.secret - {\"text\":\"1\"}\nall area.note - {\"text\":\"2\"}\n");
  co_await world.elapse_until([&] { return heard(*holder) == "1/1 2/2 " && heard(*hers) == "2/1 "; });
  EXPECT_EQ(heard(*visitor), "");
  // A signal that this process does not have, from one of a later version: the others are said.
  co_await a.say(broadcast(kNewer, Note{"new"}));
  co_await a.say(broadcast(kNewer, Note{"new"}));
  co_await a.say(broadcast(kPublic, Note{"3"}));
  co_await world.elapse_until([&] { return heard(*visitor) == "3/1 "; });
  EXPECT_EQ(b.relay.statistics().unknown, 2u);
  EXPECT_EQ(b.relay.statistics().lost, 0u);
  co_await end(world, a, b);
}

CO_TEST(Relay, what_does_not_read_may_have_been_anything_and_sockets_refetch) {
  World world(loop);
  Node a(world), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  Stranger stranger;
  std::uint64_t lost = 0;
  const std::string users = "AAAAAAAAAAAAAAAAAAAAAA";
  for (const std::string& text : {std::string("all area.note - {\"text\":\"1\"}"),  // cut
                                 std::string("shout area.note - {}\n"), std::string("all area.note - {\"text\":1}, {}\n"), std::string("all area.note - [1]\n"),
                                 std::string("all area.version - {\"version\":7}\n"), std::string("read area.note ") + users + " \n"}) {
    const auto page = co_await b.open(ann);
    const auto other = co_await b.open(UserId());
    stranger.say(b, text);
    co_await world.until([&] { return !page->open(); });
    EXPECT_EQ(page->close_code, 1012) << text;
    EXPECT_EQ(heard(*page), "") << text;
    EXPECT_EQ(b.relay.statistics().lost, ++lost);
    co_await world.until([&] { return b.hub.sockets() == 0; });
  }
  co_await end(world, a, b);
}

CO_TEST(Relay, S_9_what_waits_to_be_told_is_bounded_and_beyond_that_everybody_refetches) {
  World world(loop);
  const watchbell::test::TickingClock clock;
  async::TimerWheel wheel(loop.executor(), clock, async::TimerWheel::Drive::manual);
  Node a(world, {}, {.waiting_bytes_max = 100'000}, &wheel), b(world);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto here = co_await a.open(ann), there = co_await b.open(ann);
  const auto note = [&](const std::string& text) {
    Signals signals;
    signals.add(to_user(kPrivate, ann, Note{text}));
    return signals;
  };
  // A turn has time for so many lines.
  for (int i = 0; i < 1000; ++i) a.relay.emit(note(std::string(1000, 'x')));
  co_await world.until([&] { return !here->open() && !there->open(); });
  EXPECT_EQ(here->close_code, 1012);
  EXPECT_EQ(there->close_code, 1012);
  EXPECT_GE(a.relay.statistics().lost, 1u);
  // It goes on with what comes afterwards.
  for (int i = 0; i < 20; ++i) co_await asio::post(loop.executor(), use_awaitable);
  const auto after = co_await b.open(ann);
  a.relay.emit(note("after"));
  co_await world.until([&] { return heard(*after) == "after/1 "; });
  co_await end(world, a, b);
}

CO_TEST(Relay, S_9_what_waits_to_be_said_is_bounded_and_a_payload_that_is_too_long_goes_without_it) {
  World world(loop);
  const watchbell::test::TickingClock clock;
  async::TimerWheel wheel(loop.executor(), clock, async::TimerWheel::Drive::manual);
  Node a(world), b(world, {}, {.waiting_bytes_max = 100'000}, &wheel);
  co_await a.start();
  co_await b.start();
  const UserId ann = UserId::make(world.clock.now());
  const auto first = co_await b.open(ann);
  a.relay.emit([&] {
    Signals signals;
    signals.add(to_user(kPrivate, ann, Note{std::string(40'000, 'x')}));
    return signals;
  }());
  co_await world.until([&] { return first->sent.size() == 2; });
  EXPECT_NE(first->sent[1].find(R"("payload":{},"truncated":true)"), std::string::npos);
  EXPECT_TRUE(first->open());
  const auto busy = co_await b.open(ann);
  Stranger stranger;
  std::string lines;
  for (int i = 0; i < 500; ++i) lines += "all area.note - {\"text\":\"x\"}\n";
  for (int i = 0; i < 20; ++i) stranger.say(b, lines);
  co_await world.until([&] { return !busy->open(); });
  EXPECT_EQ(busy->close_code, 1012);
  EXPECT_GE(b.relay.statistics().lost, 1u);
  co_await end(world, a, b);
}

TEST(RelayText, lines_read_as_they_were_written) {
  const std::vector<UserId> users{UserId::make(Timestamp::from_millis(1)), UserId(), UserId::make(Timestamp::from_millis(2))};
  std::string text;
  append_line(text, Line::Kind::all, "area.a-b_c", {}, R"({"text":"a b"})");
  append_line(text, Line::Kind::users, "a", users, {});
  append_line(text, Line::Kind::users, "a", users, "{\n}");
  append_line(text, Line::Kind::read, "a", std::span(users).first(1), "x:1.2-3_4");
  append_line(text, Line::Kind::rights, {}, users, {});
  append_line(text, Line::Kind::refetch, {}, {}, {});
  std::string_view rest = text;
  const auto expect = [&](Line::Kind kind, std::string_view id, std::size_t count, std::string_view body) {
    const auto line = take_line(rest);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->kind, kind);
    EXPECT_EQ(line->id, id);
    EXPECT_TRUE(std::ranges::equal(line->users, std::span(users).first(count)));
    EXPECT_EQ(line->body, body);
  };
  expect(Line::Kind::all, "area.a-b_c", 0, R"({"text":"a b"})");
  expect(Line::Kind::users, "a", 3, "");
  expect(Line::Kind::users, "a", 3, "{ }");
  expect(Line::Kind::read, "a", 1, "x:1.2-3_4");
  expect(Line::Kind::rights, "", 3, "");
  expect(Line::Kind::refetch, "", 0, "");
  EXPECT_TRUE(rest.empty());
}

TEST(RelayText, what_is_no_line_is_none) {
  const std::string user = "AAAAAAAAAAAAAAAAAAAAAA";
  std::string many;
  append_line(many, Line::Kind::rights, {}, std::vector<UserId>(kMostOfLine), {});
  std::string_view most = many;
  EXPECT_TRUE(take_line(most));
  std::string more = "rights - ";
  more.append(crypto::base64url_encode(std::string((kMostOfLine + 1) * 16, 'x'))).append(" \n");
  for (const std::string& bad :
       {std::string(), std::string("\n"), std::string("all a - {}"), std::string("all a -\n"), std::string("all  - {}\n"), std::string("ALL a - {}\n"),
        std::string("all - - {}\n"), std::string("all a/b - {}\n"), "all a " + user + " {}\n", std::string("users a - {}\n"), std::string("users a  {}\n"),
        "users a " + user.substr(1) + " {}\n", "users a " + user + "= {}\n", "users a " + user + user + " {}\n", "users a " + user.substr(2) + "!! {}\n",
        "read a " + user + " b c\n", "read a " + user + " " + std::string(201, 'x') + "\n", "rights a " + user + " \n", "rights - " + user + " x\n",
        std::string("refetch - - x\n"), std::string("refetch -\n"), "all " + std::string(101, 'a') + " - {}\n", more}) {
    std::string_view text = bad;
    EXPECT_FALSE(take_line(text)) << bad;
    EXPECT_EQ(text, bad);
  }
}

}  // namespace
}  // namespace watchbell::signals
