#include "domains/command/contract.hpp"

namespace watchbell::command {

struct Search {
  Text<0, 200> query;
};
BOOST_DESCRIBE_STRUCT(Search, (), (query))

rpc::Area contract(Service& service) {
  using rpc::Caller;
  rpc::Area area("command");
  area.query("search", access::everyone().shows("catalog.system"),
             [&service](const Caller& c, Search in) { return service.search(std::move(in.query).str(), c.sees, c.principal); })
      .query("getCommands", access::everyone(), [&service](const Caller& c) { return service.commands(c.principal); });
  return area;
}

}  // namespace watchbell::command
