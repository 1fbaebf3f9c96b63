#pragma once

#include "base/bounded.hpp"
#include "domains/notification/channels/channel.hpp"
#include "platform/mail/message.hpp"
#include "platform/mail/smtp_client.hpp"

namespace watchbell::notification::channels {

struct SmtpAdmin {
  Text<1, 253> host;
  Integer<1, 65535> port = 587;
  mail::Tls tls = mail::Tls::starttls;
  bool verify_certificate = true;
  std::optional<Secret<Text<1, 300>>> username;
  std::optional<Secret<Text<1, 500>>> password;
  Email from_address;
  std::optional<Text<1, 100>> from_name;
  std::optional<Url> logo_url;
  std::optional<Text<1, 7>> primary_color;  ///< "#3b82f6"; absent: the colour of the importance
  std::optional<Text<1, 7>> accent_color;   ///< of the button; absent: the primary one
  std::optional<Text<1, 500>> footer_text;
  static std::vector<rpc::Hint> hints();
  Result<void> judge() const;
};
BOOST_DESCRIBE_STRUCT(SmtpAdmin, (),
                      (host, port, tls, verify_certificate, username, password, from_address, from_name, logo_url, primary_color, accent_color, footer_text))

struct SmtpUser {};
BOOST_DESCRIBE_STRUCT(SmtpUser, (), ())

/// Sends mails to the addresses of users' accounts, over a server of the administrator's. Loop-only, but for what does not suspend.
class Smtp final : public Channel {
 public:
  explicit Smtp(mail::SmtpClient& client);
  const settings::RecordType& admin_config() const override;
  const settings::RecordType& user_config() const override;
  std::optional<std::string> contact(std::string_view user_config) const override;
  std::vector<std::string> hosts(std::string_view admin_config, std::string_view user_config) const override;
  awaitable<rules::Verdict> send(Outgoing outgoing, std::string admin_config, std::string user_config) const override;

  /// The server that the administrator named.
  static mail::SmtpServer server_of(const SmtpAdmin& admin);
  /// The mail of one message. The same key gives the same Message-ID; the same group the same thread.
  static mail::Message message(const Outgoing& outgoing, const SmtpAdmin& admin);
  /// What came of a try: only what the server said for good of this very mail is final, as all else is mended by the administrator or by time.
  static rules::Verdict judge(const mail::SmtpResult& result);

 private:
  mail::SmtpClient& client_;
};

}  // namespace watchbell::notification::channels
