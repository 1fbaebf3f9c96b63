#include "domains/healthcheck/contract.hpp"

#include "domains/healthcheck/signals.hpp"

namespace watchbell::healthcheck {

rpc::Area contract(Service& service) {
  using rpc::Caller;
  using Id = rpc::BareOrId<Text<1, 200>>;
  const auto status = [] { return access::everyone().needs(std::string(access_rules::kStatusRead)); };
  const auto read = [] { return access::authenticated().needs(std::string(access_rules::kRead)); };
  const auto manage = [] { return access::authenticated().needs(std::string(access_rules::kManage)); };

  rpc::Area area("healthcheck");
  area.rule({.id = std::string(access_rules::kStatusRead), .description = "See the status of systems and their runs", .is_default = true, .is_public = true})
      .rule({.id = std::string(access_rules::kRead), .description = "See health checks and what they are associated with"})
      .rule({.id = std::string(access_rules::kManage), .description = "Create, change and delete health checks"})
      .rule({.id = std::string(access_rules::kDetailsRead), .description = "See the full results of runs"});

  area.query("getStrategies", read(), [&service](const Caller&) { return service.strategies(); })
      .query("getCollectors", read(), [&service](const Caller&, OfStrategy in) { return service.collectors(in.strategy_id); })
      .query("getConfigurations", read(),
             [&service](const Caller&, std::optional<ConfigurationsPage> in) { return service.configurations(in.value_or(ConfigurationsPage())); })
      .mutation("createConfiguration", manage(), [&service](const Caller&, CreateConfiguration in) { return service.create(std::move(in)); })
      .mutation("updateConfiguration", manage(), [&service](const Caller&, UpdateConfiguration in) { return service.update(std::move(in)); })
      .mutation("deleteConfiguration", manage(), [&service](const Caller&, Id in) { return service.remove(in.value.str()); })
      .mutation("pauseConfiguration", manage(), [&service](const Caller&, Id in) { return service.set_paused(in.value.str(), true); })
      .mutation("resumeConfiguration", manage(), [&service](const Caller&, Id in) { return service.set_paused(in.value.str(), false); })
      .query("getSystemAssociations", read(), [&service](const Caller&, OfSystem in) { return service.associations(in.system_id.str()); })
      .mutation("associateSystem", manage(), [&service](const Caller&, AssociateSystem in) { return service.associate(std::move(in)); })
      .mutation("disassociateSystem", manage(), [&service](const Caller&, DisassociateSystem in) { return service.disassociate(std::move(in)); })
      .query("getSystemHealthStatus", status(), [&service](const Caller&, OfSystem in) { return service.status(in.system_id.str()); })
      .query("getBulkSystemHealthStatus", status(), [&service](const Caller&, OfSystems in) { return service.statuses(std::move(in)); })
      .query("getHistory", status(), [&service](const Caller& c, HistoryInput in) {
        // Reasons name hosts and quote answers: for people of the house, not for whoever may see a status page.
        return service.history(std::move(in), c.principal->kind != access::Principal::Kind::none);
      });
  return area;
}

}  // namespace watchbell::healthcheck
