#include "domains/notification/channels/discord.hpp"

#include <algorithm>

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using boost::json::array;
using boost::json::object;
using markdown::Format;

// docs.discord.com, Message resource, embed limits.
constexpr std::size_t kEmbedMax = 6000;
constexpr std::size_t kTitleMax = 256;
constexpr std::size_t kDescriptionMax = 4096;
constexpr std::size_t kFieldNameMax = 256;
constexpr std::size_t kFieldValueMax = 1024;
static_assert(kTitleMax + kDescriptionMax + kFieldNameMax + kFieldValueMax <= kEmbedMax);

// docs.discord.com/developers/topics/rate-limits: 50 requests a second from an address that sends no token. What holds for a webhook is to be read from the
// answers, it says; their headers do not tell of both limits, which its staff name in github.com/discord/discord-api-docs/issues/367: 5 in 2 s for each
// webhook, 30 in 60 s for its channel. This keeps both.
constexpr auto kPerWebhook = limits::Rate::within(30, std::chrono::seconds(60), 3);
constexpr auto kPerAddress = limits::Rate::within(50, std::chrono::seconds(1), 10);
static_assert(kPerWebhook.burst + std::chrono::seconds(2) / kPerWebhook.every <= 5);

}  // namespace

std::vector<rpc::Hint> DiscordUser::hints() {
  return {{.member = "webhook_url", .label = "Webhook URL", .help = "The URL of a channel's webhook, `https://discord.com/api/webhooks/...`.", .extra = {}}};
}

Discord::Discord(http::Client& client, const Clock& clock)
    : HttpChannel({.strategy_id = "notification-discord.discord",
                   .owner_plugin = "notification-discord",
                   .display_name = "Discord",
                   .description = "Posts notifications to a channel of Discord",
                   .icon = "MessageCircle",
                   .contact = {.type = ContactType::user_config, .field = "webhookUrl"},
                   .enabled_by_default = false,
                   .user_sets_server = true,
                   .admin_instructions = {},
                   .user_instructions = "In the channel's settings open *Integrations*, then *Webhooks*, make one and paste its URL here."},
                  client, clock) {}

std::optional<std::string> Discord::contact_of(const DiscordUser& user) const {
  return user.webhook_url ? std::optional(user.webhook_url->value.str()) : std::nullopt;
}
std::string Discord::server(const DiscordAdmin&, const DiscordUser& user) const { return contact_of(user).value_or(std::string()); }

std::vector<Allowance> Discord::allowances(std::string_view, std::string_view user_config) const {
  const auto url = contact(user_config).value_or(std::string());
  // Behind the question mark stands which thread of its channel.
  return {{.of = url.substr(0, url.find_first_of("?#")), .rate = kPerWebhook}, {.of = rules::host_of(url), .rate = kPerAddress}};
}

Request Discord::request(const Outgoing& outgoing, const DiscordAdmin&, const DiscordUser& user, Timestamp) const {
  if (!user.webhook_url) return std::unexpected("The webhook URL is missing");
  const auto& message = outgoing.message;
  const std::string mark = std::string(mark_of(message.importance)) + " ";
  object embed{{"title", mark + markdown::literal(Format::discord, message.title, {.max = kTitleMax - markdown::length(mark, markdown::Limit::Unit::utf16)})},
               {"color", colour_of(message.importance)},
               {"timestamp", outgoing.created_at.to_iso()}};
  array fields;
  std::size_t room = kEmbedMax - kTitleMax - kFieldNameMax - kFieldValueMax;
  if (auto lines = subject_lines(Format::discord, message.subjects, {.max = kFieldValueMax}); !lines.empty()) {
    room -= kAbout.size() + markdown::length(lines, markdown::Limit::Unit::utf16);
    fields.push_back(object{{"name", kAbout}, {"value", std::move(lines)}, {"inline", false}});
  }
  if (auto body = markdown::render(Format::discord, message.body, {.max = std::min(kDescriptionMax, room)}); !body.empty()) embed["description"] = std::move(body);
  if (message.action) {
    // A link that is cut leads nowhere; one that is too long is left out.
    const auto link = markdown::link(Format::discord, "Click here", message.action->url);
    if (!link.empty() && link.size() <= kFieldValueMax) {
      fields.push_back(
          object{{"name", markdown::literal(Format::discord, message.action->label, {.max = kFieldNameMax})}, {"value", link}, {"inline", false}});
    }
  }
  if (!fields.empty()) embed["fields"] = std::move(fields);
  return post(user.webhook_url->value.str(), object{{"embeds", array{std::move(embed)}}, {"allowed_mentions", object{{"parse", array{}}}}});
}

rules::Verdict Discord::judge_answer(const http::ClientResponse& answer, Timestamp now) const { return timed(judge(answer, now), answer, "/retry_after"); }

}  // namespace watchbell::notification::channels
