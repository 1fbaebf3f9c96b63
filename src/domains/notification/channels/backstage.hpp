#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct BackstageAdmin {
  std::optional<Url> base_url;
  std::optional<Secret<Text<1, 2000>>> token;
  Text<0, 200> default_entity_prefix = Text<0, 200>::of("user:default/");
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(BackstageAdmin, (), (base_url, token, default_entity_prefix))

struct BackstageUser {
  std::optional<Text<1, 300>> entity_ref;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(BackstageUser, (), (entity_ref))

/// Hands notifications to Backstage, for an entity of its catalog.
class Backstage final : public HttpChannel<BackstageAdmin, BackstageUser> {
 public:
  Backstage(http::Client& client, const Clock& clock);
  Request request(const Outgoing& outgoing, const BackstageAdmin& admin, const BackstageUser& user, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const BackstageUser& user) const override;
  std::string server(const BackstageAdmin& admin, const BackstageUser& user) const override;
};

}  // namespace watchbell::notification::channels
