#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct WebexAdmin {
  std::optional<Secret<Text<1, 500>>> bot_token;
  std::optional<Url> api_base_url;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(WebexAdmin, (), (bot_token, api_base_url))

struct WebexUser {
  Text<1, 300> person_id;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(WebexUser, (), (person_id))

/// Writes to a person as a bot of Webex.
class Webex final : public HttpChannel<WebexAdmin, WebexUser> {
 public:
  Webex(http::Client& client, const Clock& clock);
  Request request(const Outgoing& outgoing, const WebexAdmin& admin, const WebexUser& user, Timestamp now) const override;
  rules::Verdict judge_answer(const http::ClientResponse& answer, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const WebexUser& user) const override;
  std::string server(const WebexAdmin& admin, const WebexUser& user) const override;
};

}  // namespace watchbell::notification::channels
