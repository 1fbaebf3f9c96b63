#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "async/event.hpp"
#include "domains/notification/channel_settings.hpp"
#include "platform/crypto/keyring.hpp"
#include "runtime/rpc/front.hpp"

namespace watchbell::notification {

/// A user's settings of a linked channel as a send may use them; or why there is no sending.
struct Renewed {
  std::string user_config;
  std::optional<rules::Verdict> failed;
};

/// Connects users' accounts at the providers of channels (OAuth, see channels/oauth.hpp), and keeps the tokens that came of it usable.
///
/// What the provider carries back and forth ("state") is a random id with a MAC over it, its user, his session and the channel, so that nobody else, and no
/// other session of his, can end what he began; its digest is a row, taken away by the first who brings it back, within ten minutes. The verifier of PKCE and
/// the nonce are derived from the id by a key of the server's and stored nowhere. Loop-only.
class OAuthLinks {
 public:
  static constexpr std::string_view kPath = "/api/notification/oauth/";
  static constexpr std::chrono::minutes kTripLife{10};
  /// Where a browser goes that says nothing of where it came from.
  static constexpr std::string_view kSettingsPage = "/notification/settings";

  /// @param base_url  no trailing slash; what the provider sends browsers back to begins so
  OAuthLinks(sql::Database& database, Changes& changes, const ChannelSettings& channels, http::Client& client, access::Identity& identity,
             const crypto::Keyring& keyring, const Clock& clock, Executor executor, std::string base_url);

  /// Where the browser of a session is to go. ErrorCode::not_found for an unknown strategy; ErrorCode::bad_request for one that is not linked, not set up or
  /// switched off, and for a return path that leads elsewhere; ErrorCode::forbidden without a session.
  awaitable<Result<OAuthUrl>> start(access::PrincipalPtr principal, GetOAuthUrl input);

  /// GET below kPath: `<strategy>/callback`, where providers send browsers back to. Ends in a redirect to the page the user came from, with
  /// `linked=<strategy>` or `error=<session|state|expired|denied|provider|unavailable>`.
  void mount(rpc::Front& front);
  awaitable<void> visit(rpc::RouteRequest request, http::Response& response);

  /// The settings with a token that has not ended; with another token when `refused`. All who ask for one link at a time share one refresh; of several
  /// processes one does it, and the others are told to come again a little later. A refresh that
  /// the provider refuses forgets the link and has its user told.
  /// @param used  the settings as they were read
  awaitable<Renewed> renew(const channels::Channel& channel, UserId user, std::string admin_config, std::string used, bool refused);

 private:
  struct Parameters;
  struct Flight;
  struct Mac;
  awaitable<std::string> finish(const channels::Channel& channel, access::PrincipalPtr principal, Parameters given);
  /// Whether it went well; what did not is logged.
  awaitable<Result<bool>> exchange(const channels::Channel& channel, UserId user, std::string state_id, std::string admin_config, std::string code);
  awaitable<Renewed> refresh(const channels::Channel& channel, UserId user, std::string admin_config, std::string used);
  awaitable<Renewed> refresh_alone(const channels::Channel& channel, UserId user, std::string admin_config, std::string used);
  awaitable<Result<void>> keep(const channels::Channel& channel, UserId user, std::string before, std::string after);
  awaitable<Result<void>> lapse(const channels::Channel& channel, UserId user, std::string before);
  std::string derived(std::string_view purpose, std::string_view text) const;
  std::string mac(std::string_view state_id, const access::Principal& principal, std::string_view strategy_id) const;
  channels::oauth::Trip trip_of(std::string_view state_id, std::string state, const channels::Channel& channel) const;

  sql::Database& database_;
  Changes& changes_;
  const ChannelSettings& channels_;
  http::Client& client_;
  access::Identity& identity_;
  std::string key_;
  const Clock& clock_;
  Executor executor_;
  std::string base_url_;
  std::map<std::pair<UserId, std::string>, std::shared_ptr<Flight>> flights_;
};

}  // namespace watchbell::notification
