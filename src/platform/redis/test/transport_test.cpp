#include "platform/redis/transport.hpp"

#include <cerrno>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "platform/redis/test/fake_redis.hpp"
#include "platform/redis/test/rig.hpp"

namespace watchbell::redis::test {
namespace {

namespace error = boost::asio::error;
using boost::system::error_code;

Settings at(const FakeRedis& server) {
  Settings settings;
  settings.host = "127.0.0.1";
  settings.port = server.port();
  return settings;
}

CO_TEST(RedisTransport, connects_when_first_needed_and_greets_in_order) {
  FakeRedis server(loop.executor());
  auto settings = at(server);
  settings.username = "app";
  settings.password = "secret";
  settings.database = 3;
  settings.client_name = "bell";
  Rig rig(loop, settings);
  EXPECT_EQ(server.accepted, 0u);
  EXPECT_EQ(co_await rig.run_id(), server.run_id);
  EXPECT_EQ(server.greetings, (std::vector<Command>{{"AUTH", "app", "secret"}, {"SELECT", "3"}, {"CLIENT", "SETNAME", "bell"}, {"INFO", "server"}, {"INFO", "replication"}}));
  EXPECT_EQ(text(co_await rig.ask({{"GET", "x"}})), "x");
  EXPECT_EQ(server.accepted, 1u);
  const auto counters = rig.transport->counters();
  EXPECT_EQ(counters.round_trips, 1u);
  EXPECT_EQ(counters.commands, 1u);
  EXPECT_EQ(counters.connects, 1u);
  EXPECT_EQ(counters.reconnects, 0u);
  EXPECT_TRUE(rig.transport->last_error().empty());
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, calls_of_one_turn_share_one_round_trip_and_each_gets_its_own_replies) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  const auto id = co_await rig.run_id();
  const auto a = rig.start(id, {"GET", "a"});
  const auto b = rig.start_all(id, std::vector<Command>{{"GET", "b"}, {"GET", "c"}, {"NOPE", "-"}});
  const auto c = rig.start(id, {"GET", "d"});
  server.answer = [](const Command& command) { return command[0] == "NOPE" ? std::optional<std::string>("-ERR no such thing\r\n") : std::nullopt; };
  co_await rig.all_ended();
  EXPECT_EQ(text(**a), "a");
  CO_ASSERT_EQ((*b)->value().size(), 3u);
  EXPECT_EQ((*b)->value()[1].text, "c");
  EXPECT_EQ((*b)->value()[2].kind, Reply::Kind::error);
  EXPECT_EQ((*b)->value()[2].text, "ERR no such thing");
  EXPECT_EQ(text(**c), "d");
  EXPECT_EQ(rig.transport->counters().round_trips, 1u);
  EXPECT_EQ(rig.transport->counters().commands, 5u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, what_comes_while_a_write_runs_goes_out_in_one_write_after_it) {
  FakeRedis server(loop.executor());
  server.limits.max_text_bytes = 64 * 1024 * 1024;
  Rig rig(loop, at(server));
  const auto id = co_await rig.run_id();
  server.reading = false;
  // More than the sockets hold; the write stays.
  rig.start(id, {"SET", "k", std::string(32 * 1024 * 1024, 'x')});
  while (rig.transport->counters().round_trips < 1) co_await asio::post(loop.executor(), use_awaitable);
  std::vector<std::shared_ptr<std::optional<Replies>>> later;
  for (int i = 0; i < 50; ++i) {
    later.push_back(rig.start(id, {"GET", std::to_string(i)}));
    co_await asio::post(loop.executor(), use_awaitable);
  }
  EXPECT_EQ(rig.transport->counters().round_trips, 1u);
  server.answer = [](const Command& command) { return command[0] == "SET" ? std::optional<std::string>("+OK\r\n") : std::nullopt; };
  server.reading = true;
  server.go_on();
  co_await rig.all_ended();
  EXPECT_EQ(rig.transport->counters().round_trips, 2u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(text(**later[static_cast<std::size_t>(i)]), std::to_string(i));
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, ten_thousand_callers_share_the_connection) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  const auto id = co_await rig.run_id();
  std::vector<std::shared_ptr<std::optional<Replies>>> answers;
  for (int i = 0; i < 10'000; ++i) answers.push_back(rig.start(id, {"GET", std::to_string(i)}));
  co_await rig.all_ended();
  std::size_t right = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) right += text(**answers[i]) == std::to_string(i) ? 1 : 0;
  EXPECT_EQ(right, answers.size());
  EXPECT_EQ(rig.transport->counters().round_trips, 1u);
  EXPECT_EQ(rig.transport->counters().commands, 10'000u);
  EXPECT_EQ(server.accepted, 1u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, replies_that_come_byte_by_byte_are_whole) {
  FakeRedis server(loop.executor());
  server.most_a_write = 1;
  server.answer = [](const Command& command) {
    return command[0] == "LIST" ? std::optional<std::string>("*2\r\n*1\r\n$4\r\na\r\nb\r\n:-7\r\n") : std::nullopt;
  };
  Rig rig(loop, at(server));
  const auto replies = co_await rig.ask({{"LIST"}, {"GET", "x"}});
  CO_ASSERT_TRUE(replies.has_value());
  EXPECT_EQ((*replies)[0].items[0].items[0].text, "a\r\nb");
  EXPECT_EQ((*replies)[0].items[1].integer, -7);
  EXPECT_EQ((*replies)[1].text, "x");
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, garbage_and_what_is_too_large_end_the_connection_and_all_who_wait) {
  FakeRedis server(loop.executor());
  auto settings = at(server);
  settings.replies.max_text_bytes = 1000;
  Rig rig(loop, settings);
  struct Case {
    const char* says;
    error_code code;
  };
  const error_code broken(EBADMSG, boost::system::system_category());
  const error_code large(error::message_size);
  std::size_t connections = 0;
  for (const auto& each : {Case{"?\r\n", broken}, Case{"HTTP/1.1 400 Bad Request\r\n", broken}, Case{">2\r\n+a\r\n+b\r\n", broken}, Case{"$1001\r\n", large},
                           Case{"*100001\r\n", large}, Case{"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", large}}) {
    const auto id = co_await rig.run_id();
    ++connections;
    CO_ASSERT_EQ(server.accepted, connections);
    server.silent = true;
    const auto first = rig.start(id, {"GET", "a"});
    const auto second = rig.start(id, {"GET", "b"});
    co_await server.wait_for_commands(server.seen.size() + 2);
    server.say("+good\r\n");
    server.say(each.says);
    co_await rig.all_ended();
    EXPECT_EQ(text(**first), "good") << each.says;
    EXPECT_EQ((*second)->error(), each.code) << each.says;
    EXPECT_FALSE(rig.transport->last_error().empty());
    co_await server.wait_for_closed(connections);
    server.silent = false;
  }
  // One that is said unasked too.
  const auto id = co_await rig.run_id();
  server.say("+hello\r\n");
  co_await server.wait_for_closed(++connections);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_connection_lost_in_the_middle_of_a_reply_fails_all_and_is_made_again_at_once) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  EXPECT_EQ(text(co_await rig.ask({{"GET", "x"}})), "x");
  const auto id = co_await rig.run_id();
  server.silent = true;
  const auto first = rig.start(id, {"GET", "a"});
  const auto second = rig.start(id, {"GET", "b"});
  co_await server.wait_for_commands(3);
  server.say("$100\r\nabc");
  server.hang_up();
  co_await rig.all_ended();
  EXPECT_EQ((*first)->error(), error::connection_reset);
  EXPECT_EQ((*second)->error(), error::connection_reset);
  server.silent = false;
  // The same server: its run_id still holds.
  EXPECT_EQ(text(co_await rig.get(rig.transport->pipeline(id, {{"GET", "c"}}, 1s))), "c");
  EXPECT_EQ(rig.transport->counters().reconnects, 1u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_reply_later_than_its_deadline_is_dropped_and_the_next_ones_find_their_callers) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  const auto id = co_await rig.run_id();
  server.silent = true;
  const auto late = rig.start_all(id, std::vector<Command>{{"GET", "a"}, {"GET", "b"}}, 100ms);
  const auto patient = rig.start(id, {"GET", "c"}, 10s);
  co_await server.wait_for_commands(3);
  rig.clock.advance(90ms);
  EXPECT_FALSE(late->has_value());
  rig.clock.advance(50ms);
  while (!late->has_value()) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ((*late)->error(), error::timed_out);
  EXPECT_FALSE(patient->has_value());
  EXPECT_EQ(rig.transport->counters().timeouts, 1u);
  const auto after = rig.start(id, {"GET", "d"}, 10s);
  co_await server.wait_for_commands(4);
  server.say_kept();
  co_await rig.all_ended();
  EXPECT_EQ(text(**patient), "c");
  EXPECT_EQ(text(**after), "d");
  EXPECT_EQ(rig.transport->counters().discarded, 2u);
  EXPECT_EQ(rig.transport->counters().connects, 1u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_server_that_stays_silent_past_a_deadline_is_given_up_and_called_again) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  const auto id = co_await rig.run_id();
  server.silent = true;
  const auto first = rig.start(id, {"GET", "a"}, 100ms);
  co_await server.wait_for_commands(1);
  const auto second = rig.start(id, {"GET", "b"}, 1h);
  co_await server.wait_for_commands(2);
  rig.clock.advance(1050ms);
  EXPECT_EQ(server.closed, 0u);
  rig.clock.advance(100ms);
  co_await rig.all_ended();
  EXPECT_EQ((*first)->error(), error::timed_out);
  EXPECT_EQ((*second)->error(), error::timed_out);
  co_await server.wait_for_closed(1);
  EXPECT_EQ(rig.transport->counters().timeouts, 1u);
  server.silent = false;
  EXPECT_EQ(text(co_await rig.ask({{"GET", "c"}})), "c");
  EXPECT_EQ(server.accepted, 2u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, silence_is_judged_by_the_call_whose_reply_is_next_whatever_came_before_it) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  const auto id = co_await rig.run_id();
  server.silent = true;
  const auto patient = rig.start(id, {"GET", "a"}, 1h);
  const auto hurried = rig.start(id, {"GET", "b"}, 100ms);
  co_await server.wait_for_commands(2);
  server.say("+A\r\n");
  while (!patient->has_value()) co_await asio::post(loop.executor(), use_awaitable);
  rig.clock.advance(1200ms);
  co_await rig.all_ended();
  EXPECT_EQ((*hurried)->error(), error::timed_out);
  co_await server.wait_for_closed(1);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_caller_who_is_cancelled_leaves_the_others_alone) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  const auto id = co_await rig.run_id();
  server.silent = true;
  asio::cancellation_signal cancel_sent;
  asio::cancellation_signal cancel_unsent;
  int cancelled = 0;
  const auto count = [&cancelled](std::exception_ptr fault, const Replies&) {
    try {
      if (fault) std::rethrow_exception(fault);
      ADD_FAILURE() << "was not cancelled";
    } catch (const boost::system::system_error& thrown) {
      EXPECT_EQ(thrown.code(), error::operation_aborted);
      ++cancelled;
    }
  };
  asio::co_spawn(loop.executor(), rig.transport->pipeline(id, {{"GET", "a"}}, 1s), asio::bind_cancellation_slot(cancel_sent.slot(), count));
  const auto other = rig.start(id, {"GET", "b"});
  co_await server.wait_for_commands(2);
  cancel_sent.emit(asio::cancellation_type::terminal);
  asio::co_spawn(loop.executor(), rig.transport->pipeline(id, {{"GET", "never"}}, 1s), asio::bind_cancellation_slot(cancel_unsent.slot(), count));
  cancel_unsent.emit(asio::cancellation_type::terminal);
  while (cancelled < 2) co_await asio::post(loop.executor(), use_awaitable);
  server.silent = false;
  const auto last = rig.start(id, {"GET", "c"});
  co_await server.wait_for_commands(3);
  server.say("+A\r\n+B\r\n");
  co_await rig.all_ended();
  EXPECT_EQ(server.seen.back(), (Command{"GET", "c"}));
  EXPECT_EQ(rig.transport->counters().timeouts, 0u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, C_29_a_server_that_was_demoted_and_leads_again_goes_by_another_name) {
  FakeRedis server(loop.executor());
  server.replication_id = std::string(40, '1');
  Rig rig(loop, at(server));
  const auto old = co_await rig.run_id();
  EXPECT_EQ(old, server.run_id + std::string(24, '1'));
  EXPECT_EQ(text(co_await rig.ask({{"GET", "1"}})), "1");
  server.replication_id = std::string(40, '2');
  server.hang_up();
  co_await server.wait_for_closed(1);
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(old, {{"GET", "x"}}, 1s))).error(), error::connection_reset);
  EXPECT_EQ(server.seen.size(), 1u);
  EXPECT_EQ(co_await rig.run_id(), server.run_id + std::string(24, '2'));
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, another_server_gets_nothing_that_was_meant_for_the_first) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  const auto old = co_await rig.run_id();
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(std::string(40, 'f'), {{"GET", "x"}}, 1s))).error(), error::connection_reset);
  EXPECT_EQ(text(co_await rig.ask({{"GET", "1"}})), "1");
  server.run_id = std::string(40, 'b');
  server.hang_up();
  co_await server.wait_for_closed(1);
  // The first to notice makes the connection, and learns that it leads elsewhere.
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(old, {{"GET", "x"}}, 1s))).error(), error::connection_reset);
  EXPECT_EQ(server.seen.size(), 1u);
  EXPECT_EQ(server.accepted, 2u);
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(old, {}, 1s))).error(), error::connection_reset);
  EXPECT_EQ(co_await rig.run_id(), server.run_id);
  EXPECT_EQ(text(co_await rig.get(rig.transport->pipeline(server.run_id, {{"GET", "y"}}, 1s))), "y");
  EXPECT_TRUE((co_await rig.get(rig.transport->pipeline(server.run_id, {}, 1s)))->empty());
  EXPECT_EQ(rig.transport->counters().round_trips, 2u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_greeting_that_is_refused_is_an_error_and_names_no_password) {
  struct Case {
    const char* command;
    const char* says;
    error_code code;
  };
  for (const auto& each :
       {Case{"AUTH", "-WRONGPASS invalid pair secret\r\n", error::access_denied},
        Case{"AUTH", "-ERR unknown command `AUTH`, with args: `secret`\r\n", error::access_denied},
        Case{"AUTH", "-ERR max number of clients reached\r\n", error::connection_refused},
        Case{"SELECT", "-ERR DB index is out of range\r\n", error::invalid_argument}, Case{"SELECT", "-NOPERM no\r\n", error::access_denied},
        Case{"CLIENT", "-ERR no\r\n", error_code(EBADMSG, boost::system::system_category())}, Case{"INFO", "-LOADING Redis is loading\r\n", error::try_again},
        Case{"INFO", "$-1\r\n", error_code(EBADMSG, boost::system::system_category())},
        Case{"INFO", "$10\r\nrun_id:ABC\r\n", error_code(EBADMSG, boost::system::system_category())},
        Case{"INFO", "?", error_code(EBADMSG, boost::system::system_category())}}) {
    FakeRedis server(loop.executor());
    auto settings = at(server);
    settings.password = "secret";
    settings.name = "the cache";
    server.answer = [&](const Command& command) { return command[0] == each.command ? std::optional<std::string>(each.says) : std::nullopt; };
    Rig rig(loop, settings);
    EXPECT_EQ((co_await rig.get(rig.transport->server(1s))).error(), each.code) << each.says << rig.transport->last_error();
    EXPECT_EQ(rig.transport->last_error().find("secret"), std::string::npos) << rig.transport->last_error();
    EXPECT_TRUE(rig.transport->last_error().starts_with("the cache (127.0.0.1:")) << rig.transport->last_error();
    co_await server.wait_for_closed(1);
    EXPECT_EQ(rig.transport->counters().failed_connects, 1u);
    co_await rig.stop();
    co_await server.close();
  }
}

CO_TEST(RedisTransport, callers_who_find_no_connection_make_one_together) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  std::vector<std::shared_ptr<std::optional<Replies>>> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(rig.start(server.run_id, {"GET", std::to_string(i)}));
  const auto stranger = rig.start(std::string(40, 'f'), {"GET", "x"});
  co_await rig.all_ended();
  EXPECT_EQ(server.accepted, 1u);
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(text(**answers[i]), std::to_string(i));
  EXPECT_EQ((*stranger)->error(), error::connection_reset);
  EXPECT_EQ(rig.transport->counters().round_trips, 1u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, tries_follow_each_other_at_growing_distances_and_calls_between_them_fail_at_once) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  EXPECT_EQ(text(co_await rig.ask({{"GET", "x"}})), "x");
  server.leave();
  co_await server.wait_for_closed(1);
  std::chrono::milliseconds least = 50ms;
  for (std::uint64_t tries = 1; tries <= 9; ++tries) {
    EXPECT_EQ((co_await rig.get(rig.transport->server(1s))).error(), error::connection_refused);
    EXPECT_EQ(rig.transport->counters().failed_connects, tries);
    rig.clock.advance(least - 1ms);
    EXPECT_EQ((co_await rig.get(rig.transport->server(1s))).error(), error::connection_refused);
    EXPECT_EQ(rig.transport->counters().failed_connects, tries) << "tried too early";
    rig.clock.advance(least / 5 + 2ms);
    least = std::min(least * 2, std::chrono::milliseconds(2000));
  }
  server.come_back();
  EXPECT_EQ(text(co_await rig.ask({{"GET", "y"}})), "y");
  // It answered: the next loss is repaired at once.
  server.hang_up();
  co_await server.wait_for_closed(2);
  EXPECT_EQ(text(co_await rig.ask({{"GET", "z"}})), "z");
  EXPECT_EQ(rig.transport->counters().reconnects, 2u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_server_that_hangs_up_without_answering_is_not_called_without_end) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(co_await rig.run_id(), server.run_id);
    server.hang_up();
    co_await server.wait_for_closed(server.accepted);
    EXPECT_EQ((co_await rig.get(rig.transport->server(1s))).error(), error::connection_reset);
    rig.clock.advance(60ms * (1 << i));
  }
  EXPECT_EQ(server.accepted, 3u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, connecting_has_a_limit_and_callers_do_not_wait_longer_than_they_said) {
  FakeRedis server(loop.executor());
  server.answer = [](const Command&) { return std::optional<std::string>(""); };
  Rig rig(loop, at(server));
  const auto hurried = rig.start(server.run_id, {"GET", "a"}, 100ms);
  const auto patient = rig.start(server.run_id, {"GET", "b"}, 1h);
  co_await server.wait_for_greetings(3);
  rig.clock.advance(120ms);
  while (!hurried->has_value()) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ((*hurried)->error(), error::timed_out);
  EXPECT_FALSE(patient->has_value());
  rig.clock.advance(1900ms);
  co_await rig.all_ended();
  EXPECT_EQ((*patient)->error(), error::timed_out);
  EXPECT_NE(rig.transport->last_error().find("2000 ms"), std::string::npos) << rig.transport->last_error();
  co_await server.wait_for_closed(1);
  EXPECT_TRUE(server.seen.empty());
  EXPECT_EQ(rig.transport->counters().timeouts, 1u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_name_is_looked_up_and_its_addresses_are_tried_in_turn) {
  FakeRedis server(loop.executor());
  auto settings = at(server);
  settings.host = "cache.test";
  Rig rig(loop, settings);
  EXPECT_EQ((co_await rig.get(rig.transport->server(1s))).error(), error::host_not_found);
  (*rig.names)["cache.test"] = {*net::Address::parse("127.0.0.2"), *net::Address::parse("127.0.0.1")};
  rig.clock.advance(100ms);
  EXPECT_EQ(co_await rig.run_id(), server.run_id);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, too_much_at_a_time_is_refused_at_once_and_costs_no_memory) {
  FakeRedis server(loop.executor());
  auto settings = at(server);
  settings.max_outstanding = 5;
  settings.max_queued_bytes = 1000;
  Rig rig(loop, settings);
  const auto id = co_await rig.run_id();
  server.silent = true;
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, std::vector<Command>(6, Command{"PING"}), 1s))).error(), error::no_buffer_space);
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, {{"SET", std::string(1000, 'x')}}, 1s))).error(), error::no_buffer_space);
  const auto five = rig.start_all(id, std::vector<Command>(5, Command{"PING"}), 100ms);
  co_await server.wait_for_commands(5);
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, {{"PING"}}, 1s))).error(), error::no_buffer_space);
  // Those whose caller has gone count until they are answered.
  rig.clock.advance(150ms);
  co_await rig.all_ended();
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, {{"PING"}}, 1s))).error(), error::no_buffer_space);
  server.silent = false;
  server.say_kept();
  while (rig.transport->counters().discarded < 5) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(text(co_await rig.ask({{"PING"}})), "PING");
  EXPECT_EQ(server.seen.size(), 6u);
  EXPECT_EQ(server.accepted, 1u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, a_deadline_of_nothing_has_passed) {
  FakeRedis server(loop.executor());
  Rig rig(loop, at(server));
  EXPECT_EQ((co_await rig.get(rig.transport->server(0s))).error(), error::timed_out);
  EXPECT_EQ(server.accepted, 0u);
  const auto id = co_await rig.run_id();
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, {{"GET", "x"}}, -1s))).error(), error::timed_out);
  EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, {{"GET", "x"}}, cache::Duration::min()))).error(), error::timed_out);
  EXPECT_EQ(text(co_await rig.ask({{"GET", "y"}}, cache::Duration::max())), "y");
  EXPECT_EQ(server.seen.size(), 1u);
  co_await rig.stop();
  co_await server.close();
}

CO_TEST(RedisTransport, stop_ends_those_who_wait_for_replies_and_for_the_connection_and_those_who_come_later) {
  FakeRedis server(loop.executor());
  {
    Rig rig(loop, at(server));
    const auto id = co_await rig.run_id();
    server.silent = true;
    const auto waits = rig.start(id, {"GET", "a"});
    co_await server.wait_for_commands(1);
    const auto unsent = rig.start(id, {"GET", "b"});
    co_await rig.stop();
    EXPECT_EQ((*waits)->error(), error::shut_down);
    EXPECT_EQ((*unsent)->error(), error::shut_down);
    EXPECT_EQ((co_await rig.get(rig.transport->pipeline(id, {{"GET", "x"}}, 1s))).error(), error::shut_down);
    EXPECT_EQ((co_await rig.get(rig.transport->server(1s))).error(), error::shut_down);
    co_await rig.get(rig.transport->stop());
    co_await server.wait_for_closed(1);
  }
  server.answer = [](const Command&) { return std::optional<std::string>(""); };
  {
    Rig rig(loop, at(server));
    const auto waits = rig.start(server.run_id, {"GET", "a"});
    const auto before = server.greetings.size();
    co_await server.wait_for_greetings(before + 3);
    co_await rig.stop();
    EXPECT_EQ((*waits)->error(), error::shut_down);
    co_await server.wait_for_closed(2);
  }
  {
    auto settings = at(server);
    settings.host = "nowhere.test";
    Rig rig(loop, settings);
    const auto waits = rig.start(server.run_id, {"GET", "a"});
    co_await rig.stop();
    EXPECT_EQ((*waits)->error(), error::shut_down);
  }
  {
    Rig rig(loop, at(server));
    co_await rig.stop();
  }
  co_await server.close();
}

}  // namespace
}  // namespace watchbell::redis::test
