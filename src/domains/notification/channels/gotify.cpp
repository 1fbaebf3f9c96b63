#include "domains/notification/channels/gotify.hpp"

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

using boost::json::object;

std::vector<rpc::Hint> GotifyAdmin::hints() { return {{.member = "server_url", .label = "Server URL", .help = "Of your Gotify server. Another one forgets the tokens that users gave for this one.", .extra = {}}}; }
std::vector<rpc::Hint> GotifyUser::hints() {
  return {{.member = "app_token", .label = "Application token", .help = "Of an application you made in Gotify.", .extra = {}}};
}

Gotify::Gotify(http::Client& client, const Clock& clock)
    : HttpChannel({.strategy_id = "notification-gotify.gotify",
                   .owner_plugin = "notification-gotify",
                   .display_name = "Gotify",
                   .description = "Pushes notifications over a Gotify server",
                   .icon = "Bell",
                   .contact = {.type = ContactType::user_config, .field = "appToken"},
                   .enabled_by_default = false,
                   .user_destination = {"serverUrl"},
                   .admin_instructions = "Every user makes an application of his own on this server.",
                   .user_instructions = "In Gotify open *Apps*, create an application and paste its token here."},
                  client, clock) {}

std::optional<std::string> Gotify::contact_of(const GotifyUser& user) const {
  return user.app_token ? std::optional(user.app_token->value.str()) : std::nullopt;
}
std::string Gotify::server(const GotifyAdmin& admin, const GotifyUser&) const { return admin.server_url.str(); }

Request Gotify::request(const Outgoing& outgoing, const GotifyAdmin& admin, const GotifyUser& user, Timestamp) const {
  if (!user.app_token) return std::unexpected("The application token is missing");
  const auto& message = outgoing.message;
  const auto title = markdown::literal(markdown::Format::plain, message.title);
  const auto body = body_of(markdown::Format::plain, message);
  object content{{"title", title}, {"message", body.empty() ? title : body}, {"priority", by_importance(message.importance, 5, 7, 10)}};
  if (message.action) content["extras"] = object{{"client::notification", object{{"click", object{{"url", message.action->url}}}}}};
  auto request = post(joined(admin.server_url.str(), "/message"), content);
  // Not in the query: that is what logs of proxies keep.
  request.headers.emplace_back("X-Gotify-Key", user.app_token->value.str());
  return request;
}

}  // namespace watchbell::notification::channels
