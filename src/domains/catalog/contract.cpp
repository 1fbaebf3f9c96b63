#include "domains/catalog/contract.hpp"

namespace watchbell::catalog {
namespace {

awaitable<Result<Success>> told(awaitable<Result<bool>> work) {
  auto done = co_await std::move(work);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return Success{.success = *done};
}
awaitable<Result<Success>> told(awaitable<Result<void>> work) {
  auto done = co_await std::move(work);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return Success{};
}

}  // namespace

rpc::Area contract(Service& service) {
  using rpc::Caller;
  using Id = rpc::BareOrId<IdText>;
  const auto read = [] { return access::everyone().needs("catalog.system.read"); };
  const auto manage = [] { return access::authenticated().needs("catalog.system.manage"); };
  const auto read_groups = [] { return access::everyone().needs("catalog.group.read").global().shows("catalog.system"); };
  const auto manage_groups = [] { return access::authenticated().needs("catalog.group.manage").global(); };
  const auto read_views = [] { return access::user().needs("catalog.view.read"); };
  const auto manage_views = [] { return access::user().needs("catalog.view.manage"); };

  rpc::Area area("catalog");
  area.objects("system")
      .rule({.id = "catalog.system.read", .description = "See systems", .is_default = true, .is_public = true})
      .rule({.id = "catalog.system.manage", .description = "Add, change and remove systems"})
      .rule({.id = "catalog.group.read", .description = "See groups", .is_default = true, .is_public = true})
      .rule({.id = "catalog.group.manage", .description = "Add, change, order and remove groups"})
      .rule({.id = "catalog.view.read", .description = "See views", .is_default = true})
      .rule({.id = "catalog.view.manage", .description = "Add, change and remove views"})
      // Systems
      .query("getEntities", read().each("systems"), [&service](const Caller& c) { return service.entities(c.sees); })
      .query("getSystems", read().each("systems"), [&service](const Caller&) { return service.systems(); })
      .query("getSystem", read().of("systemId"), [&service](const Caller&, OfSystem in) { return service.system(std::move(in.system_id).str()); })
      .mutation("createSystem", manage().creates(), [&service](const Caller&, CreateSystem in) { return service.create(std::move(in)); })
      .mutation("updateSystem", manage().of("id"), [&service](const Caller&, UpdateSystem in) { return service.update(std::move(in)); })
      .mutation("deleteSystem", manage().of("id"), [&service](const Caller&, Id in) { return told(service.remove(std::move(in.value).str())); })
      // Groups
      .query("getGroups", read_groups(), [&service](const Caller& c) { return service.groups(c.sees); })
      .query("getSystemGroupIds", access::service(), [&service](const Caller&, OfSystem in) { return service.group_ids(std::move(in.system_id).str()); })
      .mutation("createGroup", manage_groups(), [&service](const Caller&, CreateGroup in) { return service.create_group(std::move(in)); })
      .mutation("updateGroup", manage_groups().shows("catalog.system"),
                [&service](const Caller& c, UpdateGroup in) { return service.update_group(std::move(in), c.sees); })
      .mutation("deleteGroup", manage_groups(), [&service](const Caller&, Id in) { return told(service.remove_group(std::move(in.value).str())); })
      .mutation("reorderGroups", manage_groups(), [&service](const Caller&, ReorderGroups in) { return told(service.order_groups(std::move(in))); })
      .mutation("addSystemToGroup", manage().of("systemId"),
                [&service](const Caller&, MembershipInput in) { return told(service.add_to_group(std::move(in))); })
      .mutation("removeSystemFromGroup", manage().of("systemId"),
                [&service](const Caller&, MembershipInput in) { return told(service.remove_from_group(std::move(in))); })
      // Contacts
      .query("getSystemContacts", access::authenticated().needs("catalog.system.read").of("systemId"),
             [&service](const Caller&, OfSystem in) { return service.contacts(std::move(in.system_id).str()); })
      .mutation("addSystemContact", manage().of("systemId"), [&service](const Caller&, AddContact in) { return service.add_contact(std::move(in)); })
      .mutation("removeSystemContact", manage().of("systemId"),
                [&service](const Caller&, rpc::BareOr<ContactRef> in) { return told(service.remove_contact(std::move(in.value))); })
      // Views
      .query("getViews", read_views(), [&service](const Caller&) { return service.views(); })
      .mutation("createView", manage_views(), [&service](const Caller&, CreateView in) { return service.create_view(std::move(in)); })
      .mutation("updateView", manage_views(), [&service](const Caller&, UpdateView in) { return service.update_view(std::move(in)); })
      .mutation("deleteView", manage_views(), [&service](const Caller&, Id in) { return told(service.remove_view(std::move(in.value).str())); })
      // For other areas
      .mutation("notifySystemSubscribers", access::service(),
                [&service](const Caller& c, NotifySubscribers in) { return service.notify_subscribers(c.principal, std::move(in)); });
  return area;
}

}  // namespace watchbell::catalog
