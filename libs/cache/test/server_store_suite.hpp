#pragma once

#include "provider_suite.hpp"

/// What a store that is a server promises besides, as a second suite beside `ProviderSuite`:
///
///     INSTANTIATE_TYPED_TEST_SUITE_P(Redis, ServerStoreSuite, RedisHarness);
///
/// Its harness has also
///
///     void lose_generations()            evicts everything that is not an entry
///     void lose_all()                    evicts everything
///     std::uint64_t steps()              commands done so far, by which cost is judged
///     std::uint64_t round_trips()        done so far
///     std::size_t max_value_bytes()      the bound of one value
namespace watchbell::cache::provider_suite {

template <class Harness>
class ServerStoreSuite : public ProviderSuite<Harness> {};

TYPED_TEST_SUITE_P(ServerStoreSuite);

TYPED_TEST_P(ServerStoreSuite, C_8_lost_generations_make_no_old_token_valid) {
  const Key key("a", "b");
  const Fetched old = this->fetch(this->first(), key);
  this->set(this->first(), Key("a", "c"), "one");
  this->harness.lose_generations();
  EXPECT_EQ(this->fill(this->first(), key, old.token, "stale"), Filled::refused);
  EXPECT_EQ(this->get(this->second(), Key("a", "c")), std::nullopt) << "what has no generation is a miss";
  const Fetched next = this->fetch(this->second(), key);
  ASSERT_EQ(next.kind, Fetched::Kind::lease);
  EXPECT_NE(next.token, old.token);
  EXPECT_EQ(this->fill(this->first(), key, old.token, "stale"), Filled::refused);
  EXPECT_EQ(this->get(this->second(), Key("a", "c")), std::nullopt) << "nor with those that were made since";

  // Lost after an invalidation: nothing remembers it, and still nothing from before it counts.
  const std::string token = this->fetch(this->second(), Key("a", "d")).token;
  this->invalidate(this->first(), Family("a"));
  this->harness.lose_all();
  this->fetch(this->first(), Key("a", "e"));
  EXPECT_EQ(this->fill(this->second(), Key("a", "d"), token, "stale"), Filled::refused);
}

TYPED_TEST_P(ServerStoreSuite, C_10_a_family_drop_costs_the_same_whatever_its_size) {
  const auto cost = [&](int keys) {
    for (int i = 0; i < keys; ++i) this->set(this->first(), Key("f", keys, i), "one");
    const std::uint64_t before = this->harness.steps();
    this->invalidate(this->first(), Family("f", keys));
    return this->harness.steps() - before;
  };
  EXPECT_EQ(cost(1000), cost(1));
}

TYPED_TEST_P(ServerStoreSuite, bulk_work_takes_one_round_trip) {
  std::vector<Address> addresses;
  for (int i = 0; i < 100; ++i) addresses.push_back(this->at(Key("k", i)));
  this->value(this->first().fetch({this->at(Key("warm"))}, TestFixture::kLease, TestFixture::kDeadline));
  this->fill(this->first(), Key("warm"), "", "");
  const auto cost = [&](auto work) {
    const std::uint64_t before = this->harness.round_trips();
    work();
    return this->harness.round_trips() - before;
  };
  std::vector<Fetched> fetched;
  EXPECT_EQ(cost([&] { fetched = this->value(this->first().fetch(addresses, TestFixture::kLease, TestFixture::kDeadline)); }), 1u);
  std::vector<Fill> fills;
  for (std::size_t i = 0; i < addresses.size(); ++i) fills.emplace_back(addresses[i], fetched[i].token, std::to_string(i), TestFixture::kTtl);
  const auto fill = [&] {
    for (const Filled filled : this->value(this->first().fill(fills, TestFixture::kDeadline))) EXPECT_EQ(filled, Filled::stored);
  };
  EXPECT_LE(cost(fill), 2u) << "one more where a script is met for the first time";
  EXPECT_EQ(cost([&] { fetched = this->value(this->first().fetch(addresses, TestFixture::kLease, TestFixture::kDeadline)); }), 1u);
  for (std::size_t i = 0; i < fetched.size(); ++i) EXPECT_EQ(fetched[i].bytes, std::to_string(i));
  std::vector<Drop> drops;
  for (const Address& address : addresses) drops.emplace_back(address.scope, address.key);
  drops.emplace_back("scope", Family("k"));
  EXPECT_EQ(cost([&] { this->done(this->first().invalidate(drops, TestFixture::kDeadline)); }), 1u);
}

TYPED_TEST_P(ServerStoreSuite, a_value_over_the_bound_is_not_stored) {
  const std::size_t bound = this->harness.max_value_bytes();
  const Key key("k");
  const Fetched fetched = this->fetch(this->first(), key);
  EXPECT_EQ(this->fill(this->first(), key, fetched.token, std::string(bound + 1, 'x')), Filled::too_large);
  EXPECT_FALSE(this->has(this->first(), key));
  EXPECT_EQ(this->fill(this->first(), key, fetched.token, std::string(bound, 'x')), Filled::stored);
  EXPECT_EQ(this->get(this->second(), key).value_or("").size(), bound);
}

REGISTER_TYPED_TEST_SUITE_P(ServerStoreSuite, C_8_lost_generations_make_no_old_token_valid, C_10_a_family_drop_costs_the_same_whatever_its_size,
                            bulk_work_takes_one_round_trip, a_value_over_the_bound_is_not_stored);

}  // namespace watchbell::cache::provider_suite
