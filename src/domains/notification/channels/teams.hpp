#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"
#include "domains/notification/channels/oauth.hpp"

namespace watchbell::notification::channels {

struct TeamsAdmin {
  std::optional<Text<1, 100>> tenant_id;  ///< absent: people of every organisation may connect
  Text<1, 100> client_id;
  std::optional<Secret<Text<1, 500>>> client_secret;
  std::optional<Url> api_base_url;
  std::optional<Url> login_base_url;
  static std::vector<rpc::Hint> hints();
  Result<void> judge() const;
};
BOOST_DESCRIBE_STRUCT(TeamsAdmin, (), (tenant_id, client_id, client_secret, api_base_url, login_base_url))

inline constexpr std::string_view kTeams = "notification-teams.teams";

/// Writes to a user in Microsoft Teams, over Microsoft Graph and in his own name: a chat, which is there already but for the first time, then a message
/// with a card. Loop-only, but for what does not suspend.
class Teams final : public Channel {
 public:
  using AdminConfig = TeamsAdmin;
  using UserConfig = OAuthLink;

  Teams(http::Client& client, const Clock& clock);

  const settings::RecordType& admin_config() const override;
  const settings::RecordType& user_config() const override;
  std::optional<std::string> contact(std::string_view user_config) const override;
  std::vector<std::string> hosts(std::string_view admin_config, std::string_view user_config) const override;
  std::vector<Allowance> allowances(std::string_view admin_config, std::string_view user_config) const override;
  std::optional<oauth::Client> oauth(std::string_view admin_config) const override;
  std::optional<std::string> external_id(const boost::json::object& claims) const override;
  awaitable<rules::Verdict> send(Outgoing outgoing, std::string admin_config, std::string user_config) const override;

  static http::ClientRequest chat_request(const TeamsAdmin& admin, const OAuthLink& user);
  static http::ClientRequest message_request(const Outgoing& outgoing, const TeamsAdmin& admin, const OAuthLink& user, std::string_view chat_id);
  static rules::Verdict judge_answer(const http::ClientResponse& answer, Timestamp now);

 private:
  http::Client& client_;
  const Clock& clock_;
};

}  // namespace watchbell::notification::channels
