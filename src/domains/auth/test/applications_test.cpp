#include "domains/auth/test/fixture.hpp"

namespace watchbell::auth {
namespace {

using namespace std::chrono_literals;
using test::Fixture;

template <class T>
std::string outcome(const Result<T>& result) {
  return result ? "ok" : std::string(wire_code(result.error().code));
}

CreateApplication named(std::string name) { return {.name = Text<1, 100>::of(std::move(name)), .description = {}, .expires_at = {}, .rate_limit = {}}; }

UpdateApplication with_roles(const ApplicationId& id, std::vector<std::string> roles) {
  UpdateApplication input{.id = Text<1, 100>::of(id.to_string()), .name = {}, .description = {}, .roles = {}, .expires_at = {}, .rate_limit = {}};
  input.roles.emplace();
  for (auto& role : roles) input.roles->push_back(Text<1, 100>::of(std::move(role)));
  return input;
}

UpdateApplication unchanged(const ApplicationId& id) {
  auto input = with_roles(id, {});
  input.roles.reset();
  return input;
}

/// The principal of a key, or null.
awaitable<access::PrincipalPtr> opened(Fixture& f, std::string key) { return f.who({}, "Bearer " + std::move(key)); }

awaitable<void> finish(Fixture& f) {
  co_await f.until([&] { return f.scope.size() == 0; });
  co_await f.close();
}

CO_TEST(ApiKeys, hold_the_rules_of_their_roles_from_the_next_request_on) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto made = co_await f.service->create_application(ann, named(" ci "));
  CO_ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->application.name, "ci");
  EXPECT_EQ(made->application.roles, std::vector<std::string>{"applications"});
  EXPECT_EQ(made->application.created_by_id, *ann.user);
  const ApplicationId id = made->application.id;
  const auto fresh = co_await opened(f, made->secret);
  CO_ASSERT_TRUE(fresh != nullptr);
  EXPECT_EQ(fresh->kind, access::Principal::Kind::application);
  EXPECT_TRUE(fresh->rules->ids().empty());
  const std::string writers = co_await f.role("Writers", {"t.thing.manage"});
  EXPECT_EQ(outcome(co_await f.service->update_application(ann, with_roles(id, {"applications", writers}))), "ok");
  EXPECT_TRUE((co_await opened(f, made->secret))->rules->holds("t.thing.manage"));
  // AUTHCHECK_07 for keys: the role changes, the key is demoted, revoked, deleted.
  EXPECT_EQ(outcome(co_await f.service->update_role(ann, {.id = Text<1, 100>::of(writers), .name = {}, .description = {}, .access_rules = {}})), "ok");
  EXPECT_FALSE((co_await opened(f, made->secret))->rules->holds("t.thing.manage"));
  EXPECT_EQ(outcome(co_await f.service->update_application(ann, with_roles(id, {"admin"}))), "ok");
  EXPECT_TRUE((co_await opened(f, made->secret))->rules->holds_everything());
  EXPECT_EQ(outcome(co_await f.service->update_application(ann, with_roles(id, {}))), "ok");
  EXPECT_TRUE((co_await opened(f, made->secret))->rules->ids().empty());
  EXPECT_EQ(outcome(co_await f.service->delete_application(ann, id.to_string())), "ok");
  EXPECT_EQ(co_await opened(f, made->secret), nullptr);
  EXPECT_EQ(outcome(co_await f.service->delete_application(ann, id.to_string())), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->delete_application(ann, "x")), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->update_application(ann, with_roles(id, {}))), "NOT_FOUND");
  co_await finish(f);
}

CO_TEST(ApiKeys, nobody_makes_himself_a_key_to_what_he_does_not_hold) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const std::string managers = co_await f.role("Key managers", {"auth.applications.manage"});
  const std::string writers = co_await f.role("Writers", {"t.thing.manage"});
  const auto bob = co_await f.somebody("bob", {managers});
  const auto strong = co_await f.service->create_application(ann, named("strong"));
  const auto weak = co_await f.service->create_application(bob, named("weak"));
  CO_ASSERT_TRUE(strong && weak);
  EXPECT_EQ(outcome(co_await f.service->update_application(ann, with_roles(strong->application.id, {"admin"}))), "ok");
  EXPECT_EQ(outcome(co_await f.service->update_application(bob, with_roles(weak->application.id, {writers}))), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->update_application(bob, with_roles(weak->application.id, {"admin"}))), "FORBIDDEN");
  EXPECT_EQ(outcome(co_await f.service->update_application(bob, with_roles(weak->application.id, {"anonymous"}))), "BAD_REQUEST");
  EXPECT_EQ(outcome(co_await f.service->update_application(bob, with_roles(weak->application.id, {"nobodys"}))), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->update_application(bob, with_roles(strong->application.id, {}))), "FORBIDDEN") << "an administrator is unmade by one";
  // A new secret of a key is the key.
  EXPECT_EQ(outcome(co_await f.service->renew_secret(bob, strong->application.id.to_string(), 0h)), "FORBIDDEN");
  EXPECT_NE(co_await opened(f, strong->secret), nullptr) << "and the one there is lives on";
  auto longer = unchanged(strong->application.id);
  longer.expires_at = Patch<Timestamp>::set(f.clock.now() + 24h);
  EXPECT_EQ(outcome(co_await f.service->update_application(bob, longer)), "FORBIDDEN");
  // What role `applications` holds every new key opens.
  EXPECT_EQ(outcome(co_await f.service->update_role(
                ann, {.id = Text<1, 100>::of("applications"), .name = {}, .description = {}, .access_rules = {Text<1, 200>::of("t.thing.manage")}})),
            "ok");
  EXPECT_EQ(outcome(co_await f.service->create_application(bob, named("more"))), "FORBIDDEN");
  // Bound are the keys that open no more than their user may.
  const auto bindable = [&](const Actor& who) { return f.service->bindable_applications(*who.user, true); };
  EXPECT_EQ((co_await bindable(bob)).value().size(), 0U);
  const auto all = (co_await bindable(ann)).value();
  CO_ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].access_rules, std::vector<std::string>{"*"}) << "strong, by age";
  co_await finish(f);
}

CO_TEST(ApiKeys, end_and_are_limited_as_they_are_told) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  auto input = named("ci");
  input.expires_at = f.clock.now();
  EXPECT_EQ(outcome(co_await f.service->create_application(ann, input)), "BAD_REQUEST");
  input.expires_at = f.clock.now() + 1h;
  input.rate_limit = RateView{.per_second = 5, .burst = 20};
  input.description = Text<0, 500>::of("builds");
  const auto made = co_await f.service->create_application(ann, input);
  CO_ASSERT_TRUE(made.has_value());
  EXPECT_EQ((co_await opened(f, made->secret))->rate_limit, (access::RateLimit{.per_second = 5, .burst = 20}));
  auto update = unchanged(made->application.id);
  update.rate_limit = Patch<RateView>::set({.per_second = 7, .burst = 70});
  EXPECT_EQ(outcome(co_await f.service->update_application(ann, update)), "ok");
  EXPECT_EQ((co_await opened(f, made->secret))->rate_limit, (access::RateLimit{.per_second = 7, .burst = 70}));
  const auto listed = (co_await f.service->list_applications({.limit = 10, .offset = {}})).value();
  CO_ASSERT_EQ(listed.items.size(), 1U);
  EXPECT_EQ(listed.total, 1);
  EXPECT_EQ(listed.items[0].description, "builds") << "what was not given is kept";
  EXPECT_EQ(listed.items[0].expires_at, input.expires_at);
  f.clock.advance(1h);
  EXPECT_EQ(co_await opened(f, made->secret), nullptr);
  update = unchanged(made->application.id);
  update.rate_limit = Patch<RateView>::cleared();
  update.expires_at = Patch<Timestamp>::cleared();
  update.description = Patch<Text<0, 500>>::cleared();
  EXPECT_EQ(outcome(co_await f.service->update_application(ann, update)), "ok");
  const auto again = co_await opened(f, made->secret);
  CO_ASSERT_TRUE(again != nullptr);
  EXPECT_EQ(again->rate_limit, std::nullopt);
  EXPECT_EQ((co_await f.service->list_applications({})).value().items[0].description, std::nullopt);
  co_await finish(f);
}

CO_TEST(ApiKeys, a_new_secret_ends_the_old_one_at_once_or_when_it_is_told) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto made = co_await f.service->create_application(ann, named("ci"));
  CO_ASSERT_TRUE(made.has_value());
  const std::string id = made->application.id.to_string();
  const auto second = co_await f.service->renew_secret(ann, id, 0h);
  CO_ASSERT_TRUE(second.has_value());
  EXPECT_EQ(co_await opened(f, made->secret), nullptr);
  EXPECT_NE(co_await opened(f, second->secret), nullptr);
  const auto third = co_await f.service->renew_secret(ann, id, 2h);
  CO_ASSERT_TRUE(third.has_value());
  EXPECT_NE(co_await opened(f, second->secret), nullptr);
  EXPECT_NE(co_await opened(f, third->secret), nullptr);
  f.clock.advance(2h, 1h);
  EXPECT_EQ(co_await opened(f, second->secret), nullptr);
  EXPECT_EQ(outcome(co_await f.service->revoke_application(ann, id)), "ok");
  EXPECT_EQ(co_await opened(f, third->secret), nullptr);
  EXPECT_EQ(outcome(co_await f.service->renew_secret(ann, id, 0h)), "CONFLICT");
  EXPECT_EQ(outcome(co_await f.service->renew_secret(ann, "x", 0h)), "NOT_FOUND");
  EXPECT_EQ(outcome(co_await f.service->revoke_application(ann, "x")), "NOT_FOUND");
  co_await finish(f);
}

CO_TEST(ApiKeys, their_use_is_noted_at_most_once_a_minute) {
  Fixture f(loop);
  co_await f.ready();
  const auto made = co_await f.service->create_application(co_await f.ann(), named("ci"));
  CO_ASSERT_TRUE(made.has_value());
  const auto noted = [&]() -> awaitable<std::optional<Timestamp>> {
    co_await f.until([&] { return f.scope.size() == 0; });
    co_return (co_await f.service->list_applications({})).value().items[0].last_used_at;
  };
  EXPECT_EQ(co_await noted(), std::nullopt);
  const auto first = f.clock.now();
  EXPECT_NE(co_await opened(f, made->secret), nullptr);
  EXPECT_EQ(co_await noted(), first);
  f.clock.advance(59s);
  EXPECT_NE(co_await opened(f, made->secret), nullptr);
  EXPECT_EQ(co_await noted(), first);
  f.clock.advance(1s);
  EXPECT_NE(co_await opened(f, made->secret), nullptr);
  EXPECT_EQ(co_await noted(), first + 60s);
  co_await finish(f);
}

CO_TEST(ApiKeys, C_26_one_that_is_known_at_once_is_so_no_longer_than_it_opens) {
  Fixture f(loop);
  co_await f.ready();
  const auto ann = co_await f.ann();
  const auto made = co_await f.service->create_application(ann, named("ci"));
  CO_ASSERT_TRUE(made.has_value());
  const std::string id = made->application.id.to_string();
  const auto at_once = [&](const std::string& secret) {
    const std::string header = "Bearer " + secret;
    return f.service->identify_now({.authorization = header, .cookie = {}});
  };
  EXPECT_EQ(at_once(made->secret), nullptr) << "seen for the first time";
  const auto ci = co_await opened(f, made->secret);
  CO_ASSERT_TRUE(ci != nullptr);
  EXPECT_EQ(at_once(made->secret), ci);
  EXPECT_EQ(at_once(made->secret.substr(0, made->secret.size() - 1)), nullptr);
  f.clock.advance(1min, 10s);
  EXPECT_EQ(at_once(made->secret), nullptr) << "its use is to be noted once a minute";
  EXPECT_NE(co_await opened(f, made->secret), nullptr);
  EXPECT_NE(at_once(made->secret), nullptr);

  const auto renewed = co_await f.service->renew_secret(ann, id, 1h);
  CO_ASSERT_TRUE(renewed.has_value());
  EXPECT_NE(co_await opened(f, made->secret), nullptr) << "both open for a while";
  EXPECT_NE(co_await opened(f, renewed->secret), nullptr);
  EXPECT_NE(at_once(made->secret), nullptr);
  f.clock.advance(1h, 10min);
  EXPECT_EQ(at_once(made->secret), nullptr);
  EXPECT_EQ(co_await opened(f, made->secret), nullptr);
  EXPECT_NE(co_await opened(f, renewed->secret), nullptr);
  EXPECT_NE(at_once(renewed->secret), nullptr);
  EXPECT_EQ(outcome(co_await f.service->revoke_application(ann, id)), "ok");
  EXPECT_EQ(at_once(renewed->secret), nullptr);
  co_await finish(f);
}

CO_TEST(ApiKeys, AUTHCHECK_14_wrong_keys_cost_no_look_into_the_database_and_no_room_in_the_cache) {
  Fixture f(loop);
  co_await f.ready();
  const auto made = co_await f.service->create_application(co_await f.ann(), named("ci"));
  CO_ASSERT_TRUE(made.has_value());
  EXPECT_NE(co_await opened(f, made->secret), nullptr);
  co_await f.until([&] { return f.scope.size() == 0; });
  const auto kept = f.cache.snapshot().entries;
  // From here on the database answers nothing any more.
  co_await f.queue->stop(0s);
  co_await f.database->close();
  int refused = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string key =
        "Bearer " + (i % 2 == 0 ? api_key_text(made->application.id, make_api_secret()) : api_key_text(ApplicationId::make(f.clock.now()), make_api_secret()));
    EXPECT_EQ(f.service->identify_now({.authorization = key, .cookie = {}}), nullptr);
    const auto principal = co_await f.service->identify({.authorization = key, .cookie = {}});
    if (!principal && principal.error().code == ErrorCode::unauthorized) ++refused;
  }
  EXPECT_EQ(refused, 10'000);
  EXPECT_NE(co_await opened(f, made->secret), nullptr) << "nor does a good one, once it is known";
  EXPECT_EQ(f.cache.snapshot().entries, kept);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell::auth
