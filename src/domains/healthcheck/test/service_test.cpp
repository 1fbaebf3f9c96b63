#include "domains/healthcheck/test/fixture.hpp"
#include "runtime/test/held_read.hpp"

#include "domains/catalog/events.hpp"
#include "domains/healthcheck/signals.hpp"
#include "platform/log/log.hpp"

namespace watchbell::healthcheck::test {
namespace {

using notification::Importance;

CO_TEST(HealthService, HC_12_checks_run_from_their_association_on) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 10);
  EXPECT_EQ(co_await f.status(system), Status::unknown);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  const auto health = co_await f.health(system);
  EXPECT_EQ(health.status, Status::healthy);
  EXPECT_EQ(health.since, f.clock.now());
  CO_ASSERT_EQ(health.check_statuses.size(), 1u);
  EXPECT_EQ(health.check_statuses[0].configuration_name, "Home");
  EXPECT_EQ(health.check_statuses[0].recent_runs.size(), 1u);
  EXPECT_EQ(health.check_statuses[0].recent_runs[0].latency_ms, 7);
  // From unknown to healthy is stored and nobody is told.
  const auto transitions = co_await f.transitions(system);
  CO_ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].from, std::nullopt);
  EXPECT_EQ(transitions[0].configuration_id, check.id);
  EXPECT_TRUE((co_await f.told()).empty());
  co_await f.end();
}

CO_TEST(HealthService, HC_5_an_outage_is_told_once_and_so_is_its_end) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 2, 2)));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  for (int i = 0; i < 4; ++i) {
    f.clock.advance(1s);
    EXPECT_TRUE(co_await f.ran(system, check.id, false));
    EXPECT_EQ(co_await f.status(system), i == 0 ? Status::healthy : Status::unhealthy);
  }
  auto told = co_await f.told();
  CO_ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].group_id, "catalog.system." + system.to_string());
  EXPECT_EQ(told[0].importance, Importance::critical);
  EXPECT_EQ(told[0].title, "Web is unhealthy");
  EXPECT_EQ(told[0].body, "Check \"Home\" fails: it is down.");
  EXPECT_EQ(told[0].url, "/catalog/system/" + system.to_string());
  const std::string about = fmt::format("catalog.system.{0}: catalog.system {0} Web ", system);
  EXPECT_EQ(told[0].about, about + "unhealthy");
  EXPECT_TRUE(co_await f.ran(system, check.id, true));
  told = co_await f.told();
  CO_ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].importance, Importance::info);
  EXPECT_EQ(told[1].title, "Web is healthy again");
  EXPECT_EQ(told[1].about, about + "healthy") << "under the same key";
  EXPECT_EQ((co_await f.transitions(system)).size(), 3u);
  co_await f.end();
}

awaitable<void> record_into(Fixture& f, SystemId system, ConfigurationId configuration, int& done) {
  co_await f.ran(system, configuration, false);
  ++done;
}

CO_TEST(HealthService, HC_13_two_checks_that_finish_together_make_one_transition_and_one_notice) {
  Fixture f(loop);
  co_await f.begin();
  for (int round = 0; round < 10; ++round) {
    const auto system = f.add_system("Web");
    std::vector<ConfigurationId> checks;
    for (const char* name : {"a", "b", "c"}) {
      checks.push_back((co_await f.create(name, 3600)).id);
      EXPECT_TRUE(co_await f.associate(system, checks.back(), Fixture::consecutive(1, 1, 1)));
    }
    co_await f.until([&] { return f.scheduler.running() == 0 && f.scheduler.waiting() == 0 && f.prober.started == 3 * (round + 1); });
    const auto before = (co_await f.told()).size();
    int done = 0;
    for (const auto& check : checks) f.scope.spawn("record", record_into(f, system, check, done));
    co_await f.until([&] { return done == 3; });
    const auto told = co_await f.told();
    CO_ASSERT_EQ(told.size(), before + 1);
    const auto transitions = co_await f.transitions(system);
    EXPECT_EQ(transitions.back().to, Status::unhealthy);
    EXPECT_EQ(transitions.back().from, Status::healthy);
    EXPECT_EQ(std::ranges::count(transitions, Status::unhealthy, &store::Transition::to), 1);
    EXPECT_EQ(told.back().key, fmt::format("healthcheck.transition.{}.{}", system, transitions.back().number));
  }
  co_await f.end();
}

CO_TEST(HealthService, HC_13_a_notice_that_cannot_be_enqueued_takes_run_and_transition_back) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  f.notify_fails = true;
  const auto refused = co_await f.service.record(co_await f.check(system, check.id), f.clock.now(), failed("down"));
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  EXPECT_EQ(co_await f.count("healthcheck_runs"), 1);
  f.notify_fails = false;
  EXPECT_TRUE(co_await f.ran(system, check.id, false));
  EXPECT_EQ((co_await f.told()).size(), 1u);
  co_await f.end();
}

CO_TEST(HealthService, S_7_the_signals_of_a_transition_follow_the_dropped_status) {
  Fixture f(loop, Fixture::Storage::file);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  // Reads the status the moment it hears of the transition.
  struct Page final : watchbell::test::FakeSocket {
    Page(Fixture& fixture, SystemId id) : FakeSocket(fixture.loop.executor()), f(fixture), system(id) {}
    static awaitable<void> fetch(Page& self) { self.seen = co_await self.f.status(self.system); }
    void send(std::shared_ptr<const std::string> text) override {
      FakeSocket::send(text);
      if (text->find("status_changed") != std::string::npos) f.scope.spawn("fetch", fetch(*this));
    }
    Fixture& f;
    SystemId system;
    std::optional<Status> seen;
  };
  const auto hears = std::make_shared<Page>(f, system);
  const auto deaf = std::make_shared<watchbell::test::FakeSocket>(loop.executor());
  access::Principal holder;
  holder.kind = access::Principal::Kind::user;
  f.identity.rules = {std::string(access_rules::kStatusRead)};  // what the hub finds when it asks again
  holder.rules = std::make_shared<const access::RuleSet>(f.identity.rules);
  f.scope.spawn("socket", f.hub->serve(hears, std::make_shared<const access::Principal>(holder), f.identity, UserId().to_string(), "x"));
  f.scope.spawn("socket", f.hub->serve(deaf, access::Principal::nobody(), f.identity, "", "x"));
  co_await f.until([&] { return hears->sent.size() == 1 && deaf->sent.size() == 1; });
  EXPECT_TRUE(co_await f.ran(system, check.id, false));
  CO_ASSERT_EQ(hears->sent.size(), 3u);
  EXPECT_NE(hears->sent[1].find("healthcheck.run.completed"), std::string::npos);
  EXPECT_NE(hears->sent[1].find("\"systemName\":\"Web\",\"configurationId\":\"" + check.id.to_string() + "\",\"configurationName\":\"Home\",\"status\":\"unhealthy\""),
            std::string::npos);
  EXPECT_NE(hears->sent[2].find("healthcheck.system.status_changed"), std::string::npos);
  EXPECT_NE(hears->sent[2].find("\"previousStatus\":\"healthy\",\"newStatus\":\"unhealthy\""), std::string::npos);
  // Names of systems are not for whoever may not see them.
  EXPECT_EQ(deaf->sent.size(), 1u);
  co_await f.until([&] { return hears->seen.has_value(); });
  EXPECT_EQ(hears->seen, Status::unhealthy);
  EXPECT_EQ(co_await f.status(system), Status::unhealthy);
  co_await f.end();
}

CO_TEST(HealthService, HC_12_the_deadline_cancels_the_work) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  f.prober.hold = true;
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.prober.started == 1; });
  f.clock.advance(6s);
  co_await f.until([&] { return f.scheduler.running() == 0; });
  EXPECT_EQ(f.prober.cancelled, 1);
  const auto told = co_await f.told();
  CO_ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].body, "Check \"Home\" fails: timed out after 5000 ms.");
  const auto health = co_await f.health(system);
  EXPECT_EQ(health.status, Status::unhealthy);
  EXPECT_EQ(health.check_statuses[0].recent_runs[0].latency_ms, std::nullopt);
  co_await f.end();
}

CO_TEST(HealthService, a_probe_that_throws_is_an_unhealthy_run) {
  Fixture f(loop);
  co_await f.begin();
  const log::Capture capture;
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  f.prober.throws = true;
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.status(system), Status::unhealthy);
  EXPECT_TRUE(capture.contains("boom"));
  EXPECT_EQ((co_await f.told()).at(0).body, "Check \"Home\" fails: the check ended unexpectedly.");
  co_await f.end();
}

CO_TEST(HealthService, HC_12_pause_takes_effect_at_once_and_what_ran_stores_nothing) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 1);
  f.prober.down.insert("Home");
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started == 1; });
  EXPECT_EQ(co_await f.status(system), Status::unhealthy);
  f.prober.hold = true;
  f.clock.advance(1s);
  co_await f.until([&] { return f.prober.started == 2; });
  EXPECT_TRUE(co_await f.service.set_paused(check.id.to_string(), true));
  co_await f.until([&] { return f.scheduler.running() == 0; });
  EXPECT_EQ(f.prober.cancelled, 1);
  EXPECT_EQ(f.scheduler.size(), 0u);
  EXPECT_EQ(co_await f.count("healthcheck_runs"), 1);
  // A paused check does not count; that it is not measured any more is told.
  const auto health = co_await f.health(system);
  EXPECT_EQ(health.status, Status::unknown);
  EXPECT_TRUE(health.check_statuses.empty());
  EXPECT_EQ((co_await f.told()).back().title, "Web is not measured any more");
  // Again changes nothing.
  EXPECT_TRUE(co_await f.service.set_paused(check.id.to_string(), true));
  EXPECT_EQ((co_await f.told()).size(), 2u);
  // Resumed, the runs from before do not count.
  f.prober.release();
  f.prober.down.clear();
  f.clock.advance(1s);
  EXPECT_TRUE(co_await f.service.set_paused(check.id.to_string(), false));
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started == 3; });
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  EXPECT_EQ((co_await f.health(system)).check_statuses[0].runs_considered, 1);
  EXPECT_EQ((co_await f.told()).size(), 2u);
  co_await f.end();
}

CO_TEST(HealthService, HC_12_a_changed_interval_takes_effect_at_once) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started == 1; });
  UpdateConfiguration input;
  input.id = Text<1, 200>::of(check.id.to_string());
  input.body.interval_seconds = 1;
  const auto updated = co_await f.service.update(input);
  CO_ASSERT_TRUE(updated.has_value());
  EXPECT_EQ(updated->interval_seconds, 1);
  EXPECT_EQ(updated->name, "Home");
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started == 2; });
  f.clock.advance(1s);
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started == 3; });
  co_await f.end();
}

CO_TEST(HealthService, HC_12_a_run_of_a_check_that_is_gone_or_changed_is_not_stored) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started == 1; });
  const auto old = co_await f.check(system, check.id);
  const auto began = f.clock.now();
  f.clock.advance(1s);
  UpdateConfiguration input;
  input.id = Text<1, 200>::of(check.id.to_string());
  input.body.name = Text<1, 200>::of("Other");
  EXPECT_TRUE(co_await f.service.update(input));
  EXPECT_EQ((co_await f.service.record(old, began, failed("x"))).value(), false);
  EXPECT_TRUE(co_await f.disassociate(system, check.id));
  EXPECT_TRUE(co_await f.associate(system, check.id));
  EXPECT_EQ((co_await f.service.record(old, f.clock.now(), failed("x"))).value(), false);
  // Disabled and enabled again: a probe from before is no run of it.
  const auto current = co_await f.check(system, check.id);
  EXPECT_TRUE(co_await f.associate(system, check.id, {}, false));
  EXPECT_EQ((co_await f.service.record(current, f.clock.now(), failed("x"))).value(), false);
  f.clock.advance(1s);
  EXPECT_TRUE(co_await f.associate(system, check.id, {}, true));
  EXPECT_EQ((co_await f.service.record(current, f.clock.now() - 1s, failed("x"))).value(), false);
  co_await f.end();
}

/// Associates a check that fails at once.
awaitable<void> fail_with(Fixture& f, SystemId system, ConfigurationId bad) {
  const int before = f.prober.started;
  f.clock.advance(1s);
  EXPECT_TRUE(co_await f.associate(system, bad, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started > before; });
  EXPECT_EQ(co_await f.status(system), Status::unhealthy);
}

CO_TEST(HealthService, HC_11_taking_the_failing_check_away_changes_the_status_and_is_told) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto good = co_await f.create("good", 3600), bad = co_await f.create("bad", 3600);
  f.prober.down.insert("bad");
  EXPECT_TRUE(co_await f.associate(system, good.id, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.scheduler.running() == 0 && f.prober.started == 1; });
  co_await fail_with(f, system, bad.id);
  EXPECT_TRUE(co_await f.associate(system, bad.id, {}, false));
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  EXPECT_EQ((co_await f.told()).back().title, "Web is healthy again");
  co_await fail_with(f, system, bad.id);
  EXPECT_TRUE(co_await f.disassociate(system, bad.id));
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  co_await fail_with(f, system, bad.id);
  EXPECT_TRUE(co_await f.service.remove(bad.id.to_string()));
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  EXPECT_EQ((co_await f.told()).size(), 6u);
  EXPECT_EQ(f.scheduler.size(), 1u);
  co_await f.end();
}

CO_TEST(HealthService, thresholds_are_kept_cleared_and_judged) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 2, 3)));
  EXPECT_TRUE(co_await f.associate(system, check.id));
  auto all = (co_await f.service.associations(system.to_string())).value();
  CO_ASSERT_TRUE(all.size() == 1 && all[0].state_thresholds);
  EXPECT_EQ(std::get<ConsecutiveThresholds>(*all[0].state_thresholds).unhealthy.min_failure_count.value(), 3);
  AssociateSystem clear;
  clear.system_id = Text<1, 200>::of(system.to_string());
  clear.body.configuration_id = check.id;
  clear.body.state_thresholds.emplace();
  EXPECT_TRUE(co_await f.service.associate(clear));
  all = (co_await f.service.associations(system.to_string())).value();
  EXPECT_FALSE(all[0].state_thresholds);
  const auto refused = co_await f.associate(system, check.id, Fixture::consecutive(1, 5, 2));
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().code, ErrorCode::bad_request);
  // A change of thresholds alone is no reason to probe again, but may change the status.
  co_await f.until([&] { return f.scheduler.running() == 0; });
  EXPECT_EQ(f.prober.started, 1);
  EXPECT_TRUE(co_await f.ran(system, check.id, false));
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 1, 1)));
  EXPECT_EQ(co_await f.status(system), Status::unhealthy);
  EXPECT_EQ(f.prober.started, 1);
  co_await f.end();
}

CO_TEST(HealthService, HC_3_unknown_ids_are_not_found) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home");
  const auto nobody = ConfigurationId::make(f.clock.now());
  for (const std::string& id : {nobody.to_string(), std::string("no-uuid"), std::string("' or 1=1 --")}) {
    EXPECT_EQ((co_await f.service.remove(id)).error().code, ErrorCode::not_found);
    EXPECT_EQ((co_await f.service.set_paused(id, true)).error().code, ErrorCode::not_found);
    UpdateConfiguration update;
    update.id = Text<1, 200>::of(id);
    EXPECT_EQ((co_await f.service.update(update)).error().code, ErrorCode::not_found);
    DisassociateSystem off;
    off.system_id = Text<1, 200>::of(id);
    off.config_id = Text<1, 200>::of(check.id.to_string());
    EXPECT_EQ((co_await f.service.disassociate(off)).error().code, ErrorCode::not_found);
    EXPECT_TRUE((co_await f.service.associations(id)).value().empty());
    HistoryInput history;
    history.system_id = Text<1, 200>::of(id);
    EXPECT_EQ((co_await f.service.history(history, true)).value().total, 0);
  }
  EXPECT_EQ((co_await f.associate(system, nobody)).error().code, ErrorCode::not_found);
  EXPECT_EQ((co_await f.associate(SystemId::make(f.clock.now()), check.id)).error().code, ErrorCode::not_found);
  EXPECT_EQ((co_await f.disassociate(system, check.id)).error().code, ErrorCode::not_found);
  co_await f.end();
}

CO_TEST(HealthService, HC_3_configurations_are_judged_before_they_are_stored) {
  Fixture f(loop);
  co_await f.begin();
  CreateConfiguration input;
  input.name = Text<1, 200>::of("x");
  input.strategy_id = Text<1, 200>::of("no.such");
  input.interval_seconds = 60;
  auto refused = co_await f.service.create(input);
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().code, ErrorCode::bad_request);
  EXPECT_NE(refused.error().data->json.find("\"path\":[\"strategyId\"]"), std::string::npos);

  input.strategy_id = Text<1, 200>::of("test.fake");
  CollectorEntry once;
  once.id = Text<1, 100>::of("e");
  once.collector_id = Text<1, 200>::of("test.once");
  CollectorEntry unknown = once;
  unknown.collector_id = Text<1, 200>::of("test.none");
  Assertion bad;
  bad.field = Text<1, 200>::of("x");
  bad.operator_ = Text<1, 40>::of("matches");
  bad.value = Json<4096, 8, false>{.text = "\"(\""};
  once.assertions = Assertions(std::vector{bad});
  input.collectors = Collectors(std::vector{once, once, unknown});
  refused = co_await f.service.create(input);
  CO_ASSERT_TRUE(!refused);
  const auto& issues = refused.error().data->json;
  EXPECT_NE(issues.find("\"path\":[\"collectors\",1,\"id\"]"), std::string::npos);           // an id of its own
  EXPECT_NE(issues.find("\"path\":[\"collectors\",1,\"collectorId\"]"), std::string::npos);  // allowed once
  EXPECT_NE(issues.find("\"path\":[\"collectors\",2,\"collectorId\"]"), std::string::npos);
  EXPECT_NE(issues.find("\"path\":[\"collectors\",0,\"assertions\",0]"), std::string::npos);
  EXPECT_EQ((co_await f.service.configurations({})).value().total, 0);

  const auto good = co_await f.create("good");
  UpdateConfiguration update;
  update.id = Text<1, 200>::of(good.id.to_string());
  update.body.collectors = input.collectors;
  const auto still = co_await f.service.update(update);
  CO_ASSERT_TRUE(!still);
  EXPECT_NE(still.error().data->json.find("\"path\":[\"body\",\"collectors\",1,\"id\"]"), std::string::npos);
  co_await f.end();
}

CO_TEST(HealthService, R_04_a_cold_bulk_read_is_one_read_and_a_warm_one_none) {
  Fixture f(loop);
  co_await f.begin();
  const auto check = co_await f.create("Home", 3600);
  OfSystems input;
  for (int i = 0; i < 200; ++i) {
    const auto system = f.add_system(fmt::format("s{}", i));
    input.system_ids.push_back(Text<1, 200>::of(system.to_string()));
    EXPECT_TRUE(co_await f.associate(system, check.id));
  }
  co_await f.until([&] { return f.scheduler.running() == 0 && f.scheduler.waiting() == 0 && f.prober.started == 200; });
  const auto reads = f.reads();
  auto view = co_await f.service.statuses(input);
  EXPECT_EQ(f.reads(), reads + 1);
  EXPECT_EQ(view.value().statuses.size(), 200u);
  EXPECT_EQ(std::ranges::count(view.value().statuses, Status::healthy, [](const auto& item) { return item.second.status; }), 200);
  EXPECT_TRUE(co_await f.service.statuses(input));
  EXPECT_TRUE(co_await f.service.status(input.system_ids[0].str()));
  EXPECT_EQ(f.reads(), reads + 1);
  // One that was dropped is loaded alone.
  EXPECT_TRUE(co_await f.ran(*SystemId::parse(input.system_ids[7]), check.id, false));
  const auto again = f.reads();
  EXPECT_EQ((co_await f.service.statuses(input)).value().statuses[input.system_ids[7].str()].check_statuses[0].runs_considered, 2);
  EXPECT_EQ(f.reads(), again + 1);
  co_await f.end();
}

awaitable<void> read_into(Fixture& f, OfSystems input, int& done) {
  EXPECT_TRUE(co_await f.service.statuses(std::move(input)));
  ++done;
}

CO_TEST(HealthService, R_04_readers_of_one_moment_share_the_read) {
  Fixture f(loop);
  co_await f.begin();
  std::vector<Text<1, 200>> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(Text<1, 200>::of(f.add_system("s").to_string()));
  const auto loads = f.cache.snapshot().loads;
  const auto reads = f.reads();
  int done = 0;
  // Overlapping, in both directions: neither waits for the other in a circle.
  for (int i = 0; i < 6; ++i) {
    OfSystems input;
    input.system_ids.assign(ids.begin() + i, ids.begin() + i + 12);
    if (i % 2 == 1) std::ranges::reverse(input.system_ids);
    f.scope.spawn("read", read_into(f, std::move(input), done));
  }
  co_await f.until([&] { return done == 6; });
  EXPECT_EQ(f.cache.snapshot().loads, loads + 17);
  EXPECT_LE(f.reads(), reads + 2);
  co_await f.end();
}

CO_TEST(HealthService, HC_10_ids_nobody_has_are_unknown_and_not_kept) {
  Fixture f(loop);
  co_await f.begin();
  const auto entries = f.cache.snapshot().entries;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await f.status(SystemId::make(f.clock.now())), Status::unknown);
  EXPECT_TRUE(co_await f.service.status("no-uuid"));
  EXPECT_EQ(f.cache.snapshot().entries, entries);
  // Nor does the answer from before stay when the system appears.
  const auto id = SystemId::make(f.clock.now());
  EXPECT_EQ(co_await f.status(id), Status::unknown);
  f.put_system(id, "New");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(id, check.id));
  EXPECT_EQ((co_await f.health(id)).check_statuses.size(), 1u);
  OfSystems twice;
  twice.system_ids.push_back(Text<1, 200>::of(id.to_string()));
  twice.system_ids.push_back(Text<1, 200>::of(ascii_lower(id.to_string())));
  EXPECT_EQ((co_await f.service.statuses(twice)).error().code, ErrorCode::bad_request);
  co_await f.end();
}

CO_TEST(HealthService, C_2_a_load_that_runs_while_the_status_changes_is_not_kept) {
  Fixture f(loop, Fixture::Storage::file);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id, Fixture::consecutive(1, 1, 1)));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  const auto known = co_await f.check(system, check.id);
  struct Read {
    static awaitable<void> run(Fixture& fixture, SystemId id, std::optional<Status>& into) { into = co_await fixture.status(id); }
  };
  for (const bool read_meanwhile : {false, true}) {
    const auto discarded = f.cache.snapshot().discarded.invalidated;
    watchbell::test::HeldRead held(loop, *f.database);
    co_await held.arm();
    std::optional<Status> early;
    f.scope.spawn("read", Read::run(f, system, early));
    co_await held.entered();
    f.clock.advance(1s);
    const bool up = read_meanwhile;  // from healthy to unhealthy, and back
    EXPECT_TRUE((co_await f.service.record(known, f.clock.now(), Outcome{.status = up ? RunStatus::healthy : RunStatus::unhealthy, .latency_ms = 3, .message = "", .result = "{}"})).value());
    // Neither joins the load from before, on another reader.
    if (read_meanwhile) EXPECT_EQ(co_await f.status(system), Status::healthy);
    EXPECT_FALSE(early);
    held.release();
    co_await f.until([&] { return early.has_value(); });
    EXPECT_EQ(early, up ? Status::unhealthy : Status::healthy) << "it saw the change: nothing was raced";
    EXPECT_EQ(f.cache.snapshot().discarded.invalidated, discarded + 1);
    EXPECT_EQ(co_await f.status(system), up ? Status::healthy : Status::unhealthy);
    co_await f.ran(system, check.id, up);  // the next round begins with a load
  }
  co_await f.end();
}

CO_TEST(HealthService, C_16_a_kept_status_turns_unknown_on_time) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  const auto stale = f.clock.now() + 5h;
  f.clock.set_wall(stale - 1us);
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  const auto loads = f.cache.snapshot().loads;
  f.clock.set_wall(stale);
  const auto health = co_await f.health(system);
  EXPECT_EQ(health.status, Status::unknown);
  EXPECT_EQ(health.since, stale);
  const auto encoded = (co_await f.service.status(system.to_string())).value();
  EXPECT_NE(encoded.bytes->find("\"status\":\"unknown\""), std::string::npos);
  EXPECT_EQ(f.cache.snapshot().loads, loads);
  co_await f.end();
}

CO_TEST(HealthService, history_pages_and_judges_its_input) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  for (int i = 0; i < 4; ++i) {
    f.clock.advance(1s);
    EXPECT_TRUE(co_await f.ran(system, check.id, false));
  }
  HistoryInput input;
  input.system_id = Text<1, 200>::of(system.to_string());
  input.limit = 2;
  input.offset = 1;
  input.sort_order.value = SortOrder::desc;
  const auto page = (co_await f.service.history(input, true)).value();
  EXPECT_EQ(page.total, 5);
  EXPECT_EQ(page.limit, 2);
  EXPECT_EQ(page.offset, 1);
  CO_ASSERT_EQ(page.runs.size(), 2u);
  EXPECT_GT(page.runs[0].timestamp, page.runs[1].timestamp);
  EXPECT_EQ(page.runs[0].message, "it is down");
  input.start_date = f.clock.now();
  input.end_date = f.clock.now();
  EXPECT_EQ((co_await f.service.history(input, true)).error().code, ErrorCode::bad_request);
  co_await f.end();
}

CO_TEST(HealthService, HC_4_a_deleted_system_takes_checks_timers_and_runs_with_it) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web"), other = f.add_system("Other");
  const auto check = co_await f.create("Home", 3600);
  for (const auto& id : {system, other}) EXPECT_TRUE(co_await f.associate(id, check.id));
  co_await f.until([&] { return f.prober.started == 2 && f.scheduler.running() == 0; });
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(co_await f.ran(system, check.id, true));
  f.remove_system(system);
  EXPECT_TRUE(co_await f.changes->run([system](Change& change) -> Result<void> {
    return change.publishes(events::make(catalog::kSystemDeleted, catalog::SystemDeleted{.system_id = Text<1, 100>::of(system.to_string()), .system_name = {}}));
  }));
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(co_await f.count("healthcheck_runs"), 1);
  EXPECT_EQ(co_await f.count("healthcheck_associations"), 1);
  EXPECT_EQ(co_await f.count("healthcheck_transitions"), 1);
  EXPECT_EQ(f.scheduler.size(), 1u);
  EXPECT_TRUE((co_await f.health(system)).check_statuses.empty());
  co_await f.end();
}

CO_TEST(HealthService, C_1_status_checks_and_history_read_after_a_system_was_deleted_see_it) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  EXPECT_EQ((co_await f.health(system)).check_statuses.size(), 1u);
  f.remove_system(system);
  EXPECT_TRUE(co_await f.changes->run([system](Change& change) -> Result<void> {
    return change.publishes(events::make(catalog::kSystemDeleted, catalog::SystemDeleted{.system_id = Text<1, 100>::of(system.to_string()), .system_name = {}}));
  }));
  // At once: no job, nothing that happens later, is waited for.
  EXPECT_TRUE((co_await f.health(system)).check_statuses.empty());
  EXPECT_TRUE((co_await f.service.associations(system.to_string())).value().empty());
  HistoryInput history;
  history.system_id = Text<1, 200>::of(system.to_string());
  EXPECT_EQ((co_await f.service.history(std::move(history), true)).value().total, 0);
  co_await f.end();
}

CO_TEST(HealthService, HC_13_an_outage_that_outlasts_a_restart_is_told_once) {
  Fixture f(loop);
  EXPECT_TRUE(jobs::listen(f.service, *f.queue, *f.bus));
  co_await f.queue->start();
  EXPECT_TRUE(co_await f.service.schedule_all());  // and nothing but this test runs checks
  const auto system = f.add_system("Web");
  const auto bad = co_await f.create("Bad", 60), good = co_await f.create("Good", 60);
  const Thresholds at_once = ConsecutiveThresholds{.healthy = {}, .degraded = {.min_failure_count = 1}, .unhealthy = {.min_failure_count = 1}};
  for (const auto& check : {bad, good}) EXPECT_TRUE(co_await f.associate(system, check.id, at_once));
  EXPECT_TRUE(co_await f.ran(system, good.id, true));
  EXPECT_TRUE(co_await f.ran(system, bad.id, false));
  EXPECT_EQ(co_await f.count("told"), 1);
  // Nothing runs for so long that readers must not believe the last run; then a process starts again, and the healthy check runs first.
  const auto before = co_await f.count("healthcheck_transitions");
  f.clock.advance(20min);
  EXPECT_EQ((co_await f.health(system)).status, Status::unknown);
  EXPECT_TRUE(co_await f.service.schedule_all());
  EXPECT_TRUE(co_await f.ran(system, good.id, true));
  EXPECT_TRUE(co_await f.ran(system, bad.id, false));
  EXPECT_EQ(co_await f.count("told"), 1);
  EXPECT_EQ(co_await f.count("healthcheck_transitions"), before);
  co_await f.end();
}

CO_TEST(HealthService, runs_of_a_removed_association_are_deleted_in_batches) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 3600), other = co_await f.create("Other", 3600);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  EXPECT_TRUE(co_await f.associate(system, other.id));
  co_await f.until([&] { return f.prober.started == 2 && f.scheduler.running() == 0; });
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(co_await f.ran(system, check.id, true));
  f.clock.advance(1s);
  EXPECT_TRUE(co_await f.disassociate(system, check.id));
  EXPECT_EQ((co_await f.service.history({}, true)).value().total, 1);
  co_await f.until([&] { return f.queue->statistics().done == 1; });
  EXPECT_EQ(co_await f.count("healthcheck_runs"), 1);
  EXPECT_TRUE(co_await f.service.remove(other.id.to_string()));
  co_await f.until([&] { return f.queue->statistics().done == 2; });
  EXPECT_EQ(co_await f.count("healthcheck_runs"), 0);
  co_await f.end();
}

CO_TEST(HealthService, old_runs_are_purged_every_hour) {
  Fixture f(loop);
  co_await f.begin();
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 86'400);
  EXPECT_TRUE(co_await f.associate(system, check.id));
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  for (int i = 0; i < 109; ++i) {
    f.clock.set_wall(f.clock.now() + 1s);
    EXPECT_TRUE(co_await f.ran(system, check.id, true));
  }
  f.clock.set_wall(f.clock.now() + 25h);
  f.scope.spawn("purge", jobs::purge_hourly(f.service, f.wheel));
  co_await asio::post(loop.executor(), use_awaitable);
  f.clock.advance(1h + 1s, 1min);
  const auto writes = f.database->counters().writes;
  co_await f.until([&] { return f.database->counters().writes >= writes + 6; });  // a read, four batches of at most three, the transitions
  EXPECT_EQ(co_await f.count("healthcheck_runs"), static_cast<std::int64_t>(kEvaluatedRuns));
  co_await f.end();
}

CO_TEST(HealthService, HC_12_at_start_everything_active_is_planned) {
  Fixture f(loop);
  const auto system = f.add_system("Web");
  const auto check = co_await f.create("Home", 20), paused = co_await f.create("Paused", 20);
  EXPECT_TRUE(co_await f.service.set_paused(paused.id.to_string(), true));
  // As another process would have left it.
  EXPECT_TRUE(co_await f.changes->run([&](Change& change) {
    for (const auto& id : {check.id, paused.id})
      store::put(change.sql(), {.id = AssociationId::make(change.now()), .key = {system, id}, .enabled = true, .thresholds = {}, .measured_since = change.now(),
                                .created_at = change.now()});
  }));
  co_await f.begin();
  EXPECT_EQ(f.scheduler.size(), 1u);
  EXPECT_EQ(f.prober.started, 0);
  f.clock.advance(rules::jitter({system, check.id}, 20s) + 20ms);
  co_await f.until([&] { return f.prober.started == 1 && f.scheduler.running() == 0; });
  EXPECT_EQ(co_await f.status(system), Status::healthy);
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::healthcheck::test
