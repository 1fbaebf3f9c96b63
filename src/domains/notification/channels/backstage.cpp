#include "domains/notification/channels/backstage.hpp"

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

using boost::json::object;

std::vector<rpc::Hint> BackstageAdmin::hints() {
  return {{.member = "base_url", .label = "Base URL", .help = "Of the backend of Backstage.", .extra = {}},
          {.member = "token", .label = "Token", .help = "Of an external access with the right to send notifications.", .extra = {}},
          {.member = "default_entity_prefix", .label = "Entity prefix", .help = "Put before a user's entity that names no kind.", .extra = {}}};
}
std::vector<rpc::Hint> BackstageUser::hints() {
  return {{.member = "entity_ref", .label = "Entity", .help = "Yours in the catalog, for example `user:default/jane` or only `jane`.", .extra = {}}};
}

Backstage::Backstage(http::Client& client, const Clock& clock)
    : HttpChannel({.strategy_id = "notification-backstage.backstage",
                   .owner_plugin = "notification-backstage",
                   .display_name = "Backstage",
                   .description = "Shows notifications in Backstage",
                   .icon = "LayoutDashboard",
                   .contact = {.type = ContactType::user_config, .field = "entityRef"},
                   .enabled_by_default = false,
                   .destination = {"baseUrl"},
                   .admin_instructions = "The notifications plugin must be installed, and the token be one of `backend.auth.externalAccess`.",
                   .user_instructions = {}},
                  client, clock) {}

std::optional<std::string> Backstage::contact_of(const BackstageUser& user) const {
  return user.entity_ref ? std::optional(user.entity_ref->str()) : std::nullopt;
}
std::string Backstage::server(const BackstageAdmin& admin, const BackstageUser&) const { return admin.base_url ? admin.base_url->str() : std::string(); }

Request Backstage::request(const Outgoing& outgoing, const BackstageAdmin& admin, const BackstageUser& user, Timestamp) const {
  if (!admin.base_url) return std::unexpected("The address of Backstage is missing");
  if (!admin.token) return std::unexpected("The token is missing");
  if (!user.entity_ref) return std::unexpected("The entity is missing");
  const auto& message = outgoing.message;
  std::string entity = user.entity_ref->str();
  if (!entity.contains(':')) entity.insert(0, admin.default_entity_prefix.str());
  object payload{{"title", markdown::literal(markdown::Format::plain, message.title)},
                 {"severity", by_importance(message.importance, "normal", "high", "critical")},
                 {"topic", rpc::enum_text(outgoing.type)}};
  if (auto description = body_of(markdown::Format::plain, message); !description.empty()) payload["description"] = std::move(description);
  if (message.action) payload["link"] = message.action->url;
  auto request = post(joined(admin.base_url->str(), "/api/notifications/notifications"),
                      object{{"recipients", object{{"type", "entity"}, {"entityRef", std::move(entity)}}}, {"payload", std::move(payload)}});
  authorize(request, admin.token->value.str());
  return request;
}

}  // namespace watchbell::notification::channels
