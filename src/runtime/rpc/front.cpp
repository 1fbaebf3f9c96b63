#include "runtime/rpc/front.hpp"

#include <algorithm>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "async/timeout.hpp"
#include "base/fault.hpp"
#include "platform/log/log.hpp"

namespace watchbell::rpc {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kNotFound = R"({"error":"Not Found"})";

bool is_api(std::string_view path) { return path.starts_with("/api/") || path == "/api"; }

}  // namespace

std::string origin_of(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return {};
  const auto host_end = url.find_first_of("/?#", scheme_end + 3);
  std::string origin = ascii_lower(url.substr(0, host_end));
  if (origin.starts_with("http://") && origin.ends_with(":80")) origin.resize(origin.size() - 3);
  if (origin.starts_with("https://") && origin.ends_with(":443")) origin.resize(origin.size() - 4);
  return origin;
}

std::string correlation_id(std::optional<std::string_view> given, Timestamp now) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' || c == '-';
  };
  if (given && !given->empty() && given->size() <= 128 && std::ranges::all_of(*given, allowed)) return std::string(*given);
  return Uuid::make_v7(now.millis()).to_string();
}

void answer_json(http::Response& response, int status, std::string body) {
  response.status = status;
  response.content_type = kJsonType;
  response.body = std::move(body);
}

Front::Front(Dispatcher& dispatcher, async::TimerWheel& wheel, Options options)
    : dispatcher_(dispatcher), wheel_(wheel), options_(std::move(options)), opened_(wheel.executor()) {
  https_ = options_.base_url.starts_with("https://");
}

void Front::route(std::string method, std::string path, RouteHandler handler) { routes_[std::move(path)][std::move(method)] = std::move(handler); }

void Front::prefix(std::string path, RouteHandler handler) {
  WATCHBELL_ASSERT(path.ends_with('/'));
  prefixes_[std::move(path)] = std::move(handler);
}

void Front::open() {
  open_ = true;
  opened_.notify_all();
}

Origin Front::judge_origin(const http::Request& request) const {
  auto origin = request.header("origin");
  if (!origin) {
    const auto referer = request.header("referer");
    if (!referer) return Origin::absent;
    return std::ranges::find(options_.trusted_origins, origin_of(*referer)) != options_.trusted_origins.end() ? Origin::trusted : Origin::foreign;
  }
  return std::ranges::find(options_.trusted_origins, origin_of(*origin)) != options_.trusted_origins.end() ? Origin::trusted : Origin::foreign;
}

std::string Front::client_address(const http::Request& request) const {
  const std::string_view peer = request.peer_address();
  const auto trusted = [this](std::string_view text) {
    const auto address = net::Address::parse(text);
    return address && std::ranges::any_of(options_.trusted_proxies, [&](const net::Cidr& range) { return range.contains(*address); });
  };
  if (options_.trusted_proxies.empty() || !trusted(peer)) return std::string(peer);
  // A proxy may add a line of its own behind the client's: the list is all lines in their order.
  std::string forwarded;
  for (const auto& header : request.headers())
    if (ascii_lower(header.name) == "x-forwarded-for") (forwarded += forwarded.empty() ? "" : ",") += header.value;
  // From the right: each hop we trust vouches for the one before it.
  std::string_view rest = forwarded;
  std::string_view last = peer;
  while (!rest.empty()) {
    const auto comma = rest.rfind(',');
    const auto hop = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
    if (!net::Address::parse(hop)) break;
    last = hop;
    if (!trusted(hop)) break;
  }
  return std::string(last);
}

Front::Found Front::find_route(std::string_view method, std::string_view path) const {
  if (const auto it = routes_.find(path); it != routes_.end()) {
    const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
    if (const auto handler = it->second.find(wanted); handler != it->second.end()) return {.handler = &handler->second, .probe = false, .allow = {}};
    Found found;
    for (const auto& [name, handler] : it->second) found.allow += (found.allow.empty() ? "" : ", ") + (name == "GET" ? std::string("GET, HEAD") : name);
    return found;
  }
  const std::pair<const std::string, RouteHandler>* best = nullptr;
  for (const auto& entry : prefixes_)
    if (path.starts_with(entry.first) && (best == nullptr || entry.first.size() > best->first.size())) best = &entry;
  return {.handler = best == nullptr ? nullptr : &best->second, .probe = false, .allow = {}};
}

std::size_t Front::body_limit(const http::Request& head) {
  if (is_api(head.path()) && head.path().size() > 5)
    if (const auto* procedure = dispatcher_.find(head.path().substr(5)); procedure != nullptr && procedure->options().body_limit > 0) return procedure->options().body_limit;
  return options_.max_body_bytes;
}

awaitable<void> Front::handle(const http::Request& request, http::Response& response) {
  const auto began = wheel_.clock().monotonic();
  const std::string correlation = correlation_id(request.header("x-correlation-id"), wheel_.clock().now());
  const std::string address = client_address(request);
  RouteRequest context{.http = request,
                       .correlation_id = correlation,
                       .address = address,
                       .origin = judge_origin(request),
                       .has_origin_header = request.header("origin").has_value(),
                       .credentials = {.authorization = request.header("authorization").value_or(std::string_view()),
                                       .cookie = request.header("cookie").value_or(std::string_view())},
                       .forwarded = false};
  for (const char* name : {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
    context.forwarded = context.forwarded || request.header(name).has_value();
  std::string user;
  try {
    co_await answer(request, response, context, user);
  } catch (const std::exception& thrown) {  // the boundary of a request
    const auto* cut = dynamic_cast<const boost::system::system_error*>(&thrown);
    if (cut != nullptr && cut->code() == asio::error::operation_aborted) throw;  // a stop cuts the connection too: nobody is left to answer
    log::fault("request", std::current_exception(), {{"correlationId", correlation}, {"path", request.path()}});
    response.reset();
    const auto* fault = dynamic_cast<const Fault*>(&thrown);
    const ErrorCode code = fault == nullptr ? ErrorCode::internal : fault->code();
    Error error{.code = code, .message = code == ErrorCode::internal ? "Internal server error" : "The request could not be completed, try again"};
    answer_json(response, http_status(error.code), error_envelope(error));
  }
  decorate(request, response, context);
  if (options_.on_request)
    options_.on_request(!request.path().starts_with("/api/") ? "page" : dispatcher_.find(request.path().substr(5)) != nullptr ? "rpc" : "route",
                        wheel_.clock().monotonic() - began);
  const auto level = response.status >= 500 ? log::Level::error : response.status >= 400 ? log::Level::warn : log::Level::debug;
  if (log::enabled(level)) {
    const double ms = std::chrono::duration<double, std::milli>(wheel_.clock().monotonic() - began).count();
    const std::initializer_list<log::Field> fields{{"correlationId", correlation}, {"method", request.method()}, {"path", request.path()},
                                                   {"status", static_cast<std::int64_t>(response.status)}, {"ms", ms}, {"userId", user}};
    if (level == log::Level::error) log::error("request", fields);
    else if (level == log::Level::warn) log::warn("request", fields);
    else log::debug("request", fields);
  }
}

awaitable<void> Front::answer(const http::Request& request, http::Response& response, RouteRequest& context, std::string& user) {
  const auto path = request.path();
  const auto method = request.method();
  if (method == "OPTIONS" && (context.has_origin_header || is_api(path))) {
    response.status = 204;
    co_return;
  }
  const bool probe = path == "/healthz" || path == "/readyz" || path.starts_with("/.checkstack/");
  if (!open_ && !probe) {
    co_await async::with_timeout(wheel_, opened_.wait(), options_.boot_wait);
    if (!open_) {
      response.add("Retry-After", "5");
      answer_json(response, 503, R"({"error":"Backend not ready","message":"The server is still starting"})");
      co_return;
    }
  }
  if (path.starts_with("/api/") && dispatcher_.find(path.substr(5)) != nullptr) {
    co_await call(request, response, context, user);
    co_return;
  }
  const Found found = find_route(method, path);
  if (found.handler != nullptr) {
    co_await (*found.handler)(context, response);
    co_return;
  }
  if (!found.allow.empty()) {
    response.add("Allow", found.allow);
    answer_json(response, 405, R"({"error":"Method Not Allowed"})");
    co_return;
  }
  if (is_api(path) || path.starts_with("/rest/") || path == "/rest" || path.starts_with("/.well-known/") || path.starts_with("/.checkstack/") || fallback_ == nullptr) {
    answer_json(response, 404, std::string(kNotFound));
    co_return;
  }
  co_await fallback_(context, response);
}

awaitable<void> Front::call(const http::Request& request, http::Response& response, const RouteRequest& context, std::string& user) {
  // A page elsewhere can make a browser send our cookie along: writes must come from our own pages.
  const bool read_only = request.method() == "GET" || request.method() == "HEAD";
  if (!read_only && !context.credentials.cookie.empty() && context.origin == Origin::foreign) {
    answer_json(response, 403, error_envelope({.code = ErrorCode::forbidden, .message = "Requests from other sites are refused"}));
    co_return;
  }
  auto answer = co_await dispatcher_.call({.method = request.method(),
                                           .path = request.path().substr(5),
                                           .query = request.query(),
                                           .content_type = request.header("content-type").value_or(std::string_view()),
                                           .body = request.body(),
                                           .credentials = context.credentials,
                                           .correlation_id = context.correlation_id,
                                           .address = context.address,
                                           .user_agent = request.header("user-agent").value_or(std::string_view()),
                                           .forwarded = context.forwarded || context.origin == Origin::foreign});
  response.status = answer.status;
  response.content_type = kJsonType;
  if (auto* text = std::get_if<std::string>(&answer.body)) response.body = std::move(*text);
  else response.body = std::get<1>(std::move(answer.body));
  if (!answer.allow.empty()) response.add("Allow", answer.allow);
  if (answer.retry_after) response.add("Retry-After", std::to_string(answer.retry_after->count()));
  response.extra_headers += "Cache-Control: private, no-cache\r\nVary: Cookie, Authorization\r\n";
  user = std::move(answer.user_id);
}

void Front::decorate(const http::Request& request, http::Response& response, const RouteRequest& context) const {
  auto& headers = response.extra_headers;
  headers += "x-correlation-id: ";
  headers += context.correlation_id;
  headers += "\r\n";
  if (context.has_origin_header) {
    headers += "Vary: Origin\r\n";
    if (context.origin == Origin::trusted) {
      headers += "Access-Control-Allow-Origin: ";
      headers += *request.header("origin");
      headers += "\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: Content-Length, x-correlation-id\r\n";
      if (request.method() == "OPTIONS")
        headers +=
            "Access-Control-Allow-Methods: POST,GET,PUT,PATCH,DELETE,OPTIONS\r\n"
            "Access-Control-Allow-Headers: Content-Type, Authorization, x-correlation-id\r\nAccess-Control-Max-Age: 600\r\n";
    }
  }
  if (is_api(request.path()) || request.path().starts_with("/rest"))
    headers +=
        "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
        "Referrer-Policy: no-referrer\r\n";
  if (https_) headers += "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n";
}

}  // namespace watchbell::rpc
