#include "runtime/rpc/front.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "async/timeout.hpp"
#include "base/fault.hpp"
#include "base/uuid_text.hpp"
#include "platform/log/log.hpp"

namespace watchbell::rpc {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kNotFound = R"({"error":"Not Found"})";
constexpr std::string_view kSessions = "/api/auth/";
// How long an address that asks too often waits to hear so: else each of its connections could come again at once, and refusing it would be the work.
constexpr std::chrono::milliseconds kRefusalHeld{250};

/// For whose eyes an answer of the API is, and what it depends on.
constexpr std::string_view kOfRpc = "Cache-Control: private, no-cache\r\nVary: Cookie, Authorization\r\n";
constexpr std::string_view kOfRest = "Cache-Control: private, no-cache\r\nVary: Cookie, Authorization, Accept\r\n";
constexpr std::string_view kOfSessions = "Cache-Control: no-store\r\n";
/// Keeps a browser from taking it for a page.
constexpr std::string_view kNoPage =
    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n";

bool is_api(std::string_view path) { return path.starts_with("/api/") || path == "/api"; }

/// Where a path leads to a procedure: by which wire, and the rest of the path.
struct Way {
  Wire wire;
  std::string_view path;
};
std::optional<Way> way_of(std::string_view path) {
  if (path.starts_with("/api/")) return Way{Wire::rpc, path.substr(5)};
  if (path.starts_with("/rest/")) return Way{Wire::rest, path.substr(6)};
  return std::nullopt;
}

/// An error as the path's wire wants it; what is no procedure gets the envelope.
CallAnswer refusal_of(const http::Request& request, const Error& error) {
  const auto way = way_of(request.path());
  return refusal(error, way ? way->wire : Wire::rpc, request.header("accept").value_or(std::string_view()));
}

void write_answer(CallAnswer answer, http::Response& response) {
  response.status = answer.status;
  response.content_type = answer.content_type;
  if (auto* text = std::get_if<std::string>(&answer.body))
    response.body = std::move(*text);
  else
    response.body = std::get<1>(std::move(answer.body));
  if (!answer.allow.empty()) response.add("Allow", answer.allow);
  if (!answer.etag.empty()) response.add("ETag", answer.etag);
  if (answer.retry_after) response.add("Retry-After", std::to_string(answer.retry_after->count()));
}

/// Each kind of path has its own words for a refusal.
void answer_limited(const RouteRequest& context, bool procedure, const Error& error, http::Response& response) {
  if (procedure) {
    write_answer(refusal_of(context.http, error), response);
    return;
  }
  const std::string seconds = std::to_string(error.retry_after.value_or(std::chrono::seconds(1)).count());
  response.add("Retry-After", seconds);
  if (!context.http.path().starts_with(kSessions)) return answer_json(response, 429, R"({"error":"Too Many Requests"})");
  response.add("X-Retry-After", seconds);  // what clients of session endpoints read
  answer_json(response, 429, "{\"message\":\"" + error.message + "\"}");
}

bool is_probe(std::string_view path) { return path == "/healthz" || path == "/readyz" || path.starts_with("/.checkstack/"); }

/// The headers that count here, by one pass over all of them. The first of a name counts.
struct Headers {
  explicit Headers(const http::Request& request) {
    using Known = std::pair<std::string_view, std::string_view Headers::*>;
    static constexpr Known kAccept{"accept", &Headers::accept}, kCookie{"cookie", &Headers::cookie}, kUserAgent{"user-agent", &Headers::user_agent},
        kContentType{"content-type", &Headers::content_type}, kAuthorization{"authorization", &Headers::authorization},
        kIfNoneMatch{"if-none-match", &Headers::if_none_match}, kIdempotencyKey{"idempotency-key", &Headers::idempotency_key};
    for (const http::Header& header : request.headers()) {
      const auto keep = [&](const Known& known) {
        if (header.is_named(known.first) && (this->*known.second).data() == nullptr) this->*known.second = header.value;
      };
      const auto note = [&](std::string_view name, std::optional<std::string_view>& value) {
        if (header.is_named(name) && !value) value = header.value;
      };
      const auto forwards = [&](std::string_view name) { forwarded = forwarded || header.is_named(name); };
      // By length, so that a name is compared with one or two others.
      switch (header.name.size()) {
        case 3: forwards("via"); break;
        case 6:
          keep(kCookie);
          keep(kAccept);
          note("origin", origin);
          break;
        case 7: note("referer", referer); break;
        case 9:
          forwards("forwarded");
          forwards("x-real-ip");
          break;
        case 10: keep(kUserAgent); break;
        case 12: keep(kContentType); break;
        case 13:
          keep(kAuthorization);
          keep(kIfNoneMatch);
          break;
        case 15:
          keep(kIdempotencyKey);
          forwards("x-forwarded-for");
          break;
        case 16:
          note("x-correlation-id", correlation);
          forwards("x-forwarded-host");
          break;
        case 17: forwards("x-forwarded-proto"); break;
        default: break;
      }
    }
  }

  std::optional<std::string_view> origin, referer, correlation;
  std::string_view authorization, cookie, content_type, user_agent, accept, idempotency_key, if_none_match;
  bool forwarded = false;
};

/// What the client called the request, `[A-Za-z0-9._:-]{1,128}`, or a fresh id.
class CorrelationId {
 public:
  CorrelationId(std::optional<std::string_view> given, Random& random) {
    const auto allowed = [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' || c == '-';
    };
    if (given && !given->empty() && given->size() <= 128 && std::ranges::all_of(*given, allowed)) given_ = *given;
    else made_.emplace(made_of(random(), random()));
  }
  std::string_view view() const noexcept { return made_ ? std::string_view(*made_) : given_; }

 private:
  /// RFC 9562, 5.4. Nobody's secret, so neither the system nor the clock is asked for it.
  static Uuid made_of(std::uint64_t high, std::uint64_t low) noexcept {
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &high, 8);
    std::memcpy(bytes.data() + 8, &low, 8);
    bytes[6] = static_cast<std::uint8_t>(0x40 | (bytes[6] & 0x0f));
    bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
    return Uuid(bytes);
  }

  std::string_view given_;
  std::optional<UuidText> made_;
};

/// Who is at the other end, proxies we trust resolved.
class ClientAddress {
 public:
  ClientAddress(const http::Request& request, const std::vector<net::Cidr>& proxies) : found_(request.peer_address()) {
    const auto trusted = [&proxies](std::string_view text) {
      const auto address = net::Address::parse(text);
      return address && std::ranges::any_of(proxies, [&](const net::Cidr& range) { return range.contains(*address); });
    };
    if (proxies.empty() || !trusted(found_)) return;
    // A proxy may add a line of its own behind the client's: the list is all lines in their order.
    for (const auto& header : request.headers())
      if (header.is_named("x-forwarded-for")) (forwarded_ += forwarded_.empty() ? "" : ",") += header.value;
    // From the right: each hop we trust vouches for the one before it.
    std::string_view rest = forwarded_;
    while (!rest.empty()) {
      const auto comma = rest.rfind(',');
      const auto hop = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
      if (!net::Address::parse(hop)) break;
      found_ = hop;
      if (!trusted(hop)) break;
    }
  }
  ClientAddress(const ClientAddress&) = delete;
  ClientAddress& operator=(const ClientAddress&) = delete;
  std::string_view view() const noexcept { return found_; }

 private:
  std::string forwarded_;
  std::string_view found_;
};

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

void answer_json(http::Response& response, int status, std::string body) {
  response.status = status;
  response.content_type = kJsonType;
  response.body = std::move(body);
}

Front::Front(Dispatcher& dispatcher, async::TimerWheel& wheel, Options options)
    : dispatcher_(dispatcher), wheel_(wheel), options_(std::move(options)), opened_(wheel.executor()), correlation_ids_(std::hash<Uuid>()(Uuid::make_v7(0))) {
  if (options_.base_url.starts_with("https://")) transport_headers_ = "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n";
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

bool Front::trusts(std::string_view origin) const {
  const auto& trusted = options_.trusted_origins;
  // As browsers write them, nearly always.
  return std::ranges::find(trusted, origin) != trusted.end() || std::ranges::find(trusted, origin_of(origin)) != trusted.end();
}

Origin Front::judge_origin(std::optional<std::string_view> origin, std::optional<std::string_view> referer) const {
  const auto& told = origin ? origin : referer;
  if (!told) return Origin::absent;
  return trusts(*told) ? Origin::trusted : Origin::foreign;
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
  const auto way = way_of(head.path());
  if (const auto* procedure = way ? dispatcher_.find(way->path) : nullptr; procedure != nullptr && procedure->options().body_limit > 0)
    return procedure->options().body_limit;
  return options_.max_body_bytes;
}

/// A request on its way through the front, and what was found out about it.
struct Front::Visit {
  Visit(Front& front, const http::Request& request)
      : request(request),
        began(request.began() == Monotonic() ? front.wheel_.clock().monotonic() : request.began()),
        headers(request),
        correlation(headers.correlation, front.correlation_ids_),
        address(request, front.options_.trusted_proxies),
        way(way_of(request.path())),
        procedure(way ? front.dispatcher_.find(way->path) : nullptr),
        context{.http = request,
                .correlation_id = correlation.view(),
                .address = address.view(),
                .origin = front.judge_origin(headers.origin, headers.referer),
                .has_origin_header = headers.origin.has_value(),
                .credentials = {.authorization = headers.authorization, .cookie = headers.cookie},
                .forwarded = headers.forwarded,
                .began = began} {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  bool is_read() const { return request.method() == "GET" || request.method() == "HEAD"; }
  /// REQUIRES a procedure.
  CallRequest call() const {
    const bool rest = way->wire == Wire::rest;
    return {.wire = way->wire,
            .method = request.method(),
            .path = way->path,
            .query = request.query(),
            .content_type = headers.content_type,
            .body = request.body(),
            .credentials = context.credentials,
            .correlation_id = context.correlation_id,
            .address = context.address,
            .user_agent = headers.user_agent,
            .forwarded = context.forwarded || context.origin == Origin::foreign,
            .accept = rest ? headers.accept : std::string_view(),
            .idempotency_key = rest ? headers.idempotency_key : std::string_view(),
            .if_none_match = is_read() ? headers.if_none_match : std::string_view(),
            .began = began};
  }

  const http::Request& request;
  const Monotonic began;
  const Headers headers;
  const CorrelationId correlation;
  const ClientAddress address;
  const std::optional<Way> way;
  const Procedure* const procedure;
  const RouteRequest context;
  access::PrincipalPtr caller;  // once he is known
};

bool Front::answer_now(const http::Request& request, http::Response& response) {
  Visit visit(*this, request);
  // Before anything that costs more; who looks after us may look as often as he likes.
  if (options_.limiter != nullptr && !is_probe(request.path()))
    if (const auto let = options_.limiter->address(visit.context.address, visit.began); !let) {
      answer_limited(visit.context, visit.procedure != nullptr, let.error(), response);
      response.close = true;  // what else came along with it is not worth a look
      response.hold = kRefusalHeld;
      finish(response, visit);
      return true;
    }
  if (!open_ || visit.procedure == nullptr || !call_now(response, visit)) return false;
  finish(response, visit);
  return true;
}

bool Front::call_now(http::Response& response, Visit& visit) {
  if (is_refused_as_foreign(visit)) return false;
  try {
    auto answer = dispatcher_.call_now(*visit.procedure, visit.call());
    if (!answer) return false;
    visit.caller = std::move(answer->caller);
    write_answer(std::move(*answer), response);
  } catch (const std::exception&) {
    return false;  // nothing was done yet: the long way meets the same fault, and says it
  }
  return true;
}

awaitable<void> Front::handle(const http::Request& request, http::Response& response) {
  Visit visit(*this, request);
  try {
    co_await answer(response, visit);
  } catch (const std::exception& thrown) {  // the boundary of a request
    const auto* cut = dynamic_cast<const boost::system::system_error*>(&thrown);
    if (cut != nullptr && cut->code() == asio::error::operation_aborted) throw;  // a stop cuts the connection too: nobody is left to answer
    log::fault("request", std::current_exception(), {{"correlationId", visit.context.correlation_id}, {"path", request.path()}});
    response.reset();
    const auto* fault = dynamic_cast<const Fault*>(&thrown);
    const ErrorCode code = fault == nullptr ? ErrorCode::internal : fault->code();
    Error error{.code = code, .message = code == ErrorCode::internal ? "Internal server error" : "The request could not be completed, try again"};
    write_answer(refusal_of(request, error), response);
  }
  finish(response, visit);
}

void Front::finish(http::Response& response, const Visit& visit) const {
  decorate(response, visit);
  const auto took = wheel_.clock().monotonic() - visit.began;
  if (options_.on_request) options_.on_request(!visit.way ? Served::page : visit.procedure != nullptr ? Served::rpc : Served::route, took);
  // Refusals of a limit are counted, not told one by one: a flood must not fill the disk that the log is on.
  const auto level =
      response.status == 429 || response.status < 400 ? log::Level::debug : response.status >= 500 ? log::Level::error : log::Level::warn;
  if (!log::enabled(level)) return;
  const bool somebody = visit.caller != nullptr && visit.caller->kind != access::Principal::Kind::none;
  const std::string user = somebody ? visit.caller->id.to_string() : std::string();
  const double ms = std::chrono::duration<double, std::milli>(took).count();
  const std::initializer_list<log::Field> fields{{"correlationId", visit.context.correlation_id}, {"method", visit.request.method()}, {"path", visit.request.path()},
                                                 {"status", static_cast<std::int64_t>(response.status)}, {"ms", ms}, {"userId", user}};
  if (level == log::Level::error) log::error("request", fields);
  else if (level == log::Level::warn) log::warn("request", fields);
  else log::debug("request", fields);
}

awaitable<void> Front::answer(http::Response& response, Visit& visit) {
  const auto& context = visit.context;
  const auto path = visit.request.path();
  const auto method = visit.request.method();
  const bool probe = is_probe(path);
  if (method == "OPTIONS" && (context.has_origin_header || is_api(path))) {
    response.status = 204;
    co_return;
  }
  if (!open_ && !probe) {
    co_await async::with_timeout(wheel_, opened_.wait(), options_.boot_wait);
    if (!open_) {
      response.add("Retry-After", "5");
      answer_json(response, 503, R"({"error":"Backend not ready","message":"The server is still starting"})");
      co_return;
    }
  }
  if (visit.procedure != nullptr) {
    co_await call(response, visit);
    co_return;
  }
  const Found found = find_route(method, path);
  if (found.handler != nullptr) {
    if (const auto let = knock(context); !let) {
      answer_limited(context, false, let.error(), response);
      co_return;
    }
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

Result<void> Front::knock(const RouteRequest& context) {
  const auto method = context.http.method();
  if (options_.limiter == nullptr || method == "GET" || method == "HEAD") return {};
  for (std::size_t i = 0; i < guarded_.size(); ++i)
    if (context.http.path().starts_with(guarded_[i])) return options_.limiter->sign_in(context.address, i, context.began);
  return {};
}

bool Front::is_refused_as_foreign(const Visit& visit) const {
  // A page elsewhere can make a browser send our cookie along: writes must come from our own pages.
  return !visit.is_read() && !visit.context.credentials.cookie.empty() && visit.context.origin == Origin::foreign;
}

awaitable<void> Front::call(http::Response& response, Visit& visit) {
  if (is_refused_as_foreign(visit)) {
    write_answer(refusal_of(visit.request, {.code = ErrorCode::forbidden, .message = "Requests from other sites are refused"}), response);
    co_return;
  }
  auto answer = co_await dispatcher_.call(visit.call());
  visit.caller = std::move(answer.caller);
  write_answer(std::move(answer), response);
}

void Front::decorate(http::Response& response, const Visit& visit) const {
  auto& headers = response.extra_headers;
  const auto& context = visit.context;
  const auto path = visit.request.path();
  headers += "x-correlation-id: ";
  headers += context.correlation_id;
  headers += "\r\n";
  if (context.has_origin_header) {
    headers += "Vary: Origin\r\n";
    if (context.origin == Origin::trusted) {
      headers += "Access-Control-Allow-Origin: ";
      headers += *visit.headers.origin;
      headers += "\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: Content-Length, x-correlation-id\r\n";
      if (visit.request.method() == "OPTIONS")
        headers +=
            "Access-Control-Allow-Methods: POST,GET,PUT,PATCH,DELETE,OPTIONS\r\n"
            "Access-Control-Allow-Headers: Content-Type, Authorization, x-correlation-id\r\nAccess-Control-Max-Age: 600\r\n";
    }
  }
  if (visit.way || is_api(path) || path.starts_with("/rest")) {
    // Who answers may know better; a procedure does not.
    if (visit.procedure != nullptr) headers += visit.way->wire == Wire::rest ? kOfRest : kOfRpc;
    else if (headers.find("Cache-Control: ") == std::string::npos) headers += path.starts_with(kSessions) ? kOfSessions : path.starts_with("/rest/") ? kOfRest : kOfRpc;
    headers += kNoPage;
  }
  headers += transport_headers_;
}

}  // namespace watchbell::rpc
