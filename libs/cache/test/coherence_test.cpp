// What a reader may see around invalidations. One loop turned by hand; gates and pause points steer every race.
#include "support.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace watchbell::cache::test {
namespace {

using namespace std::string_literals;

const Key kUnread("inbox", "u1", "unread");
const Family kInbox("inbox", "u1");

/// Every way to invalidate what covers kUnread.
struct Way {
  const char* name;
  std::function<void(World&)> apply;
};

class EveryWay : public testing::TestWithParam<Way> {};

INSTANTIATE_TEST_SUITE_P(Ways, EveryWay,
                         testing::Values(Way{"key", [](World& w) { w.scope.invalidate(kUnread); }},
                                         Way{"own_segments",
                                             [](World& w) { w.scope.invalidate_prefix(Family("inbox", "u1", "unread")); }},
                                         Way{"family", [](World& w) { w.scope.invalidate_prefix(kInbox); }},
                                         Way{"wide_family", [](World& w) { w.scope.invalidate_prefix(Family("inbox")); }},
                                         Way{"scope", [](World& w) { w.scope.invalidate_all(); }},
                                         Way{"other_scope_object",
                                             [](World& w) { CachedScope(w.engine, "scope").invalidate_prefix(kInbox); }},
                                         Way{"cache", [](World& w) { w.engine.clear(); }}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(EveryWay, C_1_a_read_after_an_invalidation_loads_anew) {
  World world;
  EXPECT_EQ(world.text(kUnread), "one");
  world.source.value = "two";
  EXPECT_EQ(world.text(kUnread), "one");  // nobody said that it changed

  GetParam().apply(world);
  EXPECT_EQ(world.scope.find<std::string>(kUnread), nullptr);
  EXPECT_EQ(world.text(kUnread), "two");
  EXPECT_EQ(world.source.loads, 2);
  EXPECT_NE(world.scope.find<std::string>(kUnread), nullptr);  // and is stored again
}

TEST_P(EveryWay, C_2_the_first_load_of_a_key_is_not_stored_when_invalidated_while_it_runs) {
  World world;
  const auto gate = world.source.hold();
  const auto early = world.read(kUnread);
  world.source.value = "two";
  world.source.hold_no_more();

  GetParam().apply(world);
  gate->open();
  drain(world.loop);
  EXPECT_EQ(*early->value, "one");  // it asked before the change
  EXPECT_EQ(world.scope.find<std::string>(kUnread), nullptr);
  EXPECT_EQ(world.engine.snapshot().discarded.invalidated, 1u);
  EXPECT_EQ(world.text(kUnread), "two");
}

TEST_P(EveryWay, F_2_a_reader_after_an_invalidation_never_joins_the_load_before_it) {
  World world;
  const auto old_gate = world.source.hold();
  const auto early = world.read(kUnread);
  world.source.value = "two";
  GetParam().apply(world);

  world.source.hold_no_more();
  const auto late = world.read(kUnread);
  EXPECT_TRUE(late->ended);
  EXPECT_EQ(*late->value, "two");
  EXPECT_FALSE(early->ended);

  old_gate->open();
  drain(world.loop);
  EXPECT_EQ(*early->value, "one");
  EXPECT_EQ(*world.scope.find<std::string>(kUnread), "two");  // the old load has overwritten nothing
}

TEST_P(EveryWay, F_3_an_old_load_that_ends_leaves_the_slot_of_a_newer_one_alone) {
  World world;
  const auto old_gate = world.source.hold();
  const auto first = world.read(kUnread);
  world.source.value = "two";
  GetParam().apply(world);
  const auto new_gate = world.source.hold();
  const auto second = world.read(kUnread);

  old_gate->open();
  drain(world.loop);
  EXPECT_TRUE(first->ended);
  const auto third = world.read(kUnread);
  EXPECT_EQ(world.source.loads, 2);  // the third reader joined the second load
  new_gate->open();
  drain(world.loop);
  EXPECT_EQ(*second->value, "two");
  EXPECT_EQ(third->value, second->value);
  EXPECT_EQ(world.source.loads, 2);
  EXPECT_EQ(world.engine.snapshot().joins, 1u);
}

TEST_P(EveryWay, C_4_an_invalidation_between_the_end_of_a_loader_and_its_store_wins) {
  std::function<void(std::string_view)> at_point;
  World world({.pause_for_test = [&](std::string_view point) {
    if (at_point) at_point(point);
  }});
  at_point = [&](std::string_view point) {
    if (point != "load.before_store") return;
    at_point = nullptr;
    world.source.value = "two";
    // From another thread, as in a program with several loops: the load's thread stands at the point meanwhile.
    std::thread([&] { GetParam().apply(world); }).join();
  };
  EXPECT_EQ(world.text(kUnread), "one");
  EXPECT_EQ(world.scope.find<std::string>(kUnread), nullptr);
  EXPECT_EQ(world.text(kUnread), "two");
}

TEST_P(EveryWay, C_5_an_invalidation_between_noting_the_generation_and_the_snapshot_wins) {
  std::function<void(std::string_view)> at_point;
  World world({.pause_for_test = [&](std::string_view point) {
    if (at_point) at_point(point);
  }});
  at_point = [&](std::string_view point) {
    if (point != "load.noted") return;
    at_point = nullptr;
    GetParam().apply(world);
  };
  EXPECT_EQ(world.text(kUnread), "one");
  EXPECT_EQ(world.scope.find<std::string>(kUnread), nullptr);
}

TEST_P(EveryWay, C_4_an_invalidation_between_store_and_resumption_is_seen_by_the_next_reader) {
  std::function<void(std::string_view)> at_point;
  World world({.pause_for_test = [&](std::string_view point) {
    if (at_point) at_point(point);
  }});
  at_point = [&](std::string_view point) {
    if (point != "load.before_resume") return;
    at_point = nullptr;
    world.source.value = "two";
    GetParam().apply(world);
  };
  EXPECT_EQ(world.text(kUnread), "one");
  EXPECT_EQ(world.text(kUnread), "two");
}

TEST(Coherence, C_1_only_what_the_invalidation_covers_is_loaded_anew) {
  World world;
  const std::vector<Key> others{Key("inbox", "u2", "unread"), Key("inbox", "u10", "unread"), Key("inbox"),
                                Key("inbox", ""), Key("outbox", "u1", "unread"), Key("u1", "unread")};
  for (const auto& key : others) world.text(key);
  world.text(kUnread);
  const int before = world.source.loads;
  world.scope.invalidate_prefix(kInbox);
  for (const auto& key : others) EXPECT_NE(world.scope.find<std::string>(key), nullptr);
  EXPECT_EQ(world.source.loads, before);
  EXPECT_EQ(world.scope.find<std::string>(kUnread), nullptr);
}

TEST(Coherence, C_22_families_hold_by_segment_and_ids_are_data) {
  World world;
  const std::vector<std::string> ids{"1",    "10",   "1:",    "1*", "*",   "?",  "[",  "\\", "a\0b"s, "",
                                     "\xFF", "ä", "1:views", "{", "%00", "\n", "..", "/"};
  for (const auto& id : ids) {
    world.text(Key("system", id));
    world.text(Key("system", id, "views"));
  }
  for (const auto& id : ids) {
    world.scope.invalidate_prefix(Family("system", id));
    for (const auto& other : ids) {
      const bool dropped = other == id;
      EXPECT_EQ(world.scope.find<std::string>(Key("system", other)) == nullptr, dropped) << id << " / " << other;
      EXPECT_EQ(world.scope.find<std::string>(Key("system", other, "views")) == nullptr, dropped)
          << id << " / " << other;
    }
    world.text(Key("system", id));
    world.text(Key("system", id, "views"));
  }
}

TEST(Coherence, C_22_a_scope_cannot_touch_a_scope_with_a_similar_name) {
  World world;
  const std::vector<std::string> names{"a", "a:b", "ab", "", "a\0"s, "*", "b"};
  std::vector<CachedScope> scopes;
  for (const auto& name : names) scopes.emplace_back(world.engine, name, 15s);
  const Key key("b", "c");
  for (std::size_t i = 0; i < scopes.size(); ++i) world.put(scopes[i], key, names[i]);
  for (std::size_t i = 0; i < scopes.size(); ++i) EXPECT_EQ(*scopes[i].find<std::string>(key), names[i]);

  scopes[0].invalidate(key);
  scopes[0].invalidate_prefix(Family("b"));
  scopes[0].invalidate_all();
  EXPECT_EQ(scopes[0].find<std::string>(key), nullptr);
  for (std::size_t i = 1; i < scopes.size(); ++i) EXPECT_NE(scopes[i].find<std::string>(key), nullptr) << names[i];
}

TEST(Coherence, C_6_scope_objects_of_one_name_share_entries_and_loads) {
  World world;
  const CachedScope twin(world.engine, "scope", 15s);
  const auto gate = world.source.hold();
  const auto first = world.read(kUnread);
  const auto second = spawn(world.loop, twin.wrap<std::string>(kUnread, world.source.loader()));
  drain(world.loop);
  gate->open();
  drain(world.loop);
  EXPECT_EQ(world.source.loads, 1);
  EXPECT_EQ(first->value, second->value);
  EXPECT_EQ(twin.find<std::string>(kUnread).share(), first->value);
}

TEST(Coherence, C_6_a_scope_made_again_after_the_last_object_was_gone_finds_its_entries_and_can_drop_them) {
  World world;
  const Key key("k", "l");
  world.put(CachedScope(world.engine, "brief", 15s), key, "kept"s);
  const CachedScope again(world.engine, "brief", 15s);
  ASSERT_NE(again.find<std::string>(key), nullptr);
  again.invalidate_all();
  EXPECT_EQ(again.find<std::string>(key), nullptr);
}

TEST(Coherence, C_8_a_load_is_not_made_valid_again_by_the_loss_of_its_familys_generation) {
  // One entry at most, so that every other key's store evicts, and with the entries go the nodes.
  World world({.max_entries = 1});
  const auto gate = world.source.hold();
  const auto old = world.read(kUnread);
  world.scope.invalidate_prefix(kInbox);
  world.source.hold_no_more();
  world.source.value = "two";
  EXPECT_EQ(world.text(kUnread), "two");  // a newer load of the key fills
  for (int i = 0; i < 100; ++i) {         // is evicted; the family's node is held by nobody but the old load
    world.text(Key("other", i));
    world.scope.invalidate_prefix(Family("other"));
  }
  gate->open();
  drain(world.loop);
  EXPECT_TRUE(old->ended);
  EXPECT_EQ(world.scope.find<std::string>(kUnread), nullptr);
}

TEST(Coherence, C_8_a_load_doomed_by_its_key_stays_doomed_after_the_key_was_filled_and_evicted) {
  World world({.max_entries = 1});
  const auto gate = world.source.hold();
  const auto old = world.read(kUnread);
  world.scope.invalidate(kUnread);
  world.source.hold_no_more();
  world.source.value = "two";
  EXPECT_EQ(world.text(kUnread), "two");
  world.text(Key("other"));
  gate->open();
  drain(world.loop);
  EXPECT_EQ(*old->value, "one");
  EXPECT_EQ(world.scope.find<std::string>(kUnread), nullptr);
}

TEST(Coherence, C_8_a_node_made_anew_does_not_outlive_the_generation_of_a_wider_family) {
  World world;
  world.text(kUnread);
  world.scope.invalidate_prefix(Family("inbox"));
  world.source.value = "two";
  EXPECT_EQ(world.text(kUnread), "two");  // stored under the moved family at once
  EXPECT_EQ(world.text(kUnread), "two");
  EXPECT_EQ(world.source.loads, 2);
}

TEST(Coherence, C_9_nodes_and_flights_go_with_the_entries_and_loads_that_hold_them) {
  World world;
  const auto before = world.engine.snapshot();
  const auto gate = world.source.hold();
  world.read(kUnread);
  EXPECT_EQ(world.engine.snapshot().families, before.families + 2);
  EXPECT_EQ(world.engine.snapshot().flights, 1u);
  world.scope.invalidate(kUnread);
  gate->open();
  drain(world.loop);
  EXPECT_EQ(world.engine.snapshot().families, before.families);
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
  EXPECT_EQ(world.engine.snapshot().running_loads, 0u);
}

TEST(Coherence, C_20_all_readers_share_one_value_that_none_of_them_can_change) {
  World world;
  const auto gate = world.source.hold();
  const auto first = world.read(kUnread);
  const auto joined = world.read(kUnread);
  gate->open();
  drain(world.loop);
  const auto hit = world.scope.find<std::string>(kUnread);
  EXPECT_EQ(first->value, joined->value);
  EXPECT_EQ(first->value.get(), &*hit);
  EXPECT_EQ(first->value, hit.share());
  static_assert(std::is_same_v<decltype(*hit), const std::string&>);

  std::string copy = *hit;
  copy += " changed";
  EXPECT_EQ(*world.scope.find<std::string>(kUnread), "one");
}

TEST(Coherence, C_20_a_value_outlives_its_entry_for_those_who_hold_it) {
  World world;
  world.text(kUnread);
  auto held = world.scope.find<std::string>(kUnread);
  world.engine.clear();
  EXPECT_EQ(*held, "one");
  EXPECT_EQ(world.engine.snapshot().awaiting_release, 1u);
  const auto kept = held.share();
  {
    const auto let_go = std::move(held);
  }
  world.scope.invalidate(kUnread);  // whatever changes the cache next frees what nobody looks at any more
  EXPECT_EQ(world.engine.snapshot().awaiting_release, 0u);
  EXPECT_EQ(*kept, "one");
}

TEST(Coherence, C_20_a_hit_is_the_very_object_that_the_loader_shared) {
  World world;
  const auto made = std::make_shared<const std::string>("shared");
  auto loader = [made] { return World::give(made); };
  spawn(world.loop, world.scope.wrap<std::string>(kUnread, loader));
  drain(world.loop);
  EXPECT_EQ(world.scope.find<std::string>(kUnread).share(), made);
}

TEST(CoherenceDeathTest, a_key_read_as_two_types_is_a_bug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        World world;
        world.put(world.scope, Key("k"), 1);
        static_cast<void>(world.scope.find<std::string>(Key("k")));
      },
      "two types");
}

}  // namespace
}  // namespace watchbell::cache::test
