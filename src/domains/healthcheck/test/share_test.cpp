// Health checks of processes that share a database: each on the loop with a bus, workers and a service of its own, and one clock moved by hand.
#include <random>

#include "domains/healthcheck/test/fixture.hpp"
#include "platform/log/log.hpp"
#include "runtime/workers/test/steady_world.hpp"

namespace watchbell::healthcheck::test {
namespace {

using coherence::test::FakeBus;
using coherence::test::Running;

struct Place : workers::test::SteadyWorld {
  explicit Place(async::Loop& l) : SteadyWorld(l, {&migrations::healthcheck(), &kTold}) {}
  Systems systems() {
    return {.name = [this](sql::Session&, const SystemId& id) -> std::optional<std::string> {
              const std::lock_guard lock(mutex);
              const auto it = names.find(id);
              if (it == names.end()) return std::nullopt;
              return it->second;
            },
            .all_ids = [](sql::Session&) { return std::vector<SystemId>(); }};
  }
  void put_system(SystemId id, std::string name) {
    const std::lock_guard lock(mutex);
    names[id] = std::move(name);
  }
  awaitable<std::vector<Timestamp>> runs(CheckKey key) {
    const auto rows = co_await database->read([key](sql::Session& session) {
      return session.all<Timestamp>("select timestamp from healthcheck_runs where system_id = :1 and configuration_id = :2 order by timestamp", key.system_id,
                                    key.configuration_id);
    });
    co_return rows.value();
  }

  std::mutex mutex;
  std::map<SystemId, std::string> names;
  std::map<ConfigurationId, std::vector<Timestamp>> begun;  ///< by whichever process
};

/// Notes what begins, and lasts a while.
class SlowProber final : public Prober {
 public:
  SlowProber(Place& place, async::TimerWheel& wheel, std::uint64_t seed) : go(place.loop.executor()), place_(place), wheel_(wheel), random_(seed) {}
  std::chrono::milliseconds deadline(const Configuration&) const override { return 20s; }
  awaitable<Outcome> run(std::shared_ptr<const Configuration> configuration) override {
    place_.begun[configuration->id].push_back(place_.clock.now());
    ++started;
    if (most > 0ms) co_await wheel_.sleep(std::chrono::duration_cast<std::chrono::milliseconds>(most * random_.unit()));
    while (hold) co_await go.wait();
    const bool up = !down.contains(configuration->name);
    co_return Outcome{.status = up ? RunStatus::healthy : RunStatus::unhealthy, .latency_ms = 1, .message = up ? "" : "it is down", .result = "{}"};
  }
  void release() {
    hold = false;
    go.notify_all();
  }
  async::Event go;
  std::chrono::milliseconds most{0};
  bool hold = false;
  std::set<std::string> down;
  int started = 0;

 private:
  Place& place_;
  async::TimerWheel& wheel_;
  Random random_;
};

/// A process. Its timers and its bus stand still while it is frozen.
struct Node {
  explicit Node(Place& p, std::uint64_t seed = 1)
      : place(p), wheel(p.loop.executor(), p.clock, async::TimerWheel::Drive::manual), bus(p.loop.executor(), p.net), cluster(wheel, *p.database, bus, memory, on_fault()),
        workers(wheel, *p.database, on_fault()), scope(p.loop.executor(), on_fault()), queue(wheel, *p.database, on_fault(), {}, seed), events(queue, keyring, scope, on_fault()),
        hub(wheel, scope, {}), changes(*p.database, p.clock, queue, events, hub, &cluster), registry(wheel),
        scheduler(wheel, on_fault(), {.concurrency = 64, .may_begin = [this] { return workers.ready().has_value(); }}),
        share(workers, *p.database, scheduler, wheel, on_fault(), {}), prober(p, wheel, seed),
        service(*p.database, memory, changes, p.clock, registry, scheduler, p.systems(), notify(), {.share = &share}) {
    place.clock.attach(wheel);
    registry.add(std::make_unique<FakeStrategy>());
    cluster.listen(std::string(Share::kKind), {.heard = [this](std::string_view what) { share.heard(what); }, .lost = [this] { share.changed({}); }});
  }
  ~Node() { place.clock.detach(wheel); }
  async::TaskScope::OnFault on_fault() {
    return [this](std::string_view where, std::exception_ptr) { faults.emplace_back(where); };
  }
  static Notify notify() {
    return [](Change& change, std::string group, notification::Message message, std::string key) -> Result<void> {
      change.sql().execute("insert into told (group_id, title, body, importance, url, key, about) values (:1, :2, :3, :4, '', :5, '')", group, message.title, message.body,
                           message.importance, key);
      return {};
    };
  }
  void begin() {
    cluster.start();
    share.start();
    scheduler.start([this](std::shared_ptr<const Check> check) { return jobs::run_check(service, prober, wheel, std::move(check)); });
    workers.start();
  }
  awaitable<void> start() {
    begin();
    co_await place.elapse_until([this] { return workers.ready() && cluster.serves(); });
  }
  std::size_t owned() const { return workers.owned(Share::kKind).size(); }
  void freeze() {
    place.clock.detach(wheel);
    bus.freeze();
  }
  void thaw() {
    place.clock.attach(wheel);
    wheel.poll();
    bus.thaw();
  }
  /// As the server ends: what runs is waited for, and then others have the checks.
  awaitable<void> leave() {
    bool retired = false;
    asio::co_spawn(place.loop.executor(), workers.retire(10s), [&](std::exception_ptr) { retired = true; });
    co_await place.elapse_until([&] { return retired; });
    co_await end();
  }
  /// A change may still wait for processes that stand still.
  awaitable<void> end() {
    const Running closing(place, close());
    co_await place.elapse_until([&] { return closing.over(); });
  }
  awaitable<void> close() {
    prober.release();
    co_await share.stop();
    co_await scheduler.stop();
    co_await queue.stop(0s);
    co_await scope.stop();
    co_await workers.stop();
    co_await cluster.stop();
    co_await memory.close<Executor>();
    EXPECT_THAT(faults, ::testing::IsEmpty());
  }
  /// Makes a check; one that `runner` runs, where that is said.
  awaitable<CheckKey> add(std::string name, std::int64_t interval, std::optional<Thresholds> thresholds = {}, const Node* runner = nullptr) {
    CreateConfiguration input;
    input.name = Text<1, 200>::of(name);
    input.strategy_id = Text<1, 200>::of("test.fake");
    input.interval_seconds = interval;
    const auto made = co_await service.create(std::move(input));
    CheckKey key{SystemId(), made.value().id};
    do key.system_id = SystemId::make(place.clock.now());
    while (runner != nullptr && !runner->workers.may_begin(Share::kKind, rules::shard_of(key, Share::kShards)));
    place.put_system(key.system_id, std::move(name));
    EXPECT_TRUE(co_await associate(key, true, thresholds));
    co_return key;
  }
  awaitable<Result<void>> associate(CheckKey key, bool enabled = true, std::optional<Thresholds> thresholds = {}) {
    AssociateSystem input;
    input.system_id = Text<1, 200>::of(key.system_id.to_string());
    input.body.configuration_id = key.configuration_id;
    input.body.enabled = enabled;
    if (thresholds) input.body.state_thresholds = Nullable<Thresholds>(*thresholds);
    co_return co_await service.associate(std::move(input));
  }
  awaitable<void> rename(CheckKey key, std::string name, std::int64_t interval) {
    UpdateConfiguration input;
    input.id = Text<1, 200>::of(key.configuration_id.to_string());
    input.body.name = Text<1, 200>::of(std::move(name));
    input.body.interval_seconds = interval;
    EXPECT_TRUE(co_await service.update(std::move(input)));
  }

  Place& place;
  async::TimerWheel wheel;
  FakeBus bus;
  coherence::Memory memory;
  std::vector<std::string> faults;
  crypto::Keyring keyring = crypto::Keyring::make(crypto::Keyring::generate()).value();
  coherence::Cluster cluster;
  workers::Workers workers;
  async::TaskScope scope;
  watchbell::jobs::Queue queue;
  events::Bus events;
  signals::Hub hub;
  Changes changes;
  probes::Registry registry;
  Scheduler scheduler;
  Share share;
  SlowProber prober;
  Service service;
};

awaitable<void> expect_done(awaitable<Result<void>> change) { EXPECT_TRUE(co_await std::move(change)); }

/// Two processes that have shared the checks out, and a check of each.
struct Two : Place {
  explicit Two(async::Loop& l) : Place(l), a(*this, 1), b(*this, 2) {}
  awaitable<void> start() {
    co_await a.start();
    co_await b.start();
    co_await elapse_until([this] { return a.owned() == 16 && b.owned() == 16; });
  }
  /// A check that the node runs, made at the other one.
  awaitable<CheckKey> add_at(Node& node, std::string name, std::int64_t interval, std::optional<Thresholds> thresholds = {}) {
    const auto key = co_await (&node == &a ? b : a).add(std::move(name), interval, std::move(thresholds), &node);
    co_await elapse_until([&] { return node.scheduler.contains(key) && node.scheduler.running() == 0; });
    clock.advance(10ms);  // what changes it then is later than its run
    co_return key;
  }
  awaitable<void> end() {
    co_await a.end();
    co_await b.end();
    co_await database->close();
  }
  Node a, b;
};

/// Lets it come without any time, and the next change a moment later.
template <class Predicate>
awaitable<void> at_once(Two& f, Predicate done) {
  co_await f.until(done);
  f.clock.advance(10ms);
}

/// No more runs than ticks: a late one may be followed by one on time.
void expect_no_tick_twice(const std::vector<Timestamp>& at, std::chrono::seconds interval, std::size_t excused = 0) {
  if (at.empty()) return;
  const double ticks = std::chrono::duration<double>(at.back() - at.front()).count() / static_cast<double>(interval.count());
  EXPECT_LE(at.size(), static_cast<std::size_t>(ticks + 0.5) + 1 + excused);
}

CO_TEST(HealthShare, Q_11_every_check_runs_at_one_process_whoever_made_it_and_stays_in_its_cadence) {
  Two f(loop);
  co_await f.start();
  std::vector<CheckKey> keys;
  for (int i = 0; i < 40; ++i) keys.push_back(co_await (i % 2 == 0 ? f.a : f.b).add("check " + std::to_string(i), 10));
  co_await f.elapse_until([&] { return f.a.scheduler.size() + f.b.scheduler.size() == keys.size(); });
  EXPECT_GE(f.a.scheduler.size(), 8u);
  EXPECT_GE(f.b.scheduler.size(), 8u);
  co_await f.elapse(61s);
  // A third joins, and the first leaves.
  Node c(f, 3);
  co_await c.start();
  co_await f.elapse(30s);
  EXPECT_GE(c.scheduler.size(), 4u);
  co_await f.a.leave();
  co_await f.elapse(30s);
  for (const auto& key : keys) {
    EXPECT_EQ(static_cast<int>(f.b.scheduler.contains(key)) + static_cast<int>(c.scheduler.contains(key)), 1);
    const auto runs = co_await f.runs(key);
    EXPECT_EQ(runs, f.begun[key.configuration_id]) << "each that was begun was stored";
    expect_no_tick_twice(runs, 10s);
    for (std::size_t i = 2; i < runs.size(); ++i) {
      EXPECT_GE(runs[i] - runs[i - 1], 8900ms);
      EXPECT_LE(runs[i] - runs[i - 1], 11s) << "none is missed";
    }
  }
  co_await c.end();
  co_await f.b.end();
  co_await f.database->close();
}

CO_TEST(HealthShare, Q_15_the_checks_of_a_process_that_died_run_again_within_five_seconds_and_in_their_cadence) {
  Two f(loop);
  co_await f.start();
  const auto often = co_await f.add_at(f.a, "often", 1);
  const auto seldom = co_await f.add_at(f.a, "seldom", 60);
  co_await f.elapse(5s);
  f.a.freeze();
  const auto died = f.clock.now();
  const auto before = (co_await f.runs(often)).size();
  co_await f.elapse_until([&] { return f.b.scheduler.contains(often) && f.b.scheduler.contains(seldom); });
  co_await f.elapse(100ms);
  auto runs = co_await f.runs(often);
  CO_ASSERT_TRUE(runs.size() > before);
  EXPECT_LE(runs[before] - died, 5s);
  EXPECT_GE(runs[before] - died, 2s);
  EXPECT_EQ((co_await f.runs(seldom)).size(), 1u) << "it is not due";
  co_await f.elapse(5s);
  runs = co_await f.runs(often);
  expect_no_tick_twice(runs, 1s);
  EXPECT_GE(runs.size(), before + 5);
  const auto first = (co_await f.runs(seldom)).front();
  co_await f.elapse_until([&] { return f.begun[seldom.configuration_id].size() == 2; });
  EXPECT_LE(f.clock.now() - first, 60s + 50ms);
  EXPECT_GE(f.clock.now() - first, 60s);
  co_await f.end();
}

CO_TEST(HealthShare, Q_11_what_a_process_found_that_stood_still_meanwhile_is_not_stored) {
  Two f(loop);
  co_await f.start();
  const auto key = co_await f.add_at(f.a, "Home", 5, Fixture::consecutive(1, 1, 1));
  co_await f.elapse(2s);
  f.a.prober.hold = true;
  f.a.prober.down.insert("Home");
  const auto started = f.a.prober.started;
  co_await f.elapse_until([&] { return f.a.prober.started == started + 1; });
  const auto began = f.clock.now();
  f.a.freeze();
  co_await f.elapse_until([&] { return f.b.prober.started > 0 && f.b.scheduler.contains(key); });
  co_await f.elapse(200ms);
  const log::Capture capture;
  f.a.prober.release();
  co_await f.elapse(200ms);
  f.a.thaw();
  co_await f.elapse_until([&] { return f.a.owned() == 16; });
  EXPECT_TRUE(capture.contains("a run was not stored"));
  const auto runs = co_await f.runs(key);
  EXPECT_EQ(std::ranges::count(runs, began), 0);
  expect_no_tick_twice(runs, 5s);
  EXPECT_EQ(co_await f.count("told"), 0) << "what it found is no news";
  co_await f.end();
}

CO_TEST(HealthShare, HC_12_a_change_at_one_process_takes_effect_at_once_at_the_one_that_runs_the_check) {
  Two f(loop);
  co_await f.start();
  const auto key = co_await f.add_at(f.a, "Home", 3600);
  EXPECT_EQ(f.a.prober.started, 1) << "from its association on";
  co_await f.b.rename(key, "Other", 3600);
  co_await at_once(f, [&] { return f.a.prober.started == 2 && f.a.scheduler.running() == 0; });
  EXPECT_TRUE(co_await f.b.service.set_paused(key.configuration_id.to_string(), true));
  co_await at_once(f, [&] { return !f.a.scheduler.contains(key); });
  EXPECT_TRUE(co_await f.b.service.set_paused(key.configuration_id.to_string(), false));
  co_await at_once(f, [&] { return f.a.prober.started == 3 && f.a.scheduler.running() == 0; });
  EXPECT_TRUE(co_await f.b.associate(key, false));
  co_await at_once(f, [&] { return !f.a.scheduler.contains(key); });
  EXPECT_TRUE(co_await f.b.associate(key, true));
  co_await at_once(f, [&] { return f.a.prober.started == 4 && f.a.scheduler.running() == 0; });
  // One that runs is cancelled, and what it found is not stored.
  f.a.prober.hold = true;
  co_await f.b.rename(key, "Again", 3600);
  co_await at_once(f, [&] { return f.a.prober.started == 5; });
  co_await f.b.rename(key, "And again", 3600);
  co_await at_once(f, [&] { return f.a.prober.started == 6; });
  f.a.prober.release();
  co_await at_once(f, [&] { return f.a.scheduler.running() == 0; });
  DisassociateSystem off;
  off.system_id = Text<1, 200>::of(key.system_id.to_string());
  off.config_id = Text<1, 200>::of(key.configuration_id.to_string());
  EXPECT_TRUE(co_await f.b.service.disassociate(off));
  co_await at_once(f, [&] { return !f.a.scheduler.contains(key); });
  EXPECT_TRUE(co_await f.b.associate(key, true));
  co_await at_once(f, [&] { return f.a.prober.started == 7 && f.a.scheduler.running() == 0; });
  EXPECT_TRUE(co_await f.b.changes.run([&](Change& change) { return f.b.service.drop_system(change, key.system_id.to_string()); }));
  co_await at_once(f, [&] { return !f.a.scheduler.contains(key); });
  EXPECT_EQ(f.b.prober.started, 0);
  co_await f.end();
}

CO_TEST(HealthShare, HC_12_a_change_that_nobody_told_of_is_found_out) {
  Two f(loop);
  co_await f.start();
  const auto key = co_await f.add_at(f.a, "Home", 10);
  // As when who made the change ends before he has told of it.
  f.a.bus.deaf = true;
  {
    const Running change(f, f.b.rename(key, "Other", 3600));
    co_await f.elapse_until([&] { return change.over(); });
  }
  EXPECT_EQ(f.a.prober.started, 1);
  co_await f.elapse_until([&] { return f.a.prober.started == 3 && f.a.scheduler.running() == 0; });
  const auto runs = co_await f.runs(key);
  EXPECT_EQ(runs.size(), 2u) << "one of what it was is not stored, and another follows at once";
  // Nothing of ours runs that would show this.
  auto more = key;
  do more.system_id = SystemId::make(f.clock.now());
  while (!f.a.workers.may_begin(Share::kKind, rules::shard_of(more, Share::kShards)));
  f.put_system(more.system_id, "More");
  const auto made = f.clock.now();
  {
    const Running change(f, expect_done(f.b.associate(more)));
    co_await f.elapse_until([&] { return change.over(); });
  }
  EXPECT_FALSE(f.a.scheduler.contains(more));
  co_await f.elapse_until([&] { return f.a.scheduler.contains(more); });
  EXPECT_LE(f.clock.now() - made, 61s);
  // Who was away from the others looks at everything.
  f.a.bus.deaf = false;
  f.a.bus.disconnect();
  {
    const Running change(f, expect_done(f.b.service.set_paused(key.configuration_id.to_string(), true)));
    co_await f.elapse_until([&] { return change.over(); });
  }
  EXPECT_TRUE(f.a.scheduler.contains(key));
  f.a.bus.connect();
  co_await f.until([&] { return !f.a.scheduler.contains(key); });
  co_await f.end();
}

CO_TEST(HealthShare, HC_5_a_status_goes_on_where_another_process_has_left_it_and_is_told_once) {
  Two f(loop);
  co_await f.start();
  f.a.prober.down.insert("Home");
  f.b.prober.down.insert("Home");
  const auto key = co_await f.add_at(f.a, "Home", 10, Fixture::consecutive(2, 3, 3));
  co_await f.elapse_until([&] { return f.a.prober.started == 2 && f.a.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.count("told"), 0);
  f.a.freeze();
  co_await f.elapse_until([&] { return f.b.prober.started == 1 && f.b.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.count("told"), 1) << "the third failure in a row";
  f.a.thaw();
  // One success each: both together make it healthy.
  f.a.prober.down.clear();
  f.b.prober.down.clear();
  co_await f.elapse_until([&] { return f.b.prober.started == 2 && f.b.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.count("told"), 1);
  f.b.freeze();
  const auto started = f.a.prober.started;
  co_await f.elapse_until([&] { return f.a.prober.started > started && f.a.scheduler.contains(key) && f.a.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.count("told"), 2);
  co_await f.end();
}

CO_TEST(HealthShare, HC_13_an_outage_that_outlasts_all_processes_is_told_once) {
  Place place(loop);
  CheckKey key;
  {
    Node a(place);
    co_await a.start();
    a.prober.down.insert("Home");
    key = co_await a.add("Home", 60, Fixture::consecutive(1, 1, 1));
    co_await place.elapse_until([&] { return a.prober.started == 1 && a.scheduler.running() == 0; });
    EXPECT_EQ(co_await place.count("told"), 1);
    co_await a.end();
  }
  place.clock.advance(20min, 20min);
  Node b(place, 2), c(place, 3);
  b.prober.down.insert("Home");
  c.prober.down.insert("Home");
  co_await b.start();
  co_await c.start();
  co_await place.elapse_until([&] { return b.prober.started + c.prober.started > 1; });
  co_await place.elapse(1s);
  EXPECT_EQ(co_await place.count("told"), 1);
  EXPECT_EQ(co_await place.count("healthcheck_transitions"), 1);
  co_await b.end();
  co_await c.end();
  co_await place.database->close();
}

CO_TEST(HealthShare, checks_that_nobody_ran_for_long_are_spread_by_their_jitter) {
  Place place(loop);
  {
    Node a(place);
    co_await a.start();
    for (int i = 0; i < 30; ++i) static_cast<void>(co_await a.add("check " + std::to_string(i), 60));
    co_await place.elapse_until([&] { return a.prober.started == 30; });
    co_await place.elapse(100ms);
    co_await a.end();
  }
  place.clock.advance(5min, 5min);
  place.begun.clear();
  Node b(place, 2);
  co_await b.start();
  co_await place.elapse(2s);
  EXPECT_LE(b.prober.started, 15);
  co_await place.elapse(30s);
  EXPECT_EQ(b.prober.started, 30);
  co_await b.end();
  co_await place.database->close();
}

CO_TEST(HealthShare, Q_11_no_tick_of_a_check_is_stored_twice_over_joins_deaths_and_freezes) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto draw = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  Place place(loop);
  std::vector<std::unique_ptr<Node>> live, frozen, dead;
  const auto join = [&] {
    live.push_back(std::make_unique<Node>(place, random()));
    live.back()->prober.most = 800ms;
    live.back()->begin();
  };
  const auto take = [&] {  // never the first
    const auto at = live.begin() + static_cast<std::ptrdiff_t>(1 + draw(live.size() - 1));
    auto node = std::move(*at);
    live.erase(at);
    return node;
  };
  join();
  co_await place.elapse_until([&] { return live.front()->owned() == Share::kShards; });
  std::vector<std::pair<CheckKey, std::chrono::seconds>> checks;
  for (const int interval : {1, 2, 3, 5}) {
    for (int i = 0; i < 6; ++i) checks.emplace_back(co_await live.front()->add(fmt::format("{}/{}", interval, i), interval), std::chrono::seconds(interval));
  }
  std::size_t faults = 0;
  for (int step = 0; step < 16; ++step) {
    const auto what = draw(5);
    if (what == 0 && live.size() < 4) join();
    if (what == 1 && live.size() > 1) {
      const auto node = take();
      co_await node->leave();
    }
    if (what == 2 && live.size() > 1) dead.push_back(take()), dead.back()->freeze(), ++faults;
    if (what == 3 && live.size() > 1) frozen.push_back(take()), frozen.back()->freeze(), ++faults;
    if (what == 4 && !frozen.empty()) {
      live.push_back(std::move(frozen.front()));
      frozen.erase(frozen.begin());
      live.back()->thaw();
    }
    co_await place.elapse(std::chrono::milliseconds(draw(draw(3) == 0 ? 6000 : 1500)));
  }
  co_await place.elapse(6s);
  const auto calm = place.clock.now();
  co_await place.elapse(6s);
  for (const auto& [key, interval] : checks) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", interval " + std::to_string(interval.count()));
    const auto runs = co_await place.runs(key);
    expect_no_tick_twice(runs, interval);
    expect_no_tick_twice(place.begun[key.configuration_id], interval, faults);
    // Not before they are due, but for the first, which follows a change at once.
    for (std::size_t i = 2; i < runs.size(); ++i) EXPECT_GE(runs[i] - runs[i - 1], 1ms);
    const auto late = std::ranges::count_if(runs, [&](Timestamp at) { return at >= calm; });
    EXPECT_GE(late, 6 / interval.count() - 1);
    EXPECT_LE(late, 6 / interval.count() + 1);
  }
  for (auto* all : {&frozen, &dead})
    for (auto& node : *all) node->thaw();
  for (auto* all : {&live, &frozen, &dead})
    for (auto& node : *all) co_await node->end();
  live.clear();
  frozen.clear();
  dead.clear();
  co_await place.database->close();
}

}  // namespace
}  // namespace watchbell::healthcheck::test
