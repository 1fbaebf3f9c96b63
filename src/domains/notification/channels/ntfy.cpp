#include "domains/notification/channels/ntfy.hpp"

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using boost::json::array;
using boost::json::object;
using markdown::Format;
using Unit = markdown::Limit::Unit;

// docs.ntfy.sh/publish, "Limitations": a longer message becomes an attachment, or is refused.
constexpr std::size_t kMessageMax = 4096;

// docs.ntfy.sh/publish, "Limitations": 60 requests at once, then one each 5 s. Servers of other people have limits of their own, and so has an account.
constexpr std::string_view kPublicServer = "ntfy.sh";
constexpr limits::Rate kPerVisitor{.every = std::chrono::seconds(5), .burst = 60};

}  // namespace

std::vector<rpc::Hint> NtfyAdmin::hints() {
  return {{.member = "server_url", .label = "Server URL", .help = "Of the ntfy server.", .extra = {}},
          {.member = "token", .label = "Access token", .help = "Only for a server that asks for one.", .extra = {}}};
}
std::vector<rpc::Hint> NtfyUser::hints() {
  return {{.member = "topic", .label = "Topic", .help = "Whoever knows it can read along on a public server: choose one that cannot be guessed.", .extra = {}}};
}

Ntfy::Ntfy(http::Client& client, const Clock& clock)
    : HttpChannel({.strategy_id = "notification-ntfy.ntfy",
                   .owner_plugin = "notification-ntfy",
                   .display_name = "ntfy",
                   .description = "Pushes notifications to a topic of ntfy",
                   .icon = "Megaphone",
                   .contact = {.type = ContactType::user_config, .field = "topic"},
                   .enabled_by_default = false,
                   .destination = {"serverUrl"},
                   .admin_instructions = {},
                   .user_instructions = "Subscribe to a topic in the ntfy app and name it here."},
                  client, clock) {}

std::optional<std::string> Ntfy::contact_of(const NtfyUser& user) const { return user.topic.is_set() ? std::optional(user.topic.str()) : std::nullopt; }
std::string Ntfy::server(const NtfyAdmin& admin, const NtfyUser&) const { return admin.server_url.str(); }

std::vector<Allowance> Ntfy::allowances(std::string_view admin_config, std::string_view) const {
  const auto admin = read<NtfyAdmin>(admin_config);
  if (admin.token || rules::host_of(admin.server_url.str()) != kPublicServer) return {};
  return {{.of = std::string(kPublicServer), .rate = kPerVisitor}};
}

Request Ntfy::request(const Outgoing& outgoing, const NtfyAdmin& admin, const NtfyUser& user, Timestamp) const {
  const auto& message = outgoing.message;
  const auto body = body_of(Format::plain, message, {.max = kMessageMax, .unit = Unit::bytes});
  const auto* tag = by_importance(message.importance, "information_source", "warning", "rotating_light");
  object content{{"topic", user.topic.str()},
                 {"title", markdown::literal(Format::plain, message.title)},
                 {"message", body.empty() ? markdown::literal(Format::plain, message.title) : body},
                 {"priority", by_importance(message.importance, 3, 4, 5)},
                 {"tags", array{tag}}};
  if (message.action) {
    const object view{{"action", "view"}, {"label", markdown::literal(Format::plain, message.action->label)}, {"url", message.action->url}};
    content["click"] = message.action->url;
    content["actions"] = array{view};
  }
  auto request = post(joined(admin.server_url.str(), "/"), content);
  if (admin.token) authorize(request, admin.token->value.str());
  return request;
}

}  // namespace watchbell::notification::channels
