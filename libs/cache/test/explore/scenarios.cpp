// What the tasks do to the cache, and what must hold whatever the schedule is.
//
// A world is a database of a few rows, each with a version, and a cache before it. Time is counted in events, so it is
// known of each value when its loader started, of each invalidation when it began and whether it has returned.
//
// Checked of every value that a reader gets (C-1, C-2, C-4, F-2): its version is none older than the newest whose
// invalidation had returned when the read began, and its loader started after that invalidation began. With every
// start of a loader (F-1, F-3, C-27): no other runs for this key without an invalidation between, and no two others. Whenever the lock is given
// back (C-9, C-28): entries and bytes within the bounds, families no more than entries and loads can hold. At the end:
// no stale entry is left, no load, no family, no pin, no value; the bytes are the sum of the entries' charges.
#include "scenarios.hpp"

#include <watchbell/cache/blocking.hpp>
#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/detail/epoch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace watchbell::cache::explore {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRows = 3;
constexpr std::uint32_t kAlive = 0x600DF00D;

struct Value {
  Value(int of_version, std::uint64_t at) : version(of_version), loader_started(at) { ++living; }
  Value(const Value& other) : version(other.version), loader_started(other.loader_started) { ++living; }
  Value& operator=(const Value&) = delete;
  ~Value() {
    alive = 0xDEAD;
    --living;
  }

  static inline int living = 0;

  std::uint32_t alive = kAlive;
  int version;
  std::uint64_t loader_started;
};
std::size_t size_in_bytes(const Value&) { return sizeof(Value); }

void require(bool holds, const char* promise) {
  if (!holds) fail(promise);
}

struct LoaderFailed : std::runtime_error {
  LoaderFailed() : std::runtime_error("the loader failed") {}
};

/// The records that tasks read under, one a task, known before the first run.
std::array<detail::Reader*, kMaxTasks + 1>& readers() {
  static std::array<detail::Reader*, kMaxTasks + 1> all{};
  return all;
}

class CacheWorld final : public World {
 public:
  struct Options {
    std::size_t max_entries = 8;
    Duration refresh_ahead{};
    bool loads_may_repeat = false;  // their slots are freed by something else than an invalidation
  };

  explicit CacheWorld(Options options)
      : options_(options),
        cache_(std::in_place, cache_options()),
        scope_(std::in_place, *cache_, "scope", ScopeOptions(1h, 30s, options.refresh_ahead)) {}

  /// Adds a task. They run in the order of their numbers where nothing else is decided.
  CacheWorld& task(std::string name, std::function<void(CacheWorld&)> body) {
    tasks_.push_back({std::move(name), [this, body = std::move(body)] { body(*this); }});
    return *this;
  }
  std::vector<Task> tasks() override { return tasks_; }

  // --- what tasks do

  /// @param hold  steps for which a value that was found is kept before it is looked at again
  void read(std::size_t number, int hold = 0) {
    Row& row = rows_[number];
    const Needed needed{row.announced, row.invalidated};
    if (tracing()) note("reads row " + std::to_string(number) + ", wants version " + std::to_string(needed.version));
    if (const auto lent = scope_->find<Value>(row.key)) {
      check(*lent, needed, "found");
      for (; hold > 0; --hold) {
        point("holding what it was lent");
        require(lent->alive == kAlive, "memory: a value that is lent was freed");
      }
      return;
    }
    const bool quiet = row.active == 0;
    const std::uint64_t activity = row.activity;
    std::shared_ptr<const Value> value;
    bool failed = false;
    try {
      value = scope_->wrap<Value>(row.key, [&] { return load(number, quiet, activity); });
    } catch (const LoaderFailed&) {
      failed = true;
    } catch (const LoadTimedOut&) {
      failed = true;
    }
    if (failed) return note("the load failed");
    check(*value, needed, "got");
    if (hold > 0) point("holding its share");
    require(value->alive == kAlive, "memory: a shared value was freed");
  }

  /// Until it holds: a loader of this row throws instead.
  void let_next_load_fail(std::size_t number) { rows_[number].fails = true; }

  void change(std::size_t number) {
    commit(number);
    const auto covered = begin({number});
    scope_->invalidate(rows_[number].key);
    returned(covered);
  }

  /// The rows below the family; which they are is said, not asked of the code under test.
  void change_family(std::vector<std::size_t> numbers, const Family& family) {
    for (const std::size_t number : numbers) commit(number);
    const auto covered = begin(std::move(numbers));
    scope_->invalidate_prefix(family);
    returned(covered);
  }

  void clear() {
    for (std::size_t number = 0; number < kRows; ++number) commit(number);
    const auto covered = begin({0, 1, 2});
    cache_->clear();
    returned(covered);
  }

  void sweep() { static_cast<void>(cache_->sweep()); }

  /// Stores what is never changed, to push others out.
  void crowd(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      const Key key("crowd", i);
      const auto value = scope_->wrap<Value>(key, [] { return Value(1, 0); });
      require(value->alive == kAlive, "memory: a shared value was freed");
    }
  }

  void pass_time(Duration by) {
    point("time passes");
    now_ += by;
  }

  // --- what holds

  void after_unlock() override {
    const Statistics seen = cache_->snapshot();
    require(seen.entries <= options_.max_entries, "C-28: more entries than allowed");
    require(seen.bytes <= max_bytes(), "C-28: more bytes than allowed");
    require(seen.families <= 1 + 2 * (seen.entries + seen.awaiting_release + seen.running_loads),
            "C-9: more families than entries and loads can hold");
    require(seen.flights <= seen.running_loads, "C-9: more flights than loads");
  }

  void at_end() override {
    for (auto& row : rows_) {
      if (const auto lent = scope_->find<Value>(row.key))
        require(lent->version == row.version, "C-4: a stale entry is left at the end");
    }
    for (const auto* reader : readers())
      require(reader->nested == 0 && reader->epoch.load() == 0, "memory: a reader is left pinned");
    after_unlock();
    auto seen = cache_->snapshot();
    require(seen.running_loads == 0 && seen.flights == 0, "C-9: a load is left at the end");
    const auto page = cache_->list_entries(0, 1000, EntryOrder::newest);
    std::size_t bytes = 0;
    for (const auto& item : page.items) bytes += item.byte_size;
    require(page.items.size() == seen.entries && bytes == seen.bytes, "C-28: the accounting has drifted");
    cache_->clear();
    seen = cache_->snapshot();
    require(seen.entries == 0 && seen.bytes == 0, "C-28: something is counted in an empty cache");
    require(seen.awaiting_release == 0, "C-9: removed entries are kept though nobody reads");
    require(seen.families == 1, "C-9: families are left in an empty cache");
    scope_.reset();
    cache_.reset();
    require(Value::living == 0, "memory: a value is left when the cache is gone");
  }

 private:
  struct Row {
    Key key;
    int version = 1;                // committed
    int announced = 1;              // the newest whose invalidation has returned
    std::uint64_t invalidated = 0;  // when the invalidation began that began last of those that have returned
    int active = 0;                 // invalidations that have begun and not returned
    std::uint64_t activity = 0;     // begins and returns of invalidations
    bool fails = false;
  };
  struct Needed {
    int version;
    std::uint64_t loaded_after;
  };
  struct Running {
    std::size_t row;
    bool quiet;               // no invalidation was under way when its reader came
    std::uint64_t activity;  // of the row, at that time
  };
  struct Covered {
    std::vector<std::size_t> rows;
    std::vector<int> versions;
    std::uint64_t began;
  };

  static std::size_t max_bytes() { return std::size_t{1} << 20; }

  CacheOptions cache_options() {
    CacheOptions options;
    options.max_entries = options_.max_entries;
    options.max_bytes = max_bytes();
    options.ttl_jitter = 0;
    options.max_ttl = 1h;
    options.clock = [this] { return now_; };
    return options;
  }

  static void check(const Value& value, const Needed& needed, const char* how) {
    require(value.alive == kAlive, "memory: a freed value was read");
    if (tracing()) note(std::string(how) + " version " + std::to_string(value.version));
    require(value.version >= needed.version, "C-1: read a version older than an invalidation that had returned");
    require(value.loader_started > needed.loaded_after || needed.loaded_after == 0,
            "F-2: read from a loader that started before an invalidation that had returned");
  }

  Value load(std::size_t number, bool quiet, std::uint64_t activity) {
    Row& row = rows_[number];
    // An older load may start its loader last, so both must have come since the last invalidation.
    if (!options_.loads_may_repeat && quiet && activity == row.activity)
      for (const auto& other : running_)
        require(other.row != number || !other.quiet || other.activity != activity,
                "F-1: a second loader of a key without an invalidation between");
    if (!options_.loads_may_repeat)
      require(std::count_if(running_.begin(), running_.end(), [&](const auto& other) { return other.row == number; }) < 2,
              "C-27: a third load of a key at once");
    const auto mine = running_.insert(running_.end(), {number, quiet, activity});
    const std::uint64_t started = ++events_;
    point("the database's snapshot");
    const int version = row.version;
    if (tracing()) note("loads version " + std::to_string(version));
    point("the loader's return");
    running_.erase(mine);
    if (std::exchange(row.fails, false)) throw LoaderFailed();
    return {version, started};
  }

  void commit(std::size_t number) {
    point("the database's commit");
    const int version = ++rows_[number].version;
    if (tracing()) note("commits version " + std::to_string(version) + " of row " + std::to_string(number));
  }

  Covered begin(std::vector<std::size_t> numbers) {
    Covered covered{std::move(numbers), {}, ++events_};
    for (const std::size_t number : covered.rows) {
      covered.versions.push_back(rows_[number].version);
      ++rows_[number].active;
      ++rows_[number].activity;
    }
    return covered;
  }

  void returned(const Covered& covered) {
    note("its invalidation has returned");
    for (std::size_t i = 0; i < covered.rows.size(); ++i) {
      Row& row = rows_[covered.rows[i]];
      --row.active;
      ++row.activity;
      row.announced = std::max(row.announced, covered.versions[i]);
      row.invalidated = std::max(row.invalidated, covered.began);
    }
  }

  const Options options_;
  TimePoint now_{1h};
  std::optional<Cache> cache_;
  std::optional<BlockingScope> scope_;
  std::vector<Task> tasks_;

  // Of one family each but the last, which is the key of exactly a family's segments.
  std::array<Row, kRows> rows_{Row{Key("f", 1, "a")}, Row{Key("f", 1, "b")}, Row{Key("f", 1)}};
  std::list<Running> running_;
  std::uint64_t events_ = 0;
};

using Fill = std::function<void(CacheWorld&)>;

CacheScenario scenario(std::string name, std::string about, unsigned bound, unsigned deep_bound,
                       CacheWorld::Options options, Fill fill) {
  CacheScenario made;
  made.name = std::move(name);
  made.about = std::move(about);
  made.bound = bound;
  made.deep_bound = deep_bound;
  made.make = [options, fill = std::move(fill)]() -> std::unique_ptr<World> {
    Value::living = 0;  // a failed run leaves some
    for (auto* reader : readers()) {
      reader->nested = 0;
      reader->epoch.store(0);
    }
    auto world = std::make_unique<CacheWorld>(options);
    fill(*world);
    return world;
  };
  return made;
}

std::vector<CacheScenario> all_scenarios() {
  const Family narrow("f", 1);
  const Family wide("f");
  std::vector<CacheScenario> all;

  all.push_back(scenario("first-load", "two first reads of a key, and its invalidation", 3, 4, {}, [](CacheWorld& w) {
    w.task("loader-1", [](auto& world) { world.read(0); });
    w.task("loader-2", [](auto& world) { world.read(0); });
    w.task("invalidator", [](auto& world) { world.change(0); });
  }));
  all.push_back(
      scenario("first-load-family", "the same with the family that holds its family", 3, 4, {}, [wide](CacheWorld& w) {
        w.task("loader-1", [](auto& world) { world.read(0); });
        w.task("loader-2", [](auto& world) { world.read(0); });
        w.task("invalidator", [wide](auto& world) { world.change_family({0, 1, 2}, wide); });
      }));
  all.push_back(scenario("old-and-new", "a load that ends after a newer one began, and a third reader", 2, 3, {},
                         [](CacheWorld& w) {
                           w.task("loader-1", [](auto& world) {
                             world.read(0);
                             world.read(0);
                           });
                           w.task("invalidator", [](auto& world) { world.change(0); });
                           w.task("loader-2", [](auto& world) { world.read(0); });
                         }));
  all.push_back(scenario("storm", "readers of a key that is invalidated again and again", 2, 3, {},
                         [wide](CacheWorld& w) {
                           w.task("loader-1", [](auto& world) { world.read(0); });
                           w.task("changing-2", [wide](auto& world) {
                             world.change(0);
                             world.read(0);
                             world.change_family({0, 1, 2}, wide);
                             world.read(0);
                           });
                           w.task("changing-3", [](auto& world) {
                             world.change(0);
                             world.read(0);
                           });
                         }));
  all.push_back(scenario("exact-key", "the family of exactly a key's segments, and all of the scope", 2, 3, {},
                         [narrow](CacheWorld& w) {
                           w.read(2);
                           w.task("loader-1", [](auto& world) { world.read(2); });
                           w.task("loader-2", [](auto& world) { world.read(0); });
                           w.task("family", [narrow](auto& world) { world.change_family({0, 1, 2}, narrow); });
                           w.task("all", [](auto& world) { world.change_family({0, 1, 2}, Family()); });
                         }));
  all.push_back(scenario("lent", "values that are lent while they are invalidated, replaced and evicted", 2, 3,
                         {.max_entries = 2}, [narrow](CacheWorld& w) {
                           w.read(0);
                           w.read(1);
                           w.task("reader-1", [](auto& world) { world.read(0, 2); });
                           w.task("invalidator", [](auto& world) { world.change(1); });
                           w.task("evictor", [](auto& world) { world.crowd(0, 1); });
                         }));
  all.push_back(scenario("eviction", "families that go and come again while they are invalidated", 2, 3,
                         {.max_entries = 1}, [narrow](CacheWorld& w) {
                           w.task("loader", [](auto& world) {
                             world.read(0);
                             world.read(0);
                           });
                           w.task("invalidator", [narrow](auto& world) { world.change_family({0, 1, 2}, narrow); });
                           w.task("evictor", [](auto& world) { world.crowd(0, 2); });
                         }));
  all.push_back(scenario("growth", "a reader while the table grows", 2, 3, {.max_entries = 100}, [](CacheWorld& w) {
    w.read(0);
    w.crowd(100, 7);  // eight entries: the table of two groups grows with the ninth
    w.task("reader", [](auto& world) { world.read(0, 1); });
    w.task("grower", [](auto& world) { world.crowd(0, 1); });
    w.task("invalidator", [](auto& world) { world.change(0); });
  }));
  all.push_back(scenario("clear", "all is dropped, and swept", 2, 3, {.max_entries = 2}, [](CacheWorld& w) {
    w.read(1);
    w.task("loader-1", [](auto& world) { world.read(0); });
    w.task("loader-2", [](auto& world) { world.read(1); });
    w.task("clear", [](auto& world) { world.clear(); });
    w.task("sweep", [](auto& world) { world.sweep(); });
  }));
  all.push_back(scenario("failing", "a loader that throws", 2, 4, {.loads_may_repeat = true}, [](CacheWorld& w) {
    w.let_next_load_fail(0);
    w.task("loader-1", [](auto& world) { world.read(0); });
    w.task("loader-2", [](auto& world) { world.read(0); });
    w.task("invalidator", [](auto& world) { world.change(0); });
  }));
  all.push_back(scenario("deadline", "readers who wait no longer than the deadline", 2, 3, {.loads_may_repeat = true},
                         [](CacheWorld& w) {
                           w.task("loader-1", [](auto& world) { world.read(0); });
                           w.task("loader-2", [](auto& world) {
                             world.read(0);
                             world.read(0);
                           });
                           w.task("invalidator", [](auto& world) { world.change(0); });
                         }));
  all.back().time_may_pass = true;
  all.push_back(scenario("refresh", "a value that is loaded anew before it expires", 2, 3,
                         {.refresh_ahead = 30min, .loads_may_repeat = true}, [](CacheWorld& w) {
                           w.read(0);
                           w.task("loader-1", [](auto& world) { world.read(0); });
                           w.task("loader-2", [](auto& world) { world.read(0); });
                           w.task("invalidator", [](auto& world) { world.change(0); });
                           w.task("time", [](auto& world) {
                             world.pass_time(45min);
                             world.pass_time(30min);
                           });
                         }));
  all.push_back(scenario("full", "2 loaders, 2 invalidators and an evictor, with room for two entries", 1, 2,
                         {.max_entries = 2}, [wide](CacheWorld& w) {
                           w.task("loader-1", [](auto& world) {
                             world.read(0);
                             world.read(0);
                           });
                           w.task("loader-2", [](auto& world) { world.read(0); });
                           w.task("key", [](auto& world) { world.change(0); });
                           w.task("family", [wide](auto& world) { world.change_family({0, 1, 2}, wide); });
                           w.task("evictor", [](auto& world) { world.crowd(0, 2); });
                         }));
  return all;
}

}  // namespace

const std::vector<CacheScenario>& cache_scenarios() {
  static const std::vector<CacheScenario> all = [] {
    // A record for each task, before any of them runs: the list of records is then complete.
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < kMaxTasks; ++i)
      tasks.push_back({"task", [i] { readers()[i] = &detail::epoch::this_reader(); }});
    struct Usual : Chooser {
      std::uint32_t choose(const Decision& decision) override { return decision.usual; }
    } usual;
    if (run(tasks, {}, usual).failure) std::abort();
    readers()[kMaxTasks] = &detail::epoch::this_reader();
    for (std::size_t i = 0; i < readers().size(); ++i)
      register_unguarded(&readers()[i]->epoch, "the epoch of reader " + std::to_string(i));
    return all_scenarios();
  }();
  return all;
}

const CacheScenario* find_scenario(std::string_view name) {
  for (const auto& scenario : cache_scenarios())
    if (scenario.name == name) return &scenario;
  return nullptr;
}

}  // namespace watchbell::cache::explore
