// The provider against a transport that answers as told: what it sends, and what it makes of odd answers.
#include "entry.hpp"
#include "keys.hpp"
#include "provider_suite.hpp"
#include "scripts.hpp"
#include "support/scripted_transport.hpp"

#include <watchbell/cache/redis/provider.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

namespace watchbell::cache::provider_suite {
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProviderSuite);
}

namespace watchbell::cache::redis {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using boost::system::error_code;
namespace errc = boost::system::errc;
using detail::Kind;
using detail::Scripts;
using test::array;
using test::error;
using test::integer;
using test::read;
using test::text;

const error_code kReset = boost::asio::error::connection_reset;

class Provider : public testing::Test, public provider_suite::LoopHarness {
 protected:
  static constexpr Duration kDeadline = 250ms;

  Provider() {
    options.clock = [this] { return now; };
    options.max_value_bytes = 100;
    remake();
  }
  void remake() { provider = std::make_unique<RedisProvider>(transport, options); }

  static std::string entry(const Key& key, std::string_view value, char token = 't') {
    const std::size_t families = detail::families_of(key.encoded()).size();
    return detail::encode_entry("", std::string(families * detail::kTokenBytes, token), value);
  }
  static std::string name(Kind kind, std::string_view path, std::string_view run_id = "run1") {
    return detail::KeySpace("cache:", run_id).name(kind, "scope", path);
  }
  static std::string lease(const Key& key) {
    return std::string((detail::families_of(key.encoded()).size() + 1) * detail::kTokenBytes, 'l');
  }

  auto get() { return run(provider->get(address, kDeadline)); }
  auto fetch(std::vector<Address> addresses) { return run(provider->fetch(std::move(addresses), 30s, kDeadline)); }
  auto fill(std::vector<Fill> fills) { return run(provider->fill(std::move(fills), kDeadline)); }
  auto invalidate(std::vector<Drop> drops) { return run(provider->invalidate(std::move(drops), kDeadline)); }

  TimePoint now{1h};
  RedisOptions options;
  std::shared_ptr<test::ScriptedTransport> transport = std::make_shared<test::ScriptedTransport>(loop());
  std::unique_ptr<RedisProvider> provider;
  Key key{"a", "b"};
  Address address{"scope", key};
};

TEST_F(Provider, C_29_sends_names_that_hold_the_run_id_of_the_server_it_means) {
  transport->answer({read(0)});
  EXPECT_EQ(get().value(), std::nullopt);
  ASSERT_EQ(transport->batches.size(), 1u);
  EXPECT_EQ(transport->run_ids[0], "run1");
  const Command& command = transport->batches[0].at(0);
  const std::vector<std::string> expected{"EVALSHA",
                                          Scripts::get().sha,
                                          "5",
                                          name(Kind::entry, key.encoded()),
                                          name(Kind::lease, key.encoded()),
                                          name(Kind::token, ""),
                                          name(Kind::token, Family("a").encoded()),
                                          name(Kind::token, key.encoded()),
                                          "11",
                                          std::to_string(11 + 3 * 16 + 100),
                                          "\x01"};
  EXPECT_EQ(command, expected);
}

TEST_F(Provider, a_hit_is_its_value_and_the_time_it_has_left) {
  transport->answer({read(1, entry(key, "one"), 1500), read(1, entry(key, ""), -1)});
  const auto found = fetch({address, address}).value();
  EXPECT_EQ(found[0].kind, Fetched::Kind::hit);
  EXPECT_EQ(found[0].bytes, "one");
  EXPECT_EQ(found[0].remaining, 1500ms);
  EXPECT_EQ(found[1].bytes, "");
  EXPECT_EQ(found[1].remaining, Duration::max());
  EXPECT_EQ(provider->counters().hits, 2u);
}

TEST_F(Provider, C_8_every_fetch_of_every_key_carries_a_token_of_its_own) {
  transport->answer({read(2, lease(key)), read(3, lease(key))});
  const auto found = fetch({address, address}).value();
  EXPECT_EQ(found[0].kind, Fetched::Kind::lease);
  EXPECT_EQ(found[1].kind, Fetched::Kind::busy);
  EXPECT_EQ(found[0].token, lease(key));
  const auto& batch = transport->batches[0];
  EXPECT_EQ(batch[0][11].size(), 16u);
  EXPECT_NE(batch[0][11], batch[1][11]);
  EXPECT_EQ(batch[0][12], "30000");
  EXPECT_EQ(batch[0][13], "900000");
}

TEST_F(Provider, an_unknown_script_is_sent_whole_once_and_only_for_what_failed) {
  transport->answer({error("NOSCRIPT No matching script."), read(2, lease(key)), error("NOSCRIPT")});
  transport->answer({read(2, lease(key)), read(3, lease(key))});
  const auto found = fetch({address, address, address}).value();
  EXPECT_EQ(found[0].kind, Fetched::Kind::lease);
  EXPECT_EQ(found[2].kind, Fetched::Kind::busy);
  ASSERT_EQ(transport->batches.size(), 2u);
  const auto& again = transport->batches[1];
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0][0], "EVAL");
  EXPECT_EQ(again[0][1], Scripts::fetch().source);
  EXPECT_EQ(again[1][0], "EVALSHA");
  EXPECT_NE(again[0][11], transport->batches[0][0][11]) << "a token may be set once only";
  EXPECT_EQ(provider->counters().script_loads, 1u);
  EXPECT_EQ(provider->counters().error_replies, 0u);
}

TEST_F(Provider, a_script_that_stays_unknown_is_an_error) {
  transport->answer({error("NOSCRIPT")});
  transport->answer({error("NOSCRIPT")});
  EXPECT_EQ(get().error(), errc::io_error);
  EXPECT_EQ(transport->batches.size(), 2u);
}

TEST_F(Provider, error_replies_are_outcomes_and_counted) {
  for (const char* message : {"WRONGTYPE Operation against a key", "ERR x", "LOADING", "READONLY", "OOM", ""}) {
    transport->answer({error(message)});
    EXPECT_EQ(get().error(), errc::io_error);
    transport->answer({error(message)});
    EXPECT_EQ(fetch({address}).error(), errc::io_error);
    transport->answer({error(message)});
    EXPECT_EQ(run(provider->has(address, kDeadline)).error(), errc::io_error);
    transport->answer({error(message)});
    EXPECT_EQ(fill({Fill(address, lease(key), "v", 1s)}).error(), errc::io_error);
    transport->answer({error(message)});
    EXPECT_EQ(invalidate({Drop("scope", key)}).error(), errc::io_error);
    transport->answer({error(message)});
    EXPECT_EQ(run(provider->remove(address, kDeadline)).error(), errc::io_error);
    transport->answer({error(message)});
    EXPECT_EQ(run(provider->set(address, "v", 1s, kDeadline)).error(), errc::io_error);
    transport->answer({error(message)});
    EXPECT_EQ(run(provider->delete_by_prefix("scope", Family(), kDeadline)).error(), errc::io_error);
  }
  EXPECT_EQ(provider->counters().error_replies, 6u * 8u);
  EXPECT_EQ(provider->counters().hits + provider->counters().misses, 0u);
}

TEST_F(Provider, replies_of_unexpected_shape_are_outcomes_and_counted) {
  const std::vector<std::vector<Reply>> odd{
      {},
      {Reply()},
      {integer(-1)},
      {text("OK")},
      {array({})},
      {array({integer(1)})},
      {array({integer(1), integer(0), text(""), text("1")})},
      {array({integer(1), integer(0), Reply(), integer(1)})},
      {array({text("1"), integer(0), text(""), integer(1)})},
      {array({integer(1), array({}), text(""), integer(1)})},
      {read(4)},
      {read(-1)},
      {read(0), read(0)}};
  std::uint64_t bad = 0;
  for (const auto& replies : odd) {
    transport->answer(replies);
    EXPECT_EQ(get().error(), errc::protocol_error);
    transport->answer(replies);
    EXPECT_EQ(fetch({address}).error(), errc::protocol_error);
    transport->answer(replies);
    EXPECT_EQ(run(provider->has(address, kDeadline)).error(), errc::protocol_error);
    transport->answer(replies);
    EXPECT_EQ(run(provider->set(address, "v", 1s, kDeadline)).error(), errc::protocol_error);
    transport->answer(replies);
    EXPECT_EQ(fill({Fill(address, lease(key), "v", 1s)}).error(), errc::protocol_error);
    transport->answer(replies);
    EXPECT_EQ(invalidate({Drop("scope", key)}).error(), errc::protocol_error);
    EXPECT_EQ(provider->counters().bad_replies, bad += 6);
  }
  EXPECT_TRUE(transport->answers.empty());
}

TEST_F(Provider, a_lease_of_the_wrong_length_is_of_unexpected_shape) {
  for (const std::string& token : {""s, "x"s, lease(key) + "x", lease(Key("a"))})
    for (const int state : {2, 3}) {
      transport->answer({read(state, token)});
      EXPECT_EQ(fetch({address}).error(), errc::protocol_error);
    }
  transport->answer({read(0)});
  EXPECT_EQ(fetch({address}).error(), errc::protocol_error) << "neither a value nor a lease";
  transport->answer({integer(2)});
  EXPECT_EQ(fill({Fill(address, lease(key), "v", 1s)}).error(), errc::protocol_error);
}

TEST_F(Provider, a_scan_of_unexpected_shape_ends_it) {
  const std::vector<Reply> odd{Reply(), integer(1), array({}), array({text("0")}), array({text("0"), text("0")}),
                               array({integer(0), array({})}), array({text("0"), array({integer(1)})})};
  for (const Reply& page : odd) {
    transport->answer({integer(1)});
    transport->answer({page});
    EXPECT_EQ(run(provider->delete_by_prefix("scope", Family("a"), kDeadline)).error(), errc::protocol_error);
  }
}

TEST_F(Provider, an_entry_that_only_the_client_can_tell_is_bad_is_removed) {
  std::string damaged = entry(key, "one");
  damaged.back() = 'X';
  for (const std::string& bytes : {damaged, ""s, "x"s, entry(Key("a"), "one"), entry(key, std::string(101, 'x'))}) {
    transport->batches.clear();
    transport->answer({read(1, bytes, 1000)});
    transport->answer({integer(1)});
    EXPECT_EQ(get().value(), std::nullopt);
    transport->answer({read(1, bytes, 1000), read(1, entry(key, "good"), 1000)});
    transport->answer({integer(1)});
    const auto found = fetch({address, address}).value();
    EXPECT_EQ(found[0].kind, Fetched::Kind::busy);
    EXPECT_EQ(found[0].token, "");
    EXPECT_EQ(found[1].bytes, "good");
    const std::vector<Command> removal{{"UNLINK", name(Kind::entry, key.encoded())}};
    ASSERT_EQ(transport->batches.size(), 4u);
    EXPECT_EQ(transport->batches[1], removal);
    EXPECT_EQ(transport->batches[3], removal);
  }
  EXPECT_EQ(provider->counters().bad_entries, 10u);
  EXPECT_EQ(provider->counters().misses, 10u);
}

TEST_F(Provider, a_bad_entry_that_cannot_be_removed_is_a_miss_all_the_same) {
  transport->answer({read(1, "x", 1000)});
  transport->fail(make_error_code(errc::timed_out));
  EXPECT_EQ(get().value(), std::nullopt);
}

TEST_F(Provider, errors_of_the_transport_pass_through) {
  for (const error_code code : {make_error_code(errc::timed_out), make_error_code(errc::connection_refused)}) {
    transport->fail(code);
    EXPECT_EQ(get().error(), code);
    transport->fail(code);
    EXPECT_EQ(fetch({address}).error(), code);
    transport->fail(code);
    EXPECT_EQ(invalidate({Drop("scope", key)}).error(), code);
    transport->id = code;
    EXPECT_EQ(get().error(), code);
    transport->id = "run1"s;
  }
  EXPECT_EQ(provider->counters().failures, 8u);
  EXPECT_EQ(provider->counters().server_changes, 0u);
}

TEST_F(Provider, C_29_when_another_server_answers_all_is_asked_again_under_its_name) {
  transport->answers.emplace_back([&](const auto&) {
    transport->id = "run2"s;
    return Outcome<std::vector<Reply>>(kReset);
  });
  transport->answer({read(2, lease(key))});
  const auto found = fetch({address}).value();
  EXPECT_EQ(found[0].kind, Fetched::Kind::lease);
  EXPECT_EQ(transport->run_ids, (std::vector<std::string>{"run1", "run2"}));
  EXPECT_EQ(transport->batches[1][0][3], name(Kind::entry, key.encoded(), "run2"));
  EXPECT_NE(transport->batches[1][0][11], transport->batches[0][0][11]) << "a token may be set once only";
  EXPECT_EQ(provider->counters().server_changes, 1u);
}

TEST_F(Provider, a_server_that_changes_all_the_time_is_asked_twice) {
  for (int i = 0; i < 3; ++i) transport->fail(kReset);
  EXPECT_EQ(get().error(), kReset);
  EXPECT_EQ(transport->batches.size(), 2u);
}

TEST_F(Provider, a_server_change_during_a_scan_begins_it_again) {
  transport->answer({integer(1)});
  transport->fail(kReset);
  transport->answer({array({text("0"), array({})})});
  EXPECT_EQ(run(provider->delete_by_prefix("scope", Family("a"), kDeadline)).value(), 0u);
}

TEST_F(Provider, a_run_id_that_could_break_a_key_is_refused) {
  for (const std::string& id : {""s, "a:b"s, std::string(65, 'a')}) {
    transport->id = id;
    EXPECT_EQ(get().error(), errc::protocol_error);
  }
  EXPECT_TRUE(transport->batches.empty());
}

TEST_F(Provider, C_23_what_is_left_of_the_deadline_is_handed_down) {
  transport->on_server = [&] { now += 100ms; };
  transport->answers.emplace_back([&](const auto&) {
    now += 20ms;
    return Outcome<std::vector<Reply>>(kReset);
  });
  EXPECT_EQ(get().error(), errc::timed_out);
  EXPECT_EQ(transport->deadlines, (std::vector<Duration>{150ms, 30ms}));
}

TEST_F(Provider, C_23_nothing_is_sent_after_the_deadline) {
  transport->on_server = [&] { now += 251ms; };
  EXPECT_EQ(get().error(), errc::timed_out);
  EXPECT_TRUE(transport->batches.empty());
  EXPECT_EQ(run(provider->get(address, 0ms)).error(), errc::timed_out);
  EXPECT_EQ(run(provider->get(address, -1h)).error(), errc::timed_out);
  EXPECT_EQ(transport->server_calls, 1);
}

TEST_F(Provider, a_scan_ends_with_its_deadline) {
  transport->answer({integer(1)});
  for (int i = 0; i < 100; ++i)
    transport->answers.emplace_back([&](const auto&) {
      now += 50ms;
      return Outcome<std::vector<Reply>>(std::vector<Reply>{array({text("7"), array({})})});
    });
  EXPECT_EQ(run(provider->delete_by_prefix("scope", Family("a"), kDeadline)).error(), errc::timed_out);
  EXPECT_EQ(transport->batches.size(), 6u);
  const Command expected{"SCAN", "7", "MATCH", "cache:run1:[eE]:5:scope:\x03" "a*", "COUNT", "200"};
  EXPECT_EQ(transport->batches.back()[0], expected);
}

TEST_F(Provider, what_cannot_be_stored_takes_no_round_trip) {
  const std::vector<Filled> results = fill({Fill(address, lease(key), std::string(101, 'x'), 1s),
                                            Fill(address, lease(key), "v", 0s), Fill(address, lease(key), "v", -1s),
                                            Fill(address, "", "v", 1s), Fill(address, lease(Key("a")), "v", 1s)})
                                          .value();
  EXPECT_EQ(results, (std::vector<Filled>{Filled::too_large, Filled::refused, Filled::refused, Filled::refused,
                                          Filled::refused}));
  EXPECT_TRUE(fetch({}).value().empty());
  EXPECT_TRUE(invalidate({}).has_value());
  EXPECT_EQ(transport->server_calls, 0);
}

TEST_F(Provider, C_15_times_are_whole_milliseconds_within_their_bounds) {
  transport->answer({integer(1), integer(1), integer(1)});
  const auto results =
      fill({Fill(address, lease(key), "v", 1ns), Fill(address, lease(key), "v", 1999us),
            Fill(address, lease(key), "v", Duration::max())})
          .value();
  EXPECT_EQ(results, std::vector<Filled>(3, Filled::stored));
  const auto& batch = transport->batches[0];
  EXPECT_EQ(batch[0][10], "1");
  EXPECT_EQ(batch[1][10], "1");
  EXPECT_EQ(batch[2][10], std::to_string(7 * 24 * 3'600'000));
  EXPECT_EQ(batch[0][11], "900000");
  EXPECT_EQ(batch[2][11], std::to_string(7 * 24 * 3'600'000 + 60'000)) << "the tokens outlive the entry";
  EXPECT_EQ(batch[0][8], lease(key));
  EXPECT_EQ(batch[0][9], entry(key, "v", 'l'));
}

TEST_F(Provider, an_invalidation_is_one_batch_of_removals) {
  transport->answer({integer(2), integer(0), integer(1)});
  EXPECT_TRUE(invalidate({Drop("scope", key), Drop("scope", Family("a")), Drop("scope", Family())}).has_value());
  const std::string a(Family("a").encoded());
  const std::vector<Command> expected{
      {"UNLINK", name(Kind::entry, key.encoded()), name(Kind::lease, key.encoded())},
      {"UNLINK", name(Kind::token, a), name(Kind::entry, a), name(Kind::lease, a)},
      {"UNLINK", name(Kind::token, "")}};
  EXPECT_EQ(transport->batches, std::vector<std::vector<Command>>{expected});
}

TEST_F(Provider, a_set_that_was_overtaken_is_done) {
  transport->answer({read(2, lease(key))});
  transport->answer({integer(0)});
  EXPECT_TRUE(run(provider->set(address, "v", 1s, kDeadline)).has_value());
}

TEST_F(Provider, keys_are_read_apart_by_the_segments_they_have) {
  transport->answer({read(0)});
  EXPECT_EQ(run(provider->get(Address("scope", Key("a")), kDeadline)).value(), std::nullopt);
  EXPECT_EQ(transport->batches[0][0][2], "4");
}

TEST_F(Provider, counts_are_of_this_process_and_sizes_unknown) {
  transport->answer({read(1, entry(key, "one"), 1)});
  get();
  const ProviderStats stats = run(provider->stats(kDeadline)).value();
  EXPECT_EQ(stats.hits, 1u);
  EXPECT_EQ(stats.misses, 0u);
  EXPECT_FALSE(stats.key_count || stats.size_bytes);
  EXPECT_EQ(stats.of, ProviderStats::Of::cluster);
  EXPECT_FALSE(run(provider->list_entries(0, 10, EntryOrder::biggest, kDeadline)).value().supported);
}

TEST_F(Provider, after_a_stop_nothing_is_sent) {
  run(provider->stop());
  run(provider->stop());
  EXPECT_EQ(transport->stops, 2);
  EXPECT_EQ(get().error(), boost::asio::error::shut_down);
  EXPECT_EQ(transport->server_calls, 0);
}

TEST_F(Provider, options_out_of_range_are_refused) {
  const auto refused = [&](auto change) {
    RedisOptions odd;
    change(odd);
    EXPECT_THROW(RedisProvider(transport, odd), std::invalid_argument);
  };
  refused([](RedisOptions& o) { o.instance = "a:b"; });
  refused([](RedisOptions& o) { o.instance = std::string(33, 'a'); });
  refused([](RedisOptions& o) { o.max_value_bytes = 0; });
  refused([](RedisOptions& o) { o.max_value_bytes = std::size_t{1} << 30; });
  refused([](RedisOptions& o) { o.longest_ttl = 0s; });
  refused([](RedisOptions& o) { o.token_ttl = Duration::max(); });
}

TEST_F(Provider, may_be_called_from_another_thread_and_works_on_its_own) {
  // The transport's loop runs here, the caller on a thread of its own.
  boost::asio::thread_pool callers(1);
  std::thread::id worked_on;
  transport->answers.emplace_back([&](const auto&) {
    worked_on = std::this_thread::get_id();
    return Outcome<std::vector<Reply>>(std::vector<Reply>{read(1, entry(key, "one"), 1)});
  });
  auto result = boost::asio::co_spawn(callers, provider->get(address, kDeadline), boost::asio::use_future);
  const auto work = boost::asio::make_work_guard(loop());
  while (result.wait_for(0s) != std::future_status::ready) loop().poll();
  EXPECT_EQ(result.get().value(), "one");
  EXPECT_EQ(worked_on, std::this_thread::get_id());
  callers.join();
}

TEST_F(Provider, may_go_while_an_operation_runs) {
  transport->answers.emplace_back([&](const auto&) {
    provider.reset();
    return Outcome<std::vector<Reply>>(std::vector<Reply>{read(1, entry(key, "one"), 1)});
  });
  EXPECT_EQ(get().value(), "one");
}

}  // namespace
}  // namespace watchbell::cache::redis
