#pragma once

#include <mutex>

#include "domains/healthcheck/contract.hpp"
#include "domains/healthcheck/jobs.hpp"
#include "domains/healthcheck/module.hpp"
#include "domains/healthcheck/rules.hpp"
#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::healthcheck::test {

using namespace std::chrono_literals;

/// Keeps what was said in the transaction that said it, so that what was rolled back was not said.
inline constexpr auto kTelling = "group_id text not null, title text not null, body text not null, importance text not null, url text not null, "
                                 "key text not null unique, about text not null)";
inline const sql::MigrationSet kTold{"told",
                                     {{"0001_told.sqlite.sql", std::string("create table told (n integer primary key, ") + kTelling},
                                      {"0001_told.postgres.sql", std::string("create table told (n bigint generated always as identity primary key, ") + kTelling}}};

struct Told {
  std::string group_id;
  std::string title;
  std::string body;
  notification::Importance importance = notification::Importance::info;
  std::string url;
  std::string key;
  std::string about;  ///< "<collapse key>: <kind> <id> <name> <status>" of the first subject
};
BOOST_DESCRIBE_STRUCT(Told, (), (group_id, title, body, importance, url, key, about))

/// A strategy without a transport: `test.fake`, with one collector that takes anything.
class FakeStrategy final : public probes::Strategy {
 public:
  FakeStrategy() {
    info_ = {.id = "test.fake", .display_name = "Fake", .description = "d", .category = "other", .config_schema = "{}", .needs_collector = false,
             .collectors = {{.id = "test.once", .display_name = "Once", .description = "d", .config_schema = "{}", .result_schema = "{}", .ephemeral = {}}}};
  }
  const probes::StrategyInfo& info() const override { return info_; }
  void judge_config(const rpc::Input&) const override {}
  void judge_collector(std::string_view, const rpc::Input&) const override {}
  std::chrono::milliseconds timeout(const ConfigJson&) const override { return 30s; }
  awaitable<Result<std::unique_ptr<probes::Client>>> connect(ConfigJson) override { co_return fail(ErrorCode::unavailable, "a fake"); }

 private:
  probes::StrategyInfo info_;
};

/// Answers what the test says, per configuration name, when the test says.
class FakeProber final : public Prober {
 public:
  explicit FakeProber(Executor executor) : go(executor) {}
  std::chrono::milliseconds deadline(const Configuration&) const override { return 5s; }
  awaitable<Outcome> run(std::shared_ptr<const Configuration> configuration) override {
    ++started;
    try {
      while (hold) co_await go.wait();
    } catch (const boost::system::system_error&) {
      ++cancelled;
      throw;
    }
    if (throws) throw std::runtime_error("boom");
    const bool up = !down.contains(configuration->name);
    co_return Outcome{.status = up ? RunStatus::healthy : RunStatus::unhealthy, .latency_ms = 7, .message = up ? "7 ms" : "it is down", .result = "{}"};
  }
  void release() {
    hold = false;
    go.notify_all();
  }
  async::Event go;
  std::set<std::string> down;
  bool hold = false;
  bool throws = false;
  int started = 0;
  int cancelled = 0;
};

struct Fixture : watchbell::test::RuntimeFixture {
  using Storage = watchbell::test::Storage;
  explicit Fixture(async::Loop& l, Storage storage = Storage::memory)
      : RuntimeFixture(l, {&migrations::healthcheck(), &kTold}, storage), registry(wheel), scheduler(wheel, on_fault(), {}), prober(l.executor()),
        service(*database, cache, *changes, clock, registry, scheduler, systems(), notify(), {.keep_runs = 24h, .purge_batch = 3}) {
    registry.add(std::make_unique<FakeStrategy>());
  }
  /// Takes part in jobs and events and begins to run checks.
  awaitable<void> begin() {
    EXPECT_TRUE(jobs::listen(service, *queue, *bus));
    co_await queue->start();
    EXPECT_TRUE(co_await service.schedule_all());
    scheduler.start([this](std::shared_ptr<const Check> check) { return jobs::run_check(service, prober, wheel, std::move(check)); });
  }
  awaitable<void> end() {
    co_await scheduler.stop();
    co_await close();
    EXPECT_TRUE(faults.empty());
  }

  Systems systems() {
    return {.name = [this](sql::Session&, const SystemId& id) -> std::optional<std::string> {
              const std::lock_guard lock(mutex);
              const auto it = names.find(id);
              if (it == names.end()) return std::nullopt;
              return it->second;
            },
            .all_ids = [this](sql::Session&) {
              const std::lock_guard lock(mutex);
              std::vector<SystemId> ids;
              for (const auto& [id, name] : names) ids.push_back(id);
              return ids;
            }};
  }
  Notify notify() {
    return [this](Change& change, std::string group, notification::Message message, std::string key) -> Result<void> {
      if (notify_fails) return fail(ErrorCode::unavailable, "the queue is full");
      const auto& about = message.subjects.at(0);
      change.sql().execute("insert into told (group_id, title, body, importance, url, key, about) values (:1, :2, :3, :4, :5, :6, :7)", group, message.title,
                           message.body, message.importance, message.action->url, key,
                           fmt::format("{}: {} {} {} {}", message.collapse_key.value_or(""), about.kind, about.id, about.name,
                                       boost::describe::enum_to_string(about.status.value(), "")));
      return {};
    };
  }

  SystemId add_system(std::string name) {
    const auto id = SystemId::make(clock.now());
    put_system(id, std::move(name));
    return id;
  }
  void put_system(SystemId id, std::string name) {
    const std::lock_guard lock(mutex);
    names[id] = std::move(name);
  }
  void remove_system(SystemId id) {
    const std::lock_guard lock(mutex);
    names.erase(id);
  }
  awaitable<Configuration> create(std::string name, std::int64_t interval = 60) {
    CreateConfiguration input;
    input.name = Text<1, 200>::of(std::move(name));
    input.strategy_id = Text<1, 200>::of("test.fake");
    input.interval_seconds = interval;
    auto made = co_await service.create(std::move(input));
    co_return made.value();
  }
  awaitable<Result<void>> associate(SystemId system, ConfigurationId configuration, std::optional<Thresholds> thresholds = {}, bool enabled = true) {
    AssociateSystem input;
    input.system_id = Text<1, 200>::of(system.to_string());
    input.body.configuration_id = configuration;
    input.body.enabled = enabled;
    if (thresholds) input.body.state_thresholds = Nullable<Thresholds>(*thresholds);
    co_return co_await service.associate(std::move(input));
  }
  awaitable<Result<void>> disassociate(SystemId system, ConfigurationId configuration) {
    DisassociateSystem input;
    input.system_id = Text<1, 200>::of(system.to_string());
    input.config_id = Text<1, 200>::of(configuration.to_string());
    co_return co_await service.disassociate(std::move(input));
  }
  /// What the cached procedure says.
  awaitable<SystemHealth> health(SystemId system) {
    OfSystems input;
    input.system_ids.push_back(Text<1, 200>::of(system.to_string()));
    auto view = co_await service.statuses(std::move(input));
    co_return view.value().statuses.at(system.to_string());
  }
  awaitable<Status> status(SystemId system) { co_return (co_await health(system)).status; }
  awaitable<std::vector<Told>> told() {
    auto rows = co_await database->read([](sql::Session& session) {
      return session.all<Told>("select group_id, title, body, importance, url, key, about from told order by n");
    });
    co_return rows.value();
  }
  awaitable<std::vector<store::Transition>> transitions(SystemId system) {
    auto rows = co_await database->read([system](sql::Session& session) { return store::transitions_of(session, system); });
    co_return rows.value();
  }
  awaitable<std::shared_ptr<const Check>> check(SystemId system, ConfigurationId configuration) {
    auto found = co_await database->read([key = CheckKey{system, configuration}](sql::Session& session) { return store::active_check(session, key); });
    co_return std::make_shared<const Check>(found.value().value());
  }
  /// A run as a probe would store it, without the scheduler.
  awaitable<bool> ran(SystemId system, ConfigurationId configuration, bool up) {
    auto known = co_await check(system, configuration);
    auto stored = co_await service.record(known, clock.now(),
                                          Outcome{.status = up ? RunStatus::healthy : RunStatus::unhealthy, .latency_ms = 3, .message = up ? "" : "it is down", .result = "{}"});
    co_return stored.value();
  }
  awaitable<std::int64_t> count(std::string_view table) {
    auto n = co_await database->read(
        [text = "select count(*) from " + std::string(table)](sql::Session& session) { return session.one<std::int64_t>(text).value(); });
    co_return n.value();
  }

  /// Database transactions so far; on a database in memory reads take turns with writes and are counted with them.
  std::uint64_t reads() const { return database->counters().reads + database->counters().writes; }

  static Thresholds consecutive(std::int64_t healthy, std::int64_t degraded, std::int64_t unhealthy) {
    return ConsecutiveThresholds{.healthy = {healthy}, .degraded = {degraded}, .unhealthy = {unhealthy}};
  }

  std::mutex mutex;  ///< the pool asks for names while a test adds them
  std::map<SystemId, std::string> names;
  std::atomic<bool> notify_fails = false;
  probes::Registry registry;
  Scheduler scheduler;
  FakeProber prober;
  Service service;
};

}  // namespace watchbell::healthcheck::test
