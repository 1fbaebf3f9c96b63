// The transport against a real server.
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <boost/asio/post.hpp>

#include "platform/redis/test/rig.hpp"
#include "tests/support/redis_server.hpp"

namespace watchbell::redis::test {
namespace {

namespace error = boost::asio::error;
using watchbell::test::RedisServer;

// As CO_TEST, but skipped where there is no server and that is meant to be so.
#define REDIS_TEST(name)                                                                                      \
  awaitable<void> name##_body(async::Loop& loop);                                                             \
  TEST(RedisServerTransport, name) {                                                                          \
    if (RedisServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names redis";                            \
    async::Loop loop;                                                                                         \
    EXPECT_TRUE(::watchbell::test::run_on(loop, name##_body(loop), std::chrono::seconds(60))) << "timed out"; \
  }                                                                                                           \
  awaitable<void> name##_body([[maybe_unused]] async::Loop& loop)

Settings local(const RedisServer& server) { return *parse_url(server.unix_url()); }

awaitable<void> turn(async::Loop& loop) { co_await asio::post(loop.executor(), use_awaitable); }

REDIS_TEST(speaks_over_a_unix_socket) {
  RedisServer server;
  Rig rig(loop, local(server));
  const auto id = co_await rig.run_id();
  EXPECT_EQ(id.size(), 64u);
  EXPECT_NE(server.command({"INFO", "server"}).find("run_id:" + id.substr(0, 40)), std::string::npos);
  EXPECT_NE(server.command({"INFO", "replication"}).find("master_replid:" + id.substr(40)), std::string::npos);
  const std::string bytes("a\0b\r\n\xff", 6);
  const auto replies = co_await rig.ask({{"SET", "k", bytes},
                                         {"GET", "k"},
                                         {"GET", "absent"},
                                         {"MGET", "k", "absent"},
                                         {"INCR", "n"},
                                         {"EVAL", "return {KEYS[1], {ARGV[1], 7}, redis.call('get', KEYS[1])}", "1", "k", "x"},
                                         {"INCR", "k"},
                                         {"NOSUCH"},
                                         {"LRANGE", "absent", "0", "-1"}});
  CO_ASSERT_TRUE(replies.has_value());
  CO_ASSERT_EQ(replies->size(), 9u);
  const auto& r = *replies;
  EXPECT_EQ(r[0].text, "OK");
  EXPECT_EQ(r[1].text, bytes);
  EXPECT_EQ(r[2].kind, Reply::Kind::null);
  EXPECT_EQ(r[3].items.at(0).text, bytes);
  EXPECT_EQ(r[3].items.at(1).kind, Reply::Kind::null);
  EXPECT_EQ(r[4].integer, 1);
  EXPECT_EQ(r[5].items.at(1).items.at(1).integer, 7);
  EXPECT_EQ(r[5].items.at(2).text, bytes);
  EXPECT_EQ(r[6].kind, Reply::Kind::error);
  EXPECT_EQ(r[7].kind, Reply::Kind::error);
  EXPECT_EQ(r[8].kind, Reply::Kind::array);
  EXPECT_TRUE(r[8].items.empty());
  EXPECT_EQ(rig.transport->counters().round_trips, 1u);
  EXPECT_NE(server.command({"CLIENT", "LIST"}).find("name=watchbell"), std::string::npos);
  server.flush();
  EXPECT_EQ(server.command({"DBSIZE"}), ":0");
  co_await rig.stop();
}

REDIS_TEST(speaks_over_tcp_to_a_name_and_into_its_own_database) {
  RedisServer server({.tcp = true});
  auto settings = *parse_url(fmt::format("redis://redis.test:{}/5", server.port()));
  Rig rig(loop, settings);
  (*rig.names)["redis.test"] = {*net::Address::parse("127.0.0.1")};
  EXPECT_EQ(text(co_await rig.ask({{"SET", "k", "v"}})), "OK");
  EXPECT_EQ(server.command({"GET", "k"}), "$-1");
  EXPECT_EQ(text(co_await rig.ask({{"GET", "k"}})), "v");
  co_await rig.stop();

  settings.database = 16;
  Rig other(loop, settings);
  (*other.names)["redis.test"] = {*net::Address::parse("127.0.0.1")};
  EXPECT_EQ((co_await other.get(other.transport->server(5s))).error(), error::invalid_argument);
  co_await other.stop();
}

REDIS_TEST(a_user_of_the_acl_gets_what_it_may) {
  RedisServer server({.users = {"app on >pa:ss@word ~mine:* +@all", "poor on >poor ~* +ping"}});
  const std::string path = server.unix_path();
  {
    Rig rig(loop, *parse_url("unix://app:pa%3Ass%40word@" + path));
    EXPECT_EQ(text(co_await rig.ask({{"SET", "mine:k", "v"}})), "OK");
    const auto refused = co_await rig.ask({{"GET", "yours"}});
    CO_ASSERT_TRUE(refused.has_value());
    EXPECT_EQ((*refused)[0].kind, Reply::Kind::error);
    EXPECT_TRUE((*refused)[0].text.starts_with("NOPERM"));
    co_await rig.stop();
  }
  for (const char* who : {"app:wrong", "nobody:x", "poor:poor", ":password-of-the-default-user"}) {
    Rig rig(loop, *parse_url("unix://" + std::string(who) + "@" + path));
    EXPECT_EQ((co_await rig.get(rig.transport->server(5s))).error(), error::access_denied) << who << ": " << rig.transport->last_error();
    co_await rig.stop();
  }
}

REDIS_TEST(the_password_of_the_default_user_is_asked_for) {
  RedisServer server({.arguments = {"--requirepass", "open sesame"}});
  Rig without(loop, local(server));
  EXPECT_EQ((co_await without.get(without.transport->server(5s))).error(), error::access_denied);
  co_await without.stop();
  Rig with(loop, *parse_url("unix://:open%20sesame@" + server.unix_path()));
  EXPECT_EQ(text(co_await with.ask({{"PING"}})), "PONG");
  co_await with.stop();
}

REDIS_TEST(tls_verifies_the_chain_and_the_name) {
  RedisServer server({.tls = true});
  auto settings = *parse_url(fmt::format("rediss://redis.test:{}", server.port()));
  const auto reach = [](async::Loop& on, Settings with, bool manual = true) -> awaitable<std::string> {
    Rig rig(on, std::move(with), manual);
    for (const char* name : {"redis.test", "other.test"}) (*rig.names)[name] = {*net::Address::parse("127.0.0.1")};
    const auto replies = co_await rig.ask({{"SET", "k", std::string(300'000, 'x')}, {"GET", "k"}}, 10s);
    std::string told = replies ? (*replies)[1].text.substr(0, 3) : rig.transport->last_error();
    co_await rig.stop();
    co_return told;
  };
  const auto unknown = co_await reach(loop, settings);
  EXPECT_NE(unknown.find("certificate verify failed"), std::string::npos) << unknown;
  settings.ca_file = server.ca_file();
  EXPECT_EQ(co_await reach(loop, settings), "xxx");
  settings.host = "127.0.0.1";
  EXPECT_EQ(co_await reach(loop, settings), "xxx");
  settings.host = "other.test";
  const auto wrong_name = co_await reach(loop, settings);
  EXPECT_NE(wrong_name.find("certificate verify failed"), std::string::npos) << wrong_name;
  settings.host = "redis.test";
  settings.ca_file = "/nonexistent/ca.pem";
  const auto no_file = co_await reach(loop, settings);
  EXPECT_NE(no_file.find("authorities"), std::string::npos) << no_file;
  settings.tls = false;
  const auto plain = co_await reach(loop, settings);
  EXPECT_NE(plain, "xxx");

  RedisServer open({.tcp = true});
  settings.tls = true;
  settings.ca_file = server.ca_file();
  settings.port = open.port();
  // It takes the greeting of TLS for the beginning of a line and waits for its end.
  settings.connect_timeout = 100ms;
  const auto no_tls = co_await reach(loop, settings, false);
  EXPECT_NE(no_tls.find("100 ms"), std::string::npos) << no_tls;
}

REDIS_TEST(tls_carries_ten_thousand_callers_and_large_values) {
  RedisServer server({.tls = true});
  auto settings = *parse_url(fmt::format("rediss://127.0.0.1:{}", server.port()));
  settings.ca_file = server.ca_file();
  Rig rig(loop, settings);
  const auto id = co_await rig.run_id();
  std::vector<std::shared_ptr<std::optional<Replies>>> answers;
  for (int i = 0; i < 5'000; ++i) answers.push_back(rig.start_all(id, {{"SET", std::to_string(i), std::string(1000, 'v')}, {"ECHO", std::to_string(i)}}));
  co_await rig.all_ended();
  std::size_t right = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) right += **answers[i] && (**answers[i])->at(1).text == std::to_string(i) ? 1 : 0;
  EXPECT_EQ(right, answers.size());
  EXPECT_EQ(rig.transport->counters().round_trips, 1u);
  co_await rig.stop();
}

REDIS_TEST(eight_mebibytes_come_and_go_and_more_ends_the_connection) {
  RedisServer server;
  Rig rig(loop, local(server));
  const std::string most(8 * 1024 * 1024, 'm');
  const auto fits = co_await rig.ask({{"SET", "k", most}, {"GET", "k"}});
  CO_ASSERT_TRUE(fits.has_value());
  EXPECT_TRUE((*fits)[1].text == most);
  EXPECT_EQ((co_await rig.ask({{"APPEND", "k", "x"}, {"GET", "k"}})).error(), error::message_size);
  EXPECT_EQ(text(co_await rig.ask({{"PING"}})), "PONG");
  EXPECT_EQ(rig.transport->counters().reconnects, 1u);
  co_await rig.stop();
}

REDIS_TEST(a_server_that_stands_still_for_a_moment_keeps_its_connection) {
  RedisServer server;
  Rig rig(loop, local(server));
  const auto id = co_await rig.run_id();
  server.freeze();
  const auto late = rig.start(id, {"INCR", "n"}, 200ms);
  while (rig.transport->counters().round_trips < 1) co_await turn(loop);
  rig.clock.advance(250ms);
  co_await rig.all_ended();
  EXPECT_EQ((*late)->error(), error::timed_out);
  server.thaw();
  const auto replies = co_await rig.ask({{"INCR", "n"}});
  CO_ASSERT_TRUE(replies.has_value());
  EXPECT_EQ((*replies)[0].integer, 2);  // what timed out was executed all the same
  EXPECT_EQ(rig.transport->counters().discarded, 1u);
  EXPECT_EQ(rig.transport->counters().connects, 1u);
  co_await rig.stop();
}

REDIS_TEST(a_server_that_stands_still_for_long_is_left_and_found_again) {
  RedisServer server;
  Rig rig(loop, local(server));
  const auto id = co_await rig.run_id();
  server.freeze();
  const auto first = rig.start(id, {"GET", "k"}, 200ms);
  while (rig.transport->counters().round_trips < 1) co_await turn(loop);
  rig.clock.advance(1300ms);
  co_await rig.all_ended();
  EXPECT_EQ((*first)->error(), error::timed_out);
  // The kernel takes the new connection; the greeting stays unanswered.
  const auto second = rig.start(id, {"GET", "k"}, 200ms);
  rig.clock.advance(250ms);
  co_await rig.all_ended();
  EXPECT_EQ((*second)->error(), error::timed_out);
  rig.clock.advance(2000ms);
  while (rig.transport->counters().failed_connects < 1) co_await turn(loop);
  // Now nobody waits: calls fail at once.
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, {{"GET", "k"}}, 1h))).error(), error::timed_out);
  server.thaw();
  rig.clock.advance(100ms);
  EXPECT_EQ(text(co_await rig.get(rig.transport->pipeline(id, {{"PING"}}, 1s))), "PONG");
  EXPECT_EQ(rig.transport->counters().reconnects, 1u);
  co_await rig.stop();
}

REDIS_TEST(a_server_that_was_killed_and_came_back_is_another_one) {
  for (const bool tcp : {false, true}) {
    RedisServer server({.tcp = true});
    Rig rig(loop, tcp ? *parse_url(fmt::format("redis://127.0.0.1:{}", server.port())) : local(server));
    EXPECT_EQ(text(co_await rig.ask({{"SET", "k", "v"}})), "OK");
    const auto old = co_await rig.run_id();
    server.freeze();
    const auto waits = rig.start(old, {"GET", "k"});
    while (rig.transport->counters().round_trips < 2) co_await turn(loop);
    server.kill();
    co_await rig.all_ended();
    EXPECT_EQ((*waits)->error(), error::connection_reset);
    EXPECT_EQ((co_await rig.get(rig.transport->server(1s))).error(), error::connection_refused);
    EXPECT_NE(rig.transport->last_error(), "");
    server.start();
    rig.clock.advance(100ms);
    EXPECT_EQ((co_await rig.get(rig.transport->pipeline(old, {{"SET", "k", "stale"}}, 1s))).error(), error::connection_reset);
    EXPECT_EQ(server.command({"DBSIZE"}), ":0");
    const auto fresh = co_await rig.run_id();
    EXPECT_NE(fresh, old);
    EXPECT_EQ(text(co_await rig.get(rig.transport->pipeline(fresh, {{"SET", "k", "w"}}, 1s))), "OK");
    EXPECT_EQ(rig.transport->counters().reconnects, 1u);
    co_await rig.stop();
  }
}

TEST(RedisServer, dies_with_the_test_that_started_it) {
  if (RedisServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names redis";
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t test = ::fork();
  if (test == 0) {
    const RedisServer server;
    const std::string told = std::to_string(server.pid()) + " " + server.unix_path() + "\n";
    if (::write(ends[1], told.data(), told.size()) < 0) ::_exit(1);
    ::raise(SIGKILL);
  }
  ::close(ends[1]);
  std::string told;
  char c = 0;
  while (::read(ends[0], &c, 1) == 1 && c != '\n') told += c;
  ::close(ends[0]);
  const auto blank = told.find(' ');
  ASSERT_NE(blank, std::string::npos);
  const auto server = static_cast<pid_t>(std::stoi(told));
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, server, 0));
  ::waitpid(test, nullptr, 0);
  if (handle >= 0) {
    ::pollfd gone{.fd = handle, .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&gone, 1, 20'000), 1) << "the server lives on";
    ::close(handle);
  }
  std::filesystem::remove_all(std::filesystem::path(told.substr(blank + 1)).parent_path());
}

}  // namespace
}  // namespace watchbell::redis::test
