#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct DiscordAdmin {};
BOOST_DESCRIBE_STRUCT(DiscordAdmin, (), ())

struct DiscordUser {
  std::optional<Secret<Url>> webhook_url;  ///< whoever knows it may post
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(DiscordUser, (), (webhook_url))

/// Posts to a webhook of Discord, as an embed.
class Discord final : public HttpChannel<DiscordAdmin, DiscordUser> {
 public:
  Discord(http::Client& client, const Clock& clock);
  std::vector<Allowance> allowances(std::string_view admin_config, std::string_view user_config) const override;
  Request request(const Outgoing& outgoing, const DiscordAdmin& admin, const DiscordUser& user, Timestamp now) const override;
  rules::Verdict judge_answer(const http::ClientResponse& answer, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const DiscordUser& user) const override;
  std::string server(const DiscordAdmin& admin, const DiscordUser& user) const override;
};

}  // namespace watchbell::notification::channels
