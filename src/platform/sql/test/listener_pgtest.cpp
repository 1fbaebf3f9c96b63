#include "platform/sql/listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "platform/sql/test/postgres_backend.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::sql {
namespace {

using namespace std::chrono_literals;
using test::server;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Control = detail::Connection::Control;

/// A listener on "one" and "two", and what it said: "+" listening, "-" lost, and messages with their channel.
struct Ear {
  explicit Ear(async::Loop& on, std::string url = server().url(), std::chrono::milliseconds ping = 5s) : loop(on), wheel(on.executor(), clock) {
    auto made =
        Listener::make(wheel, {.url = std::move(url), .channels = {"one", "two"}, .ping = ping},
                       {.on_listening = [this] { heard.emplace_back("+"); },
                        .on_message = [this](std::string_view channel, std::string_view message) { heard.push_back(fmt::format("{}:{}", channel, message)); },
                        .on_lost = [this] { heard.emplace_back("-"); }},
                       [](auto, auto) { ADD_FAILURE(); });
    if (!made) throw std::runtime_error(made.error().message);
    listener = std::move(*made);
    listener->start();
  }
  awaitable<void> until(std::size_t events) {
    while (heard.size() < events) co_await asio::post(loop.executor(), use_awaitable);
  }
  async::Loop& loop;
  SystemClock clock;
  async::TimerWheel wheel;
  std::vector<std::string> heard;
  std::unique_ptr<Listener> listener;
};

std::string pid_of_ear() { return server().ask("select pid from pg_stat_activity where query like 'listen %' and state = 'idle'"); }

CO_TEST(PostgresListener, messages_arrive_when_their_transaction_is_committed) {
  Ear ear(loop);
  co_await ear.until(1);
  Session sender(test::connect_to(server().url()));
  sender.connection().control(Control::begin_write);
  notify(sender, "one", "a");
  notify(sender, "two", "Grüße 🔔 'quoted'");
  notify(sender, "elsewhere", "unheard");
  Session other(test::connect_to(server().url()));
  notify(other, "one", "earlier");
  co_await ear.until(2);
  EXPECT_THAT(ear.heard, ElementsAre("+", "one:earlier"));
  sender.connection().control(Control::commit);
  co_await ear.until(4);
  sender.connection().control(Control::begin_write);
  notify(sender, "one", "taken back");
  sender.connection().control(Control::rollback);
  notify(sender, "one", "");
  co_await ear.until(5);
  EXPECT_THAT(ear.heard, ElementsAre("+", "one:earlier", "one:a", "two:Grüße 🔔 'quoted'", "one:"));
  EXPECT_TRUE(ear.listener->listening());
  co_await ear.listener->stop();
  EXPECT_EQ(ear.heard.back(), "-") << "who stops listening hears nothing any more";
  EXPECT_FALSE(ear.listener->listening());
}

CO_TEST(PostgresListener, a_message_goes_by_value_up_to_its_bound) {
  Ear ear(loop);
  co_await ear.until(1);
  Session sender(test::connect_to(server().url()));
  const std::string largest(kMostOfMessage, 'x');
  notify(sender, "one", largest);
  co_await ear.until(2);
  EXPECT_EQ(ear.heard[1], "one:" + largest);
  bool refused = false;
  try {
    notify(sender, "one", largest + "x");
  } catch (const Fault& fault) {
    refused = fault.kind() == Fault::Kind::other;
  }
  EXPECT_TRUE(refused);
  // Many at once, as a burst of changes makes them.
  sender.connection().control(Control::begin_write);
  for (int i = 0; i < 1000; ++i) notify(sender, "two", std::to_string(i));
  sender.connection().control(Control::commit);
  co_await ear.until(1002);
  EXPECT_EQ(ear.heard.back(), "two:999");
  co_await ear.listener->stop();
}

CO_TEST(PostgresListener, a_gap_is_told_before_anything_that_comes_after_it) {
  Ear ear(loop);
  co_await ear.until(1);
  Session sender(test::connect_to(server().url()));
  notify(sender, "one", "before");
  co_await ear.until(2);
  server().ask("select pg_terminate_backend(" + pid_of_ear() + ")");
  co_await ear.until(3);
  EXPECT_EQ(ear.heard.back(), "-");
  EXPECT_FALSE(ear.listener->listening());
  EXPECT_THAT(ear.listener->last_error(), HasSubstr("database server"));
  notify(sender, "one", "meanwhile");  // it waits before it tries again
  co_await ear.until(4);
  notify(sender, "one", "after");
  co_await ear.until(5);
  EXPECT_THAT(ear.heard, ElementsAre("+", "one:before", "-", "+", "one:after"));
  co_await ear.listener->stop();
}

CO_TEST(PostgresListener, a_server_that_was_restarted_is_listened_to_again) {
  Ear ear(loop);
  co_await ear.until(1);
  server().stop();
  co_await ear.until(2);
  while (!ear.listener->last_error().contains("cannot be reached")) co_await asio::post(loop.executor(), use_awaitable);
  server().start();
  co_await ear.until(3);
  Session sender(test::connect_to(server().url()));
  notify(sender, "two", "again");
  co_await ear.until(4);
  EXPECT_THAT(ear.heard, ElementsAre("+", "-", "+", "two:again"));
  co_await ear.listener->stop();
}

CO_TEST(PostgresListener, a_connection_that_is_gone_without_a_word_is_found) {
  Ear ear(loop, server().url(), 100ms);
  co_await ear.until(1);
  for (const auto until = std::chrono::steady_clock::now() + 400ms; std::chrono::steady_clock::now() < until;)
    co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_THAT(ear.heard, ElementsAre("+")) << "questions that are answered";
  const auto pid = server().ask("select pid from pg_stat_activity where application_name = 'watchbell' and query = '' and state = 'idle'");
  ::kill(static_cast<pid_t>(std::stol(pid)), SIGSTOP);
  co_await ear.until(3);
  EXPECT_THAT(ear.heard, ElementsAre("+", "-", "+"));
  EXPECT_THAT(ear.listener->last_error(), HasSubstr("does not answer"));
  ::kill(static_cast<pid_t>(std::stol(pid)), SIGCONT);
  co_await ear.listener->stop();
}

CO_TEST(PostgresListener, one_that_never_gets_through_can_be_stopped) {
  Ear ear(loop, "postgresql:///db?host=/nowhere");
  while (ear.listener->last_error().empty()) co_await asio::post(loop.executor(), use_awaitable);
  co_await ear.listener->stop();
  EXPECT_TRUE(ear.heard.empty());
  EXPECT_FALSE(Listener::make(ear.wheel, {.url = "no url", .channels = {}}, {}, {}));
}

}  // namespace
}  // namespace watchbell::sql
