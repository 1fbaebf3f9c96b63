#pragma once

#include "domains/catalog/contract.hpp"
#include "domains/catalog/events.hpp"
#include "domains/catalog/module.hpp"
#include "domains/notification/test/fixture.hpp"

namespace watchbell::catalog::test {

using notification::test::user;

/// The catalog beside a real notification domain, on an in-memory database and a clock moved by hand.
struct Fixture : notification::test::Fixture {
  explicit Fixture(async::Loop& l) : notification::test::Fixture(l, "127.0.0.0/8", &migrations::catalog()) {}
  awaitable<SystemView> make(std::string name) {
    auto made = co_await catalog.create({.name = Text<1, 200>::of(std::move(name)), .description = {}, .metadata = {}});
    if (!made) throw std::runtime_error(made.error().message);
    co_return std::move(*made);
  }
  awaitable<Result<SystemView>> rename(SystemId id, std::string name) {
    UpdateSystem input{.id = Text<1, 200>::of(id.to_string()), .data = {}};
    input.data.name = Text<1, 200>::of(std::move(name));
    co_return co_await catalog.update(std::move(input));
  }
  awaitable<std::string> listed() { co_return *(co_await catalog.systems()).value().bytes; }
  awaitable<std::string> shown(SystemId id) { co_return *(co_await catalog.system(id.to_string())).value().bytes; }
  /// "name/description" of a notification group, or "none".
  awaitable<std::string> group(SystemId id) {
    auto text = co_await database->read([id](sql::Session& session) {
      return session.one<std::string>("select name || '/' || description from notification_groups where id = :1", "catalog.system." + id.to_string()).value_or("none");
    });
    co_return text.value();
  }

  Service catalog{*database, cache, *changes, service};
};

}  // namespace watchbell::catalog::test
