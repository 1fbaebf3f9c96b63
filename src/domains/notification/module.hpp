#pragma once

#include <vector>

#include "domains/auth/service.hpp"
#include "domains/notification/channels/channel.hpp"
#include "domains/notification/dead_letters.hpp"
#include "domains/notification/delivery.hpp"
#include "domains/notification/leave_links.hpp"
#include "domains/notification/oauth_links.hpp"
#include "domains/notification/push_subscriptions.hpp"
#include "domains/notification/retention.hpp"
#include "domains/notification/service.hpp"
#include "domains/notification/transactional.hpp"
#include "platform/mail/smtp_client.hpp"
#include "platform/sql/migration.hpp"
#include "runtime/runtime.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& notification();
}

namespace watchbell::notification {

/// Where mail goes out, as an administrator set it.
struct MailServer {
  mail::SmtpServer server;
  std::string from;
};
/// Nothing when none was set.
std::optional<MailServer> stored_mail_server(sql::Session& session, const crypto::Keyring& ring);

/// Builds notification. Stopped with the runtime's queue and scope, which run its tasks. Loop-only.
class Module {
 public:
  struct Options {
    std::size_t notify_body_bytes = 8 * 1024 * 1024;
    std::size_t deliveries_at_once = 512;
    std::size_t deliveries_per_host = 64;
    DeliveryRates::Options delivery_rates{};
    std::int64_t hurry = 1;  ///< for tests: pauses between the tries of a delivery are so many times shorter
  };
  Module(Runtime& runtime, auth::Service& auth, Options options);

  Service& service() noexcept { return service_; }
  /// Mounts the procedures and registers the jobs; before the queue starts.
  Result<void> mount();
  /// Begins to remove what is old.
  awaitable<void> start();
  static std::vector<signals::Declared> signals();

 private:
  Runtime& runtime_;
  Options options_;
  std::function<void(Change&, const auth::AuditEntry&)> audit_;  ///< the audit log of auth
  channels::Registry registry_;
  ChannelSettings channels_;
  PushSubscriptions push_subscriptions_;
  Service service_;
  LeaveLinks leave_links_;
  OAuthLinks oauth_links_;
  Deliveries deliveries_;
  Transactional transactional_;
  Retention retention_;
  DeadLetters dead_letters_;
};

}  // namespace watchbell::notification
