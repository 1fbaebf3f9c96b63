#pragma once

#include "domains/notification/channel_settings.hpp"
#include "domains/notification/delivery.hpp"
#include "domains/notification/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::notification {

/// The procedures of area `notification`.
/// @param notify_body_limit  bytes of a request that notifies many users
rpc::Area contract(Service& service, ChannelSettings& channels, Deliveries& deliveries, std::size_t notify_body_limit);

}  // namespace watchbell::notification
