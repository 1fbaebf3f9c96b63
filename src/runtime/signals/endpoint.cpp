#include "runtime/signals/endpoint.hpp"

namespace watchbell::signals {
namespace {

awaitable<void> open(Hub& hub, access::Identity& identity, limits::RateLimiter* limiter, rpc::RouteRequest request, http::Response& response) {
  if (!request.http.is_upgrade()) {
    response.add("Upgrade", "websocket");
    rpc::answer_json(response, 426, R"({"error":"Upgrade Required"})");
    co_return;
  }
  if (request.origin == rpc::Origin::foreign || (!request.has_origin_header && !request.credentials.cookie.empty())) {
    rpc::answer_json(response, 403, R"({"error":"Forbidden"})");
    co_return;
  }
  auto found = co_await identity.identify({.authorization = {}, .cookie = request.credentials.cookie});
  if (!found) {
    rpc::answer_json(response, http_status(found.error().code), R"({"error":"Unavailable"})");
    co_return;
  }
  if (limiter != nullptr)
    if (const auto let = limiter->principal(**found, request.began); !let) {
      response.add("Retry-After", std::to_string(let.error().retry_after->count()));
      rpc::answer_json(response, 429, R"({"error":"Too Many Requests"})");
      co_return;
    }
  // Only persons have a private channel.
  auto principal = (*found)->kind == access::Principal::Kind::user ? *found : access::Principal::nobody();
  const int verdict = hub.admits(*principal, request.address);
  if (verdict != 200) {
    response.add("Retry-After", "30");
    rpc::answer_json(response, verdict, R"({"error":"Too many sockets"})");
    co_return;
  }
  response.upgrade = [&hub, &identity, principal = std::move(principal), cookie = std::string(request.credentials.cookie),
                      address = std::string(request.address)](std::shared_ptr<http::WebSocket> socket) mutable {
    return hub.serve(std::move(socket), std::move(principal), identity, std::move(cookie), std::move(address));
  };
}

}  // namespace

void mount(rpc::Front& front, Hub& hub, access::Identity& identity) {
  front.route("GET", "/api/signals/ws",
              [&hub, &identity, limiter = front.options().limiter](rpc::RouteRequest request, http::Response& response) { return open(hub, identity, limiter, request, response); });
}

}  // namespace watchbell::signals
