#include "domains/catalog/service.hpp"

#include "base/text.hpp"
#include "base/uuid_text.hpp"
#include "domains/catalog/events.hpp"
#include "domains/catalog/rules.hpp"
#include "domains/catalog/store.hpp"

namespace watchbell::catalog {

using namespace std::chrono_literals;

namespace {

std::unexpected<Error> taken(std::string_view name) { return fail_field(ErrorCode::conflict, "name", "A system named {} exists already", name); }
std::unexpected<Error> unknown(std::string_view id) { return fail(ErrorCode::not_found, "System {} not found", id); }

}  // namespace

SystemView view_of(const System& system) {
  SystemView view{.id = system.id, .name = system.name, .description = {}, .metadata = {}, .created_at = system.created_at, .updated_at = system.updated_at};
  view.description = system.description;
  if (system.metadata) view.metadata = Metadata{.text = *system.metadata};
  return view;
}

Service::Service(sql::Database& database, coherence::Memory& cache, Changes& changes, notification::Service& notification, Users users)
    : database_(database), changes_(changes), notification_(notification), users_(std::move(users)), cache_(cache, database, "catalog", 25s) {}

async::ValueTask<Result<rpc::Kept<SystemsView>>> Service::systems() {
  return cache_.keep<SystemsView>(cache::Key("entity", "systems"), [](sql::Session& session) {
    SystemsView view;
    for (const auto& system : store::all(session)) view.systems.push_back(view_of(system));
    return view;
  });
}

async::ValueTask<Result<rpc::Encoded<Nullable<SystemView>>>> Service::system(std::string text) {
  const auto id = SystemId::parse(text);
  // What is no id at all names nothing, and gets no room in the cache.
  if (!id) return rpc::encoded(Nullable<SystemView>());
  return cache_.answer<Nullable<SystemView>>(cache::Key("entity", "system", UuidText(*id)), [id = *id](sql::Session& session) {
    Nullable<SystemView> view;
    if (const auto system = store::find(session, id)) view = view_of(*system);
    return view;
  });
}

awaitable<Result<std::vector<SystemView>>> Service::search(std::string text, access::Reach sees, std::size_t limit) {
  std::vector<SystemView> found;
  if (sees.holds_nothing()) co_return found;
  const auto all = co_await systems().wait();
  if (!all) co_return std::unexpected(all.error());
  const std::string lower = ascii_lower(text);
  for (const auto& system : all->value->systems) {
    if (found.size() == limit) break;
    if (rules::matches(system.name, system.description.value_or(std::string()), lower) && sees.holds(system.id.to_string())) found.push_back(system);
  }
  co_return found;
}

void Service::changed(Change& change, ChangedEntity entity, std::string id, ChangedAction action) const {
  change.invalidates(cache_.family(cache::Family("entity")));
  change.announces(signals::broadcast(kChanged, Changed{.entity = entity, .action = action, .id = std::move(id)}));
}

Result<void> Service::put_group(Change& change, const System& system) const {
  return notification_.put_group(change, {.id = rules::notification_group(system.id),
                                          .name = rules::notification_group_name(system.name),
                                          .description = rules::notification_group_description(system.name),
                                          .owner = "catalog"});
}

awaitable<Result<SystemView>> Service::create(CreateSystem input) {
  auto name = rules::clean_name(input.name);
  if (!name) co_return std::unexpected(std::move(name.error()));
  co_return co_await changes_.run([this, input = std::move(input), name = std::move(*name)](Change& change) -> Result<SystemView> {
    System system{.id = SystemId::make(change.now()),
                  .name = name,
                  .description = input.description ? std::optional(input.description->str()) : std::nullopt,
                  .metadata = input.metadata ? input.metadata->text : std::string("{}"),
                  .created_at = change.now(),
                  .updated_at = change.now()};
    if (!store::insert(change.sql(), system)) return taken(name);
    if (auto put = put_group(change, system); !put) return std::unexpected(std::move(put.error()));
    changed(change, ChangedEntity::system, system.id.to_string(), ChangedAction::created);
    return view_of(system);
  });
}

awaitable<Result<SystemView>> Service::update(UpdateSystem input) {
  const auto id = SystemId::parse(input.id);
  if (!id) co_return unknown(input.id);
  std::optional<std::string> name;
  if (input.data.name) {
    auto clean = rules::clean_name(*input.data.name);
    if (!clean) co_return std::unexpected(std::move(clean.error()));
    name = std::move(*clean);
  }
  co_return co_await changes_.run([this, id = *id, data = std::move(input.data), name = std::move(name)](Change& change) -> Result<SystemView> {
    auto system = store::find(change.sql(), id);
    if (!system) return unknown(id.to_string());
    const bool renamed = name && *name != system->name;
    if (name) system->name = *name;
    if (data.description.clears()) system->description.reset();
    if (data.description.sets()) system->description = data.description.value().str();
    if (data.metadata.clears()) system->metadata.reset();
    if (data.metadata.sets()) system->metadata = data.metadata.value().text;
    system->updated_at = change.now();
    if (!store::update(change.sql(), *system)) return taken(system->name);
    if (renamed)
      if (auto put = put_group(change, *system); !put) return std::unexpected(std::move(put.error()));
    changed(change, ChangedEntity::system, id.to_string(), ChangedAction::updated);
    return view_of(*system);
  });
}

awaitable<Result<bool>> Service::remove(std::string text) {
  const auto id = SystemId::parse(text);
  if (!id) co_return false;
  co_return co_await changes_.run([this, id = *id](Change& change) -> Result<bool> {
    const auto system = store::find(change.sql(), id);
    if (!system) return false;
    store::remove(change.sql(), id);
    if (auto removed = notification_.remove_group(change, rules::notification_group(id)); !removed) return std::unexpected(std::move(removed.error()));
    auto published =
        change.publishes(events::make(kSystemDeleted, {.system_id = Text<1, 100>::of(id.to_string()), .system_name = Text<0, 200>::make(system->name)}));
    if (!published) return std::unexpected(std::move(published.error()));
    change.invalidates(contacts_of(id));
    changed(change, ChangedEntity::system, id.to_string(), ChangedAction::deleted);
    return true;
  });
}

awaitable<Result<void>> Service::mend_groups() {
  co_return co_await changes_.run([this](Change& change) -> Result<void> {
    for (const auto& system : store::all(change.sql()))
      if (auto put = put_group(change, system); !put) return put;
    for (const auto& group : store::all_groups(change.sql()))
      if (auto put = put_group(change, group); !put) return put;
    return {};
  });
}

std::optional<System> Service::find(sql::Session& session, SystemId id) const { return store::find(session, id); }
bool Service::exists(sql::Session& session, SystemId id) const { return store::exists(session, id); }
std::vector<SystemId> Service::all_ids(sql::Session& session) const { return store::all_ids(session); }

}  // namespace watchbell::catalog
