#pragma once

#include "domains/catalog/contract.hpp"
#include "domains/catalog/events.hpp"
#include "domains/catalog/module.hpp"
#include "domains/notification/test/fixture.hpp"

namespace watchbell::catalog::test {

using notification::test::user;

/// Lets a principal reach what a test says, as teams will. Without a word of the test the global rule decides.
class Objects final : public access::ObjectAccess {
 public:
  awaitable<Result<access::Reach>> reach(access::ObjectQuestion question) override {
    if (seen && question.type == "catalog.system") co_return *seen;
    co_return co_await access::ObjectAccess::by_rules().reach(question);
  }
  std::optional<access::Reach> seen;
};

/// The catalog beside a real notification domain, on a database of its own and a clock moved by hand. Users are those the test names.
struct Fixture : notification::test::Fixture {
  explicit Fixture(async::Loop& l, Storage storage = Storage::memory) : notification::test::Fixture(l, "127.0.0.0/8", &migrations::catalog(), storage) {}
  awaitable<SystemView> make(std::string name) {
    auto made = co_await catalog.create({.name = Name::of(std::move(name)), .description = {}, .metadata = {}});
    if (!made) throw std::runtime_error(made.error().message);
    co_return std::move(*made);
  }
  awaitable<GroupView> make_group(std::string name) {
    auto made = co_await catalog.create_group({.name = Name::of(std::move(name)), .metadata = {}});
    if (!made) throw std::runtime_error(made.error().message);
    co_return std::move(*made);
  }
  awaitable<void> join(GroupId group, SystemId system) {
    const auto joined = co_await catalog.add_to_group(membership(group, system));
    if (!joined) throw std::runtime_error(joined.error().message);
  }
  static MembershipInput membership(GroupId group, SystemId system) {
    return {.group_id = IdText::of(group.to_string()), .system_id = IdText::of(system.to_string())};
  }
  static AddContact user_contact(SystemId system, UserId of) {
    return {.system_id = IdText::of(system.to_string()), .type = {ContactType::user}, .user_id = IdText::of(of.to_string()), .email = {}, .label = {}};
  }
  static AddContact mailbox(SystemId system, std::string email) {
    return {.system_id = IdText::of(system.to_string()), .type = {ContactType::mailbox}, .user_id = {}, .email = Email::make(email).value(), .label = {}};
  }
  awaitable<Result<SystemView>> rename(SystemId id, std::string name) {
    UpdateSystem input{.id = IdText::of(id.to_string()), .data = {}};
    input.data.name = Name::of(std::move(name));
    co_return co_await catalog.update(std::move(input));
  }
  awaitable<std::string> listed() { co_return *(co_await catalog.systems().wait()).value().bytes; }
  awaitable<std::string> shown(SystemId id) { co_return *(co_await catalog.system(id.to_string()).wait()).value().bytes; }
  awaitable<std::string> grouped(access::Reach sees = access::Reach::everything()) { co_return *(co_await catalog.groups(sees).wait()).value().bytes; }
  awaitable<std::string> entities() { co_return *(co_await catalog.entities(access::Reach::everything()).wait()).value().bytes; }
  awaitable<std::string> contacts(SystemId id) { co_return rpc::to_json((co_await catalog.contacts(id.to_string())).value()); }
  /// Reads that went to the database.
  std::uint64_t loads() const { return cache.snapshot().loads; }
  /// "name/description" of a notification group, or "none".
  awaitable<std::string> group(SystemId id) { co_return co_await followed("catalog.system." + id.to_string()); }
  awaitable<std::string> followed(std::string id) {
    auto text = co_await database->read([id](sql::Session& session) {
      return session.one<std::string>("select name || '/' || description from notification_groups where id = :1", id).value_or("none");
    });
    co_return text.value();
  }

  std::map<UserId, auth::UserSummary> people;
  bool people_broken = false;
  int looked_up = 0;  ///< look-ups of many
  Users users() {
    return {.find = [this](sql::Session&, const UserId& id) -> std::optional<auth::UserSummary> {
              const auto it = people.find(id);
              return it == people.end() ? std::nullopt : std::optional(it->second);
            },
            .find_all = [this](std::vector<UserId> ids) { return find_all(std::move(ids)); }};
  }
  awaitable<Result<std::vector<auth::UserSummary>>> find_all(std::vector<UserId> ids) {
    ++looked_up;
    if (people_broken) co_return fail(ErrorCode::unavailable, "users cannot be read");
    std::vector<auth::UserSummary> found;
    for (const auto& id : ids)
      if (const auto it = people.find(id); it != people.end()) found.push_back(it->second);
    co_return found;
  }

  Service catalog{*database, cache, *changes, service, users()};
};

/// The same behind its procedures.
struct Calls : Fixture {
  explicit Calls(async::Loop& l) : Fixture(l) {
    EXPECT_TRUE(dispatcher.mount(contract(catalog)));
    const auto checked = dispatcher.check();
    EXPECT_TRUE(checked) << checked.error().message;
  }
  /// "200 {...}" of a user who holds identity.rules.
  awaitable<std::string> call(std::string procedure, std::string body) {
    co_return co_await call_as(user(1).to_string(), std::move(procedure), std::move(body));
  }
  awaitable<std::string> call_as(std::string cookie, std::string procedure, std::string body) {
    const std::string path = "catalog/" + procedure;
    const auto answer = co_await dispatcher.call({.method = "POST", .path = path, .body = body, .credentials = {.authorization = {}, .cookie = cookie}});
    const auto* text = std::get_if<std::string>(&answer.body);
    co_return std::to_string(answer.status) + " " + (text != nullptr ? *text : **std::get_if<1>(&answer.body));
  }
  Objects objects;
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  rpc::Dispatcher dispatcher{identity, pool, objects};
};

}  // namespace watchbell::catalog::test
