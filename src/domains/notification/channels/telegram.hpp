#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/http_channel.hpp"

namespace watchbell::notification::channels {

struct TelegramAdmin {
  std::optional<Secret<Text<1, 200>>> bot_token;
  std::optional<Url> api_base_url;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(TelegramAdmin, (), (bot_token, api_base_url))

struct TelegramUser {
  Text<1, 100> chat_id;
  static std::vector<rpc::Hint> hints();
};
BOOST_DESCRIBE_STRUCT(TelegramUser, (), (chat_id))

/// Sends messages of a bot of Telegram.
class Telegram final : public HttpChannel<TelegramAdmin, TelegramUser> {
 public:
  Telegram(http::Client& client, const Clock& clock);
  std::vector<Allowance> allowances(std::string_view admin_config, std::string_view user_config) const override;
  Request request(const Outgoing& outgoing, const TelegramAdmin& admin, const TelegramUser& user, Timestamp now) const override;
  rules::Verdict judge_answer(const http::ClientResponse& answer, Timestamp now) const override;

 private:
  std::optional<std::string> contact_of(const TelegramUser& user) const override;
  std::string server(const TelegramAdmin& admin, const TelegramUser& user) const override;
};

}  // namespace watchbell::notification::channels
