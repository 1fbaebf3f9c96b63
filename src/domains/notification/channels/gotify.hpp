#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct GotifyAdmin {
  Url server_url;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(GotifyAdmin, (), (server_url))

struct GotifyUser {
  std::optional<Secret<Text<1, 200>>> app_token;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(GotifyUser, (), (app_token))

/// Pushes over a Gotify server of the administrator's, by an application of the user's.
class Gotify final : public HttpChannel<GotifyAdmin, GotifyUser> {
 public:
  Gotify(http::Client& client, const Clock& clock);
  Request request(const Outgoing& outgoing, const GotifyAdmin& admin, const GotifyUser& user, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const GotifyUser& user) const override;
  std::string server(const GotifyAdmin& admin, const GotifyUser& user) const override;
};

}  // namespace watchbell::notification::channels
