#include "domains/notification/channels/registry.hpp"

#include "domains/notification/channels/backstage.hpp"
#include "domains/notification/channels/discord.hpp"
#include "domains/notification/channels/gotify.hpp"
#include "domains/notification/channels/ntfy.hpp"
#include "domains/notification/channels/pushover.hpp"
#include "domains/notification/channels/slack.hpp"
#include "domains/notification/channels/smtp.hpp"
#include "domains/notification/channels/teams.hpp"
#include "domains/notification/channels/telegram.hpp"
#include "domains/notification/channels/web_push.hpp"
#include "domains/notification/channels/webex.hpp"
#include "domains/notification/channels/webhook.hpp"

namespace watchbell::notification::channels {

Registry all(http::Client& client, mail::SmtpClient& mail, const Clock& clock, const std::string& base_url) {
  Registry registry;
  registry.push_back(std::make_unique<Webhook>(client, clock));
  registry.push_back(std::make_unique<Smtp>(mail));
  registry.push_back(std::make_unique<WebPush>(client, clock, base_url));
  registry.push_back(std::make_unique<Slack>(client, clock));
  registry.push_back(std::make_unique<Discord>(client, clock));
  registry.push_back(std::make_unique<Teams>(client, clock));
  registry.push_back(std::make_unique<Telegram>(client, clock));
  registry.push_back(std::make_unique<Ntfy>(client, clock));
  registry.push_back(std::make_unique<Gotify>(client, clock));
  registry.push_back(std::make_unique<Pushover>(client, clock));
  registry.push_back(std::make_unique<Webex>(client, clock));
  registry.push_back(std::make_unique<Backstage>(client, clock));
  return registry;
}

}  // namespace watchbell::notification::channels
