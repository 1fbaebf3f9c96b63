#pragma once

#include "domains/auth/types.hpp"
#include "domains/notification/channel_settings.hpp"
#include "domains/notification/dead_letters.hpp"
#include "domains/notification/delivery.hpp"
#include "domains/notification/oauth_links.hpp"
#include "domains/notification/push_subscriptions.hpp"
#include "domains/notification/retention.hpp"
#include "domains/notification/service.hpp"
#include "domains/notification/transactional.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::notification {

/// Writes a row into the audit log; called inside the change it is about.
using Audit = std::function<void(Change&, const auth::AuditEntry&)>;

/// The procedures of area `notification`.
/// @param notify_body_limit  bytes of a request that notifies many users
rpc::Area contract(Service& service, ChannelSettings& channels, PushSubscriptions& pushes, OAuthLinks& links, Deliveries& deliveries, Transactional& transactional,
                   Retention& retention, DeadLetters& dead_letters, std::size_t notify_body_limit, Audit audit);

}  // namespace watchbell::notification
