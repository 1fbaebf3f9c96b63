// What only a real server can show: what stands in it, what becomes of bytes that are not ours, restarts.
#include "entry.hpp"
#include "keys.hpp"
#include "provider_suite.hpp"
#include "scripts.hpp"
#include "support/plain_transport.hpp"
#include "support/redis_server.hpp"

#include <watchbell/cache/redis/provider.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace watchbell::cache::redis {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

const auto* const skip_environment = testing::AddGlobalTestEnvironment(new test::RedisOrSkip);

class RedisTest : public testing::Test, public provider_suite::LoopHarness {
 protected:
  static constexpr Duration kDeadline = 5s;

  static void TearDownTestSuite() { server_.reset(); }

  RedisTest() { plain->command({"FLUSHALL"}); }

  static test::RedisServer& server() {
    if (!server_) server_ = std::make_unique<test::RedisServer>();
    return *server_;
  }
  std::shared_ptr<test::PlainTransport> transport() {
    return std::make_shared<test::PlainTransport>(loop(), server().socket());
  }

  std::vector<std::string> names(const std::string& pattern = "*") {
    std::vector<std::string> names;
    for (Reply& name : plain->command({"KEYS", pattern}).items) names.push_back(std::move(name.text));
    return names;
  }
  std::string run_id() { return run(plain->server(kDeadline)).value(); }
  std::string name(detail::Kind kind, const Key& key) {
    return detail::KeySpace("cache:", run_id()).name(kind, "scope", key.encoded());
  }
  Address at(const Key& key) { return Address("scope", key); }

  void set(const Key& key, const std::string& bytes) {
    ASSERT_TRUE(run(provider.set(at(key), bytes, 60s, kDeadline)).has_value());
  }
  std::optional<std::string> get(const Key& key) { return run(provider.get(at(key), kDeadline)).value(); }
  Fetched fetch(const Key& key) {
    std::vector<Address> addresses{at(key)};
    return run(provider.fetch(addresses, 30s, kDeadline)).value().at(0);
  }
  Filled fill(const Key& key, const std::string& token, const std::string& bytes) {
    std::vector<Fill> fills{Fill(at(key), token, bytes, 60s)};
    return run(provider.fill(fills, kDeadline)).value().at(0);
  }
  template <class What>
  void invalidate(CacheProvider& by, const What& what) {
    std::vector<Drop> drops{Drop("scope", what)};
    ASSERT_TRUE(run(by.invalidate(drops, kDeadline)).has_value());
  }

  std::shared_ptr<test::PlainTransport> plain = transport();
  RedisProvider provider{transport()};
  RedisProvider other{transport()};

 private:
  static inline std::unique_ptr<test::RedisServer> server_;
};

TEST_F(RedisTest, C_29_an_older_snapshot_serves_nothing) {
  const Key key("system", 1);
  const Key loading("system", 2);
  set(key, "old");
  const std::string token = fetch(loading).token;
  ASSERT_EQ(plain->command({"SAVE"}).text, "OK");
  // Acknowledged, and then lost.
  invalidate(other, key);
  invalidate(other, Family("system"));
  const std::size_t saved = 6;  // an entry, a lease, tokens of the scope, of `system`, and of both keys
  server().kill();
  server().start();
  EXPECT_EQ(names().size(), saved) << "the snapshot does hold what must not be served";

  EXPECT_EQ(get(key), std::nullopt);
  EXPECT_EQ(run(other.get(at(key), kDeadline)).value(), std::nullopt);
  EXPECT_EQ(fill(loading, token, "stale"), Filled::refused) << "a lease from before the restart";
  const Fetched next = fetch(key);
  ASSERT_EQ(next.kind, Fetched::Kind::lease);
  EXPECT_EQ(fill(key, next.token, "new"), Filled::stored);
  EXPECT_EQ(run(other.get(at(key), kDeadline)).value(), "new");
  EXPECT_GE(provider.counters().server_changes, 1u);
}

TEST_F(RedisTest, C_29_a_restart_between_fetch_and_fill_stores_nothing) {
  const Key key("k");
  const std::string token = fetch(key).token;
  server().kill();
  server().start();
  EXPECT_EQ(fill(key, token, "one"), Filled::refused);
  EXPECT_EQ(get(key), std::nullopt);
}

TEST_F(RedisTest, an_unreachable_server_is_an_outcome) {
  server().kill();
  EXPECT_FALSE(run(provider.get(at(Key("k")), kDeadline)).has_value());
  std::vector<Drop> drops{Drop("scope", Family())};
  EXPECT_FALSE(run(provider.invalidate(drops, kDeadline)).has_value());
  server().start();
  EXPECT_EQ(get(Key("k")), std::nullopt);
}

TEST_F(RedisTest, C_24_names_hold_no_value_and_everything_ends_by_itself) {
  const Key key("system", std::string(300, 'x'), 1);
  const Fetched fetched = fetch(key);
  ASSERT_EQ(fill(key, fetched.token, "a secret value"), Filled::stored);
  ASSERT_TRUE(run(provider.set(at(Key("k")), "a secret value", std::nullopt, kDeadline)).has_value());
  fetch(Key("loading"));
  for (const std::string& one : names()) {
    EXPECT_EQ(one.find("secret"), std::string::npos);
    EXPECT_LE(one.size(), 256u);
    EXPECT_TRUE(one.starts_with("cache:" + run_id() + ":")) << one;
    EXPECT_GT(plain->command({"PTTL", one}).integer, 0) << one;
  }
  EXPECT_GT(names().size(), 5u);
}

TEST_F(RedisTest, tokens_outlive_the_entries_that_record_them) {
  RedisOptions options;
  options.token_ttl = 1s;
  RedisProvider brief(transport(), options);
  const Key key("k");
  ASSERT_TRUE(run(brief.set(at(key), "one", 1h, kDeadline)).has_value());
  const auto life = [&](detail::Kind kind) { return plain->command({"PTTL", name(kind, key)}).integer; };
  EXPECT_GT(life(detail::Kind::token), life(detail::Kind::entry));
  EXPECT_GT(life(detail::Kind::entry), 3'500'000);
}

TEST_F(RedisTest, bytes_that_are_no_entry_are_a_miss_counted_and_removed) {
  const Key key("k");
  const std::string entry = name(detail::Kind::entry, key);
  set(key, "value");
  const std::string good = plain->command({"GET", entry}).text;
  const auto changed = [&](std::size_t at, char to) {
    std::string bytes = good;
    bytes[at] = to;
    return bytes;
  };
  const std::vector<std::vector<std::string>> foreign{
      {"SET", entry, "something else entirely, as another program would have written it here"},
      {"SET", entry, "x"},
      {"SET", entry, good.substr(0, good.size() - 1)},
      {"SET", entry, good + "x"},
      {"SET", entry, changed(0, 2)},
      {"SET", entry, changed(good.size() - 1, 'X')},
      {"SET", entry, changed(2, static_cast<char>(good[2] ^ 1))},
      {"SET", entry, good + std::string(RedisOptions().max_value_bytes, 'x')},
      {"RPUSH", entry, "a", "b"},
      {"HSET", entry, "a", "b"}};
  std::uint64_t bad = 0;
  for (const Command& command : foreign) {
    for (int way = 0; way < 3; ++way) {
      plain->command({"DEL", entry});
      ASSERT_NE(plain->command(command).kind, Reply::Kind::error);
      if (way == 0) {
        EXPECT_EQ(get(key), std::nullopt) << command[2];
      } else if (way == 1) {
        EXPECT_NE(fetch(key).kind, Fetched::Kind::hit) << command[2];
      } else {
        // `has` reads no value, so damage in one is for the read that follows.
        const bool seen = run(provider.has(at(key), kDeadline)).value();
        EXPECT_EQ(seen ? get(key) : std::nullopt, std::nullopt);
      }
      EXPECT_EQ(plain->command({"EXISTS", entry}).integer, 0) << command[2];
      EXPECT_EQ(provider.counters().bad_entries, ++bad) << command[2] << way;
    }
    plain->command({"DEL", name(detail::Kind::lease, key)});
  }
  EXPECT_EQ(provider.counters().hits, 0u);
  // And the key is of use again.
  const Fetched next = fetch(key);
  ASSERT_EQ(next.kind, Fetched::Kind::lease);
  EXPECT_EQ(fill(key, next.token, "new"), Filled::stored);
  EXPECT_EQ(get(key), "new");
}

TEST_F(RedisTest, leases_and_tokens_of_a_wrong_type_are_none) {
  const Key key("k");
  for (const detail::Kind kind : {detail::Kind::lease, detail::Kind::token})
    for (const auto& foreign : std::vector<std::vector<std::string>>{{"RPUSH", "a"}, {"SET", "short"}, {"SET", ""}}) {
      const Fetched before = fetch(key);
      plain->command({"DEL", name(kind, key)});
      plain->command({foreign[0], name(kind, key), foreign[1]});
      EXPECT_EQ(fill(key, before.token, "stale"), Filled::refused);
      EXPECT_EQ(get(key), std::nullopt);
      const Fetched next = fetch(key);
      ASSERT_EQ(next.kind, Fetched::Kind::lease);
      EXPECT_EQ(fill(key, next.token, "one"), Filled::stored);
      EXPECT_EQ(get(key), "one");
      invalidate(provider, key);
    }
}

TEST_F(RedisTest, scripts_the_server_has_forgotten_are_sent_again) {
  using detail::Scripts;
  for (const detail::Script* script : {&Scripts::get(), &Scripts::has(), &Scripts::fetch(), &Scripts::claim(),
                                       &Scripts::fill(), &Scripts::sweep()})
    EXPECT_EQ(plain->command({"SCRIPT", "LOAD", script->source}).text, script->sha);
  const auto loads = [&] { return provider.counters().script_loads; };
  std::vector<Address> addresses{at(Key("a")), at(Key("b")), at(Key("c"))};
  for (std::uint64_t round = 0; round < 2; ++round) {
    plain->command({"SCRIPT", "FLUSH"});
    const std::uint64_t trips = provider.counters().round_trips;
    const auto found = run(provider.fetch(addresses, 30s, kDeadline)).value();
    EXPECT_EQ(found.size(), 3u);
    EXPECT_EQ(loads(), round + 1);
    EXPECT_EQ(provider.counters().round_trips, trips + 2);
    run(provider.fetch(addresses, 30s, kDeadline)).value();
    EXPECT_EQ(provider.counters().round_trips, trips + 3);
  }
}

TEST_F(RedisTest, a_full_server_is_an_outcome_and_still_invalidates) {
  const Key key("k");
  set(key, "one");
  ASSERT_EQ(plain->command({"CONFIG", "SET", "maxmemory", "1"}).text, "OK");
  const Outcome<void> refused = run(provider.set(at(Key("other")), "one", 60s, kDeadline));
  EXPECT_EQ(get(key), "one");
  invalidate(provider, key);
  EXPECT_EQ(get(key), std::nullopt);
  ASSERT_EQ(plain->command({"CONFIG", "SET", "maxmemory", "0"}).text, "OK");
  EXPECT_EQ(refused.error(), boost::system::errc::io_error);
  EXPECT_EQ(provider.counters().error_replies, 1u);
}

TEST_F(RedisTest, a_set_takes_the_lease_of_those_who_load) {
  const Key key("k");
  const std::string token = fetch(key).token;
  set(key, "set");
  EXPECT_EQ(fill(key, token, "loaded before"), Filled::refused);
  EXPECT_EQ(get(key), "set");
}

TEST_F(RedisTest, a_value_too_large_to_set_removes_the_old_one) {
  const Key key("k");
  set(key, "old");
  const Outcome<void> refused =
      run(provider.set(at(key), std::string(RedisOptions().max_value_bytes + 1, 'x'), 60s, kDeadline));
  EXPECT_EQ(refused.error(), boost::system::errc::message_size);
  EXPECT_EQ(get(key), std::nullopt);
}

TEST_F(RedisTest, instances_share_a_server_and_nothing_else) {
  RedisOptions options;
  options.instance = "preview";
  RedisProvider preview(transport(), options);
  const Key key("k");
  set(key, "one");
  EXPECT_EQ(run(preview.get(at(key), kDeadline)).value(), std::nullopt);
  ASSERT_TRUE(run(preview.set(at(key), "two", 60s, kDeadline)).has_value());
  EXPECT_EQ(run(preview.delete_by_prefix("scope", Family(), kDeadline)).value(), 1u);
  EXPECT_EQ(get(key), "one");
  EXPECT_FALSE(names("preview:cache:" + run_id() + ":*").empty());
}

TEST_F(RedisTest, keys_of_more_segments_than_can_be_kept_are_never_stored) {
  KeyBuilder builder;
  for (int i = 0; i < 200; ++i) builder.add("s");
  const Key longest = builder.key();
  const Key longer = builder.add("s").key();
  set(longest, "one");
  EXPECT_EQ(get(longest), "one");
  EXPECT_FALSE(run(provider.set(at(longer), "one", 60s, kDeadline)).has_value());
  EXPECT_EQ(get(longer), std::nullopt);
  EXPECT_EQ(fetch(longer).kind, Fetched::Kind::busy);
  EXPECT_EQ(fill(longer, std::string(16 * 203, 't'), "one"), Filled::refused);
  invalidate(provider, longer);
}

TEST_F(RedisTest, C_22_a_scan_tells_families_apart_that_are_too_long_for_a_name) {
  const std::string deep(300, 'x');
  set(Key("system", deep, 1), "one");
  set(Key("system", deep, std::string(300, 'z')), "one");
  set(Key("system", deep + "y"), "one");
  set(Key("system", "1"), "one");
  EXPECT_EQ(run(provider.delete_by_prefix("scope", Family("system", deep), kDeadline)).value(), 2u);
  EXPECT_EQ(get(Key("system", deep + "y")), "one");
  EXPECT_EQ(run(provider.delete_by_prefix("scope", Family("system"), kDeadline)).value(), 2u);
}

}  // namespace
}  // namespace watchbell::cache::redis
