#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "async/manual_clock.hpp"
#include "platform/sql/test/opened.hpp"
#include "runtime/coherence/cluster.hpp"
#include "runtime/coherence/scope.hpp"
#include "runtime/coherence/test/things.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::coherence::test {

using namespace std::chrono_literals;

class FakeBus;

/// What all buses of one test hang on.
struct Net {
  std::vector<FakeBus*> buses;
};

/// A bus on the loop alone, which can be deaf, cut off, or stand still.
class FakeBus final : public bus::Bus {
 public:
  FakeBus(Executor executor, Net& net) : executor_(executor), net_(net) { net_.buses.push_back(this); }
  ~FakeBus() override { std::erase(net_.buses, this); }
  void start(Events events) override {
    events_ = std::move(events);
    connect();
  }
  awaitable<void> stop() override {
    started_ = false;
    co_return;
  }
  std::size_t most_bytes() const noexcept override { return 7999; }
  void publish(std::string message) override {
    for (auto* const bus : net_.buses) asio::post(executor_, [alive = std::weak_ptr(bus->alive_), bus, message] { if (!alive.expired()) bus->deliver(message); });
  }

  void connect() {
    started_ = true;
    events_.on_up();
  }
  void disconnect() {
    started_ = false;
    events_.on_down();
  }
  bool deaf = false;  ///< loses what is said to it, and does not know
  void freeze() { frozen_ = true; }
  void thaw() {
    frozen_ = false;
    for (auto held = std::exchange(held_, {}); const auto& message : held) deliver(message);
  }

 private:
  void deliver(const std::string& message) {
    if (!started_ || deaf) return;
    if (frozen_) return held_.push_back(message);
    events_.on_message(message);
  }
  Executor executor_;
  Net& net_;
  Events events_;
  bool started_ = false;
  bool frozen_ = false;
  std::deque<std::string> held_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

/// One database, one network, one clock, and the processes on them.
struct World {
  explicit World(async::Loop& l, const std::vector<const sql::MigrationSet*>& more = {}) : loop(l) {
    clock.attach(wheel);
    std::vector<const sql::MigrationSet*> sets{&migrations::runtime(), &kThings};
    sets.insert(sets.end(), more.begin(), more.end());
    database = sql::test::opened(loop, wheel, {.url = ":memory:"}, sets);
  }
  template <class T>
  awaitable<T> ask(std::string sql) {
    auto answer = co_await database->read([sql](sql::Session& session) { return session.one<T>(sql).value(); });
    co_return std::move(*answer);
  }
  awaitable<std::int64_t> count(std::string table) { return ask<std::int64_t>("select count(*) from " + table); }
  /// Lets the loop and the pool run until `done` holds.
  template <class Predicate>
  awaitable<void> until(Predicate done) {
    while (!done()) co_await asio::post(loop.executor(), use_awaitable);
  }
  /// The same while time passes. It stands still while the database is at work, or else it would outrun it.
  template <class Predicate>
  awaitable<void> elapse_until(Predicate done) {
    while (!done()) {
      clock.advance(10ms);
      for (int idle = 0; idle < 20; ++idle) {
        if (database->waiting() > 0 || database->sessions().busy > 0) idle = 0;
        co_await asio::post(loop.executor(), use_awaitable);
      }
    }
  }
  awaitable<void> elapse(std::chrono::milliseconds time) {
    const auto end = clock.monotonic() + time;
    co_await elapse_until([&] { return clock.monotonic() >= end; });
  }

  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel{loop.executor(), clock, async::TimerWheel::Drive::manual};
  Net net;
  std::unique_ptr<sql::Database> database;
};

/// A process: what it has in memory, and how it belongs to the others. Its timers stand still while it is frozen.
struct Process {
  explicit Process(World& w, Cluster::Options options = {}) : world(w), wheel(w.loop.executor(), w.clock, async::TimerWheel::Drive::manual), bus(w.loop.executor(), w.net) {
    world.clock.attach(wheel);
    cluster.emplace(wheel, *world.database, bus, memory, [this](std::string_view where, std::exception_ptr) { faults.emplace_back(where); }, std::move(options));
    scope.emplace(memory, *world.database, "things", 60s);
    cluster->listen("test", {.heard = [this](std::string_view what) { heard.emplace_back(what); }, .lost = [this] { ++gaps; }});
  }
  ~Process() { world.clock.detach(wheel); }
  awaitable<void> start() {
    cluster->start();
    co_await world.elapse_until([this] { return cluster->serves(); });
  }
  /// What a request that begins now is answered.
  awaitable<std::int64_t> read(std::string id = "t") {
    auto found = co_await scope->read<std::int64_t>(cache::Key(id), [this, id](sql::Session& session) {
      ++loads;
      return session.one<std::int64_t>("select version from things where id = :1", id).value_or(0);
    });
    co_return **found;
  }
  bool keeps(const std::string& id = "t") const { return cache::CachedScope(const_cast<Memory&>(memory), "things").find<Result<std::int64_t>>(cache::Key(id)) != nullptr; }
  /// What a change does, of so many targets.
  awaitable<void> change(std::int64_t version, std::string id = "t", std::size_t more = 0) {
    std::vector<Target> targets{scope->key(cache::Key(id))};
    for (std::size_t i = 0; i < more; ++i) targets.push_back(scope->key(cache::Key("more", static_cast<std::int64_t>(i))));
    const auto text = to_text(targets);
    const auto intent = co_await world.database->write([&, now = world.clock.now()](sql::Session& session) {
      session.execute("insert into things (id, version) values (:1, :2) on conflict (id) do update set version = excluded.version", id, version);
      return cluster->record(session, text, now);
    });
    for (const auto& target : targets) target.apply();
    co_await cluster->settle(*intent, text);
  }
  void freeze() {
    world.clock.detach(wheel);
    bus.freeze();
  }
  void thaw() {
    world.clock.attach(wheel);
    wheel.poll();
    bus.thaw();
  }
  awaitable<void> close() {
    co_await cluster->stop();
    co_await memory.close<Executor>();
  }

  World& world;
  async::TimerWheel wheel;
  FakeBus bus;
  Memory memory;
  std::vector<std::string> faults;
  std::optional<Cluster> cluster;
  std::optional<Scope> scope;
  std::vector<std::string> heard;
  int gaps = 0;
  std::atomic<int> loads = 0;
};

/// A change that is under way.
struct Running {
  Running(World& world, awaitable<void> change) {
    asio::co_spawn(world.loop.executor(), std::move(change), [done = done](std::exception_ptr) { *done = true; });
  }
  bool over() const { return *done; }
  std::shared_ptr<bool> done = std::make_shared<bool>(false);
};

}  // namespace watchbell::coherence::test
