// Three processes of one cluster over a real PostgreSQL and its NOTIFY; the promises one by one stand in cluster_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/random.hpp"
#include "runtime/coherence/test/postgres_process.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::coherence {
namespace {

using namespace std::chrono_literals;
using sql::test::server;

struct Process : test::PostgresProcess {
  Process(async::Loop& l, const std::string& url, const std::string& channel) : PostgresProcess(l, url, channel, 2) { cluster->start(); }
  awaitable<std::int64_t> read() {
    const auto found = co_await things->read<std::int64_t>(
        cache::Key("t"), [](sql::Session& session) { return session.one<std::int64_t>("select version from things where id = 't'").value_or(0); });
    co_return found ? **found : -1;
  }
  awaitable<bool> change(std::int64_t version) {
    const std::vector<Target> targets{things->key(cache::Key("t"))};
    const auto text = to_text(targets);
    const auto intent = co_await database->write([&, now = clock.now()](sql::Session& session) {
      session.execute("insert into things (id, version) values ('t', :1) on conflict (id) do update set version = excluded.version", version);
      return cluster->record(session, text, now);
    });
    if (!intent) co_return false;
    for (const auto& target : targets) target.apply();
    co_await cluster->settle(*intent, text);
    co_return true;
  }
};

struct Three {
  Three(async::Loop& loop, const std::string& channel) {
    const auto url = server().fresh_url();
    for (auto& process : all) process = std::make_unique<Process>(loop, url, channel);
  }
  awaitable<void> joined() {
    for (auto& process : all) co_await process->joined();
  }
  awaitable<void> close() {
    for (auto& process : all) co_await process->close();
  }
  Process& operator[](std::size_t i) { return *all[i]; }
  std::array<std::unique_ptr<Process>, 3> all;
};

/// Reads through one process until told to stop: nothing may be older than what had returned when the read began.
awaitable<void> read_on(Process& process, const std::int64_t& returned, const bool& stop, std::int64_t& reads, std::int64_t& stale, bool& ended) {
  while (!stop) {
    const auto least = returned;
    const auto got = co_await process.read();
    ++reads;
    if (got < least) ++stale;
    co_await asio::post(process.loop.executor(), use_awaitable);
  }
  ended = true;
}

CO_TEST(ClusterPostgres, C_3_no_reader_of_any_process_sees_less_than_what_has_returned_through_another) {
  Three cluster(loop, "three_a");
  co_await cluster.joined();
  std::int64_t returned = 0;
  bool stop = false;
  std::array<std::int64_t, 3> reads{};
  std::array<std::int64_t, 3> stale{};
  std::array<bool, 3> ended{};
  async::TaskScope readers(loop.executor(), [](auto, auto) { ADD_FAILURE(); });
  for (std::size_t i = 0; i < 3; ++i) readers.spawn("reader", read_on(cluster[i], returned, stop, reads[i], stale[i], ended[i]));
  for (std::int64_t version = 1; version <= 300; ++version) {
    EXPECT_TRUE(co_await cluster[static_cast<std::size_t>(version) % 3].change(version));
    returned = version;
  }
  stop = true;
  co_await readers.join();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(stale[i], 0);
    EXPECT_GE(reads[i], 300);
  }
  EXPECT_EQ(cluster[0].cluster->statistics().fenced, 0u);
  EXPECT_EQ(cluster[0].cluster->statistics().settled, 100u);
  EXPECT_EQ(cluster[0].cluster->statistics().waited_for, 200u);
  co_await cluster.close();
}

CO_TEST(ClusterPostgres, a_change_costs_three_round_trips_to_the_database_and_one_over_the_bus_more_than_alone) {
  Three cluster(loop, "three_b");
  co_await cluster.joined();
  EXPECT_TRUE(co_await cluster[0].change(1));
  // What the process itself asks every half second stands in these counts as well: the least of several changes is the change alone.
  std::uint64_t least = 99;
  std::vector<double> milliseconds;
  for (int i = 0; i < 50; ++i) {
    const auto before = cluster[0].coordination->counters().writes;
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(co_await cluster[0].change(2 + i));
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
    // Before the intent is deleted, which nobody waits for: the members, and the message.
    least = std::min(least, cluster[0].coordination->counters().writes - before);
    while (co_await cluster[0].database->read([](sql::Session& session) { return session.one<std::int64_t>("select count(*) from intents").value(); }) != 0) {}
  }
  std::ranges::sort(milliseconds);
  fmt::print("a change with three healthy processes: 1 statement for its intent, {} statements beside; {:.1f} ms at the median, {:.1f} ms at the 99th percentile\n", least,
             milliseconds[25], milliseconds[49]);
  EXPECT_LE(least + 1, 3u);
  co_await cluster.close();
}

CO_TEST(ClusterPostgres, C_18_a_database_that_was_restarted_leaves_no_stale_read_behind) {
  Three cluster(loop, "three_c");
  co_await cluster.joined();
  EXPECT_TRUE(co_await cluster[0].change(1));
  for (auto& process : cluster.all) EXPECT_EQ(co_await process->read(), 1);
  server().restart();
  while (cluster[1].cluster->statistics().joins < 2) co_await asio::post(loop.executor(), use_awaitable);
  co_await cluster.joined();
  EXPECT_TRUE(co_await cluster[1].change(2));
  for (auto& process : cluster.all) EXPECT_EQ(co_await process->read(), 2);
  co_await cluster.close();
}

CO_TEST(ClusterPostgres, C_18_a_process_whose_listening_connection_is_cut_misses_nothing) {
  Three cluster(loop, "three_d");
  co_await cluster.joined();
  EXPECT_TRUE(co_await cluster[0].change(1));
  for (int round = 0; round < 5; ++round) {
    for (auto& process : cluster.all) EXPECT_EQ(co_await process->read(), round + 1);
    server().ask("select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen \"three_d\"%'");
    EXPECT_TRUE(co_await cluster[0].change(round + 2));
    for (auto& process : cluster.all) EXPECT_EQ(co_await process->read(), round + 2);
    co_await cluster.joined();
  }
  co_await cluster.close();
}

}  // namespace
}  // namespace watchbell::coherence
