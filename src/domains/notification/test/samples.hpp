#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domains/notification/test/channel_rig.hpp"

namespace watchbell::notification::channels::test {

/// Settings of a channel with SERVER where the address of its receiver goes; what an answer that says "delivered" holds; and the secrets among the settings.
struct Sample {
  std::string_view id;
  std::string_view admin;
  std::string_view user;
  std::string_view path;
  std::string_view delivered;
  std::vector<std::string> secrets;
  std::size_t requests = 1;  ///< that a delivery takes
};

inline const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{
      {"notification-webhook.webhook",
       "{}",
       R"({"url":"SERVER/hook","signingSecret":"S3CRET","previousSigningSecret":"S3CRET"})",
       "/hook",
       "",
       {"previousSigningSecret", "signingSecret"}},
      {"notification-webpush.webpush",
       R"({"privateKey":"q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"})",
       R"({"devices":[{"id":"a","endpoint":"SERVER/S3CRET","p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",)"
       R"("auth":"BTBZMqHH6r4Tts7J_aSIgg"}]})",
       "/S3CRET",
       "",
       {"devices[a].auth", "devices[a].endpoint", "devices[a].p256dh", "privateKey"}},
      {"notification-slack.slack", "{}", R"({"webhookUrl":"SERVER/S3CRET"})", "/S3CRET", "ok", {"webhookUrl"}},
      {"notification-discord.discord", "{}", R"({"webhookUrl":"SERVER/S3CRET"})", "/S3CRET", "", {"webhookUrl"}},
      {"notification-telegram.telegram",
       R"({"botToken":"1:S3CRET","apiBaseUrl":"SERVER"})",
       R"({"chatId":"7"})",
       "/bot1:S3CRET/sendMessage",
       R"({"ok":true})",
       {"botToken"}},
      {"notification-teams.teams",
       R"({"clientId":"a","clientSecret":"S3CRET","apiBaseUrl":"SERVER"})",
       R"({"externalId":"e","accessToken":"S3CRET","refreshToken":"S3CRET"})",
       "/v1.0/chats",
       R"({"id":"19:c"})",
       {"accessToken", "clientSecret", "refreshToken"},
       2},
      {"notification-ntfy.ntfy", R"({"serverUrl":"SERVER","token":"S3CRET"})", R"({"topic":"t"})", "/", "{}", {"token"}},
      {"notification-gotify.gotify", R"({"serverUrl":"SERVER/"})", R"({"appToken":"S3CRET"})", "/message", "{}", {"appToken"}},
      {"notification-pushover.pushover",
       R"({"apiToken":"S3CRET","apiBaseUrl":"SERVER"})",
       R"({"userKey":"S3CRET"})",
       "/1/messages.json",
       R"({"status":1})",
       {"apiToken", "userKey"}},
      {"notification-webex.webex", R"({"botToken":"S3CRET","apiBaseUrl":"SERVER"})", R"({"personId":"p"})", "/v1/messages", "{}", {"botToken"}},
      {"notification-backstage.backstage",
       R"({"baseUrl":"SERVER","token":"S3CRET"})",
       R"({"entityRef":"jane"})",
       "/api/notifications/notifications",
       "{}",
       {"token"}}};
  return all;
}

inline std::string at(std::string_view settings, const std::string& server) {
  std::string text(settings);
  for (auto found = text.find("SERVER"); found != std::string::npos; found = text.find("SERVER")) text.replace(found, 6, server);
  return text;
}

}  // namespace watchbell::notification::channels::test
