// Bulk reads: one call of the loader for what is missing, joined by and joining single reads.
#include "support.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace watchbell::cache::test {
namespace {

using Ids = std::vector<int>;
using Values = std::vector<Shared<std::string>>;

Key key_of(int id) { return Key("f", id); }

/// A batch loader that remembers what it was asked for and can be held at a gate.
struct Batches {
  std::vector<Ids> asked;
  std::shared_ptr<Gate> gate;
  std::size_t too_few = 0;
  bool fails = false;

  auto loader() {
    return [this](Ids ids) { return load(std::move(ids)); };
  }
  awaitable<std::vector<std::string>> load(Ids ids) {
    asked.push_back(ids);
    if (gate) co_await gate->pass();
    if (fails) throw std::runtime_error("batch");
    std::vector<std::string> values;
    for (std::size_t i = 0; i + too_few < ids.size(); ++i) values.push_back("v" + std::to_string(ids[i]));
    co_return values;
  }
};

std::vector<std::string> texts(const Values& values) {
  std::vector<std::string> all;
  for (const auto& value : values) all.push_back(value ? *value : "(null)");
  return all;
}

struct Bulk : testing::Test {
  auto read(Ids ids) {
    auto outcome = spawn(world.loop, world.scope.wrap_many_batched<std::string>(std::move(ids), key_of, batches.loader()));
    drain(world.loop);
    return outcome;
  }

  World world;
  Batches batches;
};

TEST_F(Bulk, F_7_hits_are_answered_and_all_misses_loaded_by_one_call_in_input_order) {
  world.put(world.scope, key_of(2), std::string("kept"));
  const auto reader = read({3, 2, 1});
  ASSERT_TRUE(reader->ended && !reader->error);
  EXPECT_EQ(texts(reader->value), (std::vector<std::string>{"v3", "kept", "v1"}));
  ASSERT_EQ(batches.asked.size(), 1u);
  EXPECT_EQ(batches.asked[0], (Ids{3, 1}));
  EXPECT_EQ(texts(read({1, 2, 3})->value), (std::vector<std::string>{"v1", "kept", "v3"}));
  EXPECT_EQ(batches.asked.size(), 1u);
}

TEST_F(Bulk, F_7_no_ids_make_no_call) {
  EXPECT_TRUE(read({})->ended);
  EXPECT_TRUE(batches.asked.empty());
}

TEST_F(Bulk, F_7_duplicate_ids_in_one_call_load_once) {
  const auto reader = read({7, 7, 8, 7});
  EXPECT_EQ(texts(reader->value), (std::vector<std::string>{"v7", "v7", "v8", "v7"}));
  EXPECT_EQ(batches.asked, (std::vector<Ids>{{7, 8}}));
  EXPECT_EQ(reader->value[0], reader->value[3]);
}

TEST_F(Bulk, F_7_a_batch_joins_a_running_single_load_and_is_joined_by_single_reads) {
  const auto single_gate = world.source.hold();
  const auto single = world.read(key_of(1));
  batches.gate = std::make_shared<Gate>(world.loop);
  const auto batch = read({1, 2});
  EXPECT_EQ(batches.asked, (std::vector<Ids>{{2}}));
  const auto late = world.read(key_of(2));  // joins the batch
  EXPECT_EQ(world.source.loads, 1);

  batches.gate->open();
  drain(world.loop);
  EXPECT_TRUE(late->ended);
  EXPECT_EQ(*late->value, "v2");
  EXPECT_FALSE(batch->ended);
  single_gate->open();
  drain(world.loop);
  EXPECT_EQ(texts(batch->value), (std::vector<std::string>{"one", "v2"}));
  EXPECT_EQ(batch->value[0], single->value);
}

TEST_F(Bulk, F_7_a_result_of_the_wrong_length_is_an_error_and_stores_nothing) {
  batches.too_few = 1;
  EXPECT_TRUE(read({1, 2, 3})->threw<WrongLength>());
  EXPECT_EQ(world.engine.snapshot().entries, 0u);
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
  batches.too_few = 0;
  EXPECT_EQ(texts(read({1, 2})->value), (std::vector<std::string>{"v1", "v2"}));
}

TEST_F(Bulk, F_4_an_error_of_a_batch_reaches_its_joiners_and_frees_every_slot) {
  batches.gate = std::make_shared<Gate>(world.loop);
  batches.fails = true;
  const auto batch = read({1, 2});
  const auto joiner = world.read(key_of(2));
  batches.gate->open();
  drain(world.loop);
  EXPECT_TRUE(batch->threw<std::runtime_error>());
  EXPECT_TRUE(joiner->threw<std::runtime_error>());
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
  EXPECT_EQ(world.engine.snapshot().running_loads, 0u);
}

TEST_F(Bulk, C_1_an_invalidation_of_one_key_of_a_running_batch_keeps_that_one_from_being_stored) {
  batches.gate = std::make_shared<Gate>(world.loop);
  const auto batch = read({1, 2});
  world.scope.invalidate(key_of(1));
  batches.gate->open();
  drain(world.loop);
  EXPECT_EQ(texts(batch->value), (std::vector<std::string>{"v1", "v2"}));
  EXPECT_EQ(world.scope.find<std::string>(key_of(1)), nullptr);
  EXPECT_NE(world.scope.find<std::string>(key_of(2)), nullptr);
}

TEST_F(Bulk, F_5_a_reader_of_a_batch_who_gives_up_leaves_it_running) {
  batches.gate = std::make_shared<Gate>(world.loop);
  const auto batch = read({1, 2});
  batch->cancel.emit(asio::cancellation_type::terminal);
  drain(world.loop);
  EXPECT_TRUE(batch->aborted());
  batches.gate->open();
  drain(world.loop);
  EXPECT_NE(world.scope.find<std::string>(key_of(2)), nullptr);
}

TEST_F(Bulk, F_6_a_batch_that_hangs_ends_at_its_deadline_for_every_key) {
  const CachedScope hasty(world.engine, "hasty", ScopeOptions(15s, 1ms));
  batches.gate = std::make_shared<Gate>(world.loop);
  const auto batch = spawn(world.loop, hasty.wrap_many_batched<std::string>(Ids{1, 2}, key_of, batches.loader()));
  const auto joiner = spawn(world.loop, hasty.wrap<std::string>(key_of(2), world.source.loader()));
  world.loop.restart();
  world.loop.run();
  EXPECT_TRUE(batch->threw<LoadTimedOut>());
  EXPECT_TRUE(joiner->threw<LoadTimedOut>());
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
}

awaitable<std::vector<std::string>> read_own_batch(CachedScope scope, Ids ids) {
  auto never = [](Ids) { return World::give(std::vector<std::string>()); };
  static_cast<void>(co_await scope.wrap_many_batched<std::string>(std::move(ids), key_of, never));
  co_return std::vector<std::string>();
}

TEST_F(Bulk, F_9_a_batch_loader_that_reads_one_of_its_keys_is_found) {
  auto loader = [scope = world.scope](Ids ids) { return read_own_batch(scope, std::move(ids)); };
  const auto reader = spawn(world.loop, world.scope.wrap_many_batched<std::string>(Ids{1, 2}, key_of, loader));
  drain(world.loop);
  EXPECT_TRUE(reader->threw<SelfRead>());
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
}

awaitable<std::string> fail_for_two(int id) {
  if (id == 2) throw std::runtime_error("two");
  co_return "v" + std::to_string(id);
}

TEST_F(Bulk, F_8_one_failing_id_fails_the_call_or_that_id_alone_as_the_caller_asked) {
  const auto all = spawn(world.loop, world.scope.wrap_many<std::string>(Ids{1, 2, 3}, key_of, fail_for_two));
  drain(world.loop);
  EXPECT_TRUE(all->threw<std::runtime_error>());
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
  EXPECT_NE(world.scope.find<std::string>(key_of(3)), nullptr);  // the others are kept all the same

  const auto each = spawn(world.loop, world.scope.wrap_each<std::string>(Ids{1, 2, 3}, key_of, fail_for_two));
  drain(world.loop);
  ASSERT_TRUE(each->ended && !each->error);
  EXPECT_EQ(*each->value[0].value, "v1");
  EXPECT_TRUE(each->value[1].error);
  EXPECT_EQ(*each->value[2].value, "v3");
}

TEST_F(Bulk, refusing_to_load_while_closing_leaves_no_slot_behind) {
  spawn(world.loop, world.engine.close<Executor>());
  drain(world.loop);
  EXPECT_TRUE(read({1, 2})->threw<CacheClosed>());
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
  EXPECT_EQ(world.engine.snapshot().running_loads, 0u);
}

}  // namespace
}  // namespace watchbell::cache::test
