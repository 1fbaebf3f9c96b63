// Processes of one database on one loop and a clock moved by hand: who does what, one promise a test, and then a play of joins, deaths and freezes.
#include "runtime/workers/workers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <random>

#include "runtime/workers/test/steady_world.hpp"
#include "runtime/workers/test/ticker.hpp"

namespace watchbell::workers {
namespace {

using namespace std::chrono_literals;
using test::kKind;
using test::kShards;
using test::Seen;

const sql::MigrationSet kFires{.name = "fires", .migrations = {{.file = "0001_fires.sql", .sql = test::kTables}}};

struct Place : test::SteadyWorld {
  explicit Place(async::Loop& l) : SteadyWorld(l, {&kFires}) {}
  Seen seen;
};

/// A process at work. Its timers stand still while it is frozen; one that was killed is frozen for good.
struct Process {
  explicit Process(Place& p, Workers::Options options = {}, std::uint64_t seed = 1) : place(p), wheel(p.loop.executor(), p.clock, async::TimerWheel::Drive::manual) {
    place.clock.attach(wheel);
    workers.emplace(wheel, *place.database, on_fault(), std::move(options));
    ticker.emplace(wheel, *place.database, *workers, on_fault(), place.seen, 1s, seed);
    workers->on_ready([this] { ++readies; });
  }
  ~Process() { place.clock.detach(wheel); }
  async::TaskScope::OnFault on_fault() {
    return [this](std::string_view where, std::exception_ptr) { faults.emplace_back(where); };
  }
  awaitable<void> start() {
    workers->start();
    co_await place.elapse_until([this] { return workers->ready().has_value(); });
  }
  std::size_t owned() const { return workers->owned(kKind).size(); }
  void freeze() { place.clock.detach(wheel); }
  void thaw() {
    place.clock.attach(wheel);
    wheel.poll();
  }
  awaitable<void> close() {
    co_await ticker->stop();
    co_await workers->stop();
    EXPECT_TRUE(faults.empty());
  }

  Place& place;
  async::TimerWheel wheel;
  std::vector<std::string> faults;
  std::optional<Workers> workers;
  std::optional<test::Ticker> ticker;
  int readies = 0;
};

/// No shard is worked on by two of them.
void expect_apart(std::initializer_list<const Process*> processes) {
  std::set<int> all;
  for (const auto* process : processes)
    for (const auto number : process->workers->owned(kKind)) EXPECT_TRUE(all.insert(number).second) << "shard " << number << " is two processes'";
}

CO_TEST(Workers, shards_are_shared_out_evenly_as_processes_come_and_go) {
  Place place(loop);
  Process a(place), b(place, {}, 2), c(place, {}, 3);
  co_await a.start();
  co_await place.elapse_until([&] { return a.owned() == kShards; });
  co_await b.start();
  auto began = place.clock.boot();
  co_await place.elapse_until([&] {
    expect_apart({&a, &b});
    return a.owned() == 16 && b.owned() == 16;
  });
  EXPECT_LE(place.clock.boot() - began, 4s) << "a run of the test lasts up to 1.5 s, and each looks every half second";
  co_await c.start();
  co_await place.elapse_until([&] {
    expect_apart({&a, &b, &c});
    return a.owned() == 11 && b.owned() + c.owned() == 21;
  });
  EXPECT_LE(b.owned(), 11u);
  EXPECT_LE(c.owned(), 11u);
  co_await place.elapse(3s);
  EXPECT_EQ(a.owned(), 11u) << "and stay so";
  EXPECT_EQ(b.owned() + c.owned(), 21u);
  began = place.clock.boot();
  co_await b.close();
  co_await place.elapse_until([&] { return a.owned() == 16 && c.owned() == 16; });
  EXPECT_LE(place.clock.boot() - began, 1s) << "who stops leaves";
  EXPECT_EQ(a.workers->statistics().struck + c.workers->statistics().struck, 0u);
  co_await a.close();
  co_await c.close();
  EXPECT_EQ(co_await place.count("workers"), 0);
  EXPECT_EQ(co_await place.count("shards where owner is not null"), 0);
  co_await place.database->close();
}

CO_TEST(Workers, Q_15_the_work_of_a_process_that_died_is_another_s_within_five_seconds) {
  for (int late = 0; late < 5; ++late) {
    Place place(loop);
    Process a(place), b(place, {}, 2);
    co_await a.start();
    co_await b.start();
    co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
    co_await place.elapse(late * 100ms);  // at any time since its last beat
    a.freeze();
    const auto died = place.clock.boot();
    co_await place.elapse_until([&] { return b.owned() == kShards; });
    EXPECT_GE(place.clock.boot() - died, 2s) << "not while it may begin something";
    EXPECT_LE(place.clock.boot() - died, 4s);
    const auto tick = place.clock.now().micros() / 1'000'000;
    const auto all_fired = [&] {
      for (int shard = 0; shard < kShards; ++shard)
        if (!place.seen.begun.contains({shard, tick}) && !place.seen.begun.contains({shard, tick + 1})) return false;
      return true;
    };
    co_await place.elapse_until(all_fired);
    EXPECT_LE(place.clock.boot() - died, 5s);
    EXPECT_EQ(b.workers->statistics().struck, 1u);
    EXPECT_EQ(co_await place.count("workers"), 1);
    co_await a.close();
    co_await b.close();
    co_await place.database->close();
  }
}

CO_TEST(Workers, Q_11_who_stood_still_begins_nothing_and_what_it_had_begun_is_not_written) {
  Place place(loop);
  Process a(place), b(place, {}, 2);
  co_await a.start();
  co_await b.start();
  co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
  a.ticker->hold = true;
  co_await place.elapse_until([&] { return a.ticker->under_way() >= 16; });
  const auto shards = a.workers->owned(kKind);
  const auto was = a.workers->ready();
  const auto right = a.workers->may_begin(kKind, shards.front());
  CO_ASSERT_TRUE(right.has_value());
  a.freeze();
  co_await place.elapse(2400ms);
  EXPECT_EQ(b.owned(), 16u) << "it may have begun something by now";
  co_await place.elapse_until([&] { return b.owned() == kShards; });
  // The first thing it does, before any of its timers.
  EXPECT_FALSE(a.workers->ready());
  EXPECT_FALSE(a.workers->may_begin(kKind, shards.front()));
  EXPECT_EQ(a.owned(), 16u) << "it has not heard of anything";
  const auto written = a.ticker->written;
  a.ticker->let_go();
  a.thaw();
  co_await place.elapse_until([&] { return a.workers->ready() && a.owned() == 16; });
  EXPECT_GE(a.ticker->refused, 16u);
  EXPECT_NE(a.workers->ready(), was) << "it began anew";
  EXPECT_EQ(a.ticker->lost, 16u);
  // Not even where the shard is its own again: others were at work on it in between.
  const auto confirmed = co_await place.database->write([&](sql::Session& session) { return a.workers->confirms(session, *right); });
  EXPECT_EQ(confirmed.value(), false);
  EXPECT_GE(a.ticker->written, written);
  EXPECT_EQ(co_await place.count("(select shard from fires group by shard, tick having count(*) > 1) as twice"), 0);
  co_await a.close();
  co_await b.close();
  co_await place.database->close();
}

CO_TEST(Workers, the_guard_of_the_lease_is_what_keeps_it_from_beginning) {
  Place place(loop);
  Process a(place, {.off = {"lease"}}), b(place, {}, 2);
  co_await a.start();
  co_await b.start();
  co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
  const auto shard = a.workers->owned(kKind).front();
  a.freeze();
  co_await place.elapse_until([&] { return b.owned() == kShards; });
  EXPECT_TRUE(a.workers->may_begin(kKind, shard)) << "as does the other";
  EXPECT_TRUE(b.workers->may_begin(kKind, shard));
  co_await a.close();
  co_await b.close();
  co_await place.database->close();
}

CO_TEST(Workers, the_guard_that_confirms_is_what_keeps_it_from_writing) {
  Place place(loop);
  Process a(place, {.off = {"confirm"}}), b(place, {}, 2);
  co_await a.start();
  co_await b.start();
  co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
  const auto right = a.workers->may_begin(kKind, a.workers->owned(kKind).front());
  CO_ASSERT_TRUE(right.has_value());
  a.freeze();
  co_await place.elapse_until([&] { return b.owned() == kShards; });
  const auto confirmed = co_await place.database->write([&](sql::Session& session) { return a.workers->confirms(session, *right); });
  EXPECT_EQ(confirmed.value(), true);
  co_await a.close();
  co_await b.close();
  co_await place.database->close();
}

CO_TEST(Workers, who_was_struck_off_although_it_lives_ends_all_and_begins_anew) {
  Place place(loop);
  Process a(place);
  co_await a.start();
  co_await place.elapse_until([&] { return a.owned() == kShards; });
  const auto was = a.workers->ready();
  static_cast<void>(co_await place.database->write([](sql::Session& session) { session.execute("delete from workers"); }));
  co_await place.elapse_until([&] { return a.workers->statistics().joins == 2 && a.owned() == kShards; });
  EXPECT_EQ(a.ticker->lost, static_cast<std::uint64_t>(kShards));
  EXPECT_NE(a.workers->ready(), was);
  EXPECT_EQ(a.readies, 2);
  co_await a.close();
  co_await place.database->close();
}

/// Keeps the database from whoever asks it meanwhile.
struct Away {
  explicit Away(Place& p) : place(p) {
    place.away = true;
    asio::co_spawn(place.loop.executor(), hold(*this, back.get_future()), [this](std::exception_ptr) { over = true; });
  }
  static awaitable<void> hold(Away& self, std::future<void> until) {
    auto shared = until.share();
    static_cast<void>(co_await self.place.database->write([shared](sql::Session&) { shared.wait(); }));
  }
  awaitable<void> end() {
    back.set_value();
    place.away = false;
    co_await place.until([this] { return over; });
  }
  Place& place;
  std::promise<void> back;
  bool over = false;
};

CO_TEST(Workers, who_is_not_answered_begins_nothing_and_goes_on_when_it_is) {
  Place place(loop);
  Process a(place);
  co_await a.start();
  co_await place.elapse_until([&] { return a.owned() == kShards; });
  const auto was = a.workers->ready();
  const auto since = a.workers->since();
  {
    Away away(place);
    co_await place.elapse(1900ms);
    EXPECT_TRUE(a.workers->ready());
    co_await place.elapse(700ms);
    EXPECT_FALSE(a.workers->ready());
    EXPECT_FALSE(a.workers->may_begin(kKind, 0));
    EXPECT_EQ(a.owned(), 32u) << "nobody has taken them";
    co_await away.end();
  }
  co_await place.elapse_until([&] { return a.workers->ready().has_value(); });
  EXPECT_EQ(a.workers->ready(), was) << "nobody took it for dead";
  EXPECT_EQ(a.workers->statistics().lapses, 1u);
  EXPECT_EQ(a.readies, 2);
  EXPECT_EQ(a.ticker->lost, 0u);
  EXPECT_EQ(a.workers->since(), since);
  // So long that nobody can have worked at all.
  {
    Away away(place);
    co_await place.elapse(20s);
    co_await away.end();
  }
  co_await place.elapse_until([&] { return a.workers->ready().has_value(); });
  EXPECT_GE(a.workers->since() - since, 20s);
  co_await a.close();
  co_await place.database->close();
}

CO_TEST(Workers, what_is_given_back_is_nobody_s_until_nothing_of_it_is_under_way) {
  Place place(loop);
  Process a(place), b(place, {}, 2);
  co_await a.start();
  co_await place.elapse_until([&] { return a.owned() == kShards; });
  a.ticker->hold = true;
  co_await place.elapse_until([&] { return a.ticker->under_way() >= kShards; });
  co_await b.start();
  co_await place.elapse(4s);
  EXPECT_EQ(a.owned(), 16u);
  EXPECT_EQ(b.owned(), 0u);
  EXPECT_EQ(co_await place.count("shards where owner is null"), 0);
  a.ticker->let_go();
  co_await place.elapse_until([&] { return b.owned() == 16; });
  EXPECT_EQ(a.ticker->refused, 0u);
  EXPECT_EQ(place.seen.twice(), 0);
  co_await a.close();
  co_await b.close();
  co_await place.database->close();
}

CO_TEST(Workers, who_retires_gives_all_back_and_is_still_there) {
  Place place(loop);
  Process a(place), b(place, {}, 2);
  co_await a.start();
  co_await b.start();
  co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
  bool retired = false;
  asio::co_spawn(loop.executor(), a.workers->retire(10s), [&](std::exception_ptr) { retired = true; });
  const auto began = place.clock.boot();
  co_await place.elapse_until([&] { return retired && b.owned() == kShards; });
  EXPECT_LE(place.clock.boot() - began, 3s);
  co_await place.elapse(5s);
  EXPECT_EQ(a.owned(), 0u);
  EXPECT_TRUE(a.workers->ready()) << "what is no shard's goes on";
  EXPECT_EQ(co_await place.count("workers"), 2);
  EXPECT_EQ(place.seen.twice(), 0);
  co_await a.close();
  co_await b.close();
  co_await place.database->close();
}

CO_TEST(Workers, since_when_somebody_is_at_work_is_the_same_for_all) {
  Place place(loop);
  Timestamp first;
  {
    Process a(place), b(place, {}, 2);
    co_await a.start();
    first = a.workers->since();
    co_await place.elapse(1min);
    co_await b.start();
    EXPECT_EQ(b.workers->since(), first);
    co_await a.close();
    a.freeze();
    co_await place.elapse(1min);
    // Who follows within seconds follows without a pause, even upon one that was killed.
    b.freeze();
    co_await place.elapse(5s);
    Process c(place, {}, 3);
    co_await c.start();
    EXPECT_EQ(c.workers->since(), first);
    co_await place.elapse_until([&] { return c.owned() == kShards; });
    c.freeze();
    co_await place.elapse(11s);
    Process d(place, {}, 4);
    co_await d.start();
    EXPECT_GE(d.workers->since() - first, 2min);
    co_await b.close();
    co_await c.close();
    co_await d.close();
  }
  co_await place.database->close();
}

CO_TEST(Workers, a_claim_and_a_release_whose_answers_were_lost_are_found_out) {
  Place place(loop);
  Process a(place), b(place, {}, 2);
  co_await a.start();
  co_await b.start();
  co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
  const auto one = a.workers->owned(kKind).front();
  const auto other = b.workers->owned(kKind).front();
  const auto give = [&](int number, std::string to) {
    return place.database->write([number, to](sql::Session& session) { session.execute("update shards set owner = :2 where number = :1", number, to); });
  };
  static_cast<void>(co_await give(one, b.workers->ready()->to_string()));
  co_await place.elapse(600ms);
  EXPECT_EQ(a.ticker->lost, 1u);
  co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
  expect_apart({&a, &b});
  static_cast<void>(co_await give(other, a.workers->ready()->to_string()));
  co_await place.elapse(600ms);
  EXPECT_EQ(b.ticker->lost, 1u);
  co_await place.elapse_until([&] { return a.owned() == 16 && b.owned() == 16; });
  expect_apart({&a, &b});
  co_await a.close();
  co_await b.close();
  co_await place.database->close();
}

/// Joins, orderly ends, and where wanted deaths and freezes, drawn from one seed.
struct Play {
  Play(Place& p, std::uint64_t s) : place(p), random(s) {}
  std::size_t draw(std::size_t below) { return static_cast<std::size_t>(random() % below); }
  bool one_in(std::size_t many) { return draw(many) == 0; }

  awaitable<void> join() {
    live.push_back(std::make_unique<Process>(place, Workers::Options(), random()));
    live.back()->workers->start();
    co_return;
  }
  /// The one that is drawn, and no longer among the live. Never the first: somebody is always at work.
  std::unique_ptr<Process> take() {
    const auto at = live.begin() + static_cast<std::ptrdiff_t>(1 + draw(live.size() - 1));
    auto process = std::move(*at);
    live.erase(at);
    return process;
  }
  awaitable<void> step(bool with_faults) {
    switch (draw(with_faults ? 5 : 2)) {
      case 0:
        if (live.size() < 5) co_await join();
        break;
      case 1:
        if (live.size() > 1) {
          const auto process = take();
          co_await leave(*process);
        }
        break;
      case 2:
        if (live.size() > 1) dead.push_back(take()), dead.back()->freeze(), ++faults;
        break;
      case 3:
        if (live.size() > 1) frozen.push_back(take()), frozen.back()->freeze(), ++faults;
        break;
      default:
        if (!frozen.empty()) {
          live.push_back(std::move(frozen.front()));
          frozen.erase(frozen.begin());
          live.back()->thaw();
        }
    }
  }
  awaitable<void> leave(Process& process) {
    bool retired = false;
    asio::co_spawn(place.loop.executor(), process.workers->retire(10s), [&](std::exception_ptr) { retired = true; });
    co_await place.elapse_until([&] { return retired; });
    co_await process.close();
  }
  awaitable<void> close() {
    for (auto* all : {&live, &frozen, &dead})
      for (auto& process : *all) co_await process->close();
    live.clear();
    frozen.clear();
    dead.clear();
  }

  Place& place;
  Random random;
  std::vector<std::unique_ptr<Process>> live, frozen, dead;
  std::size_t faults = 0;
};

awaitable<void> expect_calm(Place& place, Play& play) {
  co_await place.elapse_until([&] {
    std::size_t sum = 0;
    for (const auto& process : play.live) sum += process->owned();
    return sum == kShards;
  });
  co_await place.elapse(3s);
  const auto before = place.clock.now().micros() / 1'000'000;
  co_await place.elapse(4s);
  for (int shard = 0; shard < kShards; ++shard)
    for (const auto tick : {before + 1, before + 2}) EXPECT_EQ((place.seen.begun[{shard, tick}]), 1) << "shard " << shard;
}

CO_TEST(Workers, Q_11_no_tick_fires_twice_over_joins_deaths_and_freezes) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Place place(loop);
  Play play(place, seed);
  co_await play.join();
  co_await play.join();
  for (int step = 0; step < 25; ++step) {
    co_await play.step(true);
    co_await place.elapse(std::chrono::milliseconds(play.draw(play.one_in(3) ? 6000 : 1500)));
  }
  co_await expect_calm(place, play);
  EXPECT_EQ(co_await place.count("(select shard from fires group by shard, tick having count(*) > 1) as twice"), 0) << "seed " << seed;
  // What a fault interrupted may be begun once more.
  EXPECT_LE(place.seen.twice(), static_cast<std::int64_t>(play.faults) * kShards) << "seed " << seed;
  co_await play.close();
  co_await place.database->close();
}

CO_TEST(Workers, Q_11_no_tick_is_begun_twice_while_processes_come_and_go_in_order) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Place place(loop);
  Play play(place, seed);
  co_await play.join();
  for (int step = 0; step < 25; ++step) {
    co_await play.step(false);
    co_await place.elapse(std::chrono::milliseconds(play.draw(2500)));
  }
  co_await expect_calm(place, play);
  EXPECT_EQ(place.seen.twice(), 0) << "seed " << seed;
  EXPECT_EQ(co_await place.count("(select shard from fires group by shard, tick having count(*) > 1) as twice"), 0) << "seed " << seed;
  for (const auto& process : play.live) EXPECT_EQ(process->ticker->refused, 0u);
  co_await play.close();
  co_await place.database->close();
}

}  // namespace
}  // namespace watchbell::workers
