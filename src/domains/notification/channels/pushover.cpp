#include "domains/notification/channels/pushover.hpp"

#include <charconv>

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using boost::json::object;
using markdown::Format;

// pushover.net/api, "Limitations".
constexpr std::size_t kMessageMax = 1024;
constexpr std::size_t kTitleMax = 250;
constexpr std::size_t kUrlMax = 512;
constexpr std::size_t kUrlTitleMax = 100;

/// When the month's messages are used up, the answer says when there are new ones.
std::optional<std::chrono::seconds> until_reset(const http::ClientResponse& answer, Timestamp now) {
  const auto header = answer.header("x-limit-app-reset");
  std::int64_t at = 0;
  if (!header || std::from_chars(header->data(), header->data() + header->size(), at).ec != std::errc() || at <= now.seconds()) return std::nullopt;
  return std::min(std::chrono::seconds(at - now.seconds()), std::chrono::seconds(rules::kRetryAfterMax));
}

}  // namespace

std::vector<rpc::Hint> PushoverAdmin::hints() {
  return {{.member = "api_token", .label = "API token", .help = "Of an application you made at Pushover.", .extra = {}},
          {.member = "api_base_url", .label = "API address", .help = "Only when requests go through a gateway of your own.", .extra = {}}};
}
std::vector<rpc::Hint> PushoverUser::hints() { return {{.member = "user_key", .label = "User key", .help = "As your Pushover page shows it.", .extra = {}}}; }

Pushover::Pushover(http::Client& client, const Clock& clock)
    : HttpChannel({.strategy_id = "notification-pushover.pushover",
                   .owner_plugin = "notification-pushover",
                   .display_name = "Pushover",
                   .description = "Pushes notifications to phones over Pushover",
                   .icon = "Smartphone",
                   .contact = {.type = ContactType::user_config, .field = "userKey"},
                   .enabled_by_default = false,
                   .destination = {"apiBaseUrl"},
                   .user_destination = {"apiBaseUrl"},
                   .admin_instructions = "Create an application at [pushover.net](https://pushover.net/apps/build) and paste its token here.",
                   .user_instructions = "Your user key is at the top of [pushover.net](https://pushover.net/)."},
                  client, clock) {}

std::optional<std::string> Pushover::contact_of(const PushoverUser& user) const {
  return user.user_key ? std::optional(user.user_key->value.str()) : std::nullopt;
}
std::string Pushover::server(const PushoverAdmin& admin, const PushoverUser&) const {
  return admin.api_base_url ? admin.api_base_url->str() : "https://api.pushover.net";
}

Request Pushover::request(const Outgoing& outgoing, const PushoverAdmin& admin, const PushoverUser& user, Timestamp) const {
  if (!admin.api_token) return std::unexpected("The API token is missing");
  if (!user.user_key) return std::unexpected("The user key is missing");
  const auto& message = outgoing.message;
  const auto body = body_of(Format::plain, message, {.max = kMessageMax});
  // Without `html`: plain text is no markup.
  object content{{"token", admin.api_token->value.str()},
                 {"user", user.user_key->value.str()},
                 {"title", markdown::literal(Format::plain, message.title, {.max = kTitleMax})},
                 {"message", body.empty() ? markdown::literal(Format::plain, message.title, {.max = kMessageMax}) : body},
                 {"priority", by_importance(message.importance, 0, 1, 2)},
                 {"timestamp", outgoing.created_at.seconds()}};
  if (message.importance == Importance::critical) {
    content["retry"] = 60;
    content["expire"] = 3600;
  }
  // A link that is cut leads nowhere; one that is too long is left out.
  if (message.action && message.action->url.size() <= kUrlMax) {
    content["url"] = message.action->url;
    content["url_title"] = markdown::literal(Format::plain, message.action->label, {.max = kUrlTitleMax});
  }
  return post(joined(server(admin, user), "/1/messages.json"), content);
}

rules::Verdict Pushover::judge_answer(const http::ClientResponse& answer, Timestamp now) const {
  auto verdict = judge(answer, now);
  if (verdict.kind == rules::Verdict::Kind::delivered) {
    const auto status = member_of(answer.body, "/status");
    if (!status) return rules::Verdict::retry("the answer was none of Pushover's");
    if (*status != boost::json::value(1)) verdict = rules::Verdict::refused("Pushover did not take it");
  }
  if (answer.status == 429 && !verdict.retry_after) verdict.retry_after = until_reset(answer, now);
  return explained(std::move(verdict), answer, "/errors/0");
}

}  // namespace watchbell::notification::channels
