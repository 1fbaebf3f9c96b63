#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct WebhookAdmin {
  Integer<1, 60> timeout_seconds = 10;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(WebhookAdmin, (), (timeout_seconds))

struct WebhookUser {
  using Secret = watchbell::Secret<Text<1, 500>>;
  Url url;
  std::optional<Secret> signing_secret;
  std::optional<Secret> previous_signing_secret;  ///< while receivers learn the other one
  static std::vector<rpc::Hint> hints();
  Result<void> judge() const;
};
BOOST_DESCRIBE_STRUCT(WebhookUser, (), (url, signing_secret, previous_signing_secret))

/// Posts to a URL of the user's, signed when he gave a secret. The body is a public contract: members are added without a new version, never changed.
/// Loop-only, but for what does not suspend.
class Webhook final : public HttpChannel<WebhookAdmin, WebhookUser> {
 public:
  Webhook(http::Client& client, const Clock& clock);
  Request request(const Outgoing& outgoing, const WebhookAdmin& admin, const WebhookUser& user, Timestamp now) const override;
  /// 410 says that the receiver wants no more.
  rules::Verdict judge_answer(const http::ClientResponse& answer, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const WebhookUser& user) const override;
  std::string server(const WebhookAdmin& admin, const WebhookUser& user) const override;
};

}  // namespace watchbell::notification::channels
