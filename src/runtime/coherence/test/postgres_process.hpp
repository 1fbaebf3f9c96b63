#pragma once

#include <gtest/gtest.h>

#include "platform/bus/postgres_bus.hpp"
#include "platform/sql/test/opened.hpp"
#include "platform/sql/test/postgres_backend.hpp"
#include "runtime/coherence/cluster.hpp"
#include "runtime/coherence/scope.hpp"
#include "runtime/coherence/test/things.hpp"

namespace watchbell::coherence::test {

/// A process of a cluster over a real PostgreSQL: its databases, its bus, and what it has in memory. Whoever derives from it starts the cluster.
struct PostgresProcess {
  PostgresProcess(async::Loop& l, const std::string& url, const std::string& channel, std::size_t writers) : loop(l), wheel(l.executor(), clock) {
    const std::vector<const sql::MigrationSet*> sets{&migrations::runtime(), &kThings};
    database = sql::test::opened(loop, wheel, {.url = url, .readers = 2, .writers = writers}, sets);
    coordination = sql::test::opened(loop, wheel, {.url = url, .readers = 2, .writers = 3});
    auto made = bus::postgres_bus(wheel, *coordination, {.url = url, .channel = channel}, on_fault);
    if (!made) throw std::runtime_error(made.error().message);
    process_bus = std::move(*made);
    cluster.emplace(wheel, *coordination, *process_bus, memory, on_fault);
    things.emplace(memory, *database, "things", std::chrono::seconds(60));
  }
  awaitable<void> joined() {
    while (!cluster->serves()) co_await asio::post(loop.executor(), use_awaitable);
  }
  awaitable<void> close() {
    co_await cluster->stop();
    co_await memory.close<Executor>();
    co_await database->close();
    co_await coordination->close();
  }

  async::Loop& loop;
  SystemClock clock;
  async::TimerWheel wheel;
  async::TaskScope::OnFault on_fault = [](std::string_view where, std::exception_ptr) { ADD_FAILURE() << where; };
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<sql::Database> coordination;
  std::unique_ptr<bus::Bus> process_bus;
  Memory memory;
  std::optional<Cluster> cluster;
  std::optional<Scope> things;
};

}  // namespace watchbell::coherence::test
