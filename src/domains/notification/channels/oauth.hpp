#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/bounded.hpp"
#include "base/timestamp.hpp"
#include "domains/notification/rules.hpp"
#include "platform/http_client/client.hpp"
#include "runtime/rpc/codec.hpp"

/// How users give a channel leave to act for them at its provider: OAuth 2.0 authorization codes (RFC 6749 4.1) with PKCE (RFC 7636, S256), and an id
/// token of OpenID Connect Core 1.0 that says who they are there. Pure functions; who comes and goes is OAuthLinks.
namespace watchbell::notification::channels {

/// A user's settings of a channel that is linked: who he is at the provider, and what lets us act for him. Written by us alone.
struct OAuthLink {
  Text<1, 300> external_id;
  std::optional<Secret<Text<1, 16'384>>> access_token;
  std::optional<Secret<Text<1, 16'384>>> refresh_token;
  std::optional<Timestamp> expires_at;  ///< of the access token, when the provider says so
  std::optional<Timestamp> linked_at;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(OAuthLink, (), (external_id, access_token, refresh_token, expires_at, linked_at))

/// The settings with their secrets, as they are written.
std::string clear_json(const OAuthLink& link);

namespace oauth {

/// An administrator's registration of this server at the provider.
struct Client {
  std::string authorize_url;
  std::string token_url;
  std::string client_id;
  std::string client_secret;
  std::string scope;  ///< separated by blanks
};

/// One user's way to the provider and back.
struct Trip {
  std::string state;
  std::string nonce;     ///< comes back in the id token
  std::string verifier;  ///< of PKCE; the provider sees its digest first, and itself with the code
  std::string redirect_uri;
};

/// Where the user's browser is sent.
std::string authorize_url(const Client& client, const Trip& trip);
http::ClientRequest code_request(const Client& client, const Trip& trip, std::string_view code);
http::ClientRequest refresh_request(const Client& client, std::string_view refresh_token);

/// What a token endpoint gave.
struct Tokens {
  std::string access_token;
  std::optional<std::string> refresh_token;
  std::optional<std::chrono::seconds> expires_in;
  std::optional<std::string> id_token;
};
struct Refusal {
  bool ended = false;  ///< the user has to connect again: trying once more cannot help
  std::string reason;  ///< for a person; never what the provider wrote but for its error code
  std::optional<std::chrono::seconds> retry_after;
};
/// RFC 6749 5.1 and 5.2. A client the provider does not take is no reason to connect again: an administrator mends that.
std::expected<Tokens, Refusal> judge_tokens(const http::ClientResult& result, Timestamp now);

/// The claims of an id token that came straight from the token endpoint over TLS, which stands for its signature (OpenID Connect Core 3.1.3.7, 6):
/// for this client, for this trip, not expired. Nothing otherwise.
std::optional<boost::json::object> claims_of(std::string_view id_token, std::string_view client_id, std::string_view nonce, Timestamp now);

/// The link that tokens make, as judge_tokens() gave them. REQUIRES an external id of 1 to 300 plain characters. `before` is what they refresh, whose refresh token stays unless there is a new one (RFC 6749 6).
OAuthLink link_of(const Tokens& tokens, std::string external_id, Timestamp now, const OAuthLink* before = nullptr);
/// Whether the access token has ended, or will before it has been of use.
bool over(const OAuthLink& link, Timestamp now) noexcept;

/// Where a browser goes back to: the path of this site with a parameter added.
std::string with_parameter(std::string_view path, std::string_view name, std::string_view value);

}  // namespace oauth
}  // namespace watchbell::notification::channels
