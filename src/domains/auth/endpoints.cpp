#include "domains/auth/endpoints.hpp"

#include <algorithm>

#include "domains/auth/rules.hpp"
#include "platform/crypto/password_policy.hpp"
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
  std::optional<bool> two_factor_enabled;  ///< where it is known
};
BOOST_DESCRIBE_STRUCT(UserOut, (), (name, email, email_verified, image, created_at, updated_at, id, two_factor_enabled))

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

struct SetupAnswer {
  std::string totp_uri;
  std::vector<std::string> backup_codes;
};
// By hand: the member is spelled as clients of this plugin read it.
std::string to_json(const SetupAnswer& setup) {
  std::string json = "{\"totpURI\":";
  rpc::append_json_string(json, setup.totp_uri);
  json += ",\"backupCodes\":" + rpc::to_json(setup.backup_codes) + "}";
  return json;
}

/// A user who is signed in from now on, or whose session stays as it is (no token).
struct TokenAnswer {
  Nullable<std::string> token;
  UserOut user;
};
BOOST_DESCRIBE_STRUCT(TokenAnswer, (), (token, user))

struct AccountOut {
  std::string id;
  std::string provider_id;
  Timestamp created_at;
  Timestamp updated_at;
  std::string account_id;
  UserId user_id;
  std::vector<std::string> scopes;
};
BOOST_DESCRIBE_STRUCT(AccountOut, (), (id, provider_id, created_at, updated_at, account_id, user_id, scopes))

namespace {

UserOut out(const User& user) {
  return {.name = user.name,
          .email = user.email,
          .email_verified = user.email_verified,
          .image = {},
          .created_at = user.created_at,
          .updated_at = user.updated_at,
          .id = user.id,
          .two_factor_enabled = {}};
}

SessionOut out(const Session& session, std::string token) {
  return {.expires_at = session.expires_at,
          .token = std::move(token),
          .created_at = session.created_at,
          .updated_at = session.updated_at,
          .ip_address = session.ip_address,
          .user_agent = session.user_agent,
          .user_id = session.user_id,
          .id = session.id};
}

using NameText = Text<1, 200>;
constexpr std::string_view kBadName = "[body.name] Invalid input: expected 1 to 200 characters";
/// Longer ones are nobody's, and not worth the work.
constexpr std::size_t kLongestPassword = 1024;
constexpr std::string_view kResetLinks = "/api/auth/reset-password/";

void refuse(http::Response& response, int status, std::string_view code, std::string_view message) {
  std::string body = "{\"code\":";
  rpc::append_json_string(body, code);
  body += ",\"message\":";
  rpc::append_json_string(body, message);
  body += '}';
  rpc::answer_json(response, status, std::move(body));
}

void refuse(http::Response& response, const Error& error) {
  if (error.retry_after) {
    response.add("Retry-After", std::to_string(error.retry_after->count()));
    response.add("X-Retry-After", std::to_string(error.retry_after->count()));
  }
  refuse(response, http_status(error.code), wire_code(error.code), error.message);
}

/// Who is not signed in is told so without a word.
void refuse_visitor(http::Response& response) { rpc::answer_json(response, 401, std::string()); }

void succeed(http::Response& response) { rpc::answer_json(response, 200, R"({"status":true})"); }

/// What is wrong with a new password, if anything, under the code of its kind.
bool password_holds(std::string_view password, http::Response& response) {
  const auto problem = crypto::judge_password(password);
  if (!problem) return true;
  const auto code = *problem == crypto::PasswordProblem::too_short  ? "PASSWORD_TOO_SHORT"
                    : *problem == crypto::PasswordProblem::too_long ? "PASSWORD_TOO_LONG"
                                                                    : "PASSWORD_TOO_WEAK";
  refuse(response, 400, code, crypto::check_password(password).error().message);
  return false;
}

/// Writes that carry a cookie must come from a page of ours.
bool origin_holds(const rpc::RouteRequest& request, http::Response& response) {
  if (request.credentials.cookie.empty()) return true;
  if (request.origin == rpc::Origin::trusted) return true;
  if (request.origin == rpc::Origin::absent || request.http.header("origin") == "null")
    refuse(response, 403, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin");
  else
    refuse(response, 403, "INVALID_ORIGIN", "Invalid origin");
  return false;
}

/// Whether a body may be left away.
enum class Body { needed, optional };

/// The JSON object of a write from a page of ours, or a refusal. An absent one that is optional counts as empty.
const boost::json::object* body_of(const rpc::RouteRequest& request, rpc::Envelope& envelope, http::Response& response, Body need = Body::needed) {
  static const boost::json::object kNone;
  if (!origin_holds(request, response)) return nullptr;
  if (request.http.body().empty() && need == Body::optional) return &kNone;
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

std::optional<std::string_view> string_member(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

/// A member that must be text, or a refusal that names it.
std::optional<std::string_view> needed_text(const boost::json::object& object, std::string_view name, http::Response& response) {
  const auto text = string_member(object, name);
  if (!text) refuse(response, 400, "VALIDATION_ERROR", "[body." + std::string(name) + "] Invalid input: expected string");
  return text;
}

/// No pictures of users are kept: taking one in would lose it.
bool no_picture(const boost::json::object& object, http::Response& response) {
  const auto* image = object.if_contains("image");
  if (image == nullptr || image->is_null()) return true;
  refuse(response, 400, "VALIDATION_ERROR", "[body.image] Pictures are not kept: leave it away");
  return false;
}

bool flag(const boost::json::object& object, std::string_view name, bool preset) {
  const auto* value = object.if_contains(name);
  return value == nullptr || !value->is_bool() ? preset : value->get_bool();
}

std::string agent_of(const rpc::RouteRequest& request) { return std::string(request.http.header("user-agent").value_or(std::string_view())); }

/// The session a request comes with, or the refusal of a visitor.
awaitable<std::optional<Current>> signed_in(Service& service, const rpc::RouteRequest& request, http::Response& response) {
  auto current = co_await service.current_session(std::string(request.credentials.cookie));
  if (!current) {
    refuse(response, current.error());
    co_return std::nullopt;
  }
  if (!*current) {
    refuse_visitor(response);
    co_return std::nullopt;
  }
  if ((*current)->extended) response.extra_headers += service.cookies().set_session((*current)->token, true);
  co_return std::move(*current);
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
  SessionAnswer answer{.session = out(found.session, found.token), .user = out(found.user)};
  answer.user.two_factor_enabled = found.second_factor;
  rpc::answer_json(response, 200, rpc::to_json(answer));
}

awaitable<void> sign_in(Service& service, const rpc::Front& front, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto email_text = needed_text(*body, "email", response);
  if (!email_text) co_return;
  const auto password = needed_text(*body, "password", response);
  if (!password) co_return;
  if (const auto callback = string_member(*body, "callbackURL"); callback && !is_own(*callback, front))
    co_return refuse(response, 403, "INVALID_CALLBACKURL", "Invalid callbackURL");
  const auto email = Email::make(*email_text);
  if (!email) co_return refuse(response, 400, "INVALID_EMAIL", "Invalid email");
  const bool keep = flag(*body, "rememberMe", true);
  if (password->size() > kLongestPassword) co_return refuse(response, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password");
  auto in = co_await service.sign_in(*email, std::string(*password), keep, std::string(request.address), agent_of(request));
  if (!in) {
    if (in.error().code == ErrorCode::unauthorized) co_return refuse(response, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password");
    co_return refuse(response, in.error());
  }
  if (in->challenge) {
    response.extra_headers += service.cookies().set_challenge(*in->challenge, kChallengeLife);
    co_return rpc::answer_json(response, 200, R"({"twoFactorRedirect":true})");
  }
  response.extra_headers += service.cookies().set_session(in->token, keep);
  rpc::answer_json(response, 200, rpc::to_json(SignInAnswer{.redirect = false, .token = in->token, .user = out(in->user)}));
}

awaitable<void> sign_up(Service& service, const rpc::Front& front, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto name = needed_text(*body, "name", response);
  if (!name) co_return;
  const auto email_text = needed_text(*body, "email", response);
  if (!email_text) co_return;
  const auto password = needed_text(*body, "password", response);
  if (!password) co_return;
  if (const auto callback = string_member(*body, "callbackURL"); callback && !is_own(*callback, front))
    co_return refuse(response, 403, "INVALID_CALLBACKURL", "Invalid callbackURL");
  const auto email = Email::make(*email_text);
  if (!email) co_return refuse(response, 400, "VALIDATION_ERROR", "[body.email] Invalid email address");
  if (!NameText::make(std::string(*name))) co_return refuse(response, 400, "VALIDATION_ERROR", kBadName);
  if (!no_picture(*body, response) || !password_holds(*password, response)) co_return;
  auto in = co_await service.sign_up(std::string(*name), *email, std::string(*password), std::string(request.address), agent_of(request));
  if (!in) {
    const auto& error = in.error();
    if (error.code == ErrorCode::forbidden) co_return refuse(response, 400, "EMAIL_PASSWORD_SIGN_UP_DISABLED", error.message);
    if (error.code == ErrorCode::conflict) co_return refuse(response, 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email.");
    if (error.code == ErrorCode::bad_request) co_return refuse(response, 400, "VALIDATION_ERROR", kBadName);
    co_return refuse(response, error);
  }
  response.extra_headers += service.cookies().set_session(in->token, true);
  rpc::answer_json(response, 200, rpc::to_json(TokenAnswer{.token = in->token, .user = out(in->user)}));
}

awaitable<void> sign_out(Service& service, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  if (body_of(request, envelope, response, Body::optional) == nullptr) co_return;
  auto done = co_await service.sign_out(std::string(request.credentials.cookie), std::string(request.address));
  if (!done) co_return refuse(response, done.error());
  response.extra_headers += service.cookies().clear_all();
  rpc::answer_json(response, 200, R"({"success":true})");
}

/// None is set up: who signs in elsewhere is not known here.
awaitable<void> sign_in_social(rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body != nullptr && needed_text(*body, "provider", response)) refuse(response, 404, "PROVIDER_NOT_FOUND", "Provider not found");
  co_return;
}

awaitable<void> change_password(Service& service, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  auto session = co_await signed_in(service, request, response);
  if (!session) co_return;
  const auto current = needed_text(*body, "currentPassword", response);
  if (!current) co_return;
  const auto fresh = needed_text(*body, "newPassword", response);
  if (!fresh || !password_holds(*fresh, response)) co_return;
  if (current->size() > kLongestPassword) co_return refuse(response, 400, "INVALID_PASSWORD", "Invalid password");
  const bool remember = session->session.remember;
  User user = session->user;
  auto changed = co_await service.change_password(std::move(*session), std::string(*current), std::string(*fresh), flag(*body, "revokeOtherSessions", false),
                                                  std::string(request.address));
  if (!changed) {
    if (changed.error().code == ErrorCode::unauthorized) co_return refuse(response, 400, "INVALID_PASSWORD", "Invalid password");
    co_return refuse(response, changed.error());
  }
  TokenAnswer answer{.token = {}, .user = out(user)};
  if (*changed) {
    answer.token = (*changed)->token;
    response.extra_headers += service.cookies().set_session((*changed)->token, remember);
  }
  rpc::answer_json(response, 200, rpc::to_json(answer));
}

awaitable<void> request_password_reset(Service& service, const rpc::Front& front, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto email_text = needed_text(*body, "email", response);
  if (!email_text) co_return;
  if (const auto redirect = string_member(*body, "redirectTo"); redirect && !is_own(*redirect, front))
    co_return refuse(response, 403, "INVALID_REDIRECTURL", "Invalid redirectURL");
  const auto email = Email::make(*email_text);
  if (!email) co_return refuse(response, 400, "VALIDATION_ERROR", "[body.email] Invalid email address");
  auto asked = co_await service.request_password_reset(*email, std::string(request.address));
  if (!asked) co_return refuse(response, asked.error());
  rpc::answer_json(response, 200, R"({"status":true,"message":"If this email exists in our system, check your email for the reset link"})");
}

/// Where a link of ours leads on: the page asked for, with the token when it opens something.
awaitable<void> follow_reset_link(Service& service, const rpc::Front& front, rpc::RouteRequest request, http::Response& response) {
  if (request.http.method() != "GET" && request.http.method() != "HEAD") {
    response.add("Allow", "GET, HEAD");
    co_return refuse(response, 405, "METHOD_NOT_ALLOWED", "Method not allowed");
  }
  const std::string token(request.http.path().substr(kResetLinks.size()));
  std::string page = rpc::query_parameter(request.http.query(), "callbackURL").value_or("/auth/reset-password");
  if (!is_own(page, front)) co_return refuse(response, 403, "INVALID_CALLBACKURL", "Invalid callbackURL");
  const auto judged = co_await service.judge_reset_token(token);
  if (!judged) co_return refuse(response, judged.error());
  if (page.starts_with('/')) page.insert(0, front.options().base_url);
  page += page.find('?') == std::string::npos ? '?' : '&';
  // A token that is known consists of letters and digits.
  page += *judged == ResetToken::valid ? "token=" + token : std::string("error=INVALID_TOKEN");
  if (!response.add("Location", page)) co_return refuse(response, 403, "INVALID_CALLBACKURL", "Invalid callbackURL");
  rpc::answer_json(response, 302, std::string());
}

awaitable<void> reset_password(Service& service, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto fresh = needed_text(*body, "newPassword", response);
  if (!fresh) co_return;
  const auto token = needed_text(*body, "token", response);
  if (!token || !password_holds(*fresh, response)) co_return;
  auto reset = co_await service.reset_password(std::string(*token), std::string(*fresh), std::string(request.address));
  if (!reset) {
    if (reset.error().code == ErrorCode::not_found) co_return refuse(response, 400, "INVALID_TOKEN", "Invalid token");
    co_return refuse(response, reset.error());
  }
  succeed(response);
}

awaitable<void> list_accounts(Service& service, rpc::RouteRequest request, http::Response& response) {
  const auto session = co_await signed_in(service, request, response);
  if (!session) co_return;
  auto accounts = co_await service.accounts(session->user.id);
  if (!accounts) co_return refuse(response, accounts.error());
  std::vector<AccountOut> list;
  for (auto& account : *accounts)
    list.push_back({.id = std::move(account.id),
                    .provider_id = std::move(account.provider_id),
                    .created_at = account.created_at,
                    .updated_at = account.updated_at,
                    .account_id = std::move(account.account_id),
                    .user_id = session->user.id,
                    .scopes = {}});
  rpc::answer_json(response, 200, rpc::to_json(list));
}

/// A session of the list goes by its id, also where clients look for a token: what they send back to revoke it names it and opens nothing.
awaitable<void> list_sessions(Service& service, rpc::RouteRequest request, http::Response& response) {
  const auto session = co_await signed_in(service, request, response);
  if (!session) co_return;
  auto sessions = co_await service.sessions(session->user.id);
  if (!sessions) co_return refuse(response, sessions.error());
  std::vector<SessionOut> list;
  for (const auto& each : *sessions) list.push_back(out(each, each.id.to_string()));
  rpc::answer_json(response, 200, rpc::to_json(list));
}

awaitable<void> revoke_session(Service& service, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto session = co_await signed_in(service, request, response);
  if (!session) co_return;
  const auto text = needed_text(*body, "token", response);
  if (!text) co_return;
  const auto id = SessionId::parse(*text);
  if (!id) co_return refuse(response, 400, "VALIDATION_ERROR", "[body.token] Invalid input: expected the id of a session");
  auto ended = co_await service.end_session(session->user.id, *id, std::string(request.address));
  if (!ended) co_return refuse(response, ended.error());
  if (*id == session->session.id) response.extra_headers += service.cookies().clear_all();
  succeed(response);
}

awaitable<void> revoke_sessions(Service& service, bool others, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  if (body_of(request, envelope, response, Body::optional) == nullptr) co_return;
  const auto session = co_await signed_in(service, request, response);
  if (!session) co_return;
  auto ended = co_await service.end_sessions(session->user.id, others ? std::optional(session->session.id) : std::nullopt, std::string(request.address));
  if (!ended) co_return refuse(response, ended.error());
  if (!others) response.extra_headers += service.cookies().clear_all();
  succeed(response);
}

awaitable<void> update_user(Service& service, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto session = co_await signed_in(service, request, response);
  if (!session) co_return;
  if (body->contains("email")) co_return refuse(response, 400, "EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated");
  if (!no_picture(*body, response)) co_return;
  if (body->contains("name")) {
    const auto name = needed_text(*body, "name", response);
    if (!name) co_return;
    UpdateCurrentUser input;
    input.name = NameText::make(std::string(*name));
    if (!input.name) co_return refuse(response, 400, "VALIDATION_ERROR", kBadName);
    auto renamed = co_await service.update_profile({.user = session->user.id, .address = std::string(request.address)}, session->session.id, std::move(input));
    if (!renamed && renamed.error().code == ErrorCode::bad_request) co_return refuse(response, 400, "VALIDATION_ERROR", kBadName);
    if (!renamed) co_return refuse(response, renamed.error());
  }
  response.extra_headers += service.cookies().set_session(session->token, session->session.remember);
  succeed(response);
}

// Second factors, under the names of clients' plugin for them.

/// What a handler does with the session and the password that came.
using WithPassword = awaitable<void> (*)(Service&, Current, std::string password, rpc::RouteRequest, http::Response&);

/// Why a second factor did not change.
void refuse_factor(const Error& error, http::Response& response) {
  if (error.code == ErrorCode::unauthorized) return refuse(response, 400, "INVALID_PASSWORD", "Invalid password");
  if (error.code == ErrorCode::not_found) return refuse(response, 400, "TOTP_NOT_ENABLED", "TOTP not enabled");
  if (error.code == ErrorCode::conflict) return refuse(response, 400, "TWO_FACTOR_ALREADY_ENABLED", error.message);
  refuse(response, error);
}

awaitable<void> with_password(Service& service, WithPassword handler, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  auto session = co_await signed_in(service, request, response);
  if (!session) co_return;
  const auto password = needed_text(*body, "password", response);
  if (!password) co_return;
  if (password->size() > kLongestPassword) co_return refuse(response, 400, "INVALID_PASSWORD", "Invalid password");
  co_await handler(service, std::move(*session), std::string(*password), request, response);
}

awaitable<void> enable_factor(Service& service, Current session, std::string password, rpc::RouteRequest request, http::Response& response) {
  auto setup = co_await service.enable_second_factor(std::move(session), std::move(password), std::string(request.address));
  if (!setup) co_return refuse_factor(setup.error(), response);
  rpc::answer_json(response, 200, to_json(SetupAnswer{.totp_uri = std::move(setup->uri), .backup_codes = std::move(setup->recovery_codes)}));
}

awaitable<void> show_factor(Service& service, Current session, std::string password, rpc::RouteRequest request, http::Response& response) {
  auto uri = co_await service.second_factor_uri(std::move(session), std::move(password), std::string(request.address));
  if (!uri) co_return refuse_factor(uri.error(), response);
  std::string json = "{\"totpURI\":";
  rpc::append_json_string(json, *uri);
  rpc::answer_json(response, 200, json + "}");
}

awaitable<void> disable_factor(Service& service, Current session, std::string password, rpc::RouteRequest request, http::Response& response) {
  auto done = co_await service.disable_second_factor(std::move(session), std::move(password), std::string(request.address));
  if (!done) co_return refuse_factor(done.error(), response);
  succeed(response);
}

awaitable<void> renew_codes(Service& service, Current session, std::string password, rpc::RouteRequest request, http::Response& response) {
  auto codes = co_await service.renew_recovery_codes(std::move(session), std::move(password), std::string(request.address));
  if (!codes) co_return refuse_factor(codes.error(), response);
  rpc::answer_json(response, 200, R"({"status":true,"backupCodes":)" + rpc::to_json(*codes) + "}");
}

/// Finishes a sign-in that awaits its second factor; without one, shows the code for the session there is.
awaitable<void> verify_factor(Service& service, FactorCode::Kind kind, rpc::RouteRequest request, http::Response& response) {
  rpc::Envelope envelope;
  const auto* body = body_of(request, envelope, response);
  if (body == nullptr) co_return;
  const auto text = needed_text(*body, "code", response);
  if (!text) co_return;
  if (text->size() > 100) co_return refuse(response, 400, "VALIDATION_ERROR", "[body.code] Too long");
  FactorCode code{.kind = kind, .text = std::string(*text)};
  const bool totp = kind == FactorCode::Kind::totp;
  const auto refuse_code = [&](const Error& error) {
    if (error.code == ErrorCode::unauthorized)
      return refuse(response, 401, totp ? "INVALID_CODE" : "INVALID_BACKUP_CODE", totp ? "Invalid code" : "Invalid backup code");
    if (error.code == ErrorCode::not_found) return refuse(response, 401, "INVALID_TWO_FACTOR_COOKIE", "Invalid two factor cookie");
    refuse(response, error);
  };
  if (service.cookies().challenge(request.credentials.cookie)) {
    auto in = co_await service.finish_sign_in(std::string(request.credentials.cookie), std::move(code), std::string(request.address), agent_of(request));
    if (!in) {
      if (in.error().code == ErrorCode::not_found) response.extra_headers += service.cookies().clear_challenge();
      co_return refuse_code(in.error());
    }
    response.extra_headers += service.cookies().set_session(in->token, in->session.remember) + service.cookies().clear_challenge();
    co_return rpc::answer_json(response, 200, rpc::to_json(TokenAnswer{.token = in->token, .user = out(in->user)}));
  }
  auto session = co_await service.current_session(std::string(request.credentials.cookie));
  if (!session) co_return refuse(response, session.error());
  if (!*session) co_return refuse(response, 401, "INVALID_TWO_FACTOR_COOKIE", "Invalid two factor cookie");
  const Current current = std::move(**session);
  auto done = co_await service.confirm_second_factor(current, std::move(code), std::string(request.address));
  if (!done && done.error().code == ErrorCode::not_found) co_return refuse(response, 400, "TOTP_NOT_ENABLED", "TOTP not enabled");
  if (!done) co_return refuse_code(done.error());
  rpc::answer_json(response, 200, rpc::to_json(TokenAnswer{.token = current.token, .user = out(current.user)}));
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
  for (const char* door : {"/api/auth/sign-in/", "/api/auth/sign-up/", "/api/auth/change-", "/api/auth/request-password-reset", "/api/auth/reset-password", "/api/auth/two-factor/"})
    front.guard(door);
  const auto add = [&front](std::string method, std::string path, auto handler) {
    front.route(std::move(method), "/api/auth/" + std::move(path),
                [handler](rpc::RouteRequest request, http::Response& response) { return uncached(handler(request, response), response); });
  };
  using Request = rpc::RouteRequest;
  using Response = http::Response;
  add("GET", "ok", [](Request, Response& response) { return ok(response); });
  add("GET", "get-session", [&service](Request request, Response& response) { return get_session(service, request, response); });
  add("POST", "sign-in/email", [&service, &front](Request request, Response& response) { return sign_in(service, front, request, response); });
  add("POST", "sign-in/social", [](Request request, Response& response) { return sign_in_social(request, response); });
  add("POST", "sign-up/email", [&service, &front](Request request, Response& response) { return sign_up(service, front, request, response); });
  add("POST", "sign-out", [&service](Request request, Response& response) { return sign_out(service, request, response); });
  add("POST", "change-password", [&service](Request request, Response& response) { return change_password(service, request, response); });
  add("POST", "request-password-reset",
      [&service, &front](Request request, Response& response) { return request_password_reset(service, front, request, response); });
  add("POST", "reset-password", [&service](Request request, Response& response) { return reset_password(service, request, response); });
  front.prefix(std::string(kResetLinks),
               [&service, &front](Request request, Response& response) { return uncached(follow_reset_link(service, front, request, response), response); });
  add("GET", "list-accounts", [&service](Request request, Response& response) { return list_accounts(service, request, response); });
  add("GET", "list-sessions", [&service](Request request, Response& response) { return list_sessions(service, request, response); });
  add("POST", "revoke-session", [&service](Request request, Response& response) { return revoke_session(service, request, response); });
  add("POST", "revoke-sessions", [&service](Request request, Response& response) { return revoke_sessions(service, false, request, response); });
  add("POST", "revoke-other-sessions", [&service](Request request, Response& response) { return revoke_sessions(service, true, request, response); });
  for (const auto& [name, handler] : std::initializer_list<std::pair<const char*, WithPassword>>{
           {"enable", enable_factor}, {"get-totp-uri", show_factor}, {"disable", disable_factor}, {"generate-backup-codes", renew_codes}})
    add("POST", std::string("two-factor/") + name,
        [&service, handler](Request request, Response& response) { return with_password(service, handler, request, response); });
  add("POST", "two-factor/verify-totp",
      [&service](Request request, Response& response) { return verify_factor(service, FactorCode::Kind::totp, request, response); });
  add("POST", "two-factor/verify-backup-code",
      [&service](Request request, Response& response) { return verify_factor(service, FactorCode::Kind::recovery, request, response); });
  add("POST", "update-user", [&service](Request request, Response& response) { return update_user(service, request, response); });
}

}  // namespace watchbell::auth
