#include "app/api_routes.hpp"

#include <utility>

#include "app/version.hpp"
#include "runtime/rpc/openapi.hpp"

namespace watchbell::app {
namespace {

constexpr std::string_view kApiDocs = "core.api-docs.read";
constexpr std::string_view kPrivate = "Cache-Control: private, no-cache\r\nVary: Cookie, Authorization\r\n";

using Kind = access::Principal::Kind;

/// Who asks, when it is somebody; otherwise the refusal was written.
awaitable<access::PrincipalPtr> signed_in(access::Identity& identity, rpc::RouteRequest request, http::Response& response) {
  response.extra_headers += kPrivate;
  auto principal = co_await identity.identify(request.credentials);
  if (principal && (*principal)->kind != Kind::none) co_return std::move(*principal);
  rpc::answer_json(response, 401, R"({"error":"Unauthorized"})");
  co_return nullptr;
}

awaitable<void> about(const rpc::Dispatcher& dispatcher, access::Identity& identity, rpc::RouteRequest request, http::Response& response) {
  if (co_await signed_in(identity, request, response) == nullptr) co_return;
  std::string plugins;
  for (const auto& area : dispatcher.areas())
    plugins += (plugins.empty() ? "{\"name\":\"" : ",{\"name\":\"") + area.name() + "\",\"version\":\"" + kVersion + "\",\"type\":\"backend\"}";
  rpc::answer_json(response, 200, std::string("{\"coreVersion\":\"") + kVersion + "\",\"plugins\":[" + plugins + "]}");
}

awaitable<void> api_docs(const rpc::Dispatcher& dispatcher, access::Identity& identity, std::string base_url, rpc::RouteRequest request,
                         http::Response& response) {
  const auto principal = co_await signed_in(identity, request, response);
  if (principal == nullptr) co_return;
  if (principal->kind == Kind::service || !principal->rules->holds(kApiDocs)) {
    rpc::answer_json(response, 403, R"({"error":"Forbidden"})");
    co_return;
  }
  if (rpc::query_parameter(request.http.query(), "scope") != "me") {
    rpc::answer_json(response, 200, rpc::openapi(dispatcher.areas(), base_url));
    co_return;
  }
  const auto visitors = co_await identity.anonymous_rules();
  static const access::RuleSet none;
  const access::RuleSet& everybodys = visitors ? **visitors : none;
  rpc::answer_json(response, 200, rpc::openapi(dispatcher.areas(), base_url, [&](const rpc::Procedure& procedure) {
                     return access::authorize(procedure.access(), *principal, everybodys).has_value();
                   }));
}

awaitable<void> no_plugins(http::Response& response) {
  rpc::answer_json(response, 200, "[]");
  co_return;
}

}  // namespace

rpc::Area core_area() {
  rpc::Area area("core");
  area.rule({.id = std::string(kApiDocs), .description = "Read the description of the API"});
  return area;
}

void mount_api_routes(rpc::Front& front, const rpc::Dispatcher& dispatcher, access::Identity& identity, std::string base_url) {
  front.route("GET", "/api/plugins", [](rpc::RouteRequest, http::Response& response) { return no_plugins(response); });
  front.route("GET", "/api/about",
              [&dispatcher, &identity](rpc::RouteRequest request, http::Response& response) { return about(dispatcher, identity, request, response); });
  front.route("GET", "/api/openapi.json", [&dispatcher, &identity, base_url = std::move(base_url)](rpc::RouteRequest request, http::Response& response) {
    return api_docs(dispatcher, identity, base_url, request, response);
  });
}

}  // namespace watchbell::app
