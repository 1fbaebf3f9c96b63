#include "domains/notification/channels/oauth.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "domains/notification/channels/http_verdict.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification::channels {

std::vector<rpc::Hint> OAuthLink::hints() {
  return {{.member = "external_id", .label = "Account", .help = "Who you are at the provider.", .extra = {}},
          {.member = "access_token", .label = "Access token", .help = "Made by connecting.", .extra = {}},
          {.member = "refresh_token", .label = "Refresh token", .help = "Made by connecting.", .extra = {}},
          {.member = "expires_at", .label = "Expires", .help = "When the access token ends.", .extra = {}},
          {.member = "linked_at", .label = "Connected", .help = "Since when.", .extra = {}}};
}

std::string clear_json(const OAuthLink& link) {
  boost::json::object object{{"externalId", link.external_id.str()}};
  if (link.access_token) object["accessToken"] = link.access_token->value.str();
  if (link.refresh_token) object["refreshToken"] = link.refresh_token->value.str();
  if (link.expires_at) object["expiresAt"] = link.expires_at->to_iso();
  if (link.linked_at) object["linkedAt"] = link.linked_at->to_iso();
  return boost::json::serialize(object);
}

namespace oauth {

namespace {

/// A token that has less to live is not worth taking along.
constexpr std::chrono::seconds kMargin(60);
/// Clocks differ.
constexpr std::chrono::seconds kSkew(300);
/// Several requests are one try of a delivery, which has to end well before the lease of its job does.
constexpr std::chrono::seconds kTimeout(5);
constexpr std::size_t kAnswerMax = std::size_t{64} * 1024;
constexpr std::size_t kTokenMax = 16'384;
using Token = Text<1, kTokenMax>;

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

using Pairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;
std::string form(Pairs pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(percent_encoded(value));
  }
  return text;
}

http::ClientRequest token_request(const Client& client, std::string body) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = client.token_url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = std::move(body);
  request.connect_timeout = kTimeout;
  request.total_timeout = kTimeout;
  request.max_response_bytes = kAnswerMax;
  request.policy = net::EgressPolicy::channel;
  return request;
}

std::optional<boost::json::object> object_of(std::string_view json) {
  boost::system::error_code error;
  auto value = boost::json::parse(json, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::optional<std::string> text_at(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  if (found == nullptr || !found->is_string() || found->get_string().empty()) return std::nullopt;
  return std::string(found->get_string());
}

/// RFC 6749 A.12 and A.17: visible ASCII, so that it may stand in a header.
std::optional<std::string> token_at(const boost::json::object& object, std::string_view name) {
  auto text = text_at(object, name);
  const bool plain = text && text->size() <= kTokenMax && std::ranges::all_of(*text, [](char c) { return c > 0x20 && c < 0x7f; });
  return plain ? std::move(text) : std::nullopt;
}

std::optional<std::chrono::seconds> seconds_at(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const double seconds = found->to_number<double>();
  constexpr double year = 366.0 * 24 * 3600;
  if (!(seconds >= 0)) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, year)));
}

/// RFC 6749 5.2 and OpenID Connect Core 3.1.2.6: a code of small letters, so that nothing else of a provider gets into what people read.
std::string error_code(const boost::json::object& answer) {
  const auto code = text_at(answer, "error");
  const bool plain = code && code->size() <= 40 && std::ranges::all_of(*code, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return plain ? *code : std::string();
}

bool ends_the_link(std::string_view code) {
  static constexpr std::array<std::string_view, 4> codes{"invalid_grant", "interaction_required", "consent_required", "login_required"};
  return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

std::string authorize_url(const Client& client, const Trip& trip) {
  const auto challenge = crypto::base64url_encode(crypto::sha256(trip.verifier));
  return client.authorize_url + "?" +
         form({{"client_id", client.client_id}, {"response_type", "code"}, {"redirect_uri", trip.redirect_uri}, {"response_mode", "query"}, {"scope", client.scope},
               {"state", trip.state}, {"nonce", trip.nonce}, {"code_challenge", challenge}, {"code_challenge_method", "S256"}});
}

http::ClientRequest code_request(const Client& client, const Trip& trip, std::string_view code) {
  return token_request(client, form({{"grant_type", "authorization_code"}, {"code", code}, {"redirect_uri", trip.redirect_uri}, {"client_id", client.client_id},
                                     {"client_secret", client.client_secret}, {"code_verifier", trip.verifier}}));
}

http::ClientRequest refresh_request(const Client& client, std::string_view refresh_token) {
  return token_request(client, form({{"grant_type", "refresh_token"}, {"refresh_token", refresh_token}, {"client_id", client.client_id},
                                     {"client_secret", client.client_secret}, {"scope", client.scope}}));
}

std::expected<Tokens, Refusal> judge_tokens(const http::ClientResult& result, Timestamp now) {
  if (!result) return std::unexpected(Refusal{.reason = "the sign-in service could not be asked: " + result.error().message, .retry_after = {}});
  const auto answer = object_of(result->body);
  if (result->status == 200 && answer) {
    if (auto access = token_at(*answer, "access_token"))
      return Tokens{.access_token = std::move(*access),
                    .refresh_token = token_at(*answer, "refresh_token"),
                    .expires_in = seconds_at(*answer, "expires_in"),
                    .id_token = text_at(*answer, "id_token")};
  }
  const auto code = answer ? error_code(*answer) : std::string();
  Refusal refusal{.reason = fmt::format("the sign-in service answered {}", result->status), .retry_after = judge(*result, now).retry_after};
  if (!code.empty()) refusal.reason += " " + code;
  refusal.ended = (result->status == 400 || result->status == 401) && ends_the_link(code);
  return std::unexpected(std::move(refusal));
}

std::optional<boost::json::object> claims_of(std::string_view id_token, std::string_view client_id, std::string_view nonce, Timestamp now) {
  const auto first = id_token.find('.');
  const auto second = first == std::string_view::npos ? first : id_token.find('.', first + 1);
  if (second == std::string_view::npos || id_token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  const auto payload = crypto::base64url_decode(id_token.substr(first + 1, second - first - 1));
  auto claims = payload ? object_of(*payload) : std::nullopt;
  if (!claims || text_at(*claims, "aud") != client_id) return std::nullopt;
  const auto said = text_at(*claims, "nonce");
  if (!said || !constant_time_equal(*said, nonce)) return std::nullopt;
  const auto* expires = claims->if_contains("exp");
  if (expires == nullptr || !expires->is_number() || expires->to_number<double>() + static_cast<double>(kSkew.count()) < static_cast<double>(now.seconds()))
    return std::nullopt;
  return claims;
}

OAuthLink link_of(const Tokens& tokens, std::string external_id, Timestamp now, const OAuthLink* before) {
  OAuthLink link;
  link.external_id = Text<1, 300>::of(std::move(external_id));
  link.access_token = {Token::of(tokens.access_token)};
  link.linked_at = now;
  if (before != nullptr) {
    link.refresh_token = before->refresh_token;
    link.linked_at = before->linked_at;
  }
  if (tokens.refresh_token) link.refresh_token = {Token::of(*tokens.refresh_token)};
  if (tokens.expires_in) link.expires_at = now + *tokens.expires_in;
  return link;
}

bool over(const OAuthLink& link, Timestamp now) noexcept { return !link.access_token || (link.expires_at && now + kMargin >= *link.expires_at); }

std::string with_parameter(std::string_view path, std::string_view name, std::string_view value) {
  std::string text(path);
  text += path.find('?') == std::string_view::npos ? '?' : '&';
  return text.append(name).append("=").append(percent_encoded(value));
}

}  // namespace oauth
}  // namespace watchbell::notification::channels
