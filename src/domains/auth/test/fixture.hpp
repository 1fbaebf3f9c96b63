#pragma once

#include "runtime/test/runtime_fixture.hpp"

#include <algorithm>

#include "domains/auth/events.hpp"
#include "domains/auth/module.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::auth::test {

using watchbell::test::RuntimeFixture;

/// Auth on a database of its own.
struct Fixture : RuntimeFixture {
  explicit Fixture(async::Loop& l, Service::Options options = {}) : RuntimeFixture(l, {&migrations::settings(), &migrations::auth()}) {
    service.emplace(*database, cache, *changes, settings, passwords, keyring, scope, clock, CookieSigner("key", false), std::move(options));
    EXPECT_TRUE(queue->consume(std::string(kPasswordResetQueue), "auth", [this](const jobs::Job& job) { return service->run_password_reset(job); }));
    EXPECT_TRUE(bus->on_work(kPasswordResetRequested, "test", [this](PasswordResetRequested event) { return keep(links, std::move(event)); }));
    EXPECT_TRUE(bus->on_work(kPasswordChanged, "test", [this](PasswordChanged event) { return keep(changed, std::move(event)); }));
  }
  template <class Event>
  static awaitable<void> keep(std::vector<Event>& all, Event event) {
    all.push_back(std::move(event));
    co_return;
  }
  awaitable<void> ready() {
    co_await queue->start();
    EXPECT_TRUE(co_await service->sync(rules(), {"t.thing.read"}));
  }
  /// What the areas declare: a default rule that visitors have too, and others.
  static std::vector<access::Rule> rules() {
    std::vector<access::Rule> declared{{.id = "t.thing.read", .description = "d", .is_default = true, .is_public = true},
                                       {.id = "t.thing.manage", .description = "d"}};
    for (const char* id : {"auth.users.manage", "auth.roles.update.manage", "auth.applications.manage"}) declared.push_back({.id = id, .description = "d"});
    return declared;
  }
  awaitable<Result<void>> onboard(std::optional<std::string> token = {}, bool forwarded = false) {
    co_return co_await service->complete_onboarding("Ann", *Email::make("ann@example.com"), "Passw0rd-ann", token, forwarded, "127.0.0.1");
  }
  static std::string cookie(const SignedIn& in) {
    const std::string line = CookieSigner("key", false).set_session(in.token, true);
    return line.substr(12, line.find(';') - 12);
  }
  awaitable<SignedIn> sign_in(bool remember = true) {
    auto in = co_await service->sign_in(*Email::make("ANN@example.com"), "Passw0rd-ann", remember, "127.0.0.1", "test");
    co_return in.value();
  }
  /// Whatever changed before: what is told at once is what identify() says.
  awaitable<access::PrincipalPtr> who(std::string cookie_text, std::string authorization = {}) {
    const access::Credentials credentials{.authorization = authorization, .cookie = cookie_text};
    const auto at_once = service->identify_now(credentials);
    auto principal = co_await service->identify(credentials);
    if (at_once != nullptr) EXPECT_EQ(at_once, principal.value_or(nullptr));
    co_return principal ? *principal : nullptr;
  }
  settings::Store settings{keyring};
  /// Ann, who is the administrator; onboards her the first time.
  awaitable<Actor> ann() {
    if ((co_await service->needs_onboarding()).value()) EXPECT_TRUE(co_await onboard());
    co_return Actor{.user = (co_await user_of("ann@example.com")), .address = "127.0.0.1"};
  }
  /// Somebody made by Ann, `<name>@example.com` with the password "Passw0rd-ann", holding these roles.
  awaitable<Actor> somebody(std::string name, std::vector<std::string> roles = {"users"}) {
    const auto admin = co_await ann();
    const auto made = co_await service->create_user(
        admin, {.email = *Email::make(name + "@example.com"), .name = Text<1, 200>::of(name), .password = Text<1, 128>::of("Passw0rd-ann")});
    EXPECT_TRUE(made);
    UpdateUserRoles update{.user_id = Text<1, 100>::of(made->to_string()), .roles = {}};
    for (auto& role : roles) update.roles.push_back(Text<1, 100>::of(std::move(role)));
    EXPECT_TRUE(co_await service->update_user_roles(admin, std::move(update)));
    co_return Actor{.user = *made, .address = "10.0.0.2"};
  }
  /// A role holding exactly these rules; its id.
  awaitable<std::string> role(std::string name, std::vector<std::string> held) {
    CreateRole input{.name = Text<1, 100>::of(name), .description = {}, .access_rules = {}};
    for (auto& rule : held) input.access_rules.push_back(Text<1, 200>::of(std::move(rule)));
    const auto admin = co_await ann();
    EXPECT_TRUE(co_await service->create_role(admin, std::move(input)));
    const auto all = (co_await service->roles()).value();
    const auto found = std::ranges::find(all, name, &RoleView::name);
    EXPECT_NE(found, all.end());
    co_return found->id;
  }
  awaitable<std::optional<UserId>> user_of(std::string email) {
    const auto user = co_await database->read([email](sql::Session& s) { return store::find_user_by_email(s, email); });
    co_return user.value() ? std::optional((*user)->id) : std::nullopt;
  }
  /// The cookie of a new session.
  awaitable<std::string> cookie_of(std::string name) {
    auto in = co_await service->sign_in(*Email::make(name + "@example.com"), "Passw0rd-ann", true, "10.0.0.2", "test");
    EXPECT_TRUE(in);
    co_return cookie(*in);
  }
  /// "action outcome" of every row of the audit log, oldest first.
  awaitable<std::vector<std::string>> audited() {
    const auto rows =
        co_await database->read([](sql::Session& s) { return s.all<std::string>("select action || ' ' || outcome from audit_log order by at, id"); });
    co_return rows.value();
  }
  awaitable<Result<SignedIn>> try_sign_in(std::string email, std::string password, std::string address = "10.0.0.1") {
    co_return co_await service->sign_in(*Email::make(email), std::move(password), true, std::move(address), "test");
  }
  /// Bob, who signed himself up.
  awaitable<SignedIn> sign_up() {
    auto in = co_await service->sign_up("Bob", *Email::make("bob@example.com"), "Passw0rd-bob", "10.0.0.2", "test");
    co_return in.value();
  }
  /// Until no job is left that could run now.
  awaitable<void> settle() {
    co_await until([this] { return queue->statistics().running == 0; });
    while (co_await count("jobs where state <> 'failed'") > 0) co_await asio::post(loop.executor(), use_awaitable);
  }
  awaitable<std::int64_t> count(std::string of) {
    const auto rows = co_await database->read([of](sql::Session& session) { return session.one<std::int64_t>("select count(*) from " + of).value(); });
    co_return rows.value();
  }
  std::vector<PasswordResetRequested> links;
  std::vector<PasswordChanged> changed;
  crypto::PasswordHasher passwords{{.threads = 1, .memory_kib = 64, .passes = 1}};
  std::optional<Service> service;
};

}  // namespace watchbell::auth::test
