#include "domains/catalog/contract.hpp"

namespace watchbell::catalog {
namespace {

awaitable<Result<Success>> removed(Service& service, std::string id) {
  auto found = co_await service.remove(std::move(id));
  if (!found) co_return std::unexpected(std::move(found.error()));
  co_return Success{.success = *found};
}

}  // namespace

rpc::Area contract(Service& service) {
  using rpc::Caller;
  const auto read = [] { return access::everyone().needs("catalog.system.read"); };
  const auto manage = [] { return access::authenticated().needs("catalog.system.manage"); };
  rpc::Area area("catalog");
  area.rule({.id = "catalog.system.read", .description = "See systems", .is_default = true, .is_public = true})
      .rule({.id = "catalog.system.manage", .description = "Add, change and remove systems"})
      .query("getSystems", read(), [&service](const Caller&) { return service.systems(); })
      .query("getSystem", read(), [&service](const Caller&, GetSystem in) { return service.system(std::move(in.system_id).str()); })
      .mutation("createSystem", manage(), [&service](const Caller&, CreateSystem in) { return service.create(std::move(in)); })
      .mutation("updateSystem", manage(), [&service](const Caller&, UpdateSystem in) { return service.update(std::move(in)); })
      .mutation("deleteSystem", manage(), [&service](const Caller&, rpc::BareOrId<Text<1, 200>> in) { return removed(service, std::move(in.value).str()); });
  return area;
}

}  // namespace watchbell::catalog
