#include "runtime/events/reencrypt.hpp"
#include "runtime/events/row.hpp"
#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::events {

struct Deleted {
  Text<1, 100> system_id;
};
BOOST_DESCRIBE_STRUCT(Deleted, (), (system_id))
inline constexpr Definition<Deleted> kDeleted{"t.deleted"};

struct ResetRequested {
  Text<1, 100> user_id;
  Secret<Text<1, 100>> reset_token;
  std::optional<Secret<Text<0, 100>>> hint;
  std::optional<Secret<Integer<0, 9999>>> pin;
};
BOOST_DESCRIBE_STRUCT(ResetRequested, (), (user_id, reset_token, hint, pin))
inline constexpr Definition<ResetRequested> kResetRequested{"t.reset_requested"};

struct Deep {
  List<ResetRequested, 0, 5> list;
  Map<Text<1, 5>, std::optional<ResetRequested>, 5> map;
  Deleted plain;
};
BOOST_DESCRIBE_STRUCT(Deep, (), (list, map, plain))
static_assert(detail::kHoldsSecret<Deep> && detail::kHoldsSecret<decltype(Deep::list)> && detail::kHoldsSecret<decltype(Deep::map)> &&
              detail::kHoldsSecret<std::vector<ResetRequested>> && !detail::kHoldsSecret<Deleted> && !detail::kHoldsSecret<List<Deleted, 0, 5>>);

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

CO_TEST(Events, what_became_of_each_is_told_by_mode) {
  RuntimeFixture f(loop);
  Listener fails{.heard = {}, .failures = 3}, works;
  EXPECT_TRUE(f.bus->subscribe_work("t.deleted", "group", works.handler()));
  const auto broadcast = f.bus->subscribe_broadcast("t.deleted", fails.handler());
  const auto local = f.bus->subscribe_local("t.here", fails.handler());
  EXPECT_EQ(f.bus->events(), (std::set<std::string, std::less<>>{"t.deleted", "t.here"}));
  std::vector<std::string> told;
  f.bus->on_handled([&](std::string_view event, Bus::Mode mode, bool ok) {
    told.push_back(fmt::format("{} {} {}", event, mode == Bus::Mode::durable ? "durable" : mode == Bus::Mode::local ? "local" : "broadcast", ok));
  });
  co_await f.queue->start();
  co_await publish(f, {.name = "t.deleted", .payload = "1"});
  co_await f.until([&] { return told.size() == 2; });
  co_await f.bus->emit_local({.name = "t.here", .payload = "2"});
  std::ranges::sort(told);
  EXPECT_EQ(told, (std::vector<std::string>{"t.deleted broadcast false", "t.deleted durable true", "t.here local false"}));
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

CO_TEST(Events, secrets_that_wait_are_sealed_anew_under_another_key) {
  RuntimeFixture f(loop);
  const std::string first = crypto::Keyring::generate(), second = crypto::Keyring::generate();
  const auto before = crypto::Keyring::make(first).value(), between = crypto::Keyring::make(second, first).value(), after = crypto::Keyring::make(second).value();
  const auto stranger = crypto::Keyring::make(crypto::Keyring::generate()).value();
  co_await f.database->write([&](sql::Session& session) {
    const auto add = [&](std::string queue, std::string payload) {
      jobs::store::insert(session, {.queue = std::move(queue), .payload = std::move(payload), .dedupe_id = {}, .correlation_id = {}}, "g", f.clock.now());
    };
    add("event.t.reset", rpc::to_json(Row{.payload = "p", .secrets = before.seal("t0k3n", aad_of("t.reset"))}));
    add("event.t.other", rpc::to_json(Row{.payload = "p", .secrets = {}}));
    add("delivery", "{}");
  });
  const auto run = [&](const crypto::Keyring& ring) -> awaitable<std::string> {
    const auto done = (co_await f.database->write([&](sql::Session& session) { return reencrypt(session, ring); })).value();
    co_return fmt::format("{} {} {} {}", done.scanned, done.reencrypted, done.skipped, done.failed.size());
  };
  EXPECT_EQ(co_await run(stranger), "2 0 1 1");
  EXPECT_EQ(co_await run(between), "2 1 1 0");
  EXPECT_EQ(co_await run(between), "2 0 2 0");
  const auto row = (co_await f.database->read([](sql::Session& s) { return s.one<std::string>("select payload from jobs where queue = 'event.t.reset'").value(); })).value();
  EXPECT_EQ(after.open(rpc::from_json<StoredRow>(row)->secrets.str(), aad_of("t.reset")).value(), "t0k3n");
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
        "null, null, 0, '', 'interrupted 4 times in a row: the process ended while it ran', 0, 0, null)");
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

CO_TEST(Events, secret_members_are_sealed_in_the_row_and_given_back_to_typed_listeners) {
  RuntimeFixture f(loop);
  std::optional<ResetRequested> heard;
  struct Typed {
    static awaitable<void> run(std::optional<ResetRequested>& out, ResetRequested reset) {
      out = std::move(reset);
      co_return;
    }
  };
  EXPECT_TRUE(f.bus->on_work(kResetRequested, "g", [&heard](ResetRequested reset) { return Typed::run(heard, std::move(reset)); }));
  co_await f.queue->start();
  const auto event = make(kResetRequested, {.user_id = Text<1, 100>::of("u1"), .reset_token = {Text<1, 100>::of("t0k\"3n")}, .hint = {}, .pin = Secret<Integer<0, 9999>>{1234}});
  EXPECT_EQ(event.payload, R"({"userId":"u1"})");
  EXPECT_EQ(event.secrets, R"({"resetToken":"t0k\"3n","pin":1234})");
  std::string row;
  EXPECT_TRUE(co_await f.changes->run([&](Change& change) -> Result<void> {
    auto done = change.publishes(event);
    row = change.sql().one<std::string>("select payload from jobs").value();
    return done;
  }));
  EXPECT_EQ(row.find("t0k"), std::string::npos);
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  CO_ASSERT_TRUE(heard.has_value());
  EXPECT_EQ(heard->user_id.str(), "u1");
  EXPECT_EQ(heard->reset_token.value.str(), "t0k\"3n");
  EXPECT_FALSE(heard->hint.has_value());
  CO_ASSERT_TRUE(heard->pin.has_value());
  EXPECT_EQ(heard->pin->value, 1234);
  co_await f.close();
}

TEST(Events, an_event_whose_secrets_do_not_fit_its_type_is_a_fault_that_tells_none_of_them) {
  for (const char* secrets : {"", "{}", R"({"resetToken":""})", R"({"resetToken":7})", R"({"resetToken":"t","pin":"s3cret"})", R"("s3cret")", "s3cret"}) {
    try {
      read<ResetRequested>({.name = "t.reset_requested", .payload = R"({"userId":"u1"})", .secrets = secrets});
      ADD_FAILURE() << secrets;
    } catch (const Fault& fault) {
      EXPECT_EQ(std::string(fault.what()), "the secrets of event t.reset_requested do not fit its type") << secrets;
    }
  }
}

}  // namespace
}  // namespace watchbell::events
