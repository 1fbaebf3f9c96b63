// Coherence across processes: two clients, each with its own memory and connection, on one real Redis. No deadline passes unless the test says so.
#include <limits>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include <boost/asio/steady_timer.hpp>

#include "async/manual_clock.hpp"
#include "libs/cache/test/support.hpp"
#include "platform/redis/test/client.hpp"
#include "platform/redis/test/fault_proxy.hpp"
#include "platform/redis/test/frozen.hpp"
#include "platform/redis/test/workload.hpp"
#include "tests/support/co_test.hpp"
#include "tests/support/redis_server.hpp"

namespace watchbell::redis::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using cache::Family;
using cache::Key;
using cache::Observer;
using cache::ProviderCall;
using cache::SharedOptions;
using cache::SharedScope;
using cache::test::Source;
using watchbell::test::RedisServer;

const Key kKey("system", 1, "views");
const Family kSystem("system", 1);
constexpr int kManyKeys = 100'000;

Key key_of(int id) { return Key("many", id); }

class SharedRedis : public testing::Test {
 protected:
  template <class T>
  using Started = std::shared_ptr<cache::test::Outcome<T>>;
  using Text = std::shared_ptr<const std::string>;

  void SetUp() override {
    if (RedisServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names redis";
    server = std::make_unique<RedisServer>();
    on_loop([this] {
      proxy = std::make_unique<FaultProxy>(loop.executor(), server->unix_path());
      a = make_client(fast());
      b = make_client(fast());
    });
  }
  void TearDown() override {
    if (!server) return;
    server->thaw();
    network(FaultProxy::Mode::pass);
    bool ended = false;
    asio::co_spawn(loop.executor(), end(), [&](const std::exception_ptr&) { ended = true; });
    advance(10s);  // what is on its way to nobody ends
    EXPECT_TRUE(until([&] { return ended; }));
  }

  /// What waits for real time waits shortly; deadlines are by the test's clock.
  static SharedOptions fast() {
    SharedOptions options;
    options.first_probe = 1ms;
    options.longest_probe = 10ms;
    options.first_retry = 1ms;
    return options;
  }
  std::unique_ptr<Client> make_client(SharedOptions options) {
    return std::make_unique<Client>(wheel, resolver, *parse_url(server->unix_url()), options);
  }
  std::unique_ptr<Client> make_client_behind_proxy(SharedOptions options = fast()) {
    return std::make_unique<Client>(wheel, resolver, *parse_url("redis://127.0.0.1:" + std::to_string(proxy->port())), options);
  }
  /// Puts `client` behind the proxy.
  void move_behind_proxy(std::unique_ptr<Client>& client, SharedOptions options = fast()) {
    run(client->close());
    on_loop([&] { client = make_client_behind_proxy(options); });
  }

  bool until(const std::function<bool()>& holds) {
    bool late = false;
    asio::steady_timer timer(loop.context(), 60s);
    timer.async_wait([&](boost::system::error_code error) {
      if (!error) late = true;
    });
    loop.run_until([&] { return late || holds(); });
    return holds();
  }
  void on_loop(std::function<void()> what) {
    bool done = false;
    asio::post(loop.context(), [&] {
      what();
      done = true;
    });
    loop.run_until([&] { return done; });
  }
  void network(FaultProxy::Mode mode) {
    on_loop([this, mode] { proxy->set(mode); });
  }
  void advance(std::chrono::milliseconds by) {
    on_loop([this, by] { clock.advance(by, 100ms); });
  }
  /// Lets the pause before the next try to connect pass whenever a call of `client` has failed. On the loop.
  void pass_pauses(const Client& client) {
    const auto seen = client.shared.snapshot();
    const auto errors = seen.fetch_errors + seen.fill_errors + seen.invalidate_errors;
    if (std::exchange(errors_, errors) != errors) clock.advance(3s, 100ms);
  }
  bool until_back(const Client& client) {
    return until([&] {
      pass_pauses(client);
      const auto seen = client.shared.snapshot();
      return !seen.circuit_open && seen.pending == 0;
    });
  }
  void run(awaitable<void> work) { EXPECT_TRUE(watchbell::test::run_on(loop, std::move(work), 60s)) << "timed out"; }
  template <class T>
  T run(awaitable<T> work) {
    const auto outcome = cache::test::spawn(loop.context(), std::move(work));
    EXPECT_TRUE(until([&] { return outcome->ended; })) << "timed out";
    if (outcome->error) std::rethrow_exception(outcome->error);
    return outcome->value;
  }

  Started<Text> start(const SharedScope& scope, const Key& key = kKey) {
    return cache::test::spawn(loop.context(), scope.wrap<std::string>(key, source.loader()));
  }
  std::string text(const SharedScope& scope, const Key& key = kKey) {
    const auto value = run(scope.wrap<std::string>(key, source.loader()));
    return value ? *value : "(nothing)";
  }
  /// A change of the database, and what follows it.
  template <class What = Family>
  bool change(const SharedScope& scope, std::string value, const What& what = kSystem) {
    source.value = std::move(value);
    if constexpr (std::is_same_v<What, Key>) return run(scope.invalidate<Executor>(what));
    else return run(scope.invalidate_prefix<Executor>(what));
  }
  /// Until what this client has loaded has come to the provider.
  void filled(const Client& client, std::uint64_t fills) {
    EXPECT_TRUE(until([&] {
      const auto seen = client.shared.snapshot();
      return seen.fills + seen.fills_refused + seen.fill_errors >= fills;
    }));
  }
  std::uint64_t fills_of(const Client& client) {
    const auto seen = client.shared.snapshot();
    return seen.fills + seen.fills_refused + seen.fill_errors;
  }
  /// Reads, and waits until the value has come to the provider.
  std::string text_and_fill(Client& client, const Key& key = kKey) {
    const auto before = fills_of(client);
    auto value = text(client.strict, key);
    filled(client, before + 1);
    return value;
  }

  async::Loop loop;
  async::ManualClock clock;
  async::TimerWheel wheel{loop.executor(), clock, async::TimerWheel::Drive::manual};
  net::Resolver resolver{loop.executor(), wheel, {.keep = 0ms}};
  std::unique_ptr<RedisServer> server;
  std::unique_ptr<FaultProxy> proxy;
  Source source{loop.context()};
  std::unique_ptr<Client> a;
  std::unique_ptr<Client> b;

 private:
  awaitable<void> end() {
    co_await a->close();
    co_await b->close();
    co_await proxy->close();
    resolver.close();
  }
  std::uint64_t errors_ = 0;
  const bool attached_ = (clock.attach(wheel), true);
};

// --- what holds while all is well

TEST_F(SharedRedis, C_3_no_read_of_a_value_from_before_an_invalidation_that_the_other_has_seen_return) {
  EXPECT_EQ(text_and_fill(*a), "one");
  EXPECT_EQ(text(b->strict), "one");
  EXPECT_EQ(source.loads, 1);
  EXPECT_TRUE(change(a->strict, "two"));
  EXPECT_EQ(text_and_fill(*b), "two");
  EXPECT_TRUE(change(b->strict, "three", kKey));
  EXPECT_EQ(text_and_fill(*a), "three");
  EXPECT_EQ(text(b->strict), "three");
  EXPECT_EQ(source.loads, 3);
}

class SharedRedisWorkload : public SharedRedis {
 protected:
  /// The verdict on a workload of both clients.
  cache::testing::Verdict judge(Workload::Options options, const std::function<void()>& disturb = {}) {
    options.seed = std::random_device()();
    std::cout << "seed " << options.seed << '\n';
    Workload workload(loop, {a.get(), b.get()}, options);
    run(disturb ? workload.run_disturbed(disturb, 20) : workload.run());
    const auto verdict = workload.judge();
    told = "seed " + std::to_string(options.seed) + ": " + workload.describe(verdict);
    EXPECT_EQ(workload.faults(), 0) << told;
    EXPECT_EQ(workload.queued(), 0) << told;
    loads = workload.loads();
    return verdict;
  }

  std::string told;
  int loads = 0;
};

TEST_F(SharedRedisWorkload, C_3_C_4_F_2_no_interleaving_of_two_clients_makes_a_stale_read) {
  const auto verdict = judge({});
  EXPECT_EQ(verdict.kind, cache::testing::Verdict::Kind::ok) << told;
  EXPECT_EQ(verdict.reads, 3200u);
  EXPECT_EQ(verdict.changes, 600u);
  // It has tried what it was to try.
  for (const Client* client : {a.get(), b.get()}) {
    EXPECT_GT(client->shared.snapshot().hits, 0u);
    EXPECT_GT(client->shared.snapshot().fills, 0u);
    EXPECT_GT(client->shared.snapshot().fills_refused, 0u);
  }
}

TEST_F(SharedRedisWorkload, C_8_nor_when_redis_evicts_whatever_it_likes) {
  const std::vector<std::string> evict{"EVAL", "local k = redis.call('RANDOMKEY') if k then redis.call('DEL', k) end return 1", "0"};
  const auto verdict = judge({}, [&] { server->command(evict); });
  EXPECT_EQ(verdict.kind, cache::testing::Verdict::Kind::ok) << told;
}

TEST_F(SharedRedisWorkload, C_3_nor_where_the_clients_tell_each_other_and_read_from_memory) {
  run(a->close());
  run(b->close());
  auto options = fast();
  options.told = true;
  on_loop([&] {
    a = make_client(options);
    b = make_client(options);
  });
  Workload::Options told_of;
  told_of.told = true;
  const auto verdict = judge(told_of);
  EXPECT_EQ(verdict.kind, cache::testing::Verdict::Kind::ok) << told;
  EXPECT_GT(a->strict.snapshot().hits, 0u);
}

TEST_F(SharedRedisWorkload, the_same_workload_over_scopes_that_may_be_late_is_found_stale) {
  Workload::Options late;
  late.bounded = true;
  EXPECT_EQ(judge(late).kind, cache::testing::Verdict::Kind::stale) << told;
}

TEST_F(SharedRedis, C_4_a_load_that_the_other_clients_change_overtakes_is_not_stored) {
  for (const bool family : {true, false}) {
    const Key key("system", 1, family ? "f" : "k");
    source.value = "one";
    const auto refused = a->shared.snapshot().fills_refused;
    const auto gate = source.hold();
    const auto early = start(a->strict, key);
    ASSERT_TRUE(until([&] { return source.running == 1; }));
    source.hold_no_more();
    EXPECT_TRUE(family ? change(b->strict, "two", kSystem) : change(b->strict, "two", key));
    gate->open();
    ASSERT_TRUE(until([&] { return a->shared.snapshot().fills_refused == refused + 1; }));
    EXPECT_EQ(*early->value, "one");  // its reader came before the change
    EXPECT_EQ(text(a->strict, key), "two");
    EXPECT_EQ(text(b->strict, key), "two");
  }
}

TEST_F(SharedRedis, C_7_a_fill_held_on_its_way_past_its_deadline_and_an_invalidation_stores_nothing) {
  move_behind_proxy(a);
  const auto gate = source.hold();
  const auto early = start(a->strict);
  ASSERT_TRUE(until([&] { return source.running == 1; }));
  source.hold_no_more();
  network(FaultProxy::Mode::hold);
  gate->open();
  ASSERT_TRUE(until([&] { return proxy->held() > 0; }));
  EXPECT_EQ(*early->value, "one");
  advance(300ms);
  ASSERT_TRUE(until([&] { return a->shared.snapshot().fill_errors == 1; }));
  EXPECT_TRUE(change(b->strict, "two"));
  network(FaultProxy::Mode::pass);  // now it arrives
  EXPECT_EQ(text(a->strict), "two");   // over the same connection, so after it
  EXPECT_EQ(a->transport->counters().discarded, 1u) << "it did arrive";
  EXPECT_EQ(text(b->strict), "two");
}

TEST_F(SharedRedis, C_8_tokens_that_were_lost_make_nothing_valid_again) {
  EXPECT_EQ(text_and_fill(*b), "one");
  const Key loading("system", 1, "loading");
  const auto gate = source.hold();
  const auto early = start(a->strict, loading);
  ASSERT_TRUE(until([&] { return source.running == 1; }));
  source.hold_no_more();
  EXPECT_TRUE(change(b->strict, "two"));
  server->command({"EVAL", "for _, k in ipairs(redis.call('KEYS', 'cache:*:[tT]:*')) do redis.call('DEL', k) end return 1", "0"});
  gate->open();
  ASSERT_TRUE(until([&] { return a->shared.snapshot().fills_refused == 1; }));
  EXPECT_EQ(*early->value, "one");
  for (const Key& key : {kKey, loading}) {
    EXPECT_EQ(text(a->strict, key), "two");
    EXPECT_EQ(text(b->strict, key), "two");
  }
}

TEST_F(SharedRedis, C_10_a_family_drop_sends_as_much_whatever_else_redis_holds) {
  const auto cost = [this](const Family& family) {
    const auto before = a->transport->counters();
    EXPECT_TRUE(run(a->strict.invalidate_prefix<Executor>(family)));
    const auto after = a->transport->counters();
    return std::pair(after.commands - before.commands, after.round_trips - before.round_trips);
  };
  text_and_fill(*a);
  const auto alone = cost(kSystem);
  EXPECT_EQ(alone.second, 1u);
  EXPECT_LE(alone.first, 2u);
  // A family of many, and many that are not of it.
  std::vector<int> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(i);
  auto loader = [](std::vector<int> of) -> awaitable<std::vector<std::string>> { co_return std::vector<std::string>(of.size(), "v"); };
  run(a->strict.wrap_many_batched<std::string>(ids, key_of, loader));
  ASSERT_TRUE(until([&] { return a->shared.snapshot().fills >= 1001; }));
  server->command({"EVAL", "for i = 1, ARGV[1] do redis.call('SET', 'cache:other:' .. i, 'v') end return 1", "0", std::to_string(kManyKeys)});
  EXPECT_EQ(cost(Family("many")), alone);
  EXPECT_EQ(cost(kSystem), alone);
  auto none = [](std::vector<int> of) -> awaitable<std::vector<std::string>> { co_return std::vector<std::string>(of.size(), "w"); };
  for (const auto& value : run(b->strict.wrap_many_batched<std::string>(ids, key_of, none))) ASSERT_EQ(*value, "w");
}

TEST_F(SharedRedis, C_20_what_comes_from_redis_equals_what_was_loaded_field_by_field) {
  using Value = std::tuple<std::string, std::int64_t, std::uint64_t, std::optional<std::string>, std::optional<std::string>,
                           std::vector<std::optional<int>>, std::map<std::string, bool>, double>;
  const Value value("na\xC3\xAFve \0\r\n$-1\r\n \xF0\x9F\x94\x94"s, std::numeric_limits<std::int64_t>::min(),
                    std::numeric_limits<std::uint64_t>::max(), std::string(), std::nullopt, {1, std::nullopt, -1}, {{"", true}, {"\xFF", false}}, -0.1);
  auto loader = [&value] { return cache::test::World::give(value); };
  auto never = []() -> awaitable<Value> { throw std::runtime_error("loaded"); };
  const auto miss = run(a->strict.wrap<Value>(kKey, loader));
  filled(*a, 1);
  const auto hit = run(b->strict.wrap<Value>(kKey, never));
  EXPECT_EQ(b->shared.snapshot().hits, 1u);
  EXPECT_EQ(*miss, value);
  EXPECT_EQ(*hit, value);
}

TEST_F(SharedRedis, C_22_ids_are_data_and_no_scope_or_family_reaches_a_neighbour) {
  const std::vector<std::string> ids{"1", "10", "", "*", "?", "[1]", "\\", "1\0"s, "1:views", "Gr\xC3\xBC\xC3\x9F" "e", "\xFF", "\r\n"};
  const std::vector<std::string> scopes{"a", "a:b", "ab", "*"};
  const auto value_of = [&](Client& client, const std::string& scope, const std::string& id) {
    return text(client.scope(scope), Key("system", id));
  };
  for (const auto& scope : scopes)
    for (const auto& id : ids) {
      source.value = scope + "/" + id;
      const auto before = fills_of(*a);
      EXPECT_EQ(value_of(*a, scope, id), source.value);
      filled(*a, before + 1);
    }
  const int loads = source.loads;
  for (const auto& scope : scopes)
    for (const auto& id : ids) EXPECT_EQ(value_of(*b, scope, id), scope + "/" + id);
  EXPECT_EQ(source.loads, loads);
  // One family of one scope goes, and nothing else does.
  for (const auto& gone : ids) {
    EXPECT_TRUE(change(b->scope("a"), "new", Family("system", gone)));
    EXPECT_EQ(value_of(*a, "a", gone), "new");
    filled(*a, fills_of(*a));
  }
  for (const auto& scope : {"a:b", "ab", "*"})
    for (const auto& id : ids) EXPECT_EQ(value_of(*a, scope, id), std::string(scope) + "/" + id);
  EXPECT_EQ(source.loads, loads + static_cast<int>(ids.size()));
}

// --- single flight across clients

TEST_F(SharedRedis, F_1_many_readers_of_a_cold_key_make_one_load_in_each_process_at_most) {
  const auto gate = source.hold();
  std::vector<Started<Text>> readers;
  for (int i = 0; i < 100; ++i) readers.push_back(start(i % 2 == 0 ? a->strict : b->strict));
  ASSERT_TRUE(until([&] { return a->local.snapshot().misses == 50 && b->local.snapshot().misses == 50; }));
  gate->open();
  ASSERT_TRUE(until([&] {
    for (const auto& reader : readers)
      if (!reader->ended) return false;
    return true;
  }));
  for (const auto& reader : readers) EXPECT_EQ(*reader->value, "one");
  EXPECT_LE(source.loads, 2);
  EXPECT_EQ(a->local.snapshot().loads, 1u);
  EXPECT_EQ(b->local.snapshot().loads, 1u);
}

TEST_F(SharedRedis, F_2_a_reader_after_the_other_clients_invalidation_never_joins_the_load_before_it) {
  const auto gate = source.hold();
  const auto early = start(a->strict);
  ASSERT_TRUE(until([&] { return source.running == 1; }));
  source.hold_no_more();
  EXPECT_TRUE(change(b->strict, "two"));
  EXPECT_EQ(text(a->strict), "two");
  EXPECT_FALSE(early->ended);
  gate->open();
  ASSERT_TRUE(until([&] { return early->ended; }));
  EXPECT_EQ(*early->value, "one");
  EXPECT_EQ(text(a->strict), "two");
  EXPECT_EQ(text(b->strict), "two");
}

class SharedRedisBulk : public SharedRedis {
 protected:
  std::vector<std::vector<int>> asked;
  std::shared_ptr<cache::test::Gate> gate;

  awaitable<std::vector<std::string>> load(std::vector<int> ids) {
    asked.push_back(ids);
    std::vector<std::string> values;
    for (const int id : ids) values.push_back(source.value + std::to_string(id));
    if (gate) co_await gate->pass();
    co_return values;
  }
  awaitable<std::string> load_one(int id) {
    auto values = co_await load(std::vector<int>(1, id));
    co_return values.front();
  }
  auto batch() {
    return [this](std::vector<int> ids) { return load(std::move(ids)); };
  }
  auto one() {
    return [this](int id) { return load_one(id); };
  }
  /// Until `client` has sent all it has to send.
  std::uint64_t round_trips(const Client& client, std::uint64_t fills) {
    filled(client, fills);
    return client.transport->counters().round_trips;
  }
};

TEST_F(SharedRedisBulk, F_7_a_hundred_keys_take_one_round_trip_warm_and_two_cold_and_one_call_of_the_loader) {
  source.value = "v";
  text_and_fill(*a);  // both scripts are known, and both clients connected
  text(b->strict);
  for (const bool together : {true, false}) {
    asked.clear();
    std::vector<int> ids;
    for (int i = 0; i < 100; ++i) ids.push_back((together ? 0 : 1000) + 99 - i);
    const auto read = [&](Client& client) {
      return together ? run(client.strict.wrap_many_batched<std::string>(ids, key_of, batch()))
                      : run(client.strict.wrap_many<std::string>(ids, key_of, one()));
    };
    const auto cold_before = round_trips(*a, 0);
    const auto fills = fills_of(*a);
    const auto cold = read(*a);
    EXPECT_EQ(round_trips(*a, fills + 100) - cold_before, 2u);
    EXPECT_EQ(asked.size(), together ? 1u : 100u);
    const auto warm_before = round_trips(*b, 0);
    const auto warm = read(*b);
    EXPECT_EQ(round_trips(*b, 0) - warm_before, 1u);
    EXPECT_EQ(asked.size(), together ? 1u : 100u);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(*cold.at(i), "v" + std::to_string(ids[i]));
      EXPECT_EQ(*warm.at(i), *cold.at(i));
    }
  }
}

TEST_F(SharedRedisBulk, F_7_a_batch_beside_single_reads_loads_each_key_once_and_is_overtaken_key_by_key) {
  source.value = "v";
  gate = std::make_shared<cache::test::Gate>(loop.context());
  auto single = [this] { return load_one(1); };
  const auto alone = cache::test::spawn(loop.context(), a->strict.wrap<std::string>(key_of(1), single));
  ASSERT_TRUE(until([&] { return asked.size() == 1; }));
  const auto together = cache::test::spawn(loop.context(), a->strict.wrap_many_batched<std::string>(std::vector<int>{0, 1, 2}, key_of, batch()));
  ASSERT_TRUE(until([&] { return asked.size() == 2; }));
  EXPECT_EQ(asked[1], (std::vector<int>{0, 2}));
  const auto joins = cache::test::spawn(loop.context(), a->strict.wrap<std::string>(key_of(2), single));
  EXPECT_TRUE(change(b->strict, "w", key_of(2)));
  gate->open();
  ASSERT_TRUE(until([&] { return alone->ended && together->ended && joins->ended; }));
  EXPECT_EQ(*alone->value, "v1");
  EXPECT_EQ(*together->value.at(1), "v1");
  EXPECT_EQ(*together->value.at(2), "v2");
  filled(*a, 3);
  gate = nullptr;
  const auto after = run(b->strict.wrap_many_batched<std::string>(std::vector<int>{0, 1, 2}, key_of, batch()));
  EXPECT_EQ(*after.at(0), "v0");
  EXPECT_EQ(*after.at(1), "v1");
  EXPECT_EQ(*after.at(2), "w2");
}

// --- what holds when Redis does not

TEST_F(SharedRedis, C_12_whose_invalidation_did_not_get_through_reads_past_redis_until_it_has) {
  move_behind_proxy(a);
  EXPECT_EQ(text_and_fill(*a), "one");
  network(FaultProxy::Mode::hold);
  source.value = "two";
  const auto dropped = cache::test::spawn(loop.context(), a->strict.invalidate_prefix<Executor>(kSystem));
  ASSERT_TRUE(until([&] { return proxy->held() > 0; }));
  advance(300ms);
  ASSERT_TRUE(until([&] { return dropped->ended; }));
  EXPECT_FALSE(dropped->value);
  EXPECT_EQ(a->shared.snapshot().pending, 1u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text(a->strict), "two");
  EXPECT_EQ(text(a->bounded), "two");
  EXPECT_EQ(a->shared.snapshot().fetch_errors, 0u) << "it does not ask for what it knows to be wrong there";
  EXPECT_EQ(text(b->strict), "one") << "nobody could tell";
  network(FaultProxy::Mode::pass);
  advance(300ms);
  ASSERT_TRUE(until_back(*a));
  EXPECT_EQ(text(b->strict), "two");
  EXPECT_EQ(text(a->strict), "two");
}

TEST_F(SharedRedis, C_23_a_frozen_server_costs_reads_their_deadline_until_the_circuit_opens_then_nothing) {
  EXPECT_EQ(text_and_fill(*a), "one");
  server->freeze();
  source.value = "two";
  const auto failures = static_cast<int>(fast().failures_to_open);
  for (int i = 0; i < failures; ++i) {
    const int loads = source.loads;
    const auto sent = a->transport->counters().round_trips;
    const auto read = start(a->strict, i == 0 ? kKey : Key("k", i));
    ASSERT_TRUE(until([&] { return a->transport->counters().round_trips > sent; }));
    EXPECT_EQ(source.loads, loads);
    advance(60ms);  // 50 ms, and the wheel's tick
    ASSERT_TRUE(until([&] { return read->ended; }));
    EXPECT_EQ(*read->value, "two");
  }
  EXPECT_TRUE(a->shared.snapshot().circuit_open);
  const auto before = a->shared.snapshot();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(text(a->strict, i % 2 == 0 ? kKey : Key("k", i)), "two");  // no time passes
  EXPECT_EQ(a->shared.snapshot().fetch_errors, before.fetch_errors);
  EXPECT_EQ(a->shared.snapshot().bypasses, before.bypasses + 100);
}

TEST_F(SharedRedis, C_23_a_server_that_refuses_resets_garbles_or_swallows_leaves_reads_correct) {
  struct Case {
    const char* name;
    std::function<void(FaultProxy&)> breaks;
  };
  const std::vector<Case> cases{{"refuses", [](FaultProxy& to) { to.refuse(); }},
                                {"resets", [](FaultProxy& to) { to.set(FaultProxy::Mode::reset); }},
                                {"garbles", [](FaultProxy& to) { to.set(FaultProxy::Mode::garbage); }},
                                {"swallows", [](FaultProxy& to) { to.set(FaultProxy::Mode::hold); }}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    move_behind_proxy(a);
    EXPECT_TRUE(change(b->strict, "one"));
    EXPECT_EQ(text_and_fill(*a), "one");
    on_loop([&] { one.breaks(*proxy); });
    source.value = "two";
    for (int i = 0; i < 20; ++i) {
      const auto read = start(a->strict, i % 2 == 0 ? kKey : Key("k", i));
      // Each ends by its deadline at the latest; most need not wait for it.
      on_loop([] {});
      if (!read->ended) advance(60ms);
      ASSERT_TRUE(until([&] { return read->ended; }));
      EXPECT_EQ(*read->value, "two") << i;
    }
    EXPECT_TRUE(a->shared.snapshot().circuit_open);
    EXPECT_LE(a->shared.snapshot().fetch_errors, fast().failures_to_open);
    on_loop([&] {
      proxy->set(FaultProxy::Mode::pass);
      if (std::string_view(one.name) == "refuses") proxy->accept_again();
    });
    advance(3s);  // the longest pause between two tries to connect
    ASSERT_TRUE(until_back(*a));
    EXPECT_TRUE(change(b->strict, "three"));
    EXPECT_EQ(text_and_fill(*a), "three");
    EXPECT_EQ(text(b->strict), "three");
  }
}

/// Notes the calls to the provider in order.
class Calls : public Observer {
 public:
  void provider_called(ProviderCall call, bool ok, cache::Duration) override {
    if (ok) succeeded.push_back(call);
  }
  std::vector<ProviderCall> succeeded;
};

class SharedRedisObserved : public SharedRedis {
 protected:
  Calls calls;  // outlives the clients, which end in TearDown
};

TEST_F(SharedRedisObserved, C_25_after_a_thaw_what_is_pending_is_applied_before_the_first_read_from_redis) {
  auto options = fast();
  options.observer = &calls;
  run(a->close());
  on_loop([&] { a = make_client(options); });
  EXPECT_EQ(text_and_fill(*a), "one");
  EXPECT_EQ(text(b->strict), "one");
  server->freeze();
  source.value = "two";
  const auto dropped = cache::test::spawn(loop.context(), a->strict.invalidate_prefix<Executor>(kSystem));
  std::vector<Started<Text>> reads;
  for (int i = 0; i < 5; ++i) reads.push_back(start(a->strict, Key("k", i)));
  on_loop([] {});
  advance(300ms);
  ASSERT_TRUE(until([&] { return dropped->ended; }));
  EXPECT_FALSE(dropped->value);
  ASSERT_TRUE(until([&] { return a->shared.snapshot().circuit_open; }));
  EXPECT_EQ(a->shared.snapshot().pending, 1u);
  EXPECT_EQ(text(a->strict), "two");
  calls.succeeded.clear();
  server->thaw();
  advance(3s);
  // A reader who never stops asking.
  while (a->shared.snapshot().circuit_open) {
    ASSERT_EQ(text(a->strict), "two");
    on_loop([this] { pass_pauses(*a); });
  }
  EXPECT_EQ(text(a->strict), "two");
  EXPECT_EQ(text(b->strict), "two");
  EXPECT_EQ(a->shared.snapshot().pending, 0u);
  ASSERT_FALSE(calls.succeeded.empty());
  EXPECT_EQ(calls.succeeded.front(), ProviderCall::invalidate);
}

TEST_F(SharedRedis, C_29_a_server_that_comes_back_from_an_older_snapshot_serves_nothing_from_it) {
  EXPECT_EQ(text_and_fill(*a), "one");
  const Key loading("system", 1, "loading");
  ASSERT_EQ(server->command({"SAVE"}), "+OK");
  EXPECT_TRUE(change(a->strict, "two"));
  EXPECT_EQ(text_and_fill(*b), "two");
  const auto gate = source.hold();
  const auto early = start(a->strict, loading);
  ASSERT_TRUE(until([&] { return source.running == 1; }));
  source.hold_no_more();
  server->kill();
  server->start();
  EXPECT_NE(server->command({"DBSIZE"}), ":0") << "the snapshot was to be there";
  advance(3s);
  for (Client* client : {a.get(), b.get()}) {
    EXPECT_EQ(text(client->strict), "two") << "the entry of the snapshot is older than an invalidation that was lost";
    EXPECT_EQ(client->shared.snapshot().invalidate_errors, 0u);
  }
  // What was leased from the server before fills nothing in this one.
  EXPECT_TRUE(change(b->strict, "three"));
  gate->open();
  ASSERT_TRUE(until([&] { return early->ended; }));
  EXPECT_EQ(*early->value, "two");
  EXPECT_EQ(text(a->strict, loading), "three");
  EXPECT_EQ(text(b->strict, loading), "three");
  EXPECT_EQ(text_and_fill(*a, Key("system", 2)), "three");
  EXPECT_EQ(text(b->strict, Key("system", 2)), "three");
}

TEST(SharedRedisFrozen, C_23_two_seconds_of_a_frozen_server_under_load_make_no_error_and_no_stale_read) {
  if (RedisServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names redis";
  RedisServer server;
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  net::Resolver resolver(loop.executor(), wheel, {});
  Client client(wheel, resolver, *parse_url(server.unix_url()));
  Frozen::Options options;
  options.before = 300ms;
  options.frozen = 2s;
  options.after = 300ms;
  options.seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(options.seed));
  Frozen frozen(loop, client, server, options);
  EXPECT_TRUE(watchbell::test::run_on(loop, frozen.run(), 120s));
  EXPECT_TRUE(watchbell::test::run_on(loop, client.close(), 20s));
  resolver.close();
  const auto result = frozen.result();
  EXPECT_EQ(result.errors, 0u);
  EXPECT_EQ(result.verdict.kind, cache::testing::Verdict::Kind::ok) << result.told;
  EXPECT_TRUE(result.opened);
  EXPECT_EQ(result.asked_while_open, 0u);
  EXPECT_TRUE(result.recovered);
  EXPECT_GT(result.hits_after, 0u);
}

}  // namespace
}  // namespace watchbell::redis::test
