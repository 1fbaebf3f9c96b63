#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/awaitable.hpp"
#include "domains/notification/channels/oauth.hpp"
#include "domains/notification/rules.hpp"
#include "domains/notification/types.hpp"
#include "domains/notification/views.hpp"
#include "runtime/limits/bucket_table.hpp"
#include "runtime/settings/record_type.hpp"

namespace watchbell::notification::channels {

/// What pages show of a channel, and how it finds its user. A channel's strategy id is fixed for ever: records and deliveries name it.
struct Traits {
  std::string strategy_id;   ///< "notification-webhook.webhook"
  std::string owner_plugin;  ///< "notification-webhook"
  std::string display_name;
  std::string description;
  std::string icon;
  ContactResolution contact;
  bool enabled_by_default = false;
  /// Whether its users say which server is asked. Reasons that name servers are for those who set them.
  bool user_sets_server = false;
  /// Whether it may carry what opens an account. Not where messages come to devices that outlive the sessions their user has ended.
  bool carries_secrets = true;
  /// Whether its messages hold a link that switches it off.
  bool leave_link = false;
  /// Members of the administrator's settings that say where his secrets are sent: one that changes takes those secrets anew.
  std::vector<std::string> destination = {};
  /// The same of secrets that users gave: one that changes forgets those, and their owners are told.
  std::vector<std::string> user_destination = {};
  std::string admin_instructions;  ///< markdown; may be empty
  std::string user_instructions;
};

/// How often a provider takes messages.
struct Allowance {
  std::string of;  ///< what the provider counts by: a bot, a chat, a webhook; may be a secret, and so is nowhere kept
  limits::Rate rate;
};

/// Who a message goes to, as his account has it.
struct Recipient {
  std::string email;
  std::string name;
};

/// One message to one user, on its way out.
struct Outgoing {
  DeliveryId key;        ///< the same on every try; receivers know a repetition by it
  Message message;       ///< with absolute URLs
  Timestamp created_at;  ///< of what is told, not of this try
  MessageType type = MessageType::notification;
  Recipient recipient{};
  std::optional<std::string> thread{};  ///< its collapse key, or the group it is about: for channels that keep together what belongs together
  std::string leave_url{};  ///< switches the channel off for the recipient; empty for what is sent whatever he switched off
  std::vector<std::string> reached{};  ///< of several targets, those that took it in an earlier try
};

/// A way out of the inbox. Settings are plain JSON in the clear, valid for their type. Loop-only, but for what does not suspend. A new channel is a
/// header, a source and a test in this folder, and one line in registry.cpp.
class Channel {
 public:
  virtual ~Channel() = default;
  const Traits& traits() const noexcept { return traits_; }
  const std::string& id() const noexcept { return traits_.strategy_id; }
  /// Whether a user is reached as his account says, with nothing of his own to set up.
  bool by_account() const noexcept { return traits_.contact.type == ContactType::auth_email; }
  /// Whether users set it up by connecting their account at its provider. Their settings are an OAuthLink then.
  bool by_oauth() const noexcept { return traits_.contact.type == ContactType::oauth_link; }
  virtual const settings::RecordType& admin_config() const = 0;
  virtual const settings::RecordType& user_config() const = 0;
  /// Where the user is reached; nothing when his settings do not say. Not asked of channels that go by the account.
  virtual std::optional<std::string> contact(std::string_view user_config) const = 0;
  /// The hosts that are going to be asked, for counting; each once.
  virtual std::vector<std::string> hosts(std::string_view admin_config, std::string_view user_config) const = 0;
  /// What the provider's documentation allows with these settings, the narrowest first.
  virtual std::vector<Allowance> allowances(std::string_view /*admin_config*/, std::string_view /*user_config*/) const { return {}; }
  /// The user's settings without targets that are no more; for channels with several.
  virtual std::string without(std::string_view user_config, const std::vector<std::string>& /*targets*/) const { return std::string(user_config); }
  /// This server's registration at the provider that users connect to; nothing while the administrator's settings lack it.
  virtual std::optional<oauth::Client> oauth(std::string_view /*admin_config*/) const { return std::nullopt; }
  /// Who a user is at that provider, by the claims of his id token.
  virtual std::optional<std::string> external_id(const boost::json::object& /*claims*/) const { return std::nullopt; }
  /// One try, bounded in time and size. Whatever goes wrong is a verdict.
  virtual awaitable<rules::Verdict> send(Outgoing outgoing, std::string admin_config, std::string user_config) const = 0;

 protected:
  explicit Channel(Traits traits) : traits_(std::move(traits)) {}

 private:
  Traits traits_;
};

/// All channels, in the order pages list them. Immutable once made.
using Registry = std::vector<std::unique_ptr<const Channel>>;

/// The channel of that strategy id, or null.
inline const Channel* find(const Registry& registry, std::string_view strategy_id) {
  for (const auto& channel : registry)
    if (channel->id() == strategy_id) return channel.get();
  return nullptr;
}

}  // namespace watchbell::notification::channels
