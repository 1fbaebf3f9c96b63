#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct PushoverAdmin {
  std::optional<Secret<Text<1, 100>>> api_token;
  std::optional<Url> api_base_url;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(PushoverAdmin, (), (api_token, api_base_url))

struct PushoverUser {
  std::optional<Secret<Text<1, 100>>> user_key;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(PushoverUser, (), (user_key))

/// Pushes over Pushover; what is critical repeats there until it is acknowledged, for an hour.
class Pushover final : public HttpChannel<PushoverAdmin, PushoverUser> {
 public:
  Pushover(http::Client& client, const Clock& clock);
  Request request(const Outgoing& outgoing, const PushoverAdmin& admin, const PushoverUser& user, Timestamp now) const override;
  rules::Verdict judge_answer(const http::ClientResponse& answer, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const PushoverUser& user) const override;
  std::string server(const PushoverAdmin& admin, const PushoverUser& user) const override;
};

}  // namespace watchbell::notification::channels
