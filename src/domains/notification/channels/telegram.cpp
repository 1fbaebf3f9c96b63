#include "domains/notification/channels/telegram.hpp"

#include <algorithm>

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using boost::json::array;
using boost::json::object;
using markdown::Format;
using markdown::Limit;

// core.telegram.org/bots/api, sendMessage: 1 to 4,096 characters. They count without markup, we with it.
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kTitleMax = 1000;
constexpr std::size_t kLabelMax = 500;
constexpr std::size_t kUrlMax = 2048;
static_assert(kTitleMax + kLabelMax + kUrlMax + 100 < kTextMax, "there is room for some of the body");

// core.telegram.org/bots/faq, "My bot is hitting limits": one message a second in a chat, 20 a minute in a group, about 30 a second of a bot.
constexpr auto kPerChat = limits::Rate::per_second(1, 1);
constexpr auto kPerGroup = limits::Rate::within(20, std::chrono::seconds(60), 2);
constexpr auto kPerBot = limits::Rate::within(30, std::chrono::seconds(1), 5);

/// Ids of groups and channels are negative, and only those have names.
bool is_group(std::string_view chat_id) { return chat_id.starts_with('-') || chat_id.starts_with('@'); }

/// The token is part of the URL's path, so nothing else may be in it.
bool is_token(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ':' || c == '_' || c == '-'; });
}

/// Telegram refuses a message whose button leads to a host that is no public name.
bool fits_button(std::string_view url) {
  const auto host = rules::host_of(url);
  const auto name = std::string_view(host).substr(0, host.find(':'));
  return name.contains('.') && !name.starts_with("127.") && !name.ends_with(".localhost");
}

}  // namespace

std::vector<rpc::Hint> TelegramAdmin::hints() {
  return {{.member = "bot_token", .label = "Bot token", .help = "As BotFather gave it.", .extra = {}},
          {.member = "api_base_url", .label = "API address", .help = "Only for a Bot API server of your own.", .extra = {}}};
}
std::vector<rpc::Hint> TelegramUser::hints() {
  return {{.member = "chat_id", .label = "Chat id", .help = "A number, or the name of a public channel with an @.", .extra = {}}};
}

Telegram::Telegram(http::Client& client, const Clock& clock)
    : HttpChannel(
          {.strategy_id = "notification-telegram.telegram",
           .owner_plugin = "notification-telegram",
           .display_name = "Telegram",
           .description = "Sends notifications by a bot of Telegram",
           .icon = "Send",
           .contact = {.type = ContactType::user_config, .field = "chatId"},
           .enabled_by_default = false,
           .destination = {"apiBaseUrl"},
           .admin_instructions = "Make a bot with [@BotFather](https://t.me/BotFather) and paste its token here.",
           .user_instructions =
               "Write to the bot of your administrator first, or it may not write to you. [@userinfobot](https://t.me/userinfobot) tells your chat id."},
          client, clock) {}

std::optional<std::string> Telegram::contact_of(const TelegramUser& user) const {
  return user.chat_id.is_set() ? std::optional(user.chat_id.str()) : std::nullopt;
}
std::string Telegram::server(const TelegramAdmin& admin, const TelegramUser&) const {
  return admin.api_base_url ? admin.api_base_url->str() : "https://api.telegram.org";
}

std::vector<Allowance> Telegram::allowances(std::string_view admin_config, std::string_view user_config) const {
  const auto admin = read<TelegramAdmin>(admin_config);
  const std::string bot = admin.bot_token ? admin.bot_token->value.str() : std::string();
  const std::string chat = contact(user_config).value_or(std::string());
  return {{.of = bot + " " + chat, .rate = is_group(chat) ? kPerGroup : kPerChat}, {.of = bot, .rate = kPerBot}};
}

Request Telegram::request(const Outgoing& outgoing, const TelegramAdmin& admin, const TelegramUser& user, Timestamp) const {
  if (!admin.bot_token) return std::unexpected("The bot token is missing");
  if (!is_token(admin.bot_token->value.str())) return std::unexpected("The bot token is none of Telegram's");
  const auto& message = outgoing.message;
  const auto length = [](std::string_view text) { return markdown::length(text, Limit::Unit::utf16); };
  std::string text = std::string(mark_of(message.importance)) + " <b>" + markdown::literal(Format::telegram, message.title, {.max = kTitleMax}) + "</b>";
  const bool button = message.action && fits_button(message.action->url);
  std::string link;
  if (message.action && !button) {
    // A link that is cut leads nowhere; one that is too long is left out.
    const auto url = markdown::literal(Format::telegram, message.action->url);
    if (length(url) <= kUrlMax) link = "\n\n" + markdown::literal(Format::telegram, message.action->label, {.max = kLabelMax}) + ": " + url;
  }
  const std::size_t room = kTextMax - length(text) - length(link) - 2;
  if (const auto body = body_of(Format::telegram, message, {.max = room}); !body.empty()) text += "\n\n" + body;
  text += link;
  object content{{"chat_id", user.chat_id.str()}, {"text", std::move(text)}, {"parse_mode", "HTML"}, {"link_preview_options", object{{"is_disabled", true}}}};
  if (button) {
    const object key{{"text", markdown::literal(Format::plain, message.action->label)}, {"url", message.action->url}};
    content["reply_markup"] = object{{"inline_keyboard", array{boost::json::value(array{key})}}};
  }
  return post(joined(server(admin, user), "/bot" + admin.bot_token->value.str() + "/sendMessage"), content);
}

rules::Verdict Telegram::judge_answer(const http::ClientResponse& answer, Timestamp now) const {
  auto verdict = judge(answer, now);
  // Something between us and Telegram may answer 200 as well.
  if (verdict.kind == rules::Verdict::Kind::delivered && member_of(answer.body, "/ok") != boost::json::value(true))
    return rules::Verdict::retry("the answer was none of Telegram's");
  return timed(explained(std::move(verdict), answer, "/description"), answer, "/parameters/retry_after");
}

}  // namespace watchbell::notification::channels
