#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::events {

struct Deleted {
  Text<1, 100> system_id;
};
BOOST_DESCRIBE_STRUCT(Deleted, (), (system_id))
inline constexpr Definition<Deleted> kDeleted{"t.deleted"};

namespace {

using test::RuntimeFixture;

struct Listener {
  std::vector<std::string> heard;
  int failures = 0;
  Bus::Handler handler() {
    return [this](const Event& event) { return run(*this, event); };
  }
  static awaitable<void> run(Listener& self, Event event) {
    if (self.failures > 0) {
      --self.failures;
      throw Fault("not now");
    }
    self.heard.push_back(event.payload + event.secrets);
    co_return;
  }
};

awaitable<void> publish(RuntimeFixture& f, Event event) {
  EXPECT_TRUE(co_await f.changes->run([event](Change& change) -> Result<void> { return change.publishes(event); }));
}

CO_TEST(Events, H_1_each_broadcast_listener_hears_each_event_once) {
  RuntimeFixture f(loop);
  Listener a, b;
  co_await f.queue->start();
  const auto first = f.bus->subscribe_broadcast("t.deleted", a.handler());
  const auto second = f.bus->subscribe_broadcast("t.deleted", b.handler());
  co_await publish(f, {.name = "t.deleted", .payload = "1"});
  co_await publish(f, {.name = "t.other", .payload = "2"});
  co_await f.until([&] { return a.heard.size() == 1 && b.heard.size() == 1; });
  EXPECT_EQ(a.heard, std::vector<std::string>{"1"});
  co_await f.close();
}

CO_TEST(Events, H_2_unsubscribing_removes_exactly_that_listener) {
  RuntimeFixture f(loop);
  Listener a, b;
  co_await f.queue->start();
  auto first = std::make_unique<Bus::Subscription>(f.bus->subscribe_broadcast("t.deleted", a.handler()));
  const auto second = f.bus->subscribe_broadcast("t.deleted", b.handler());
  for (int round = 1; round <= 3; ++round) {
    first.reset();
    co_await publish(f, {.name = "t.deleted", .payload = "x"});
    co_await f.until([&] { return b.heard.size() == static_cast<std::size_t>(2 * round - 1); });
    first = std::make_unique<Bus::Subscription>(f.bus->subscribe_broadcast("t.deleted", a.handler()));
    co_await publish(f, {.name = "t.deleted", .payload = "y"});
    co_await f.until([&] { return b.heard.size() == static_cast<std::size_t>(2 * round) && a.heard.size() == static_cast<std::size_t>(round); });
  }
  EXPECT_EQ(a.heard, std::vector<std::string>(3, "y"));
  co_await f.close();
}

CO_TEST(Events, H_3_whether_anybody_listens_is_judged_by_the_registered_groups_not_by_the_emitter) {
  RuntimeFixture f(loop);
  Listener group;
  EXPECT_TRUE(f.bus->subscribe_work("t.deleted", "cleanup", group.handler()));
  co_await f.queue->start();
  co_await publish(f, {.name = "t.deleted", .payload = "1"});
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(group.heard, std::vector<std::string>{"1"});
  // An event nobody listens to leaves nothing behind.
  co_await publish(f, {.name = "t.unheard", .payload = "1"});
  const auto rows = co_await f.database->read([](sql::Session& s) { return s.one<std::int64_t>("select count(*) from jobs").value(); });
  EXPECT_EQ(rows.value(), 0);
  co_await f.close();
}

CO_TEST(Events, H_4_a_failed_subscription_leaves_no_trace) {
  RuntimeFixture f(loop);
  Listener a, b;
  EXPECT_TRUE(f.bus->subscribe_work("t.deleted", "g", a.handler()));
  EXPECT_FALSE(f.bus->subscribe_work("t.deleted", "g", b.handler()));
  EXPECT_TRUE(f.bus->subscribe_work("t.other", "g", b.handler()));
  co_await f.queue->start();
  co_await publish(f, {.name = "t.deleted", .payload = "1"});
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(a.heard.size(), 1u);
  EXPECT_TRUE(b.heard.empty());
  co_await f.close();
}

CO_TEST(Events, H_5_local_events_run_all_listeners_and_stay_here) {
  RuntimeFixture f(loop);
  Listener bad, good, work;
  bad.failures = 1;
  EXPECT_TRUE(f.bus->subscribe_work("t.local", "g", work.handler()));
  co_await f.queue->start();
  const auto first = f.bus->subscribe_local("t.local", bad.handler());
  const auto second = f.bus->subscribe_local("t.local", good.handler());
  co_await f.bus->emit_local({.name = "t.local", .payload = "1"});
  EXPECT_EQ(good.heard.size(), 1u);
  EXPECT_EQ(f.faults.size(), 1u);
  EXPECT_TRUE(work.heard.empty());
  co_await f.close();
}

CO_TEST(Events, cancelling_a_local_event_ends_it_without_a_fault) {
  RuntimeFixture f(loop);
  async::Event never(loop.executor());
  struct Waiting {
    static awaitable<void> run(async::Event& event) { co_await event.wait(); }
  };
  Listener after;
  const auto first = f.bus->subscribe_local("t.local", [&](const Event&) { return Waiting::run(never); });
  const auto second = f.bus->subscribe_local("t.local", after.handler());
  async::TaskScope scope(loop.executor(), f.on_fault());
  scope.spawn("emit", f.bus->emit_local({.name = "t.local", .payload = "1"}));
  co_await f.until([&] { return never.waiting() == 1; });
  co_await scope.stop();
  EXPECT_TRUE(f.faults.empty());
  EXPECT_TRUE(after.heard.empty());
  co_await f.close();
}

CO_TEST(Events, H_5_a_listener_that_was_cancelled_alone_does_not_stop_the_others) {
  RuntimeFixture f(loop);
  struct Aborted {
    static awaitable<void> run() {
      throw boost::system::system_error(asio::error::operation_aborted);
      co_return;
    }
  };
  Listener after;
  const auto first = f.bus->subscribe_local("t.local", [](const Event&) { return Aborted::run(); });
  const auto second = f.bus->subscribe_local("t.local", after.handler());
  co_await f.bus->emit_local({.name = "t.local", .payload = "1"});
  EXPECT_EQ(f.faults.size(), 1u);
  EXPECT_EQ(after.heard.size(), 1u);
  co_await f.close();
}

CO_TEST(Events, exist_exactly_when_their_change_does) {
  RuntimeFixture f(loop);
  Listener group;
  EXPECT_TRUE(f.bus->subscribe_work("t.deleted", "g", group.handler()));
  co_await f.queue->start();
  const auto refused = co_await f.changes->run([](Change& change) -> Result<void> {
    EXPECT_TRUE(change.publishes({.name = "t.deleted", .payload = "1"}));
    return fail(ErrorCode::conflict, "no");
  });
  EXPECT_FALSE(refused);
  co_await publish(f, {.name = "t.deleted", .payload = "2"});
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(group.heard, std::vector<std::string>{"2"});
  co_await f.close();
}

CO_TEST(Events, secrets_are_sealed_in_the_row_and_erased_once_handled) {
  RuntimeFixture f(loop);
  Listener group;
  EXPECT_TRUE(f.bus->subscribe_work("t.reset", "g", group.handler()));
  co_await f.queue->start();
  std::string row;
  EXPECT_TRUE(co_await f.changes->run([&row](Change& change) -> Result<void> {
    auto done = change.publishes({.name = "t.reset", .payload = "p", .secrets = "t0k3n"});
    row = change.sql().one<std::string>("select payload from jobs").value();
    return done;
  }));
  EXPECT_EQ(row.find("t0k3n"), std::string::npos);
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(group.heard, std::vector<std::string>{"pt0k3n"});
  const auto rows = co_await f.database->read([](sql::Session& s) { return s.one<std::int64_t>("select count(*) from jobs").value(); });
  EXPECT_EQ(rows.value(), 0);
  co_await f.close();
}

CO_TEST(Events, secrets_are_erased_when_an_event_fails_for_good) {
  RuntimeFixture f(loop);
  Listener group;
  group.failures = 100;
  EXPECT_TRUE(f.bus->subscribe_work("t.reset", "g", group.handler()));
  co_await f.queue->start();
  co_await publish(f, {.name = "t.reset", .payload = "p", .secrets = "t0k3n"});
  const auto stored = [](RuntimeFixture& fixture) -> awaitable<std::string> {
    co_return (co_await fixture.database->read([](sql::Session& s) { return s.one<std::string>("select payload from jobs").value(); })).value();
  };
  co_await f.until([&] { return f.queue->statistics().retried == 1; });
  EXPECT_NE(co_await stored(f), R"({"payload":"p","secrets":""})");  // still needed
  co_await f.elapse_until([&] { return f.queue->statistics().failed == 1; });
  EXPECT_EQ(co_await stored(f), R"({"payload":"p","secrets":""})");
  co_await f.close();
}

CO_TEST(Events, secrets_are_erased_when_an_event_ends_its_process_again_and_again) {
  RuntimeFixture f(loop);
  Listener group;
  EXPECT_TRUE(f.bus->subscribe_work("t.reset", "g", group.handler()));
  // As it was inserted and then found running by the fifth start in a row.
  EXPECT_TRUE(co_await f.database->write([](sql::Session& s) {
    s.execute(
        "insert into jobs values ('00000000-0000-7000-8000-000000000001', 'event.t.reset', 'g', '{\"payload\":\"p\",\"secrets\":\"sealed\"}', 0, 'running', 0, 1, 3, "
        "null, 0, '', 'interrupted 4 times in a row: the process ended while it ran', 0, 0)");
  }));
  co_await f.queue->start();
  const auto row = co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select state || payload from jobs").value(); });
  EXPECT_EQ(row.value(), R"(failed{"payload":"p","secrets":""})");
  EXPECT_TRUE(group.heard.empty());
  co_await f.close();
}

CO_TEST(Events, typed_listeners_get_the_payload) {
  RuntimeFixture f(loop);
  std::string heard;
  struct Typed {
    static awaitable<void> run(std::string& out, Deleted deleted) {
      out = deleted.system_id.str();
      co_return;
    }
  };
  EXPECT_TRUE(f.bus->on_work(kDeleted, "g", [&heard](Deleted deleted) { return Typed::run(heard, std::move(deleted)); }));
  co_await f.queue->start();
  co_await publish(f, make(kDeleted, {.system_id = Text<1, 100>::of("s1")}));
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(heard, "s1");
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::events
