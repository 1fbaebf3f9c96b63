// main() of the test programs NAME_server_tests: the tests of NAME_tests that store something, which run there over SQLite, once more over PostgreSQL.
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/sql/testing.hpp"
#include "tests/support/postgres_server.hpp"

namespace watchbell::test {
namespace {

/// Tests of what SQLite alone has, or that show it by SQLite's own means. They do not run here.
constexpr auto kOfSqlite = std::to_array<std::string_view>({
    // Its trace holds a read, or counts statements.
    "CatalogGroups.R_04_two_hundred_systems_are_three_statements_and_none_when_warm",
    "CatalogGroups.R_05_a_load_that_a_change_overtook_leaves_no_entry",
    "CatalogViews.R_05_a_load_that_a_change_overtook_leaves_no_entry",
    "HealthService.C_2_a_load_that_runs_while_the_status_changes_is_not_kept",
    "Inbox.N_1_a_page_that_refetches_on_a_signal_reads_the_new_state",
    "Inbox.C_2_a_page_whose_first_load_ran_into_a_change_is_not_kept",
    "Groups.N_2_a_list_whose_first_load_ran_into_a_change_is_not_kept",
    "Inbox.N_2_every_page_of_an_inbox_is_fenced_and_the_fence_does_not_grow",
    // Its query plans.
    "HealthStore.the_newest_runs_are_found_without_reading_the_others",
    "CatalogStore.R_18_reads_of_one_system_use_their_indexes",
    // Its pages: a full disk, and a file that does not grow.
    "Delivery.N_5_what_was_sent_while_the_disk_was_full_is_not_sent_again",
    "Jobs.Q_10_memory_and_storage_are_flat_after_many_jobs",
    // One connection, on which things go on in the order in which they were begun.
    "DeliveryRates.N_5_a_provider_gets_no_more_than_it_takes_and_waiting_costs_no_try",
    "DeliveryRates.N_5_what_is_critical_and_what_somebody_waits_for_go_before_the_rest",
    "DeliveryRates.N_5_what_waits_for_its_rate_survives_a_kill_and_keeps_its_key",
    "Jobs.the_loops_of_a_queue_outlive_any_exception",
    // group_concat().
    "Jobs.Q_15_a_job_that_outlasts_its_lease_stays_with_its_handler",
});

std::unique_ptr<PostgresServer> server;

std::string url_of(const std::string& database) {
  constexpr std::string_view kFirst = "///postgres?";
  std::string url = server->url();
  return url.replace(url.find(kFirst), kFirst.size(), "///" + database + "?");
}

std::unique_ptr<sql::detail::Connection> connect_to(const std::string& url) {
  static const SystemClock clock;
  auto place = sql::detail::postgres_server(url, clock);
  if (!place) throw std::runtime_error(place.error().message);
  return sql::detail::open_postgres({.server = std::move(*place)});
}

/// A database of its own, copied from one that was migrated.
class PostgresStore final : public sql::testing::Store {
 public:
  explicit PostgresStore(const std::string& copied) {
    // Not dropped before now: a connection that was closed takes a moment to end, for which dropping its database waits in tenths of a second.
    for (const auto& gone : std::exchange(to_drop_, {})) server->ask("drop database " + gone + " with (force)");
    server->ask("create database " + name_ + " template " + copied + by_files());
  }
  ~PostgresStore() override { to_drop_.push_back(name_); }
  std::string url() const override { return url_of(name_); }
  std::unique_ptr<sql::detail::Connection> connect() override { return connect_to(url()); }

 private:
  /// From version 15 on a copy goes through the log unless told otherwise, which takes ten times as long.
  static const std::string& by_files() {
    static const std::string words = std::stoi(server->ask("show server_version_num")) >= 150000 ? " strategy file_copy" : "";
    return words;
  }
  static inline std::vector<std::string> to_drop_;
  static inline int made_ = 0;
  std::string name_ = "test_" + std::to_string(++made_);
};

/// A database with these migrations is made once; each test gets a copy.
std::unique_ptr<sql::testing::Store> make_store(std::span<const sql::MigrationSet* const> sets) {
  static std::map<std::string, std::string> names;
  if (!server) throw std::runtime_error("PostgreSQL does not run");
  std::string scripts;
  for (const auto* set : sets)
    for (const auto& script : set->migrations) scripts += set->name + "/" + script.file + "\n" + script.sql + "\n";
  const auto [of, fresh] = names.try_emplace(std::move(scripts), "migrated_" + std::to_string(names.size()));
  if (fresh) {
    server->ask("create database " + of->second);
    sql::Session session(connect_to(url_of(of->second)));
    if (const auto migrated = sql::migrate(session, sets, Timestamp()); !migrated) throw std::runtime_error(migrated.error().message);
  }
  return std::make_unique<PostgresStore>(of->second);
}

/// A database is some 300 files, and ext4 slows down where that many come and go (it looks for inodes that were not in use a moment ago): the cluster is kept in
/// memory where there is room, unless somebody has named another place.
void prefer_memory() {
  constexpr const char* kMemory = "/dev/shm";
  constexpr std::uint64_t kRoom = std::uint64_t(2) << 30;
  struct statvfs about{};
  if (::statvfs(kMemory, &about) == 0 && std::uint64_t(about.f_bavail) * about.f_frsize >= kRoom) ::setenv("TMPDIR", kMemory, 0);
}

/// Starts the server before the first test and stops it after the last, on the thread that it ends with.
class Server final : public ::testing::Environment {
 public:
  void SetUp() override {
    if (PostgresServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names postgres";
    server = std::make_unique<PostgresServer>();
  }
  void TearDown() override { server.reset(); }
};

}  // namespace
}  // namespace watchbell::test

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  std::string filter = GTEST_FLAG_GET(filter);
  char joint = filter.find('-') == std::string::npos ? '-' : ':';
  for (const auto test : watchbell::test::kOfSqlite) {
    filter.append(1, joint).append(test);
    joint = ':';
  }
  GTEST_FLAG_SET(filter, filter);
  watchbell::test::prefer_memory();
  ::testing::AddGlobalTestEnvironment(new watchbell::test::Server);
  watchbell::sql::testing::g_make_store = &watchbell::test::make_store;
  return RUN_ALL_TESTS();
}
