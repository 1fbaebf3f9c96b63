#include "domains/catalog/module.hpp"

#include "domains/auth/events.hpp"
#include "domains/catalog/contract.hpp"
#include "platform/log/log.hpp"

namespace watchbell::catalog {
namespace {

Users users_of(const auth::Service& auth, sql::Database& database) {
  return {.find = [&auth](sql::Session& session, const UserId& id) { return auth.find_user(session, id); },
          .find_all =
              [&auth, &database](std::vector<UserId> ids) {
                return database.read([&auth, ids = std::move(ids)](sql::Session& session) { return auth.find_users(session, ids); });
              }};
}

}  // namespace

Module::Module(Runtime& runtime, const auth::Service& auth, notification::Service& notification)
    : runtime_(runtime), service_(runtime.database, runtime.cache, runtime.changes, notification, users_of(auth, runtime.database)) {}

Result<void> Module::mount() {
  runtime_.bus.on_change(auth::kUserDeleted, [this](Change& change, const auth::UserDeleted& event) -> Result<void> {
    service_.forget(change, event.user_id);
    return {};
  });
  return runtime_.dispatcher.mount(contract(service_));
}

std::vector<signals::Declared> Module::signals() { return {kChanged}; }

awaitable<void> Module::start() {
  const auto mended = co_await service_.mend_groups();
  if (!mended) log::warn("notification groups of systems and groups could not be mended", {{"reason", mended.error().message}});
}

}  // namespace watchbell::catalog
