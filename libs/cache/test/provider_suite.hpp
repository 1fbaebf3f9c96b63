#pragma once

#include <watchbell/cache/provider.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// What every provider that stores promises, as one suite. Instantiate it with a harness:
///
///     INSTANTIATE_TYPED_TEST_SUITE_P(Memory, ProviderSuite, MemoryHarness);
///
/// A harness derives from `LoopHarness`, is made anew for every test with an empty store, and has
///
///     CacheProvider& first(), second()   two clients of one store (of one process, they may be the same object)
///     void advance(Duration)             lets that time pass; does nothing where it passes by itself
namespace watchbell::cache::provider_suite {

using namespace std::chrono_literals;
using namespace std::string_literals;

/// Runs coroutines on a loop of its own, one at a time.
class LoopHarness {
 public:
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr fault;
    boost::asio::co_spawn(loop_, std::move(work), [&](std::exception_ptr thrown, T value) {
      fault = std::move(thrown);
      result.emplace(std::move(value));
    });
    turn([&] { return result.has_value(); });
    if (fault) std::rethrow_exception(fault);
    return std::move(*result);
  }
  void run(boost::asio::awaitable<void> work) {
    bool ended = false;
    std::exception_ptr fault;
    boost::asio::co_spawn(loop_, std::move(work), [&](std::exception_ptr thrown) {
      fault = std::move(thrown);
      ended = true;
    });
    turn([&] { return ended; });
    if (fault) std::rethrow_exception(fault);
  }

 protected:
  boost::asio::io_context& loop() { return loop_; }

 private:
  template <class Done>
  void turn(Done done) {
    loop_.restart();
    while (!done() && loop_.run_one() != 0) {
    }
  }

  boost::asio::io_context loop_;
};

template <class Harness>
class ProviderSuite : public testing::Test {
 protected:
  using Kind = Fetched::Kind;

  static constexpr Duration kDeadline = 5s;
  static constexpr Duration kLease = 30s;
  static constexpr Duration kTtl = 60s;

  Harness harness;

  /// One of the two clients, by number.
  CacheProvider& client(int number) { return number == 0 ? harness.first() : harness.second(); }
  CacheProvider& first() { return harness.first(); }
  CacheProvider& second() { return harness.second(); }

  template <class T>
  T value(boost::asio::awaitable<Outcome<T>> work) {
    Outcome<T> outcome = harness.run(std::move(work));
    EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message());
    return outcome.has_value() ? std::move(*outcome) : T();
  }
  void done(boost::asio::awaitable<Outcome<void>> work) {
    const Outcome<void> outcome = harness.run(std::move(work));
    EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message());
  }

  Address at(const Key& key, const std::string& scope = "scope") { return Address(scope, key); }

  std::optional<std::string> get(CacheProvider& client, const Key& key, const std::string& scope = "scope") {
    return value(client.get(at(key, scope), kDeadline));
  }
  bool has(CacheProvider& client, const Key& key) { return value(client.has(at(key), kDeadline)); }
  void set(CacheProvider& client, const Key& key, const std::string& bytes, std::optional<Duration> ttl = kTtl, const std::string& scope = "scope") {
    done(client.set(at(key, scope), bytes, ttl, kDeadline));
  }
  Fetched fetch(CacheProvider& client, const Key& key, Duration lease = kLease) {
    std::vector<Fetched> found = value(client.fetch({at(key)}, lease, kDeadline));
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? Fetched() : std::move(found.front());
  }
  Filled fill(CacheProvider& client, const Key& key, const std::string& token, const std::string& bytes, Duration ttl = kTtl) {
    const std::vector<Filled> filled = value(client.fill({Fill(at(key), token, bytes, ttl)}, kDeadline));
    EXPECT_EQ(filled.size(), 1u);
    return filled.empty() ? Filled::refused : filled.front();
  }
  template <class What>
  void invalidate(CacheProvider& client, const What& what, const std::string& scope = "scope") {
    done(client.invalidate({Drop(scope, what)}, kDeadline));
  }
  std::uint64_t delete_by_prefix(CacheProvider& client, const Family& family, const std::string& scope = "scope") {
    return value(client.delete_by_prefix(scope, family, kDeadline));
  }

  /// Lets time pass until the condition holds.
  template <class Condition>
  bool eventually(Condition holds) {
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > patience) return false;
      harness.advance(5ms);
    }
    return true;
  }

  /// Ids that mean something to somebody on the way.
  static std::vector<std::string> strange_ids() {
    return {"",
            ":",
            "*",
            "?",
            "[",
            "]",
            "[a-z]",
            "\\",
            "\0"s,
            "a\0b"s,
            "a:b",
            "1*",
            "Grüße 🔔",
            "\xFF\xFE"s,
            "\r\n",
            "$3\r\nfoo",
            "{tag}",
            "^-",
            "\x80\x00"s,
            std::string(127, 'x'),
            std::string(500, 'x'),
            std::string(500, 'x') + "y"};
  }
};

TYPED_TEST_SUITE_P(ProviderSuite);

TYPED_TEST_P(ProviderSuite, what_one_client_sets_both_read) {
  const Key key("k");
  EXPECT_EQ(this->get(this->first(), key), std::nullopt);
  EXPECT_FALSE(this->has(this->second(), key));
  this->set(this->first(), key, "one");
  EXPECT_EQ(this->get(this->second(), key), "one");
  EXPECT_TRUE(this->has(this->second(), key));
  this->set(this->second(), key, "two", std::nullopt);
  EXPECT_EQ(this->get(this->first(), key), "two");
  const Fetched hit = this->fetch(this->first(), key);
  EXPECT_EQ(hit.kind, Fetched::Kind::hit);
  EXPECT_EQ(hit.bytes, "two");
  EXPECT_EQ(hit.token, "");
  EXPECT_GT(hit.remaining, TestFixture::kTtl) << "both value and time to live are replaced";
}

TYPED_TEST_P(ProviderSuite, an_empty_value_is_there) {
  const Key key("k");
  this->set(this->first(), key, "");
  EXPECT_EQ(this->get(this->second(), key), "");
  EXPECT_TRUE(this->has(this->second(), key));
}

TYPED_TEST_P(ProviderSuite, removing_may_be_done_again) {
  const Key key("k");
  this->set(this->first(), key, "one");
  for (int i = 0; i < 2; ++i) {
    this->done(this->second().remove(this->at(key), TestFixture::kDeadline));
    EXPECT_EQ(this->get(this->first(), key), std::nullopt);
  }
}

TYPED_TEST_P(ProviderSuite, C_15_a_time_to_live_of_nothing_stores_nothing) {
  const Key key("k");
  for (const Duration ttl : {Duration(0), Duration(-1), Duration(-1h), Duration::min()}) {
    this->set(this->first(), key, "old");
    this->set(this->first(), key, "new", ttl);
    EXPECT_EQ(this->get(this->first(), key), std::nullopt);
    const Fetched fetched = this->fetch(this->first(), key);
    ASSERT_EQ(fetched.kind, Fetched::Kind::lease);
    EXPECT_EQ(this->fill(this->first(), key, fetched.token, "new", ttl), Filled::refused);
    EXPECT_FALSE(this->has(this->first(), key));
  }
}

TYPED_TEST_P(ProviderSuite, C_15_a_huge_time_to_live_is_one) {
  for (const Duration ttl : {Duration::max(), Duration(24h * 365 * 100)}) {
    const Key key("k", ttl.count());
    this->set(this->first(), key, "one", ttl);
    EXPECT_EQ(this->get(this->second(), key), "one");
    const Key filled("filled", ttl.count());
    const Fetched fetched = this->fetch(this->first(), filled);
    EXPECT_EQ(this->fill(this->first(), filled, fetched.token, "one", ttl), Filled::stored);
    const Fetched hit = this->fetch(this->first(), filled);
    EXPECT_EQ(hit.kind, Fetched::Kind::hit);
    EXPECT_GT(hit.remaining, 0s);
    EXPECT_LE(hit.remaining, ttl);
  }
}

TYPED_TEST_P(ProviderSuite, C_15_an_entry_ends_with_its_time_to_live) {
  const Key set("set");
  const Key filled("filled");
  this->set(this->first(), set, "one", 20ms);
  const Fetched fetched = this->fetch(this->first(), filled);
  EXPECT_EQ(this->fill(this->first(), filled, fetched.token, "one", 1ns), Filled::stored);
  EXPECT_TRUE(this->eventually([&] { return !this->has(this->second(), set); }));
  EXPECT_TRUE(this->eventually([&] { return !this->get(this->second(), filled).has_value(); }));
  EXPECT_EQ(this->fetch(this->second(), filled).kind, Fetched::Kind::lease);
}

TYPED_TEST_P(ProviderSuite, C_20_any_bytes_come_back) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  int number = 0;
  for (const std::string& bytes : {""s, "\0"s, all, "+OK\r\n"s, "日本 🔔"s, std::string(1 << 20, '\xFF')}) {
    const Key key("k", ++number);
    this->set(this->first(), key, bytes);
    EXPECT_EQ(this->get(this->second(), key), bytes);
    const Key filled("filled", number);
    const Fetched fetched = this->fetch(this->first(), filled);
    EXPECT_EQ(this->fill(this->first(), filled, fetched.token, bytes), Filled::stored);
    EXPECT_EQ(this->fetch(this->second(), filled).bytes, bytes);
  }
}

TYPED_TEST_P(ProviderSuite, a_lease_is_filled_once_and_read_by_all) {
  const Key key("k", 1);
  const Fetched fetched = this->fetch(this->first(), key);
  ASSERT_EQ(fetched.kind, Fetched::Kind::lease);
  EXPECT_NE(fetched.token, "");
  EXPECT_EQ(this->get(this->second(), key), std::nullopt) << "a lease is not a value";
  EXPECT_FALSE(this->has(this->second(), key));
  EXPECT_EQ(this->fill(this->first(), key, fetched.token, "one"), Filled::stored);
  const Fetched hit = this->fetch(this->second(), key);
  ASSERT_EQ(hit.kind, Fetched::Kind::hit);
  EXPECT_EQ(hit.bytes, "one");
  EXPECT_GT(hit.remaining, 0s);
  EXPECT_LE(hit.remaining, TestFixture::kTtl);
  EXPECT_EQ(this->fill(this->first(), key, fetched.token, "again"), Filled::refused);
  EXPECT_EQ(this->get(this->second(), key), "one");
}

TYPED_TEST_P(ProviderSuite, busy_while_somebody_holds_the_lease) {
  const Key key("k");
  const Fetched lease = this->fetch(this->first(), key);
  ASSERT_EQ(lease.kind, Fetched::Kind::lease);
  for (int number : {0, 1, 0}) EXPECT_EQ(this->fetch(this->client(number), key).kind, Fetched::Kind::busy);
  EXPECT_EQ(this->fill(this->first(), key, lease.token, "one"), Filled::stored) << "others who ask take nothing away";
}

TYPED_TEST_P(ProviderSuite, equal_tokens_prove_that_nothing_was_invalidated) {
  const Key key("a", "b");
  const std::string before = this->fetch(this->first(), key).token;
  EXPECT_EQ(this->fetch(this->second(), key).token, before);
  this->invalidate(this->second(), Key("a", "c"));
  this->invalidate(this->second(), Family("b"));
  EXPECT_EQ(this->fetch(this->second(), key).token, before) << "does not cover the key";
  this->invalidate(this->second(), key);
  std::string last = this->fetch(this->first(), key).token;
  EXPECT_NE(last, before);
  for (const Family& family : {Family(), Family("a"), Family("a", "b")}) {
    this->invalidate(this->second(), family);
    const std::string next = this->fetch(this->first(), key).token;
    EXPECT_NE(next, last);
    last = next;
  }
}

TYPED_TEST_P(ProviderSuite, a_lease_ends_by_itself) {
  const Key key("k");
  const Fetched old = this->fetch(this->first(), key, 20ms);
  ASSERT_EQ(old.kind, Fetched::Kind::lease);
  Fetched next;
  ASSERT_TRUE(this->eventually([&] {
    next = this->fetch(this->second(), key);
    return next.kind == Fetched::Kind::lease;
  }));
  EXPECT_NE(next.token, old.token);
  EXPECT_EQ(this->fill(this->first(), key, old.token, "old"), Filled::refused);
  EXPECT_EQ(this->fill(this->second(), key, next.token, "new"), Filled::stored);
  EXPECT_EQ(this->get(this->first(), key), "new");
}

TYPED_TEST_P(ProviderSuite, C_4_a_lease_from_before_an_invalidation_never_stores) {
  const Key key("system", 1, "views");
  const auto expect_refused = [&](const auto& what) {
    const Fetched old = this->fetch(this->first(), key);
    ASSERT_EQ(old.kind, Fetched::Kind::lease);
    this->invalidate(this->second(), what);
    EXPECT_EQ(this->fill(this->first(), key, old.token, "stale"), Filled::refused);
    EXPECT_EQ(this->get(this->second(), key), std::nullopt);
  };
  expect_refused(key);
  expect_refused(Family());
  expect_refused(Family("system"));
  expect_refused(Family("system", 1));
  expect_refused(Family("system", 1, "views"));
}

TYPED_TEST_P(ProviderSuite, C_7_a_store_that_timed_out_cannot_take_effect_later) {
  // It is on its way while the invalidation is applied, and arrives at three moments after it.
  const Key key("system", 1);
  const auto late = [&](const auto& what) {
    const std::string old = this->fetch(this->first(), key).token;
    this->invalidate(this->second(), what);
    EXPECT_EQ(this->fill(this->first(), key, old, "stale"), Filled::refused);
    const Fetched next = this->fetch(this->second(), key);
    ASSERT_EQ(next.kind, Fetched::Kind::lease) << "the old lease makes nobody wait";
    EXPECT_EQ(this->fill(this->first(), key, old, "stale"), Filled::refused);
    EXPECT_EQ(this->fill(this->second(), key, next.token, "fresh"), Filled::stored);
    EXPECT_EQ(this->fill(this->first(), key, old, "stale"), Filled::refused);
    EXPECT_EQ(this->get(this->first(), key), "fresh");
    this->invalidate(this->first(), what);
  };
  late(key);
  late(Family("system"));
  late(Family("system", 1));
  late(Family());
}

TYPED_TEST_P(ProviderSuite, an_invalidated_family_takes_its_entries_along) {
  const std::vector<Key> members{Key("system", 1), Key("system", 1, "views"), Key("system", 1, "views", 2)};
  const std::vector<Key> others{Key("system"), Key("system", 10), Key("system", "1:"), Key("systems", 1), Key("list")};
  for (const auto& all : {members, others})
    for (const Key& key : all) this->set(this->first(), key, "one");
  this->invalidate(this->second(), Family("system", 1));
  for (const Key& key : members) EXPECT_EQ(this->get(this->first(), key), std::nullopt);
  for (const Key& key : others) EXPECT_EQ(this->get(this->first(), key), "one");
  this->invalidate(this->second(), Key("list"));
  EXPECT_EQ(this->get(this->first(), Key("list")), std::nullopt);
  EXPECT_EQ(this->get(this->first(), Key("system")), "one");
  this->invalidate(this->second(), Family());
  for (const Key& key : others) EXPECT_FALSE(this->has(this->first(), key));
}

TYPED_TEST_P(ProviderSuite, an_invalidated_key_leaves_those_below_it) {
  this->set(this->first(), Key("a"), "one");
  this->set(this->first(), Key("a", "b"), "one");
  this->invalidate(this->second(), Key("a"));
  EXPECT_EQ(this->get(this->first(), Key("a")), std::nullopt);
  EXPECT_EQ(this->get(this->first(), Key("a", "b")), "one");
}

TYPED_TEST_P(ProviderSuite, C_4_no_schedule_of_loads_and_invalidations_leaves_a_stale_entry) {
  // Two loaders (fetch and read the source; fill) and two writers (commit; invalidate the key or its family), each a
  // client of its own, in all 2520 orders.
  std::array<int, 8> schedule{0, 0, 1, 1, 2, 2, 3, 3};
  int round = 0;
  do {
    const Key key("k", ++round);
    const Family family("k", round);
    int source = 0;
    int safe = 0;  // what every reader must see at least
    std::array<int, 4> step{};
    std::array<Fetched, 2> fetched;
    std::array<int, 2> loaded{};
    std::array<int, 2> written{};
    for (const int actor : schedule) {
      const auto index = static_cast<std::size_t>(actor);
      const bool begin = step[index]++ == 0;
      CacheProvider& client = this->client(actor % 2);
      if (actor < 2) {
        if (begin) {
          fetched[index] = this->fetch(client, key);
          loaded[index] = source;
        } else if (fetched[index].kind == Fetched::Kind::lease) {
          this->fill(client, key, fetched[index].token, std::to_string(loaded[index]));
        }
      } else if (begin) {
        written[index - 2] = ++source;
      } else {
        if (actor == 2)
          this->invalidate(client, key);
        else
          this->invalidate(client, family);
        safe = std::max(safe, written[index - 2]);
      }
      if (begin && actor >= 2) continue;
      const auto seen = this->get(this->client(1 - actor % 2), key);
      if (seen) {
        ASSERT_GE(std::stoi(*seen), safe) << testing::PrintToString(schedule) << " step " << actor;
      }
    }
  } while (std::next_permutation(schedule.begin(), schedule.end()));
  EXPECT_EQ(round, 2520);
}

TYPED_TEST_P(ProviderSuite, C_4_random_schedules_agree_with_a_plain_model) {
  struct Model {
    std::map<std::string, std::string> values;
    std::map<std::string, std::string> leases;
    std::uint64_t drop(const std::string& prefix) {
      leases.erase(leases.lower_bound(prefix), end(leases, prefix));
      const auto from = values.lower_bound(prefix);
      const auto to = end(values, prefix);
      const auto count = static_cast<std::uint64_t>(std::distance(from, to));
      values.erase(from, to);
      return count;
    }
    static std::map<std::string, std::string>::iterator end(std::map<std::string, std::string>& map, const std::string& prefix) {
      auto it = map.lower_bound(prefix);
      while (it != map.end() && it->first.starts_with(prefix)) ++it;
      return it;
    }
  } model;
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  std::map<std::string, std::vector<std::string>> tokens;
  for (int i = 0; i < 3000; ++i) {
    const std::array<std::string, 3> parts{std::to_string(below(2)), std::to_string(below(2)), std::to_string(below(2))};
    const std::size_t depth = 1 + below(3);
    KeyBuilder builder;
    for (std::size_t n = 0; n < depth; ++n) builder.add(parts[n]);
    const Key key = builder.key();
    const Family family = builder.family();
    const std::string path(key.encoded());
    CacheProvider& client = this->client(static_cast<int>(below(2)));
    switch (below(8)) {
      case 0: {
        const auto value = model.values.find(path);
        ASSERT_EQ(this->get(client, key), value == model.values.end() ? std::nullopt : std::optional(value->second));
        break;
      }
      case 1:
      case 2:
      case 3: {
        const Fetched fetched = this->fetch(client, key);
        if (model.values.contains(path)) {
          ASSERT_EQ(fetched.kind, Fetched::Kind::hit);
          ASSERT_EQ(fetched.bytes, model.values[path]);
        } else if (model.leases.contains(path)) {
          ASSERT_EQ(fetched.kind, Fetched::Kind::busy);
        } else {
          ASSERT_EQ(fetched.kind, Fetched::Kind::lease);
          model.leases[path] = fetched.token;
          tokens[path].push_back(fetched.token);
        }
        break;
      }
      case 4:
      case 5: {
        if (tokens[path].empty()) break;
        const std::size_t back = below(2) == 0 ? 0 : below(static_cast<unsigned>(tokens[path].size()));
        const std::string token = tokens[path][tokens[path].size() - 1 - back];
        const auto lease = model.leases.find(path);
        const bool stored = lease != model.leases.end() && lease->second == token;
        ASSERT_EQ(this->fill(client, key, token, std::to_string(i)), stored ? Filled::stored : Filled::refused);
        if (stored) {
          model.leases.erase(lease);
          model.values[path] = std::to_string(i);
        }
        break;
      }
      case 6: {
        model.values.erase(path);
        model.leases.erase(path);
        this->invalidate(client, key);
        break;
      }
      default: {
        const std::uint64_t count = model.drop(path);
        if (below(4) == 0) {
          ASSERT_GE(this->delete_by_prefix(client, family), count);  // those of an earlier drop may still be held
        } else {
          this->invalidate(client, family);
        }
        break;
      }
    }
  }
}

TYPED_TEST_P(ProviderSuite, bulk_answers_keep_the_order_and_duplicates) {
  const Key a("a");
  const Key b("b");
  const Key c("c");
  this->set(this->first(), a, "A");
  this->set(this->first(), c, "C");
  std::vector<Address> addresses{this->at(a), this->at(b), this->at(a), this->at(c), this->at(b)};
  std::vector<Fetched> found = this->value(this->second().fetch(addresses, TestFixture::kLease, TestFixture::kDeadline));
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0].bytes, "A");
  EXPECT_EQ(found[2].bytes, "A");
  EXPECT_EQ(found[3].bytes, "C");
  EXPECT_EQ(found[1].kind, Fetched::Kind::lease);
  EXPECT_EQ(found[4].kind, Fetched::Kind::busy) << "one key, one lease";

  const Fetched d = this->fetch(this->first(), Key("d"));
  std::vector<Fill> fills{Fill(this->at(Key("d")), d.token, "D", TestFixture::kTtl), Fill(this->at(b), "not a token", "B", TestFixture::kTtl),
                          Fill(this->at(b), found[1].token, "B", TestFixture::kTtl), Fill(this->at(b), found[1].token, "again", TestFixture::kTtl)};
  const std::vector<Filled> filled = this->value(this->second().fill(fills, TestFixture::kDeadline));
  EXPECT_EQ(filled, (std::vector<Filled>{Filled::stored, Filled::refused, Filled::stored, Filled::refused}));
  EXPECT_EQ(this->get(this->first(), b), "B");
  EXPECT_EQ(this->get(this->first(), Key("d")), "D");
}

TYPED_TEST_P(ProviderSuite, bulk_work_on_nothing_is_nothing) {
  EXPECT_TRUE(this->value(this->first().fetch({}, TestFixture::kLease, TestFixture::kDeadline)).empty());
  EXPECT_TRUE(this->value(this->first().fill({}, TestFixture::kDeadline)).empty());
  this->done(this->first().invalidate({}, TestFixture::kDeadline));
}

TYPED_TEST_P(ProviderSuite, a_token_of_another_key_is_refused) {
  const std::string token = this->fetch(this->first(), Key("a", "x")).token;
  this->fetch(this->first(), Key("a", "y"));
  EXPECT_EQ(this->fill(this->first(), Key("a", "y"), token, "one"), Filled::refused);
  EXPECT_EQ(this->fill(this->first(), Key("a"), token, "one"), Filled::refused);
  EXPECT_EQ(this->fill(this->first(), Key("a", "y"), "", "one"), Filled::refused);
  EXPECT_EQ(this->fill(this->first(), Key("a", "x"), token + token, "one"), Filled::refused);
  EXPECT_EQ(this->fill(this->first(), Key("a", "x"), token, "one"), Filled::stored);
}

TYPED_TEST_P(ProviderSuite, a_set_value_dies_with_a_later_invalidation) {
  const Key key("system", 1);
  const auto expect_gone = [&](const auto& what) {
    this->set(this->first(), key, "one");
    this->invalidate(this->second(), what);
    EXPECT_EQ(this->get(this->first(), key), std::nullopt);
    EXPECT_EQ(this->fetch(this->first(), key).kind, Fetched::Kind::lease);
  };
  expect_gone(key);
  expect_gone(Family("system"));
  expect_gone(Family("system", 1));
  expect_gone(Family());
}

TYPED_TEST_P(ProviderSuite, C_22_strange_ids_are_data) {
  const std::vector<std::string> ids = TestFixture::strange_ids();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    this->set(this->first(), Key("system", ids[i]), std::to_string(i));
    this->set(this->first(), Key("system", ids[i], "below"), std::to_string(i));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(this->get(this->second(), Key("system", ids[i])), std::to_string(i)) << i;
  // Each is dropped alone: first half by invalidation, the others by the administrator's way.
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % 2 == 0)
      this->invalidate(this->second(), Family("system", ids[i]));
    else
      EXPECT_EQ(this->delete_by_prefix(this->second(), Family("system", ids[i])), 2u) << i;
    EXPECT_EQ(this->get(this->first(), Key("system", ids[i])), std::nullopt) << i;
    EXPECT_EQ(this->get(this->first(), Key("system", ids[i], "below")), std::nullopt) << i;
    for (std::size_t j = i + 1; j < ids.size(); ++j) ASSERT_TRUE(this->has(this->first(), Key("system", ids[j]))) << i << ' ' << j;
  }
}

TYPED_TEST_P(ProviderSuite, C_22_no_scope_reaches_another) {
  const std::vector<std::string> scopes{"a", "a:b", "ab", "", "*", "[a]", "\0"s, "1:a", std::string(300, 'a'), std::string(301, 'a')};
  for (const std::string& scope : scopes) {
    this->set(this->first(), Key("k"), scope, TestFixture::kTtl, scope);
    this->set(this->first(), Key("b", "k"), scope, TestFixture::kTtl, scope);
  }
  for (const std::string& scope : scopes) EXPECT_EQ(this->get(this->second(), Key("k"), scope), scope);
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (i % 2 == 0)
      this->invalidate(this->second(), Family(), scopes[i]);
    else
      EXPECT_EQ(this->delete_by_prefix(this->second(), Family(), scopes[i]), 2u) << i;
    EXPECT_EQ(this->get(this->first(), Key("k"), scopes[i]), std::nullopt);
    for (std::size_t j = i + 1; j < scopes.size(); ++j) {
      EXPECT_EQ(this->get(this->first(), Key("k"), scopes[j]), scopes[j]);
      EXPECT_EQ(this->get(this->first(), Key("b", "k"), scopes[j]), scopes[j]);
    }
  }
}

TYPED_TEST_P(ProviderSuite, C_24_entries_are_listed_without_their_values) {
  this->set(this->first(), Key("k"), "a secret value");
  const EntryPage page = this->value(this->first().list_entries(0, 200, EntryOrder::biggest, TestFixture::kDeadline));
  if (!page.supported) {
    EXPECT_TRUE(page.items.empty());
    EXPECT_EQ(page.total, 0u) << "nothing is known to be there";
    EXPECT_FALSE(page.has_more);
  }
  for (const auto& item : page.items) EXPECT_EQ(item.key.find("secret"), std::string::npos);
}

TYPED_TEST_P(ProviderSuite, deleting_by_prefix_counts_and_is_an_invalidation) {
  EXPECT_EQ(this->delete_by_prefix(this->first(), Family("system")), 0u);
  for (int i = 0; i < 500; ++i) this->set(this->first(), Key("system", i), "one");
  this->set(this->first(), Key("other"), "one");
  const std::string token = this->fetch(this->first(), Key("system", "loading")).token;
  EXPECT_EQ(this->delete_by_prefix(this->second(), Family("system")), 500u);
  EXPECT_EQ(this->get(this->first(), Key("system", 7)), std::nullopt);
  EXPECT_EQ(this->get(this->first(), Key("other")), "one");
  EXPECT_EQ(this->fill(this->first(), Key("system", "loading"), token, "stale"), Filled::refused);
  EXPECT_EQ(this->delete_by_prefix(this->second(), Family()), 1u);
}

TYPED_TEST_P(ProviderSuite, hits_and_misses_are_counted) {
  this->get(this->first(), Key("k"));
  this->set(this->first(), Key("k"), "one");
  this->get(this->first(), Key("k"));
  this->fetch(this->first(), Key("k"));
  const ProviderStats stats = this->value(this->first().stats(TestFixture::kDeadline));
  EXPECT_EQ(stats.hits.value_or(2), 2u);
  EXPECT_EQ(stats.misses.value_or(1), 1u);
  EXPECT_EQ(stats.hits.has_value(), stats.misses.has_value());
}

TYPED_TEST_P(ProviderSuite, stopping_may_be_done_again_and_ends_all_service) {
  this->set(this->first(), Key("k"), "one");
  for (int i = 0; i < 2; ++i) this->harness.run(this->first().stop());
  EXPECT_FALSE(this->harness.run(this->first().get(this->at(Key("k")), TestFixture::kDeadline)).has_value());
  EXPECT_FALSE(this->harness.run(this->first().fetch({this->at(Key("k"))}, TestFixture::kLease, TestFixture::kDeadline)).has_value());
}

REGISTER_TYPED_TEST_SUITE_P(ProviderSuite, what_one_client_sets_both_read, an_empty_value_is_there, removing_may_be_done_again,
                            C_15_a_time_to_live_of_nothing_stores_nothing, C_15_a_huge_time_to_live_is_one, C_15_an_entry_ends_with_its_time_to_live,
                            C_20_any_bytes_come_back, a_lease_is_filled_once_and_read_by_all, busy_while_somebody_holds_the_lease,
                            equal_tokens_prove_that_nothing_was_invalidated, a_lease_ends_by_itself, C_4_a_lease_from_before_an_invalidation_never_stores,
                            C_7_a_store_that_timed_out_cannot_take_effect_later, an_invalidated_family_takes_its_entries_along,
                            an_invalidated_key_leaves_those_below_it, C_4_no_schedule_of_loads_and_invalidations_leaves_a_stale_entry,
                            C_4_random_schedules_agree_with_a_plain_model, bulk_answers_keep_the_order_and_duplicates, bulk_work_on_nothing_is_nothing,
                            a_token_of_another_key_is_refused, a_set_value_dies_with_a_later_invalidation, C_22_strange_ids_are_data,
                            C_22_no_scope_reaches_another, C_24_entries_are_listed_without_their_values, deleting_by_prefix_counts_and_is_an_invalidation,
                            hits_and_misses_are_counted, stopping_may_be_done_again_and_ends_all_service);

}  // namespace watchbell::cache::provider_suite
