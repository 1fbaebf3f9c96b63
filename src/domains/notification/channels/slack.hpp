#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct SlackAdmin {};
BOOST_DESCRIBE_STRUCT(SlackAdmin, (), ())

struct SlackUser {
  std::optional<Secret<Url>> webhook_url;  ///< whoever knows it may post
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(SlackUser, (), (webhook_url))

/// Posts to an incoming webhook of Slack, in its blocks and mrkdwn.
class Slack final : public HttpChannel<SlackAdmin, SlackUser> {
 public:
  Slack(http::Client& client, const Clock& clock);
  std::vector<Allowance> allowances(std::string_view admin_config, std::string_view user_config) const override;
  Request request(const Outgoing& outgoing, const SlackAdmin& admin, const SlackUser& user, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const SlackUser& user) const override;
  std::string server(const SlackAdmin& admin, const SlackUser& user) const override;
};

}  // namespace watchbell::notification::channels
