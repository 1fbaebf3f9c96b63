#include "domains/healthcheck/store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "platform/sql/testing.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& healthcheck();
}

namespace watchbell::healthcheck {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow = Timestamp::from_millis(1'767'225'600'000);

struct Db : sql::testing::FreshSession {
  Db() : FreshSession(migrations::healthcheck()) {}

  Configuration configuration(std::string name, bool paused = false) {
    Configuration c{.id = ConfigurationId::make(kNow), .name = std::move(name), .strategy_id = "s", .interval_seconds = 60, .paused = paused,
                    .created_at = kNow, .updated_at = kNow};
    c.config.text = R"({"timeout":1000})";
    store::insert(*this, c);
    return c;
  }
  store::Association associate(const SystemId& system, const ConfigurationId& configuration, bool enabled = true, std::optional<Thresholds> thresholds = {}) {
    store::Association a{.id = AssociationId::make(kNow), .key = {system, configuration}, .enabled = enabled, .thresholds = thresholds,
                         .measured_since = kNow, .created_at = kNow};
    store::put(*this, a);
    return a;
  }
  RunId run(const CheckKey& key, Timestamp at, RunStatus status = RunStatus::healthy, std::string message = {}) {
    const auto id = RunId::make(kNow);
    store::insert(*this, store::Run{.id = id, .key = key, .status = status, .timestamp = at, .latency_ms = 5, .message = std::move(message), .result = "{}"});
    return id;
  }
  SystemFacts facts(const SystemId& system) { return store::facts(*this, std::span(&system, 1)).at(system); }
};
SystemId a_system() { return SystemId::make(kNow); }

TEST(HealthStore, keeps_configurations_as_they_are) {
  Db db;
  Configuration c{.id = ConfigurationId::make(kNow), .name = "Home", .strategy_id = "x.y", .interval_seconds = 30, .created_at = kNow, .updated_at = kNow + 1s,
                  .revision = 4};
  c.config.text = R"({"a":[1,2]})";
  CollectorEntry entry;
  entry.id = Text<1, 100>::of("e1");
  entry.collector_id = Text<1, 200>::of("x.c");
  entry.config.text = R"({"url":"http://a"})";
  Assertion assertion;
  assertion.field = Text<1, 200>::of("statusCode");
  assertion.operator_ = Text<1, 40>::of("equals");
  assertion.value = Json<4096, 8, false>{.text = "404"};
  entry.assertions = Assertions(std::vector{assertion});
  c.collectors = Collectors(std::vector{entry});
  store::insert(db, c);
  const auto found = store::find_configuration(db, c.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "Home");
  EXPECT_EQ(found->config.text, c.config.text);
  EXPECT_EQ(found->revision, 4);
  EXPECT_EQ(found->updated_at, c.updated_at);
  ASSERT_TRUE(found->collectors && found->collectors->size() == 1);
  EXPECT_EQ((*found->collectors)[0].assertions->at(0).value->text, "404");
  EXPECT_EQ((*found->collectors)[0].assertions->at(0).operator_.str(), "equals");
  EXPECT_EQ((*found->collectors)[0].config.text, R"({"url":"http://a"})");
  EXPECT_FALSE(store::find_configuration(db, ConfigurationId::make(kNow)));

  Configuration next = *found;
  next.name = "Other";
  next.collectors.reset();
  next.paused = true;
  store::update(db, next);
  EXPECT_EQ(store::find_configuration(db, c.id)->name, "Other");
  EXPECT_FALSE(store::find_configuration(db, c.id)->collectors);
  EXPECT_TRUE(store::find_configuration(db, c.id)->paused);
}

TEST(HealthStore, lists_by_name_then_id) {
  Db db;
  db.configuration("b");
  const auto first = db.configuration("a");
  const auto second = db.configuration("a");
  const auto all = store::list_configurations(db, 10, 0);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].id, first.id);
  EXPECT_EQ(all[1].id, second.id);
  EXPECT_EQ(store::list_configurations(db, 1, 2)[0].name, "b");
  EXPECT_EQ(store::count_configurations(db), 3);
}

TEST(HealthStore, only_what_is_enabled_and_not_paused_is_active) {
  Db db;
  const auto system = a_system();
  const auto running = db.configuration("running");
  const auto paused = db.configuration("paused", true);
  const auto association = db.associate(system, running.id);
  db.associate(system, paused.id);
  db.associate(a_system(), running.id, false);
  const auto checks = store::active_checks(db);
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].key, (CheckKey{system, running.id}));
  EXPECT_EQ(checks[0].configuration->name, "running");
  EXPECT_EQ(store::active_checks(db, paused.id).size(), 0u);
  EXPECT_TRUE(store::active_check(db, checks[0].key));

  EXPECT_TRUE(store::is_active(db, checks[0], kNow));
  EXPECT_FALSE(store::is_active(db, checks[0], kNow - 1us));  // began before it was enabled
  auto other = checks[0];
  other.association_id = AssociationId::make(kNow);
  EXPECT_FALSE(store::is_active(db, other, kNow));
  auto changed = running;
  changed.revision = 2;
  store::update(db, changed);
  EXPECT_FALSE(store::is_active(db, checks[0], kNow));
  EXPECT_EQ(association.key, checks[0].key);
}

TEST(HealthStore, planned_checks_tell_what_their_cadence_goes_by) {
  Db db;
  const auto one = a_system(), two = a_system();
  const auto home = db.configuration("home"), shop = db.configuration("shop");
  const auto paused = db.configuration("paused", true);
  db.associate(one, home.id);
  db.associate(one, shop.id);
  db.associate(two, home.id);
  db.associate(two, paused.id);
  db.associate(two, shop.id, false);
  db.run({one, home.id}, kNow + 60s);
  db.run({one, home.id}, kNow + 120s);
  db.run({two, home.id}, kNow - 1s);  // before it was measured
  auto changed = shop;
  changed.updated_at = kNow + 7s;
  store::update(db, changed);
  const auto keys = [&](const Scope& scope) {
    std::set<CheckKey> all;
    for (const auto& planned : store::planned_checks(db, scope)) all.insert(planned.check.key);
    return all;
  };
  EXPECT_EQ(keys({}), (std::set<CheckKey>{{one, home.id}, {one, shop.id}, {two, home.id}}));
  EXPECT_EQ(keys({.system_id = one}), (std::set<CheckKey>{{one, home.id}, {one, shop.id}}));
  EXPECT_EQ(keys({.configuration_id = home.id}), (std::set<CheckKey>{{one, home.id}, {two, home.id}}));
  EXPECT_EQ(keys({.system_id = two, .configuration_id = home.id}), (std::set<CheckKey>{{two, home.id}}));
  EXPECT_TRUE(keys({.system_id = two, .configuration_id = shop.id}).empty());
  for (const auto& planned : store::planned_checks(db, {})) {
    if (planned.check.key == CheckKey{one, home.id}) {
      EXPECT_EQ(planned.last_run, kNow + 120s);
      EXPECT_EQ(planned.changed_at, std::max(kNow, planned.check.configuration->updated_at));
      EXPECT_EQ(planned.check.configuration->name, "home");
    } else {
      EXPECT_EQ(planned.last_run, std::nullopt);
    }
    if (planned.check.key == CheckKey{one, shop.id}) {
      EXPECT_EQ(planned.changed_at, kNow + 7s);
    }
  }
}

TEST(HealthStore, facts_of_many_systems_at_once) {
  Db db;
  const auto one = a_system(), two = a_system(), bare = a_system();
  const auto a = db.configuration("a"), b = db.configuration("b"), paused = db.configuration("p", true);
  db.associate(one, b.id);
  db.associate(one, a.id, true, WindowThresholds{.window_size = 7});
  db.associate(one, paused.id);
  db.associate(two, a.id, false);
  for (int i = 0; i < 130; ++i) db.run({one, a.id}, kNow + std::chrono::seconds(i), i < 125 ? RunStatus::healthy : RunStatus::unhealthy);
  db.run({one, a.id}, kNow - 1s);  // before it counted
  db.run({one, paused.id}, kNow + 1s);
  db.run({two, a.id}, kNow + 1s);
  store::insert(db, store::Transition{.system_id = two, .number = 1, .from = {}, .to = Status::healthy, .at = kNow, .configuration_id = a.id});
  store::insert(db, store::Transition{.system_id = two, .number = 2, .from = Status::healthy, .to = Status::degraded, .at = kNow - 1h, .configuration_id = {}});

  const std::vector<SystemId> ids{one, two, bare};
  auto facts = store::facts(db, ids);
  ASSERT_EQ(facts.size(), 3u);
  const auto& checks = facts[one].checks;
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0].configuration_name, "a");
  EXPECT_EQ(std::get<WindowThresholds>(checks[0].thresholds).window_size.value(), 7);
  ASSERT_EQ(checks[0].runs.size(), kEvaluatedRuns);
  EXPECT_EQ(checks[0].runs.front().timestamp, kNow + 30s);
  EXPECT_EQ(checks[0].runs.back().timestamp, kNow + 129s);
  EXPECT_EQ(checks[0].runs.back().status, RunStatus::unhealthy);
  EXPECT_TRUE(checks[1].runs.empty());
  EXPECT_TRUE(facts[two].checks.empty());
  // The newest by number: a clock that was set back does not confuse it.
  ASSERT_TRUE(facts[two].last);
  EXPECT_EQ(facts[two].last->to, Status::degraded);
  EXPECT_EQ(facts[two].last->number, 2);
  EXPECT_FALSE(facts[bare].last);
}

TEST(HealthStore, a_transition_has_a_number_of_its_own) {
  Db db;
  const auto system = a_system();
  const store::Transition transition{.system_id = system, .number = 1, .from = {}, .to = Status::healthy, .at = kNow, .configuration_id = {}};
  store::insert(db, transition);
  EXPECT_THROW(store::insert(db, transition), Fault);
}

TEST(HealthStore, history_has_a_total_order_and_pages_meet) {
  Db db;
  const auto system = a_system();
  const auto configuration = db.configuration("c");
  const CheckKey key{system, configuration.id};
  db.associate(system, configuration.id);
  std::vector<RunId> inserted;
  for (int i = 0; i < 9; ++i) inserted.push_back(db.run(key, kNow + std::chrono::seconds(i / 3)));  // three share an instant
  db.run({a_system(), configuration.id}, kNow);  // nobody's
  db.run(key, kNow - 1s);                        // of an earlier association

  std::vector<RunId> paged;
  for (std::int64_t offset = 0; offset < 12; offset += 2) {
    auto page = store::history(db, {.system_id = system, .limit = 2, .offset = offset, .ascending = true});
    EXPECT_EQ(page.total, 9);
    for (const auto& run : page.runs) paged.push_back(run.id);
  }
  EXPECT_EQ(paged, inserted);
  auto backwards = store::history(db, {.limit = 100});
  ASSERT_EQ(backwards.runs.size(), 9u);
  std::ranges::reverse(backwards.runs);
  EXPECT_TRUE(std::ranges::equal(backwards.runs, inserted, {}, &store::Run::id));
  EXPECT_EQ(store::history(db, {.configuration_id = configuration.id, .from = kNow + 1s, .to = kNow + 1s}).total, 3);
  EXPECT_EQ(store::history(db, {.system_id = a_system()}).total, 0);
}

TEST(HealthStore, removing_an_association_hides_its_runs_at_once) {
  Db db;
  const auto system = a_system();
  const auto configuration = db.configuration("c");
  const CheckKey key{system, configuration.id};
  db.associate(system, configuration.id);
  db.run(key, kNow + 1s);
  EXPECT_TRUE(store::delete_association(db, key));
  EXPECT_FALSE(store::delete_association(db, key));
  EXPECT_EQ(store::history(db, {}).total, 0);
  // Associated again: what was before stays away.
  auto again = store::Association{.id = AssociationId::make(kNow), .key = key, .enabled = true, .thresholds = {}, .measured_since = kNow + 2s,
                                  .created_at = kNow + 2s};
  store::put(db, again);
  EXPECT_EQ(store::history(db, {}).total, 0);
  EXPECT_TRUE(db.facts(system).checks.at(0).runs.empty());
  EXPECT_EQ(store::delete_runs(db, key, kNow + 2s, 100), 1);
}

TEST(HealthStore, tells_the_newest_reason) {
  Db db;
  const CheckKey key{a_system(), db.configuration("c").id};
  EXPECT_EQ(store::last_reason(db, key), std::nullopt);
  db.run(key, kNow, RunStatus::unhealthy, "old");
  db.run(key, kNow + 1s, RunStatus::unhealthy, "new");
  db.run(key, kNow + 2s, RunStatus::healthy, "5 ms");
  EXPECT_EQ(store::last_reason(db, key), "new");
}

TEST(HealthStore, retention_keeps_what_statuses_are_made_of) {
  Db db;
  const auto system = a_system();
  const auto often = db.configuration("often"), seldom = db.configuration("seldom");
  db.associate(system, often.id);
  db.associate(system, seldom.id);
  for (int i = 0; i < 150; ++i) db.run({system, often.id}, kNow + std::chrono::seconds(i));
  for (int i = 0; i < 50; ++i) db.run({system, seldom.id}, kNow + std::chrono::seconds(i));
  const Timestamp cutoff = kNow + 1h;
  EXPECT_EQ(store::checks_with_runs_before(db, cutoff).size(), 2u);
  EXPECT_EQ(store::checks_with_runs_before(db, kNow).size(), 0u);
  const auto before = db.facts(system);
  EXPECT_EQ(store::delete_old_runs(db, {system, often.id}, cutoff, 30), 30);
  EXPECT_EQ(store::delete_old_runs(db, {system, often.id}, cutoff, 30), 20);
  EXPECT_EQ(store::delete_old_runs(db, {system, often.id}, cutoff, 30), 0);
  EXPECT_EQ(store::delete_old_runs(db, {system, seldom.id}, cutoff, 30), 0);
  const auto after = db.facts(system);
  ASSERT_EQ(before.checks.size(), after.checks.size());
  for (std::size_t i = 0; i < before.checks.size(); ++i) EXPECT_EQ(before.checks[i].runs.size(), after.checks[i].runs.size());

  for (std::int64_t n = 1; n <= 3; ++n)
    store::insert(db, store::Transition{.system_id = system, .number = n, .from = {}, .to = Status::healthy, .at = kNow, .configuration_id = {}});
  EXPECT_EQ(store::delete_old_transitions(db, cutoff, 10), 2);
  EXPECT_EQ(store::transitions_of(db, system).at(0).number, 3);
}

TEST(HealthStore, a_deleted_system_leaves_no_row) {
  Db db;
  const auto system = a_system(), other = a_system();
  const auto configuration = db.configuration("c");
  for (const auto& id : {system, other}) {
    db.associate(id, configuration.id);
    db.run({id, configuration.id}, kNow + 1s);
    store::insert(db, store::Transition{.system_id = id, .number = 1, .from = {}, .to = Status::healthy, .at = kNow, .configuration_id = {}});
  }
  store::delete_system(db, system);
  EXPECT_EQ(store::delete_runs_of_system(db, system, 10), 1);
  EXPECT_FALSE(db.facts(system).last);
  EXPECT_EQ(db.one<std::int64_t>("select count(*) from healthcheck_runs"), 1);
  EXPECT_EQ(db.one<std::int64_t>("select count(*) from healthcheck_associations"), 1);
  EXPECT_EQ(db.facts(other).checks.size(), 1u);
  // Deleting the configuration takes its associations.
  store::delete_configuration(db, configuration.id);
  EXPECT_EQ(db.one<std::int64_t>("select count(*) from healthcheck_associations"), 0);
}

TEST(HealthStore, the_newest_runs_are_found_without_reading_the_others) {
  Db db;
  std::string plan;
  db.each<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::string>>(
      "explain query plan select r.id from healthcheck_associations a cross join healthcheck_runs r on r.id in (select n.id from healthcheck_runs n "
      "where n.system_id = a.system_id and n.configuration_id = a.configuration_id and n.timestamp >= a.measured_since order by n.timestamp desc, n.id desc "
      "limit 100)",
      [&](auto&& row) { plan += std::get<3>(row) + "\n"; });
  EXPECT_NE(plan.find("healthcheck_runs_check (system_id=? AND configuration_id=? AND timestamp>?)"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
}

}  // namespace
}  // namespace watchbell::healthcheck
