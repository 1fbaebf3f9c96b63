#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct NtfyAdmin {
  Url server_url = *Url::make("https://ntfy.sh");
  std::optional<Secret<Text<1, 200>>> token;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(NtfyAdmin, (), (server_url, token))

struct NtfyUser {
  Text<1, 64> topic;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(NtfyUser, (), (topic))

/// Publishes to a topic of ntfy.
class Ntfy final : public HttpChannel<NtfyAdmin, NtfyUser> {
 public:
  Ntfy(http::Client& client, const Clock& clock);
  std::vector<Allowance> allowances(std::string_view admin_config, std::string_view user_config) const override;
  Request request(const Outgoing& outgoing, const NtfyAdmin& admin, const NtfyUser& user, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const NtfyUser& user) const override;
  std::string server(const NtfyAdmin& admin, const NtfyUser& user) const override;
};

}  // namespace watchbell::notification::channels
