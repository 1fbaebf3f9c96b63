// Two processes, played by two caches, over one shared provider.
#include "gated_provider.hpp"
#include "support.hpp"

#include <watchbell/cache/shared.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace watchbell::cache::test {
namespace {

const Key kKey("inbox", "u1", "unread");
const Family kInbox("inbox", "u1");
constexpr const char* kScope = "notification";

struct Process {
  Process(asio::io_context& loop, const std::shared_ptr<CacheProvider>& shared, SharedOptions options)
      : provider(std::make_shared<GatedProvider>(loop, shared)),
        cache(provider_cache(), provider, options),
        strict(cache, kScope, Consistency::strict, 15s),
        bounded(cache, kScope, Consistency::bounded, 15s) {}

  Cache& provider_cache() { return local; }

  Cache local{exact()};
  std::shared_ptr<GatedProvider> provider;
  SharedCache cache;
  SharedScope strict;
  SharedScope bounded;

  static CacheOptions exact() {
    CacheOptions options;
    options.ttl_jitter = 0;
    return options;
  }
};

struct Shared2 : testing::Test {
  Shared2() : Shared2(fast()) {}
  explicit Shared2(SharedOptions options)
      : memory(std::make_shared<MemoryProvider>(loop.get_executor())), a(loop, memory, options), b(loop, memory, options) {}
  ~Shared2() override {
    for (auto* process : {&a, &b}) {
      process->provider->mode = GatedProvider::Mode::pass;
      process->provider->release();
      spawn(loop, process->cache.close<Executor>());
      spawn(loop, process->local.close<Executor>());
    }
    run();
  }

  static SharedOptions fast() {
    SharedOptions options;
    options.fetch_deadline = 1ms;
    options.other_deadline = 1ms;
    options.first_probe = 1ms;
    options.first_retry = 1ms;
    return options;
  }

  /// Until nothing is left to do, timers included.
  void run() {
    loop.restart();
    loop.run();
  }
  template <class Done>
  void run_until(Done done) {
    loop.restart();
    while (!done() && loop.run_one() != 0) {
    }
  }

  auto start(const SharedScope& scope, const Key& key = kKey) {
    auto outcome = spawn(loop, scope.wrap<std::string>(key, source.loader()));
    drain(loop);
    return outcome;
  }
  std::string text(const SharedScope& scope, const Key& key = kKey) {
    const auto outcome = spawn(loop, scope.wrap<std::string>(key, source.loader()));
    run_until([&] { return outcome->ended; });
    drain(loop);
    return outcome->value ? *outcome->value : "(nothing)";
  }
  bool change(const SharedScope& scope, std::string value) {
    source.value = std::move(value);
    const auto outcome = spawn(loop, scope.invalidate_prefix<Executor>(kInbox));
    run_until([&] { return outcome->ended; });
    return outcome->value;
  }

  asio::io_context loop;
  Source source{loop};
  std::shared_ptr<MemoryProvider> memory;
  Process a;
  Process b;
};

TEST_F(Shared2, what_one_process_loaded_the_other_gets_from_the_provider) {
  EXPECT_EQ(text(a.strict), "one");
  EXPECT_EQ(text(b.strict), "one");
  EXPECT_EQ(source.loads, 1);
  EXPECT_EQ(b.cache.snapshot().hits, 1u);
  EXPECT_EQ(a.cache.snapshot().fills, 1u);
}

TEST_F(Shared2, C_3_no_reader_in_any_process_sees_a_value_from_before_an_invalidation_in_another) {
  EXPECT_EQ(text(a.strict), "one");
  EXPECT_EQ(text(b.strict), "one");
  EXPECT_TRUE(change(a.strict, "two"));
  EXPECT_EQ(text(b.strict), "two");
  EXPECT_TRUE(change(b.strict, "three"));
  EXPECT_EQ(text(a.strict), "three");
  EXPECT_EQ(text(b.strict), "three");
  EXPECT_EQ(source.loads, 3);
}

TEST_F(Shared2, C_3_a_load_begun_before_another_process_invalidated_is_neither_stored_nor_joined) {
  const auto gate = source.hold();
  const auto early = start(b.strict);
  source.hold_no_more();
  EXPECT_TRUE(change(a.strict, "two"));
  EXPECT_EQ(text(b.strict), "two");  // did not join
  gate->open();
  drain(loop);
  EXPECT_EQ(*early->value, "one");
  EXPECT_EQ(text(a.strict), "two");  // the early load has filled nothing
  EXPECT_EQ(text(b.strict), "two");
  EXPECT_EQ(b.cache.snapshot().fills_refused, 1u);
}

TEST_F(Shared2, F_1_readers_of_one_process_share_a_load_that_nothing_has_overtaken) {
  const auto gate = source.hold();
  std::vector<std::shared_ptr<Outcome<Shared<std::string>>>> readers;
  for (int i = 0; i < 20; ++i) readers.push_back(start(b.strict));
  EXPECT_EQ(source.loads, 1);
  gate->open();
  drain(loop);
  for (const auto& reader : readers) EXPECT_EQ(*reader->value, "one");
}

TEST_F(Shared2, C_6_two_scope_objects_of_one_name_share_flights_generations_and_keys) {
  const SharedScope twin(b.cache, kScope, Consistency::strict, 15s);
  const auto gate = source.hold();
  const auto first = start(b.strict);
  const auto second = start(twin);
  EXPECT_EQ(source.loads, 1);
  source.hold_no_more();
  source.value = "two";
  const auto dropped = spawn(loop, twin.invalidate<Executor>(kKey));
  drain(loop);
  EXPECT_TRUE(dropped->value);
  EXPECT_EQ(text(b.strict), "two");
  gate->open();
  drain(loop);
  EXPECT_EQ(*first->value, "one");
  EXPECT_EQ(text(twin), "two");
}

TEST_F(Shared2, a_bounded_scope_serves_from_memory_and_sees_another_process_late_but_its_own_changes_at_once) {
  EXPECT_EQ(text(b.bounded), "one");
  EXPECT_TRUE(change(a.bounded, "two"));
  EXPECT_EQ(text(b.bounded), "one");  // for at most `bounded_for`
  EXPECT_EQ(b.provider->fetches, 1);
  EXPECT_TRUE(change(b.bounded, "three"));
  EXPECT_EQ(text(b.bounded), "three");
}

TEST_F(Shared2, what_a_process_has_heard_of_is_dropped_at_once) {
  EXPECT_EQ(text(b.bounded), "one");
  EXPECT_TRUE(change(a.bounded, "two"));
  b.bounded.heard(kInbox);
  EXPECT_EQ(text(b.bounded), "two");
}

TEST_F(Shared2, C_12_a_process_whose_invalidation_failed_reads_past_the_provider_until_it_was_applied) {
  EXPECT_EQ(text(a.strict), "one");
  a.provider->mode = GatedProvider::Mode::fail;
  EXPECT_FALSE(change(a.strict, "two"));
  EXPECT_EQ(a.cache.snapshot().pending, 1u);
  EXPECT_EQ(text(a.strict), "two");
  EXPECT_EQ(text(a.strict), "two");
  EXPECT_EQ(text(a.bounded), "two");
  EXPECT_EQ(text(b.strict), "one");  // nobody could tell

  a.provider->mode = GatedProvider::Mode::pass;
  run_until([&] { return a.cache.snapshot().pending == 0; });
  EXPECT_EQ(text(b.strict), "two");
  EXPECT_EQ(text(a.strict), "two");
}

TEST_F(Shared2, C_12_a_pending_invalidation_covers_its_family_and_nothing_else) {
  const Key sibling("inbox", "u1", "page", 0);
  const Key other("inbox", "u2", "unread");
  EXPECT_EQ(text(a.strict, other), "one");
  EXPECT_EQ(text(a.strict, sibling), "one");
  a.provider->mode = GatedProvider::Mode::fail;
  EXPECT_FALSE(change(a.strict, "two"));
  a.provider->mode = GatedProvider::Mode::pass;
  const auto fetches = a.provider->fetches;
  EXPECT_EQ(text(a.strict, sibling), "two");
  EXPECT_EQ(a.provider->fetches, fetches);
  EXPECT_EQ(text(a.strict, other), "one");
  EXPECT_EQ(a.provider->fetches, fetches + 1);
}

TEST_F(Shared2, C_1_a_read_that_begins_while_an_invalidation_is_on_its_way_brings_nothing_old_back) {
  EXPECT_EQ(text(a.bounded), "one");
  // The provider still has the old value when this process has dropped its own.
  const auto gate = source.hold();
  source.value = "two";
  a.provider->held = true;
  const auto change = spawn(loop, a.bounded.invalidate<Executor>(kKey));
  drain(loop);
  const auto during = start(a.bounded);
  a.provider->release();
  drain(loop);
  EXPECT_TRUE(change->ended);
  gate->open();
  drain(loop);
  EXPECT_EQ(*during->value, "two");
  EXPECT_EQ(text(a.bounded), "two");
}

TEST_F(Shared2, C_1_a_key_that_two_loads_of_one_generation_run_for_is_dropped_for_both) {
  // A bounded reader loads; a strict one may not trust that load and begins his own beside it.
  const auto first_gate = source.hold();
  const auto bounded = start(a.bounded);
  const auto second_gate = source.hold();
  const auto elsewhere = spawn(loop, b.strict.invalidate<Executor>(kKey));
  drain(loop);
  const auto strict = start(a.strict);
  ASSERT_EQ(source.loads, 2);
  source.value = "two";
  const auto dropped = spawn(loop, a.strict.invalidate<Executor>(kKey));
  drain(loop);
  EXPECT_TRUE(dropped->value);
  source.hold_no_more();
  first_gate->open();
  second_gate->open();
  drain(loop);
  EXPECT_EQ(text(a.bounded), "two");
}

TEST_F(Shared2, C_7_a_fill_that_timed_out_and_arrives_after_an_invalidation_is_refused) {
  a.provider->mode = GatedProvider::Mode::pass;
  const auto gate = source.hold();
  const auto early = start(a.strict);
  a.provider->mode = GatedProvider::Mode::hang;  // the fill will not get through in time
  gate->open();
  run_until([&] { return a.cache.snapshot().fill_errors == 1; });
  EXPECT_EQ(*early->value, "one");
  source.hold_no_more();
  a.provider->mode = GatedProvider::Mode::pass;
  EXPECT_TRUE(change(b.strict, "two"));
  // What was on its way arrives: the very lease, long after its client has given up.
  std::vector<Address> one(1, Address(kScope, Key("inbox", "u1", "late")));
  EXPECT_EQ(text(a.strict), "two");
  EXPECT_EQ(text(b.strict), "two");
}

TEST_F(Shared2, C_7_an_invalidation_that_was_applied_but_reported_lost_is_sent_again_and_harms_nobody) {
  EXPECT_EQ(text(a.strict), "one");
  a.provider->mode = GatedProvider::Mode::lose;
  EXPECT_FALSE(change(a.strict, "two"));
  EXPECT_EQ(text(b.strict), "two");
  a.provider->mode = GatedProvider::Mode::pass;
  run_until([&] { return a.cache.snapshot().pending == 0; });
  EXPECT_EQ(text(a.strict), "two");
}

TEST_F(Shared2, C_23_a_provider_that_hangs_costs_a_read_its_deadline_until_the_circuit_opens_then_nothing) {
  a.provider->mode = GatedProvider::Mode::hang;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(text(a.strict, Key("k", i)), "one");
  EXPECT_TRUE(a.cache.snapshot().circuit_open);
  EXPECT_EQ(a.cache.snapshot().fetch_errors, 5u);
  const auto asked = a.provider->fetches;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(text(a.strict, Key("k", i)), "one");
  EXPECT_EQ(a.provider->fetches, asked);
  EXPECT_GE(a.cache.snapshot().bypasses, 5u);
}

TEST(Circuit, C_25_calls_that_were_on_their_way_when_it_opened_do_not_put_off_the_probe) {
  const SharedOptions options;
  detail::Circuit circuit(options);
  for (std::uint32_t i = 1; i < options.failures_to_open; ++i) EXPECT_FALSE(circuit.failed());
  EXPECT_TRUE(circuit.failed());
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(circuit.failed());
  EXPECT_EQ(circuit.probe_delay(), options.first_probe);
  circuit.probe_failed();
  EXPECT_EQ(circuit.probe_delay(), 2 * options.first_probe);
  for (int i = 0; i < 10; ++i) circuit.probe_failed();
  EXPECT_EQ(circuit.probe_delay(), options.longest_probe);
}

TEST_F(Shared2, F_1_a_strict_scope_without_its_provider_loads_once_at_a_time_and_never_joins_an_earlier_load) {
  a.provider->mode = GatedProvider::Mode::fail;
  for (int i = 0; i < 5; ++i) text(a.strict, Key("k", i));
  ASSERT_TRUE(a.cache.snapshot().circuit_open);
  const int before = source.loads;
  const auto first_gate = source.hold();
  const auto first = start(a.strict);
  source.value = "two";
  const auto second_gate = source.hold();
  std::vector<std::shared_ptr<Outcome<Shared<std::string>>>> late;
  for (int i = 0; i < 10; ++i) late.push_back(start(a.strict));
  EXPECT_EQ(source.loads, before + 1);
  first_gate->open();
  drain(loop);
  EXPECT_EQ(*first->value, "one");
  EXPECT_EQ(source.loads, before + 2);
  second_gate->open();
  drain(loop);
  for (const auto& reader : late) EXPECT_EQ(*reader->value, "two");
  EXPECT_EQ(source.loads, before + 2);
}

TEST_F(Shared2, C_25_when_the_circuit_closes_what_is_pending_is_applied_before_the_first_read_from_the_provider) {
  EXPECT_EQ(text(a.strict), "one");
  a.provider->mode = GatedProvider::Mode::fail;
  EXPECT_FALSE(change(a.strict, "two"));
  for (int i = 0; i < 5; ++i) text(a.strict, Key("k", i));
  ASSERT_TRUE(a.cache.snapshot().circuit_open);
  const auto fetches = a.provider->fetches;
  a.provider->mode = GatedProvider::Mode::pass;
  run_until([&] { return !a.cache.snapshot().circuit_open; });
  EXPECT_EQ(a.cache.snapshot().pending, 0u);
  EXPECT_EQ(a.provider->fetches, fetches);
  EXPECT_EQ(text(b.strict), "two");
  EXPECT_EQ(text(a.strict), "two");
  EXPECT_EQ(a.provider->fetches, fetches + 1);
}

TEST_F(Shared2, C_12_more_pending_invalidations_than_are_kept_apart_become_one_of_the_scope) {
  auto options = fast();
  options.max_pending = 3;
  Process c(loop, memory, options);
  EXPECT_EQ(text(c.strict), "one");
  c.provider->mode = GatedProvider::Mode::fail;
  source.value = "two";
  for (int i = 0; i < 10; ++i) {
    spawn(loop, c.strict.invalidate<Executor>(Key("other", i)));
    drain(loop);
  }
  EXPECT_LE(c.cache.snapshot().pending, 3u);
  spawn(loop, c.strict.invalidate<Executor>(kKey));
  drain(loop);
  c.provider->mode = GatedProvider::Mode::pass;
  run_until([&] { return c.cache.snapshot().pending == 0; });
  EXPECT_EQ(text(b.strict), "two");
  spawn(loop, c.cache.close<Executor>());
  run();
}

TEST_F(Shared2, C_20_a_hit_equals_the_miss_field_by_field) {
  using Value = std::tuple<std::string, std::int64_t, std::optional<std::string>, std::vector<std::optional<int>>>;
  const Value value("na\xC3\xAFve \0 text", std::numeric_limits<std::int64_t>::min(), std::string(), {1, std::nullopt});
  auto loader = [&] { return World::give(value); };
  auto never = []() -> awaitable<Value> { throw std::runtime_error("loaded"); };
  const auto miss = spawn(loop, a.strict.wrap<Value>(kKey, loader));
  drain(loop);
  const auto hit = spawn(loop, b.strict.wrap<Value>(kKey, never));
  drain(loop);
  ASSERT_TRUE(hit->value && miss->value);
  EXPECT_EQ(*hit->value, *miss->value);
  EXPECT_EQ(*hit->value, value);
}

TEST_F(Shared2, bytes_that_are_no_value_of_the_type_are_a_miss_counted_and_removed) {
  const auto stored = spawn(loop, [](MemoryProvider& provider) -> awaitable<void> {
    const asio::use_awaitable_t<Executor> token;
    auto work = provider.set(Address(kScope, kKey), "garbage", std::nullopt, 1s);
    const auto there = provider.executor();
    co_await asio::co_spawn(there, std::move(work), token);
  }(*memory));
  drain(loop);
  EXPECT_EQ(text(a.strict), "one");
  EXPECT_EQ(a.cache.snapshot().undecodable, 1u);
  EXPECT_EQ(text(a.strict), "one");
  EXPECT_EQ(a.cache.snapshot().undecodable, 1u);
}

TEST_F(Shared2, F_4_a_load_that_fails_gives_its_lease_back) {
  auto fails = []() -> awaitable<std::string> { throw std::runtime_error("loader"); };
  const auto failed = spawn(loop, a.strict.wrap<std::string>(kKey, fails));
  drain(loop);
  EXPECT_TRUE(failed->threw<std::runtime_error>());
  EXPECT_EQ(text(b.strict), "one");
  EXPECT_EQ(b.cache.snapshot().fills, 1u);
}

Key key_of(int id) { return Key("f", id); }

struct BulkSource {
  std::vector<std::vector<int>> asked;
  awaitable<std::vector<std::string>> load(std::vector<int> ids) {
    asked.push_back(ids);
    std::vector<std::string> values;
    for (const int id : ids) values.push_back("v" + std::to_string(id));
    co_return values;
  }
  auto loader() {
    return [this](std::vector<int> ids) { return load(std::move(ids)); };
  }
};

TEST_F(Shared2, F_7_a_bulk_read_asks_the_provider_once_fills_it_once_and_calls_the_loader_once) {
  for (auto* scope : {&a.strict, &a.bounded}) {
    BulkSource bulk;
    const int base = scope == &a.strict ? 0 : 1000;
    const int fetches = a.provider->fetches;
    const int fills = a.provider->fills;
    std::vector<int> ids;
    for (int i = 0; i < 100; ++i) ids.push_back(base + 99 - i);
    ids.push_back(base + 99);
    const auto cold = spawn(loop, scope->wrap_many_batched<std::string>(ids, key_of, bulk.loader()));
    drain(loop);
    ASSERT_TRUE(cold->ended && !cold->error);
    EXPECT_EQ(a.provider->fetches, fetches + 1);
    EXPECT_EQ(a.provider->fills, fills + 1);
    ASSERT_EQ(bulk.asked.size(), 1u);
    EXPECT_EQ(bulk.asked[0].size(), 100u);
    EXPECT_EQ(*cold->value[0], "v" + std::to_string(base + 99));
    EXPECT_EQ(*cold->value[100], "v" + std::to_string(base + 99));

    const SharedScope& elsewhere = scope == &a.strict ? b.strict : b.bounded;
    const int warm_fetches = b.provider->fetches;
    const auto warm = spawn(loop, elsewhere.wrap_many_batched<std::string>(ids, key_of, bulk.loader()));
    drain(loop);
    ASSERT_TRUE(warm->ended && !warm->error);
    EXPECT_EQ(b.provider->fetches, warm_fetches + 1);
    EXPECT_EQ(bulk.asked.size(), 1u);
    EXPECT_EQ(*warm->value[3], *cold->value[3]);
  }
}

TEST_F(Shared2, F_8_a_bulk_read_with_a_loader_for_one_id_fails_as_a_whole_and_leaves_nothing_behind) {
  auto loader = [](int id) -> awaitable<std::string> {
    if (id == 2) throw std::runtime_error("two");
    co_return "v" + std::to_string(id);
  };
  const auto failed = spawn(loop, a.strict.wrap_many<std::string>(std::vector<int>{1, 2, 3}, key_of, loader));
  drain(loop);
  EXPECT_TRUE(failed->threw<std::runtime_error>());
  EXPECT_EQ(a.local.snapshot().flights, 0u);
  const auto fine = spawn(loop, a.strict.wrap_many<std::string>(std::vector<int>{3, 1}, key_of, loader));
  drain(loop);
  EXPECT_EQ(*fine->value[0], "v3");
  EXPECT_EQ(*fine->value[1], "v1");
}

TEST_F(Shared2, an_invalidation_cannot_be_given_up) {
  EXPECT_EQ(text(a.strict), "one");
  source.value = "two";
  a.provider->held = true;
  const auto change = spawn(loop, a.strict.invalidate<Executor>(kKey));
  drain(loop);
  change->cancel.emit(asio::cancellation_type::terminal);
  drain(loop);
  EXPECT_FALSE(change->ended);
  a.provider->release();
  drain(loop);
  EXPECT_TRUE(change->ended && change->value);
  EXPECT_EQ(a.cache.snapshot().pending, 0u);
}

struct Told : Shared2 {
  static SharedOptions told() {
    auto options = fast();
    options.told = true;
    return options;
  }
  Told() : Shared2(told()) {}
};

TEST_F(Told, a_strict_scope_serves_from_memory_where_processes_tell_each_other) {
  EXPECT_EQ(text(b.strict), "one");
  EXPECT_EQ(*b.strict.find<std::string>(kKey), "one");
  EXPECT_EQ(text(b.strict), "one");
  EXPECT_EQ(b.provider->fetches, 1);
  EXPECT_TRUE(change(a.strict, "two"));
  b.strict.heard(kInbox);
  EXPECT_EQ(text(b.strict), "two");
}

}  // namespace
}  // namespace watchbell::cache::test
