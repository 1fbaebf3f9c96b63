#include <sqlite3.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "runtime/coherence/scope.hpp"
#include "runtime/test/held_read.hpp"
#include "runtime/test/runtime_fixture.hpp"
#include "tests/support/ticking_clock.hpp"

namespace watchbell {

struct CountOut {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(CountOut, (), (count))
struct Payload {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Payload, (), (count))

namespace {

using namespace std::chrono_literals;
using test::RuntimeFixture;

const sql::MigrationSet kTable{"t", {{"0001_t.sql", "create table t (n integer not null)"}}};
constexpr signals::Definition<Payload> kChanged{"t.changed"};

std::int64_t rows(sql::Session& session) { return session.one<std::int64_t>("select count(*) from t").value(); }

/// What one change does to `t` and what it names.
struct Fixture : RuntimeFixture {
  explicit Fixture(async::Loop& l, test::Storage storage = test::Storage::file) : RuntimeFixture(l, {&kTable}, storage), scope_of_t(cache, *database, "t", 15s) {}
  coherence::Scope scope_of_t;
  std::atomic<int> loads = 0;
  int jobs_run = 0;

  awaitable<std::int64_t> count() {
    const auto value = co_await scope_of_t.read<std::int64_t>(cache::Key("count"), [this](sql::Session& session) {
      ++loads;
      return rows(session);
    });
    co_return *value.value();
  }
  /// Everything a change can do, in this transaction.
  void act(Change& change) {
    change.sql().execute("insert into t values (1)");
    change.invalidates(scope_of_t.key(cache::Key("count")));
    change.announces(signals::to_user(kChanged, UserId(), Payload{rows(change.sql())}));
  }
  void act_with_job(Change& change) {
    act(change);
    EXPECT_TRUE(change.enqueues({.queue = "q", .payload = "{}", .dedupe_id = {}, .correlation_id = {}}));
  }
  awaitable<Result<std::int64_t>> add(bool refuse = false) {
    co_return co_await changes->run([this, refuse](Change& change) -> Result<std::int64_t> {
      act(change);
      if (refuse) return fail(ErrorCode::conflict, "no");
      return rows(change.sql());
    });
  }
  awaitable<void> run_jobs() {
    EXPECT_TRUE(queue->consume("q", "c", [this](const jobs::Job&) -> awaitable<jobs::Outcome> { return job(*this); }));
    co_await queue->start();
  }
  static awaitable<jobs::Outcome> job(Fixture& self) {
    ++self.jobs_run;
    co_return jobs::Outcome::done();
  }
  /// A page of the user the signals go to.
  awaitable<void> open(std::shared_ptr<http::WebSocket> socket) {
    access::Principal user;
    user.kind = access::Principal::Kind::user;
    const auto before = hub->statistics().user_sockets;
    scope.spawn("socket", hub->serve(std::move(socket), std::make_shared<const access::Principal>(user), identity, UserId().to_string(), "x"));
    co_await until([&] { return hub->statistics().user_sockets == before + 1; });
  }
  awaitable<std::shared_ptr<test::FakeSocket>> open() {
    const auto socket = std::make_shared<test::FakeSocket>(loop.executor());
    co_await open(socket);
    co_await until([&] { return socket->sent.size() == 1; });
    socket->sent.clear();
    co_return socket;
  }
  awaitable<std::int64_t> job_rows() {
    const auto n = co_await database->read([](sql::Session& session) { return session.one<std::int64_t>("select count(*) from jobs").value(); });
    co_return n.value();
  }
};

awaitable<void> count_into(Fixture& f, std::optional<std::int64_t>& into) { into = co_await f.count(); }

/// A socket that does something the moment a signal reaches it.
class Listener final : public http::WebSocket {
 public:
  Listener(Executor executor, std::function<void()> on_signal) : event_(executor), on_signal_(std::move(on_signal)) {}
  awaitable<std::optional<std::string>> read() override {
    while (true) co_await event_.wait();
  }
  void send(std::shared_ptr<const std::string> text) override {
    if (text->find("t.changed") != std::string::npos) on_signal_();
  }
  void hold(std::string_view begin, std::string_view rest) override { send(std::make_shared<const std::string>(std::string(begin).append(rest))); }
  void flush() override {}
  void close(std::uint16_t, std::string) override {}
  bool open() const noexcept override { return true; }
  std::string_view peer_address() const noexcept override { return "x"; }

 private:
  async::Event event_;
  std::function<void()> on_signal_;
};

/// Meets the next COMMIT of a writer: holds it before anything of it is durable, or makes it fail. Outlives the connections.
class AtCommit {
 public:
  /// In the function of a change.
  void meet(sql::Session& session) {
    met_ = false;
    sqlite3_commit_hook(static_cast<sqlite3*>(session.connection().native_handle_for_test()), &hook, this);
  }
  void open() { go_.set_value(); }
  std::atomic<bool> hold = false;
  std::atomic<bool> refuse = false;
  std::atomic<bool> held = false;

 private:
  static int hook(void* of) {
    auto& self = *static_cast<AtCommit*>(of);
    if (std::exchange(self.met_, true)) return 0;
    if (self.hold) {
      self.held = true;
      self.go_.get_future().wait();
    }
    return self.refuse ? 1 : 0;
  }
  bool met_ = false;  // on the writer's thread
  std::promise<void> go_;
};

CO_TEST(Change, C_1_a_read_after_a_change_returned_sees_it) {
  Fixture f(loop);
  for (std::int64_t n = 0; n < 20; ++n) {
    EXPECT_EQ(co_await f.count(), n);
    EXPECT_EQ(co_await f.count(), n);
    EXPECT_TRUE(co_await f.add());
  }
  EXPECT_EQ(f.loads, 20);
  co_await f.close();
}

awaitable<void> write_many(Fixture& f, int changes, std::int64_t& returned, int& running) {
  for (int i = 0; i < changes; ++i) {
    const auto n = co_await f.add();
    EXPECT_TRUE(n);
    returned = std::max(returned, n.value());
  }
  --running;
}
awaitable<void> read_until(Fixture& f, const std::int64_t& returned, const int& running, int& readers) {
  while (running > 0) {
    const auto at_least = returned;
    const auto seen = co_await f.count();
    EXPECT_GE(seen, at_least);
    if (seen < at_least) break;
    co_await asio::post(f.loop.executor(), use_awaitable);
  }
  --readers;
}

CO_TEST(Change, C_1_no_reader_among_many_writers_sees_less_than_what_has_returned) {
  Fixture f(loop);
  std::int64_t returned = 0;
  int writers = 4, readers = 6;
  for (int i = 0; i < 4; ++i) f.scope.spawn("writer", write_many(f, 100, returned, writers));
  for (int i = 0; i < 6; ++i) f.scope.spawn("reader", read_until(f, returned, writers, readers));
  co_await f.until([&] { return writers == 0 && readers == 0; });
  EXPECT_EQ(co_await f.count(), 400);
  co_await f.close();
}

CO_TEST(Change, C_2_a_load_that_a_change_overtakes_is_not_kept) {
  for (const bool read_meanwhile : {false, true}) {
    Fixture f(loop);
    test::HeldRead held(loop, *f.database);
    co_await held.arm();
    std::optional<std::int64_t> early;
    f.scope.spawn("load", count_into(f, early));
    co_await held.entered();
    EXPECT_TRUE(co_await f.add());
    // Neither joins the load from before, on another reader.
    if (read_meanwhile) EXPECT_EQ(co_await f.count(), 1);
    EXPECT_FALSE(early);
    held.release();
    co_await f.until([&] { return early.has_value(); });
    EXPECT_EQ(early, 0) << "it saw the change: nothing was raced";
    EXPECT_EQ(f.cache.snapshot().discarded.invalidated, 1u);
    EXPECT_EQ(co_await f.count(), 1);
    EXPECT_EQ(f.loads, 2);
    co_await f.close();
  }
}

CO_TEST(Change, C_5_rows_that_are_not_committed_are_read_by_their_change_alone) {
  struct Write {
    static awaitable<void> run(Fixture& f, bool refuse, std::atomic<bool>& written, std::promise<void>& go, std::int64_t& own, bool& done) {
      const auto result = co_await f.changes->run([&](Change& change) -> Result<void> {
        f.act(change);
        own = rows(change.sql());
        written = true;
        go.get_future().wait();
        if (refuse) return fail(ErrorCode::conflict, "no");
        return {};
      });
      EXPECT_EQ(result.has_value(), !refuse);
      done = true;
    }
  };
  for (const bool refuse : {true, false}) {
    for (const bool warm : {false, true}) {
      SCOPED_TRACE(testing::Message() << "refuse " << refuse << ", warm " << warm);
      Fixture f(loop);
      const cache::CachedScope entries(f.cache, "t");
      const auto kept = [&]() -> std::optional<std::int64_t> {
        const auto entry = entries.find<Result<std::int64_t>>(cache::Key("count"));
        if (entry == nullptr) return std::nullopt;
        return entry->value();
      };
      if (warm) EXPECT_EQ(co_await f.count(), 0);
      std::promise<void> go;
      std::atomic<bool> written = false;
      std::int64_t own = 0;
      bool done = false;
      f.scope.spawn("change", Write::run(f, refuse, written, go, own, done));
      co_await f.until([&] { return written.load(); });
      // It has read past what the cache holds, and has left nothing there.
      EXPECT_EQ(own, 1);
      EXPECT_EQ(kept(), warm ? std::optional<std::int64_t>(0) : std::nullopt);
      // What is loaded beside it is the state before, and that is what is kept.
      EXPECT_EQ(co_await f.count(), 0);
      EXPECT_EQ(kept(), 0);
      EXPECT_EQ(f.loads, 1);
      EXPECT_FALSE(done);
      go.set_value();
      co_await f.until([&] { return done; });
      EXPECT_EQ(kept(), refuse ? std::optional<std::int64_t>(0) : std::nullopt);
      EXPECT_EQ(co_await f.count(), refuse ? 0 : 1);
      EXPECT_EQ(f.loads, refuse ? 1 : 2);
      co_await f.close();
    }
  }
}

CO_TEST(Change, C_11_a_refused_change_drops_and_says_nothing) {
  Fixture f(loop);
  const auto socket = co_await f.open();
  EXPECT_EQ(co_await f.count(), 0);
  EXPECT_FALSE(co_await f.add(true));
  EXPECT_EQ(co_await f.count(), 0);
  EXPECT_EQ(f.loads, 1);
  EXPECT_TRUE(socket->sent.empty());
  EXPECT_TRUE(co_await f.add());
  EXPECT_EQ(socket->sent.size(), 1u);
  co_await f.close();
}

/// Runs the change of the test whose job this is, which ends the job by its own commit.
awaitable<jobs::Outcome> ended_by_a_change(Fixture& f, jobs::Job job, async::Event& go, std::atomic<int>& runs) {
  ++f.jobs_run;
  co_await go.wait();
  const auto done = co_await f.changes->run([&f, &runs, job](Change& change) {
    ++runs;
    f.act(change);
    return change.ends(job, jobs::Outcome::done());
  });
  co_return done ? jobs::Outcome::done().as_written() : jobs::Outcome::retry("no");
}

CO_TEST(Change, C_11_those_written_together_with_one_that_is_refused_run_twice_and_have_done_it_once) {
  Fixture f(loop);
  async::Event go(loop.executor());
  std::atomic<int> runs = 0;
  std::atomic<int> refused = 0;
  EXPECT_TRUE(f.queue->consume("q", "c", [&](const jobs::Job& job) { return ended_by_a_change(f, job, go, runs); }));
  co_await f.queue->start();
  const auto socket = co_await f.open();
  EXPECT_TRUE(co_await f.changes->run([](Change& change) { EXPECT_TRUE(change.enqueues({.queue = "q", .payload = "{}", .dedupe_id = {}, .correlation_id = {}})); }));
  co_await f.until([&] { return f.jobs_run == 1; });
  // While a commit is held, what is to be written waits, and is one group then.
  AtCommit commit;
  commit.hold = true;
  f.scope.spawn("before", [](Fixture& with, AtCommit& at) -> awaitable<void> {
    static_cast<void>(co_await with.database->write([&at](sql::Session& session) {
      at.meet(session);
      session.execute("insert into t values (7)");
    }));
  }(f, commit));
  co_await f.until([&] { return commit.held.load(); });
  go.notify_all();
  co_await f.until([&] { return f.database->waiting() == 1; });
  std::optional<bool> kept;
  f.scope.spawn("refused", [](Fixture& with, std::atomic<int>& times, std::optional<bool>& out) -> awaitable<void> {
    const auto done = co_await with.changes->run([&with, &times](Change& change) -> Result<void> {
      ++times;
      with.act(change);
      return fail(ErrorCode::conflict, "no");
    });
    out = done.has_value();
  }(f, refused, kept));
  co_await f.until([&] { return f.database->waiting() == 2; });
  commit.open();
  co_await f.until([&] { return kept.has_value() && f.queue->statistics().running == 0; });
  EXPECT_EQ(kept, false);
  EXPECT_EQ(runs, 2) << "without savepoints at first, and again with them";
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(co_await f.count(), 2) << "the one before, and the survivor's once";
  EXPECT_EQ(socket->sent.size(), 1u);
  EXPECT_EQ(co_await f.job_rows(), 0);
  EXPECT_EQ(f.queue->statistics().done, 1u);
  EXPECT_EQ(f.jobs_run, 1);
  EXPECT_TRUE(f.faults.empty());
  co_await f.close();
}

CO_TEST(Change, S_7_who_refetches_on_a_signal_sees_the_change) {
  Fixture f(loop);
  std::vector<std::optional<std::int64_t>> seen(20);
  std::size_t signals = 0;
  const auto page = std::make_shared<Listener>(loop.executor(), [&] { f.scope.spawn("fetch", count_into(f, seen.at(signals++))); });
  co_await f.open(page);
  for (std::size_t n = 0; n < seen.size(); ++n) {
    // A load from before holds a reader, so that the page reads on another, and ends after the page's.
    test::HeldRead held(loop, *f.database);
    co_await held.arm();
    std::optional<std::int64_t> early;
    f.scope.spawn("load", count_into(f, early));
    co_await held.entered();
    EXPECT_TRUE(co_await f.add());
    CO_ASSERT_EQ(signals, n + 1);
    co_await f.until([&] { return seen[n].has_value(); });
    EXPECT_EQ(seen[n], n + 1);
    held.release();
    co_await f.until([&] { return early.has_value(); });
    EXPECT_EQ(early, n);
    EXPECT_EQ(co_await f.count(), static_cast<std::int64_t>(n) + 1);
    // The next round begins with a load.
    f.cache.clear();
  }
  co_await f.close();
}

CO_TEST(Change, N_1_write_then_drop_then_signal) {
  AtCommit commit;
  commit.hold = true;
  Fixture f(loop);
  const cache::CachedScope entries(f.cache, "t");
  const auto kept = [&] { return entries.find<Result<std::int64_t>>(cache::Key("count")) != nullptr; };
  std::int64_t told = 0;
  bool kept_when_told = true;
  std::optional<std::int64_t> stored_when_told;
  struct Look {
    static awaitable<void> run(Fixture& fixture, std::optional<std::int64_t>& into) { into = (co_await fixture.database->read(rows)).value(); }
  };
  const auto witness = std::make_shared<Listener>(loop.executor(), [&] {
    ++told;
    kept_when_told = kept();
    f.scope.spawn("look", Look::run(f, stored_when_told));  // past the cache, on a reader
  });
  co_await f.open(witness);
  EXPECT_EQ(co_await f.count(), 0);
  bool returned = false;
  struct Write {
    static awaitable<void> run(Fixture& fixture, AtCommit& at, bool& done) {
      const auto result = co_await fixture.changes->run([&](Change& change) {
        fixture.act(change);
        at.meet(change.sql());
      });
      EXPECT_TRUE(result);
      done = true;
    }
  };
  f.scope.spawn("change", Write::run(f, commit, returned));
  co_await f.until([&] { return commit.held.load(); });
  // f has ended and COMMIT has not: nothing was dropped or said, and others read the state before.
  for (int turn = 0; turn < 100; ++turn) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(told, 0);
  EXPECT_TRUE(kept());
  EXPECT_EQ((co_await f.database->read(rows)).value(), 0);
  EXPECT_FALSE(returned);
  commit.open();
  co_await f.until([&] { return returned; });
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(kept_when_told);
  co_await f.until([&] { return stored_when_told.has_value(); });
  EXPECT_EQ(stored_when_told, 1);
  co_await f.close();
}

CO_TEST(Change, cancelling_the_caller_once_it_has_begun_changes_nothing) {
  Fixture f(loop);
  co_await f.run_jobs();
  const auto socket = co_await f.open();
  EXPECT_EQ(co_await f.count(), 0);
  std::promise<void> go;
  std::atomic<bool> begun = false;
  asio::cancellation_signal cancel;
  bool ended = false;
  struct Caller {
    static awaitable<void> run(Fixture& fixture, std::atomic<bool>& began, std::promise<void>& gate) {
      EXPECT_TRUE(co_await fixture.changes->run([&](Change& change) {
        began = true;
        gate.get_future().wait();
        fixture.act_with_job(change);
      }));
    }
  };
  asio::co_spawn(loop.executor(), Caller::run(f, begun, go), asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ended = true; }));
  co_await f.until([&] { return begun.load(); });
  cancel.emit(asio::cancellation_type::terminal);
  go.set_value();
  co_await f.until([&] { return ended; });
  EXPECT_EQ(socket->sent.size(), 1u);
  EXPECT_EQ(co_await f.count(), 1);
  co_await f.until([&] { return f.jobs_run == 1; });
  co_await f.close();
}

CO_TEST(Change, C_11_a_change_that_throws_drops_and_says_nothing) {
  Fixture f(loop);
  co_await f.run_jobs();
  const auto socket = co_await f.open();
  EXPECT_EQ(co_await f.count(), 0);
  const std::vector<std::exception_ptr> faults{std::make_exception_ptr(std::runtime_error("boom")), std::make_exception_ptr(Fault("boom"))};
  for (const auto& fault : faults) {
    std::string thrown;
    try {
      static_cast<void>(co_await f.changes->run([&](Change& change) {
        f.act_with_job(change);
        std::rethrow_exception(fault);
      }));
    } catch (const std::exception& error) {
      thrown = error.what();
    }
    EXPECT_EQ(thrown, "boom");
    EXPECT_EQ(co_await f.count(), 0);
    EXPECT_EQ(f.loads, 1) << "the entry was dropped";
    EXPECT_TRUE(socket->sent.empty());
    EXPECT_EQ(co_await f.job_rows(), 0);
  }
  EXPECT_EQ(f.jobs_run, 0);
  co_await f.close();
}

CO_TEST(Change, C_11_a_commit_that_fails_drops_what_it_may_have_changed_and_says_nothing) {
  AtCommit commit;
  commit.refuse = true;
  Fixture f(loop);
  const auto socket = co_await f.open();
  EXPECT_EQ(co_await f.count(), 0);
  bool thrown = false;
  try {
    static_cast<void>(co_await f.changes->run([&](Change& change) {
      f.act_with_job(change);
      commit.meet(change.sql());
    }));
  } catch (const Fault&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  EXPECT_EQ(co_await f.count(), 0);
  EXPECT_EQ(f.loads, 2) << "the entry is still there";
  EXPECT_TRUE(socket->sent.empty());
  EXPECT_EQ(co_await f.job_rows(), 0);
  EXPECT_TRUE(co_await f.add());
  EXPECT_EQ(socket->sent.size(), 1u);
  co_await f.close();
}

CO_TEST(Change, jobs_wake_even_when_something_after_the_commit_throws) {
  bool broken = false;
  cache::CacheOptions options;
  options.pause_for_test = [&](std::string_view point) {
    if (broken && point == "invalidate.before") throw std::runtime_error("broken");
  };
  coherence::Memory cache(options);
  Fixture f(loop);
  co_await f.run_jobs();
  const coherence::Scope other(cache, *f.database, "other", 15s);
  broken = true;
  bool thrown = false;
  try {
    static_cast<void>(co_await f.changes->run([&](Change& change) {
      f.act_with_job(change);
      change.invalidates(other.all());
    }));
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  co_await f.until([&] { return f.jobs_run == 1; });
  co_await f.close();
}

/// How much of a running total is done at most between two turns of the loop.
struct Probe {
  static awaitable<void> run(async::Loop& loop, const std::int64_t& total, Probe& probe, const bool& stop) {
    while (!stop) {
      const auto before = total;
      co_await asio::post(loop.executor(), use_awaitable);
      probe.most = std::max(probe.most, total - before);
      ++probe.turns;
    }
  }
  std::int64_t most = 0;
  std::int64_t turns = 0;
};

/// A change of 100,000 targets and a signal, a small one beside it, and what happened in which order.
struct LargeChange {
  static constexpr std::int64_t kTargets = 100'000;
  static constexpr std::int64_t kItemsPerTurn = 200;  // 100 us at 10 us for every 16, and the last 16
  explicit LargeChange(async::Loop& loop) : f(loop) {
    cache::CacheOptions options;
    options.pause_for_test = [this](std::string_view point) { invalidated += point == "invalidate.before" ? 1 : 0; };
    cache = std::make_unique<coherence::Memory>(options);
    scope.emplace(*cache, *f.database, "t", 15s);
    hub = std::make_unique<signals::Hub>(wheel, f.scope, signals::Hub::Options{});
    changes = std::make_unique<Changes>(*f.database, clock, *f.queue, *f.bus, *hub);
  }
  awaitable<void> listen() {
    access::Principal user;
    user.kind = access::Principal::Kind::user;
    socket = std::make_shared<Listener>(f.loop.executor(), [this] { told_at.push_back(invalidated); });
    f.scope.spawn("socket", hub->serve(socket, std::make_shared<const access::Principal>(user), f.identity, UserId().to_string(), "x"));
    co_await f.until([&] { return hub->statistics().user_sockets == 1; });
  }
  static awaitable<void> run(LargeChange& self) {
    const auto result = co_await self.changes->run([&self](Change& change) {
      for (std::int64_t i = 0; i < kTargets; ++i) change.invalidates(self.scope->key(cache::Key("k", i)));
      self.f.act_with_job(change);
    });
    EXPECT_TRUE(result);
    self.returned_at = self.invalidated;
    self.done = true;
  }
  static awaitable<void> run_small(LargeChange& self) {
    const auto result = co_await self.changes->run([&self](Change& change) {
      change.invalidates(self.scope->key(cache::Key("small")));
      change.announces(signals::to_user(kChanged, UserId(), Payload{1}));
    });
    EXPECT_TRUE(result);
    self.small_returned_at = self.invalidated;
  }
  awaitable<void> close() {
    co_await f.close();
    hub.reset();
  }

  std::int64_t invalidated = 0;
  std::int64_t returned_at = -1;
  std::int64_t small_returned_at = -1;
  std::vector<std::int64_t> told_at;
  bool done = false;
  Fixture f;
  watchbell::test::TickingClock clock;
  async::TimerWheel wheel{f.loop.executor(), clock, async::TimerWheel::Drive::manual};
  std::unique_ptr<coherence::Memory> cache;
  std::optional<coherence::Scope> scope;
  std::unique_ptr<signals::Hub> hub;
  std::unique_ptr<Changes> changes;
  std::shared_ptr<Listener> socket;
};

CO_TEST(Change, a_hundred_thousand_invalidations_are_done_in_slices_before_the_first_signal) {
  LargeChange large(loop);
  co_await large.listen();
  Probe probe;
  large.f.scope.spawn("probe", Probe::run(loop, large.invalidated, probe, large.done));
  large.f.scope.spawn("large", LargeChange::run(large));
  co_await large.f.until([&] { return large.invalidated > 0; });
  EXPECT_LE(large.invalidated, LargeChange::kItemsPerTurn);
  // One that commits meanwhile neither waits for it nor speaks before it.
  large.f.scope.spawn("small", LargeChange::run_small(large));
  co_await large.f.until([&] { return large.done; });
  EXPECT_LE(probe.most, LargeChange::kItemsPerTurn);
  EXPECT_GE(probe.turns, LargeChange::kTargets / LargeChange::kItemsPerTurn);
  EXPECT_EQ(large.returned_at, LargeChange::kTargets + 1);
  EXPECT_GE(large.small_returned_at, 1);
  EXPECT_LT(large.small_returned_at, LargeChange::kTargets);
  EXPECT_EQ(large.told_at, (std::vector<std::int64_t>{large.returned_at, large.returned_at}));
  co_await large.close();
}

CO_TEST(Change, cancelling_the_caller_between_slices_changes_nothing) {
  LargeChange large(loop);
  co_await large.f.run_jobs();
  co_await large.listen();
  asio::cancellation_signal cancel;
  bool ended = false;
  asio::co_spawn(loop.executor(), LargeChange::run(large), asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ended = true; }));
  co_await large.f.until([&] { return large.invalidated > 0; });
  EXPECT_LT(large.invalidated, LargeChange::kTargets);
  cancel.emit(asio::cancellation_type::terminal);
  co_await large.f.until([&] { return ended; });
  EXPECT_EQ(large.invalidated, LargeChange::kTargets);
  EXPECT_EQ(large.told_at.size(), 1u);
  co_await large.f.until([&] { return large.f.jobs_run == 1; });
  co_await large.close();
}

CO_TEST(Change, an_encoded_answer_is_made_once_and_lent) {
  Fixture f(loop);
  int encodes = 0;
  const auto read = [&]() { return f.scope_of_t.answer<CountOut>(cache::Key("answer"), [&encodes](sql::Session& s) {
    ++encodes;
    return CountOut{s.one<std::int64_t>("select count(*) from t").value()};
  }); };
  auto loaded = read();
  EXPECT_FALSE(loaded.ready());
  const auto first = co_await std::move(loaded).wait();
  auto lent = read();
  EXPECT_TRUE(lent.ready()) << "and is there at once from then on";
  const auto second = co_await std::move(lent).wait();
  EXPECT_EQ(*first->bytes, R"({"json":{"count":0}})");
  EXPECT_EQ(first->bytes.get(), second->bytes.get());
  EXPECT_EQ(encodes, 1);
  co_await f.close();
}

CO_TEST(Change, errors_of_a_load_reach_the_reader_and_are_not_kept) {
  Fixture f(loop);
  int loads = 0;
  for (int i = 0; i < 2; ++i) {
    const auto value = co_await f.scope_of_t.read<std::int64_t>(cache::Key("error"), [&loads](sql::Session&) -> Result<std::int64_t> {
      ++loads;
      return fail(ErrorCode::not_found, "no");
    });
    CO_ASSERT_TRUE(!value);
    EXPECT_EQ(value.error().code, ErrorCode::not_found);
  }
  EXPECT_EQ(loads, 2);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell
