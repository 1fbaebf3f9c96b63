#include "domains/notification/channels/webex.hpp"

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using boost::json::object;
using markdown::Format;
using Unit = markdown::Limit::Unit;

// developer.webex.com, Create a Message: up to 7,439 bytes.
constexpr std::size_t kMarkdownMax = 7439;
constexpr std::size_t kTitleMax = 1500;
constexpr std::size_t kLinkMax = 5000;

}  // namespace

std::vector<rpc::Hint> WebexAdmin::hints() {
  return {{.member = "bot_token", .label = "Bot token", .help = "The access token of a bot.", .extra = {}},
          {.member = "api_base_url", .label = "API address", .help = "Only when requests go through a gateway of your own.", .extra = {}}};
}
std::vector<rpc::Hint> WebexUser::hints() { return {{.member = "person_id", .label = "Person id", .help = "Your id at Webex.", .extra = {}}}; }

Webex::Webex(http::Client& client, const Clock& clock)
    : HttpChannel({.strategy_id = "notification-webex.webex",
                   .owner_plugin = "notification-webex",
                   .display_name = "Webex",
                   .description = "Writes notifications to you as a bot of Webex",
                   .icon = "MessageSquare",
                   .contact = {.type = ContactType::user_config, .field = "personId"},
                   .enabled_by_default = false,
                   .destination = {"apiBaseUrl"},
                   .admin_instructions = "Create a bot at [developer.webex.com](https://developer.webex.com/my-apps/new/bot) and paste its access token here.",
                   .user_instructions = "[Get My Own Details](https://developer.webex.com/docs/api/v1/people/get-my-own-details) answers your id."},
                  client, clock) {}

std::optional<std::string> Webex::contact_of(const WebexUser& user) const {
  return user.person_id.is_set() ? std::optional(user.person_id.str()) : std::nullopt;
}
std::string Webex::server(const WebexAdmin& admin, const WebexUser&) const { return admin.api_base_url ? admin.api_base_url->str() : "https://webexapis.com"; }

Request Webex::request(const Outgoing& outgoing, const WebexAdmin& admin, const WebexUser& user, Timestamp) const {
  if (!admin.bot_token) return std::unexpected("The bot token is missing");
  const auto& message = outgoing.message;
  std::string text =
      std::string(mark_of(message.importance)) + " **" + markdown::literal(Format::webex, message.title, {.max = kTitleMax, .unit = Unit::bytes}) + "**";
  std::string link = message.action ? markdown::link(Format::webex, message.action->label, message.action->url) : std::string();
  // A link that is cut leads nowhere; one that is too long is left out.
  if (link.size() > kLinkMax) link.clear();
  if (!link.empty()) link.insert(0, "\n\n");
  const std::size_t room = kMarkdownMax - text.size() - link.size() - 2;
  if (const auto body = body_of(Format::webex, message, {.max = room, .unit = Unit::bytes}); !body.empty()) text += "\n\n" + body;
  auto request = post(joined(server(admin, user), "/v1/messages"), object{{"toPersonId", user.person_id.str()}, {"markdown", text + link}});
  authorize(request, admin.bot_token->value.str());
  return request;
}

rules::Verdict Webex::judge_answer(const http::ClientResponse& answer, Timestamp now) const { return explained(judge(answer, now), answer, "/message"); }

}  // namespace watchbell::notification::channels
