// Processes of one cluster on one loop, a clock moved by hand and a database of one connection: what each message and each row is for, one test each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <boost/asio/detached.hpp>

#include "runtime/coherence/test/world.hpp"

namespace watchbell::coherence {
namespace {

using namespace std::chrono_literals;
using test::Process;
using test::Running;
using test::World;
using ::testing::ElementsAre;

CO_TEST(Cluster, C_3_a_change_returns_when_no_process_serves_the_state_before_it) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await a.read(), 1);
  EXPECT_EQ(co_await b.read(), 1);
  EXPECT_EQ(co_await b.read(), 1);
  EXPECT_EQ(b.loads, 1) << "from memory";
  const auto began = world.clock.boot();
  co_await a.change(2);
  EXPECT_EQ(world.clock.boot(), began) << "two messages, and no time";
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_EQ(b.loads, 2);
  co_await world.until([&] { return a.cluster->statistics().settled == 2; });
  while (co_await world.count("intents") > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_TRUE(a.faults.empty() && b.faults.empty());
  co_await a.close();
  co_await b.close();
  EXPECT_EQ(co_await world.count("processes"), 0) << "who stops leaves";
  co_await world.database->close();
}

CO_TEST(Cluster, a_change_waits_for_nobody_where_nobody_is) {
  World world(loop);
  Process a(world);
  co_await a.start();
  co_await a.change(1);
  EXPECT_EQ(a.cluster->statistics().waited_for, 0u);
  co_await a.close();
  co_await world.database->close();
}

CO_TEST(Cluster, the_guard_that_waits_is_what_makes_it_hold) {
  World world(loop);
  Process a(world, {.off = {"wait"}});
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  co_await a.change(2);
  EXPECT_EQ(co_await b.read(), 1) << "stale: nobody has told it yet";
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, C_12_a_lost_message_is_made_good_by_the_renewal) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  b.bus.deaf = true;
  const Running change(world, a.change(2));
  const auto began = world.clock.boot();
  co_await world.elapse_until([&] { return change.over(); });
  EXPECT_LE(world.clock.boot() - began, 600ms) << "at the next renewal, which says so over the bus";
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_EQ(b.cluster->statistics().joins, 1u);
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, without_any_message_two_renewals_are_an_acknowledgement) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  a.bus.deaf = b.bus.deaf = true;
  const Running change(world, a.change(2));
  const auto began = world.clock.boot();
  co_await world.elapse_until([&] { return change.over(); });
  EXPECT_LE(world.clock.boot() - began, 2s);
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_EQ(a.cluster->statistics().fenced, 0u);
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, a_frozen_process_is_waited_for_no_longer_than_its_lease_and_margin_and_then_starts_over) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  b.freeze();
  const Running change(world, a.change(2));
  const auto began = world.clock.boot();
  co_await world.elapse(1900ms);
  EXPECT_FALSE(change.over()) << "it may still serve what it has";
  co_await world.elapse_until([&] { return change.over(); });
  EXPECT_LE(world.clock.boot() - began, 2300ms);
  EXPECT_EQ(a.cluster->statistics().fenced, 1u);
  EXPECT_TRUE(b.keeps()) << "it has not heard of anything";
  // The next request that it reads, before any of its timers or messages.
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_FALSE(b.cluster->serves());
  // Afterwards as before.
  const auto after = world.clock.boot();
  co_await a.change(3);
  EXPECT_EQ(world.clock.boot(), after);
  b.thaw();
  co_await world.elapse_until([&] { return b.cluster->serves(); });
  EXPECT_EQ(b.cluster->statistics().joins, 2u);
  EXPECT_EQ(co_await b.read(), 3);
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, C_18_who_loses_the_bus_serves_nothing_from_memory_until_it_is_back_and_the_memory_is_empty) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  b.bus.disconnect();
  EXPECT_FALSE(b.cluster->serves());
  while (co_await world.count("processes") > 1) co_await asio::post(loop.executor(), use_awaitable);
  const auto began = world.clock.boot();
  co_await a.change(2);
  EXPECT_EQ(world.clock.boot(), began) << "nobody waits for it";
  const int before = b.loads;
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_EQ(b.loads, before + 2) << "each reader for himself";
  b.bus.connect();
  co_await world.elapse_until([&] { return b.cluster->serves(); });
  EXPECT_EQ(b.gaps, 1) << "whoever listens to it is told";
  EXPECT_FALSE(b.keeps());
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_TRUE(b.keeps());
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, C_14_the_intent_of_a_process_that_died_is_carried_out_by_those_that_live) {
  World world(loop);
  Process b(world);
  co_await b.start();
  {
    Process a(world);
    co_await a.start();
    co_await a.change(1);
    EXPECT_EQ(co_await b.read(), 1);
    co_await a.close();
    // Killed between its COMMIT and everything that follows.
    const auto text = to_text({a.scope->key(cache::Key("t"))});
    static_cast<void>(co_await world.database->write([&, now = world.clock.now()](sql::Session& session) {
      session.execute("update things set version = 2 where id = 't'");
      return a.cluster->record(session, text, now);
    }));
  }
  const auto began = world.clock.boot();
  co_await world.elapse_until([&] { return !b.keeps(); });
  EXPECT_LE(world.clock.boot() - began, 2s);
  EXPECT_EQ(co_await b.read(), 2);
  EXPECT_EQ(b.cluster->statistics().adopted, 1u);
  while (co_await world.count("intents") > 0) {
    world.clock.advance(10ms);
    co_await asio::post(loop.executor(), use_awaitable);
  }
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, C_14_what_a_start_changes_in_the_tables_empties_the_memory_of_those_that_serve) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await a.change(1);
  EXPECT_EQ(co_await a.read(), 1);
  // A migration, by a process that is no member yet.
  const auto migrated = co_await world.database->write([now = world.clock.now()](sql::Session& session) {
    session.execute("update things set version = 2");
    return store::add_everything(session, now).value();
  });
  const Running settled(world, b.cluster->settle(*migrated, std::string(kEverything)));
  co_await world.elapse_until([&] { return settled.over(); });
  EXPECT_EQ(co_await a.read(), 2);
  co_await world.elapse_until([&] { return b.cluster->statistics().settled == 1; });
  while (co_await world.count("intents") > 0) co_await world.elapse(10ms);
  // The same by one that died: whoever lives carries it out.
  const auto adopted = a.cluster->statistics().adopted;
  static_cast<void>(co_await world.database->write([now = world.clock.now()](sql::Session& session) {
    session.execute("update things set version = 3");
    return store::add_everything(session, now).has_value();
  }));
  co_await world.elapse_until([&] { return a.cluster->statistics().adopted > adopted; });
  EXPECT_EQ(co_await a.read(), 3);
  while (co_await world.count("intents") > 0) co_await world.elapse(10ms);
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, the_row_of_a_process_that_died_is_removed_by_those_that_live) {
  World world(loop);
  Process a(world);
  co_await a.start();
  static_cast<void>(co_await world.database->write([now = world.clock.now()](sql::Session& session) { store::join(session, MemberId::make(now), ProcessId::make(now), now); }));
  co_await world.elapse_until([&] { return a.cluster->statistics().fenced == 1; });
  EXPECT_EQ(co_await world.count("processes"), 1);
  const auto began = world.clock.boot();
  co_await a.change(1);
  EXPECT_EQ(world.clock.boot(), began) << "no later change waits for it";
  co_await a.close();
  co_await world.database->close();
}

CO_TEST(Cluster, who_was_fenced_although_it_lives_empties_its_memory_and_joins_anew) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  static_cast<void>(co_await world.database->write([](sql::Session& session) { session.execute("delete from processes"); }));
  co_await world.elapse_until([&] { return b.cluster->statistics().joins == 2 && b.cluster->serves(); });
  EXPECT_FALSE(b.keeps());
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, a_load_from_before_it_joined_anew_is_not_kept) {
  World world(loop);
  Process b(world);
  co_await b.start();
  // Begun while its lease held, and ended after it has joined anew.
  std::atomic<bool> go = false;
  std::atomic<bool> begun = false;
  std::int64_t got = -1;
  asio::co_spawn(loop.executor(), [](Process& p, std::atomic<bool>& on, std::atomic<bool>& in, std::int64_t& out) -> awaitable<void> {
    const auto found = co_await p.scope->read<std::int64_t>(cache::Key("slow"), [&on, &in](sql::Session& session) {
      const auto value = session.one<std::int64_t>("select 7").value();
      in = true;
      while (!on) std::this_thread::yield();
      return value;
    });
    out = **found;
  }(b, go, begun, got), asio::detached);
  co_await world.until([&] { return begun.load(); });
  b.bus.disconnect();
  b.bus.connect();
  go = true;
  co_await world.elapse_until([&] { return got == 7 && b.cluster->statistics().joins == 2 && b.cluster->serves(); });
  EXPECT_FALSE(b.keeps("slow"));
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, what_is_too_long_for_a_message_is_read_from_its_row) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  const auto began = world.clock.boot();
  co_await a.change(2, "t", 5000);
  EXPECT_EQ(world.clock.boot(), began);
  EXPECT_EQ(co_await b.read(), 2);
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, what_is_told_comes_in_the_order_it_was_told_and_to_the_others_alone) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  const std::string large(20'000, 'x');
  a.cluster->tell("test", "one");
  a.cluster->tell("test", large);
  a.cluster->tell("test", "three");
  co_await world.until([&] { return b.heard.size() == 3; });
  EXPECT_THAT(b.heard, ElementsAre("one", large, "three"));
  EXPECT_TRUE(a.heard.empty());
  EXPECT_EQ(b.gaps, 0);
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, after_a_gap_the_memory_is_empty_before_anything_is_served) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  co_await a.change(1);
  EXPECT_EQ(co_await b.read(), 1);
  b.bus.deaf = true;
  a.cluster->tell("test", "lost");
  for (int i = 0; i < 10; ++i) co_await asio::post(loop.executor(), use_awaitable);
  b.bus.deaf = false;
  a.cluster->tell("test", "heard");
  co_await world.until([&] { return !b.heard.empty(); });
  EXPECT_EQ(b.gaps, 1);
  EXPECT_FALSE(b.keeps());
  EXPECT_THAT(b.heard, ElementsAre("heard"));
  co_await a.close();
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, a_message_of_a_later_version_may_mean_anything) {
  World world(loop);
  Process b(world);
  co_await b.start();
  for (const char* message : {"other 1 1 1\nprune everything\n", "other 2 1 1\nno line", "other 3 1 1\ndrop nonsense\nthings star t\n", "other 4 1 1\nread nonsense\n"}) {
    EXPECT_EQ(co_await b.read(), 0);
    EXPECT_TRUE(b.keeps());
    b.bus.publish(message);
    co_await world.until([&] { return !b.keeps(); });
  }
  co_await b.close();
  co_await world.database->close();
}

CO_TEST(Cluster, a_stop_lets_go_of_changes_that_wait) {
  World world(loop);
  Process a(world);
  Process b(world);
  co_await a.start();
  co_await b.start();
  b.freeze();
  const Running change(world, a.change(1));
  co_await world.until([&] { return a.cluster->statistics().waited_for == 1; });
  co_await a.close();
  co_await world.until([&] { return change.over(); });
  co_await b.close();
  co_await world.database->close();
}

TEST(Lease, one_that_nobody_else_relies_on_holds_for_ever) {
  async::ManualClock clock;
  Lease lease;
  EXPECT_TRUE(lease.holds());
  lease.bind(clock);
  EXPECT_FALSE(lease.holds());
  lease.extend(clock.boot() + 1s);
  EXPECT_TRUE(lease.holds());
  clock.advance(1s);
  EXPECT_FALSE(lease.holds());
  lease.extend(clock.boot() + 1s);
  lease.end();
  EXPECT_FALSE(lease.holds());
}

TEST(Target, C_22_what_is_told_of_a_target_means_the_same_in_another_process) {
  Memory memory;
  const cache::CachedScope things(memory, "things");
  const std::string_view strange("a b\n\0:*\xFF", 8);
  const std::vector<Target> targets{{things, cache::Key("a", 1, std::nullopt)}, {things, cache::Family(strange, nullptr)}, {things, cache::Family()}};
  const auto text = to_text(targets);
  Memory other;
  const auto read = targets_from(other, text);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[0].scope.name(), "things");
  EXPECT_EQ(std::get<cache::Key>((*read)[0].what), std::get<cache::Key>(targets[0].what));
  EXPECT_EQ(std::get<cache::Family>((*read)[1].what), std::get<cache::Family>(targets[1].what));
  EXPECT_EQ(std::get<cache::Family>((*read)[2].what), cache::Family());
  EXPECT_EQ(to_text(*read), text);
  for (const char* bad : {"things", "things key\n", "things key !\n", "things keys AA\n", " key AA\n", "things key AA", "things family BQ\n"}) EXPECT_FALSE(targets_from(other, bad)) << bad;
}

}  // namespace
}  // namespace watchbell::coherence
