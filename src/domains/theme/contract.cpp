#include "domains/theme/contract.hpp"

namespace watchbell::theme {

struct SetTheme {
  Required<Theme> theme;
};
BOOST_DESCRIBE_STRUCT(SetTheme, (), (theme))

rpc::Area contract(Service& service) {
  using rpc::Caller;
  rpc::Area area("theme");
  area.query("getTheme", access::user(), [&service](const Caller& c) { return service.theme(c.user_id()); })
      .mutation("setTheme", access::user(), [&service](const Caller& c, SetTheme in) { return service.set(c.user_id(), in.theme); });
  return area;
}

}  // namespace watchbell::theme
