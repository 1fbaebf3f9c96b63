#include <map>
#include <set>

#include "domains/catalog/events.hpp"
#include "domains/catalog/rules.hpp"
#include "domains/catalog/service.hpp"
#include "domains/catalog/store.hpp"

/// The use cases of groups.
namespace watchbell::catalog {
namespace {

std::unexpected<Error> taken(std::string_view name) { return fail_field(ErrorCode::conflict, "name", "A group named {} exists already", name); }
std::unexpected<Error> unknown(std::string_view id) { return fail(ErrorCode::not_found, "Group {} not found", id); }

/// All groups with their systems; two statements, however many there are.
std::vector<GroupView> load_groups(sql::Session& session) {
  std::map<GroupId, std::vector<SystemId>> systems;
  for (const auto& membership : store::all_memberships(session)) systems[membership.group].push_back(membership.system);
  std::vector<GroupView> views;
  for (const auto& group : store::all_groups(session)) views.push_back(view_of(group, std::move(systems[group.id])));
  return views;
}

void keep_seen(GroupView& group, const access::Reach& sees) {
  std::erase_if(group.system_ids, [&](const SystemId& id) { return !sees.holds(id.to_string()); });
}
void keep_seen(std::vector<GroupView>& groups, const access::Reach& sees) {
  for (auto& group : groups) keep_seen(group, sees);
}
void keep_seen(EntitiesView& view, const access::Reach& sees) { keep_seen(view.groups, sees); }

/// An answer without the systems in groups that its reader does not see.
template <class T>
awaitable<Result<rpc::Kept<T>>> filtered(async::ValueTask<Result<rpc::Kept<T>>> whole, access::Reach sees) {
  auto kept = co_await std::move(whole).wait();
  if (!kept) co_return kept;
  T shown = *kept->value;
  keep_seen(shown, sees);
  co_return rpc::kept(std::move(shown));
}
template <class T>
async::ValueTask<Result<rpc::Kept<T>>> seen(async::ValueTask<Result<rpc::Kept<T>>> whole, const access::Reach& sees) {
  if (sees.holds_everything()) return whole;
  return filtered(std::move(whole), sees);
}

}  // namespace

GroupView view_of(const Group& group, std::vector<SystemId> systems) {
  GroupView view{.id = group.id,
                 .name = group.name,
                 .system_ids = std::move(systems),
                 .metadata = {},
                 .sort_order = group.sort_order,
                 .created_at = group.created_at,
                 .updated_at = group.updated_at};
  if (group.metadata) view.metadata = Metadata{.text = *group.metadata};
  return view;
}

async::ValueTask<Result<rpc::Kept<EntitiesView>>> Service::entities(const access::Reach& sees) {
  return seen(cache_.keep<EntitiesView>(cache::Key("entity", "entities"),
                                        [](sql::Session& session) {
                                          EntitiesView view;
                                          for (const auto& system : store::all(session)) view.systems.push_back(view_of(system));
                                          view.groups = load_groups(session);
                                          return view;
                                        }),
              sees);
}

async::ValueTask<Result<rpc::Kept<std::vector<GroupView>>>> Service::groups(const access::Reach& sees) {
  return seen(cache_.keep<std::vector<GroupView>>(cache::Key("entity", "groups"), load_groups), sees);
}

async::ValueTask<Result<rpc::Encoded<GroupIdsView>>> Service::group_ids(std::string text) {
  const auto id = SystemId::parse(text);
  if (!id) return rpc::encoded(GroupIdsView());
  return cache_.answer<GroupIdsView>(cache::Key("entity", "groups-for-system", id->to_string()),
                                     [id = *id](sql::Session& session) { return GroupIdsView{.group_ids = store::groups_of_system(session, id)}; });
}

Result<void> Service::put_group(Change& change, const Group& group) const {
  return notification_.put_group(change, {.id = rules::notification_group(group.id),
                                          .name = rules::notification_group_name(group.name),
                                          .description = rules::notification_group_description(group.name),
                                          .owner = "catalog"});
}

awaitable<Result<GroupView>> Service::create_group(CreateGroup input) {
  auto name = rules::clean_name(input.name);
  if (!name) co_return std::unexpected(std::move(name.error()));
  co_return co_await changes_.run([this, input = std::move(input), name = std::move(*name)](Change& change) -> Result<GroupView> {
    Group group{.id = GroupId::make(change.now()),
                .name = name,
                .metadata = input.metadata ? input.metadata->text : std::string("{}"),
                .created_at = change.now(),
                .updated_at = change.now()};
    if (!store::insert_group(change.sql(), group)) return taken(name);
    if (auto put = put_group(change, group); !put) return std::unexpected(std::move(put.error()));
    changed(change, ChangedEntity::group, group.id.to_string(), ChangedAction::created);
    return view_of(group, {});
  });
}

awaitable<Result<GroupView>> Service::update_group(UpdateGroup input, access::Reach sees) {
  const auto id = GroupId::parse(input.id);
  if (!id) co_return unknown(input.id);
  std::optional<std::string> name;
  if (input.data.name) {
    auto clean = rules::clean_name(*input.data.name);
    if (!clean) co_return std::unexpected(std::move(clean.error()));
    name = std::move(*clean);
  }
  auto updated = co_await changes_.run([this, id = *id, data = std::move(input.data), name = std::move(name)](Change& change) -> Result<GroupView> {
    auto group = store::find_group(change.sql(), id);
    if (!group) return unknown(id.to_string());
    const bool renamed = name && *name != group->name;
    if (name) group->name = *name;
    if (data.metadata.clears()) group->metadata.reset();
    if (data.metadata.sets()) group->metadata = data.metadata.value().text;
    group->updated_at = change.now();
    if (!store::update_group(change.sql(), *group)) return taken(group->name);
    if (renamed)
      if (auto put = put_group(change, *group); !put) return std::unexpected(std::move(put.error()));
    changed(change, ChangedEntity::group, id.to_string(), ChangedAction::updated);
    return view_of(*group, store::systems_of_group(change.sql(), id));
  });
  if (updated) keep_seen(*updated, sees);
  co_return updated;
}

awaitable<Result<bool>> Service::remove_group(std::string text) {
  const auto id = GroupId::parse(text);
  if (!id) co_return false;
  co_return co_await changes_.run([this, id = *id](Change& change) -> Result<bool> {
    const auto group = store::find_group(change.sql(), id);
    if (!group) return false;
    store::remove_group(change.sql(), id);
    if (auto removed = notification_.remove_group(change, rules::notification_group(id)); !removed) return std::unexpected(std::move(removed.error()));
    auto published =
        change.publishes(events::make(kGroupDeleted, {.group_id = Text<1, 100>::of(id.to_string()), .group_name = Text<0, 200>::make(group->name)}));
    if (!published) return std::unexpected(std::move(published.error()));
    changed(change, ChangedEntity::group, id.to_string(), ChangedAction::deleted);
    return true;
  });
}

awaitable<Result<bool>> Service::order_groups(ReorderGroups input) {
  std::vector<GroupId> ids;
  bool known = true;
  std::set<std::string_view> distinct;
  for (const auto& text : input.ordered_ids) {
    if (!distinct.insert(text).second) co_return fail_field(ErrorCode::bad_request, "orderedIds", "Group {} is named twice", text.str());
    const auto id = GroupId::parse(text);
    if (id)
      ids.push_back(*id);
    else
      known = false;
  }
  if (!known) co_return false;
  // The same id in other letters.
  if (std::set<GroupId>(ids.begin(), ids.end()).size() != ids.size()) co_return fail_field(ErrorCode::bad_request, "orderedIds", "A group is named twice");
  if (ids.empty()) co_return true;
  co_return co_await changes_.run([this, ids = std::move(ids)](Change& change) -> Result<bool> {
    std::set<GroupId> all;
    for (const auto& group : store::all_groups(change.sql())) all.insert(group.id);
    for (const auto& id : ids)
      if (!all.contains(id)) return false;
    store::order_groups(change.sql(), ids);
    // One of them stands for all: pages fetch the list.
    changed(change, ChangedEntity::group, ids.front().to_string(), ChangedAction::updated);
    return true;
  });
}

awaitable<Result<void>> Service::add_to_group(MembershipInput input) {
  const auto group = GroupId::parse(input.group_id);
  if (!group) co_return unknown(input.group_id);
  const auto system = SystemId::parse(input.system_id);
  if (!system) co_return fail(ErrorCode::not_found, "System {} not found", input.system_id.str());
  co_return co_await changes_.run([this, membership = Membership{.group = *group, .system = *system}](Change& change) -> Result<void> {
    if (!store::find_group(change.sql(), membership.group)) return unknown(membership.group.to_string());
    if (!store::exists(change.sql(), membership.system)) return fail(ErrorCode::not_found, "System {} not found", membership.system);
    if (store::add_membership(change.sql(), membership)) changed(change, ChangedEntity::membership, membership.group.to_string(), ChangedAction::updated);
    return {};
  });
}

awaitable<Result<void>> Service::remove_from_group(MembershipInput input) {
  const auto group = GroupId::parse(input.group_id);
  const auto system = SystemId::parse(input.system_id);
  if (!group || !system) co_return Result<void>();
  co_return co_await changes_.run([this, membership = Membership{.group = *group, .system = *system}](Change& change) -> Result<void> {
    if (store::remove_membership(change.sql(), membership)) changed(change, ChangedEntity::membership, membership.group.to_string(), ChangedAction::updated);
    return {};
  });
}

awaitable<Result<notification::Notified>> Service::notify_subscribers(access::PrincipalPtr sender, NotifySubscribers input) {
  const auto id = SystemId::parse(input.system_id);
  const auto unknown_system = [&] { return fail(ErrorCode::not_found, "System {} not found", input.system_id.str()); };
  if (!id) co_return unknown_system();
  struct Followed {
    bool exists = false;
    std::vector<GroupId> groups;
  };
  const auto followed = co_await database_.read([id = *id, with_groups = input.include_group_subscribers](sql::Session& session) {
    Followed found{.exists = store::exists(session, id), .groups = {}};
    if (with_groups) found.groups = store::groups_of_system(session, id);
    return found;
  });
  if (!followed) co_return std::unexpected(followed.error());
  if (!followed->exists) co_return unknown_system();
  notification::NotifyGroups message{.group_ids = {},
                                     .title = std::move(input.title),
                                     .body = std::move(input.body),
                                     .importance = input.importance,
                                     .action = std::move(input.action),
                                     .idempotency_key = {}};
  using GroupIdText = decltype(message.group_ids)::value_type;
  message.group_ids.push_back(GroupIdText::of(rules::notification_group(*id)));
  for (const auto& group : followed->groups) {
    if (message.group_ids.size() == decltype(message.group_ids)::kMax) break;  // no more are taken at once
    message.group_ids.push_back(GroupIdText::of(rules::notification_group(group)));
  }
  co_return co_await notification_.notify_groups(std::move(sender), std::move(message));
}

}  // namespace watchbell::catalog
