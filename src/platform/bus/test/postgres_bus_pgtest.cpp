#include "platform/bus/postgres_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/sql/test/opened.hpp"
#include "platform/sql/test/postgres_backend.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::bus {
namespace {

using namespace std::chrono_literals;
using sql::test::server;
using ::testing::ElementsAre;
using ::testing::Contains;

/// A process with a bus of its own, and what it heard: "+" up, "-" down, and messages.
struct Process {
  explicit Process(async::Loop& on, std::string channel = "watchbell") : loop(on), wheel(on.executor(), clock) {
    const auto url = server().url();
    database = sql::test::opened(loop, wheel, {.url = url, .readers = 1, .writers = 1}, {});
    auto made = postgres_bus(wheel, *database, {.url = url, .channel = std::move(channel)}, [](auto, auto) { ADD_FAILURE(); });
    if (!made) throw std::runtime_error(made.error().message);
    bus = std::move(*made);
    bus->start({.on_up = [this] { heard.emplace_back("+"); },
                .on_message = [this](std::string_view message) { heard.emplace_back(message); },
                .on_down = [this] { heard.emplace_back("-"); }});
  }
  awaitable<void> until(std::size_t events) {
    while (heard.size() < events) co_await asio::post(loop.executor(), use_awaitable);
  }
  awaitable<void> close() {
    co_await bus->stop();
    co_await database->close();
  }
  async::Loop& loop;
  SystemClock clock;
  async::TimerWheel wheel;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<Bus> bus;
  std::vector<std::string> heard;
};

CO_TEST(PostgresBus, everybody_hears_everybody_in_the_order_of_each) {
  Process a(loop);
  Process b(loop);
  co_await a.until(1);
  co_await b.until(1);
  for (int i = 0; i < 600; ++i) a.bus->publish("a" + std::to_string(i));
  b.bus->publish("Grüße 🔔 'quoted'");
  co_await a.until(602);
  co_await b.until(602);
  for (const auto* process : {&a, &b}) {
    std::vector<std::string> of_a;
    for (const auto& message : process->heard)
      if (message.starts_with('a')) of_a.push_back(message);
    EXPECT_EQ(of_a.size(), 600u);
    for (std::size_t i = 0; i < of_a.size(); ++i) EXPECT_EQ(of_a[i], "a" + std::to_string(i));
    EXPECT_THAT(process->heard, Contains("Grüße 🔔 'quoted'"));
  }
  co_await a.close();
  co_await b.close();
}

CO_TEST(PostgresBus, the_longest_message_passes) {
  Process a(loop);
  co_await a.until(1);
  const std::string longest(a.bus->most_bytes(), 'x');
  a.bus->publish(longest);
  co_await a.until(2);
  EXPECT_EQ(a.heard[1], longest);
  co_await a.close();
}

CO_TEST(PostgresBus, what_is_published_while_the_server_is_away_is_sent_when_it_is_back) {
  Process a(loop, "away");
  co_await a.until(1);
  server().stop();
  co_await a.until(2);
  EXPECT_THAT(a.heard, ElementsAre("+", "-"));
  a.bus->publish("kept");
  server().start();
  co_await a.until(3);
  EXPECT_EQ(a.heard[2], "+");
  a.bus->publish("after");
  // It may have been sent before anybody listened again; then nobody hears it, and the gap shows (Incoming).
  while (a.heard.back() != "after") co_await a.until(a.heard.size() + 1);
  co_await a.close();
}

}  // namespace
}  // namespace watchbell::bus
