#pragma once

#include "base/bounded.hpp"
#include "base/clock.hpp"
#include "domains/notification/channels/channel.hpp"

namespace watchbell::http {
class Client;
struct ClientRequest;
}

namespace watchbell::notification::channels {

/// Posts to a URL of the user's, signed when he gave a secret. The body is a public contract: members are added without a new version, never changed.
/// Loop-only, but for what does not suspend.
class Webhook final : public Channel {
 public:
  struct AdminConfig {
    Integer<1, 60> timeout_seconds = 10;
    static std::vector<rpc::Hint> hints();
  };
  struct UserConfig {
    Url url;
    std::optional<Secret<Text<1, 500>>> signing_secret;
    static std::vector<rpc::Hint> hints();
  };

  Webhook(http::Client& client, const Clock& clock);

  const settings::RecordType& admin_config() const override;
  const settings::RecordType& user_config() const override;
  std::optional<std::string> contact(std::string_view user_config) const override;
  std::string host(std::string_view admin_config, std::string_view user_config) const override;
  awaitable<rules::Verdict> send(Outgoing outgoing, std::string admin_config, std::string user_config) const override;

  /// The request of one try at `now`.
  static http::ClientRequest request(const Outgoing& outgoing, const AdminConfig& admin, const UserConfig& user, Timestamp now);

 private:
  http::Client& client_;
  const Clock& clock_;
};
BOOST_DESCRIBE_STRUCT(Webhook::AdminConfig, (), (timeout_seconds))
BOOST_DESCRIBE_STRUCT(Webhook::UserConfig, (), (url, signing_secret))

}  // namespace watchbell::notification::channels
