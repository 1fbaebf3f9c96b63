// Single flight: who loads, who waits, who gets what.
#include "support.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace watchbell::cache::test {
namespace {

const Key kKey("family", "key");

struct LoaderFault : std::runtime_error {
  LoaderFault() : std::runtime_error("loader fault") {}
};

awaitable<std::string> fail_after(std::shared_ptr<Gate> gate) {
  co_await gate->pass();
  throw LoaderFault();
}

awaitable<std::string> fail_at_once() {
  throw LoaderFault();
  co_return "";
}

TEST(Flight, F_1_concurrent_misses_of_one_key_load_once) {
  World world;
  const auto gate = world.source.hold();
  std::vector<std::shared_ptr<Outcome<Shared<std::string>>>> readers;
  for (int i = 0; i < 1000; ++i)
    readers.push_back(spawn(world.loop, world.scope.wrap<std::string>(kKey, world.source.loader())));
  drain(world.loop);
  gate->open();
  drain(world.loop);
  EXPECT_EQ(world.source.loads, 1);
  for (const auto& reader : readers) {
    ASSERT_TRUE(reader->ended);
    EXPECT_EQ(reader->value, readers.front()->value);
  }
  const auto seen = world.engine.snapshot();
  EXPECT_EQ(seen.loads, 1u);
  EXPECT_EQ(seen.joins, 999u);
  EXPECT_EQ(seen.misses, 1000u);
  EXPECT_EQ(seen.hits, 0u);
}

TEST(Flight, F_1_all_waiters_are_resumed_in_one_turn_of_the_loop) {
  World world;
  const auto gate = world.source.hold();
  std::vector<std::shared_ptr<Outcome<Shared<std::string>>>> readers;
  for (int i = 0; i < 100; ++i) readers.push_back(world.read(kKey));
  gate->open();
  world.loop.restart();
  const auto ended = [&] {
    return std::count_if(readers.begin(), readers.end(), [](const auto& r) { return r->ended; });
  };
  while (ended() == 0 && world.loop.poll_one() != 0) {
  }
  EXPECT_EQ(ended(), 100);
}

TEST(Flight, F_1_keys_load_side_by_side) {
  World world;
  const auto gate = world.source.hold();
  world.read(Key("slow"));
  world.source.hold_no_more();
  EXPECT_EQ(world.text(Key("fast")), "one");  // F-10: nobody waits for another key's load
  EXPECT_EQ(world.source.running, 1);
  gate->open();
  drain(world.loop);
}

TEST(Flight, F_1_a_loader_that_ends_without_suspending_needs_no_waiting) {
  World world;
  const auto reader = world.read(kKey);
  EXPECT_TRUE(reader->ended);
  EXPECT_EQ(*reader->value, "one");
}

TEST(Flight, F_4_a_loader_error_reaches_all_joiners_and_is_not_stored) {
  World world;
  const auto gate = std::make_shared<Gate>(world.loop);
  auto loader = [gate] { return fail_after(gate); };
  std::vector<std::shared_ptr<Outcome<Shared<std::string>>>> readers;
  for (int i = 0; i < 3; ++i) readers.push_back(spawn(world.loop, world.scope.wrap<std::string>(kKey, loader)));
  drain(world.loop);
  gate->open();
  drain(world.loop);
  for (const auto& reader : readers) EXPECT_TRUE(reader->threw<LoaderFault>());
  EXPECT_EQ(world.engine.snapshot().load_failures, 1u);
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
  EXPECT_EQ(world.text(kKey), "one");  // the slot is free
}

TEST(Flight, F_4_a_loader_that_throws_before_its_first_suspension_frees_the_slot) {
  World world;
  const auto in_coroutine = spawn(world.loop, world.scope.wrap<std::string>(kKey, fail_at_once));
  drain(world.loop);
  EXPECT_TRUE(in_coroutine->threw<LoaderFault>());

  auto no_coroutine = []() -> awaitable<std::string> { throw LoaderFault(); };
  const auto before_any = spawn(world.loop, world.scope.wrap<std::string>(kKey, no_coroutine));
  drain(world.loop);
  EXPECT_TRUE(before_any->threw<LoaderFault>());

  EXPECT_EQ(world.engine.snapshot().flights, 0u);
  EXPECT_EQ(world.engine.snapshot().running_loads, 0u);
  EXPECT_EQ(world.text(kKey), "one");
}

TEST(Flight, F_4_an_error_result_reaches_all_joiners_and_is_not_stored) {
  struct Failed {
    bool has_value() const { return false; }
    int value() const { return 0; }
    int error() const { return 7; }
  };
  World world;
  auto loader = [] { return World::give(Failed()); };
  const auto reader = spawn(world.loop, world.scope.wrap<Failed>(kKey, loader));
  drain(world.loop);
  ASSERT_TRUE(reader->ended && reader->value);
  EXPECT_EQ(reader->value->error(), 7);
  EXPECT_EQ(world.scope.find<Failed>(kKey), nullptr);
  EXPECT_EQ(world.engine.snapshot().discarded.not_cacheable, 1u);
}

TEST(Flight, F_4_an_absent_value_is_a_value_and_a_null_pointer_is_handed_on_only) {
  World world;
  world.put(world.scope, Key("absent"), std::optional<int>());
  ASSERT_NE(world.scope.find<std::optional<int>>(Key("absent")), nullptr);
  EXPECT_FALSE(world.scope.find<std::optional<int>>(Key("absent"))->has_value());

  auto loader = [] { return World::give(Shared<int>()); };
  const auto reader = spawn(world.loop, world.scope.wrap<int>(Key("null"), loader));
  drain(world.loop);
  EXPECT_TRUE(reader->ended);
  EXPECT_FALSE(reader->error);
  EXPECT_EQ(reader->value, nullptr);
  EXPECT_EQ(world.engine.snapshot().discarded.not_cacheable, 1u);
}

TEST(Flight, F_5_a_waiter_who_gives_up_leaves_the_others_and_the_load_alone) {
  World world;
  const auto gate = world.source.hold();
  const auto starter = world.read(kKey);
  const auto patient = world.read(kKey);
  const auto impatient = world.read(kKey);
  impatient->cancel.emit(asio::cancellation_type::terminal);
  starter->cancel.emit(asio::cancellation_type::terminal);
  drain(world.loop);
  EXPECT_TRUE(impatient->aborted());
  EXPECT_TRUE(starter->aborted());  // even the one who started the load
  EXPECT_FALSE(patient->ended);

  gate->open();
  drain(world.loop);
  EXPECT_EQ(*patient->value, "one");
  EXPECT_NE(world.scope.find<std::string>(kKey), nullptr);
}

TEST(Flight, F_5_a_load_whose_waiters_all_gave_up_completes_unobserved) {
  World world;
  const auto gate = world.source.hold();
  const auto reader = world.read(kKey);
  reader->cancel.emit(asio::cancellation_type::terminal);
  drain(world.loop);
  EXPECT_TRUE(reader->aborted());
  gate->open();
  drain(world.loop);
  EXPECT_EQ(*world.scope.find<std::string>(kKey), "one");
}

TEST(Flight, F_5_giving_up_when_the_value_is_already_on_its_way_changes_nothing) {
  World world;
  const auto gate = world.source.hold();
  const auto reader = world.read(kKey);
  gate->open();
  world.loop.restart();
  while (!world.scope.find<std::string>(kKey) && world.loop.poll_one() != 0) {
  }
  ASSERT_FALSE(reader->ended);
  reader->cancel.emit(asio::cancellation_type::terminal);
  drain(world.loop);
  EXPECT_TRUE(reader->ended);
  EXPECT_EQ(world.engine.snapshot().load_failures, 0u);
}

TEST(Flight, F_5_a_loader_owns_what_it_captured_after_its_starter_has_gone) {
  World world;
  const auto gate = std::make_shared<Gate>(world.loop);
  auto text = std::make_shared<std::string>("owned");
  struct Steps {
    static awaitable<std::string> load(std::shared_ptr<Gate> gate, const std::string* borrowed) {
      co_await gate->pass();
      co_return *borrowed;
    }
  };
  // The awaitable borrows from the loader's capture, so the loader must live until it has ended.
  auto loader = [gate, text] { return Steps::load(gate, text.get()); };
  const auto reader = spawn(world.loop, world.scope.wrap<std::string>(kKey, std::move(loader)));
  drain(world.loop);
  const std::weak_ptr<std::string> watch = text;
  text.reset();
  reader->cancel.emit(asio::cancellation_type::terminal);
  drain(world.loop);
  EXPECT_FALSE(watch.expired());
  gate->open();
  drain(world.loop);
  EXPECT_EQ(*world.scope.find<std::string>(kKey), "owned");
  EXPECT_TRUE(watch.expired());
}

TEST(Flight, F_6_a_loader_that_hangs_is_cancelled_at_its_deadline_and_frees_its_slot) {
  World world;
  const CachedScope hasty(world.engine, "hasty", ScopeOptions(15s, 1ms));
  world.source.hold();
  const auto reader = spawn(world.loop, hasty.wrap<std::string>(kKey, world.source.loader()));
  const auto joiner = spawn(world.loop, hasty.wrap<std::string>(kKey, world.source.loader()));
  world.loop.restart();
  world.loop.run();  // ends, because the deadline ends the load
  EXPECT_TRUE(reader->threw<LoadTimedOut>());
  EXPECT_TRUE(joiner->threw<LoadTimedOut>());
  EXPECT_EQ(world.source.running, 0);
  EXPECT_EQ(world.engine.snapshot().load_timeouts, 1u);
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
}

/// Looks away when it is cancelled.
awaitable<std::string> stubborn(std::shared_ptr<Gate> gate) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await gate->pass();
  co_return "late";
}

TEST(Flight, F_6_the_late_value_of_a_load_that_ignores_its_deadline_is_dropped) {
  World world;
  const CachedScope hasty(world.engine, "hasty", ScopeOptions(15s, 1ms));
  const auto gate = std::make_shared<Gate>(world.loop);
  auto loader = [gate] { return stubborn(gate); };
  const auto reader = spawn(world.loop, hasty.wrap<std::string>(kKey, loader));
  world.loop.restart();
  while (!reader->ended) world.loop.run_one();
  EXPECT_TRUE(reader->threw<LoadTimedOut>());
  EXPECT_EQ(world.engine.snapshot().running_loads, 1u);

  const auto next = spawn(world.loop, hasty.wrap<std::string>(kKey, world.source.loader()));
  drain(world.loop);
  EXPECT_EQ(*next->value, "one");  // its slot was free
  gate->open();
  drain(world.loop);
  EXPECT_EQ(*hasty.find<std::string>(kKey), "one");
  EXPECT_EQ(world.engine.snapshot().discarded.late, 1u);
  EXPECT_EQ(world.engine.snapshot().running_loads, 0u);
}

awaitable<std::string> read_itself(CachedScope scope) {
  const auto own = co_await scope.wrap<std::string>(kKey, fail_at_once);
  co_return *own;
}

awaitable<std::string> read_itself_deeper(CachedScope scope, std::shared_ptr<Gate> gate) {
  co_await gate->pass();
  co_return co_await read_itself(scope);
}

TEST(Flight, C_27_under_a_storm_of_invalidations_two_loads_of_a_key_run_at_most_and_readers_still_finish) {
  World world;
  std::vector<std::shared_ptr<Gate>> gates;
  std::vector<std::shared_ptr<Outcome<Shared<std::string>>>> readers;
  std::vector<std::string> at_least;  // what had been announced when the reader came
  for (int round = 0; round < 200; ++round) {
    world.source.value = std::to_string(1000 + round);
    if (round % 2 == 0) world.scope.invalidate(kKey);
    else world.scope.invalidate_prefix(Family("family"));
    gates.push_back(world.source.hold());
    at_least.push_back(world.source.value);
    readers.push_back(world.read(kKey));
    EXPECT_LE(world.source.running, 2);
    if (round % 10 != 9) continue;
    const auto opened = std::exchange(gates, {});
    for (const auto& gate : opened) gate->open();
    drain(world.loop);
  }
  for (const auto& gate : gates) gate->open();
  world.source.hold_no_more();
  drain(world.loop);
  EXPECT_EQ(world.source.most_running, 2);
  EXPECT_LE(world.source.loads, 100);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    ASSERT_TRUE(readers[i]->ended) << i;
    EXPECT_GE(*readers[i]->value, at_least[i]) << i;
  }
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
}

TEST(Flight, C_27_a_reader_who_waited_for_room_takes_the_next_load_whatever_is_invalidated_while_it_runs) {
  World world;
  const auto first = world.source.hold();
  world.read(kKey);
  world.scope.invalidate(kKey);
  const auto second = world.source.hold();
  world.read(kKey);
  world.scope.invalidate(kKey);
  const auto third = world.source.hold();
  world.source.value = "three";
  const auto waiting = world.read(kKey);
  EXPECT_EQ(world.source.loads, 2);
  first->open();
  drain(world.loop);
  EXPECT_EQ(world.source.loads, 3);
  world.scope.invalidate(kKey);
  const auto also = world.read(kKey);  // two run: this one waits for the second
  EXPECT_EQ(world.source.loads, 3);
  third->open();
  drain(world.loop);
  EXPECT_TRUE(waiting->ended);
  EXPECT_EQ(*waiting->value, "three");
  world.source.hold_no_more();
  second->open();
  drain(world.loop);
  EXPECT_TRUE(also->ended);
  EXPECT_EQ(*also->value, "three");
}

TEST(Flight, F_10_a_slow_load_of_one_key_blocks_no_other) {
  World world;
  world.source.hold();
  for (int i = 0; i < 100; ++i) world.read(Key("slow", i));
  world.source.hold_no_more();
  EXPECT_EQ(world.text(Key("fast")), "one");
  world.scope.invalidate_prefix(Family("slow"));
  EXPECT_EQ(world.text(Key("slow", 1)), "one");
  EXPECT_EQ(world.source.running, 100);
}

TEST(Flight, F_9_a_loader_that_reads_its_own_key_fails_with_a_clear_error) {
  World world;
  auto loader = [scope = world.scope] { return read_itself(scope); };
  const auto reader = spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  drain(world.loop);
  EXPECT_TRUE(reader->threw<SelfRead>());
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
}

TEST(Flight, F_9_reading_the_own_key_is_found_after_suspensions_and_in_deeper_coroutines) {
  World world;
  const auto gate = std::make_shared<Gate>(world.loop);
  auto loader = [scope = world.scope, gate] { return read_itself_deeper(scope, gate); };
  const auto reader = spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  const auto joiner = spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  drain(world.loop);
  gate->open();
  drain(world.loop);
  EXPECT_TRUE(reader->threw<SelfRead>());
  EXPECT_TRUE(joiner->threw<SelfRead>());
}

TEST(Flight, F_9_a_loader_that_was_overtaken_twice_and_reads_its_own_key_does_not_wait_for_itself) {
  World world;
  const auto gate = std::make_shared<Gate>(world.loop);
  auto loader = [scope = world.scope, gate] { return read_itself_deeper(scope, gate); };
  const auto oldest = spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  drain(world.loop);
  world.scope.invalidate(kKey);
  const auto newer = world.source.hold();
  world.read(kKey);
  world.scope.invalidate(kKey);
  gate->open();
  drain(world.loop);
  EXPECT_TRUE(oldest->threw<SelfRead>());
  newer->open();
  drain(world.loop);
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
}

awaitable<std::string> read_other(CachedScope scope, Key other, Source& source) {
  const auto value = co_await scope.wrap<std::string>(other, source.loader());
  co_return "via " + *value;
}

TEST(Flight, F_9_a_loader_may_read_other_keys) {
  World world;
  auto loader = [&world] { return read_other(world.scope, Key("other"), world.source); };
  const auto reader = spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  drain(world.loop);
  EXPECT_EQ(*reader->value, "via one");
}

TEST(Flight, a_reader_on_another_loop_joins_the_load_and_is_resumed_on_its_own) {
  World world;
  const auto gate = world.source.hold();
  const auto here = world.read(kKey);

  asio::io_context elsewhere;
  std::thread::id resumed_on;
  Shared<std::string> value;
  asio::co_spawn(elsewhere, world.scope.wrap<std::string>(kKey, world.source.loader()),
                 [&](std::exception_ptr, Shared<std::string> got) {
                   resumed_on = std::this_thread::get_id();
                   value = std::move(got);
                 });
  elsewhere.poll();
  gate->open();
  std::thread other([&] { elsewhere.run(); });
  const auto other_id = other.get_id();
  drain(world.loop);
  other.join();
  EXPECT_EQ(resumed_on, other_id);
  EXPECT_EQ(value, here->value);
  EXPECT_EQ(world.source.loads, 1);
}

TEST(Flight, a_fault_of_one_resumed_reader_does_not_cost_the_others_their_turn) {
  World world;
  const auto gate = world.source.hold();
  asio::co_spawn(world.loop, world.scope.wrap<std::string>(kKey, world.source.loader()),
                 [](std::exception_ptr, Shared<std::string>) { throw LoaderFault(); });
  const auto second = world.read(kKey);
  const auto third = world.read(kKey);
  gate->open();
  EXPECT_THROW(drain(world.loop), LoaderFault);
  drain(world.loop);
  EXPECT_TRUE(second->ended && third->ended);
}

TEST(Flight, a_loop_destroyed_under_a_load_frees_the_slot_and_tells_readers_elsewhere) {
  ManualClock clock;
  Cache engine({.clock = clock.hook()});
  const CachedScope scope(engine, "scope", 15s);
  asio::io_context here;
  std::exception_ptr error;
  Source local(here);
  auto destroyed = std::make_unique<asio::io_context>();
  auto source = std::make_unique<Source>(*destroyed);
  source->hold();
  const auto lost = spawn(*destroyed, scope.wrap<std::string>(kKey, source->loader()));
  destroyed->poll();
  asio::co_spawn(here, scope.wrap<std::string>(kKey, local.loader()),
                 [&](std::exception_ptr e, Shared<std::string>) { error = e; });
  here.poll();
  EXPECT_EQ(engine.snapshot().joins, 1u);

  source->hold_no_more();
  destroyed.reset();
  here.restart();
  here.poll();
  EXPECT_FALSE(lost->ended);
  EXPECT_THROW(std::rethrow_exception(error), LoadAbandoned);
  EXPECT_EQ(engine.snapshot().running_loads, 0u);
  const auto again = spawn(here, scope.wrap<std::string>(kKey, local.loader()));
  drain(here);
  EXPECT_EQ(*again->value, "one");
}

}  // namespace
}  // namespace watchbell::cache::test
