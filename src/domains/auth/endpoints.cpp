#include "domains/auth/endpoints.hpp"

#include <algorithm>

#include "domains/auth/rules.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell::auth {

struct UserOut {
  std::string name;
  std::string email;
  bool email_verified = false;
  Nullable<std::string> image;
  Timestamp created_at;
  Timestamp updated_at;
  UserId id;
};
BOOST_DESCRIBE_STRUCT(UserOut, (), (name, email, email_verified, image, created_at, updated_at, id))

struct SessionOut {
  Timestamp expires_at;
  std::string token;
  Timestamp created_at;
  Timestamp updated_at;
  std::string ip_address;
  std::string user_agent;
  UserId user_id;
  SessionId id;
};
BOOST_DESCRIBE_STRUCT(SessionOut, (), (expires_at, token, created_at, updated_at, ip_address, user_agent, user_id, id))

struct SessionAnswer {
  SessionOut session;
  UserOut user;
};
BOOST_DESCRIBE_STRUCT(SessionAnswer, (), (session, user))

struct SignInAnswer {
  bool redirect = false;
  std::string token;
  UserOut user;
};
BOOST_DESCRIBE_STRUCT(SignInAnswer, (), (redirect, token, user))

namespace {

UserOut out(const User& user) {
  return {.name = user.name,
          .email = user.email,
          .email_verified = user.email_verified,
          .image = {},
          .created_at = user.created_at,
          .updated_at = user.updated_at,
          .id = user.id};
}

void refuse(http::Response& response, int status, std::string_view code, std::string_view message) {
  std::string body = "{\"code\":";
  rpc::append_json_string(body, code);
  body += ",\"message\":";
  rpc::append_json_string(body, message);
  body += '}';
  rpc::answer_json(response, status, std::move(body));
}

void refuse(http::Response& response, const Error& error) {
  if (error.retry_after) response.add("Retry-After", std::to_string(error.retry_after->count()));
  refuse(response, http_status(error.code), wire_code(error.code), error.message);
}

/// Writes that carry a cookie must come from a page of ours.
bool origin_holds(const rpc::RouteRequest& request, http::Response& response) {
  if (request.credentials.cookie.empty()) return true;
  if (request.origin == rpc::Origin::trusted) return true;
  if (request.origin == rpc::Origin::absent) refuse(response, 403, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin");
  else refuse(response, 403, "INVALID_ORIGIN", "Invalid origin");
  return false;
}

std::optional<std::string_view> string_member(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

/// The JSON object of a body, or a refusal.
const boost::json::object* body_of(const rpc::RouteRequest& request, rpc::Envelope& envelope, http::Response& response) {
  const auto type = ascii_lower(trim(request.http.header("content-type").value_or("application/json")));
  if (!type.starts_with("application/json")) {
    refuse(response, 415, "UNSUPPORTED_MEDIA_TYPE", "The request body must be application/json");
    return nullptr;
  }
  if (!envelope.parse_plain(request.http.body())) {
    refuse(response, 400, "BAD_REQUEST", "Malformed JSON");
    return nullptr;
  }
  if (envelope.value() == nullptr || !envelope.value()->is_object()) {
    refuse(response, 400, "VALIDATION_ERROR", "[body] Invalid input: expected object");
    return nullptr;
  }
  return &envelope.value()->get_object();
}

/// A callback leads back to a page of ours: those of the base URL, and on loopback of its other names.
bool is_own(std::string_view callback, const rpc::Front& front) {
  const auto below = [callback](const std::string& origin) { return rules::is_own_url(callback, origin); };
  return std::ranges::any_of(front.options().trusted_origins, below);
}

awaitable<void> get_session(Service& service, rpc::RouteRequest request, http::Response& response) {
  auto current = co_await service.current_session(std::string(request.credentials.cookie));
  if (!current) co_return refuse(response, current.error());
  if (!*current) {
    // A cookie that names no session any more is taken back.
    if (rules::cookie_value(request.credentials.cookie, service.cookies().session_cookie()) && service.cookies().token(request.credentials.cookie))
      response.extra_headers += service.cookies().clear_all();
    rpc::answer_json(response, 200, "null");
    co_return;
  }
  const auto& found = **current;
  if (found.extended) response.extra_headers += service.cookies().set_session(found.token, true);
  const auto& s = found.session;
  rpc::answer_json(response, 200,
                   rpc::to_json(SessionAnswer{.session = {.expires_at = s.expires_at,
                                                          .token = found.token,
                                                          .created_at = s.created_at,
                                                          .updated_at = s.updated_at,
                                                          .ip_address = s.ip_address,
                                                          .user_agent = s.user_agent,
                                                          .user_id = s.user_id,
                                                          .id = s.id},
                                              .user = out(found.user)}));
}

awaitable<void> sign_in(Service& service, const rpc::Front& front, rpc::RouteRequest request, http::Response& response) {
  if (!origin_holds(request, response)) co_return;
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto email_text = string_member(*body, "email");
  const auto password = string_member(*body, "password");
  if (!email_text) co_return refuse(response, 400, "VALIDATION_ERROR", "[body.email] Invalid input: expected string");
  if (!password) co_return refuse(response, 400, "VALIDATION_ERROR", "[body.password] Invalid input: expected string");
  if (const auto callback = string_member(*body, "callbackURL"); callback && !is_own(*callback, front))
    co_return refuse(response, 403, "INVALID_CALLBACKURL", "Invalid callbackURL");
  const auto email = Email::make(*email_text);
  if (!email) co_return refuse(response, 400, "INVALID_EMAIL", "Invalid email");
  const auto* remember = body->if_contains("rememberMe");
  const bool keep = remember == nullptr || !remember->is_bool() || remember->get_bool();
  if (password->size() > 1024) co_return refuse(response, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password");
  auto signed_in = co_await service.sign_in(*email, std::string(*password), keep, std::string(request.address),
                                            std::string(request.http.header("user-agent").value_or(std::string_view())));
  if (!signed_in) {
    if (signed_in.error().code == ErrorCode::unauthorized) co_return refuse(response, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password");
    co_return refuse(response, signed_in.error());
  }
  response.extra_headers += service.cookies().set_session(signed_in->token, keep);
  rpc::answer_json(response, 200, rpc::to_json(SignInAnswer{.redirect = false, .token = signed_in->token, .user = out(signed_in->user)}));
}

awaitable<void> sign_out(Service& service, rpc::RouteRequest request, http::Response& response) {
  if (!origin_holds(request, response)) co_return;
  auto done = co_await service.sign_out(std::string(request.credentials.cookie), std::string(request.address));
  if (!done) co_return refuse(response, done.error());
  response.extra_headers += service.cookies().clear_all();
  rpc::answer_json(response, 200, R"({"success":true})");
}

/// Session answers are nobody's to keep.
awaitable<void> uncached(awaitable<void> answer, http::Response& response) {
  co_await std::move(answer);
  response.extra_headers += "Cache-Control: no-store\r\n";
}

awaitable<void> ok(http::Response& response) {
  rpc::answer_json(response, 200, R"({"ok":true})");
  co_return;
}

}  // namespace

void mount_endpoints(rpc::Front& front, Service& service) {
  front.route("GET", "/api/auth/get-session", [&service](rpc::RouteRequest request, http::Response& response) {
    return uncached(get_session(service, request, response), response);
  });
  front.route("POST", "/api/auth/sign-in/email", [&service, &front](rpc::RouteRequest request, http::Response& response) {
    return uncached(sign_in(service, front, request, response), response);
  });
  front.route("POST", "/api/auth/sign-out", [&service](rpc::RouteRequest request, http::Response& response) {
    return uncached(sign_out(service, request, response), response);
  });
  front.route("GET", "/api/auth/ok", [](rpc::RouteRequest, http::Response& response) { return uncached(ok(response), response); });
}

}  // namespace watchbell::auth
