#include "domains/theme/service.hpp"

#include "base/uuid_text.hpp"
#include "domains/theme/store.hpp"

namespace watchbell::theme {

using namespace std::chrono_literals;

namespace {

cache::Key key_of(const UserId& user) { return cache::Key("user", UuidText(user)); }

}  // namespace

Service::Service(sql::Database& database, coherence::Memory& cache, Changes& changes) : changes_(changes), cache_(cache, database, "theme", 30s) {}

async::ValueTask<Result<rpc::Encoded<ThemeView>>> Service::theme(UserId user) {
  return cache_.answer<ThemeView>(key_of(user),
                                  [user](sql::Session& session) { return ThemeView{.theme = store::find(session, user).value_or(Theme::system)}; });
}

awaitable<Result<void>> Service::set(UserId user, Theme theme) {
  co_return co_await changes_.run([this, user, theme](Change& change) -> Result<void> {
    store::put(change.sql(), user, theme, change.now());
    change.invalidates(cache_.key(key_of(user)));
    return {};
  });
}

void Service::forget(Change& change, const UserId& user) const {
  store::remove(change.sql(), user);
  change.invalidates(cache_.key(key_of(user)));
}

}  // namespace watchbell::theme
