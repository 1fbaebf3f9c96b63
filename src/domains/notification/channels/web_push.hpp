#pragma once

#include <string>
#include <vector>

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"
#include "domains/notification/channels/web_push_protocol.hpp"

namespace watchbell::notification::channels {

struct WebPushAdmin {
  std::optional<Secret<Text<1, 64>>> private_key;  ///< base64url; made at first use
  std::optional<Text<1, 200>> contact;
  static std::vector<rpc::Hint> hints();
  Result<void> judge() const;
};
BOOST_DESCRIBE_STRUCT(WebPushAdmin, (), (private_key, contact))

/// One browser of a user, as it subscribed.
struct PushDevice {
  Text<1, 64> id;        ///< web_push_device_id() of the endpoint
  Secret<Url> endpoint;  ///< whoever knows it may send
  Secret<Text<1, 200>> p256dh;
  Secret<Text<1, 100>> auth;
};
BOOST_DESCRIBE_STRUCT(PushDevice, (), (id, endpoint, p256dh, auth))

inline constexpr std::size_t kPushDevices = 10;
using PushDevices = List<PushDevice, 0, kPushDevices>;

struct WebPushUser {
  PushDevices devices;  ///< oldest first
  static std::vector<rpc::Hint> hints();
  Result<void> judge() const;
};
BOOST_DESCRIBE_STRUCT(WebPushUser, (), (devices))

inline constexpr std::string_view kWebPush = "notification-webpush.webpush";

/// The settings with their secrets, as they are written.
std::string clear_json(const WebPushUser& user);
/// Names a subscription without telling of it: base64url of SHA-256.
std::string web_push_device_id(std::string_view endpoint);
/// The server's keys; nothing before their first use.
std::optional<crypto::P256Keys> web_push_keys(const WebPushAdmin& admin);

/// Pushes to the browsers of a user, one encrypted request each, one after the other. Browsers that have taken a message in an earlier try get it no
/// second time; those whose subscription has ended (404, 410) are targets that ended. Loop-only, but for what does not suspend.
class WebPush final : public Channel {
 public:
  using AdminConfig = WebPushAdmin;
  using UserConfig = WebPushUser;

  /// @param base_url  where this server is reached: what push services are told of the sender, unless an administrator says something else
  WebPush(http::Client& client, const Clock& clock, std::string base_url);

  const settings::RecordType& admin_config() const override;
  const settings::RecordType& user_config() const override;
  std::optional<std::string> contact(std::string_view user_config) const override;
  std::vector<std::string> hosts(std::string_view admin_config, std::string_view user_config) const override;
  awaitable<rules::Verdict> send(Outgoing outgoing, std::string admin_config, std::string user_config) const override;
  std::string without(std::string_view user_config, const std::vector<std::string>& targets) const override;

  /// What the browser decrypts: JSON of at most web_push::kPlaintextMax bytes, which the service worker reads.
  static std::string payload(const Outgoing& outgoing);
  /// The request to one browser; or what is wrong with its subscription.
  Request request(const Outgoing& outgoing, const std::string& payload, const WebPushAdmin& admin, const PushDevice& device, Timestamp now) const;

 private:
  http::Client& client_;
  const Clock& clock_;
  std::string base_url_;
};

}  // namespace watchbell::notification::channels
