#include "domains/notification/channels/slack.hpp"

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using boost::json::array;
using boost::json::object;
using markdown::Format;

// docs.slack.dev, Block Kit: a text of a section up to 3,000 characters, of a button 75.
constexpr std::size_t kSectionMax = 3000;
constexpr std::size_t kButtonMax = 75;

// docs.slack.dev/apis/web-api/rate-limits: one a second for each incoming webhook, "short bursts" allowed; how short is not said.
constexpr auto kPerWebhook = limits::Rate::per_second(1, 3);

/// `verbatim` keeps Slack from finding names and channels in plain text.
object section(std::string text) { return {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", std::move(text)}, {"verbatim", true}}}}; }

}  // namespace

std::vector<rpc::Hint> SlackUser::hints() {
  return {{.member = "webhook_url", .label = "Webhook URL", .help = "The URL of an incoming webhook, `https://hooks.slack.com/services/...`.", .extra = {}}};
}

Slack::Slack(http::Client& client, const Clock& clock)
    : HttpChannel({.strategy_id = "notification-slack.slack",
                   .owner_plugin = "notification-slack",
                   .display_name = "Slack",
                   .description = "Posts notifications to a channel of Slack",
                   .icon = "Hash",
                   .contact = {.type = ContactType::user_config, .field = "webhookUrl"},
                   .enabled_by_default = false,
                   .user_sets_server = true,
                   .admin_instructions = {},
                   .user_instructions =
                       "Create an app at [api.slack.com/apps](https://api.slack.com/apps), turn on *Incoming Webhooks*, add one to a channel and paste "
                       "its URL here."},
                  client, clock) {}

std::optional<std::string> Slack::contact_of(const SlackUser& user) const {
  return user.webhook_url ? std::optional(user.webhook_url->value.str()) : std::nullopt;
}
std::string Slack::server(const SlackAdmin&, const SlackUser& user) const { return contact_of(user).value_or(std::string()); }

std::vector<Allowance> Slack::allowances(std::string_view, std::string_view user_config) const {
  return {{.of = contact(user_config).value_or(std::string()), .rate = kPerWebhook}};
}

Request Slack::request(const Outgoing& outgoing, const SlackAdmin&, const SlackUser& user, Timestamp) const {
  if (!user.webhook_url) return std::unexpected("The webhook URL is missing");
  const auto& message = outgoing.message;
  const std::string mark(mark_of(message.importance));
  const std::string title = markdown::literal(Format::slack, message.title, {.max = kSectionMax - 20});
  array blocks{section(mark + " *" + title + "*")};
  if (const auto body = markdown::render(Format::slack, message.body, {.max = kSectionMax}); !body.empty()) blocks.push_back(section(body));
  if (const auto lines = subject_lines(Format::slack, message.subjects, {.max = kSectionMax}); !lines.empty()) {
    blocks.push_back(object{{"type", "divider"}});
    blocks.push_back(section(lines));
  }
  if (message.action) {
    const object label{{"type", "plain_text"}, {"text", markdown::literal(Format::plain, message.action->label, {.max = kButtonMax})}, {"emoji", true}};
    const object button{{"type", "button"}, {"text", label}, {"url", message.action->url}, {"action_id", "notification_action"}};
    blocks.push_back(object{{"type", "actions"}, {"elements", array{button}}});
  }
  const object colour{{"color", fmt::format("#{:06x}", colour_of(message.importance))}};
  return post(user.webhook_url->value.str(), object{{"text", mark + " " + title}, {"blocks", std::move(blocks)}, {"attachments", array{colour}}});
}

}  // namespace watchbell::notification::channels
