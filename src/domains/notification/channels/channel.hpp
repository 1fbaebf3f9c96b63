#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/awaitable.hpp"
#include "domains/notification/rules.hpp"
#include "domains/notification/types.hpp"
#include "domains/notification/views.hpp"
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
  std::string admin_instructions;  ///< markdown; may be empty
  std::string user_instructions;
};

/// One message to one user, on its way out.
struct Outgoing {
  DeliveryId key;        ///< the same on every try; receivers know a repetition by it
  Message message;       ///< with absolute URLs
  Timestamp created_at;  ///< of what is told, not of this try
};

/// A way out of the inbox. Settings are plain JSON in the clear, valid for their type. Loop-only, but for what does not suspend. A new channel is a
/// header, a source and a test in this folder, and one line in registry.cpp.
class Channel {
 public:
  virtual ~Channel() = default;
  const Traits& traits() const noexcept { return traits_; }
  const std::string& id() const noexcept { return traits_.strategy_id; }
  virtual const settings::RecordType& admin_config() const = 0;
  virtual const settings::RecordType& user_config() const = 0;
  /// Where the user is reached; nothing when his settings do not say.
  virtual std::optional<std::string> contact(std::string_view user_config) const = 0;
  /// The host that is going to be asked, for counting.
  virtual std::string host(std::string_view admin_config, std::string_view user_config) const = 0;
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
