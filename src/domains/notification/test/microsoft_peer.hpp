#pragma once

#include <map>
#include <set>

#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/http_client/test/sink.hpp"
#include "runtime/rpc/query_string.hpp"

#include <boost/json.hpp>

namespace watchbell::notification::test {

/// What channel Teams talks to, on loopback: the token endpoint of the Microsoft identity platform and the two calls of Microsoft Graph, as their public
/// documentation has them (learn.microsoft.com: identity-platform/v2-oauth2-auth-code-flow, identity-platform/id-token-claims-reference, graph/api/chat-post,
/// graph/api/chatmessage-post, graph/errors). Refresh tokens are good once.
class MicrosoftPeer {
 public:
  using Parameters = std::map<std::string, std::string>;

  explicit MicrosoftPeer(Executor executor, const Clock& clock) : clock_(clock), sink(executor, [this](const http::test::SinkRequest& request) { return answer(request); }) { sink.start(); }

  std::string base() const { return sink.url(""); }
  std::string admin_config() const {
    return R"({"tenantId":"contoso","clientId":"app-1","clientSecret":"S3CRET","apiBaseUrl":")" + base() + R"(","loginBaseUrl":")" + base() + "\"}";
  }

  /// What a browser does at the authorize page when its user agrees; answers the query it is sent back with.
  std::string agree(const std::string& url) {
    const auto asked = parameters(url.substr(url.find('?') + 1));
    EXPECT_EQ(url.substr(0, url.find('?')), base() + "/contoso/oauth2/v2.0/authorize");
    EXPECT_EQ(asked.at("response_type"), "code");
    EXPECT_EQ(asked.at("code_challenge_method"), "S256");
    EXPECT_EQ(asked.at("client_id"), "app-1");
    const std::string code = "code-" + std::to_string(++made_);
    codes_[code] = asked;
    return "code=" + code + "&state=" + asked.at("state") + "&session_state=x";
  }
  /// The same as an attacker's: a code of his own account, for a verifier he knows.
  std::string code_for_challenge(std::string challenge, std::string redirect_uri) {
    const std::string code = "code-" + std::to_string(++made_);
    codes_[code] = {{"code_challenge", std::move(challenge)}, {"redirect_uri", std::move(redirect_uri)}, {"nonce", "n"}};
    return code;
  }

  static Parameters parameters(std::string_view query) {
    Parameters all;
    rpc::for_each_parameter(query, [&all](const std::string& name, std::string value) { all[name] = std::move(value); });
    return all;
  }
  std::size_t asked(std::string_view path) const {
    return static_cast<std::size_t>(std::ranges::count_if(sink.seen, [&](const auto& request) { return request.first_line() == "POST " + std::string(path) + " HTTP/1.1"; }));
  }
  std::size_t token_requests() const { return asked("/contoso/oauth2/v2.0/token"); }
  std::vector<Parameters> messages_as;  ///< "token" and "body" of every message that was taken

  std::string oid = "11111111-2222-3333-4444-555555555555";
  std::string nonce_instead;      ///< of what came with the code
  std::string audience = "app-1";
  int expires_in = 3600;
  bool rotate = true;
  int token_status = 0;           ///< instead of an answer
  std::string token_error;
  bool refuse_next = false;       ///< Graph does not take the access token that is given next
  std::set<std::string> revoked;  ///< access tokens that Graph no longer takes
  int graph_status = 0;           ///< instead of an answer to a message
  std::string graph_headers;
  std::string live_refresh;
  std::function<void()> on_token;  ///< before the token endpoint answers

 private:
  using Reply = http::test::SinkReply;
  static Reply say(int status, const boost::json::value& body, std::string_view more = {}) {
    const std::string text = boost::json::serialize(body);
    return {fmt::format("HTTP/1.1 {} X\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}", status, more, text.size(), text), Reply::Then::keep};
  }
  static Reply oauth_error(int status, std::string_view code) {
    return say(status, boost::json::object{{"error", code}, {"error_description", "AADSTS70000: <script>no</script> do this:\nat once"}, {"error_codes", boost::json::array{70000}}});
  }
  Reply answer(const http::test::SinkRequest& request) {
    if (request.first_line() == "POST /contoso/oauth2/v2.0/token HTTP/1.1") return token(request);
    return graph(request);
  }
  Reply token(const http::test::SinkRequest& request) {
    if (on_token) on_token();
    if (token_status != 0) return token_error.empty() ? say(token_status, boost::json::object()) : oauth_error(token_status, token_error);
    auto said = parameters(request.body);
    if (ascii_lower(request.head).find("content-type: application/x-www-form-urlencoded") == std::string::npos) return oauth_error(400, "invalid_request");
    if (said["client_id"] != "app-1" || said["client_secret"] != "S3CRET") return oauth_error(401, "invalid_client");
    std::string nonce;
    if (said["grant_type"] == "authorization_code") {
      const auto found = codes_.find(said["code"]);
      if (found == codes_.end()) return oauth_error(400, "invalid_grant");
      const auto begun = found->second;
      codes_.erase(found);
      if (said["redirect_uri"] != begun.at("redirect_uri")) return oauth_error(400, "invalid_grant");
      if (crypto::base64url_encode(crypto::sha256(said["code_verifier"])) != begun.at("code_challenge")) return oauth_error(400, "invalid_grant");
      nonce = begun.at("nonce");
    } else if (said["grant_type"] == "refresh_token") {
      if (said["refresh_token"] != live_refresh) return oauth_error(400, "invalid_grant");
    } else {
      return oauth_error(400, "unsupported_grant_type");
    }
    const std::string n = std::to_string(++made_);
    boost::json::object given{{"token_type", "Bearer"}, {"scope", "User.Read Chat.ReadWrite"}, {"expires_in", expires_in}, {"access_token", "access-" + n}};
    live_access_ = "access-" + n;
    if (std::exchange(refuse_next, false)) revoked.insert(live_access_);
    if (rotate || live_refresh.empty()) {
      live_refresh = "refresh-" + n;
      given["refresh_token"] = live_refresh;
    }
    const auto part = [](const boost::json::value& value) { return crypto::base64url_encode(boost::json::serialize(value)); };
    given["id_token"] = part(boost::json::object{{"alg", "RS256"}, {"typ", "JWT"}}) + "." +
                        part(boost::json::object{{"aud", audience}, {"exp", clock_.now().seconds() + 3600}, {"oid", oid}, {"sub", "s"},
                                                 {"nonce", nonce_instead.empty() ? nonce : nonce_instead}}) +
                        ".c2lnbmF0dXJl";
    return say(200, given);
  }
  Reply graph(const http::test::SinkRequest& request) {
    const auto bearer = request.head.find("Authorization: Bearer ");
    const auto token = bearer == std::string::npos ? std::string() : request.head.substr(bearer + 22, request.head.find("\r\n", bearer) - bearer - 22);
    if (token != live_access_ || revoked.contains(token))
      return say(401, boost::json::object{{"error", boost::json::object{{"code", "InvalidAuthenticationToken"}, {"message", "Access token has expired."}}}});
    if (request.first_line() == "POST /v1.0/chats HTTP/1.1") return say(201, boost::json::object{{"id", "19:a_b@unq.gbl.spaces"}, {"chatType", "oneOnOne"}});
    if (request.first_line() != "POST /v1.0/chats/19:a_b@unq.gbl.spaces/messages HTTP/1.1") return say(404, boost::json::object());
    if (graph_status != 0)
      return say(graph_status, boost::json::object{{"error", boost::json::object{{"code", "Forbidden"}, {"message", "Missing scope permissions."}}}}, graph_headers);
    messages_as.push_back({{"token", token}, {"body", request.body}});
    return say(201, boost::json::object{{"id", "1616990032035"}});
  }

  const Clock& clock_;
  int made_ = 0;
  std::map<std::string, Parameters> codes_;
  std::string live_access_;

 public:
  http::test::Sink sink;  // last: its answers use the rest
};

}  // namespace watchbell::notification::test
